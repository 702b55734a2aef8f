/** What a collector holds in memory is bounded while bodies are still coming, and a balancer is told. */
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { startClientCollector, writeKey } from './collector.ts'
import type { ClientCollector } from './collector.ts'
import { dribble, until } from './hostile.ts'

const mebibyte = 1024 * 1024
const pendingBytesMax = mebibyte

describe('a collector with little room', () => {
  let collector: ClientCollector

  beforeEach(async () => {
    collector = await startClientCollector({ pendingBytesMax, bodyBytesMax: 2 * mebibyte })
  })
  afterEach(() => collector.close())

  const post = (body: string | Uint8Array): Promise<Response> =>
    fetch(`${collector.host}/v1/events`, {
      method: 'POST',
      body: body as string,
      headers: { authorization: `Bearer ${writeKey}` },
    })
  const good = (id: string): string => JSON.stringify({ id, kind: 'page', anonymous_id: 'v' })
  const ready = async (): Promise<number> => (await fetch(`${collector.host}/health/ready`)).status
  const pendingBytes = async (): Promise<number> => {
    const text = await (await fetch(`${collector.host}/metrics`)).text()
    return Number(/^maru_collect_pending_bytes (\d+)$/m.exec(text)?.[1])
  }

  it('counts bodies that are still coming, sheds beyond its room, says so to a balancer, and recovers', async () => {
    const head = `POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${writeKey}\r\n`
    // Neither says how long it will be.
    const part = `transfer-encoding: chunked\r\n\r\nc350\r\n${'x'.repeat(50_000)}\r\n`
    const slow = await Promise.all(
      Array.from({ length: 60 }, () => dribble(collector.port, head + part)),
    )
    await until('some are shed', () => slow.some(({ answer }) => answer() !== ''))
    await until('it is nearly full', async () => (await ready()) === 503)
    const held = await pendingBytes()
    ok(held <= pendingBytesMax + 64 * 1024, `${held} bytes are held`)
    for (const { answer } of slow)
      if (answer() !== '') match(answer(), /^HTTP\/1.1 429 [^]*retry-after: 2/i)
    const shed = await post(JSON.stringify([{ filling: 'x'.repeat(100_000) }]))
    equal(shed.status, 429)
    equal(shed.headers.get('retry-after'), '2')
    equal((await fetch(`${collector.host}/health/live`)).status, 200)
    for (const { socket } of slow) socket.destroy()
    await until('it has room', async () => (await ready()) === 200)
    equal(await pendingBytes(), 0)
    equal((await post(good('later'))).status, 200)
    match(
      await (await fetch(`${collector.host}/metrics`)).text(),
      /^maru_collect_shed_total \d\d$/m,
    )
    deepEqual(
      (await collector.rowsOf(1)).map(({ id }) => id),
      ['later'],
    )
  })

  it('lets those who dribble make room for others', async () => {
    const head = `POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${writeKey}\r\n`
    const part = `content-length: 60000\r\n\r\n${'x'.repeat(50_000)}`
    const slow = await Promise.all(
      Array.from({ length: 20 }, () => dribble(collector.port, head + part)),
    )
    await until('it is full', async () => (await pendingBytes()) > pendingBytesMax - 100_000)
    const large = (id: string): string =>
      JSON.stringify({
        id,
        kind: 'page',
        anonymous_id: 'v',
        context: { filling: 'x'.repeat(100_000) },
      })
    await wait(2_000)
    for (let index = 0; index < 5; index++) equal((await post(large(`g-${index}`))).status, 200)
    const left = slow.filter(({ answer }) => answer() !== '')
    ok(left.length > 0 && left.length < 10, `${left.length} had to leave`)
    for (const { answer } of left) match(answer(), /^HTTP\/1.1 429 [^]*retry-after: 2/i)
    for (const { socket } of slow) socket.destroy()
  })

  it('closes although somebody never ends his request', async () => {
    const { socket, closed } = await dribble(
      collector.port,
      'POST /v1/events HTTP/1.1\r\nhost: x\r\n',
    )
    await collector.close()
    await closed
    socket.destroy()
    collector = await startClientCollector()
  })

  it('counts what a packed body unpacks to', async () => {
    const packed = gzipSync(JSON.stringify([{ filling: 'x'.repeat(1.5 * mebibyte) }]))
    ok(packed.length < 10_000)
    equal((await post(packed)).status, 429)
    equal(await pendingBytes(), 0)
    equal((await post(gzipSync(good('packed')))).status, 200)
  })
})

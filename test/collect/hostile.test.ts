/** Senders that mean no good beside one who does: it is served, its events are there, and memory has a bound. */
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { clientSettings, readLog, startClientCollector, writeKey } from './collector.ts'
import { batches, dribble, hostileRequests, sendRaw } from './hostile.ts'
import { startCollectProcess } from './process.ts'
import type { CollectProcess } from './process.ts'

const mebibyte = 1024 * 1024
const goodKey = 'wk_of_the_good_one'
const settings = {
  ...clientSettings,
  sources: [
    ...clientSettings.sources,
    {
      name: 'good',
      keys: [{ id: 'good-1', sha256: createHash('sha256').update(goodKey).digest('hex') }],
      address: 'keep',
      unknownProperties: 'keep',
    } as const,
  ],
}
const page = (id: string): object => ({ id, kind: 'page', anonymous_id: 'v', properties: { id } })

/** Sends one event after the other until it is told to end, twenty at least; gives the ids, each acknowledged. */
function sendAllTheWhile(host: string): () => Promise<readonly string[]> {
  const ids: string[] = []
  let isOver = false
  const sending = (async (): Promise<void> => {
    while (!isOver || ids.length < 20) {
      const id = `good-${ids.length}`
      const response = await fetch(`${host}/v1/events`, {
        method: 'POST',
        headers: { authorization: `Bearer ${goodKey}` },
        body: JSON.stringify(page(id)),
      })
      deepEqual(
        [response.status, await response.json()],
        [200, { results: [{ id, result: 'ok' }] }],
      )
      ids.push(id)
      await wait(1)
    }
  })()
  return async () => {
    isOver = true
    await sending
    return ids
  }
}

describe('a collector process among hostile senders', () => {
  let folder: string
  let collector: CollectProcess

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'maru-hostile-'))
    collector = await startCollectProcess(folder, { settings })
  })
  afterEach(async () => {
    collector.kill('SIGKILL')
    await collector.ended
    await rm(folder, { recursive: true, force: true })
  })

  /** Everything that the good one sent, once and unchanged; the process well. */
  async function assertUnharmed(ids: readonly string[]): Promise<void> {
    collector.kill('SIGTERM')
    equal(await collector.ended, 0)
    equal(collector.said(), '')
    const { events } = await readLog(join(folder, 'log'))
    const good = events.filter(({ source }) => source === 'good')
    deepEqual(
      good.map(({ id, properties }) => [id, properties]),
      ids.map((id) => [id, JSON.stringify({ id })]),
    )
  }

  async function assertMemory(): Promise<void> {
    if (process.platform !== 'linux') return
    const most = await collector.memoryBytesMost()
    ok(most < 300 * mebibyte, `it took ${Math.round(most / mebibyte)} MiB`)
  }

  it('serves while thousands of connections are idle or dribble', async () => {
    const { port } = collector
    const end = sendAllTheWhile(`http://127.0.0.1:${port}`)
    const head = 'POST /v1/events HTTP/1.1\r\nhost: x\r\n'
    const says = ['', head, `${head}content-length: 1000\r\n\r\n{"events"`]
    const sockets = await Promise.all(
      Array.from({ length: 2_000 }, (_, index) => dribble(port, says[index % 3]!)),
    )
    for (let turn = 0; turn < 3; turn++) {
      for (const { socket } of sockets) socket.write('x')
      await wait(100)
    }
    await assertMemory()
    const ids = await end()
    for (const { socket } of sockets) socket.destroy()
    await assertUnharmed(ids)
  })

  it('loses nothing of a good sender beside a thousand hostile requests', async () => {
    const { port } = collector
    const end = sendAllTheWhile(`http://127.0.0.1:${port}`)
    for (const batch of batches(hostileRequests(writeKey, 1_000), 20))
      await Promise.all(batch.map((bytes) => sendRaw(port, bytes)))
    const ids = await end()
    await assertMemory()
    await assertUnharmed(ids)
  })

  it('has bounded memory for bodies that unpack to a hundred times their size, all at once', async () => {
    const host = `http://127.0.0.1:${collector.port}`
    const filling = 'x'.repeat(100_000)
    const event = { kind: 'page', anonymous_id: 'v', properties: { filling } }
    const body = gzipSync(JSON.stringify(Array.from({ length: 35 }, () => event)))
    const end = sendAllTheWhile(host)
    const statuses = await Promise.all(
      Array.from({ length: 24 }, async () => {
        const headers = { authorization: `Bearer ${writeKey}`, 'content-encoding': 'gzip' }
        return (await fetch(`${host}/v1/events`, { method: 'POST', headers, body })).status
      }),
    )
    ok(statuses.every((status) => status === 200 || status === 429))
    const ids = await end()
    await assertMemory()
    await assertUnharmed(ids)
  })

  it('has bounded memory for bodies of a million values, and goes on', async () => {
    const host = `http://127.0.0.1:${collector.port}`
    const end = sendAllTheWhile(host)
    for (const value of ['{}', '[]', '1', '""', '[', '{"a":'])
      for (const [head, tail] of [
        ['[', ']'],
        ['{"events":[', ']}'],
        ['{"properties":{"x":[', ']}}'],
      ] as const) {
        const body = gzipSync(`${head}${`${value},`.repeat(1_000_000)}0${tail}`)
        const headers = { authorization: `Bearer ${writeKey}`, 'content-encoding': 'gzip' }
        const response = await fetch(`${host}/v1/events`, { method: 'POST', headers, body })
        ok([200, 400, 413].includes(response.status), `answered ${response.status}`)
      }
    const ids = await end()
    await assertMemory()
    await assertUnharmed(ids)
  })
})

describe('a slow sender', () => {
  it('is left when its head or its body does not come, while others are served', async () => {
    const collector = await startClientCollector({
      settings: () => settings,
      headersMs: 400,
      requestMs: 800,
    })
    try {
      const end = sendAllTheWhile(collector.host)
      const head = 'POST /v1/events HTTP/1.1\r\nhost: x\r\n'
      const says = ['', head, `${head}content-length: 1000\r\n\r\n{"events"`]
      const sockets = await Promise.all(
        Array.from({ length: 300 }, (_, index) => dribble(collector.port, says[index % 3]!)),
      )
      const dribbling = setInterval(() => {
        for (const { socket } of sockets.filter((_, index) => index % 3 > 0)) socket.write('x')
      }, 50)
      await Promise.all(sockets.map(({ closed }) => closed))
      clearInterval(dribbling)
      for (const { answer } of sockets.filter((_, index) => index % 3 > 0))
        match(answer(), /^HTTP\/1.1 408 /)
      await end()
    } finally {
      await collector.close()
    }
  })
})

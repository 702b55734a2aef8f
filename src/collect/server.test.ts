import { deepEqual, equal, ok } from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { openSegmentLog } from './log/segment-log.ts'
import { openSegmentReader } from './log/segment-reader.ts'
import type { LogWriter } from './log.ts'
import { decodeRequest } from './record.ts'
import { readRows } from './rows.ts'
import { startCollector, type Collector } from './server.ts'
import type { CollectSettings } from './settings.ts'

const mebibyte = 1024 * 1024
const key = 'good-key'
const settings: CollectSettings = {
  catalog: 'first',
  events: [
    {
      id: 'raw.event.seen',
      event: 'Seen',
      owner: 'shop',
      version: '1',
      properties: [{ name: 'price', type: { kind: 'integer' }, required: true }],
    },
  ],
  sources: [
    {
      name: 'web',
      keys: [{ id: 'web-1', sha256: createHash('sha256').update(key).digest('hex') }],
      address: 'truncate',
      unknownProperties: 'keep',
    },
  ],
}

describe('a collector', () => {
  let folder: string
  let log: LogWriter
  let collector: Collector
  const known = new Set<string>()
  const failures: unknown[] = []
  let pressure: LogWriter['pressure'] | undefined

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'maru-server-'))
    log = await openSegmentLog({ folder: join(folder, 'one') })
    collector = await startCollector({
      settings: () => settings,
      log: {
        append: (records) => log.append(records),
        close: () => log.close(),
        get pressure() {
          return pressure ?? log.pressure
        },
      },
      duplicates: {
        has: (source, id) => known.has(`${source} ${id}`),
        add: (source, id) => void known.add(`${source} ${id}`),
      },
      host: '127.0.0.1',
      port: 0,
      bodyBytesMax: mebibyte,
      onFailed: (error) => void failures.push(error),
      onError: (error) => void failures.push(error),
    })
  })

  after(async () => {
    await collector.close()
    await log.close()
    await rm(folder, { recursive: true, force: true })
  })

  const url = (path: string): string => `http://127.0.0.1:${collector.port}${path}`
  const post = (
    body: string | Uint8Array,
    headers: Record<string, string> = {},
  ): Promise<Response> =>
    fetch(url('/v1/events'), {
      method: 'POST',
      body: body as string,
      headers: { authorization: `Bearer ${key}`, ...headers },
    })
  const seen = (id: string, price: unknown = 1): object => ({
    id,
    event: 'Seen',
    anonymous_id: 'visitor one',
    properties: { price },
  })

  it('answers for each event: taken, seen before, or quarantined', async () => {
    await post(JSON.stringify(seen('a')))
    const response = await post(
      JSON.stringify({ events: [seen('a'), seen('b'), seen('c', 'x'), 7] }),
    )
    const { results } = (await response.json()) as { results: { result: string; rule?: string }[] }
    deepEqual(
      results.map(({ result, rule }) => rule ?? result),
      ['duplicate', 'ok', 'wrong_type', 'unreadable'],
    )
  })

  it('records the version of the entry by which each event was judged', async () => {
    await post(
      JSON.stringify({
        events: [seen('versioned'), { id: 'page', kind: 'page', anonymous_id: 'v' }],
      }),
    )
    const reader = await openSegmentReader({ folder, name: 'versions' })
    const { records } = await reader.read('one', { position: undefined, bytesMax: mebibyte })
    await reader.close()
    const { events } = readRows(decodeRequest(records.at(-1)!.bytes))
    deepEqual(
      events.map((row) => [row.id, row.schema_version]),
      [
        ['versioned', '1'],
        ['page', null],
      ],
    )
  })

  it('refuses without a key, with a wrong one, and what no retry can mend', async () => {
    equal((await post('{}', { authorization: '' })).status, 401)
    equal((await post('{}', { authorization: 'Bearer other' })).status, 401)
    equal((await post('{"events": [')).status, 400)
    equal((await post(Buffer.alloc(2 * mebibyte))).status, 413)
    equal((await fetch(url('/nowhere'))).status, 404)
  })

  it('reads JSON whatever the type says, packed or not, and stops a bomb at its cap', async () => {
    const packed = gzipSync(JSON.stringify(seen('packed')))
    const form = { 'content-type': 'application/x-www-form-urlencoded', 'content-encoding': 'gzip' }
    equal((await post(packed, form)).status, 200)
    equal((await post(gzipSync(Buffer.alloc(200 * mebibyte)), form)).status, 413)
    equal((await post(packed.subarray(0, 20), form)).status, 400)
  })

  it('lets pages of any origin send, after a preflight', async () => {
    const headers = {
      origin: 'https://shop.example',
      'access-control-request-headers': 'x-write-key',
    }
    const preflight = await fetch(url('/v1/events'), { method: 'OPTIONS', headers })
    equal(preflight.status, 204)
    equal(preflight.headers.get('access-control-allow-origin'), 'https://shop.example')
    equal(preflight.headers.get('access-control-allow-headers'), 'x-write-key')
  })

  it('sheds before the body when the log is behind', async () => {
    pressure = { waitingBytes: 1_000 * mebibyte, syncMs: 1 }
    try {
      const response = await post(JSON.stringify(seen('shed')))
      equal(response.status, 429)
      ok(Number(response.headers.get('retry-after')) > 0)
    } finally {
      pressure = undefined
    }
    equal((await post(JSON.stringify(seen('shed')))).status, 200)
  })

  it('loses nothing of a good sender beside thousands of hostile requests, in bounded memory', async () => {
    const before = process.memoryUsage.rss()
    let sent = 0
    let isOver = false
    const good = (async (): Promise<void> => {
      while (!isOver) {
        const response = await post(JSON.stringify(seen(`good-${sent}`)))
        equal(response.status, 200)
        sent++
      }
    })()
    for (const batch of batches(fc.sample(hostile, { numRuns: 2_000, seed: 6 }), 20))
      await Promise.all(batch.map((bytes) => sendRaw(collector.port, bytes)))
    isOver = true
    await good
    const reader = await openSegmentReader({ folder, name: 'test' })
    const ids = new Set<string>()
    let position: string | undefined
    for (;;) {
      const read = await reader.read('one', { position, bytesMax: 8 * mebibyte })
      for (const { bytes } of read.records)
        for (const { id } of readRows(decodeRequest(bytes)).events) ids.add(id)
      if (read.atEnd || read.position === undefined) break
      position = read.position
    }
    await reader.close()
    for (let index = 0; index < sent; index++) ok(ids.has(`good-${index}`), `lost good-${index}`)
    ok(sent > 20, `only ${sent} good requests in between`)
    deepEqual(failures, [])
    ok(process.memoryUsage.rss() - before < 300 * mebibyte)
  })
})

const deep = `{"events":[{"event":"Seen","anonymous_id":"v","properties":{"price":1,"x":${'['.repeat(50_000)}${']'.repeat(50_000)}}}]}`
const body = fc.oneof(
  fc.json({ maxDepth: 4 }).map((text) => Buffer.from(text)),
  fc.json().map((text) => Buffer.from(`{"events":[${text}]}`)),
  fc.json().map((text) => Buffer.from(`{"events":[{"event":"Seen","context":${text}}`)),
  fc.uint8Array({ maxLength: 500 }).map((bytes) => Buffer.from(bytes)),
  fc.constant(Buffer.from(deep)),
  fc.constant(
    Buffer.from(deep.replace('"properties"', '"context":{"ip":"10.0.0.1"},"properties"')),
  ),
  fc.constant(gzipSync(Buffer.alloc(20 * mebibyte))),
)
const hostile = fc
  .record({
    method: fc.constantFrom('POST', 'GET', 'PUT', 'OPTIONS', 'BREW'),
    path: fc.oneof(
      fc.constantFrom('/v1/events', '/v1/batch', '/v1/t', '/v1/import', '/metrics', '//'),
      fc.webPath().map((path) => `/${path}`),
      fc.constant(`/v1/events?x=${'%'.repeat(50)}`),
    ),
    key: fc.constantFrom(`Bearer ${key}`, 'Bearer x', 'Basic ====', 'Basic'),
    encoding: fc.constantFrom('', 'gzip', 'deflate', 'br', 'constructor', 'gzip, gzip'),
    lengthOff: fc.constantFrom(0, 0, 0, -3, 5),
    body,
  })
  .map((request) =>
    Buffer.concat([
      Buffer.from(
        `${request.method} ${request.path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: ${request.key}\r\n` +
          `content-encoding: ${request.encoding}\r\ncontent-length: ${Math.max(0, request.body.length + request.lengthOff)}\r\n\r\n`,
      ),
      request.body,
    ]),
  )

/** Writes the bytes and leaves after an answer, or soon without one. */
async function sendRaw(port: number, bytes: Uint8Array): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => socket.destroy())
  socket.setTimeout(100, () => socket.destroy())
  socket.resume()
  socket.end(bytes)
  await new Promise((resolve) => socket.once('close', resolve))
}

function batches<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  )
}

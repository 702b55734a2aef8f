import { deepEqual, equal, ok } from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
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
})

/** A collector over a temporary log, and the rows of what it has taken: what a real client is tested against. */
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSegmentLog } from '../../src/collect/log/segment-log.ts'
import { openSegmentReader } from '../../src/collect/log/segment-reader.ts'
import { decodeRequest } from '../../src/collect/record.ts'
import { readRows } from '../../src/collect/rows.ts'
import type { EventRow, QuarantineRow, Rows } from '../../src/collect/rows.ts'
import { startCollector, type CollectorOptions } from '../../src/collect/server.ts'
import type { CollectSettings } from '../../src/collect/settings.ts'

export const writeKey = 'wk_client_7f3a'
/** Jitsu's client takes no other form. */
export const jitsuKey = 'wk:client_7f3a'

export const clientSettings: CollectSettings = {
  catalog: 'first',
  events: [
    {
      id: 'raw.event.order_completed',
      event: 'order_completed',
      owner: 'shop',
      version: '1',
      properties: [
        { name: 'order_id', type: { kind: 'text' }, required: true },
        { name: 'total', type: { kind: 'number' }, required: true },
      ],
    },
  ],
  sources: [
    {
      name: 'shop',
      keys: [writeKey, jitsuKey].map((key, index) => ({
        id: `shop-${index}`,
        sha256: createHash('sha256').update(key).digest('hex'),
      })),
      address: 'keep',
      unknownProperties: 'keep',
    },
  ],
}

export interface LoggedRows extends Rows {
  readonly events: (EventRow & { readonly partition: number })[]
}

export interface ClientCollector {
  readonly host: string
  readonly port: number
  /** Everything taken so far, in the order of the log. */
  rows(): Promise<LoggedRows>
  /** Waits until so many events are in the log, at most ten seconds. */
  rowsOf(count: number): Promise<readonly EventRow[]>
  /** All that is on the disk. */
  logText(): Promise<string>
  close(): Promise<void>
}

export async function startClientCollector(
  options: Partial<CollectorOptions> = {},
): Promise<ClientCollector> {
  const folder = await mkdtemp(join(tmpdir(), 'maru-clients-'))
  const log = await openSegmentLog({ folder: join(folder, 'one') })
  const known = new Set<string>()
  const failures: unknown[] = []
  const collector = await startCollector({
    settings: () => clientSettings,
    log,
    duplicates: {
      has: (source, id) => known.has(`${source} ${id}`),
      add: (source, id) => void known.add(`${source} ${id}`),
    },
    host: '127.0.0.1',
    port: 0,
    onFailed: (error) => void failures.push(error),
    onError: (error) => void failures.push(error),
    ...options,
  })
  const rows = (): Promise<LoggedRows> => readLog(folder)
  return {
    host: `http://127.0.0.1:${collector.port}`,
    port: collector.port,
    rows,
    rowsOf: async (count) => {
      const endMs = Date.now() + 10_000
      for (;;) {
        const { events, quarantined } = await rows()
        if (failures.length > 0) throw failures[0]
        if (quarantined.length > 0) throw new Error(JSON.stringify(quarantined))
        if (events.length >= count) return events
        if (Date.now() > endMs) throw new Error(`${events.length} of ${count} events came`)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
    logText: async () => {
      const names = await readdir(join(folder, 'one'))
      const files = names.filter((name) => name.endsWith('.segment'))
      const texts = files.map((name) => readFile(join(folder, 'one', name), 'utf8'))
      return (await Promise.all(texts)).join('\n')
    },
    close: async () => {
      await collector.close()
      await log.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** The rows of one log below the folder, each event with its lane. */
export async function readLog(folder: string, sequence = 'one'): Promise<LoggedRows> {
  const reader = await openSegmentReader({ folder, name: 'clients' })
  const events: LoggedRows['events'] = []
  const quarantined: QuarantineRow[] = []
  let position: string | undefined
  for (;;) {
    const read = await reader.read(sequence, { position, bytesMax: 8 * 1024 * 1024 })
    for (const { bytes, partition } of read.records) {
      const rows = readRows(decodeRequest(bytes))
      for (const row of rows.events) events.push({ ...row, partition })
      quarantined.push(...rows.quarantined)
    }
    if (read.atEnd || read.position === undefined) break
    position = read.position
  }
  await reader.close()
  return { events, quarantined }
}

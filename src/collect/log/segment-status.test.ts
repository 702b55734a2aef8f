import { deepEqual, equal } from 'node:assert/strict'
import { appendFile, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { nodeFiles } from '../../base/node-files.ts'
import { statusBehind } from '../log-status.ts'
import type { NewRecord } from '../log.ts'
import { encodeRequest } from '../record.ts'
import { openSegmentLog } from './segment-log.ts'
import { openSegmentReader } from './segment-reader.ts'
import { statusOfLogs } from './segment-status.ts'

function request(partition: number, receivedAtMs: number, events: number): NewRecord {
  const list = Array.from({ length: events }, () => ({ kind: 'page', anonymous_id: 'v' }))
  const record = encodeRequest({
    requestId: String(receivedAtMs),
    receivedAtMs,
    source: 'web',
    dialect: 'native',
    route: 'events',
    catalog: 'c',
    quarantined: [],
    body: Buffer.from(JSON.stringify(list)),
  })
  return { partition, ...record }
}

describe('the status of a log', () => {
  let folder: string

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'maru-status-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  const sizeOf = ({ bytes, body }: NewRecord): number => bytes.length + (body?.length ?? 0)

  it('tells apart what has arrived and what waits, in each lane, over segments, and leaves out a torn end', async () => {
    // Each is a group of its own, and three fill a segment.
    const records = Array.from({ length: 10 }, (_, index) =>
      request(index % 2, 1_000 + index, index + 1),
    )
    const log = await openSegmentLog({ folder: join(folder, 'a'), segmentBytesMax: 1_000 })
    for (const record of records) await log.append([record])
    await log.close()
    const names = (await readdir(join(folder, 'a'))).filter((name) => name.endsWith('.segment'))
    equal(names.length > 2, true)
    await appendFile(join(folder, 'a', names.toSorted().at(-1)!), Buffer.from('Ml torn'))

    const lane = (index: number, from: number): object => {
      const waiting = records.filter((_, at) => at >= from && at % 2 === index)
      return {
        log: 'a',
        lane: index,
        to: 'lake',
        acknowledgedAtMs: 1_008 + index,
        waiting: {
          events: waiting.reduce((sum, record) => sum + records.indexOf(record) + 1, 0),
          bytes: waiting.reduce((sum, record) => sum + sizeOf(record), 0),
          sinceMs: 1_000 + records.indexOf(waiting[0]!),
        },
      }
    }
    deepEqual(await statusOfLogs(nodeFiles, folder, 'lake'), {
      isAtLeast: false,
      lanes: [lane(0, 0), lane(1, 0)],
    })

    const reader = await openSegmentReader({ folder, name: 'landing' })
    let position: string | undefined
    for (let count = 0; count < 7; count++)
      position = (await reader.read('a', { position, bytesMax: 1 })).position
    await reader.release('a', position!)
    const { lanes } = await statusOfLogs(nodeFiles, folder, 'lake')
    deepEqual(
      lanes.map(({ waiting }) => waiting),
      [lane(0, 7), lane(1, 7)].map((each) => (each as { waiting: object }).waiting),
    )
    // Of a log that keeps no places: by the place that the landing has.
    const behind = await statusBehind(reader, new Map([['a', position!]]))
    deepEqual(
      behind.lanes.map((each) => [each.log, each.waiting]),
      lanes.map(({ waiting }) => ['local/a', waiting]),
    )
    await reader.close()
  })

  it('is empty where nothing was sent yet', async () => {
    deepEqual(await statusOfLogs(nodeFiles, join(folder, 'none'), 'lake'), {
      isAtLeast: false,
      lanes: [],
    })
  })
})

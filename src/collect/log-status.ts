/** How far each lane of a log has come: what was acknowledged last, what has arrived behind the log, and what waits. Only looks; nobody waits for it. */
import type { LogPosition, LogReader, LogRecord } from './log.ts'
import { decodeRequest } from './record.ts'
import { readRows } from './rows.ts'

export interface LaneStatus {
  /** A collector's process, or a partition of the topic. */
  readonly log: string
  readonly lane: number
  /** Where the log's records go. */
  readonly to: 'lake' | 'topic'
  /** Milliseconds since 1970 when the last one was received; of a topic only while something waits. */
  readonly acknowledgedAtMs?: number
  /** Of the last one that has arrived there, while the log still has it. */
  readonly arrivedAtMs?: number
  readonly waiting: {
    readonly events: number
    readonly bytes: number
    /** When the first of them was received. */
    readonly sinceMs?: number
  }
}

export interface LogStatus {
  readonly lanes: readonly LaneStatus[]
  /** So much waits that not all was counted. */
  readonly isAtLeast: boolean
}

export const readBytesMax: number = 4 * 1024 * 1024
/** Of each log. */
export const lookBytesMax: number = 128 * 1024 * 1024

/** Of a log that keeps no place of its readers: only what waits behind these positions. */
export async function statusBehind(
  reader: LogReader,
  landed: ReadonlyMap<string, LogPosition>,
): Promise<LogStatus> {
  const found: LogStatus[] = []
  for (const sequence of await reader.sequences()) {
    const counted = new LaneCount(`${reader.log}/${sequence}`, 'lake')
    let leftBytes = lookBytesMax
    let position = landed.get(sequence)
    for (let isMore = true; isMore && leftBytes > 0;) {
      const batch = await reader.read(sequence, { position, bytesMax: readBytesMax })
      for (const record of batch.records) {
        leftBytes -= record.bytes.length
        counted.add(record, false)
      }
      position = batch.position
      isMore = !batch.atEnd && batch.records.length > 0
    }
    found.push(counted.status(leftBytes <= 0))
  }
  return together(found)
}

export function together(found: readonly LogStatus[]): LogStatus {
  return {
    lanes: found.flatMap(({ lanes }) => lanes),
    isAtLeast: found.some(({ isAtLeast }) => isAtLeast),
  }
}

interface Counted {
  acknowledgedAtMs: number
  arrivedAtMs?: number
  events: number
  bytes: number
  sinceMs?: number
}

export class LaneCount {
  readonly #log: string
  readonly #to: LaneStatus['to']
  readonly #lanes = new Map<number, Counted>()

  constructor(log: string, to: LaneStatus['to']) {
    this.#log = log
    this.#to = to
  }

  add(record: LogRecord, hasArrived: boolean): void {
    const request = decodeRequest(record.bytes)
    const { receivedAtMs } = request
    const lane = this.#lanes.get(record.partition) ?? { acknowledgedAtMs: 0, events: 0, bytes: 0 }
    this.#lanes.set(record.partition, lane)
    lane.acknowledgedAtMs = receivedAtMs
    if (hasArrived) {
      lane.arrivedAtMs = receivedAtMs
      return
    }
    const { events, quarantined } = readRows(request)
    lane.events += events.length + quarantined.length
    lane.bytes += record.bytes.length
    lane.sinceMs ??= receivedAtMs
  }

  status(isAtLeast: boolean): LogStatus {
    const lanes = [...this.#lanes].toSorted(([left], [right]) => left - right)
    return {
      isAtLeast,
      lanes: lanes.map(([lane, { events, bytes, sinceMs, ...times }]) => ({
        log: this.#log,
        lane,
        to: this.#to,
        ...times,
        waiting: { events, bytes, ...(sinceMs === undefined ? {} : { sinceMs }) },
      })),
    }
  }
}

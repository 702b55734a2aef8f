/**
 * Ships the local logs of the collectors to another log (Kafka), which then is what the landing reads. A record is released here once it is durable there, so
 * an outage of the broker costs disk, not events; after a crash the last records may be shipped twice.
 */
import { sleep } from '../base/bounded.ts'
import { isMaruError } from '../base/errors.ts'
import type { LogPosition, LogReader, LogWriter } from './log.ts'
import { readBatch } from './read-batch.ts'

/** A reader that keeps its own place, as that of segments does. */
export interface ShipReader extends LogReader {
  released(sequence: string): Promise<LogPosition | undefined>
}

export interface ShipOptions {
  readonly signal: AbortSignal
  /** Told of what is tried again, and of what is not there to be shipped. */
  readonly onError?: (error: unknown) => void
}

const batchBytesMax = 4 * 1024 * 1024
const waitMs = 1_000
const retryMsMin = 100
const retryMsMax = 5_000

/** When the signal aborts it ships what is there, without trying again, and ends; throws what no retry helps. */
export async function ship(
  reader: ShipReader,
  writer: LogWriter,
  options: ShipOptions,
): Promise<void> {
  const { signal, onError = () => undefined } = options
  const places = new Map<string, LogPosition>()
  let retryMs = retryMsMin
  for (;;) {
    // Asked before the round: what was appended before the stop is read by the round after it.
    const isLast = signal.aborted
    try {
      const shipped = await shipRound(reader, writer, { places, onError })
      retryMs = retryMsMin
      if (shipped) continue
      if (isLast) return
      await reader.waitForMore({ timeoutMs: waitMs, signal })
    } catch (error) {
      // What stays behind is shipped, or its error told, after the next start.
      if (isLast) return
      if (signal.aborted) continue
      if (!(error instanceof Error) || !isMaruError(error) || error.retry === 'never') throw error
      onError(error)
      await sleep(retryMs, signal).catch(() => undefined)
      retryMs = Math.min(retryMs * 2, retryMsMax)
    }
  }
}

/** A batch of each log that has something; whether any had. */
async function shipRound(
  reader: ShipReader,
  writer: LogWriter,
  round: {
    readonly places: Map<string, LogPosition>
    readonly onError: (error: unknown) => void
  },
): Promise<boolean> {
  const { places, onError } = round
  const sequences = await reader.sequences()
  const results = await Promise.allSettled(
    sequences.map(async (sequence) => {
      const position = places.get(sequence) ?? (await reader.released(sequence))
      const request = { sequence, position, bytesMax: batchBytesMax, onError }
      const batch = await readBatch(reader, request)
      if (batch.records.length === 0) return false
      await writer.append(batch.records)
      if (batch.position === undefined) return true
      places.set(sequence, batch.position)
      await reader.release(sequence, batch.position)
      return true
    }),
  )
  for (const result of results) if (result.status === 'rejected') throw result.reason
  return results.some((result) => result.status === 'fulfilled' && result.value)
}

/** Reading a log by those who must go on whatever becomes of one of its sequences. */
import { isMaruError } from '../base/errors.ts'
import type { LogBatch, LogPosition, LogReader } from './log.ts'

export interface BatchRequest {
  readonly sequence: string
  readonly position: LogPosition | undefined
  readonly bytesMax: number
  readonly onError: (error: unknown) => void
}

/** What is no longer there is lost, and said so; what follows it is not to be lost with it. A damaged sequence waits for people, and no other for it. */
export async function readBatch(reader: LogReader, request: BatchRequest): Promise<LogBatch> {
  const { sequence, position, bytesMax, onError } = request
  try {
    return await reader.read(sequence, { position, bytesMax })
  } catch (error) {
    const code = isMaruError(error) ? error.code : undefined
    if (code !== 'LOG_EXPIRED' && code !== 'LOG_CORRUPT') throw error
    onError(error)
    if (code === 'LOG_CORRUPT') return { records: [], position, atEnd: true }
    return await reader.read(sequence, { position: undefined, bytesMax })
  }
}

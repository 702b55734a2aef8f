/** Which segments of a log may go. Pure; the writer removes them. */
import type { Segment } from './segment.ts'

export interface Retention {
  /** What every reader has released is kept as long, for a replay. */
  readonly keepMs: number
  /** And as long as the log is no larger than this. */
  readonly keepBytes: number
  /** The hard limit: beyond it the oldest segment goes although a reader needs it (which then gets LOG_EXPIRED). Absent: a full disk refuses appends instead. */
  readonly bytesMax?: number
}

export const defaultRetention: Retention = {
  keepMs: 24 * 60 * 60 * 1000,
  keepBytes: 4 * 1024 * 1024 * 1024,
}

export interface SizedSegment extends Segment {
  readonly size: number
}

/** Oldest first; the last segment is being written and stays. `needed`: number of the first segment that some reader needs. */
export function chooseExpired(
  segments: readonly SizedSegment[],
  options: { readonly retention: Retention; readonly needed: number; readonly nowMs: number },
): readonly SizedSegment[] {
  const { retention, needed, nowMs } = options
  let bytes = segments.reduce((sum, segment) => sum + segment.size, 0)
  const expired: SizedSegment[] = []
  for (const segment of segments.slice(0, -1)) {
    const isOld = nowMs - segment.modifiedAtMs > retention.keepMs
    const mayGo = segment.number < needed && (isOld || bytes > retention.keepBytes)
    const mustGo = retention.bytesMax !== undefined && bytes > retention.bytesMax
    if (!mayGo && !mustGo) break
    expired.push(segment)
    bytes -= segment.size
  }
  return expired
}

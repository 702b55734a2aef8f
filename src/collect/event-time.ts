/** When an event happened by the collector's clock: the sender's clock may be wrong, but the time between its own two readings is right. */

export interface EventTime {
  readonly occurredAtMs: number
  readonly originalAtMs?: number
  readonly sentAtMs?: number
  /** Why `occurredAtMs` is not what the sender said. */
  readonly flag?: 'no_time' | 'clamped'
}

const hourMs = 3_600_000
/** More than this in the future is a broken clock, not a time zone. */
const futureMaxMs = 23 * hourMs
const yearMin = Date.UTC(2000, 0, 1)

/** received − (sent − original); without a time of sending the original one is trusted; without any it is the time of receiving. */
export function eventTime(
  receivedAtMs: number,
  said: { readonly originalAt?: string | undefined; readonly sentAt?: string | undefined },
): EventTime {
  const originalAtMs = parseInstant(said.originalAt)
  const sentAtMs = parseInstant(said.sentAt)
  const kept = {
    ...(originalAtMs === undefined ? {} : { originalAtMs }),
    ...(sentAtMs === undefined ? {} : { sentAtMs }),
  }
  if (originalAtMs === undefined) return { occurredAtMs: receivedAtMs, ...kept, flag: 'no_time' }
  const occurredAtMs =
    sentAtMs === undefined ? originalAtMs : receivedAtMs - (sentAtMs - originalAtMs)
  if (occurredAtMs > receivedAtMs + futureMaxMs || occurredAtMs < yearMin)
    return { occurredAtMs: receivedAtMs, ...kept, flag: 'clamped' }
  return { occurredAtMs, ...kept }
}

/** ISO 8601, or milliseconds since 1970 as digits. */
function parseInstant(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const value = /^\d{10,16}(\.\d+)?$/.test(text) ? Math.trunc(Number(text)) : Date.parse(text)
  // Beyond what every reader of the table can hold.
  return Number.isFinite(value) && Math.abs(value) < 8.64e15 ? value : undefined
}

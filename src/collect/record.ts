/**
 * What the log holds: one request as it was received, with what the collector decided about each event. The body is kept as it came (unpacked from gzip, the
 * source's policy for addresses applied), so that the landing and a replay read the same bytes by the same dialect.
 */
export interface RequestRecord {
  /** Random; with the event's index it is the id of an event that came without one. */
  readonly requestId: string
  readonly receivedAtMs: number
  /** Name of the source whose write key was used. Keys may be rotated; deduplication and ownership go by source. */
  readonly source: string
  readonly dialect: DialectName
  /** Of the dialect: `batch`, `track`, `pixel`. */
  readonly route: string
  /** Query parameters that the dialect needs to read the events (pixels). */
  readonly query?: Readonly<Record<string, string>> | undefined
  /** The sender's address after the source's policy. */
  readonly address?: string | undefined
  readonly userAgent?: string | undefined
  /** The version of the catalog that judged. */
  readonly catalog: string
  /** Those of its entries, by the names of the events that are here; absent: none has one. */
  readonly versions?: Readonly<Record<string, string>> | undefined
  /** Only the events that were refused, by index in the request. */
  readonly quarantined: readonly Verdict[]
  /** A replayed request: the quarantined events that it brings back, by index. */
  readonly replays?: readonly string[]
  readonly body: Uint8Array
}

export type DialectName = 'native' | 'segment' | 'snowplow' | 'posthog'

export interface Verdict {
  readonly index: number
  readonly rule: QuarantineRule
  /** For people: what was wrong, with the value (cut to 200 characters). */
  readonly reason: string
}

/** Closed: `maru events quarantine` and its filters name them. */
export const quarantineRules = [
  'unreadable',
  'unknown_event',
  'missing_property',
  'wrong_type',
  'unknown_property',
  'illegal_id',
  'no_id',
  'oversize',
] as const

export type QuarantineRule = (typeof quarantineRules)[number]

const headerLengthBytes = 4

/** Header length, header as JSON; then the body, as it is. */
export function encodeRequest(record: RequestRecord): {
  readonly bytes: Uint8Array
  readonly body: Uint8Array
} {
  const text = JSON.stringify({ ...record, body: undefined })
  const length = Buffer.byteLength(text)
  const bytes = Buffer.allocUnsafe(headerLengthBytes + length)
  bytes.writeUInt32LE(length, 0)
  bytes.write(text, headerLengthBytes)
  return { bytes, body: record.body }
}

export function decodeRequest(bytes: Uint8Array): RequestRecord {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const end = headerLengthBytes + view.readUInt32LE(0)
  const header = JSON.parse(view.toString('utf8', headerLengthBytes, end)) as Omit<
    RequestRecord,
    'body'
  >
  return { ...header, body: view.subarray(end) }
}

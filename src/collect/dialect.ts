/**
 * A dialect is how a family of trackers speaks: its paths, where the write key is, how a body becomes events, and what it must be answered. Pure: the collector
 * reads events to judge them, the landing reads the same bytes again to make rows, so one body always gives the same events.
 */
import type { DialectName, QuarantineRule } from './record.ts'

export interface Dialect {
  readonly name: DialectName
  /** undefined: not a path of this dialect. `path` without the query. */
  match(method: string, path: string): Route | undefined
  /** The write key in the text as sent; undefined when there is none in headers, query or body. */
  readKey(request: DialectRequest, body: unknown): string | undefined
  /** Every event of the request, in order; one that cannot be read stands in its place as `unreadable`. Never throws. */
  readEvents(request: DialectRequest, body: unknown): readonly ReadEvent[]
  /** The answer for what was decided, by index of the events. */
  answer(request: DialectRequest, results: readonly EventResult[]): Answer
  /** Answers to a request that is refused whole, in the way that makes this dialect's clients keep (retry) or drop it. */
  refuse(why: Refusal): Answer
}

export interface Route {
  readonly route: string
  /** Answered without events: settings, preflight, remote configuration. */
  readonly fixed?: Answer
}

export interface DialectRequest {
  readonly route: string
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  /** Lower-case names. In the landing only those that the record keeps: `user-agent`. */
  readonly headers: Readonly<Record<string, string | undefined>>
}

export type ReadEvent =
  | { readonly kind: 'event'; readonly event: IncomingEvent }
  | { readonly kind: 'unreadable'; readonly reason: string; readonly id?: string | undefined }

/** One event in Maru's words. Values are as sent: nothing is checked yet but the kind of value. */
export interface IncomingEvent {
  /** The sender's id of the message; absent: Maru gives one. */
  readonly id?: string | undefined
  readonly kind: EventKind
  /** For `track` the event's name as sent; else the kind. */
  readonly name: string
  readonly anonymousId?: string | undefined
  readonly memberId?: string | undefined
  /** alias: the id that becomes `memberId`. */
  readonly previousId?: string | undefined
  /** When the sender's clock says it happened, and when it sent it; ISO 8601 or milliseconds as text. */
  readonly originalAt?: string | undefined
  readonly sentAt?: string | undefined
  /** Properties, or traits for identify and group. */
  readonly properties: Readonly<Record<string, unknown>>
  readonly context: Readonly<Record<string, unknown>>
}

export type EventKind = 'track' | 'page' | 'screen' | 'identify' | 'alias' | 'group'

/** `retry`: not kept, send it again. */
export type EventResult = {
  readonly id: string
  readonly result: 'ok' | 'duplicate' | 'quarantined' | 'retry'
  readonly rule?: QuarantineRule
  readonly reason?: string
}

export type Refusal =
  | {
      readonly kind: 'overloaded' | 'rate_limited' | 'stopping' | 'disk_full'
      readonly retryAfterSeconds: number
    }
  | { readonly kind: 'bad_key' | 'no_key' | 'revoked_key' }
  | { readonly kind: 'unreadable'; readonly reason: string }
  /** Larger than the hard cap: nothing of it was read. */
  | { readonly kind: 'too_large'; readonly bytesMax: number }

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
}

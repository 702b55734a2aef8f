/** A logged request → rows of the two tables, without what only the landing knows (its number, the partition, the local day). Pure: a body always gives the same rows. */
import { stringifyWellFormed } from '../base/json.ts'
import { botReason } from './bot.ts'
import type { DialectRequest, IncomingEvent, ReadEvent } from './dialect.ts'
import { nativeText } from './dialect/native.ts'
import { dialectNamed } from './dialects.ts'
import { eventTime } from './event-time.ts'
import { maskKeyFields } from './mask.ts'
import { parseBody } from './parse-body.ts'
import type { RequestRecord, Verdict } from './record.ts'

/** Instants in milliseconds; names are those of the table. */
export interface EventRow {
  readonly source: string
  readonly id: string
  readonly event: string
  readonly kind: string
  readonly occurred_at: number
  readonly received_at: number
  readonly original_at: number | null
  readonly sent_at: number | null
  readonly time_flag: string | null
  readonly anonymous_id: string | null
  readonly member_id: string | null
  readonly previous_id: string | null
  readonly actor: string | null
  readonly bot: string | null
  readonly address: string | null
  readonly user_agent: string | null
  /** JSON. */
  readonly properties: string
  readonly context: string
  readonly schema_version: string | null
  readonly quarantine_id: string | null
}

export interface QuarantineRow {
  readonly id: string
  readonly source: string
  readonly message_id: string | null
  readonly event: string | null
  readonly rule: string
  readonly reason: string
  readonly schema_version: string | null
  readonly received_at: number
  readonly dialect: string
  /** JSON: what is needed to read `bytes` again. */
  readonly request: string
  readonly bytes: string
}

export interface Rows {
  readonly events: readonly EventRow[]
  readonly quarantined: readonly QuarantineRow[]
}

/** Ids of events without one: the request's and the place in it. */
export function eventId(
  event: { readonly id?: string | undefined },
  requestId: string,
  index: number,
): string {
  return event.id?.toWellFormed() ?? `${requestId}-${index}`
}

export function readRows(record: RequestRecord): Rows {
  const request: DialectRequest = {
    route: record.route,
    path: '',
    query: record.query ?? {},
    headers: { 'user-agent': record.userAgent },
  }
  const body = parseBody(record.body)
  const read = dialectNamed(record.dialect)?.readEvents(request, body) ?? []
  const verdicts = new Map(record.quarantined.map((verdict) => [verdict.index, verdict]))
  let text: string | undefined
  const whole = (): string => (text ??= maskKeyFields(Buffer.from(record.body).toString('utf8')))
  const events: EventRow[] = []
  const quarantined: QuarantineRow[] = []
  for (const [index, each] of read.entries()) {
    const verdict = verdicts.get(index) ?? unreadable(each, index)
    if (verdict !== undefined) quarantined.push(refusedRow(record, { each, verdict, whole }))
    else if (each.kind === 'event') events.push(acceptedRow(record, each.event, index))
  }
  return { events, quarantined: withinBytes(quarantined) }
}

/** The whole body stands for an event that cannot be read. A request of many such would be as many bodies: those beyond a size name the row that has it. */
const unreadableBytesMax = 1024 * 1024

function withinBytes(rows: readonly QuarantineRow[]): readonly QuarantineRow[] {
  const first = rows.find(({ rule }) => rule === 'unreadable')
  let bytes = 0
  return rows.map((row) => {
    if (row.rule !== 'unreadable' || row === first) return row
    bytes += row.bytes.length
    if (bytes <= unreadableBytesMax) return row
    return { ...row, bytes: '', reason: `${row.reason} (the request is kept with ${first!.id})` }
  })
}

/** What could not be read is never accepted, whatever the record says. */
function unreadable(each: ReadEvent, index: number): Verdict | undefined {
  return each.kind === 'unreadable' ? { index, rule: 'unreadable', reason: each.reason } : undefined
}

function acceptedRow(record: RequestRecord, event: IncomingEvent, index: number): EventRow {
  const time = eventTime(record.receivedAtMs, event)
  const { anonymousId, memberId } = event
  const userAgent = userAgentOf(event, record)
  return {
    source: record.source,
    id: eventId(event, record.requestId, index),
    event: event.name,
    kind: event.kind,
    occurred_at: time.occurredAtMs,
    received_at: record.receivedAtMs,
    original_at: time.originalAtMs ?? null,
    sent_at: time.sentAtMs ?? null,
    time_flag: time.flag ?? null,
    anonymous_id: anonymousId ?? null,
    member_id: memberId ?? null,
    previous_id: event.previousId ?? null,
    actor: actorOf(event) ?? null,
    bot: botReason(userAgent, event.context) ?? null,
    address: record.address ?? null,
    user_agent: userAgent ?? null,
    properties: stringifyWellFormed(event.properties),
    context: stringifyWellFormed(event.context),
    schema_version: versionOf(record, event.name),
    quarantine_id: record.replays?.[index] ?? null,
  }
}

/** Of the entry that the event was judged by. */
function versionOf({ versions = {} }: RequestRecord, name: string): string | null {
  return Object.hasOwn(versions, name) ? versions[name]! : null
}

/** Who did it, as sent. */
export function actorOf(
  event: Pick<IncomingEvent, 'memberId' | 'anonymousId'>,
): string | undefined {
  if (event.memberId !== undefined) return `member:${event.memberId}`
  return event.anonymousId === undefined ? undefined : `anonymous:${event.anonymousId}`
}

/** Server libraries forward the visitor's program in the context. */
function userAgentOf(event: IncomingEvent, record: RequestRecord): string | undefined {
  const own = event.context['userAgent']
  return typeof own === 'string' ? own : record.userAgent
}

function refusedRow(
  record: RequestRecord,
  refused: {
    readonly each: ReadEvent
    readonly verdict: Verdict
    /** The whole body. */
    readonly whole: () => string
  },
): QuarantineRow {
  const { each, verdict } = refused
  const event = each.kind === 'event' ? each.event : undefined
  const { body: _body, quarantined: _quarantined, ...request } = record
  return {
    id: `${record.requestId}-${verdict.index}`,
    source: record.source,
    message_id: event?.id ?? (each.kind === 'unreadable' ? each.id : undefined) ?? null,
    event: event?.name ?? null,
    rule: verdict.rule,
    reason: verdict.reason,
    schema_version: event === undefined ? null : versionOf(record, event.name),
    received_at: record.receivedAtMs,
    dialect: record.dialect,
    request: stringifyWellFormed({ ...request, index: verdict.index }),
    bytes: (event === undefined ? undefined : nativeText(event)) ?? refused.whole(),
  }
}

/** Ids of the accepted events of a request. */
export function eachEventId(record: RequestRecord): readonly string[] {
  return readRows(record).events.map((event) => event.id)
}

/**
 * What was refused and has not come back. A replay judges it again by the catalog of today and appends what passes to a log of its own, with the time of receiving
 * that it had; the landing brings it in like any other event, so a replay that is repeated or interrupted lands nothing twice.
 */
import { randomUUID } from 'node:crypto'
import type { Session } from '../engine/engine.ts'
import type { Lake } from '../lake/lake.ts'
import { collectedTables, eventLogColumns } from '../model/collected.ts'
import { scalarLiteral } from '../model/sql-names.ts'
import { nativeDialect, nativeText } from './dialect/native.ts'
import type { IncomingEvent, ReadEvent } from './dialect.ts'
import { dialectNamed } from './dialects.ts'
import { compileJudge } from './judge.ts'
import type { LogWriter } from './log.ts'
import { parseBody } from './parse-body.ts'
import { encodeRequest } from './record.ts'
import type { DialectName, RequestRecord } from './record.ts'
import type { CollectSettings } from './settings.ts'

export interface QuarantineFilter {
  readonly event?: string
  readonly rule?: string
  /** Received at or after, milliseconds since 1970. */
  readonly sinceMs?: number
  readonly rowsMax: number
}

export interface Refused {
  readonly id: string
  readonly source: string
  readonly messageId: string | undefined
  readonly event: string | undefined
  readonly owner: string | undefined
  readonly rule: string
  readonly reason: string
  readonly schemaVersion: string | undefined
  readonly receivedAtMs: number
  readonly request: string
  readonly bytes: string
}

export interface Replayed {
  readonly replayed: number
  /** Refused by today's catalog too. */
  readonly refused: number
}

/** Oldest first, at most `rowsMax`; without what a replay or the sender brought in since. */
export async function listQuarantine(
  at: { readonly lake: Lake; readonly session: Session },
  filter: QuarantineFilter,
): Promise<readonly Refused[]> {
  const { lake, session } = at
  const quarantine = await lake.table(collectedTables.quarantine)
  if (quarantine?.current === undefined) return []
  await session.bindScan('refused', await lake.scan(quarantine))
  const events = await lake.table(collectedTables.events)
  if (events === undefined) await session.bindEmpty('accepted', eventLogColumns)
  else await session.bindScan('accepted', await lake.scan(events))
  const { rows } = await session.query(
    `select id, source, message_id, event, owner, rule, reason, schema_version, epoch_ms(received_at), request, bytes
from refused
where not exists (
    select 1 from accepted
    where accepted.source = refused.source and accepted.id = coalesce(refused.message_id, refused.id)
  )${conditions(filter)}
order by received_at, id
limit ${Math.trunc(filter.rowsMax)}`,
  )
  return rows.map((row) => {
    const text = (index: number): string => String(row[index])
    const optional = (index: number): string | undefined =>
      row[index] === null ? undefined : text(index)
    return {
      id: text(0),
      source: text(1),
      messageId: optional(2),
      event: optional(3),
      owner: optional(4),
      rule: text(5),
      reason: text(6),
      schemaVersion: optional(7),
      receivedAtMs: Number(row[8]),
      request: text(9),
      bytes: text(10),
    }
  })
}

export interface RefusedCount {
  readonly event: string | undefined
  readonly rule: string
  readonly owner: string | undefined
  readonly count: number
}

/** Of all that was received since, whether it has come back or not; most first. */
export async function countQuarantine(
  at: { readonly lake: Lake; readonly session: Session },
  sinceMs: number,
): Promise<readonly RefusedCount[]> {
  const { lake, session } = at
  const quarantine = await lake.table(collectedTables.quarantine)
  if (quarantine?.current === undefined) return []
  const since = Math.trunc(sinceMs) * 1_000
  const filters = [{ column: 'received_at', lower: BigInt(since) }]
  await session.bindScan('refused', await lake.scan(quarantine, { filters }))
  const { rows } = await session.query(
    `select event, rule, max(owner), count(*) as events
from refused
where received_at >= make_timestamptz(${since})
group by event, rule
order by events desc, event, rule`,
  )
  return rows.map(([event, rule, owner, count]) => ({
    event: event === null ? undefined : String(event),
    rule: String(rule),
    owner: owner === null ? undefined : String(owner),
    count: Number(count),
  }))
}

function conditions({ event, rule, sinceMs }: QuarantineFilter): string {
  return [
    event === undefined ? '' : `\n  and event = ${scalarLiteral(event)}`,
    rule === undefined ? '' : `\n  and rule = ${scalarLiteral(rule)}`,
    sinceMs === undefined
      ? ''
      : `\n  and received_at >= make_timestamptz(${Math.trunc(sinceMs) * 1000})`,
  ].join('')
}

/** `log` is the replay's own: the landing reads it beside those of the collectors. */
export async function replayQuarantine(
  refused: readonly Refused[],
  into: { readonly settings: CollectSettings; readonly log: LogWriter },
): Promise<Replayed> {
  const { catalog } = into.settings
  const judge = compileJudge(into.settings)
  const sources = new Map(into.settings.sources.map((source) => [source.name, source]))
  let replayed = 0
  for (const each of refused) {
    const read = readAgain(each)
    const source = sources.get(each.source)
    if (read?.kind !== 'event' || source === undefined) continue
    if (judge.judge(read, source) !== undefined) continue
    const versions = judge.versionsOf([read])
    // oxlint-disable-next-line no-await-in-loop -- appends that wait for each other keep the order
    await into.log.append([
      { partition: 0, ...encodeRequest({ ...recordOf(each, read.event), catalog, versions }) },
    ])
    replayed++
  }
  return { replayed, refused: refused.length - replayed }
}

/** What could be read is kept as the native dialect has it; what could not, as the whole body in its own. */
function readAgain(refused: Refused): ReadEvent | undefined {
  const body = parseBody(Buffer.from(refused.bytes))
  if (body === undefined) return undefined
  const request = JSON.parse(refused.request) as Pick<
    RequestRecord,
    'route' | 'query' | 'userAgent'
  > & {
    readonly dialect: DialectName
    readonly index: number
  }
  if (refused.rule !== 'unreadable')
    return nativeDialect.readEvents({ route: 'events', path: '', query: {}, headers: {} }, body)[0]
  const { route, query = {}, userAgent } = request
  const headers = { 'user-agent': userAgent }
  return dialectNamed(request.dialect)?.readEvents({ route, path: '', query, headers }, body)[
    request.index
  ]
}

function recordOf(
  refused: Refused,
  event: IncomingEvent,
): Omit<RequestRecord, 'catalog' | 'versions'> {
  const { address, userAgent } = JSON.parse(refused.request) as Partial<RequestRecord>
  return {
    requestId: randomUUID(),
    receivedAtMs: refused.receivedAtMs,
    source: refused.source,
    dialect: 'native',
    route: 'events',
    ...(address === undefined ? {} : { address }),
    ...(userAgent === undefined ? {} : { userAgent }),
    quarantined: [],
    replays: [refused.id],
    body: Buffer.from(nativeText({ ...event, id: event.id ?? refused.id })!),
  }
}

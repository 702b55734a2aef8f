/** What a source's policy lets through to the disk: events without consent are not kept at all, and addresses inside an event are treated like the sender's own. */
import { applyAddressPolicy } from './address.ts'
import { nativeText } from './dialect/native.ts'
import { isRecord } from './dialect/answers.ts'
import type { EventResult, IncomingEvent, ReadEvent } from './dialect.ts'
import type { SourceSettings } from './settings.ts'

export interface Allowed {
  readonly events: readonly ReadEvent[]
  /** The body as received must not be kept. */
  readonly isRedacted: boolean
  /** Results by index of the request: what was dropped is answered ok, so that nobody sends it again. */
  spread(results: readonly EventResult[]): readonly EventResult[]
}

export function applyPolicy(events: readonly ReadEvent[], source: SourceSettings): Allowed {
  if (source.consent === undefined && !events.some((each) => redact(each, source) !== each))
    return { events, isRedacted: false, spread: (results) => results }
  const kept: ReadEvent[] = []
  const dropped = new Map<number, EventResult>()
  let isRedacted = false
  for (const [index, each] of events.entries()) {
    if (each.kind === 'event' && !isConsented(each.event, source)) {
      dropped.set(index, { id: each.event.id ?? String(index), result: 'ok' })
      continue
    }
    const redacted = redact(each, source)
    isRedacted ||= redacted !== each
    kept.push(redacted)
  }
  if (dropped.size === 0) return { events: kept, isRedacted, spread: (results) => results }
  return {
    events: kept,
    isRedacted: true,
    spread: (results) => {
      let next = 0
      return events.map((_, index) => dropped.get(index) ?? results[next++]!)
    },
  }
}

/** The request as the native dialect would have sent it. */
export function nativeBody(events: readonly ReadEvent[]): Buffer {
  const list = events.map((each) =>
    each.kind === 'event' ? writtenText(each.event) : JSON.stringify({ id: each.id, kind: null }),
  )
  return Buffer.from(`{"events":[${list.join(',')}]}`)
}

/** What is nested too deep to be written the judge refuses, and what it held is not kept. */
function writtenText(event: IncomingEvent): string {
  return nativeText(event) ?? nativeText({ ...event, properties: {}, context: {} })!
}

/** Segment's form: `context.consent.categoryPreferences`, a boolean for each category. */
function isConsented(event: IncomingEvent, source: SourceSettings): boolean {
  if (source.consent === undefined) return true
  const consent = event.context['consent']
  const stated = isRecord(consent) ? consent['categoryPreferences'] : undefined
  if (!isRecord(stated)) return source.consent.unstated === 'keep'
  return source.consent.categories.every((category) => stated[category] === true)
}

function redact(each: ReadEvent, source: SourceSettings): ReadEvent {
  // Asked first: few clients send one, and what is left without it is a copy.
  if (source.address === 'keep' || each.kind !== 'event') return each
  if (each.event.context['ip'] === undefined) return each
  const { ip, ...rest } = each.event.context
  const left = applyAddressPolicy(typeof ip === 'string' ? ip : undefined, source.address)
  return {
    kind: 'event',
    event: { ...each.event, context: left === undefined ? rest : { ...rest, ip: left } },
  }
}

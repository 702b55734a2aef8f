/**
 * Judges events by the catalog. Everything that can be known beforehand is compiled once per version of the settings, so that an event costs a few microseconds.
 * What is refused is quarantined and acknowledged; nothing here throws, whatever was sent.
 */
import type { IncomingEvent, ReadEvent } from './dialect.ts'
import type { QuarantineRule } from './record.ts'
import type { CollectSettings, EventEntry, SourceSettings } from './settings.ts'
import { compileCheck, isShallow, isWithin, typeText, type ValueCheck } from './value-check.ts'

export interface Judge {
  /**
   * undefined: accepted. `reason` is for people and at most 200 characters long. `sentBytes`: of all that was sent with the event, where it is known; what was
   * sent in a small request is not weighed.
   */
  judge(event: ReadEvent, source: SourceSettings, sentBytes?: number): Judgement | undefined
  /** The entries by which these are judged: their versions by the events' names. */
  versionsOf(events: readonly ReadEvent[]): Readonly<Record<string, string>>
}

export interface Judgement {
  readonly rule: QuarantineRule
  readonly reason: string
}

export interface JudgeOptions {
  /** Of one event: properties and context, as JSON. */
  readonly eventBytesMax?: number
}

const idLengthMax = 200
const nameLengthMax = 200
const reasonLengthMax = 200
const defaultEventBytesMax = 32_768

/** What broken clients send in the place of an id: everybody who shares it would become one person. Compared without case. */
const illegalIds: ReadonlySet<string> = new Set([
  '0',
  '00000000-0000-0000-0000-000000000000',
  '[object object]',
  'anonymous',
  'deviceid',
  'distinct_id',
  'distinctid',
  'email',
  'false',
  'guest',
  'id',
  'nan',
  'nil',
  'none',
  'not_authenticated',
  'null',
  'true',
  'undefined',
  'unknown',
  'user_id',
])
const illegalLengths: ReadonlySet<number> = new Set([...illegalIds].map((id) => id.length))

interface CompiledEntry {
  readonly version: string
  readonly properties: readonly CompiledProperty[]
  readonly names: ReadonlySet<string>
}

interface CompiledProperty {
  readonly name: string
  readonly required: boolean
  readonly type: string
  readonly isOfType: ValueCheck
}

export function compileJudge(settings: CollectSettings, options: JudgeOptions = {}): Judge {
  const eventBytesMax = options.eventBytesMax ?? defaultEventBytesMax
  const entries = new Map(settings.events.map((entry) => [entry.event, compileEntry(entry)]))
  return {
    judge: (read, source, sentBytes = Infinity) => {
      if (read.kind === 'unreadable') return judged('unreadable', read.reason)
      const { event } = read
      const entry = entries.get(event.name)
      return (
        judgeSize(event, eventBytesMax, sentBytes) ??
        (entry === undefined && event.kind === 'track'
          ? judged('unknown_event', `no event "${event.name}" is declared`)
          : undefined) ??
        judgeIds(event) ??
        (entry === undefined ? undefined : judgeProperties(event, entry, source))
      )
    },
    versionsOf: (events) => {
      const versions: Record<string, string> = {}
      for (const each of events) {
        const entry = each.kind === 'event' ? entries.get(each.event.name) : undefined
        if (each.kind === 'event' && entry !== undefined) versions[each.event.name] = entry.version
      }
      return versions
    },
  }
}

function compileEntry(entry: EventEntry): CompiledEntry {
  return {
    version: entry.version,
    properties: entry.properties.map(({ name, required, type }) => ({
      name,
      required,
      type: typeText(type),
      isOfType: compileCheck(type),
    })),
    names: new Set(entry.properties.map((property) => property.name)),
  }
}

function judgeSize(
  event: IncomingEvent,
  eventBytesMax: number,
  sentBytes: number,
): Judgement | undefined {
  if (event.name.length > nameLengthMax)
    return judged('oversize', `the name has ${event.name.length} characters, at most 200 are taken`)
  const { properties, context } = event
  const isTaken =
    sentBytes <= eventBytesMax
      ? isShallow(properties, 1) && isShallow(context, 1)
      : isWithin([properties, context], eventBytesMax)
  return isTaken
    ? undefined
    : judged('oversize', `larger than ${eventBytesMax} bytes, or nested too deep`)
}

function judgeIds(event: IncomingEvent): Judgement | undefined {
  const { id, anonymousId, memberId, previousId } = event
  if (id !== undefined && id.length > idLengthMax) return tooLong('message id', id)
  const problem =
    judgeId('anonymous id', anonymousId) ??
    judgeId('member id', memberId) ??
    judgeId('previous id', previousId)
  if (problem !== undefined) return problem
  if (!isGiven(anonymousId) && !isGiven(memberId))
    return judged('no_id', 'neither an anonymous id nor a member id')
  return undefined
}

function judgeId(what: string, id: string | undefined): Judgement | undefined {
  if (!isGiven(id)) return undefined
  if (id.length > idLengthMax) return tooLong(what, id)
  const text = id.trim()
  if (illegalLengths.has(text.length) && illegalIds.has(text.toLowerCase()))
    return judged('illegal_id', `${what} "${id}" is what a client without one sends`)
  return text === '' ? judged('illegal_id', `${what} is blank`) : undefined
}

function isGiven(id: string | undefined): id is string {
  return id !== undefined && id !== ''
}

function tooLong(what: string, id: string): Judgement {
  return judged('illegal_id', `${what} has ${id.length} characters, at most 200 are taken`)
}

function judgeProperties(
  event: IncomingEvent,
  entry: CompiledEntry,
  source: SourceSettings,
): Judgement | undefined {
  const { properties } = event
  for (const { name, required, type, isOfType } of entry.properties) {
    // A name like `constructor` must not find what every object inherits.
    const value = Object.hasOwn(properties, name) ? properties[name] : undefined
    if (value === undefined || value === null) {
      if (required) return judged('missing_property', `"${name}" is required`)
    } else if (!isOfType(value)) {
      return judged('wrong_type', `"${name}" is not ${type}: ${shown(value)}`)
    }
  }
  if (source.unknownProperties === 'quarantine')
    for (const name of Object.keys(properties))
      if (!entry.names.has(name))
        return judged('unknown_property', `"${name}" is not declared: ${shown(properties[name])}`)
  return undefined
}

function judged(rule: QuarantineRule, reason: string): Judgement {
  return { rule, reason: reason.slice(0, reasonLengthMax) }
}

function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 100)) : JSON.stringify(value)
}

/** From the project to what a collector works by, and which changes of a catalog are safe while clients send by the old one. */
import { createHash } from 'node:crypto'
import { contentHash } from '../base/hash.ts'
import type { ColumnType, Model, RawEventModel } from '../model/model.ts'
import type { CollectSettings, EventEntry, KeySettings, SourceSettings } from './settings.ts'
import { typeText } from './value-check.ts'

/** `keys`: secret texts; only their hashes go on. */
export type SourcePolicy = Omit<SourceSettings, 'name' | 'keys' | 'rateMax'> & {
  readonly rate?: number
  readonly keys: readonly string[]
}

export interface CollectPolicy {
  readonly sources: Readonly<Record<string, SourcePolicy>>
  readonly trustedProxies?: readonly string[]
}

/** Keys in force, each of a source; those of a source that the configuration does not name are left out. */
export function compileSettings(
  model: Model,
  { sources, trustedProxies }: CollectPolicy,
  keys: readonly (KeySettings & { readonly source: string })[],
): CollectSettings {
  const events = model.tables
    .filter((table) => table.kind === 'raw_event')
    .map((table) => compileEvent(table))
  return {
    catalog: contentHash(JSON.stringify(events)),
    events,
    sources: Object.entries(sources)
      .toSorted(([left], [right]) => (left < right ? -1 : 1))
      .map(([name, policy]) => compileSource(name, policy, keys)),
    ...(trustedProxies === undefined ? {} : { trustedProxies }),
  }
}

function compileEvent(table: RawEventModel): EventEntry {
  const properties = table.properties.map((name) => {
    const column = table.columns.find((each) => each.name === name)!
    return { name, type: column.type, required: column.required }
  })
  return {
    id: table.id,
    event: table.event,
    owner: table.owner,
    version: contentHash(JSON.stringify(properties)),
    properties,
  }
}

function compileSource(
  name: string,
  policy: SourcePolicy,
  keys: readonly (KeySettings & { readonly source: string })[],
): SourceSettings {
  const configured = policy.keys.map((key, index) => ({
    id: `${name}-config-${index + 1}`,
    sha256: hashKey(key),
  }))
  const kept = keys.filter((key) => key.source === name).map(({ id, sha256 }) => ({ id, sha256 }))
  return {
    name,
    keys: [...configured, ...kept],
    ...(policy.rate === undefined ? {} : { rateMax: policy.rate }),
    address: policy.address,
    ...(policy.consent === undefined ? {} : { consent: policy.consent }),
    unknownProperties: policy.unknownProperties,
  }
}

/** SHA-256 in hex: all that is stored of a key. A key has 192 random bits, so it needs no salt. */
export function hashKey(key: string): string {
  return createHash('sha256').update(key).digest('hex')
}

/**
 * Why the change cannot go live while clients still send by the old catalog and rows of it are in the table; empty when it can.
 * Compatible: a new event, a new optional property, required → optional, a type that takes every value of the old one.
 */
export function compareCatalogs(
  before: readonly EventEntry[],
  after: readonly EventEntry[],
): readonly string[] {
  const events = new Map(after.map((entry) => [entry.event, entry]))
  return before.flatMap((entry) => {
    const changed = events.get(entry.event)
    if (changed === undefined) return [`event "${entry.event}" was removed or renamed`]
    return comparePropertiesOf(entry, changed).map((fault) => `event "${entry.event}": ${fault}`)
  })
}

function comparePropertiesOf(before: EventEntry, after: EventEntry): readonly string[] {
  const old = new Map(before.properties.map((property) => [property.name, property]))
  const faults = before.properties
    .filter(({ name }) => !after.properties.some((property) => property.name === name))
    .map(({ name }) => `property "${name}" was removed`)
  for (const { name, type, required } of after.properties) {
    const was = old.get(name)
    if (was === undefined) {
      if (required) faults.push(`property "${name}" is new and required`)
      continue
    }
    if (required && !was.required) faults.push(`property "${name}" became required`)
    if (!takesAllOf(type, was.type))
      faults.push(`property "${name}" changed from ${typeText(was.type)} to ${typeText(type)}`)
  }
  return faults
}

const integerDigits = 19
const sentAsText: ReadonlySet<ColumnType['kind']> = new Set([
  'uuid',
  'bytes',
  'date',
  'time',
  'timestamp',
  'local_timestamp',
])

function takesAllOf(wide: ColumnType, narrow: ColumnType): boolean {
  if (wide.kind === 'json') return true
  if (wide.kind === 'list') return narrow.kind === 'list' && takesAllOf(wide.of, narrow.of)
  if (wide.kind === 'decimal') {
    const whole = wide.precision - wide.scale
    if (narrow.kind === 'integer') return whole >= integerDigits
    if (narrow.kind !== 'decimal') return false
    return wide.scale >= narrow.scale && whole >= narrow.precision - narrow.scale
  }
  if (wide.kind === narrow.kind) return true
  if (wide.kind === 'number') return narrow.kind === 'integer'
  return wide.kind === 'text' && sentAsText.has(narrow.kind)
}

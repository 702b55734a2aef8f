/** Values as the port promises them: plain, exact, the same from every engine. */
import type { DuckDBType, DuckDBValue } from '@duckdb/node-api'
import { stringifyJson } from '../../base/json.ts'
import type { Value } from '../engine.ts'
import { typeIds } from './types.ts'

/** Turns a value that is not null. */
export type Convert = (value: DuckDBValue) => Value

/** Made once per column, called once per value. */
export function converterOf(type: DuckDBType): Convert {
  const id = Number(type.typeId)
  if (id === typeIds.list || id === typeIds.array) {
    const convert = nullable(converterOf((type as unknown as { valueType: DuckDBType }).valueType))
    return (value) => (value as unknown as { items: readonly DuckDBValue[] }).items.map(convert)
  }
  const nested = nestedConverter(type, id)
  if (nested !== undefined) return (value) => stringifyJson(nested(value))
  return simpleConverters.get(id) ?? String
}

function nullable(convert: Convert): (value: DuckDBValue) => Value {
  return (value) => (value === null ? null : convert(value))
}

const same: Convert = (value) => value as Value

const simpleConverters: ReadonlyMap<number, Convert> = new Map<number, Convert>([
  [typeIds.boolean, same],
  [typeIds.tinyint, same],
  [typeIds.smallint, same],
  [typeIds.integer, same],
  [typeIds.utinyint, same],
  [typeIds.usmallint, same],
  [typeIds.uinteger, same],
  [typeIds.float, same],
  [typeIds.double, same],
  [typeIds.varchar, same],
  [typeIds.enum, same],
  [typeIds.bigint, (value) => integerValue(value as bigint)],
  [typeIds.decimal, (value) => decimalDigits(value as unknown as { value: bigint; scale: number })],
  [typeIds.date, (value) => dateText((value as unknown as { days: number }).days)],
  [typeIds.time, (value) => timeText((value as unknown as { micros: bigint }).micros)],
  [typeIds.timestamp, (value) => instantText(microsOf(value))],
  [typeIds.timestampZone, (value) => zoned(instantText(microsOf(value)))],
  [
    typeIds.timestampSeconds,
    (value) => instantText((value as unknown as { seconds: bigint }).seconds * 1_000_000n),
  ],
  [
    typeIds.timestampMilliseconds,
    (value) => instantText((value as unknown as { millis: bigint }).millis * 1000n),
  ],
  [
    typeIds.timestampNanoseconds,
    (value) => instantText((value as unknown as { nanos: bigint }).nanos / 1000n),
  ],
  [
    typeIds.blob,
    (value) => Buffer.from((value as unknown as { bytes: Uint8Array }).bytes).toString('hex'),
  ],
])

function microsOf(value: DuckDBValue): bigint {
  return (value as unknown as { micros: bigint }).micros
}

/** Structs, maps and unions as JSON: an object by field, or a list of [key, value]. */
function nestedConverter(
  type: DuckDBType,
  id: number,
): ((value: DuckDBValue) => unknown) | undefined {
  if (id === typeIds.struct) {
    const { entryNames, entryTypes } = type as unknown as {
      entryNames: string[]
      entryTypes: DuckDBType[]
    }
    const fields = entryTypes.map((entryType) => nestedField(entryType))
    return (value) => {
      const { entries } = value as unknown as { entries: Record<string, DuckDBValue> }
      return Object.fromEntries(
        entryNames.map((name, index) => [name, fields[index]!(entries[name] ?? null)]),
      )
    }
  }
  if (id === typeIds.map) {
    const { keyType, valueType } = type as unknown as { keyType: DuckDBType; valueType: DuckDBType }
    const key = nestedField(keyType)
    const item = nestedField(valueType)
    return (value) =>
      (value as unknown as { entries: { key: DuckDBValue; value: DuckDBValue }[] }).entries.map(
        (entry) => [key(entry.key), item(entry.value)],
      )
  }
  return id === typeIds.union || id === typeIds.variant ? (value) => String(value) : undefined
}

function nestedField(type: DuckDBType): (value: DuckDBValue) => unknown {
  const convert = nestedConverter(type, Number(type.typeId)) ?? converterOf(type)
  return (value) => (value === null ? null : convert(value))
}

function integerValue(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

/** All digits with the whole scale: `12.50`. */
function decimalDigits(decimal: { readonly value: bigint; readonly scale: number }): string {
  if (decimal.scale === 0) return decimal.value.toString()
  const sign = decimal.value < 0n ? '-' : ''
  const digits = (decimal.value < 0n ? -decimal.value : decimal.value)
    .toString()
    .padStart(decimal.scale + 1, '0')
  return `${sign}${digits.slice(0, -decimal.scale)}.${digits.slice(-decimal.scale)}`
}

const infiniteMicros = 9_223_372_036_854_775_807n
const infiniteDays = 2_147_483_647
/** Beyond this `Date` has no answer. */
const dateRangeMs = 8_640_000_000_000_000

/** ISO 8601 without zone; microseconds only when there are any. */
function instantText(micros: bigint): string {
  if (micros === infiniteMicros) return 'infinity'
  if (micros === -infiniteMicros) return '-infinity'
  let seconds = micros / 1_000_000n
  let fraction = micros % 1_000_000n
  if (fraction < 0n) {
    seconds -= 1n
    fraction += 1_000_000n
  }
  const ms = Number(seconds) * 1000
  if (Math.abs(ms) > dateRangeMs) return `${micros} microseconds`
  const text = new Date(ms).toISOString().slice(0, -5)
  return fraction === 0n ? text : `${text}.${fraction.toString().padStart(6, '0')}`
}

function zoned(text: string): string {
  return text.endsWith('infinity') || text.endsWith('microseconds') ? text : `${text}Z`
}

function dateText(days: number): string {
  if (days === infiniteDays) return 'infinity'
  if (days === -infiniteDays) return '-infinity'
  const ms = days * 86_400_000
  return Math.abs(ms) > dateRangeMs ? `${days} days` : new Date(ms).toISOString().slice(0, -14)
}

function timeText(micros: bigint): string {
  // 24:00:00 is a time of day in SQL, but not in `Date`.
  if (micros === 86_400_000_000n) return '24:00:00'
  return instantText(micros).slice(11)
}

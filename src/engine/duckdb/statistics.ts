/** Statistics of a written file: DuckDB gives them as text, Iceberg wants comparable bounds by field id. */
import type { Bound, ColumnStatistics, Field } from '../../lake/lake.ts'
import type { ColumnType } from '../../model/model.ts'

/** `"amount"` or `"tags"."element"` → texts by name (`min`, `max`, `null_count` …). */
export type TextStatistics = ReadonlyMap<string, ReadonlyMap<string, string>>

export function columnStatistics(
  fields: readonly Field[],
  texts: TextStatistics,
): ReadonlyMap<number, ColumnStatistics> {
  const result = new Map<number, ColumnStatistics>()
  for (const field of fields) {
    const path = `"${field.name.replaceAll('"', '""')}"`
    const own = texts.get(path)
    if (own !== undefined) result.set(field.id, { ...counts(own), ...bounds(own, field.type) })
    const element = texts.get(`${path}."element"`)
    if (element !== undefined && field.elementId !== undefined)
      result.set(field.elementId, counts(element))
  }
  return result
}

function counts(texts: ReadonlyMap<string, string>): ColumnStatistics {
  return {
    sizeBytes: Number(texts.get('column_size_bytes') ?? 0),
    valueCount: Number(texts.get('num_values') ?? 0),
    nullCount: Number(texts.get('null_count') ?? 0),
  }
}

function bounds(
  texts: ReadonlyMap<string, string>,
  type: ColumnType,
): { readonly lower?: Bound; readonly upper?: Bound } {
  const min = texts.get('min')
  const max = texts.get('max')
  if (min === undefined || max === undefined || texts.get('has_nan') === 'true') return {}
  const lower = boundOf(min, type)
  const upper = boundOf(max, type)
  if (lower === undefined || upper === undefined) return {}
  // Iceberg orders -0 before 0, Parquet's statistics may hold either.
  return type.kind === 'number'
    ? { lower: lower === 0 ? -0 : lower, upper: upper === 0 ? 0 : upper }
    : { lower, upper }
}

function boundOf(text: string, type: ColumnType): Bound | undefined {
  switch (type.kind) {
    // The lake cuts long texts when it writes them down.
    case 'text':
    case 'json':
      return text
    case 'integer':
      return BigInt(text)
    case 'number': {
      const number = Number(text)
      return Number.isNaN(number) ? undefined : number
    }
    case 'boolean':
      return text === '1' || text === 'true'
    case 'decimal':
      return unscaled(text, type.scale)
    case 'date':
      return dayBound(text)
    case 'timestamp':
    case 'local_timestamp':
      return instantBound(text)
    case 'time':
      return timeBound(text)
    default:
      // Readers disagree on the order of uuids; bytes and lists are not compared.
      return undefined
  }
}

function unscaled(text: string, scale: number): bigint | undefined {
  const match = /^(-?)(\d*)(?:\.(\d*))?$/.exec(text)
  if (match === null) return undefined
  const fraction = (match[3] ?? '').padEnd(scale, '0')
  if (fraction.length > scale) return undefined
  return BigInt(`${match[1]}${match[2] === '' ? '0' : match[2]}${fraction}`)
}

function dayBound(text: string): number | undefined {
  const match = /^(\d{4,6})-(\d{2})-(\d{2})$/.exec(text)
  return match === null
    ? undefined
    : Math.round(utcMs(match[1]!, match[2]!, match[3]!) / 86_400_000)
}

/** Years below 100 are not of the twentieth century. */
function utcMs(year: string, month: string, day: string): number {
  return new Date(0).setUTCFullYear(Number(year), Number(month) - 1, Number(day))
}

/** The text stands in the session's zone with its offset, which may have seconds in old times. */
function instantBound(text: string): bigint | undefined {
  const match =
    /^(\d{4,6})-(\d{2})-(\d{2}) (\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?)(?:([+-])(\d{2})(?::(\d{2}))?(?::(\d{2}))?)?$/.exec(
      text,
    )
  if (match === null) return undefined
  const time = timeBound(match[4]!)
  if (time === undefined) return undefined
  const offsetSeconds =
    Number(match[6] ?? 0) * 3600 + Number(match[7] ?? 0) * 60 + Number(match[8] ?? 0)
  const offset = BigInt(match[5] === '-' ? -offsetSeconds : offsetSeconds) * 1_000_000n
  return BigInt(utcMs(match[1]!, match[2]!, match[3]!)) * 1000n + time - offset
}

function timeBound(text: string): bigint | undefined {
  const match = /^(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?$/.exec(text)
  if (match === null) return undefined
  const seconds = Number(match[1]) * 3600 + Number(match[2]) * 60 + Number(match[3])
  return BigInt(seconds) * 1_000_000n + BigInt((match[4] ?? '').padEnd(6, '0'))
}

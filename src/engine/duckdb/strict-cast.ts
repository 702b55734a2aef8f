/**
 * SQL that turns a text into a value of a column's type, or null when it cannot be one exactly. DuckDB's own casts round
 * ('1.5' becomes the integer 2) and cut ('2011-01-05 12:00' becomes a date), so each text is checked before it is cast.
 */
import type { ColumnType } from '../../model/model.ts'
import { quoteText } from './names.ts'
import { sqlType } from './types.ts'

export interface TimeFormats {
  readonly timestampFormat?: string
  readonly dateFormat?: string
}

/** What a person is told was expected. */
export function describeType(type: ColumnType, formats: TimeFormats = {}): string {
  switch (type.kind) {
    case 'integer':
      return 'an integer'
    case 'decimal':
      return `a decimal with at most ${type.precision - type.scale} digits before and ${type.scale} after the point`
    case 'timestamp':
    case 'local_timestamp':
      return formats.timestampFormat === undefined
        ? 'a timestamp (ISO 8601, years 1 to 9999)'
        : `a timestamp like ${formats.timestampFormat}`
    case 'date':
      return formats.dateFormat === undefined
        ? 'a date (YYYY-MM-DD, years 1 to 9999)'
        : `a date like ${formats.dateFormat}`
    case 'time':
      return 'a time of day (HH:MM:SS)'
    case 'bytes':
      return 'bytes as hex digits'
    case 'json':
      return 'JSON'
    case 'list':
      return `a JSON array, each element ${describeType(type.of, formats)}`
    case 'text':
    case 'number':
    case 'boolean':
    case 'uuid':
      return `a ${type.kind}`
  }
}

/** Where an empty text is a value and not a missing one. */
export function keepsEmptyText(type: ColumnType): boolean {
  return type.kind === 'text' || type.kind === 'json'
}

/** `text` is a SQL expression of type varchar that is cheap to repeat: a column or a lambda's parameter. */
export function strictCast(text: string, type: ColumnType, formats: TimeFormats = {}): string {
  switch (type.kind) {
    case 'text':
      return text
    case 'json':
      return `case when json_valid(${text}) then ${text} end`
    case 'integer':
      return `case when regexp_full_match(${text}, '\\s*[+-]?[0-9]+(\\.0*)?\\s*') then try_cast(split_part(${text}, '.', 1) as bigint) end`
    case 'decimal':
      return castDecimal(text, type)
    case 'timestamp':
    case 'local_timestamp':
      return castTimestamp(text, type.kind, formats.timestampFormat)
    case 'date':
      return castDate(text, formats.dateFormat)
    case 'time':
      return `case when not ${hasNanoseconds(text)} then nullif(try_cast(${text} as time), time '24:00:00') end`
    case 'bytes':
      return `case when regexp_full_match(${text}, '(\\\\x)?([0-9a-fA-F]{2})*') then unhex(case when starts_with(${text}, '\\x') then substr(${text}, 3) else ${text} end) end`
    case 'list':
      return castList(text, type.of, formats)
    case 'number':
    case 'boolean':
    case 'uuid':
      return `try_cast(${text} as ${sqlType(type)})`
  }
}

/** With an exponent the digits cannot be counted by a pattern; there the value must survive as a double, which is exact for 15 digits. */
function castDecimal(text: string, type: Extract<ColumnType, { kind: 'decimal' }>): string {
  const cast = `try_cast(${text} as ${sqlType(type)})`
  return `case when regexp_full_match(${text}, '\\s*[+-]?[0-9]*(\\.[0-9]{0,${type.scale}}0*)?\\s*') then ${cast}
    when regexp_full_match(${text}, '\\s*[+-]?[0-9.]{1,16}[eE][+-]?[0-9]{1,3}\\s*') and try_cast(${text} as double) = try_cast(${cast} as double) then ${cast} end`
}

/** Infinity and years before 1 or after 9999 are refused: other readers of the lake cannot hold them. */
function castTimestamp(
  text: string,
  kind: 'timestamp' | 'local_timestamp',
  format: string | undefined,
): string {
  const type = kind === 'timestamp' ? 'timestamptz' : 'timestamp'
  const zone = kind === 'timestamp' ? '+00' : ''
  const cast =
    format === undefined
      ? `try_cast(${text} as ${type})`
      : `try_cast(try_strptime(${text}, ${quoteText(format)}) as ${type})`
  const refused =
    kind === 'local_timestamp' && format === undefined
      ? `(${hasNanoseconds(text)} or regexp_matches(${text}, ':[0-9.]+\\s*([zZ]|[+-][0-9])'))`
      : hasNanoseconds(text)
  return `case when not ${refused} and ${cast} between ${type} '0001-01-01 00:00:00${zone}' and ${type} '9999-12-31 23:59:59.999999${zone}' then ${cast} end`
}

function castDate(text: string, format: string | undefined): string {
  const instant =
    format === undefined
      ? `try_cast(${text} as timestamp)`
      : `try_strptime(${text}, ${quoteText(format)})`
  const isDay = `(length(${text}) <= 10 or ${instant} = date_trunc('day', ${instant}))`
  const cast = format === undefined ? `try_cast(${text} as date)` : `try_cast(${instant} as date)`
  return `case when ${isDay} and ${cast} between date '0001-01-01' and date '9999-12-31' then ${cast} end`
}

/** Digits below the microsecond, which would be cut. */
function hasNanoseconds(text: string): string {
  return `(length(${text}) > 15 and regexp_matches(${text}, '\\.[0-9]{6}0*[1-9]'))`
}

function castList(text: string, of: ColumnType, formats: TimeFormats): string {
  const element = of.kind === 'list' ? 'f' : 'e'
  const cast = strictCast(element, of, formats)
  const texts = `try(from_json(${text}, '["VARCHAR"]'))`
  const bad = `list_filter(${texts}, lambda ${element}: ${element} is not null and (${cast}) is null)`
  const isFlat = of.kind === 'list' ? 'true' : `not regexp_matches(${text}, '^\\s*\\[\\s*\\[')`
  return `case when json_valid(${text}) and json_type(${text}) = 'ARRAY' and ${isFlat} and len(${bad}) = 0 then list_transform(${texts}, lambda ${element}: ${cast}) end`
}

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

/**
 * A text becomes `value`, which is null when the text cannot be cast; where `isExact` is there, it must hold too. Both are SQL over a text and a value
 * that are cheap to repeat: columns, or a lambda's parameters.
 */
export interface StrictCast {
  readonly value: string
  readonly isExact?: string
}

/** `value` in `isExact` is written as `names.value`, so that the cast is computed once. */
export function strictCast(
  names: { readonly text: string; readonly value: string },
  type: ColumnType,
  formats: TimeFormats = {},
): StrictCast {
  const { text, value } = names
  switch (type.kind) {
    case 'text':
      return { value: text }
    case 'json':
      return { value: text, isExact: `json_valid(${text})` }
    case 'integer':
      return {
        value: `try_cast(case when contains(${text}, '.') then split_part(${text}, '.', 1) else ${text} end as bigint)`,
        isExact: `regexp_full_match(${text}, '\\s*[+-]?[0-9]+(\\.0*)?\\s*')`,
      }
    case 'decimal':
      return {
        value: `try_cast(${text} as ${sqlType(type)})`,
        isExact: isExactDecimal(names, type.scale),
      }
    case 'timestamp':
    case 'local_timestamp':
      return castTimestamp(names, type.kind, formats.timestampFormat)
    case 'date':
      return castDate(names, formats.dateFormat)
    case 'time':
      return {
        value: `try_cast(${text} as time)`,
        isExact: `${value} < time '24:00:00' and not ${hasNanoseconds(text, 'HH:MM:SS.ffffff'.length)}`,
      }
    case 'bytes':
      return {
        value: `try(unhex(case when starts_with(${text}, '\\x') then substr(${text}, 3) else ${text} end))`,
        isExact: `length(${text}) % 2 = 0`,
      }
    case 'list':
      return { value: castList(text, type.of, formats) }
    case 'number':
    case 'boolean':
    case 'uuid':
      return { value: `try_cast(${text} as ${sqlType(type)})` }
  }
}

/** One expression for both: null where the text cannot be cast exactly. */
function exactOrNull(
  names: { readonly text: string; readonly value: string },
  cast: StrictCast,
): string {
  return cast.isExact === undefined
    ? cast.value
    : `case when ${cast.isExact.replaceAll(names.value, cast.value)} then ${cast.value} end`
}

/** With an exponent the digits cannot be counted by a pattern; there the value must survive as a double, which is exact for 15 digits. */
function isExactDecimal(
  names: { readonly text: string; readonly value: string },
  scale: number,
): string {
  const { text, value } = names
  return `(regexp_full_match(${text}, '\\s*[+-]?[0-9]*(\\.[0-9]{0,${scale}}0*)?\\s*') or (regexp_full_match(${text}, '\\s*[+-]?[0-9.]{1,16}[eE][+-]?[0-9]{1,3}\\s*')
    and try_cast(${text} as double) = try_cast(${value} as double)))`
}

/** Infinity and years before 1 or after 9999 are refused: other readers of the lake cannot hold them. */
function castTimestamp(
  names: { readonly text: string; readonly value: string },
  kind: 'timestamp' | 'local_timestamp',
  format: string | undefined,
): StrictCast {
  const { text, value } = names
  const type = kind === 'timestamp' ? 'timestamptz' : 'timestamp'
  const zone = kind === 'timestamp' ? '+00' : ''
  const isInRange = `${value} between ${type} '0001-01-01 00:00:00${zone}' and ${type} '9999-12-31 23:59:59.999999${zone}'`
  const hasZone =
    kind === 'local_timestamp' && format === undefined
      ? ` and not regexp_matches(${text}, ':[0-9.]+\\s*([zZ]|[+-][0-9])')`
      : ''
  return {
    value:
      format === undefined
        ? `try_cast(${text} as ${type})`
        : `try_cast(try_strptime(${text}, ${quoteText(format)}) as ${type})`,
    isExact: `${isInRange} and not ${hasNanoseconds(text, 'YYYY-MM-DD HH:MM:SS.ffffff'.length)}${hasZone}`,
  }
}

function castDate(
  names: { readonly text: string; readonly value: string },
  format: string | undefined,
): StrictCast {
  const { text, value } = names
  const instant =
    format === undefined
      ? `try_cast(${text} as timestamp)`
      : `try_strptime(${text}, ${quoteText(format)})`
  return {
    value: format === undefined ? `try_cast(${text} as date)` : `try_cast(${instant} as date)`,
    isExact: `(length(${text}) <= 10 or ${instant} = date_trunc('day', ${instant})) and ${value} between date '0001-01-01' and date '9999-12-31'`,
  }
}

/** Digits below the microsecond, which would be cut; only texts longer than this can have them. */
function hasNanoseconds(text: string, length: number): string {
  return `(length(${text}) > ${length} and regexp_matches(${text}, '\\.[0-9]{6}0*[1-9]'))`
}

function castList(text: string, of: ColumnType, formats: TimeFormats): string {
  const element = of.kind === 'list' ? 'f' : 'e'
  const names = { text: element, value: 'element_value' }
  const cast = exactOrNull(names, strictCast(names, of, formats))
  const texts = `try(from_json(${text}, '["VARCHAR"]'))`
  const bad = `list_filter(${texts}, lambda ${element}: ${element} is not null and (${cast}) is null)`
  const isFlat = of.kind === 'list' ? 'true' : `not regexp_matches(${text}, '^\\s*\\[\\s*\\[')`
  return `case when json_valid(${text}) and json_type(${text}) = 'ARRAY' and ${isFlat} and len(${bad}) = 0 then list_transform(${texts}, lambda ${element}: ${cast}) end`
}

/** The SELECTs over files: texts of the fields that are asked for, and their strict casts. Reading and explaining a bad row share them. */
import type { SourceFile, SourceFiles } from '../engine.ts'
import { MaruError } from '../../base/errors.ts'
import { suggest } from '../../base/nearest.ts'
import { quoteName, quoteText } from './names.ts'
import { keepsEmptyText, strictCast } from './strict-cast.ts'
import type { StrictCast } from './strict-cast.ts'
import { sqlType } from './types.ts'

/** One connection of a session. */
export interface SqlConnection {
  run(sql: string): Promise<unknown>
  rows(sql: string): Promise<readonly (readonly unknown[])[]>
}

/** Files that one statement can read: the same format and the same fields. `fields`: name and DuckDB type by position or name. */
export interface FileGroup {
  readonly files: readonly SourceFile[]
  readonly fields: readonly { readonly name: string; readonly type: string }[]
}

type RequestColumn = SourceFiles['columns'][number]

const lineBytesMax = 16 * 1024 * 1024

/** A SELECT of `t0`, `t1` … (one for each column asked for, before its cast), `filename`, and what `options` adds. */
function readTexts(request: SourceFiles, group: FileGroup, options = ''): string {
  const paths = quoteTexts(group.files.map((file) => file.path))
  const { format } = request
  if (format === 'parquet') {
    const texts = request.columns.map(
      (column, index) => `${quoteName(fieldOf(column, group).name)} as t${index}`,
    )
    return `select ${[...texts, 'filename'].join(', ')}${options === '' ? '' : ', file_row_number'} from read_parquet(${paths}, filename = true${options})`
  }
  if (format === 'ndjson') {
    const jsonPaths = quoteTexts(
      request.columns.map((column) => jsonPath(column.field ?? column.name)),
    )
    const texts = request.columns.map(
      (column, index) => `${jsonText(column, `v[${index + 1}]`)} as t${index}`,
    )
    return `select ${[...texts, 'filename'].join(', ')} from (select json_extract(json, ${jsonPaths}) as v, filename from read_ndjson_objects(${paths}, filename = true)
      where case when json_type(json) = 'OBJECT' then true else error('not an object: ' || json)::boolean end)`
  }
  const texts = request.columns.map((column, index) => {
    const field = `c${group.fields.indexOf(fieldOf(column, group))}`
    return `${keepsEmptyText(column.type) ? field : `nullif(${field}, '')`} as t${index}`
  })
  return `select ${[...texts, 'filename'].join(', ')} from read_csv(${paths}, ${csvOptions(request, group)}${options})`
}

function csvOptions(request: SourceFiles, group: FileGroup): string {
  const csv = request.csv ?? {}
  const quote = quoteText(csv.quote ?? '"')
  const columns = group.fields.map((_, index) => `'c${index}': 'varchar'`)
  return [
    'auto_detect = false',
    'parallel = false',
    'filename = true',
    `header = ${group.files[0]?.header === true}`,
    `delim = ${quoteText(csv.delimiter ?? ',')}`,
    `quote = ${quote}`,
    `escape = ${quote}`,
    `nullstr = ${quoteTexts([...new Set([...(csv.nulls ?? []), ''])])}`,
    // Otherwise a quoted text that equals a null text would become null.
    'allow_quoted_nulls = false',
    `max_line_size = ${lineBytesMax}`,
    `buffer_size = ${2 * lineBytesMax}`,
    `columns = {${columns.join(', ')}}`,
  ].join(', ')
}

/** `readTexts` with the values `v0`, `v1` … of those columns that are not their text. */
export function readValues(request: SourceFiles, group: FileGroup, options = ''): string {
  const values = castsOf(request, group).flatMap((cast, index) =>
    cast.value === `t${index}` ? [] : [`${cast.value} as v${index}`],
  )
  return `select ${['*', ...values].join(', ')} from (${readTexts(request, group, options)})`
}

/** Over `readValues`: a column's value, and whether its text could not be cast to it exactly. */
export interface CheckedValue {
  readonly value: string
  /** Absent where every text is a value. */
  readonly isBad?: string
}

export function checkedValues(request: SourceFiles, group: FileGroup): readonly CheckedValue[] {
  return castsOf(request, group).map((cast, index) => {
    const text = `t${index}`
    const value = cast.value === text ? text : `v${index}`
    if (value === text && cast.isExact === undefined) return { value }
    const isExact = cast.isExact === undefined ? '' : ` and ${cast.isExact}`
    return { value, isBad: `${text} is not null and (${value} is not null${isExact}) is not true` }
  })
}

function castsOf(request: SourceFiles, group: FileGroup): readonly StrictCast[] {
  return request.columns.map((column, index) => {
    const names = { text: `t${index}`, value: `v${index}` }
    const cast =
      request.format === 'parquet'
        ? castTyped(names, column, fieldOf(column, group).type)
        : strictCast(names, column.type, request.csv)
    // A value that is its text is not computed a second time.
    return cast.value === names.text && cast.isExact !== undefined
      ? { ...cast, isExact: cast.isExact.replaceAll(names.value, names.text) }
      : cast
  })
}

/** From a file that has types of its own. */
function castTyped(
  names: { readonly text: string; readonly value: string },
  column: RequestColumn,
  fieldType: string,
): StrictCast {
  const { text, value } = names
  const { type } = column
  const target = sqlType(type)
  const source = fieldType.toLowerCase()
  if (isSameType(source, target)) return { value: text }
  if (source === 'varchar') return strictCast(names, type)
  if (type.kind === 'json') return { value: `cast(to_json(${text}) as varchar)` }
  // A clock time that a zone skips has no instant that reads back as it, so this one cast is not compared.
  if (source === 'timestamp' && type.kind === 'timestamp')
    return { value: `cast(${text} as timestamptz)` }
  return {
    value: `try_cast(${text} as ${target})`,
    isExact: `try_cast(${value} as ${source}) = ${text}`,
  }
}

function isSameType(source: string, target: string): boolean {
  return source.replaceAll(' ', '') === target.replaceAll(' ', '')
}

function fieldOf(column: RequestColumn, group: FileGroup): FileGroup['fields'][number] {
  const name = column.field ?? column.name
  const field = group.fields.find((candidate) => candidate.name === name)
  if (field !== undefined) return field
  throw new MaruError('SOURCE_CHANGED', `${group.files[0]!.label} has no field "${name}"`, {
    hint: suggest(
      name,
      group.fields.map((candidate) => candidate.name),
    ),
  })
}

function jsonPath(field: string): string {
  return `$."${field.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}

/** The reader holds a JSON number beyond 64-bit integers as a double: where more than 15 digits show, some may be wrong, and the text says so. */
function jsonText(column: RequestColumn, value: string): string {
  if (column.type.kind === 'json' || column.type.kind === 'list')
    return `nullif(cast(${value} as varchar), 'null')`
  const text = `(${value} ->> '$')`
  const plain = keepsEmptyText(column.type) ? text : `nullif(${text}, '')`
  if (column.type.kind !== 'decimal' && column.type.kind !== 'integer') return plain
  const digits = `regexp_replace(${text}, '^-?0*\\.?0*|\\.0$|\\.|[eE].*', '', 'g')`
  return `case when json_type(${value}) = 'DOUBLE' and length(${digits}) > 15 then ${text} || ' (write numbers of so many digits as strings)' else ${plain} end`
}

function quoteTexts(texts: readonly string[]): string {
  return `[${texts.map(quoteText).join(', ')}]`
}

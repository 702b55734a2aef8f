/**
 * The portable subset: the SQL that means the same on DuckDB and on Spark after a mechanical translation. It is an allow-list, so
 * what is not named is not portable; for what people often write, the forbidden lists say what to write instead.
 */
import { nearest } from '../base/nearest.ts'
import type { Binding } from '../engine/engine.ts'
import {
  forbiddenFunctions,
  forbiddenSyntax,
  forbiddenTypes,
  portableFunctions,
  portableSyntax,
  portableTypes,
} from './portable-lists.ts'

/** Grows when the lists change in a way that can refuse a text that was allowed. */
export const portableSubsetVersion = 1

type Construct = Binding['constructs'][number]

/** Other spellings of a type that the parser may keep. */
const typeSpellings: Readonly<Record<string, string>> = {
  bool: 'boolean',
  int: 'integer',
  int4: 'integer',
  int8: 'bigint',
  long: 'bigint',
  int2: 'smallint',
  int1: 'tinyint',
  short: 'smallint',
  numeric: 'decimal',
  real: 'float',
  float4: 'float',
  float8: 'double',
  text: 'varchar',
  string: 'varchar',
  char: 'varchar',
  bpchar: 'varchar',
  timestamptz: 'timestamp with time zone',
  timestamp_tz: 'timestamp with time zone',
  datetime: 'timestamp',
  bytea: 'blob',
  binary: 'blob',
  '"null"': 'null',
  sqlnull: 'null',
}

/** Fields of extract and date_part, units of date_trunc and date_diff, that mean the same. */
const portableFields: Readonly<Record<string, ReadonlySet<string>>> = {
  date_part: new Set([
    'year',
    'quarter',
    'month',
    'day',
    'hour',
    'minute',
    'isodow',
    'week',
    'doy',
    'dayofyear',
  ]),
  date_trunc: new Set(['year', 'quarter', 'month', 'week', 'day', 'hour', 'minute', 'second']),
  date_diff: new Set(['day']),
}

/** What keeps a construct out of the subset; undefined when it is inside. `sql` is the text that `construct.offset` counts in. */
export function portabilityFault(
  construct: Construct,
  sql: string,
): { readonly message: string; readonly instead: string } | undefined {
  const name = construct.name.toLowerCase()
  switch (construct.kind) {
    case 'syntax':
      return fault({
        name,
        label: `\`${name}\``,
        allowed: portableSyntax,
        forbidden: forbiddenSyntax,
      })
    case 'type': {
      const type = typeSpellings[name.replace(/\s*\(.*$/, '')] ?? name.replace(/\s*\(.*$/, '')
      return fault({
        name: type,
        label: `the type ${type}`,
        allowed: portableTypes,
        forbidden: forbiddenTypes,
      })
    }
    case 'function':
      return (
        fault({
          name,
          label: /^\w+$/.test(name) ? `${name}()` : `the operator ${name}`,
          allowed: portableFunctions,
          forbidden: forbiddenFunctions,
        }) ?? fieldFault(name, construct.offset, sql)
      )
  }
}

function fault(what: {
  readonly name: string
  readonly label: string
  readonly allowed: Readonly<Record<string, string>>
  readonly forbidden: Readonly<Record<string, string>>
}): { readonly message: string; readonly instead: string } | undefined {
  if (Object.hasOwn(what.allowed, what.name)) return undefined
  const near = nearest(what.name, Object.keys(what.allowed))
  const instead = Object.hasOwn(what.forbidden, what.name)
    ? what.forbidden[what.name]!
    : `see docs/guide/portable-sql.md for what is${near === undefined ? '' : `; nearest is ${near}`}`
  return { message: `${what.label} is not in the portable subset of SQL`, instead }
}

/** `extract(dow from …)` counts from another day on Spark, so the field decides; it stands in the text right after the name. */
function fieldFault(
  name: string,
  offset: number | undefined,
  sql: string,
): { readonly message: string; readonly instead: string } | undefined {
  const rule = name === 'extract' ? 'date_part' : name === 'datediff' ? 'date_diff' : name
  const fields = portableFields[rule]
  if (fields === undefined || offset === undefined) return undefined
  const match = /^\w+\s*\(\s*'?(\w+)/.exec(sql.slice(offset, offset + 80))
  const field = match?.[1]?.toLowerCase()
  if (field === undefined || fields.has(field)) return undefined
  return {
    message: `${name}() of "${field}" is not in the portable subset of SQL`,
    instead: `use one of ${[...fields].join(', ')}`,
  }
}

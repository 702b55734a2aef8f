/**
 * The portable subset: the SQL that means the same on DuckDB and on Spark after a mechanical translation. It is an allow-list, so
 * what is not named here is not portable; for what people often write, the forbidden lists say what to write instead.
 * Names are those that `Binding.constructs` uses: a syntax element by its words, a function and a type by the name in the engine's syntax tree.
 * docs/guide/portable-sql.md shows these lists; a test compares.
 */
import { nearest } from '../base/nearest.ts'
import type { Binding } from '../engine/engine.ts'

/** Grows when the lists change in a way that can refuse a text that was allowed. */
export const portableSubsetVersion = 1

type Construct = Binding['constructs'][number]

/** Syntax that both know; the text is what differs on Spark, empty when nothing does. */
export const portableSyntax: Readonly<Record<string, string>> = {
  select: '',
  distinct: '',
  star: '',
  from: '',
  where: '',
  'group by': '',
  'group by all': '',
  'grouping sets': '',
  rollup: '',
  cube: '',
  having: '',
  'order by': 'nulls last is written out',
  'nulls first': '',
  'nulls last': '',
  limit: '',
  offset: '',
  values: '',
  cte: '',
  'materialized cte': 'the word is dropped',
  union: '',
  'union all': '',
  intersect: '',
  except: '',
  'inner join': '',
  'left join': '',
  'right join': '',
  'full join': '',
  'cross join': '',
  'semi join': 'left semi join',
  'anti join': 'left anti join',
  using: '',
  subquery: '',
  'scalar subquery': '',
  'in subquery': '',
  exists: '',
  'correlated subquery': '',
  case: '',
  cast: '',
  'try cast': '',
  between: '',
  in: '',
  'is null': '',
  'is not null': '',
  'is distinct from': 'not (a <=> b)',
  'is not distinct from': 'a <=> b',
  and: '',
  or: '',
  not: '',
  comparison: '',
  constant: '',
  'column reference': '',
  operator: '',
  coalesce: '',
  filter: '',
  window: '',
  'window frame': '',
  'ignore nulls': 'stands after the parenthesis',
  'interval literal': '',
  'at time zone': 'convert_timezone',
  'distinct aggregate': '',
}

/** Syntax outside the subset, with what to write instead. */
export const forbiddenSyntax: Readonly<Record<string, string>> = {
  qualify: 'number the rows in a CTE with row_number() and keep them with where',
  'asof join':
    'join on a range (valid_from <= at and (valid_to is null or at < valid_to)), or declare the object with history and let Maru attach it',
  'positional join': 'join on a key',
  'natural join': 'name the columns with using (…)',
  lateral: 'join a CTE, or use a scalar subquery',
  pivot: 'write one sum(case when … end) a column',
  unpivot: 'write one select a column, joined by union all',
  lambda: 'keep one row an element and aggregate',
  'list comprehension': 'keep one row an element and aggregate',
  'list literal': 'use in (…), or one row an element',
  'struct literal': 'use one column a field',
  'map literal': 'use one row a key',
  'struct access': 'use one column a field',
  'list access': 'keep one row an element, numbered',
  slice: 'use substring(text, start, length) for texts',
  unnest: 'take the elements as rows of a raw table',
  'limit percent': 'compute the share with count(*) over () and row_number()',
  sample: 'a run must give the same rows each time: filter on a column',
  'distinct on': 'number the rows in a CTE with row_number() and keep the first',
  'order by all': 'name the columns in order by',
  exclude: 'name the columns that you want',
  replace: 'name the columns that you want',
  rename: 'name the columns that you want, with as',
  'star like': 'name the columns that you want',
  'columns()': 'name the columns',
  'union by name': 'put the columns of both sides in the same order',
  'recursive cte': 'Spark before 4.1 has none: write the levels out with union all',
  'from first': 'begin with select',
  'window exclude': 'leave the row out with case when',
  'groups frame': 'use rows or range',
  'prefix alias': 'write the alias after the expression, with as',
  'table function': 'declare a raw table for what it reads',
  parameter: 'put the value in with ${…}',
  'ordered aggregate': 'number the rows with row_number() and keep the one that you want',
  'similar to': 'use like or regexp_matches',
  glob: 'use like',
  macro: 'write the expression out, or share a `sql` fragment',
}

/** Functions and operators by their name in the engine's syntax tree, with the Spark text when it differs. */
export const portableFunctions: Readonly<Record<string, string>> = {
  '+': '',
  '-': '',
  '*': '',
  '||': '',
  '/': 'try_divide(cast(a as double), cast(b as double))',
  '%': 'try_mod',
  mod: 'try_mod',
  '~~': 'like',
  '!~~': 'not like',
  '~~*': 'ilike',
  '!~~*': 'not ilike',
  like_escape: 'like … escape',
  not_like_escape: 'not like … escape',
  ilike_escape: 'ilike … escape',
  not_ilike_escape: 'not ilike … escape',

  count: '',
  count_star: 'count(*)',
  sum: '',
  min: '',
  max: '',
  avg: '',
  mean: 'avg',
  bool_and: '',
  bool_or: '',
  count_if: '',
  countif: 'count_if',
  stddev: 'stddev_samp',
  stddev_samp: '',
  stddev_pop: '',
  variance: 'var_samp',
  var_samp: '',
  var_pop: '',
  grouping: '',

  row_number: '',
  rank: '',
  dense_rank: '',
  percent_rank: '',
  cume_dist: '',
  ntile: '',
  lag: '',
  lead: '',
  first_value: '',
  last_value: '',
  nth_value: '',
  first: 'first_value, in a window',
  last: 'last_value, in a window',

  abs: '',
  ceil: '',
  ceiling: '',
  floor: '',
  round: '',
  sign: '',
  sqrt: '',
  ln: '',
  exp: '',
  power: '',
  pow: 'power',
  '**': 'power',
  '^': 'power',
  greatest: '',
  least: '',
  coalesce: '',
  nullif: '',
  ifnull: 'coalesce',
  if: '',

  lower: '',
  upper: '',
  lcase: 'lower',
  ucase: 'upper',
  trim: '',
  ltrim: '',
  rtrim: '',
  length: '',
  char_length: '',
  character_length: '',
  substring: '',
  substr: 'substring',
  left: '',
  replace: '',
  reverse: '',
  repeat: '',
  lpad: '',
  rpad: '',
  concat_ws: '',
  split_part: '',
  starts_with: 'startswith',
  '^@': 'startswith',
  ends_with: 'endswith',
  suffix: 'endswith',
  prefix: 'startswith',
  contains: '',
  position: '',
  strpos: 'position',
  instr: '',
  regexp_matches: 'rlike',
  md5: '',
  sha256: 'sha2(a, 256)',

  date_trunc: "date_trunc, cast to the argument's type",
  date_part: 'extract',
  extract: '',
  year: '',
  quarter: '',
  month: '',
  day: '',
  hour: '',
  minute: '',
  isodow: 'extract(dayofweek_iso …)',
  week: 'weekofyear',
  weekofyear: '',
  dayofyear: '',
  last_day: '',
  date_diff: 'datediff',
  datediff: '',
  make_date: '',
  timezone: 'convert_timezone',
  epoch_us: 'unix_micros',
  to_years: 'make_interval',
  to_months: 'make_interval',
  to_weeks: 'make_interval',
  to_days: 'make_interval',
  to_hours: 'make_interval',
  to_minutes: 'make_interval',
  to_seconds: 'make_interval',
  strftime: 'date_format, the pattern translated',
  strptime: 'to_timestamp_ntz, the pattern translated',
  try_strptime: 'try_to_timestamp, the pattern translated',
}

/** Functions outside the subset that people often write, with what to write instead. */
export const forbiddenFunctions: Readonly<Record<string, string>> = {
  '//': 'write floor(a / b)',
  concat: 'nulls differ: write a || b, or concat_ws',
  any_value: 'any row may be taken: write min(…) or max(…)',
  arbitrary: 'any row may be taken: write min(…) or max(…)',
  arg_max: 'ties differ: number the rows with row_number() and keep the first',
  arg_min: 'ties differ: number the rows with row_number() and keep the first',
  max_by: 'ties differ: number the rows with row_number() and keep the first',
  min_by: 'ties differ: number the rows with row_number() and keep the first',
  list: 'keep one row an element',
  array_agg: 'keep one row an element',
  string_agg: 'keep one row an element',
  group_concat: 'keep one row an element',
  median: 'it is interpolated differently: compute it with row_number()',
  quantile: 'it is interpolated differently: compute it with row_number()',
  quantile_cont: 'it is interpolated differently: compute it with row_number()',
  quantile_disc: 'it is interpolated differently: compute it with row_number()',
  mode: 'ties differ: group, count and number the rows with row_number()',
  approx_count_distinct: 'counts are exact: write count(distinct …)',
  approx_quantile: 'counts are exact: compute it with row_number()',
  now: 'a run must give the same rows each time: use a column of the data',
  get_current_timestamp: 'a run must give the same rows each time: use a column of the data',
  current_timestamp: 'a run must give the same rows each time: use a column of the data',
  current_date: 'a run must give the same rows each time: use a column of the data',
  today: 'a run must give the same rows each time: use a column of the data',
  random: 'a run must give the same rows each time: use md5(…) of a key',
  uuid: 'a run must give the same rows each time: use md5(…) of a key',
  gen_random_uuid: 'a run must give the same rows each time: use md5(…) of a key',
  hash: 'each engine has its own: use md5(…)',
  epoch: 'write epoch_us(…) / 1000000',
  epoch_ms: 'write epoch_us(…) / 1000',
  time_bucket: 'use date_trunc',
  dayofweek: 'the first day differs: use isodow (Monday is 1)',
  weekday: 'the first day differs: use isodow (Monday is 1)',
  dayname: 'the language differs: use case isodow(…) when 1 then …',
  monthname: 'the language differs: use case month(…) when 1 then …',
  regexp_replace: 'the flags differ: use replace',
  regexp_extract: 'the dialects differ: use split_part or substring',
  len: 'use length',
  array_length: 'keep one row an element',
  list_contains: 'keep one row an element',
  unnest: 'take the elements as rows of a raw table',
  generate_series: 'declare a raw table for what it makes',
  range: 'declare a raw table for what it makes',
  read_csv: 'declare a raw table with files(…)',
  read_csv_auto: 'declare a raw table with files(…)',
  read_parquet: 'declare a raw table with files(…)',
  read_json: 'declare a raw table with files(…)',
  date_add: "write date + interval '1 day'",
  date_sub: 'use date_diff',
  datesub: 'use date_diff',
  log: 'the base differs: use ln',
  json_extract: 'declare the field as a column of the raw table',
  json_extract_string: 'declare the field as a column of the raw table',
  right: 'use substring(text, length(text) - n + 1)',
  try: 'use try_cast, or case when',
}

/** Types in casts, with Spark's name when it differs. */
export const portableTypes: Readonly<Record<string, string>> = {
  boolean: '',
  tinyint: '',
  smallint: '',
  integer: 'int',
  bigint: '',
  decimal: '',
  float: '',
  double: '',
  varchar: 'string',
  date: '',
  timestamp: 'timestamp_ntz',
  'timestamp with time zone': 'timestamp',
  interval: '',
  blob: 'binary',
  null: 'void',
}

export const forbiddenTypes: Readonly<Record<string, string>> = {
  hugeint: 'cast to decimal(38, 0)',
  uhugeint: 'cast to decimal(38, 0)',
  utinyint: 'cast to smallint',
  usmallint: 'cast to integer',
  uinteger: 'cast to bigint',
  ubigint: 'cast to decimal(20, 0)',
  bignum: 'cast to decimal(38, 0)',
  time: 'keep the time in a timestamp, or as text',
  uuid: 'keep it as it comes from the raw table, or cast to varchar',
  json: 'declare the fields as columns of the raw table',
  struct: 'use one column a field',
  map: 'use one row a key',
  list: 'keep one row an element',
  array: 'keep one row an element',
  enum: 'cast to varchar',
  bit: 'cast to varchar',
  timestamp_s: 'cast to timestamp',
  timestamp_ms: 'cast to timestamp',
  timestamp_ns: 'cast to timestamp',
}

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

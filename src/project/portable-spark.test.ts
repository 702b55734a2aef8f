import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import { requirePart } from '../../test/requirements.ts'
import { openDuckdbEngine } from '../engine/duckdb/duckdb.ts'
import type { Engine, Session, Value } from '../engine/engine.ts'
import { portabilityFault } from './portable-subset.ts'

/** The rows that both engines compute over: nulls, negatives, halves, texts beyond ASCII, ties, both sides of a local midnight. */
const columns: readonly (readonly [name: string, duckdb: string, spark: string])[] = [
  ['id', 'bigint', 'bigint'],
  ['a', 'bigint', 'bigint'],
  ['b', 'bigint', 'bigint'],
  ['c', 'decimal(18, 2)', 'decimal(18, 2)'],
  ['f', 'double', 'double'],
  ['s', 'varchar', 'string'],
  ['m', 'timestamptz', 'timestamp'],
  ['d', 'date', 'date'],
  ['q', 'boolean', 'boolean'],
]
const rows: readonly (readonly (string | null)[])[] = [
  [
    '1',
    '7',
    '2',
    '10.25',
    '2.5',
    'Linen shirt',
    '2024-02-29 23:59:59.123456+09:00',
    '2024-02-29',
    'true',
  ],
  [
    '2',
    '-7',
    '2',
    '-10.25',
    '-2.5',
    '마루 마루',
    '2024-03-01 00:00:00+09:00',
    '2024-03-01',
    'false',
  ],
  ['3', '0', '5', '0.05', '0.125', '', '2024-12-31 12:00:00+00:00', '2024-12-30', 'true'],
  ['4', null, '3', null, null, null, null, null, null],
  ['5', '9', null, '99.99', '1e10', ' a,b,c ', '2023-01-01 00:30:00+09:00', '2023-01-01', 'false'],
  ['6', '7', '4', '10.25', '3.5', 'LINEN_%', '2025-06-30 15:00:00+00:00', '2025-06-30', null],
]

/** An expression as Maru writes it and, where the lists say that Spark's differs, as Spark writes it. */
type Case = readonly [maru: string, spark?: string]

const scalars: readonly Case[] = [
  ['a + b'],
  ['a - b * 2'],
  ['-a'],
  ['c * 2'],
  ['c * c'],
  ['c + a'],
  ['cast(a as double) / b', 'try_divide(cast(a as double), cast(b as double))'],
  ['a / nullif(b - 2, 0)', 'try_divide(cast(a as double), cast(nullif(b - 2, 0) as double))'],
  ['a % b'],
  ['mod(a, b)'],
  ['abs(c)'],
  ['ceil(f)'],
  ['floor(f)'],
  ['floor(c)'],
  ['round(f)'],
  ['round(f, 1)'],
  ['round(c, 1)'],
  ['sign(a)'],
  ['sqrt(abs(f))'],
  ['power(b, 2)'],
  ['exp(0)'],
  ['cast(round(f) as bigint)'],
  ['cast(floor(f) as bigint)'],
  ['cast(c as double)'],
  ['cast(a as decimal(18, 2))'],
  ['cast(round(c, 1) as decimal(18, 1))'],
  ['greatest(a, b)'],
  ['least(a, b)'],
  ['coalesce(a, 0)'],
  ['nullif(b, 2)'],
  ['lower(s)'],
  ['upper(s)'],
  ['trim(s)'],
  ['ltrim(s)'],
  ['rtrim(s)'],
  ['length(s)'],
  ['substring(s, 2, 3)'],
  ['left(s, 2)'],
  ["replace(s, 'n', 'N')"],
  ['reverse(s)'],
  ["s || '!'"],
  ["lpad(s, 4, '*')"],
  ["rpad(s, 12, '*')"],
  ["concat_ws('-', s, 'x')"],
  ["split_part(s, ',', 2)"],
  ['repeat(s, 2)'],
  ["starts_with(s, 'L')", "startswith(s, 'L')"],
  ["ends_with(s, 't')", "endswith(s, 't')"],
  ["contains(s, 'in')"],
  ["position('n' in s)"],
  ["strpos(s, 'n')", "position('n' in s)"],
  ["instr(s, 'n')"],
  ["regexp_matches(s, '^[A-Z]i')", "s rlike '^[A-Z]i'"],
  ['md5(s)'],
  ['sha256(s)', 'sha2(s, 256)'],
  ["s like 'L%'"],
  ["s not like '%n'"],
  ["s ilike 'linen%'"],
  ["s like '%!_!%' escape '!'"],
  ['a = b'],
  ['a <> b'],
  ['a between 0 and 7'],
  ['a in (7, 9)'],
  ['a in (7, null)'],
  ['a is not distinct from b', 'a <=> b'],
  ['a is distinct from b', 'not (a <=> b)'],
  ['q and a > 0'],
  ['q or a > 0'],
  ['not q'],
  ['case when a > 0 then s end'],
  ['case a when 7 then 1 else 2 end'],
  ["cast(date_trunc('month', m) as date)"],
  ["date_trunc('week', m)"],
  ["date_trunc('day', m)"],
  ["date_trunc('hour', m)"],
  ["cast(date_trunc('quarter', d) as date)"],
  ['extract(year from m)'],
  ['extract(month from m)'],
  ['extract(day from m)'],
  ['extract(hour from m)'],
  ['extract(minute from m)'],
  ['year(d)'],
  ['quarter(d)'],
  ['month(d)'],
  ['day(d)'],
  ['week(d)', 'weekofyear(d)'],
  ['dayofyear(d)'],
  ['isodow(d)', 'extract(dayofweek_iso from d)'],
  ['last_day(d)'],
  ['make_date(2024, 2, 29)'],
  ["date_diff('day', d, date '2024-03-01')", "datediff(date '2024-03-01', d)"],
  ["cast(m + interval '1 day' as date)"],
  ["cast(m - interval '1 month' as date)"],
  ["cast(d + interval '1 month' as date)"],
  ["m + interval '90 minute'"],
  ['cast(m as date)'],
  [
    "cast(m at time zone 'Europe/London' as date)",
    "cast(convert_timezone(current_timezone(), 'Europe/London', cast(m as timestamp_ntz)) as date)",
  ],
  ['epoch_us(m)', 'unix_micros(m)'],
  ["strftime(m, '%Y-%m-%d %H:%M:%S')", "date_format(m, 'yyyy-MM-dd HH:mm:ss')"],
  [
    "cast(strptime('2024-02-29', '%Y-%m-%d') as date)",
    "cast(to_timestamp_ntz('2024-02-29', 'yyyy-MM-dd') as date)",
  ],
  ['try_cast(s as bigint)'],
  ['cast(cast(a as varchar) as bigint)', 'cast(cast(a as string) as bigint)'],
  ['cast(d as varchar)', 'cast(d as string)'],
  ['cast(c as varchar)', 'cast(c as string)'],
  ["cast('2024-03-10 12:30:00' as timestamptz)", "cast('2024-03-10 12:30:00' as timestamp)"],
]

const aggregates: readonly Case[] = [
  ['count(*)'],
  ['count(a)'],
  ['count(distinct b)'],
  ['sum(a)'],
  ['sum(c)'],
  ['min(s)'],
  ['max(m)'],
  ['avg(f)'],
  ['avg(a)'],
  ['bool_and(q)'],
  ['bool_or(q)'],
  ['count_if(a > 0)'],
  ['round(stddev_samp(a), 9)'],
  ['round(stddev_pop(a), 9)'],
  ['round(var_samp(a), 9)'],
  ['round(var_pop(a), 9)'],
  ['sum(a) filter (where b > 2)'],
  ['max(d)'],
]

const whole: readonly Case[] = [
  [
    'select id, row_number() over (partition by b order by a, id) as x from t order by id',
    'select id, row_number() over (partition by b order by a nulls last, id nulls last) as x from t order by id',
  ],
  [
    'select id, rank() over (order by a) as x from t order by id',
    'select id, rank() over (order by a nulls last) as x from t order by id',
  ],
  [
    'select id, dense_rank() over (order by a desc) as x from t order by id',
    'select id, dense_rank() over (order by a desc nulls last) as x from t order by id',
  ],
  [
    'select id, lag(a, 1) over (order by id) as x, lead(a, 1) over (order by id) as y, ntile(2) over (order by id) as z from t order by id',
  ],
  [
    'select id, sum(a) over (order by id rows between 1 preceding and 1 following) as x from t order by id',
  ],
  [
    'select id, first_value(a) over (order by id) as x, last_value(a ignore nulls) over (order by id) as y from t order by id',
    'select id, first_value(a) over (order by id) as x, last_value(a) ignore nulls over (order by id) as y from t order by id',
  ],
  [
    'select a, count(*) as n from t group by a order by a',
    'select a, count(*) as n from t group by a order by a nulls last',
  ],
  [
    'select b, grouping(b) as g, sum(a) as x from t group by rollup (b) order by g, b',
    'select b, grouping(b) as g, sum(a) as x from t group by rollup (b) order by g nulls last, b nulls last',
  ],
  [
    'select t.id, u.id as other from t join t u using (a) order by t.id, u.id',
    'select t.id, u.id as other from t join t u using (a) order by t.id nulls last, u.id nulls last',
  ],
  [
    'select t.id from t semi join t u on u.id = t.a order by t.id',
    'select t.id from t left semi join t u on u.id = t.a order by t.id',
  ],
  [
    'select t.id from t anti join t u on u.id = t.a order by t.id',
    'select t.id from t left anti join t u on u.id = t.a order by t.id',
  ],
  ['select id from t where a not in (select b from t) order by id'],
  ['select id from t where a not in (select b from t where b is not null) order by id'],
  [
    'select b from t intersect select id from t order by b',
    'select b from t intersect select id from t order by b nulls last',
  ],
  [
    'select b from t except select id from t order by b',
    'select b from t except select id from t order by b nulls last',
  ],
  [
    'select distinct b from t order by b desc limit 2',
    'select distinct b from t order by b desc nulls last limit 2',
  ],
]

const zone = 'Asia/Seoul'
const part = requirePart('spark')

/** Spark's own types and DuckDB's agree on values, not on how a client shows them: 7 and 7.0 and "7.00" are one number. */
function canonical(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value)) return Number(value)
  if (typeof value !== 'string') return value
  const instant = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(\.\d+)?(Z?)$/.exec(value)
  return instant === null
    ? value
    : `${instant[1]} ${instant[2]}${(instant[3] ?? '').replace(/0+$/, '')}`
}

/** A Python client shows an instant in its own zone; as a text in the session's zone it is the same on both. */
function shown(expression: string, dialect: 'maru' | 'spark'): string {
  if (!/^(date_trunc|m \+|max\(m\)|cast\('2024-03-10)/.test(expression)) return expression
  return dialect === 'maru'
    ? `strftime(${expression}, '%Y-%m-%d %H:%M:%S')`
    : `date_format(${expression}, 'yyyy-MM-dd HH:mm:ss')`
}

/** One wide statement of many cases is quicker than many statements: Spark plans each for a tenth of a second. */
function wide(cases: readonly Case[], dialect: 'maru' | 'spark', order: string): string {
  const columns = cases.map(([maru, spark = maru], index) => {
    const expression = shown(dialect === 'maru' ? maru : spark, dialect)
    return `${expression} as x${index}`
  })
  return `select ${columns.join(', ')} from t${order}`
}

interface Rows {
  readonly rows?: readonly (readonly unknown[])[]
  readonly error?: string
}

async function runSpark(program: string, statements: readonly string[]): Promise<readonly Rows[]> {
  const spark = spawn(program, [join(import.meta.dirname, 'portable_spark.py')], {
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: 180_000,
  })
  spark.stdin.end(JSON.stringify({ zone, table: tableSql(2), statements }))
  const [output, complaints, [code]] = await Promise.all([
    text(spark.stdout),
    text(spark.stderr),
    once(spark, 'close'),
  ])
  assert.equal(code, 0, complaints.slice(-2_000))
  return JSON.parse(output.slice(output.indexOf('['))) as readonly Rows[]
}

const title = 'the portable subset means the same on DuckDB and Spark'

if (part.skip !== false) it(title, { skip: part.skip })
else describe(title, () => compare(part.program))

function compare(program: string): void {
  let engine: Engine
  let session: Session
  let answers: readonly Rows[]
  before(async () => {
    engine = await openDuckdbEngine()
    session = await engine.open({ zone })
    await session.run(`create temporary table t as ${tableSql(1)}`)
    answers = await runSpark(program, [
      wide(scalars, 'spark', ' order by id'),
      wide(aggregates, 'spark', ''),
      ...whole.map(([maru, spark = maru]) => spark),
    ])
  })
  after(async () => {
    await session.close()
    await engine.close()
  })
  const rowsOf = (answer: number): readonly (readonly unknown[])[] => {
    assert.equal(answers[answer]!.error, undefined)
    return answers[answer]!.rows!.map((row) => row.map(canonical))
  }
  const onDuckdb = async (sql: string): Promise<readonly (readonly unknown[])[]> =>
    (await session.query(sql)).rows.map((row: readonly Value[]) => row.map(canonical))
  const checked = async (sql: string): Promise<void> => {
    const { constructs } = await session.bind(sql)
    assert.deepEqual(
      constructs.flatMap((construct) => portabilityFault(construct, sql)?.message ?? []),
      [],
    )
  }

  for (const [answer, cases, order] of [
    [0, scalars, ' order by id'],
    [1, aggregates, ''],
  ] as const) {
    for (const [index, [maru]] of cases.entries()) {
      it(maru, async () => {
        const sql = wide([[maru]], 'maru', order)
        await checked(sql)
        assert.deepEqual(
          (await onDuckdb(sql)).map((row) => row[0]),
          rowsOf(answer).map((row) => row[index]),
        )
      })
    }
  }
  for (const [index, [maru]] of whole.entries()) {
    it(maru, async () => {
      await checked(maru)
      assert.deepEqual(await onDuckdb(maru), rowsOf(index + 2))
    })
  }
}

function tableSql(dialect: 1 | 2): string {
  const values = rows.map((row) => {
    const cells = row.map(
      (value, index) =>
        `cast(${value === null ? 'null' : `'${value}'`} as ${columns[index]![dialect]})`,
    )
    return `(${cells.join(', ')})`
  })
  return `select * from (values ${values.join(', ')}) as t(${columns.map(([name]) => name).join(', ')})`
}

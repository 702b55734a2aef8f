import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openDuckdbEngine } from '../engine/duckdb/duckdb.ts'
import type { Engine, Session } from '../engine/engine.ts'
import { portabilityFault } from './portable-subset.ts'

/** Texts inside the subset: an author may write all of this. */
const portable: readonly string[] = [
  'select distinct a, b from raw.t where a > 1 and not (b < 2 or a is null)',
  'select * from raw.t order by a nulls first, b desc nulls last limit 3 offset 1',
  'select t.* from raw.t t cross join raw.u',
  'select t.a from raw.t t join raw.u u using (a) left join raw.u v on v.a = t.b',
  'select t.a from raw.t t right join raw.u u on t.a = u.a',
  'select t.a from raw.t t full join raw.u u on t.a = u.a',
  'select a from raw.t semi join raw.u using (a)',
  'select a from raw.t anti join raw.u using (a)',
  'with x as (select a, count(*) as n from raw.t group by a having count(*) > 1) select a, n from x',
  'select a from raw.t union all select a from raw.u',
  'select a from raw.t union select a from raw.u',
  'select a from raw.t intersect select a from raw.u',
  'select a from raw.t except select a from raw.u',
  'select a, b, sum(a) as s from raw.t group by grouping sets ((a), (b), ())',
  'select a, b, grouping(a) as g from raw.t group by rollup (a, b)',
  'select a, b, sum(a) as s from raw.t group by cube (a, b)',
  'select a, count(*) as n from raw.t group by all',
  'select case when a > 1 then s else null end as x, case a when 1 then 2 end as y from raw.t',
  'select coalesce(a, b) as x, ifnull(a, b) as y, nullif(a, b) as z, a is not distinct from b as w from raw.t',
  "select a between 1 and 2 as x, a in (1, 2) as y, s like 'a%' as z, s not ilike '%b' as w from raw.t",
  'select a from raw.t where exists (select 1 from raw.u where u.a = t.a) and a in (select a from raw.u)',
  'select a, (select max(a) from raw.u) as m from raw.t',
  'select count(distinct a) as n, sum(a) filter (where b > 1) as s from raw.t',
  'select row_number() over (partition by a order by b desc) as n, lag(b, 1) over (partition by a order by b) as p from raw.t',
  'select sum(b) over (partition by a order by b rows between 3 preceding and current row) as s from raw.t',
  'select last_value(b ignore nulls) over (partition by a order by b rows between unbounded preceding and unbounded following) as l from raw.t',
  'select cast(a as double) / b as x, a * 2 + 1 - 3 as y, a % 2 as z, -a as m from raw.t',
  'select cast(a as decimal(18, 2)) as x, try_cast(s as bigint) as y, s::varchar as z, cast(s as timestamptz) as w from raw.t',
  "select moment + interval '1 day' as x, moment - interval 3 month as y, moment at time zone 'Asia/Seoul' as z from raw.t",
  "select date '2020-01-01' as x, timestamp '2020-01-01 00:00:00' as y, date_diff('day', date '2020-01-01', d) as n from raw.t",
  "select date_trunc('month', moment) as m, extract(year from moment) as y, year(d) as y2, isodow(d) as w from raw.t",
  "select lower(trim(s)) || '-' || substring(s, 1, 3) as x, length(s) as n, replace(s, 'a', 'b') as y, md5(s) as h from raw.t",
  'select round(c, 2) as x, floor(c) as y, abs(c) as z, greatest(a, b) as g, power(a, 2) as p from raw.t',
  'select v.x from (values (1), (2)) as v(x)',
]

/** Texts outside, with a word of what `maru check` must name. */
const notPortable: readonly (readonly [string, string])[] = [
  ['select a from raw.t qualify row_number() over (partition by a order by b) = 1', 'qualify'],
  ['select distinct on (a) a, b from raw.t', 'distinct on'],
  ['select t.a from raw.t t asof join raw.u u on t.a = u.a and t.moment >= u.moment', 'asof join'],
  ['select t.a from raw.t t positional join raw.u u', 'positional join'],
  ['select a from raw.t natural join raw.u', 'natural join'],
  ['from raw.t select a', 'from first'],
  ['select * exclude (a) from raw.t', 'exclude'],
  ['select * replace (a + 1 as a) from raw.t', 'replace'],
  ["select columns('a|b') from raw.t", 'columns()'],
  ['select a from raw.t order by all', 'order by all'],
  ['select a from raw.t limit 10%', 'limit percent'],
  ['select a from raw.t using sample 10%', 'sample'],
  ['pivot raw.t on a in (1, 2) using sum(b)', 'pivot'],
  [
    'with recursive r as (select 1 as n union all select n + 1 from r where n < 3) select n from r',
    'recursive cte',
  ],
  ['select a from raw.t union by name select a from raw.u', 'union by name'],
  ['select [a, b] as l from raw.t', 'list literal'],
  ["select {'x': a} as l from raw.t", 'struct literal'],
  ['select list_transform([a], x -> x + 1) as l from raw.t', 'lambda'],
  ['select unnest([a, b]) as l from raw.t', 'unnest'],
  ['select range from range(3)', 'table function'],
  ['select array_agg(a order by b) as l from raw.t', 'array_agg'],
  ['select arg_max(a, b) as l from raw.t', 'arg_max'],
  ['select any_value(a) as l from raw.t', 'any_value'],
  ['select median(a) as m from raw.t', 'median'],
  ['select a // b as x from raw.t', '//'],
  ["select concat(s, 'a') as x from raw.t", 'concat'],
  ['select now() as x from raw.t', 'now()'],
  ['select current_date as x from raw.t', 'current_date'],
  ['select random() as x from raw.t', 'random()'],
  ['select hash(a) as x from raw.t', 'hash()'],
  ["select s similar to 'a' as x from raw.t", 'similar to'],
  ["select s glob 'a*' as x from raw.t", 'glob'],
  ['select extract(dow from d) as x from raw.t', '"dow"'],
  ["select date_diff('month', d, d) as x from raw.t", '"month"'],
  ['select cast(a as hugeint) as x from raw.t', 'hugeint'],
  ['select cast(s as uuid) as x from raw.t', 'uuid'],
  [
    'select sum(b) over (order by a groups between 1 preceding and current row) as s from raw.t',
    'groups frame',
  ],
  [
    'select sum(b) over (order by a rows between 1 preceding and current row exclude current row) as s from raw.t',
    'window exclude',
  ],
]

describe('the portable subset and what the engine says of a text', () => {
  let engine: Engine
  let session: Session
  before(async () => {
    engine = await openDuckdbEngine()
    session = await engine.open({ zone: 'Asia/Seoul' })
    await session.bindEmpty('raw.t', [
      { name: 'a', type: { kind: 'integer' } },
      { name: 'b', type: { kind: 'integer' } },
      { name: 'c', type: { kind: 'decimal', precision: 18, scale: 2 } },
      { name: 's', type: { kind: 'text' } },
      { name: 'moment', type: { kind: 'timestamp' } },
      { name: 'd', type: { kind: 'date' } },
    ])
    await session.bindEmpty('raw.u', [
      { name: 'a', type: { kind: 'integer' } },
      { name: 'moment', type: { kind: 'timestamp' } },
    ])
  })
  after(async () => {
    await session.close()
    await engine.close()
  })
  const faultsOf = async (sql: string): Promise<string[]> =>
    (await session.bind(sql)).constructs.flatMap(
      (construct) => portabilityFault(construct, sql)?.message ?? [],
    )

  for (const sql of portable) {
    it(`allows: ${sql}`, async () => assert.deepEqual(await faultsOf(sql), []))
  }
  for (const [sql, word] of notPortable) {
    it(`refuses ${word}: ${sql}`, async () => {
      const faults = await faultsOf(sql)
      assert.ok(
        faults.some((message) => message.includes(word)),
        `found ${JSON.stringify(faults)}`,
      )
    })
  }
})

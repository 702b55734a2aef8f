import { deepEqual, equal, ok } from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Engine, Session } from '../engine.ts'
import { openDuckdbEngine } from './duckdb.ts'

describe('constructs', () => {
  let engine: Engine
  let session: Session
  before(async () => {
    engine = await openDuckdbEngine({ threads: 1 })
    session = await engine.open({ zone: 'UTC' })
    await session.run(
      `create table t as select 1 as a, 2 as b, 'x' as s, ['x'] as tags, timestamp '2011-01-03' as ts, {f: 1} as st, '{}'::json as j`,
    )
    await session.run('create table u as select 1 as a, 5 as c')
  })
  after(() => engine.close())

  const namesOf = async (sql: string, kind: string): Promise<readonly string[]> => [
    ...new Set(
      (await session.bind(sql)).constructs
        .filter((construct) => construct.kind === kind)
        .map((construct) => construct.name),
    ),
  ]

  const syntax: readonly (readonly [name: string, sql: string])[] = [
    ['qualify', 'select a from t qualify row_number() over (order by b) = 1'],
    ['asof join', 'select t.a from t asof join u on t.a >= u.a'],
    ['positional join', 'select t.a from t positional join u'],
    ['natural join', 'select a from t natural join u'],
    ['semi join', 'select a from t semi join u using (a)'],
    ['anti join', 'select a from t anti join u using (a)'],
    ['full join', 'select t.a from t full join u on t.a = u.a'],
    ['cross join', 'select t.a from t, u'],
    ['using', 'select a from t join u using (a)'],
    ['pivot', 'pivot (select a, b from t) on a in (1, 2) using sum(b)'],
    ['unpivot', 'unpivot (select a, b from t) on a, b'],
    ['lambda', 'select list_transform(tags, lambda x: x) from t'],
    ['lambda', 'select list_filter(tags, x -> true) from t'],
    ['list comprehension', 'select [x for x in tags if true] from t'],
    ['list literal', 'select [a, b] from t'],
    ['struct literal', 'select {k: a} from t'],
    ['struct literal', 'select row(a, b) from t'],
    ['map literal', "select map {'k': a} from t"],
    ['struct access', 'select st.f from t'],
    ['struct access', 'select (st).f from t'],
    ['list access', 'select tags[1] from t'],
    ['slice', 'select tags[1:2] from t'],
    ['unnest', 'select unnest(tags) from t'],
    ['limit percent', 'select a from t limit 10%'],
    ['sample', 'select a from t using sample 3'],
    ['sample', 'select a from t tablesample 10%'],
    ['distinct on', 'select distinct on (a) a from t'],
    ['distinct', 'select distinct a from t'],
    ['order by all', 'select a from t order by all'],
    ['group by all', 'select a, count(*) from t group by all'],
    ['grouping sets', 'select a, count(*) from t group by grouping sets ((a), ())'],
    ['rollup', 'select a, count(*) from t group by rollup (a)'],
    ['cube', 'select a, b, count(*) from t group by cube (a, b)'],
    ['exclude', 'select * exclude (a) from t'],
    ['replace', 'select * replace (1 as a) from t'],
    ['rename', 'select * rename (a as z) from t'],
    ['star like', "select * like 's%' from t"],
    ['columns()', "select columns('a') from t"],
    ['columns()', 'select min(columns(*)) from u'],
    ['union by name', 'select a from t union by name select b from t'],
    ['union all', 'select a from t union all select b from t'],
    ['union', 'select a from t union select b from t'],
    ['except', 'select a from t except select b from t'],
    [
      'recursive cte',
      'with recursive r as (select 1 as n union all select n + 1 from r where n < 3) select n from r',
    ],
    ['cte', 'with r as (select a from t) select a from r'],
    ['from first', 'from t'],
    ['from first', 'from t select a'],
    [
      'window exclude',
      'select sum(a) over (order by b rows between 1 preceding and current row exclude ties) from t',
    ],
    [
      'window frame',
      'select sum(a) over (order by b rows between 1 preceding and current row) from t',
    ],
    [
      'groups frame',
      'select sum(a) over (order by b groups between 1 preceding and current row) from t',
    ],
    ['ignore nulls', 'select lag(a ignore nulls) over (order by b) from t'],
    ['filter', 'select sum(a) filter (where b > 1) from t'],
    ['distinct aggregate', 'select count(distinct a) from t'],
    ['ordered aggregate', 'select list(a order by b) from t'],
    ['table function', 'select * from range(3)'],
    ['similar to', "select s similar to 'x' from t"],
    ['glob', "select s glob 'x' from t"],
    ['try cast', 'select try_cast(s as integer) from t'],
    ['cast', 'select s::integer from t'],
    ['interval literal', "select ts + interval '1 day' from t"],
    ['interval literal', 'select ts + interval 1 day from t'],
    ['at time zone', "select ts at time zone 'UTC' from t"],
    ['is not distinct from', 'select a is not distinct from b from t'],
    ['in subquery', 'select a from t where a in (select a from u)'],
    ['exists', 'select a from t where exists (select 1 from u)'],
    ['scalar subquery', 'select (select max(c) from u) from t'],
    ['correlated subquery', 'select (select max(c) from u where u.a = t.a) from t'],
    ['collate', 'select s collate nocase from t'],
    ['nulls first', 'select a from t order by a nulls first'],
    ['values', 'select * from (values (1)) as v(x)'],
  ]
  for (const [name, sql] of syntax) {
    it(`finds ${name} in ${sql}`, async () => {
      ok((await namesOf(sql, 'syntax')).includes(name), (await namesOf(sql, 'syntax')).join(', '))
    })
  }

  it('finds nothing unusual in plain SQL', async () => {
    const sql = `with r as (select t.a, sum(t.b) as b, count(*) as n from t left join u on u.a = t.a and u.c between 1 and 3 where t.s like 'x%' or not t.b in (1, 2)
      group by t.a having count(*) > 0)
      select case when a is null then coalesce(b, 0) else -b end as x, row_number() over (partition by a order by n desc) as r from r order by x limit 3 offset 1`
    deepEqual((await namesOf(sql, 'syntax')).toSorted(), [
      'and',
      'between',
      'case',
      'coalesce',
      'column reference',
      'comparison',
      'constant',
      'cte',
      'from',
      'group by',
      'having',
      'in',
      'is null',
      'left join',
      'limit',
      'offset',
      'or',
      'order by',
      'select',
      'where',
      'window',
    ])
    deepEqual((await namesOf(sql, 'function')).toSorted(), [
      '-',
      'count_star',
      'row_number',
      'sum',
      '~~',
    ])
  })

  it('names functions, also those without parentheses, and where each stands', async () => {
    const sql =
      "select '한글', extract(year from ts), date_trunc('day', ts), current_date, s || 'x', a // 2 from t"
    deepEqual(await namesOf(sql, 'function'), [
      'date_part',
      'date_trunc',
      'current_date',
      '||',
      '//',
    ])
    const trunc = (await session.bind(sql)).constructs.find(
      (construct) => construct.name === 'date_trunc',
    )
    equal(trunc?.offset, sql.indexOf('date_trunc'))
  })

  it('names the types of casts', async () => {
    deepEqual(
      await namesOf(
        "select s::json, a::decimal(18,2), a::hugeint, ts::timestamptz, tags::varchar[], date '2011-01-03', a::text from t",
        'type',
      ),
      ['json', 'decimal', 'hugeint', 'timestamp with time zone', 'list', 'date', 'varchar'],
    )
  })

  it('names the tables of the text, without common table expressions', async () => {
    await session.bindEmpty('raw.shop.orders', [{ name: 'id', type: { kind: 'integer' } }])
    await session.bindEmpty('act.purchase', [{ name: 'id', type: { kind: 'integer' } }])
    const tables = async (sql: string): Promise<readonly string[]> =>
      (await session.bind(sql)).tables
    deepEqual(
      await tables(
        'with orders as (select id from raw.shop.orders) select id from orders where id in (select id from act.purchase)',
      ),
      ['act.purchase', 'raw.shop.orders'],
    )
    deepEqual(
      await tables('select id from (with t as (select id from act.purchase) select id from t)'),
      ['act.purchase'],
    )
    deepEqual(await tables('select 1'), [])
  })
})

import { deepEqual, equal, ok } from 'node:assert/strict'
import { after, before, describe, it, type TestContext } from 'node:test'
import { isMaruError } from '../../base/errors.ts'
import type { Binding, Engine, Session, Value } from '../engine.ts'
import { openDuckdbEngine } from './duckdb.ts'
import { corpus, corpusTables } from './lineage-corpus.ts'

const columnsOf = (
  id: string,
): { readonly name: string; readonly type: (typeof corpusTables)[string][string] }[] =>
  Object.entries(corpusTables[id]!).map(([name, type]) => ({ name, type }))
const allColumns = Object.keys(corpusTables).flatMap((table) =>
  columnsOf(table).map(({ name }) => ({ table, column: name })),
)

describe('lineage', () => {
  let engine: Engine
  let session: Session
  before(async () => {
    engine = await openDuckdbEngine({ threads: 1 })
    session = await engine.open({ zone: 'Asia/Seoul' })
    for (const id of Object.keys(corpusTables)) await session.bindEmpty(id, columnsOf(id))
  })
  after(() => engine.close())

  it('names the columns that a query uses: renaming one tells the truth', async (test) => {
    const bindings = await Promise.all(corpus.map(({ sql }) => session.bind(sql)))
    const used = corpus.map(() => new Set<string>())
    const renamed = await engine.open({ zone: 'Asia/Seoul' })
    for (const id of Object.keys(corpusTables)) await renamed.bindEmpty(id, columnsOf(id))
    for (const { table, column } of allColumns) {
      await renamed.bindEmpty(
        table,
        columnsOf(table).map((each) =>
          each.name === column ? { ...each, name: 'renamed_away' } : each,
        ),
      )
      for (const [index, { sql }] of corpus.entries()) {
        if (!bindings[index]!.tables.includes(table)) continue
        if (await isChanged(renamed, sql, bindings[index]!)) used[index]!.add(`${table}.${column}`)
      }
      await renamed.bindEmpty(table, columnsOf(table))
    }
    report(test, used, bindings.map(claimedUse))
  })

  it('tells how a column flows', async () => {
    const { lineage } = await session.bind(
      `select p.member, p.amount * p.quantity as worth, sum(p.amount) over (partition by p.day) as of_day, upper(max(m.country)) as country, 1 as one
      from act.purchase p join obj.member m on m.id = p.member where m.joined_at is not null group by p.member, p.amount, p.quantity, p.day order by p.day`,
    )
    const flows = Object.fromEntries(
      lineage.columns.map((column) => [
        column.output,
        column.sources.map((source) => `${source.table}.${source.column} ${source.kind}`),
      ]),
    )
    deepEqual(flows, {
      member: ['act.purchase.member identity'],
      worth: ['act.purchase.amount transform', 'act.purchase.quantity transform'],
      of_day: ['act.purchase.amount window', 'act.purchase.day window'],
      country: ['obj.member.country aggregate'],
      one: [],
    })
    deepEqual(lineage.uses.map((use) => `${use.kind} ${use.table}.${use.column}`).toSorted(), [
      'filter obj.member.joined_at',
      'group act.purchase.amount',
      'group act.purchase.day',
      'group act.purchase.member',
      'group act.purchase.quantity',
      'join act.purchase.member',
      'join obj.member.id',
      'order act.purchase.day',
    ])
  })

  it('gives the same text for the same computation and another for another', async () => {
    const textOf = async (sql: string): Promise<string | undefined> =>
      (await session.bind(sql)).lineage.columns[0]!.expression
    const rowsOf = async (sql: string): Promise<string | undefined> =>
      (await session.bind(sql)).lineage.rows
    const plain = await textOf('select amount * 2 as x from act.purchase')
    equal(
      await textOf(
        'with p as (select id, amount as paid from act.purchase) select paid * 2 as y, id from p',
      ),
      plain,
    )
    const others = await Promise.all(
      [
        'select amount * 3 as x from act.purchase',
        'select amount * quantity as x from act.purchase',
        'select price * 2 as x from obj.product',
        'select sum(amount) * 2 as x from act.purchase',
        'select cast(amount * 2 as decimal(20,4)) as x from act.purchase',
        'select sum(amount * 2) as x from act.purchase',
        'select sum(distinct amount * 2) as x from act.purchase',
        'select sum(amount * 2) over (partition by day) as x from act.purchase',
        'select sum(amount * 2) over (partition by member) as x from act.purchase',
      ].map(textOf),
    )
    equal(new Set([plain, ...others]).size, others.length + 1)
    equal(
      await rowsOf('select id from act.purchase where amount > 1 and day is null'),
      await rowsOf('select amount from act.purchase p where p.day is null and p.amount > 1'),
    )
    const rows = await Promise.all(
      [
        'select id from act.purchase',
        'select id from act.purchase where amount > 1',
        'select id from act.purchase where amount > 2',
        'select id from act.purchase limit 3',
        'select id from act.purchase limit 4',
        'select p.id from act.purchase p join obj.member m on m.id = p.member',
        'select p.id from act.purchase p left join obj.member m on m.id = p.member',
        'select p.id from act.purchase p join obj.member m on m.id = p.product',
        'select distinct id from act.purchase',
        'select id from act.purchase group by id, day',
      ].map(rowsOf),
    )
    equal(new Set(rows).size, rows.length)
  })

  it('tells a self-join from its mirror image', async () => {
    const textOf = async (side: string): Promise<string | undefined> =>
      (
        await session.bind(
          `select ${side}.country from obj.member a join obj.member b on a.invited_by = b.id`,
        )
      ).lineage.columns[0]!.expression
    ok((await textOf('a')) !== (await textOf('b')))
  })

  it('sees a subquery that silently becomes correlated', async () => {
    const { lineage, constructs } = await session.bind(
      'select id from obj.member where id in (select invited_by from act.purchase)',
    )
    ok(lineage.uses.some((use) => use.table === 'obj.member' && use.column === 'invited_by'))
    ok(constructs.some((construct) => construct.name === 'correlated subquery'))
  })

  it('proves where partitions go in the queries that people write', async () => {
    for (const query of corpus) {
      const { preserved } = (await session.bind(query.sql)).lineage
      const claims = preserved.map((claim) => `${claim.table}.${claim.column} → ${claim.output}`)
      for (const expected of query.preserves ?? [])
        ok(claims.includes(expected), `${expected} of ${query.sql}: ${claims.join(', ')}`)
      for (const broken of query.breaks ?? [])
        ok(
          !claims.some((claim) => claim.startsWith(`${broken} →`)),
          `${broken} of ${query.sql}: ${claims.join(', ')}`,
        )
    }
  })

  it('proves that a local day is kept', async () => {
    const days = async (sql: string): Promise<readonly string[]> =>
      ((await session.bind(sql)).lineage.preservedDays ?? []).map(
        (claim) => `${claim.table}.${claim.column} in ${claim.zone} → ${claim.output}`,
      )
    deepEqual(
      await days(
        "select cast(timezone('Europe/London', ordered_at) as date) as d, count(*) from raw.shop.orders group by 1",
      ),
      ['raw.shop.orders.ordered_at in Europe/London → d'],
    )
    deepEqual(await days('select ordered_at::date as d, id from raw.shop.orders'), [
      'raw.shop.orders.ordered_at in Asia/Seoul → d',
    ])
    deepEqual(await days('select day as d, count(*) from raw.shop.orders group by 1'), [])
    deepEqual(await days('select max(ordered_at::date) as d from raw.shop.orders'), [])
    const byDay = 'from raw.shop.orders group by member_id, ordered_at::date'
    const picked = 'raw.shop.orders.ordered_at in Asia/Seoul → first_at'
    for (const sql of [
      `select member_id, min(ordered_at) as first_at ${byDay}`,
      `select member_id, any_value(ordered_at) as first_at, count(*) as orders ${byDay}`,
      `select member_id, first_at from (select member_id, max(ordered_at) as first_at ${byDay}) where member_id > 1`,
      `select member_id, min(first_at) as first_at from (select member_id, max(ordered_at) as first_at ${byDay}) group by member_id, first_at::date`,
    ])
      deepEqual(await days(sql), [picked], sql)
    for (const sql of [
      'select member_id, min(ordered_at) as first_at from raw.shop.orders group by member_id',
      `select member_id, min(ordered_at) filter (where status = 'paid') as first_at ${byDay}`,
      `select member_id, min(ordered_at + interval '1' day) as first_at ${byDay}`,
      'select member_id, min(ordered_at) as first_at from raw.shop.orders group by grouping sets ((member_id), (ordered_at::date))',
      'select p.member, min(p.occurred_at) as first_at from act.purchase p join raw.shop.orders o on o.member_id = p.member group by p.member, o.ordered_at::date',
    ])
      deepEqual(await days(sql), [], sql)
    deepEqual(
      (
        await session.bind(
          'select max(member_id) as m from raw.shop.orders group by member_id, status',
        )
      ).lineage.preserved,
      [{ table: 'raw.shop.orders', column: 'member_id', output: 'm' }],
    )
  })

  it('proves that a query adds up over rows where it looks at each alone', async () => {
    const sets = async (sql: string): Promise<readonly string[]> =>
      ((await session.bind(sql)).lineage.additive ?? []).map((set) => set.join('+'))
    const purchases = 'select id, upper(status) as s from raw.shop.orders where day is not null'
    const cases: readonly (readonly [string, readonly string[]])[] = [
      [purchases, ['raw.shop.orders']],
      [`with p as (${purchases}) select id from p where s <> 'x' order by id`, ['raw.shop.orders']],
      ['select visitor, tag from raw.visit, unnest(tags) as t(tag)', ['raw.visit']],
      [
        'select id from act.purchase union all select visitor from raw.visit',
        ['act.purchase+raw.visit'],
      ],
      ['select id from act.purchase union all select 1', []],
      ['select id from act.purchase union select visitor from raw.visit', []],
      [
        'select p.id, m.country from act.purchase p left join obj.member m on m.id = p.member',
        ['act.purchase'],
      ],
      [
        'select p.id, m.country from act.purchase p join obj.member m on m.id = p.member',
        ['act.purchase', 'obj.member'],
      ],
      [
        'select p.id from act.purchase p asof join obj.member m on m.id = p.member and m.joined_at <= p.occurred_at',
        ['act.purchase'],
      ],
      ['select id from act.purchase where member in (select id from obj.member)', ['act.purchase']],
      ['select a.id from act.purchase a join act.purchase b on a.id = b.product', []],
      ['select id from act.purchase where amount > (select avg(amount) from act.purchase)', []],
      [
        'select id from act.purchase where amount > (select avg(price) from obj.product)',
        ['act.purchase'],
      ],
      ['select member, count(*) as c from act.purchase group by member', []],
      ['select distinct member from act.purchase', []],
      ['select id, row_number() over (order by occurred_at) as n from act.purchase', []],
      ['select id from act.purchase limit 3', []],
      ['select id from act.purchase except select id from obj.member', []],
    ]
    for (const [sql, expected] of cases) deepEqual(await sets(sql), expected, sql)
  })

  it('claims of no query that it adds up where data refutes it', async () => {
    const halves = await engine.open({ zone: 'Asia/Seoul' })
    for (const id of Object.keys(corpusTables))
      await halves.run(
        `create table ${stored(id)} as select *, row_number() over () % 3 as part from (${rowsSql(id)})`,
      )
    const bindPart = async (id: string, condition: string): Promise<void> =>
      await halves.bindView(id, `select * exclude (part) from ${stored(id)} ${condition}`)
    let checked = 0
    for (const { sql } of corpus) {
      for (const set of (await session.bind(sql)).lineage.additive ?? []) {
        for (const id of Object.keys(corpusTables)) await bindPart(id, '')
        const whole = (await halves.query(sql)).rows
        const parts: (readonly Value[])[] = []
        for (const condition of ['where part = 0', 'where part > 0']) {
          for (const id of set) await bindPart(id, condition)
          parts.push(...(await halves.query(sql)).rows)
        }
        deepEqual(differing(whole, parts), [], `over ${set.join(' and ')}: ${sql}`)
        checked++
      }
    }
    ok(checked > 30, `${checked} claims checked`)
  })

  it('claims nothing that data refutes: a row of one value changes only output rows of that value', async () => {
    const filled = await engine.open({ zone: 'Asia/Seoul' })
    for (const id of Object.keys(corpusTables))
      await filled.run(`create table ${stored(id)} as ${rowsSql(id)}`)
    let checked = 0
    for (const { sql } of corpus) {
      for (const id of Object.keys(corpusTables))
        await filled.bindView(id, `select * from ${stored(id)}`)
      const { lineage } = await session.bind(sql)
      const whole = (await filled.query(sql)).rows
      for (const { table, column, output } of lineage.preserved) {
        const position = lineage.columns.findIndex((each) => each.output === output)
        const values = await filled.query(
          `select distinct ${column}::varchar as text, ${column} as value from ${stored(table)} order by 1 limit 4`,
        )
        for (const [text, value] of values.rows) {
          await filled.bindView(
            table,
            `select * from ${stored(table)} where ${column}::varchar is distinct from ${text === null ? 'null' : `'${String(text)}'`}`,
          )
          for (const row of differing(whole, (await filled.query(sql)).rows)) {
            deepEqual(
              row[position],
              value,
              `${table}.${column} → ${output} without ${String(text)}: ${sql}`,
            )
          }
          checked++
        }
        await filled.bindView(table, `select * from ${stored(table)}`)
      }
    }
    ok(checked > 200, `${checked} claims checked`)
  })
})

function stored(id: string): string {
  return `kept_${id.replaceAll('.', '_')}`
}

/** A few rows with repeated values and nulls in every column. */
function rowsSql(id: string): string {
  const values = columnsOf(id).map(({ name, type }, index) => {
    const number = `(hash(x * 31 + ${index * 7 + id.length}) % 4)::integer`
    const value = {
      integer: `${number}::bigint`,
      text: `'K' || ${number}`,
      timestamp: `timestamptz '2011-01-03 12:00:00+09' + to_hours(${number} * 9)`,
      date: `date '2011-01-03' + ${number}`,
      decimal: `(${number} * 6)::decimal(18,2)`,
      list: `['t' || ${number}, 'u' || x]`,
    }[type.kind as 'integer']
    const isKey = name === 'id' && id !== 'act.purchase'
    return `${isKey ? '(x % 9)::bigint' : `case when hash(x * 17 + ${index}) % 9 = 0 then null else ${value} end`} as ${name}`
  })
  return `select ${values.join(', ')} from range(14) as r(x)`
}

/** Rows that one result has and the other has not, or not as often. */
function differing(
  left: readonly (readonly Value[])[],
  right: readonly (readonly Value[])[],
): (readonly Value[])[] {
  const counts = new Map<string, { readonly row: readonly Value[]; count: number }>()
  for (const [rows, step] of [
    [left, 1],
    [right, -1],
  ] as const) {
    for (const row of rows) {
      const key = JSON.stringify(row)
      const known = counts.get(key) ?? { row, count: 0 }
      counts.set(key, known)
      known.count += step
    }
  }
  return [...counts.values()].filter(({ count }) => count !== 0).map(({ row }) => row)
}

async function isChanged(renamed: Session, sql: string, before: Binding): Promise<boolean> {
  try {
    return JSON.stringify((await renamed.bind(sql)).columns) !== JSON.stringify(before.columns)
  } catch (error) {
    ok(isMaruError(error) && error.code === 'SQL_BIND')
    return true
  }
}

function claimedUse({ lineage }: Binding): ReadonlySet<string> {
  return new Set(
    [...lineage.uses, ...lineage.columns.flatMap((column) => column.sources)].map(
      (source) => `${source.table}.${source.column}`,
    ),
  )
}

function report(
  test: TestContext,
  truth: readonly ReadonlySet<string>[],
  claims: readonly ReadonlySet<string>[],
): void {
  let hits = 0
  let missed = 0
  let invented = 0
  for (const [index, used] of truth.entries()) {
    const claimed = claims[index]!
    const misses = [...used].filter((column) => !claimed.has(column))
    const inventions = [...claimed].filter((column) => !used.has(column))
    hits += used.size - misses.length
    missed += misses.length
    invented += inventions.length
    if (misses.length + inventions.length > 0)
      test.diagnostic(
        `missed [${misses.join(', ')}] invented [${inventions.join(', ')}]: ${corpus[index]!.sql}`,
      )
  }
  const recall = hits / (hits + missed)
  const precision = hits / (hits + invented)
  test.diagnostic(
    `${corpus.length} queries, ${hits + missed} columns used: recall ${recall.toFixed(4)}, precision ${precision.toFixed(4)}`,
  )
  ok(recall >= 0.98, `recall ${recall}`)
  ok(precision >= 0.99, `precision ${precision}`)
}

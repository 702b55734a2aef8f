import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import type { DuckDBConnection } from '@duckdb/node-api'
import { modelOf } from '../../test/metric/build-model.ts'
import type { MetricSketch } from '../../test/metric/build-model.ts'
import { shopModel } from '../../test/metric/shop-model.ts'
import { load, useMemory, query } from '../../test/metric/dataset.ts'
import type { Dataset } from '../../test/metric/rows.ts'
import { compileQuestion } from './metric.ts'
import type { MetricQuestion } from './metric.ts'

const dataset: Dataset = new Map([
  [
    'act.purchase',
    [
      {
        id: 1,
        occurred_at: 1_298_937_600_000_000n,
        member: 1,
        product: 1,
        amount: '10.10',
        quantity: 1,
        status: 'paid',
      },
      {
        id: 2,
        occurred_at: 1_298_937_600_000_000n,
        member: 2,
        product: null,
        amount: '0.20',
        quantity: null,
        status: 'paid',
      },
      {
        id: 3,
        occurred_at: 1_304_208_000_000_000n,
        member: 1,
        product: 1,
        amount: null,
        quantity: 2,
        status: null,
      },
    ],
  ],
])

describe('compiling a question', () => {
  let connection: DuckDBConnection
  useMemory((opened) => (connection = opened))

  before(async () => {
    await load(connection, shopModel, dataset)
  })

  const ask = async (question: MetricQuestion): Promise<unknown> =>
    query(connection, compileQuestion(shopModel, question).sql)

  it('keeps names apart: activities and metrics called like each other and like parts of the statement', async () => {
    const counts = (activity: string): MetricSketch => ({
      kind: 'aggregate',
      selection: {
        kind: 'selection',
        activity,
        selector: { kind: 'all' },
        take: { kind: 'aggregate', aggregate: 'count' },
      },
    })
    const names = ['one', 'every', 'other', 'period', 'source', 'each']
    const model = modelOf({
      zone: 'UTC',
      activities: Object.fromEntries(names.map((name) => [`act.${name}`, { columns: {} }])),
      metrics: Object.fromEntries(
        names.flatMap((name): [string, MetricSketch][] => [
          [`${name}s`, counts(`act.${name}`)],
          [
            name,
            { kind: 'cumulative', metric: `${name}s`, over: { kind: 'all_time' }, across: 'last' },
          ],
        ]),
      ),
    })
    const row = { id: 1, occurred_at: 1_298_937_600_000_000n }
    await load(connection, model, new Map(names.map((name) => [`act.${name}`, [row]])))
    const question = {
      metrics: [...names, ...names.map((name) => `${name}s`)],
      by: ['day'],
      fill: true,
    }
    const { sql } = compileQuestion(model, question)
    assert.deepEqual(await query(connection, sql), [
      ['2011-03-01', ...Array.from({ length: 12 }, () => 1)],
    ])
    await load(connection, shopModel, dataset)
  })

  it('writes SQL that a person can read', () => {
    const compiled = compileQuestion(shopModel, {
      metrics: ['sales', 'french_sales', 'order_value'],
      by: ['product.brand.name', 'month'],
      from: '2011-01-01',
      to: '2011-07-01',
      where: `member.purchases_1y >= 2`,
      order: ['-sales'],
      limit: 10,
    })
    assert.equal(
      compiled.sql,
      `with purchase_row as (
  select
    product__brand__brand__row.name as product__brand__name,
    cast(date_trunc('month', purchase__row.day) as date) as month,
    purchase__row.amount as value__amount,
    member__member__row.country = 'France' as is__french_sales
  from stored.purchase as purchase__row
  left join obj.product as product__product__row on product__product__row.version = purchase__row.product__product_version
  left join obj.brand as product__brand__brand__row on product__brand__brand__row.id = product__product__row.brand
  left join obj.member as member__member__row on member__member__row.version = purchase__row.member__member_version
  left join obj_attr.member.habit as member__habit__row on member__habit__row.version = purchase__row.member__habit_version
  where purchase__row.day >= date '2011-01-01'
    and purchase__row.day < date '2011-07-01'
    and member__habit__row.purchases_1y >= 2
),
purchase_group as (
  select
    product__brand__name,
    month,
    cast(sum(value__amount) as decimal(38, 2)) as sales__sum,
    cast(sum(case when is__french_sales then value__amount end) as decimal(38, 2)) as french_sales__sum,
    count(*) as orders__count
  from purchase_row
  group by product__brand__name, month
)
select
  product__brand__name as "product.brand.name",
  month,
  sales__sum as sales,
  french_sales__sum as french_sales,
  cast(sales__sum as double) / nullif(cast(orders__count as double), 0) as order_value
from purchase_group
order by sales desc nulls last, "product.brand.name" nulls last, month nulls last
limit 10`,
    )
    assert.deepEqual(
      compiled.columns.map(({ name, kind, type }) => `${kind} ${name} ${type.kind}`),
      [
        'dimension product.brand.name text',
        'dimension month date',
        'metric sales decimal',
        'metric french_sales decimal',
        'metric order_value number',
      ],
    )
  })

  it('names only the tables that the question needs, and bounds by which their files are pruned', () => {
    const { reads } = compileQuestion(shopModel, {
      metrics: ['sales'],
      by: ['member.country'],
      from: '2011-01-01',
      to: '2011-01-03',
      where: `status in ('paid', 'open') and amount >= 10.5 and quantity != 3 and (status = 'x' or quantity = 1) and member.country = 'France'`,
    })
    assert.deepEqual(reads, [
      {
        table: 'stored.purchase',
        filters: [
          { column: 'day', lower: 14_975, upper: 14_976 },
          { column: 'status', lower: 'open', upper: 'paid' },
          { column: 'amount', lower: 1050n },
        ],
      },
      { table: 'obj.member', filters: [] },
    ])
  })

  it('prunes days by a condition on the instant, unless it names another zone', () => {
    const filtersOf = (where: string): unknown =>
      compileQuestion(shopModel, { metrics: ['orders'], where }).reads[0]!.filters
    assert.deepEqual(filtersOf(`occurred_at < '2011-01-03 10:00'`), [
      { column: 'day', upper: 14_977 },
    ])
    assert.deepEqual(filtersOf(`occurred_at < '2011-01-03T10:00Z'`), [])
    assert.deepEqual(filtersOf(`not occurred_at < '2011-01-03'`), [])
  })

  it('does not prune a table that is read in two ways', () => {
    const { reads } = compileQuestion(shopModel, {
      metrics: ['sales', 'members'],
      by: ['member.country'],
      where: `member.country = 'Peru'`,
    })
    assert.deepEqual(reads, [
      { table: 'stored.purchase', filters: [] },
      { table: 'obj.member', filters: [] },
    ])
  })

  it('answers one row without dimensions even when nothing is there: counts 0, sums unknown', async () => {
    const question = {
      metrics: ['sales', 'orders', 'buyers', 'order_value', 'stock'],
      where: `day > '2030-01-01'`,
    }
    assert.deepEqual(await ask(question), [[null, 0, 0, null, null]])
    assert.deepEqual(await ask({ ...question, fill: true }), [['0.00', 0, 0, null, 0]])
  })

  it('has no rows with dimensions when nothing is there', async () => {
    assert.deepEqual(await ask({ metrics: ['sales'], by: ['status'], where: 'quantity > 100' }), [])
  })

  it('keeps decimals exact and the unknown group last', async () => {
    assert.deepEqual(await ask({ metrics: ['sales', 'mean_amount'], by: ['status'] }), [
      ['paid', '10.30', 5.15],
      [null, null, null],
    ])
  })

  it('fills the periods between the first and the last when no range is given', async () => {
    assert.deepEqual(await ask({ metrics: ['orders', 'mean_amount'], by: ['month'], fill: true }), [
      ['2011-03-01', 2, 5.15],
      ['2011-04-01', 0, null],
      ['2011-05-01', 1, null],
    ])
  })

  it('fills the 25 hours of a day on which clocks go back', async () => {
    await connection.run(`set TimeZone = 'Europe/London'`)
    const { sql } = compileQuestion(
      { ...shopModel, zone: 'Europe/London' },
      { metrics: ['orders'], by: ['hour'], from: '2011-10-30', to: '2011-10-31', fill: true },
    )
    const rows = await query(connection, sql)
    await connection.run(`set TimeZone = 'Asia/Seoul'`)
    assert.equal(rows.length, 25)
    assert.equal(new Set(rows.map(([hour]) => hour)).size, 25)
  })

  it('counts days until the row, of objects and of what holds now until today', () => {
    const sinceIn = (metric: string, text: string): string =>
      /date_diff\('day', [^,]+, ([^)]+)\)/.exec(
        compileQuestion(shopModel, { metrics: [metric], by: [text] }).sql,
      )![1]!
    assert.equal(sinceIn('orders', 'member.joined_at.days_since'), 'purchase__row.day')
    assert.equal(sinceIn('orders', 'member.birthday.days_since@now'), 'current_date')
    assert.equal(sinceIn('members', 'joined_at.days_since'), 'current_date')
    assert.throws(
      () =>
        compileQuestion(shopModel, {
          metrics: ['orders'],
          by: ['month', 'member.joined_at.days_since@period_end'],
        }),
      { code: 'METRIC_BAD_QUERY' },
    )
  })

  it('reaches by a short path what only one path reaches', () => {
    const { sql } = compileQuestion(shopModel, {
      metrics: ['sales'],
      by: ['brand.name', 'brand.name@now'],
    })
    assert.match(sql, /product__brand__brand__row\.name as brand__name,/)
    assert.match(sql, /product__brand__brand__row__now\.name as brand__name__now/)
    assert.match(
      sql,
      /on product__product__row__now\.id = purchase__row\.product and product__product__row__now\.valid_to is null/,
    )
  })

  it('never takes a value for SQL', async () => {
    const where = `status = 'x'' or 1 = 1 --' or status like '%''%'`
    assert.deepEqual(await ask({ metrics: ['orders'], where }), [[0]])
  })
})

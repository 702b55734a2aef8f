/** What the compiler refuses in an author's editor. `tsc` checks the marked lines; run, the file only shows that its declarations can be built. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import {
  activity,
  all,
  and,
  any,
  approximate_distinct,
  approximate_percentile,
  attributes,
  average,
  conversion,
  count,
  count_true,
  cumulative,
  date,
  decimal,
  defineConfig,
  distinct,
  event,
  family,
  files,
  first,
  formula,
  funnel,
  integer,
  json,
  key,
  last,
  lifecycle,
  max,
  merged,
  metricOf,
  min,
  not,
  nth,
  number,
  object,
  offset,
  or,
  percentile,
  postgres,
  ratio,
  refers,
  retention,
  source,
  sql,
  stickiness,
  sum,
  table,
  text,
  timestamp,
  total,
  via,
  type Column,
} from '../index.ts'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const is = <T extends true>(): T => true as T

const shop = source({
  owner: 'commerce',
  from: 'shop',
  tables: {
    orders: table(
      'orders as placed',
      {
        id: key('order'),
        member_id: integer('who'),
        ordered_at: timestamp('when'),
        status: text('state'),
      },
      { by: 'ordered_at' },
    ),
  },
})
is<Same<typeof shop.orders.member_id, Column<'integer'>>>()
// @ts-expect-error a raw table is partitioned by a timestamp or a date
table('orders', { id: key('order'), status: text('state') }, { by: 'status' })
// @ts-expect-error a column needs a description
text()
// @ts-expect-error the table is not declared
void shop.order

const invoice = files({
  owner: 'sales',
  description: 'lines',
  path: 'data/*.csv',
  format: 'csv',
  by: 'sold_on',
  columns: {
    invoice: text('number', { field: 'InvoiceNo' }),
    sold_on: date('day of sale'),
    note: json('free text'),
  },
})
// @ts-expect-error a column that the table does not have
void invoice.invoces
const lines = {
  owner: 'sales',
  description: 'lines',
  path: 'a',
  columns: { invoice: text('number') },
}
// @ts-expect-error xlsx is not a format
files({ ...lines, format: 'xlsx' })

const clicked = event({
  owner: 'growth',
  description: 'a click',
  name: 'clicked',
  properties: { product_id: integer('what') },
  example: { product_id: 1 },
})
is<Same<typeof clicked.occurred_at, Column<'timestamp'>>>()
const click = { owner: 'growth', description: 'a click', name: 'clicked' }
// @ts-expect-error the example has a property that is not declared
event({ ...click, properties: { product_id: integer('what') }, example: { product: 1 } })

const brand = object({
  owner: 'md',
  description: 'a maker',
  columns: { id: key('brand'), name: text('name') },
  sql: sql`select 1 as id, 'a' as name`,
})
const product = object({
  owner: 'md',
  description: 'a thing on sale',
  history: true,
  columns: {
    id: key('product'),
    name: text('name'),
    brand: refers(brand),
    weight: number('grams'),
    price: decimal('list price', { scale: 0 }),
  },
  sql: sql`select ${1} as id from ${invoice}`,
})
const category = object({
  owner: 'md',
  description: 'a shelf',
  columns: { id: key('category'), parent: refers(() => category, 'the shelf above') },
  sql: sql`select 1 as id, null as parent`,
})
is<Same<typeof category.parent, Column<'reference'>>>()
const member = object({
  owner: 'crm',
  description: 'a person',
  columns: { id: key('member'), country: text('where') },
  sql: sql`select id, country from ${shop.orders}`,
})

const purchase = activity({
  says: '{member} bought {product}',
  owner: 'commerce',
  description: 'one order line',
  columns: {
    id: key('order line'),
    occurred_at: timestamp('when'),
    member: refers(member),
    product: refers(product),
    quantity: integer('pieces'),
    amount: decimal('paid', { unit: 'KRW' }),
    status: text('state'),
  },
  by: 'member',
  to: ['product'],
  checks: (row) => ({
    quantity_is_positive: row.quantity.above(0),
    known: not(row.product.isUnknown()),
  }),
  sql: sql`select ${shop.orders.id} from ${shop.orders} where ${shop.orders.status} = ${'done'}`,
})
is<Same<typeof purchase.amount, Column<'decimal'>>>()
is<Same<typeof purchase.day, Column<'date'>>>()
const columns = {
  id: key('line'),
  occurred_at: timestamp('when'),
  member: refers(member),
  amount: decimal('paid'),
}
const rest = { says: '', owner: '', description: '', columns, sql: sql`select 1` }
// @ts-expect-error the actor is a reference, not an amount
activity({ ...rest, by: 'amount' })
// @ts-expect-error a target is a reference that exists
activity({ ...rest, by: 'member', to: ['produkt'] })
// @ts-expect-error a check names a column that the row does not have
activity({ ...rest, by: 'member', checks: (row) => ({ positive: row.amuont.above(0) }) })
// @ts-expect-error sql is a template, not a text
activity({ ...rest, by: 'member', sql: 'select 1' })
// @ts-expect-error only an object is referred to
refers(purchase)

const habit = attributes(
  member,
  {
    first_purchase_at: first(purchase).occurred_at,
    second_amount: nth(purchase, 2).within('30 days').amount,
    last_big: last(purchase).where(purchase.amount.above(100)).product,
    purchases_1y: count(purchase).within('1 year'),
    spent_1y: sum(purchase.amount).where(purchase.status.is('paid')).within('1 year'),
  },
  { owner: 'crm', describe: { purchases_1y: 'purchases in the year before' } },
)
is<Same<typeof habit.first_purchase_at, Column<'timestamp'>>>()
is<Same<typeof habit.purchases_1y, Column<'integer'>>>()
is<Same<typeof habit.spent_1y, Column<'decimal'>>>()
is<Same<typeof habit.last_big, Column<'reference'>>>()
const grade = attributes(member, {
  history: true,
  columns: { grade: text('loyalty grade') },
  sql: sql`select 1 as id`,
})
is<Same<typeof grade.grade, Column<'text'>>>()
// @ts-expect-error a duration that is not one
count(purchase).within('1 yaer')
// @ts-expect-error a duration has a unit
first(purchase).within('30')
// @ts-expect-error an activity has no such column to take
void first(purchase).occured_at
// @ts-expect-error the first of an object has no meaning
first(member)
// @ts-expect-error a description of an attribute that is not there
attributes(member, { purchases: count(purchase) }, { describe: { purchase: 'x' } })
// @ts-expect-error attributes belong to objects
attributes(purchase, { purchases: count(purchase) })

export const sales: ReturnType<typeof sum<'decimal'>> = sum(purchase.amount)
const orders = distinct(purchase.status, { description: 'states', direction: 'up' })
void [
  average(product.weight),
  min(purchase.occurred_at),
  max(purchase.quantity),
  count(member),
  distinct(purchase.member),
  count(purchase),
]
void [
  ratio(sales, orders),
  formula`${sales} - ${orders} * ${2}`.with({ unit: 'KRW' }),
  ratio(formula`${sales} / 2`, orders),
]
void sum(purchase.amount).where(
  and(
    via(purchase.member, member.country).is('France'),
    or(purchase.quantity.in([1, 2n]), purchase.amount.atMost('0.10')),
  ),
)
void via(purchase.product, product.brand, brand.name).like('A%')
// @ts-expect-error a text has no sum
sum(purchase.status)
// @ts-expect-error a text has no average
average(purchase.status)
// @ts-expect-error a text has no minimum
min(purchase.status)
// @ts-expect-error a text has no maximum
max(member.country)
// @ts-expect-error keys are not added
sum(purchase.id)
// @ts-expect-error references are not added
sum(purchase.product)
// @ts-expect-error an instant has no sum
sum(purchase.occurred_at)
// @ts-expect-error a wrong column
sum(purchase.amuont)
// @ts-expect-error a column is not counted, it has distinct values
count(purchase.member)
// @ts-expect-error raw tables have no metrics
count(shop.orders)
// @ts-expect-error a ratio is of metrics
ratio(sales, purchase.amount)
// @ts-expect-error a formula is of metrics and numbers
void formula`${purchase.amount} * 2`
// @ts-expect-error a text is not compared with a number
purchase.status.is(5)
// @ts-expect-error an amount is not compared with a truth
purchase.amount.above(true)
// @ts-expect-error a pattern is for texts
purchase.quantity.like('1%')
// @ts-expect-error a path goes through references
via(purchase.status, member.country)
// @ts-expect-error up or down
sum(purchase.amount, { direction: 'left' })
// @ts-expect-error an activity is merged, an object is not
merged(member)
merged(purchase, { groups: [habit, product] })

const windows = attributes(member, {
  second: nth(purchase, 2, { counted: 'history' })
    .after(first(purchase), 'inclusive')
    .within('30 days').amount,
  by_product: first(purchase).per(purchase.product).occurred_at,
  late: count(purchase).between('2024-01-01', last(purchase)).ever(),
  ever: any(purchase).before('2024-01-01'),
  latest: last(via(purchase.product, product.price)).of(purchase.member),
  spent_by_brand: sum(purchase.amount).per(via(purchase.product, product.brand)),
  middle: percentile(purchase.amount, 0.5),
  most: percentile(purchase.amount, 0.99, { discrete: true }),
  ...family({ bought: count(purchase), paid: sum(purchase.amount) }, [
    'all_time',
    '7 days',
    '1 year',
  ]),
})
is<Same<typeof windows.second, Column<'decimal'>>>()
is<Same<typeof windows.ever, Column<'boolean'>>>()
is<Same<typeof windows.spent_by_brand, Column<'json'>>>()
is<Same<typeof windows.middle, Column<'number'>>>()
is<Same<typeof windows.most, Column<'decimal'>>>()
is<Same<typeof windows.paid_7d, Column<'decimal'>>>()
is<Same<typeof windows.bought, Column<'integer'>>>()
// @ts-expect-error a family has the windows that it names
void windows.bought_30d
const seen = merged(purchase, { related: { before: count(purchase).before(purchase) } })
is<Same<typeof seen.before, Column<'integer'>>>()
void [
  sum(seen.before),
  sum(via(purchase.product, product.price)),
  sum(first(purchase).amount),
  count(first(purchase).per(purchase.product)),
  approximate_distinct(purchase.member),
  approximate_percentile(purchase.amount, 0.99),
  distinct(via(purchase.member, member.country).at('now')),
  sum(purchase.amount, { fill: 0, calendar: true }).balance('last', { per: [purchase.member] }),
  cumulative(sales, { window: '28 days', across: 'average' }),
  formula`${offset(sales, '1 year')} / ${total(offset(sales, { to: 'month' }), ['member.country'])}`,
  conversion(purchase, all(purchase).same(purchase.product, purchase.product), {
    within: '7 days',
  }),
  funnel([purchase, first(purchase)], { rules: ['once'], result: { step: 2, from: 1 } }),
  retention(first(purchase), purchase, { grain: 'week', at: 1 }),
  lifecycle(purchase, 'dormant', { grain: 'month' }),
  stickiness(purchase, { grain: 'day' }),
  count(purchase).where(metricOf(sales, purchase.member).above(3)),
]
// @ts-expect-error a text is not summed over references either
sum(via(purchase.member, member.country))
// @ts-expect-error only truths are true
count_true(purchase.amount)
// @ts-expect-error a window begins at an activity or an instant, not at an object
count(purchase).after(member)
// @ts-expect-error all rows have no column of one
void all(purchase).amount
// @ts-expect-error a funnel is of activities
funnel([member])
// @ts-expect-error a rule that is none
funnel([purchase], { rules: ['twice'] })
// @ts-expect-error a state that is none
lifecycle(purchase, 'old', { grain: 'month' })
// @ts-expect-error a metric of an object is found by its key or a reference
metricOf(sales, purchase.amount)
// @ts-expect-error what is offset is no metric of its own
ratio(sales, offset(sales, '1 year'))
object({
  owner: '',
  description: '',
  columns: { id: key('day') },
  // @ts-expect-error a calendar's days are dates
  calendar: { day: 'id', grains: ['id'] },
  sql: sql`select 1`,
})

// @ts-expect-error a template takes tables, columns, sql and scalars
void sql`select ${{ a: 1 }}`
// @ts-expect-error a misspelt setting
defineConfig({ zone: 'Asia/Seoul', curency: 'KRW' })
defineConfig({
  zone: 'Asia/Seoul',
  sources: { shop: postgres({ url: 'postgres://localhost/shop' }) },
})

it('builds the declarations whose types the compiler checks', () => {
  assert.deepEqual(Object.keys(purchase), [
    'id',
    'occurred_at',
    'member',
    'product',
    'quantity',
    'amount',
    'status',
    'day',
  ])
  assert.deepEqual(Object.keys(habit), [
    'first_purchase_at',
    'second_amount',
    'last_big',
    'purchases_1y',
    'spent_1y',
  ])
})

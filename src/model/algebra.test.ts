import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  activity,
  all,
  any,
  approximate_percentile,
  attributes,
  average,
  collect,
  conversion,
  count,
  cumulative,
  date,
  decimal,
  distinct,
  family,
  first,
  formula,
  funnel,
  integer,
  key,
  last,
  lifecycle,
  merged,
  metricOf,
  nth,
  object,
  offset,
  percentile,
  refers,
  retention,
  sql,
  stickiness,
  sum,
  text,
  timestamp,
  total,
  via,
} from '../index.ts'
import { formatProblem } from '../base/errors.ts'
import { buildModel } from './build.ts'
import { definition } from './definition.ts'
import {
  bucketTexts,
  choicesOf,
  indicatorId,
  inputsOf,
  tablesOfSelection,
  type MetricModel,
  type Model,
} from './model.ts'

const owned = { owner: 'crm', description: 'x' } as const
const category = object({ ...owned, columns: { id: key('shelf') }, sql: sql`select 1 as id` })
const product = object({
  ...owned,
  columns: {
    id: key('thing'),
    category: refers(category),
    price: decimal('price', { buckets: [1, 10] }),
  },
  sql: sql`select 1 as id`,
})
const member = object({
  ...owned,
  columns: { id: key('member'), country: text('where') },
  sql: sql`select 1 as id`,
})
const day = object({
  ...owned,
  columns: { id: key('number'), date: date('the day'), season: text('its season') },
  calendar: { day: 'date', grains: ['season'] },
  sql: sql`select 1 as id`,
})
const visit = activity({
  ...owned,
  says: '{member} came',
  columns: {
    id: key('visit'),
    occurred_at: timestamp('when'),
    member: refers(member),
    session: text('which'),
  },
  by: 'member',
  sql: sql`select 1 as id`,
})
const purchase = activity({
  ...owned,
  says: '{member} bought {product}',
  columns: {
    id: key('line'),
    occurred_at: timestamp('when'),
    member: refers(member),
    giver: refers(member, 'who gives it'),
    product: refers(product),
    amount: decimal('paid', { unit: 'KRW' }),
    session: text('which'),
    quantity: integer('pieces'),
  },
  by: 'member',
  to: ['product'],
  sql: sql`select 1 as id`,
})
const shop = {
  'obj/category.ts': category,
  'obj/product.ts': product,
  'obj/member.ts': member,
  'obj/calendar_day.ts': day,
  'act/visit.ts': visit,
  'act/purchase.ts': purchase,
}

function build(
  tables: Readonly<Record<string, unknown>>,
  metrics: Readonly<Record<string, unknown>> = {},
): { readonly model: Model; readonly problems: readonly string[] } {
  const declarations = [
    ...Object.entries({ ...shop, ...tables }).map(([path, value]) => ({
      path,
      exportName: 'default',
      value,
    })),
    ...Object.entries(metrics).map(([exportName, value]) => ({
      path: 'metric/x.ts',
      exportName,
      value,
    })),
  ]
  const { model, problems } = buildModel(declarations, { zone: 'Asia/Seoul' })
  return { model, problems: problems.map(formatProblem) }
}

function sound(
  tables: Readonly<Record<string, unknown>>,
  metrics: Readonly<Record<string, unknown>> = {},
): Model {
  const { model, problems } = build(tables, metrics)
  assert.deepEqual(problems, [])
  return model
}

/** A metric without what every metric has. */
function shapeOf(model: Model, name: string): object {
  const metric: MetricModel = model.metrics.find((each) => each.name === name)!
  const { id: _i, name: _n, place: _p, owner: _o, description: _d, synonyms: _s, ...shape } = metric
  return shape
}

function derivedOf(model: Model): Readonly<Record<string, object>> {
  const table = model.tables.find((each) => each.kind === 'attributes')!
  assert(table.kind === 'attributes' && table.from.kind === 'derived')
  return Object.fromEntries(table.from.attributes.map((each) => [each.name, each.selection]))
}

describe('derived attributes', () => {
  it('see windows between anchors, with everything that narrows them', () => {
    const byCategory = via(purchase.product, product.category)
    const model = sound({
      'obj_attr/habit.ts': attributes(member, {
        second: nth(purchase, 2, { counted: 'history' })
          .after(first(visit).where(visit.session.is('a')), 'inclusive')
          .within('30 days')
          .same(purchase.session, visit.session)
          .keep(purchase.amount.above(1)).amount,
        by_category: first(purchase).per(byCategory).occurred_at,
        new_categories: count(nth(purchase, 1, { counted: 'history' }).per(byCategory)),
        given: any(purchase).of(purchase.giver).between('2024-01-01', last(visit)),
        later: count(visit).ever(),
        pages: collect(visit.session, { distinct: true }),
      }),
    })
    const chosen = {
      activity: 'act.visit',
      selector: { kind: 'first' },
      filter: { kind: 'compare', path: 'session', operator: '=', value: 'a' },
    }
    const base = { kind: 'selection', activity: 'act.purchase' }
    assert.deepEqual(derivedOf(model), {
      second: {
        ...base,
        selector: { kind: 'nth', n: 2, counted: 'history' },
        window: { from: { at: { kind: 'chosen', choice: chosen }, inclusive: true } },
        within: { count: 30, unit: 'day' },
        same: [{ path: 'session', anchor: 'session' }],
        keep: { kind: 'compare', path: 'amount', operator: '>', value: 1 },
        take: { kind: 'column', column: 'amount' },
      },
      by_category: {
        ...base,
        selector: { kind: 'first' },
        per: 'product.category',
        take: { kind: 'column', column: 'occurred_at' },
        map: true,
      },
      new_categories: {
        ...base,
        selector: { kind: 'nth', n: 1, counted: 'history' },
        per: 'product.category',
        take: { kind: 'aggregate', aggregate: 'count' },
      },
      given: {
        ...base,
        of: 'giver',
        selector: { kind: 'all' },
        window: {
          from: { at: { kind: 'fixed', instant: '2024-01-01' }, inclusive: false },
          to: {
            at: { kind: 'chosen', choice: { activity: 'act.visit', selector: { kind: 'last' } } },
            inclusive: false,
          },
        },
        take: { kind: 'aggregate', aggregate: 'any' },
      },
      later: {
        kind: 'selection',
        activity: 'act.visit',
        selector: { kind: 'all' },
        window: {},
        take: { kind: 'aggregate', aggregate: 'count' },
      },
      pages: {
        kind: 'selection',
        activity: 'act.visit',
        selector: { kind: 'all' },
        take: { kind: 'aggregate', aggregate: 'collect_distinct', column: 'session' },
      },
    })
    const table = model.tables.find((each) => each.id === 'obj_attr.habit')!
    assert.deepEqual(
      table.columns
        .slice(0, 7)
        .map(({ name, type, absent }) => [name, type.kind, absent ?? 'unknown']),
      [
        ['id', 'integer', 'unknown'],
        ['second', 'decimal', 'unknown'],
        ['by_category', 'json', 'unknown'],
        ['new_categories', 'integer', 0],
        ['given', 'boolean', false],
        ['later', 'integer', 0],
        ['pages', 'list', 'unknown'],
      ],
    )
    assert.equal(
      table.columns[1]!.description,
      'paid, of the number 2 purchase, from the first visit, within 30 days, with session as its session',
    )
  })

  it('read attributes of each other in whatever order they are declared', () => {
    const second = attributes(product, { sold: count(purchase) })
    const spent = attributes(member, {
      popular: count(purchase).where(via(purchase.product, second.sold).above(10)),
    })
    const model = sound({ 'obj_attr/a.ts': spent, 'obj_attr/b.ts': second })
    const table = model.tables.find((each) => each.id === 'obj_attr.a')!
    assert(table.kind === 'attributes' && table.from.kind === 'derived')
    const tables = new Map(model.tables.map((each) => [each.id, each]))
    assert.deepEqual(
      [...tablesOfSelection(table.from.attributes[0]!.selection, tables)].toSorted(),
      ['act.purchase', 'obj_attr.b'],
    )
  })

  it('are named by measure and window in a family', () => {
    const measures = { visits: count(visit), last_session: last(visit).session }
    const model = sound({
      'obj_attr/habit.ts': attributes(
        member,
        family(measures, ['all_time', '90 minutes', '1 year']),
      ),
    })
    assert.deepEqual(Object.keys(derivedOf(model)), [
      'visits',
      'visits_90min',
      'visits_1y',
      'last_session',
      'last_session_90min',
      'last_session_1y',
    ])
    assert.deepEqual(derivedOf(model)['last_session_1y'], {
      kind: 'selection',
      activity: 'act.visit',
      selector: { kind: 'last' },
      within: { count: 1, unit: 'year' },
      take: { kind: 'column', column: 'session' },
    })
  })
})

describe('related columns', () => {
  it('are seen from each row, and metrics take them', () => {
    const seen = merged(visit, {
      related: {
        before: count(visit).before(visit),
        until_next: sum(purchase.amount).between(visit),
        in_session: any(purchase).same(purchase.session, visit.session),
      },
    })
    const model = sound(
      { 'merged/visit.ts': seen },
      { revisits: count(visit).where(seen.before.above(0)), mean: average(seen.until_next) },
    )
    const table = model.tables.find((each) => each.id === 'merged.visit')!
    assert(table.kind === 'merged')
    assert.deepEqual(
      table.related?.map(({ column, selection }) => [column.name, selection.window ?? 'then']),
      [
        ['before', { to: { at: { kind: 'row' }, inclusive: false } }],
        [
          'until_next',
          {
            from: { at: { kind: 'row' }, inclusive: false },
            to: { at: { kind: 'next' }, inclusive: false },
          },
        ],
        ['in_session', 'then'],
      ],
    )
    assert.deepEqual(shapeOf(model, 'mean'), {
      kind: 'aggregate',
      unit: 'KRW',
      selection: {
        kind: 'selection',
        activity: 'act.visit',
        selector: { kind: 'all' },
        take: { kind: 'aggregate', aggregate: 'average', column: 'until_next' },
      },
    })
  })
})

describe('metrics', () => {
  const sales = sum(purchase.amount, { fill: 0, calendar: true })
  const visitors = distinct(visit.member)
  const all_visits = { activity: 'act.visit', selector: { kind: 'all' } }
  const all_purchases = { activity: 'act.purchase', selector: { kind: 'all' } }

  it('take chosen rows, paths as of a time, balances and percentiles', () => {
    const model = sound(
      {},
      {
        sales,
        buyers: count(first(purchase)),
        first_sales: sum(first(purchase).per(purchase.product).amount),
        countries: distinct(via(purchase.member, member.country).at('now')),
        held: sum(purchase.amount).balance('average', { per: [purchase.member] }),
        middle: percentile(product.price, 0.5),
        about_middle: approximate_percentile(product.price, 0.5),
        loyal: count(visit).where(metricOf(sales, visit.member).above(3)),
        big: count(member).where(metricOf(sales, member.id).above(3)),
      },
    )
    assert.deepEqual(shapeOf(model, 'first_sales'), {
      kind: 'aggregate',
      unit: 'KRW',
      selection: {
        kind: 'selection',
        activity: 'act.purchase',
        selector: { kind: 'first' },
        per: 'product',
        take: { kind: 'aggregate', aggregate: 'sum', column: 'amount' },
      },
    })
    assert.deepEqual(shapeOf(model, 'held'), {
      kind: 'aggregate',
      unit: 'KRW',
      selection: {
        kind: 'selection',
        ...all_purchases,
        take: { kind: 'aggregate', aggregate: 'sum', column: 'amount' },
      },
      balance: { kind: 'average', per: ['member'] },
    })
    assert.deepEqual(shapeOf(model, 'middle'), {
      kind: 'object_aggregate',
      object: 'obj.product',
      aggregate: 'percentile',
      column: 'price',
      percentile: { fraction: 0.5, kind: 'continuous' },
    })
    assert.deepEqual(shapeOf(model, 'about_middle'), {
      kind: 'object_aggregate',
      object: 'obj.product',
      aggregate: 'approximate_percentile',
      column: 'price',
      percentile: { fraction: 0.5, kind: 'discrete' },
    })
    assert.deepEqual(shapeOf(model, 'sales'), {
      kind: 'aggregate',
      unit: 'KRW',
      fill: 0,
      calendar: true,
      selection: {
        kind: 'selection',
        ...all_purchases,
        take: { kind: 'aggregate', aggregate: 'sum', column: 'amount' },
      },
    })
    const condition = (path: string): object => ({
      kind: 'metric',
      metric: 'sales',
      object: 'obj.member',
      path,
      operator: '>',
      value: 3,
    })
    const loyal = model.metrics.find((each) => each.name === 'loyal')
    assert(loyal?.kind === 'aggregate')
    assert.deepEqual(loyal.selection.filter, condition('member'))
    const big = model.metrics.find((each) => each.name === 'big')
    assert(big?.kind === 'object_aggregate')
    assert.deepEqual(big.filter, condition('id'))
    const countries = model.metrics.find((each) => each.name === 'countries')
    assert(countries?.kind === 'aggregate')
    assert.equal(countries.selection.take.column, 'member.country@now')
  })

  it('have every shape that is declared', () => {
    const model = sound(
      {},
      {
        sales,
        visitors,
        active_28d: cumulative(visitors, { window: '28 days', across: 'average' }),
        season_so_far: cumulative(sales, { toDate: 'season' }),
        growth: formula`${sales} / ${offset(sales, '2 seasons')} - ${offset(sales, { to: 'month' })}`,
        share: formula`${sales} / ${total(sales, ['product.category'])}`,
        bought: conversion(visit, all(purchase).same(purchase.session, visit.session), {
          within: '7 days',
        }),
        reached: funnel([visit, purchase], { rules: ['once'], result: { step: 2 } }),
        finished: funnel([visit, purchase], { within: '1 hour' }),
        kept: retention(first(visit), purchase, { grain: 'season', counting: 'rolling' }),
        woken: lifecycle(visit, 'resurrected', { grain: 'month' }),
        sticky: stickiness(visit, { grain: 'day' }),
      },
    )
    assert.deepEqual(shapeOf(model, 'active_28d'), {
      kind: 'cumulative',
      metric: 'visitors',
      over: { kind: 'window', length: { count: 28, unit: 'day' } },
      across: 'average',
    })
    assert.deepEqual(shapeOf(model, 'season_so_far'), {
      kind: 'cumulative',
      metric: 'sales',
      over: { kind: 'to_date', grain: 'season' },
      across: 'last',
      unit: 'KRW',
    })
    const growth = model.metrics.find((each) => each.name === 'growth')
    assert(growth?.kind === 'formula' && growth.formula.kind === 'binary')
    assert.deepEqual(growth.formula.right, {
      kind: 'metric',
      name: 'sales',
      offset: { kind: 'to_start', grain: 'month' },
    })
    assert.deepEqual(growth.formula.left, {
      kind: 'binary',
      operator: '/',
      left: { kind: 'metric', name: 'sales' },
      right: { kind: 'metric', name: 'sales', offset: { kind: 'back', count: 2, grain: 'season' } },
    })
    assert.equal(
      growth.description,
      'sales / sales 2 season before - sales at the start of the month',
    )
    assert.deepEqual(shapeOf(model, 'bought'), {
      kind: 'conversion',
      base: all_visits,
      conversion: { ...all_purchases, same: [{ path: 'session', anchor: 'session' }] },
      within: { count: 7, unit: 'day' },
      result: 'rate',
    })
    assert.deepEqual(shapeOf(model, 'reached'), {
      kind: 'funnel',
      steps: [all_visits, all_purchases],
      rules: ['once'],
      result: { kind: 'actors', step: 2 },
    })
    assert.deepEqual(shapeOf(model, 'finished'), {
      kind: 'funnel',
      steps: [all_visits, all_purchases],
      within: { count: 1, unit: 'hour' },
      rules: [],
      result: { kind: 'rate', step: 2, from: 1 },
    })
    assert.deepEqual(shapeOf(model, 'kept'), {
      kind: 'retention',
      start: { activity: 'act.visit', selector: { kind: 'first' } },
      back: all_purchases,
      grain: 'season',
      counting: 'rolling',
      result: 'rate',
    })
    assert.deepEqual(shapeOf(model, 'woken'), {
      kind: 'lifecycle',
      choice: all_visits,
      grain: 'month',
      state: 'resurrected',
    })
    assert.deepEqual(shapeOf(model, 'sticky'), {
      kind: 'stickiness',
      choice: all_visits,
      grain: 'day',
    })
    const metric = (name: string): MetricModel => model.metrics.find((each) => each.name === name)!
    assert.deepEqual(inputsOf(metric('growth')), ['sales'])
    assert.deepEqual(inputsOf(metric('active_28d')), ['visitors'])
    assert.deepEqual(
      choicesOf(metric('kept')).map((choice) => choice.activity),
      ['act.visit', 'act.purchase'],
    )
  })

  it('know an indicator by one name, in whatever order its dimensions are asked', () => {
    const id = 'sales by member.country@now, month'
    assert.equal(indicatorId('sales', ['month', 'member.country@now']), id)
    assert.equal(indicatorId('sales', ['member.country@now', 'month']), id)
    assert.equal(indicatorId('sales', []), 'sales')
  })
})

describe('buckets', () => {
  it('are named in the order of their numbers', () => {
    assert.deepEqual(bucketTexts([0, 10]), ['1: below 0', '2: 0 to below 10', '3: from 10'])
    assert.equal(bucketTexts([1, 2, 3, 4, 5, 6, 7, 8, 9])[0], '01: below 1')
  })

  it('stay with the column', () => {
    const table = sound({}).tables.find((each) => each.id === 'obj.product')!
    assert.deepEqual(table.columns.find(({ name }) => name === 'price')?.buckets, [1, 10])
  })
})

describe('the algebra refuses', () => {
  const untyped = (value: unknown): never => value as never
  const sales = sum(purchase.amount)

  it('attributes that contradict themselves, each with the next step', () => {
    const sold = attributes(product, { sold: count(purchase) })
    const { problems } = build({
      'obj_attr/sold.ts': sold,
      'obj_attr/habit.ts': attributes(
        member,
        {
          each: count(visit).after(purchase),
          every: count(visit).after(all(purchase)),
          moment: count(visit).after('soon'),
          open: count(visit).ever().within('1 day'),
          alike: count(visit).same(visit.session, purchase.session),
          types: count(purchase).after(first(visit)).same(purchase.amount, visit.session),
          text: count(purchase).of(untyped(purchase.session)),
          now: count(purchase).where(via(purchase.product, sold.sold).at('now').above(1)),
          rich: count(purchase).where(metricOf(sales, purchase.member).above(1)),
          narrowed: count(first(purchase)).within('1 day'),
          rows: untyped(all(purchase)),
          held: sum(purchase.amount).balance('last'),
          half: percentile(purchase.amount, 50),
          thing: count(purchase).of(purchase.product),
          fine: count(visit),
          word: last(visit).session,
        },
        { buckets: { fine: [2, 1], word: [1] } },
      ),
    })
    assert.deepEqual(
      problems.map((problem) => problem.replace('obj_attr/habit.ts: the attribute ', '')),
      [
        '"each" has a window at act.purchase, which is not one instant [MODEL_BAD_DECLARATION] → choose one: first(…), last(…), nth(…, n); each row has its own in a related column',
        '"every" has a window at a selected row, which is not one instant [MODEL_BAD_DECLARATION] → choose one: first(…), last(…), nth(…, n); each row has its own in a related column',
        `"moment" has a window at the text "soon" [MODEL_BAD_DECLARATION] → write '2024-01-31' or '2024-01-31T09:30:00'`,
        '"open" has `within`, a window without an end [MODEL_BAD_DECLARATION] → say from where: after(first(signup)), before(…)',
        '"alike" has `same` without an activity to be the same as [MODEL_BAD_DECLARATION] → say which: after(first(coupon)).same(purchase.product, coupon.product)',
        '"types" compares amount (decimal) with session (text) [MODEL_TYPE] → `same` takes two columns of one type',
        '"text" sees act.purchase of session, which refers to no object [MODEL_TYPE] → of(…) takes the reference that holds the object',
        '"now" reads product.sold as of now [MODEL_LAYER] → only metrics choose as of when; here attributes are read as of the activity',
        '"rich" compares a metric as a condition [MODEL_LAYER] → only metrics compare metrics',
        '"narrowed" narrows the count of chosen rows [MODEL_BAD_DECLARATION] → narrow the rows: count(first(purchase).where(…))',
        '"rows" is a selected row [MODEL_BAD_DECLARATION] → take a column of it: first(purchase).occurred_at',
        '"held" has a balance, which is for metrics [MODEL_BAD_DECLARATION] → take the last: last(balance).amount',
        '"half" takes the percentile the number 50 [MODEL_BAD_DECLARATION] → a fraction from 0 to 1: 0.5 is the median',
        '"thing" is taken of act.purchase, in which obj.member has no part [MODEL_BAD_DECLARATION] → take it of an activity whose `by` or `to` refers to obj.member',
        '"fine" has buckets that do not ascend [MODEL_BAD_DECLARATION] → write cuts: [1, 5, 10]',
        '"word" has buckets, but is text [MODEL_BAD_DECLARATION] → only numbers are cut into buckets',
      ],
    )
  })

  it('attributes that are derived by way of each other', () => {
    const liked = attributes(product, { likes: count(purchase) })
    const popular = attributes(member, {
      hits: count(purchase).where(via(purchase.product, liked.likes).above(1)),
    })
    // Imports cannot make such a circle; a program can.
    const { derived } = Reflect.get(liked, definition) as unknown as { derived: object }
    const back = count(purchase).where(via(purchase.member, popular.hits).above(1))
    Object.assign(derived, { likes: back })
    const { problems } = build({ 'obj_attr/a.ts': liked, 'obj_attr/b.ts': popular })
    assert.deepEqual(problems, [
      'obj_attr/b.ts: the attribute "hits" reads obj_attr.a.likes, which is derived by way of it [MODEL_CYCLE] → take one of them out of the circle',
    ])
  })

  it('metrics that contradict themselves, each with the next step', () => {
    const hidden = sum(purchase.amount)
    const { problems } = build(
      {},
      {
        sales,
        a: count(purchase).per(purchase.product),
        b: count(member).after('2024-01-01'),
        c: first(product.price),
        d: cumulative(sales, { window: '28 days', toDate: 'month' }),
        e: cumulative(hidden),
        f: cumulative(sales, { toDate: 'moon' }),
        g: formula`${offset(sales, '1 moon')}`,
        h: funnel([]),
        i: funnel([visit], { result: { step: 3 } }),
        j: funnel([visit], { rules: untyped(['twice']) }),
        j2: funnel([visit], { rules: ['any_order', 'once'] }),
        k: retention(first(visit), untyped(member), { grain: 'week' }),
        l: retention(visit, visit, { grain: 'week', at: -1 }),
        m: lifecycle(visit, untyped('old'), { grain: 'month' }),
        n: stickiness(visit, { grain: 'dya' }),
        o: conversion(visit, all(purchase).of(purchase.product)),
        p: count(visit).where(metricOf(hidden, visit.member).above(1)),
        q: count(visit).where(metricOf(sales, untyped(visit.session)).above(1)),
        r: sum(purchase.amount, { fill: Number.NaN }),
        s: untyped(offset(sales, '1 day')),
      },
    )
    assert.deepEqual(
      problems.map((problem) => problem.replace('metric/x.ts: metric.', '')),
      [
        'a is a map, which is for attributes [MODEL_BAD_DECLARATION] → ask for the metric by the column, or count chosen rows: count(first(purchase).per(…))',
        'b has `window`, but obj.member is an object, which has no time [MODEL_BAD_DECLARATION] → objects are taken as they are now; activities have a time',
        'c has `first`, but obj.product is an object, which has no time [MODEL_BAD_DECLARATION] → objects are taken as they are now; activities have a time',
        'd has a `window` and `toDate` [MODEL_BAD_DECLARATION] → keep one of them',
        'e uses a metric that no file of metric/ exports [MODEL_UNKNOWN_METRIC] → give it a name: export const <name> = …',
        'f has the grain the text "moon" [MODEL_BAD_DECLARATION] → one of second, minute, hour, day, week, month, quarter, year, season',
        `g has the offset the text "1 moon" [MODEL_BAD_DECLARATION] → write offset(sales, '1 month') or offset(sales, { to: 'month' })`,
        'h has no steps [MODEL_BAD_DECLARATION] → write funnel([visit, purchase])',
        'i asks for step 3 of 1 [MODEL_BAD_DECLARATION] → steps are counted from 1',
        'j has the rule the text "twice" [MODEL_BAD_DECLARATION] → one of once, increasing, no_repeat, no_other, reentry, any_order',
        'j2 has the rules any_order, once [MODEL_BAD_DECLARATION] → any_order goes with increasing alone: without an order nothing can end an attempt',
        'k is made of rows of obj.member [MODEL_LAYER] → give an activity, or chosen rows of one: all(visit), first(visit)',
        'l is at the number -1 [MODEL_BAD_DECLARATION] → ages are counted from 0',
        'm has the state the text "old" [MODEL_BAD_DECLARATION] → one of new, returning, resurrected, dormant',
        'n has the grain the text "dya" [MODEL_BAD_DECLARATION] → did you mean day?',
        'o follows obj.member in act.visit, but act.purchase is of obj.product [MODEL_BAD_DECLARATION] → all rows are of one object; all(…).of(…) names the reference that holds it',
        'p compares a metric that no file of metric/ exports [MODEL_UNKNOWN_METRIC] → export it from metric/',
        'q compares metric.sales of session, which names no object [MODEL_TYPE] → give a reference, or the key of the object',
        'r has the fill the number NaN [MODEL_BAD_DECLARATION] → a number that stands for an unknown value',
      ],
    )
  })

  it('a metric that is compared in its own condition', () => {
    const visits = count(visit)
    const data = Reflect.get(visits, definition) as unknown as { choice: object }
    data.choice = { filter: metricOf(visits, visit.member).above(1) }
    assert.deepEqual(build({}, { visits }).problems, [
      'metric/x.ts: metrics use each other in a circle: metric.visits → metric.visits [MODEL_CYCLE] → take one of them out of the circle',
    ])
  })

  it('calendars without days, without grains, and with a grain that there is already', () => {
    const of = (calendar: unknown): object =>
      object({
        ...owned,
        columns: { id: key('number'), date: date('day'), month: text('x'), season: text('x') },
        calendar: untyped(calendar),
        sql: sql`select 1 as id`,
      })
    const { problems } = build({
      'obj/a.ts': of({ day: 'month', grains: ['season'] }),
      'obj/b.ts': of({ day: 'date', grains: [] }),
      'obj/c.ts': of({ day: 'date', grains: ['month'] }),
      'obj/calendar_day.ts': of({ day: 'date', grains: ['saison'] }),
    })
    const hint =
      "[MODEL_BAD_DECLARATION] → write calendar: { day: 'date', grains: ['season'] } with columns of the object"
    assert.deepEqual(problems, [
      `obj/a.ts: the calendar of obj.a has days that are no column of dates ${hint}`,
      `obj/b.ts: the calendar of obj.b has no grains ${hint}`,
      `obj/c.ts: the calendar of obj.c has the grain the text "month", which there is already ${hint}`,
      `obj/calendar_day.ts: the calendar of obj.calendar_day has the grain the text "saison", which is no column beside the day ${hint}`,
    ])
  })
})

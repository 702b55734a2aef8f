/** Random shops with gaps, ties, unknowns and versions that begin too late, and random questions about them. */
import fc from 'fast-check'
import type { Aggregate, Model, Percentile, Predicate } from '../../src/model/model.ts'
import { modelOf } from './build-model.ts'
import type { MetricSketch } from './build-model.ts'
import type { Cell, Dataset, Row } from './rows.ts'
import type { ReferenceQuestion } from './reference.ts'

export interface Shop {
  readonly model: Model
  readonly dataset: Dataset
}

const keys = 2
const half = 1_800_000_000n
/** Half hours across the end of summer time in London (2011-10-30 01:00 UTC), then leaps of 40 days. Few, so that ties are common. */
function instantOf(step: number): bigint {
  const start = BigInt(Date.parse('2011-10-29T22:30:00Z')) * 1000n
  return step < 9 ? start + BigInt(step) * half : start + BigInt(step - 8) * 40n * 48n * half
}

const step = fc.integer({ min: 0, max: 12 })
const key = fc.option(fc.integer({ min: 0, max: keys }), { freq: 6 })
const country = fc.option(fc.constantFrom('France', 'Peru', "Côte d'Ivoire"), { freq: 4 })
const cents = fc.integer({ min: -500, max: 5000 }).map((value) => (value / 100).toFixed(2))

interface Version {
  readonly id: number
  readonly from: number
  /** Some versions end before the next begins. */
  readonly ends: boolean
  readonly country: string | null
  readonly tier: string | null
  readonly points: number | null
  readonly joined: number | null
  readonly brand: number | null
  readonly price: string | null
}

interface Purchase {
  readonly at: number | null
  readonly member: number | null
  readonly product: number | null
  readonly status: string | null
  readonly quantity: number | null
  readonly amount: string | null
  readonly weight: number | null
  readonly is_gift: boolean | null
}

interface Like {
  readonly at: number | null
  readonly member: number | null
}

const version: fc.Arbitrary<Version> = fc.record({
  id: fc.integer({ min: 0, max: keys - 1 }),
  // Early ones are likelier, so that most activities find a version; a few begin too late.
  from: fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 0, max: 4 }) }, step),
  ends: fc.integer({ min: 0, max: 4 }).map((value) => value === 4),
  country,
  tier: fc.option(fc.constantFrom('a', 'b'), { freq: 4 }),
  points: fc.option(fc.integer({ min: -3, max: 9 }), { freq: 5 }),
  joined: fc.option(step, { freq: 5 }),
  brand: key,
  price: fc.option(cents, { freq: 5 }),
})

const versions = fc.array(version, { maxLength: 7, size: 'max' })

const purchase: fc.Arbitrary<Purchase> = fc.record({
  at: fc.option(step, { freq: 12 }),
  member: key,
  product: key,
  status: fc.option(fc.constantFrom('paid', 'open'), { freq: 5 }),
  quantity: fc.option(fc.integer({ min: -2, max: 5 }), { freq: 6 }),
  amount: fc.option(cents, { freq: 6 }),
  weight: fc.option(
    fc.integer({ min: 0, max: 20 }).map((value) => value / 4),
    { freq: 6 },
  ),
  is_gift: fc.option(fc.boolean(), { freq: 5 }),
})

const like: fc.Arbitrary<Like> = fc.record({ at: fc.option(step, { freq: 12 }), member: key })

export interface ShopSketch {
  readonly zone: string
  readonly memberHistory: boolean
  readonly tierHistory: boolean
  readonly productHistory: boolean
  readonly brandHistory: boolean
  readonly members: readonly Version[]
  readonly tiers: readonly Version[]
  readonly products: readonly Version[]
  readonly brands: readonly Version[]
  readonly purchases: readonly Purchase[]
  readonly likes: readonly Like[]
}

export const sketch: fc.Arbitrary<ShopSketch> = fc.record({
  zone: fc.constantFrom('Asia/Seoul', 'Europe/London', 'Asia/Kolkata'),
  memberHistory: fc.boolean(),
  tierHistory: fc.boolean(),
  productHistory: fc.boolean(),
  brandHistory: fc.boolean(),
  members: versions,
  tiers: versions,
  products: versions,
  brands: versions,
  purchases: fc.array(purchase, { maxLength: 12, size: 'max' }),
  likes: fc.array(like, { maxLength: 6, size: 'max' }),
})

/** What was drawn, as a model and rows. */
export function shopOf(drawn: ShopSketch): Shop {
  const model = modelOf({
    zone: drawn.zone,
    objects: {
      'obj.member': {
        key: 'id',
        history: drawn.memberHistory,
        columns: { country: 'text', joined_at: 'timestamp', points: 'integer cut at 0, 5' },
      },
      'obj.product': {
        key: 'product_id',
        history: drawn.productHistory,
        columns: { brand: 'obj.brand', price: 'decimal(2)' },
      },
      'obj.shop_day': {
        key: 'id',
        columns: { date: 'date', season: 'text', tide: 'text', day: 'date', period: 'date' },
        calendar: { day: 'date', grains: ['season', 'tide'] },
      },
      'obj.brand': { key: 'id', history: drawn.brandHistory, columns: { country: 'text' } },
    },
    attributes: {
      'obj_attr.member.tier': {
        object: 'obj.member',
        history: drawn.tierHistory,
        columns: { tier: 'text' },
      },
    },
    activities: {
      'act.purchase': {
        columns: {
          member: 'obj.member',
          product: 'obj.product',
          status: 'text',
          quantity: 'integer cut at 1, 2.5',
          amount: 'decimal(2)',
          weight: 'number',
          is_gift: 'boolean',
        },
      },
      'act.like': { columns: { fan: 'obj.member' } },
    },
    metrics,
  })
  const dataset = new Map<string, readonly Row[]>([
    ['obj.member', rowsOf(drawn.members, 'id', drawn.memberHistory)],
    ['obj_attr.member.tier', rowsOf(drawn.tiers, 'id', drawn.tierHistory)],
    ['obj.product', rowsOf(drawn.products, 'product_id', drawn.productHistory)],
    ['obj.shop_day', shopDays],
    ['obj.brand', rowsOf(drawn.brands, 'id', drawn.brandHistory)],
    [
      'act.purchase',
      drawn.purchases.map((row, id) => ({
        ...row,
        id,
        occurred_at: row.at === null ? null : instantOf(row.at),
      })),
    ],
    [
      'act.like',
      drawn.likes.map((row, id) => ({
        id,
        fan: row.member,
        occurred_at: row.at === null ? null : instantOf(row.at),
      })),
    ],
  ])
  return { model, dataset }
}

/** Most days of two months are in a season. */
const shopDays: readonly Row[] = Array.from({ length: 50 }, (_, id) => ({
  id,
  date: new Date(Date.parse('2011-10-26') + id * 86_400_000).toISOString().slice(0, 10),
  season: id % 7 === 3 ? null : id < 4 ? 'harvest' : 'frost',
  // Their names are in another order than their days.
  tide: id % 9 === 4 ? null : `tide ${(((id / 5) | 0) * 7) % 10}`,
})).filter(({ id }) => id % 11 !== 5)

/** One row per key, or versions with half-open intervals, gaps among them, none twice at one instant. */
function rowsOf(drawn: readonly Version[], keyColumn: string, history: boolean): readonly Row[] {
  const rows: Row[] = []
  for (let id = 0; id < keys; id++) {
    const own = [
      ...new Map(drawn.filter((row) => row.id === id).map((row) => [row.from, row])).values(),
    ]
    own.sort((left, right) => left.from - right.from)
    const kept = history ? own : own.slice(0, 1)
    for (const [at, row] of kept.entries()) {
      const next = kept[at + 1]
      const end =
        next === undefined
          ? row.ends
            ? row.from + 1
            : undefined
          : row.ends
            ? Math.min(row.from + 1, next.from)
            : next.from
      const { country: where, tier, points, joined, brand, price } = row
      const attributes: Record<string, Cell> = {
        country: where,
        tier,
        points,
        brand,
        price,
        joined_at: joined === null ? null : instantOf(joined),
      }
      const interval = {
        valid_from: instantOf(row.from),
        valid_to: end === undefined ? null : instantOf(end),
        recorded_at: null,
        version: rows.length,
      }
      rows.push({ [keyColumn]: id, ...attributes, ...(history ? interval : {}) })
    }
  }
  return rows
}

function aggregate(
  activity: string,
  name: Aggregate,
  rest: { column?: string; filter?: Predicate; percentile?: Percentile } = {},
): MetricSketch {
  const { filter, ...take } = rest
  return {
    kind: 'aggregate',
    selection: {
      kind: 'selection',
      activity,
      selector: { kind: 'all' },
      take: { kind: 'aggregate', aggregate: name, ...take },
      ...(filter === undefined ? {} : { filter }),
    },
  }
}

const isFrench: Predicate = {
  kind: 'compare',
  path: 'member.country',
  operator: '=',
  value: 'France',
}
const isDear: Predicate = {
  kind: 'or',
  operands: [
    { kind: 'compare', path: 'amount', operator: '>', value: 12.5 },
    {
      kind: 'not',
      operand: { kind: 'compare', path: 'product.brand.country', operator: '=', value: 'Peru' },
    },
  ],
}

/** Members by a metric of theirs. */
function comparing(metric: string, path: string, value: number): Predicate {
  return { kind: 'metric', metric, object: 'obj.member', path, operator: '>=', value }
}

const purchaseMetrics: Readonly<Record<string, MetricSketch>> = {
  sales: aggregate('act.purchase', 'sum', { column: 'amount' }),
  orders: aggregate('act.purchase', 'count'),
  pieces: aggregate('act.purchase', 'sum', { column: 'quantity' }),
  known_pieces: aggregate('act.purchase', 'count', { column: 'quantity' }),
  heaviest: aggregate('act.purchase', 'max', { column: 'weight' }),
  load: aggregate('act.purchase', 'sum', { column: 'weight' }),
  mean_amount: aggregate('act.purchase', 'average', { column: 'amount' }),
  mean_pieces: aggregate('act.purchase', 'average', { column: 'quantity' }),
  buyers: aggregate('act.purchase', 'distinct', { column: 'member' }),
  first_status: aggregate('act.purchase', 'min', { column: 'status' }),
  last_time: aggregate('act.purchase', 'max', { column: 'occurred_at' }),
  about_lands: aggregate('act.purchase', 'approximate_distinct', { column: 'member.country' }),
  about_french_buyers: aggregate('act.purchase', 'approximate_distinct', {
    column: 'member',
    filter: isFrench,
  }),
  french_sales: aggregate('act.purchase', 'sum', { column: 'amount', filter: isFrench }),
  lands: aggregate('act.purchase', 'distinct', { column: 'member.country' }),
  lands_now: aggregate('act.purchase', 'distinct', { column: 'member.country@now' }),
  mean_price: aggregate('act.purchase', 'average', { column: 'product.price', filter: isFrench }),
  french_buyers: aggregate('act.purchase', 'distinct', { column: 'member', filter: isFrench }),
  dear_orders: aggregate('act.purchase', 'count', { filter: isDear }),
  gifts: aggregate('act.purchase', 'count_true', { column: 'is_gift' }),
  dear_gifts: aggregate('act.purchase', 'count_true', { column: 'is_gift', filter: isDear }),
  first_amount: aggregate('act.purchase', 'first', { column: 'amount' }),
  last_gift: aggregate('act.purchase', 'last', { column: 'is_gift' }),
  last_dear_status: aggregate('act.purchase', 'last', { column: 'status', filter: isDear }),
  last_country: aggregate('act.purchase', 'last', { column: 'member.country' }),
  middle_amount: aggregate('act.purchase', 'percentile', {
    column: 'amount',
    percentile: { fraction: 0.5, kind: 'continuous' },
  }),
  high_french_weight: aggregate('act.purchase', 'percentile', {
    column: 'weight',
    percentile: { fraction: 0.9, kind: 'continuous' },
    filter: isFrench,
  }),
  low_amount: aggregate('act.purchase', 'percentile', {
    column: 'amount',
    percentile: { fraction: 0.3, kind: 'discrete' },
  }),
  filled_sales: { ...aggregate('act.purchase', 'sum', { column: 'amount' }), fill: 0 },
  filled_price: {
    ...aggregate('act.purchase', 'average', { column: 'product.price', filter: isFrench }),
    fill: -1.5,
  },
  first_buyers: {
    kind: 'aggregate',
    selection: {
      kind: 'selection',
      activity: 'act.purchase',
      selector: { kind: 'first' },
      take: { kind: 'aggregate', aggregate: 'count' },
    },
  },
  any_dear: aggregate('act.purchase', 'any', { filter: isDear }),
  gifts_in_order: aggregate('act.purchase', 'collect', { column: 'is_gift' }),
  dear_countries: aggregate('act.purchase', 'collect', {
    column: 'member.country',
    filter: isDear,
  }),
  quantities: aggregate('act.purchase', 'collect_distinct', { column: 'quantity' }),
  dear_times: aggregate('act.purchase', 'collect_distinct', {
    column: 'occurred_at',
    filter: isDear,
  }),
  loyal_sales: aggregate('act.purchase', 'sum', {
    column: 'amount',
    filter: comparing('orders', 'member', 2),
  }),
  others_orders: aggregate('act.purchase', 'count', {
    filter: {
      kind: 'or',
      operands: [{ kind: 'not', operand: comparing('order_value', 'member', 10) }, isDear],
    },
  }),
  order_value: { kind: 'ratio', numerator: 'sales', denominator: 'orders' },
  filled_order_value: { kind: 'ratio', numerator: 'filled_sales', denominator: 'gifts', fill: 7 },
  french_share: { kind: 'ratio', numerator: 'french_sales', denominator: 'sales' },
}

const sharedMetrics: Readonly<Record<string, MetricSketch>> = {
  likes: aggregate('act.like', 'count'),
  fans: aggregate('act.like', 'distinct', { column: 'fan' }),
  net: {
    kind: 'formula',
    formula: {
      kind: 'binary',
      operator: '-',
      left: { kind: 'metric', name: 'sales' },
      right: {
        kind: 'binary',
        operator: '*',
        left: { kind: 'number', value: 1.25 },
        right: { kind: 'metric', name: 'likes' },
      },
    },
  },
}

const objectMetrics: Readonly<Record<string, MetricSketch>> = {
  members: { kind: 'object_aggregate', object: 'obj.member', aggregate: 'count' },
  points: { kind: 'object_aggregate', object: 'obj.member', aggregate: 'sum', column: 'points' },
  each_points: {
    kind: 'object_aggregate',
    object: 'obj.member',
    aggregate: 'collect_distinct',
    column: 'points',
  },
  middle_points: {
    kind: 'object_aggregate',
    object: 'obj.member',
    aggregate: 'percentile',
    column: 'points',
    percentile: { fraction: 0.5, kind: 'discrete' },
  },
  a_members: {
    kind: 'object_aggregate',
    object: 'obj.member',
    aggregate: 'count',
    filter: { kind: 'compare', path: 'tier', operator: '=', value: 'a' },
  },
  busy_members: {
    kind: 'object_aggregate',
    object: 'obj.member',
    aggregate: 'count',
    filter: {
      kind: 'and',
      operands: [
        comparing('orders', 'id', 2),
        { kind: 'not', operand: comparing('likes', 'id', 2) },
      ],
    },
  },
  sales_per_member: { kind: 'ratio', numerator: 'sales', denominator: 'members' },
}

const metrics: Readonly<Record<string, MetricSketch>> = {
  ...purchaseMetrics,
  ...sharedMetrics,
  ...objectMetrics,
}

const grains = ['second', 'minute', 'hour', 'day', 'week', 'month', 'quarter', 'year']
const parts = [
  'hour_of_day',
  'day_of_week',
  'day_of_month',
  'day_of_year',
  'week_of_year',
  'month_of_year',
  'quarter_of_year',
]
const purchaseDimensions = [
  ...grains,
  ...parts,
  'status',
  'purchase.quantity',
  'member',
  'member.country',
  'member.country@now',
  'member.tier',
  'member.tier@now',
  'member.joined_at.month',
  'season',
  'tide',
  'member.joined_at.season',
  'quantity.bucket',
  'member.points.bucket',
  'member.points.bucket@now',
  'member.country@period_end',
  'product.brand.country@period_end',
  'product.price',
  'product.brand',
  'product.brand@now',
  'product.brand.country',
  'product.brand.country@now',
]
const sharedDimensions = [...grains, ...parts]
const memberDimensions = ['country', 'tier', 'member.country', 'joined_at.week']

/** Conditions on any of the paths, with their values. */
function predicate(paths: readonly string[]): fc.Arbitrary<Predicate> {
  const leaves: fc.Arbitrary<Predicate>[] = []
  const operator = fc.constantFrom('=', '!=', '<', '<=', '>', '>=')
  const texts = ['France', 'Peru', "Côte d'Ivoire", 'paid', 'a']
  for (const path of paths) {
    const compare = (value: fc.Arbitrary<string | number>): fc.Arbitrary<Predicate> =>
      fc.record({ kind: fc.constant('compare'), path: fc.constant(path), operator, value })
    leaves.push(fc.constant<Predicate>({ kind: 'unknown', path }))
    if (/country|tier|status/.test(path)) {
      leaves.push(compare(fc.constantFrom(...texts)))
      leaves.push(
        fc.record({
          kind: fc.constant('in'),
          path: fc.constant(path),
          values: fc.array(fc.constantFrom(...texts), { minLength: 1, maxLength: 3 }),
        }),
      )
      leaves.push(
        fc.record({
          kind: fc.constant('like'),
          path: fc.constant(path),
          pattern: fc.constantFrom('%a%', 'F_ance', '%', "C%'%"),
        }),
      )
    } else if (/month$|^day$/.test(path)) {
      leaves.push(compare(fc.constantFrom('2011-10-01', '2011-10-30', '2012-03-01')))
    } else {
      leaves.push(compare(fc.constantFrom(-1, 0, 1, 2, 10, 12.5)))
    }
  }
  return fc.letrec<{ any: Predicate }>((tie) => ({
    any: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.oneof(...leaves),
      fc.record({
        kind: fc.constantFrom('and', 'or'),
        operands: fc.array(tie('any'), { minLength: 2, maxLength: 3 }),
      }),
      fc.record({ kind: fc.constant('not'), operand: tie('any') }),
    ),
  })).any
}

interface Topic {
  readonly metrics: readonly string[]
  readonly dimensions: readonly string[]
  readonly conditions: readonly string[]
  readonly hasTime: boolean
}

const topics: readonly Topic[] = [
  {
    metrics: Object.keys(purchaseMetrics),
    dimensions: purchaseDimensions,
    conditions: [
      'status',
      'quantity',
      'amount',
      'weight',
      'member.country',
      'member.tier',
      'member.country@now',
      'product.price',
      'product.brand.country',
      'day',
      'day_of_week',
      'hour_of_day',
      'member.joined_at.month',
    ],
    hasTime: true,
  },
  {
    metrics: ['french_sales', 'french_buyers', 'dear_orders'],
    dimensions: ['hour', 'month', 'product.brand.country', 'member.country'],
    conditions: ['status', 'product.brand.country'],
    hasTime: true,
  },
  {
    metrics: ['orders', 'sales', 'filled_sales'],
    dimensions: ['season', 'status'],
    conditions: ['status'],
    hasTime: true,
  },
  {
    metrics: ['orders', 'buyers'],
    dimensions: ['product.brand.country', 'product.brand'],
    conditions: ['product.brand.country'],
    hasTime: false,
  },
  {
    metrics: ['sales', 'orders', 'order_value', ...Object.keys(sharedMetrics)],
    dimensions: sharedDimensions,
    conditions: ['day', 'hour_of_day'],
    hasTime: true,
  },
  {
    metrics: ['members', 'points', 'each_points', 'middle_points', 'a_members', 'busy_members'],
    dimensions: memberDimensions,
    conditions: ['country', 'tier', 'points'],
    hasTime: false,
  },
  {
    metrics: ['sales', 'orders', 'members', 'points', 'sales_per_member'],
    dimensions: ['member.country', 'member.tier'],
    conditions: ['member.country', 'member.tier'],
    hasTime: false,
  },
]

export const question: fc.Arbitrary<ReferenceQuestion> = fc.oneof(...topics.map(questionOn))

function questionOn(topic: Topic): fc.Arbitrary<ReferenceQuestion> {
  const asked = fc.record({
    metrics: fc.uniqueArray(fc.constantFrom(...topic.metrics), { minLength: 1, maxLength: 4 }),
    by: fc.uniqueArray(fc.constantFrom(...topic.dimensions), { maxLength: 3 }),
  })
  return asked.chain(({ metrics: names, by }) => {
    const item = fc
      .tuple(fc.constantFrom(...names, ...by), fc.boolean())
      .map(([name, isDown]) => `${isDown ? '-' : ''}${name}`)
    const timed = {
      from: fc.constantFrom('2011-10-29', '2011-10-30', '2011-12-01'),
      to: fc.constantFrom('2011-12-15', '2012-02-01'),
    }
    const own = by.filter((text) => [...grains, 'season', 'tide'].includes(text))
    const isFillable =
      own.length <= 1 && !by.some((text) => ['second', 'minute', 'hour'].includes(text))
    return fc.record(
      {
        metrics: fc.constant(names),
        by: fc.constant(by),
        where: predicate(topic.conditions),
        order: fc.uniqueArray(item, { maxLength: 2, selector: (text) => text.replace('-', '') }),
        limit: fc.integer({ min: 0, max: 5 }),
        ...(topic.hasTime ? timed : {}),
        ...(isFillable ? { fill: fc.constant(true) } : {}),
      },
      { requiredKeys: ['metrics', 'by'] },
    ) as fc.Arbitrary<ReferenceQuestion>
  })
}

/** The predicate in the filter language. */
export function filterText(condition: Predicate): string {
  switch (condition.kind) {
    case 'compare':
      return `${condition.path} ${condition.operator} ${literalText(condition.value)}`
    case 'in':
      return `${condition.path} in (${condition.values.map(literalText).join(', ')})`
    case 'like':
      return `${condition.path} like ${literalText(condition.pattern)}`
    case 'unknown':
      return `${condition.path} is unknown`
    case 'and':
    case 'or':
      return condition.operands
        .map((operand) => `(${filterText(operand)})`)
        .join(` ${condition.kind} `)
    case 'metric':
      throw new Error('random questions have no metric as a condition')
    case 'not':
      return `not (${filterText(condition.operand)})`
  }
}

function literalText(value: unknown): string {
  return typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value)
}

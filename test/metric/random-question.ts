/** Random questions about the metrics of the random shop. */
import fc from 'fast-check'
import { calendarParts } from '../../src/metric/calendar.ts'
import { grains } from '../../src/model/model.ts'
import type { Predicate } from '../../src/model/model.ts'
import { purchaseMetrics, sharedMetrics } from './random-metrics.ts'
import type { ReferenceQuestion } from './reference.ts'

const purchaseDimensions = [
  ...grains,
  ...calendarParts,
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
  'member.joined_at.days_since',
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
const sharedDimensions = [...grains, ...calendarParts]
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
      'member.joined_at.days_since',
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

/** The metrics of the random shop. */
import type { Predicate } from '../../src/model/model.ts'
import { aggregate } from './build-model.ts'
import type { MetricSketch } from './build-model.ts'

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

export const purchaseMetrics: Readonly<Record<string, MetricSketch>> = {
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
  about_high_amount: aggregate('act.purchase', 'approximate_percentile', {
    column: 'amount',
    percentile: { fraction: 0.75, kind: 'discrete' },
  }),
  about_french_weight: aggregate('act.purchase', 'approximate_percentile', {
    column: 'weight',
    percentile: { fraction: 0.5, kind: 'discrete' },
    filter: isFrench,
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

export const sharedMetrics: Readonly<Record<string, MetricSketch>> = {
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

/** All of the shop's. */
export const metrics: Readonly<Record<string, MetricSketch>> = {
  ...purchaseMetrics,
  ...sharedMetrics,
  ...objectMetrics,
}

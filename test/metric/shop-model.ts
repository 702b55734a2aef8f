/** A small shop to ask about by hand. */
import type { Model } from '../../src/model/model.ts'
import { modelOf } from './build-model.ts'
import type { MetricSketch } from './build-model.ts'

function over(
  activity: string,
  aggregate: 'count' | 'sum' | 'average' | 'distinct' | 'min',
  column?: string,
): Extract<MetricSketch, { kind: 'aggregate' }> {
  return {
    kind: 'aggregate',
    selection: {
      kind: 'selection',
      activity,
      selector: { kind: 'all' },
      take: { kind: 'aggregate', aggregate, ...(column === undefined ? {} : { column }) },
    },
  }
}

const sales = over('act.purchase', 'sum', 'amount')

export const shopModel: Model = modelOf({
  zone: 'Asia/Seoul',
  objects: {
    'obj.member': {
      key: 'id',
      history: true,
      columns: { country: 'text', joined_at: 'timestamp', birthday: 'date' },
    },
    'obj.product': {
      key: 'id',
      history: true,
      columns: { name: 'text', brand: 'obj.brand', price: 'decimal(2)' },
    },
    'obj.brand': { key: 'id', columns: { name: 'text', country: 'text' } },
    'obj.store': { key: 'id', columns: { city: 'text' } },
  },
  attributes: {
    'obj_attr.member.habit': {
      object: 'obj.member',
      history: true,
      columns: { purchases_1y: 'integer' },
    },
    'obj_attr.member.note': { object: 'obj.member', columns: { remark: 'text', vip: 'boolean' } },
  },
  activities: {
    'act.purchase': {
      columns: {
        member: 'obj.member',
        product: 'obj.product',
        amount: 'decimal(2)',
        quantity: 'integer',
        status: 'text',
        detail: 'json',
      },
    },
    'act.stocktake': { columns: { store: 'obj.store', pieces: 'integer' } },
    'act.gift': { columns: { giver: 'obj.member', receiver: 'obj.member' } },
  },
  metrics: {
    sales,
    orders: over('act.purchase', 'count'),
    buyers: over('act.purchase', 'distinct', 'member'),
    mean_amount: over('act.purchase', 'average', 'amount'),
    french_sales: {
      ...sales,
      selection: {
        ...sales.selection,
        filter: { kind: 'compare', path: 'member.country', operator: '=', value: 'France' },
      },
    },
    status: over('act.purchase', 'distinct', 'status'),
    stock: over('act.stocktake', 'sum', 'pieces'),
    gifts: over('act.gift', 'count'),
    first_status: over('act.purchase', 'min', 'status'),
    growth: {
      kind: 'formula',
      formula: {
        kind: 'binary',
        operator: '/',
        left: { kind: 'metric', name: 'sales' },
        right: {
          kind: 'metric',
          name: 'sales',
          offset: { kind: 'back', count: 1, grain: 'year' },
        },
      },
    },
    running: {
      kind: 'cumulative',
      metric: 'sales',
      over: { kind: 'all_time' },
      across: 'last',
    },
    running_members: {
      kind: 'cumulative',
      metric: 'members',
      over: { kind: 'all_time' },
      across: 'last',
    },
    first_member: {
      kind: 'object_aggregate',
      object: 'obj.member',
      aggregate: 'first',
      column: 'id',
    },
    order_value: { kind: 'ratio', numerator: 'sales', denominator: 'orders' },
    members: { kind: 'object_aggregate', object: 'obj.member', aggregate: 'count' },
    first_sale: {
      kind: 'aggregate',
      selection: { ...sales.selection, selector: { kind: 'first' } },
    },
    circle: { kind: 'formula', formula: { kind: 'metric', name: 'circle' } },
    named_sum: over('act.purchase', 'sum', 'status'),
  },
})

/** A small shop to ask about by hand. */
import type { Model } from '../../src/model/model.ts'
import { aggregate, modelOf } from './build-model.ts'

const sales = aggregate('act.purchase', 'sum', { column: 'amount' })

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
    orders: aggregate('act.purchase', 'count'),
    buyers: aggregate('act.purchase', 'distinct', { column: 'member' }),
    mean_amount: aggregate('act.purchase', 'average', { column: 'amount' }),
    french_sales: {
      ...sales,
      selection: {
        ...sales.selection,
        filter: { kind: 'compare', path: 'member.country', operator: '=', value: 'France' },
      },
    },
    status: aggregate('act.purchase', 'distinct', { column: 'status' }),
    stock: aggregate('act.stocktake', 'sum', { column: 'pieces' }),
    gifts: aggregate('act.gift', 'count'),
    first_status: aggregate('act.purchase', 'min', { column: 'status' }),
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
    since_start: {
      kind: 'formula',
      formula: {
        kind: 'metric',
        name: 'sales',
        offset: { kind: 'to_start', grain: 'month' },
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
    named_sum: aggregate('act.purchase', 'sum', { column: 'status' }),
  },
})

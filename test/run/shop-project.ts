/** A small shop as declarations, and a source of its rows that tests can change: everything else in the tests of runs is the real thing. */
import { buildModel, type LoadedDeclaration } from '../../src/model/build.ts'
import {
  activity,
  attributes,
  collect,
  count,
  decimal,
  first,
  integer,
  key,
  object,
  refers,
  source,
  sql,
  sum,
  table,
  text,
  timestamp,
} from '../../src/index.ts'
import type { Model } from '../../src/model/model.ts'

const shop = source({
  owner: 'test',
  from: 'shop',
  tables: {
    member: table('members', { id: key('member'), country: text('where') }),
    product_version: table('versions of products', {
      id: key('version'),
      product_id: integer('the product'),
      name: text('its name then'),
      since: timestamp('from when'),
    }),
    orders: table(
      'orders',
      { id: key('order'), member_id: integer('who'), ordered_at: timestamp('when') },
      { by: 'ordered_at' },
    ),
    item: table('order lines', {
      id: key('line'),
      order_id: integer('the order'),
      product_id: integer('what'),
      quantity: integer('pieces'),
      price: decimal('of one'),
    }),
  },
})

const member = object({
  owner: 'test',
  description: 'a person',
  columns: { id: key('member'), country: text('where') },
  sql: sql`select id, country from ${shop.member}`,
})

const product = object({
  owner: 'test',
  description: 'a thing',
  history: true,
  columns: { id: key('product'), name: text('name') },
  sql: sql`select product_id as id, name, since as valid_from from ${shop.product_version}`,
})

const order = activity({
  says: '{member} ordered',
  owner: 'test',
  description: 'one order',
  columns: {
    id: key('order'),
    occurred_at: timestamp('when'),
    member: refers(member),
  },
  by: 'member',
  sql: sql`select id, ordered_at as occurred_at, member_id as member from ${shop.orders}`,
})

const purchase = activity({
  says: '{member} bought {product}',
  owner: 'test',
  description: 'one order line',
  columns: {
    id: key('line'),
    occurred_at: timestamp('when'),
    member: refers(member),
    product: refers(product),
    quantity: integer('pieces'),
    amount: decimal('paid'),
  },
  by: 'member',
  to: ['product'],
  checks: (row) => ({ quantity_is_positive: row.quantity.above(0) }),
  sql: sql`select i.id, o.ordered_at as occurred_at, o.member_id as member, i.product_id as product, i.quantity, i.quantity * i.price as amount
    from ${shop.item} as i join ${shop.orders} as o on o.id = i.order_id`,
})

const habit = attributes(
  member,
  {
    first_purchase_at: first(purchase).occurred_at,
    purchases_3d: count(purchase).within('3 days'),
    spent: sum(purchase.amount),
  },
  { owner: 'test', description: 'what the member does' },
)

/** Lists and maps, which other engines do not make alike. */
const collection = attributes(
  member,
  {
    quantities: collect(purchase.quantity),
    products: collect(purchase.product, { distinct: true }),
    first_by_product: first(purchase).per(purchase.product).occurred_at,
    spent_by_product: sum(purchase.amount).per(purchase.product),
  },
  { owner: 'test', description: 'what the member has' },
)

const declarations: readonly LoadedDeclaration[] = [
  { path: 'raw/shop.ts', exportName: 'default', value: shop },
  { path: 'obj/member.ts', exportName: 'default', value: member },
  { path: 'obj/product.ts', exportName: 'default', value: product },
  { path: 'act/ordering.ts', exportName: 'default', value: order },
  { path: 'act/purchase.ts', exportName: 'default', value: purchase },
  { path: 'obj_attr/member/habit.ts', exportName: 'default', value: habit },
  { path: 'obj_attr/member/collection.ts', exportName: 'default', value: collection },
]

export function shopModel(zone: string): Model {
  const { model, problems } = buildModel(declarations, { zone })
  if (problems.length > 0) throw new Error(problems.map((problem) => problem.message).join('\n'))
  return model
}

/** Rows of the shop's database by table; a row is a list of SQL literals in the order of the columns. */
export type ShopRows = Readonly<
  Record<'member' | 'product_version' | 'orders' | 'item', readonly (readonly string[])[]>
>

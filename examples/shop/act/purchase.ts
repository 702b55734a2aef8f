import { activity, decimal, integer, key, refers, sql, text, timestamp } from 'maru'
import member from '../obj/member.ts'
import product from '../obj/product.ts'
import shop from '../raw/shop.ts'

export default activity({
  says: '{member} bought {product}',
  owner: 'commerce',
  description: 'one line of an order',
  columns: {
    id: key('order line'),
    occurred_at: timestamp('when the order was placed'),
    member: refers(member, 'who ordered'),
    product: refers(product, 'what was ordered'),
    order_id: integer('the order'),
    status: text('what became of the order: paid, cancelled or returned'),
    channel: text('where the order was placed: app, web or store'),
    quantity: integer('pieces'),
    list_amount: decimal('pieces at list price', { unit: 'KRW', scale: 0 }),
    discount: decimal('taken off', { unit: 'KRW', scale: 0 }),
    amount: decimal('paid for the line', { unit: 'KRW', scale: 0 }),
  },
  by: 'member',
  to: ['product'],
  checks: (row) => ({
    quantity_is_positive: row.quantity.above(0),
    nothing_is_paid_out: row.amount.atLeast(0),
  }),
  sql: sql`
    select item.id, orders.ordered_at as occurred_at, orders.member_id as member, item.product_id as product, item.order_id,
      orders.status, orders.channel, item.quantity,
      item.quantity * item.price as list_amount, item.discount, item.quantity * item.price - item.discount as amount
    from ${shop.order_item} as item
    join ${shop.orders} as orders on orders.id = item.order_id`,
})

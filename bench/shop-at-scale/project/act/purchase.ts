import { activity, decimal, integer, key, refers, sql, text, timestamp } from 'maru'
import member from '../obj/member.ts'
import product from '../obj/product.ts'
import source from '../raw/purchase.ts'

export default activity({
  says: '{member} bought {product}',
  owner: 'commerce',
  description: 'one line of an order',
  columns: {
    id: key('number'),
    occurred_at: timestamp('when'),
    member: refers(member, 'who'),
    product: refers(product, 'what'),
    order_id: integer('the order'),
    status: text('paid, cancelled or returned'),
    channel: text('app, web or store'),
    quantity: integer('pieces'),
    amount: decimal('paid for the line', { unit: 'KRW', scale: 0 }),
    discount: decimal('taken off', { unit: 'KRW', scale: 0 }),
  },
  by: 'member',
  to: ['product'],
  sql: sql`
    select id, happened_at as occurred_at, member_id as member, product_id as product, order_id, status, channel, quantity, amount, discount
    from ${source}`,
})

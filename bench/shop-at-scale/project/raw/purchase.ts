import { decimal, files, integer, text, timestamp } from 'maru'

export default files({
  owner: 'commerce',
  description: 'lines of orders',
  path: 'data/purchase/*.parquet',
  format: 'parquet',
  by: 'happened_at',
  columns: {
    id: integer('number'),
    happened_at: timestamp('when'),
    member_id: integer('who'),
    product_id: integer('what'),
    order_id: integer('the order'),
    status: text('paid, cancelled or returned'),
    channel: text('app, web or store'),
    quantity: integer('pieces'),
    amount: decimal('paid for the line', { unit: 'KRW', scale: 0 }),
    discount: decimal('taken off', { unit: 'KRW', scale: 0 }),
  },
})

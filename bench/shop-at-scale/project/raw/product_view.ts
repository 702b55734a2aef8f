import { files, integer, text, timestamp } from 'maru'

export default files({
  owner: 'commerce',
  description: 'products that were looked at',
  path: 'data/product_view/*.parquet',
  format: 'parquet',
  by: 'happened_at',
  columns: {
    id: integer('number'),
    happened_at: timestamp('when'),
    member_id: integer('who'),
    product_id: integer('what'),
    visit_id: integer('the visit'),
    device: text('ios, android or web'),
    seconds: integer('how long'),
    place: integer('position in the list'),
  },
})

import { files, integer, text, timestamp } from 'maru'

export default files({
  owner: 'commerce',
  description: 'hearts',
  path: 'data/product_like/*.parquet',
  format: 'parquet',
  by: 'happened_at',
  columns: {
    id: integer('number'),
    happened_at: timestamp('when'),
    member_id: integer('who'),
    product_id: integer('what'),
    device: text('ios, android or web'),
  },
})

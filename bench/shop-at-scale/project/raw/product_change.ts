import { files, integer, timestamp } from 'maru'

export default files({
  owner: 'md',
  description: 'when attributes of a product changed',
  path: 'data/product_change/*.parquet',
  format: 'parquet',
  columns: {
    product_id: integer('of which product'),
    step: integer('how often they changed before'),
    changed_at: timestamp('when'),
  },
})

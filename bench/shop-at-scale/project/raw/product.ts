import { decimal, files, integer } from 'maru'

export default files({
  owner: 'md',
  description: 'things on sale',
  path: 'data/product/*.parquet',
  format: 'parquet',
  columns: {
    id: integer('product number'),
    price: decimal('list price', { unit: 'KRW', precision: 12, scale: 0 }),
  },
})

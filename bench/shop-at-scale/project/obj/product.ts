import { decimal, key, object, sql } from 'maru'
import { family } from '../families.ts'
import product from '../raw/product.ts'

const feature = family('feature', 120, { first: 1_000, of: 'id' })

export default object({
  owner: 'md',
  description: 'a thing on sale',
  columns: {
    id: key('product number'),
    price: decimal('list price', { unit: 'KRW', precision: 12, scale: 0 }),
    ...feature.columns,
  },
  sql: sql`
    select id, price,
      ${sql.raw(feature.select)}
    from ${product}`,
})

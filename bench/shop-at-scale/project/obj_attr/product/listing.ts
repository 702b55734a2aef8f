import { attributes, sql } from 'maru'
import { family } from '../../families.ts'
import product from '../../obj/product.ts'
import product_change from '../../raw/product_change.ts'

const listing = family('listing', 40, { first: 2_000, of: '(product_id * 3 + step)' })

export default attributes(
  product,
  {
    history: true,
    columns: listing.columns,
    sql: sql`
    select product_id as id, changed_at as valid_from,
      ${sql.raw(listing.select)}
    from ${product_change}`,
  },
  { owner: 'md', description: 'how the product is listed' },
)

import { decimal, key, object, refers, sql, text } from 'maru'
import shop from '../raw/shop.ts'
import brand from './brand.ts'
import category from './category.ts'

/** With history: a sale counts for the category and the price of its day, not for what the product is now. */
export default object({
  owner: 'md',
  description: 'a thing on sale',
  history: true,
  columns: {
    id: key('product number'),
    name: text('name in the shop'),
    brand: refers(brand, 'who makes it'),
    category: refers(category, 'where it is listed'),
    price: decimal('list price', { unit: 'KRW', precision: 12, scale: 0 }),
  },
  sql: sql`
    select product_id as id, name, brand_id as brand, category_id as category, price, changed_at as valid_from
    from ${shop.product_version}`,
})

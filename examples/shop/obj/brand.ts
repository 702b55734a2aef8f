import { date, key, object, sql, text } from 'maru'
import shop from '../raw/shop.ts'

export default object({
  owner: 'md',
  description: 'a maker of products',
  columns: {
    id: key('brand number'),
    name: text('name of the brand'),
    country: text('where the brand comes from'),
    launched_on: date('first day on sale here'),
  },
  sql: sql`select id, name, country, launched_on from ${shop.brand}`,
})

import { key, object, sql, text } from 'maru'
import shop from '../raw/shop.ts'

export default object({
  owner: 'md',
  description: 'where products are listed, with the department above it',
  columns: {
    id: key('category number'),
    name: text('name of the category'),
    department: text('name of the category at the top'),
  },
  sql: sql`
    select category.id, category.name, coalesce(parent.name, category.name) as department
    from ${shop.category} as category
    left join ${shop.category} as parent on parent.id = category.parent_id`,
})

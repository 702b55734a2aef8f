import { activity, integer, key, refers, sql, text, timestamp } from 'maru'
import member from '../obj/member.ts'
import product from '../obj/product.ts'
import source from '../raw/product_view.ts'

export default activity({
  says: '{member} looked at {product}',
  owner: 'commerce',
  description: 'a member looked at a product',
  columns: {
    id: key('number'),
    occurred_at: timestamp('when'),
    member: refers(member, 'who'),
    product: refers(product, 'what'),
    visit_id: integer('the visit'),
    device: text('ios, android or web'),
    seconds: integer('how long'),
    place: integer('position in the list'),
  },
  by: 'member',
  to: ['product'],
  sql: sql`
    select id, happened_at as occurred_at, member_id as member, product_id as product, visit_id, device, seconds, place
    from ${source}`,
})

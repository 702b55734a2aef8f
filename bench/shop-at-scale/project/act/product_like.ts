import { activity, key, refers, sql, text, timestamp } from 'maru'
import member from '../obj/member.ts'
import product from '../obj/product.ts'
import source from '../raw/product_like.ts'

export default activity({
  says: '{member} liked {product}',
  owner: 'commerce',
  description: 'a member gave a product a heart',
  columns: {
    id: key('number'),
    occurred_at: timestamp('when'),
    member: refers(member, 'who'),
    product: refers(product, 'what'),
    device: text('ios, android or web'),
  },
  by: 'member',
  to: ['product'],
  sql: sql`
    select id, happened_at as occurred_at, member_id as member, product_id as product, device
    from ${source}`,
})

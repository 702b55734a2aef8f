import { activity, key, refers, sql, timestamp } from 'maru'
import member from '../obj/member.ts'
import product from '../obj/product.ts'
import shop from '../raw/shop.ts'

/** Not named "like": that is a word of SQL. */
export default activity({
  says: '{member} liked {product}',
  owner: 'growth',
  description: 'a member gave a product a heart',
  columns: {
    id: key('like number'),
    occurred_at: timestamp('when'),
    member: refers(member, 'who liked'),
    product: refers(product, 'what was liked'),
  },
  by: 'member',
  to: ['product'],
  sql: sql`select id, liked_at as occurred_at, member_id as member, product_id as product from ${shop.product_like}`,
})

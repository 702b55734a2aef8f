import { activity, key, refers, sql, text, timestamp } from 'maru'
import person from '../obj/person.ts'
import product from '../obj/product.ts'
import product_viewed from '../raw/event/product_viewed.ts'

/** Visitors and the database of products are taken in at their own pace, so a view may be here before what it names. */
export default activity({
  says: '{visitor} viewed {product}',
  owner: 'growth',
  description: 'somebody saw the page of a product',
  columns: {
    id: key('message, by who sent it', { type: 'text' }),
    occurred_at: timestamp('when'),
    visitor: refers(person, 'who saw it', { orphans: 'allowed' }),
    product: refers(product, 'what was seen', { orphans: 'allowed' }),
    came_from: text('what led there: home, search, list or sale'),
  },
  by: 'visitor',
  to: ['product'],
  sql: sql`
    select source || ':' || id as id, occurred_at, actor as visitor, product_id as product, came_from
    from ${product_viewed}
    where bot is null`,
})

import { attributes, count, first } from 'maru'
import product_like from '../../act/product_like.ts'
import product from '../../obj/product.ts'

export default attributes(
  product,
  {
    first_liked_at: first(product_like).occurred_at,
    likes_30d: count(product_like).within('30 days'),
  },
  {
    owner: 'growth',
    description: 'hearts that the product gets',
    describe: { likes_30d: 'hearts in the 30 days before' },
  },
)

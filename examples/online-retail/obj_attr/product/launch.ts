import { attributes, first } from 'maru'
import line from '../../act/line.ts'
import product from '../../obj/product.ts'

export default attributes(
  product,
  { first_sold_at: first(line).where(line.quantity.above(0)).occurred_at },
  {
    owner: 'merchandise',
    description: 'when the product appeared',
    describe: { first_sold_at: 'first line with pieces sold' },
  },
)

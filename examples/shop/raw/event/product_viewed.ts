import { event, integer, text } from 'maru'

export default event({
  owner: 'growth',
  description: 'the page of a product was on a screen',
  name: 'product viewed',
  properties: {
    product_id: integer('the product', { required: true }),
    came_from: text('what led there: home, search, list or sale'),
  },
  example: { product_id: 42, came_from: 'search' },
})

import { event, integer, text } from 'maru'

export default event({
  owner: 'growth',
  description: 'a visitor opened a product from a list',
  name: 'product clicked',
  properties: {
    product_id: integer('the product', { required: true }),
    list: text('which list: search, category or sale', { required: true }),
    position: integer('place in the list, from 1'),
  },
  example: { product_id: 42, list: 'search', position: 3 },
})

import { event, integer } from 'maru'

export default event({
  owner: 'commerce',
  description: 'a product was put into the cart',
  name: 'cart added',
  properties: {
    product_id: integer('the product', { required: true }),
    quantity: integer('pieces', { required: true }),
  },
  example: { product_id: 42, quantity: 1 },
})

import { event, integer, text } from 'maru'

export default event({
  owner: 'growth',
  description: 'a visitor searched for something',
  name: 'searched',
  properties: {
    query: text('what was typed', { required: true }),
    results: integer('products found'),
  },
  example: { query: 'running shoes', results: 120 },
})

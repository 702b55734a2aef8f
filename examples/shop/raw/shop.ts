// Written by `maru pull shop`; then units, the tag of personal columns and `by` were added, and the owner named.
import {
  boolean,
  date,
  decimal,
  integer,
  json,
  key,
  list,
  source,
  table,
  text,
  timestamp,
} from 'maru'

export default source({
  owner: 'commerce',
  from: 'shop',
  tables: {
    brand: table('brands on sale', {
      id: key('brand number'),
      name: text('name of the brand', { required: true }),
      country: text('where the brand comes from', { required: true }),
      launched_on: date('first day on sale here', { required: true }),
    }),
    category: table('the tree of product categories', {
      id: key('category number'),
      name: text('name of the category', { required: true }),
      parent_id: integer('the category above, none at the top'),
    }),
    member: table('people with an account', {
      id: key('member number'),
      email: text('sign-in name and address for receipts', { required: true, tags: ['personal'] }),
      gender: text('female or male, when the member said so', { tags: ['personal'] }),
      birth_year: integer('year of birth, when the member said so', { tags: ['personal'] }),
      region: text('province or city of the default address', { required: true }),
      joined_at: timestamp('when the account was made', { required: true }),
      marketing_agreed: boolean('whether the member agreed to receive offers', { required: true }),
      settings: json('what the member chose in the app', { required: true }),
    }),
    member_grade: table('loyalty grades given to members, one row per change', {
      member_id: integer('the member', { required: true }),
      grade: text('welcome, silver or gold', { required: true }),
      since: timestamp('from when the grade holds', { required: true }),
    }),
    order_item: table('lines of orders', {
      id: key('line number'),
      order_id: integer('the order', { required: true }),
      product_id: integer('what was ordered', { required: true }),
      quantity: integer('pieces', { required: true }),
      price: decimal('list price of one piece at that time, in won', {
        required: true,
        unit: 'KRW',
        precision: 12,
        scale: 0,
      }),
      discount: decimal('taken off the whole line, in won', {
        required: true,
        unit: 'KRW',
        precision: 12,
        scale: 0,
      }),
    }),
    orders: table(
      'orders as placed, with their state now',
      {
        id: key('order number'),
        member_id: integer('who ordered', { required: true }),
        ordered_at: timestamp('when the order was placed', { required: true }),
        status: text('paid, cancelled before delivery, or returned after it', { required: true }),
        channel: text('where the order was placed', { required: true }),
        delivery_fee: decimal('paid for delivery, in won', {
          required: true,
          unit: 'KRW',
          precision: 12,
          scale: 0,
        }),
      },
      { by: 'ordered_at' },
    ),
    product: table('products as they are now', {
      id: key('product number'),
      name: text('name in the shop', { required: true }),
      brand_id: integer('who makes it', { required: true }),
      category_id: integer('where it is listed now', { required: true }),
      price: decimal('list price now, in won', {
        required: true,
        unit: 'KRW',
        precision: 12,
        scale: 0,
      }),
      colors: list('text', 'colours on offer', { required: true }),
      created_at: timestamp('when it first went on sale', { required: true }),
    }),
    product_like: table(
      'hearts that members gave to products',
      {
        id: key('like number'),
        member_id: integer('who liked', { required: true }),
        product_id: integer('what was liked', { required: true }),
        liked_at: timestamp('when', { required: true }),
      },
      { by: 'liked_at' },
    ),
    product_version: table(
      'what a product was from when on, one row per change of price or category',
      {
        product_id: integer('the product', { required: true }),
        changed_at: timestamp('from when this holds', { required: true }),
        name: text('name in the shop', { required: true }),
        brand_id: integer('who makes it', { required: true }),
        category_id: integer('where it was listed', { required: true }),
        price: decimal('list price, in won', {
          required: true,
          unit: 'KRW',
          precision: 12,
          scale: 0,
        }),
      },
    ),
  },
})

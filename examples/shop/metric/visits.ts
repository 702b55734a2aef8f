import { count, distinct, ratio } from 'maru'
import product_view from '../act/product_view.ts'

export const product_views = count(product_view, {
  description: 'product pages seen, without programs',
  direction: 'up',
})
export const visitors = distinct(product_view.visitor, {
  description: 'devices and members who saw a product; by visitor.person, one each',
})
export const views_per_visitor = ratio(product_views, visitors, {
  description: 'products a visitor saw',
})

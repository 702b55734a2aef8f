import { average, count, distinct, formula, ratio, sum, via } from 'maru'
import purchase from '../act/purchase.ts'
import member from '../obj/member.ts'
import product from '../obj/product.ts'
import brand from '../obj/brand.ts'

export const sales = sum(purchase.amount, {
  description: 'paid for orders that were kept',
  synonyms: ['revenue'],
  direction: 'up',
}).where(purchase.status.is('paid'))
export const ordered_amount = sum(purchase.amount, {
  description: 'paid for all orders, cancelled and returned ones too',
})
export const orders = distinct(purchase.order_id, { description: 'orders placed', direction: 'up' })
export const lines = count(purchase, { description: 'order lines' })
export const pieces = sum(purchase.quantity, { description: 'pieces ordered' })
export const buyers = distinct(purchase.member, {
  description: 'members who ordered',
  synonyms: ['customers'],
  direction: 'up',
})
export const products_sold = distinct(purchase.product, {
  description: 'different products ordered',
})
export const discount = sum(purchase.discount, { description: 'taken off list prices' })
export const list_sales = sum(purchase.list_amount, {
  description: 'what orders would have cost at list price',
})
export const lost_amount = sum(purchase.amount, {
  description: 'paid back for cancelled and returned orders',
  direction: 'down',
}).where(purchase.status.in(['cancelled', 'returned']))
export const app_sales = sum(purchase.amount, { description: 'ordered in the app' }).where(
  purchase.channel.is('app'),
)
export const korean_brand_sales = sum(purchase.amount, { description: 'brands from Korea' }).where(
  via(purchase.product, product.brand, brand.country).is('KR'),
)
export const seoul_buyers = distinct(purchase.member, {
  description: 'members in Seoul who ordered',
}).where(via(purchase.member, member.region).is('Seoul'))
export const average_line = average(purchase.amount, {
  description: 'mean amount of a line',
  unit: 'KRW',
})
export const average_order_value = ratio(ordered_amount, orders, {
  description: 'mean amount of an order',
  unit: 'KRW',
})
export const lines_per_order = ratio(lines, orders, { description: 'how many lines an order has' })
export const discount_rate = ratio(discount, list_sales, {
  description: 'share of list prices taken off',
})
export const loss_rate = formula`${lost_amount} / ${ordered_amount}`.with({
  description: 'share of ordered money that was paid back',
})

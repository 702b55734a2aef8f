import { count, distinct, ratio } from 'maru'
import product_like from '../act/product_like.ts'

export const likes = count(product_like, { description: 'hearts given', direction: 'up' })
export const likers = distinct(product_like.member, { description: 'members who gave a heart' })
export const liked_products = distinct(product_like.product, {
  description: 'products that got a heart',
})
export const likes_per_liker = ratio(likes, likers, { description: 'hearts a member gave' })

import { count } from 'maru'
import member from '../obj/member.ts'
import product from '../obj/product.ts'

export const members = count(member, { description: 'members with an account', direction: 'up' })
export const products = count(product, { description: 'products on sale, past and present' })

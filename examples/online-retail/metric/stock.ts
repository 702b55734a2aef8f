import { count } from 'maru'
import country from '../obj/country.ts'
import member from '../obj/member.ts'
import product from '../obj/product.ts'

export const members = count(member, {
  description: 'members with a number',
  synonyms: ['customer base'],
})
export const products = count(product, { description: 'stock codes ever named' })
export const countries = count(country, { description: 'countries ever named' })

import { and, average, count, distinct, formula, max, not, ratio, sum, via } from 'maru'
import line from '../act/line.ts'
import country from '../obj/country.ts'
import product from '../obj/product.ts'

export const lines = count(line, { description: 'lines of invoices, of every kind' })
export const invoices = distinct(line.invoice, {
  description: 'invoices with a line, cancellations included',
})
export const buyers = distinct(line.member, {
  description: 'members with a line',
  synonyms: ['customers'],
  direction: 'up',
})
export const net_sales = sum(line.amount, {
  description: 'pieces times price over all lines, returns and charges included',
  synonyms: ['revenue', 'turnover'],
  direction: 'up',
})
export const gross_sales = sum(line.amount, { description: 'lines above zero only' }).where(
  line.amount.above(0),
)
export const deductions = sum(line.amount, {
  description: 'lines below zero only: returns, fees, corrections',
}).where(line.amount.below(0))
export const goods_sales = sum(line.amount, { description: 'goods only, returns included' }).where(
  via(line.product, product.kind).is('goods'),
)
export const postage_sales = sum(line.amount, { description: 'postage and carriage' }).where(
  via(line.product, product.kind).is('postage'),
)
export const export_sales = sum(line.amount, {
  description: 'to countries other than the shop’s own',
}).where(via(line.country, country.is_home).is(false))
export const member_sales = sum(line.amount, { description: 'lines of known members' }).where(
  not(line.member.isUnknown()),
)
export const pieces = sum(line.quantity, { description: 'pieces, returned ones taken off' })
export const pieces_sold = sum(line.quantity, { description: 'pieces on lines above zero' }).where(
  line.quantity.above(0),
)
export const products_sold = distinct(line.product, {
  description: 'different products with pieces sold',
}).where(line.quantity.above(0))
export const average_unit_price = average(line.unit_price, {
  description: 'mean price over lines, not pieces',
  unit: 'GBP',
})
export const highest_unit_price = max(line.unit_price, { description: 'highest price on a line' })
export const lines_without_member = count(line, {
  description: 'lines whose customer is not known',
}).where(line.member.isUnknown())
export const free_lines = count(line, {
  description: 'lines that cost nothing though pieces went out',
}).where(and(line.unit_price.is(0), line.quantity.above(0)))
export const return_lines = count(line, { description: 'lines of cancelling invoices' }).where(
  line.is_cancellation.is(true),
)
export const lines_per_invoice = ratio(lines, invoices, {
  description: 'how many lines an invoice has',
})
export const sales_per_buyer = ratio(member_sales, buyers, {
  description: 'net sales to known members, a member',
  unit: 'GBP',
})
export const deduction_rate = formula`(0 - ${deductions}) / ${gross_sales}`.with({
  description: 'share of gross sales that is taken off again',
})

import { average, count, distinct, formula, max, ratio, sum } from 'maru'
import cancellation from '../act/cancellation.ts'
import invoice from '../act/invoice.ts'

export const sale_invoices = count(invoice, {
  description: 'invoices that are not cancellations',
  synonyms: ['orders'],
})
export const invoiced_amount = sum(invoice.amount, { description: 'sum of those invoices' })
export const average_invoice = average(invoice.amount, {
  description: 'mean amount of an invoice',
  unit: 'GBP',
})
export const largest_invoice = max(invoice.amount, { description: 'largest amount on one invoice' })
export const first_invoices = count(invoice, {
  description: 'first invoices of members: how many are new',
  synonyms: ['new customers'],
}).where(invoice.number_of_member.is(1))
export const repeat_buyers = distinct(invoice.member, {
  description: 'members with a second or later invoice',
}).where(invoice.number_of_member.above(1))
export const new_share = ratio(first_invoices, sale_invoices, {
  description: 'share of invoices that are a member’s first',
})
export const cancellations = count(cancellation, {
  description: 'cancelling invoices',
  direction: 'down',
})
export const paid_back = sum(cancellation.amount, {
  description: 'paid back by cancellations',
  direction: 'down',
})
export const cancellation_rate = formula`${cancellations} / ${sale_invoices}`.with({
  description: 'cancelling invoices for each that sells',
})

import { attributes, count, first, last, sum } from 'maru'
import invoice from '../../act/invoice.ts'
import member from '../../obj/member.ts'

/** Each holds at an instant: on an activity it is what was true then, that activity included. */
export default attributes(
  member,
  {
    first_invoice_at: first(invoice).occurred_at,
    first_country: first(invoice).country,
    last_invoice_at: last(invoice).occurred_at,
    invoices_so_far: count(invoice),
    spent_so_far: sum(invoice.amount),
    invoices_90d: count(invoice).within('90 days'),
    spent_90d: sum(invoice.amount).within('90 days'),
  },
  {
    owner: 'crm',
    description: 'what the member bought, by invoices',
    describe: {
      first_invoice_at: 'first purchase',
      last_invoice_at: 'latest purchase: recency is the time since',
      invoices_90d: 'invoices in the 90 days before',
      spent_90d: 'spent in the 90 days before',
    },
  },
)

import { activity, decimal, integer, key, refers, sql, timestamp } from 'maru'
import country from '../obj/country.ts'
import member from '../obj/member.ts'
import invoice_line from '../raw/invoice_line.ts'

/** The source does not say which invoice is cancelled. */
export default activity({
  says: '{member} cancelled',
  owner: 'sales',
  description: 'one invoice that takes goods or charges back',
  columns: {
    id: key('number of the cancelling invoice, with its C', { type: 'text' }),
    occurred_at: timestamp('when it was cancelled'),
    member: refers(member, 'whose goods they were, where known'),
    country: refers(country, 'where the customer lives, as the invoice says'),
    lines: integer('lines on it', { required: true }),
    pieces: integer('pieces taken back', { required: true }),
    amount: decimal('paid back', { unit: 'GBP', scale: 3, required: true }),
  },
  by: 'member',
  to: ['country'],
  checks: (row) => ({ something_is_taken_back: row.pieces.above(0) }),
  sql: sql`
    select invoice as id, min(invoiced_at) as occurred_at,
      cast(split_part(min(customer), '.', 1) as bigint) as member, min(country) as country,
      count(*) as lines, 0 - sum(quantity) as pieces, 0 - sum(quantity * unit_price) as amount
    from ${invoice_line}
    where starts_with(invoice, 'C')
    group by invoice`,
})

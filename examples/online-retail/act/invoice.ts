import { activity, decimal, integer, key, refers, sql, timestamp } from 'maru'
import country from '../obj/country.ts'
import member from '../obj/member.ts'
import invoice_line from '../raw/invoice_line.ts'

export default activity({
  says: '{member} was invoiced',
  owner: 'sales',
  description: 'one invoice that is not a cancellation',
  columns: {
    id: key('invoice number', { type: 'text' }),
    occurred_at: timestamp('when the invoice was made'),
    member: refers(member, 'who was invoiced, where known'),
    country: refers(country, 'where the customer lives, as the invoice says'),
    number_of_member: integer('1 for the first invoice of the member, 2 for the second'),
    lines: integer('lines on it', { required: true }),
    pieces: integer('pieces on it', { required: true }),
    amount: decimal('sum of its lines', { unit: 'GBP', scale: 3, required: true }),
  },
  by: 'member',
  to: ['country'],
  sql: sql`
    with invoices as (
      select invoice as id, min(invoiced_at) as occurred_at,
        cast(split_part(min(customer), '.', 1) as bigint) as member, min(country) as country,
        count(*) as lines, sum(quantity) as pieces, sum(quantity * unit_price) as amount
      from ${invoice_line}
      where not starts_with(invoice, 'C')
      group by invoice
    )
    select id, occurred_at, member, country,
      case when member is not null then row_number() over (partition by member order by occurred_at, id) end as number_of_member,
      lines, pieces, amount
    from invoices`,
})

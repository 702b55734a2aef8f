import { key, object, refers, sql } from 'maru'
import invoice_line from '../raw/invoice_line.ts'
import country from './country.ts'

/** Eight members moved: their country has history, so a line counts for where the member lived then. `member.country@now` asks for today's. */
export default object({
  owner: 'crm',
  description: 'a customer with a number',
  history: true,
  columns: {
    id: key('customer number'),
    country: refers(country, 'where the member lives'),
  },
  sql: sql`
    select cast(split_part(customer, '.', 1) as bigint) as id, min(country) as country, invoiced_at as valid_from
    from ${invoice_line}
    where customer is not null
    group by customer, invoiced_at`,
})

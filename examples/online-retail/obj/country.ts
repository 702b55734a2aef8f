import { boolean, key, object, sql, text } from 'maru'
import invoice_line from '../raw/invoice_line.ts'

export default object({
  owner: 'sales',
  description: 'a country as invoices name it',
  columns: {
    id: key('name of the country', { type: 'text' }),
    is_home: boolean('whether the shop is there'),
    region: text('part of the world; none where the invoice does not say'),
  },
  sql: sql`
    select country as id, country = 'United Kingdom' as is_home,
      case
        when country in ('United Kingdom', 'EIRE', 'Channel Islands') then 'British Isles'
        when country in ('USA', 'Canada', 'Brazil') then 'America'
        when country in ('Japan', 'Hong Kong', 'Singapore') then 'East Asia'
        when country in ('Israel', 'Lebanon', 'Bahrain', 'Saudi Arabia', 'United Arab Emirates') then 'Middle East'
        when country = 'Australia' then 'Oceania'
        when country = 'RSA' then 'Africa'
        when country = 'Unspecified' then null
        else 'Europe'
      end as region
    from ${invoice_line}
    group by country`,
})

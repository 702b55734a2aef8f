/** The CDNOW shop: members known only by what they bought, in a file aligned by blanks. */
export function cdnowProject(dataFolder: string): Readonly<Record<string, string>> {
  return {
    'maru.config.ts': `import { defineConfig } from 'maru'
export default defineConfig({ zone: 'America/New_York', currency: 'USD' })
`,
    'raw/master.ts': `import { decimal, files, integer, text, timestamp } from 'maru'
export default files({
  owner: 'sales', description: 'every transaction as it came',
  path: ${JSON.stringify(`${dataFolder}/CDNOW_master.txt.gz`)},
  format: 'csv',
  csv: { delimiter: ' ', collapseSpaces: true, timestampFormat: '%Y%m%d' },
  by: 'bought_at',
  columns: {
    customer: text('customer number, with zeros before it', { field: 'customer_id', required: true }),
    bought_at: timestamp('the day', { field: 'date', required: true }),
    cds: integer('number of discs', { field: 'number_of_cds', required: true }),
    paid: decimal('paid', { field: 'dollar_value', unit: 'USD', required: true }),
  },
})
`,
    'obj/customer.ts': `import { key, object, sql, timestamp } from 'maru'
import master from '../raw/master.ts'
export default object({
  owner: 'crm', description: 'somebody who bought at least once',
  columns: { id: key('customer number', { type: 'text' }), since: timestamp('first purchase') },
  sql: sql\`select customer as id, min(bought_at) as since from \${master} group by customer\`,
})
`,
    'act/purchase.ts': `import { activity, decimal, integer, key, refers, sql, timestamp } from 'maru'
import customer from '../obj/customer.ts'
import master from '../raw/master.ts'
export default activity({
  says: '{customer} bought', owner: 'sales', description: 'one transaction',
  columns: {
    id: key('customer, day and number within the day', { type: 'text' }),
    occurred_at: timestamp('the day of the purchase'),
    customer: refers(customer),
    cds: integer('discs', { required: true }),
    paid: decimal('paid', { unit: 'USD', required: true }),
  },
  by: 'customer',
  sql: sql\`
    with numbered as (
      select customer, bought_at, cds, paid,
        row_number() over (partition by customer, bought_at order by cds, paid) as place
      from \${master}
    )
    select customer || '-' || strftime(bought_at, '%Y%m%d') || '-' || cast(place as varchar) as id,
      bought_at as occurred_at, customer, cds, paid
    from numbered\`,
})
`,
    'obj_attr/customer/habit.ts': `import { attributes, count, first, last, sum } from 'maru'
import purchase from '../../act/purchase.ts'
import customer from '../../obj/customer.ts'
export default attributes(customer, {
  first_purchase_at: first(purchase).occurred_at,
  last_purchase_at: last(purchase).occurred_at,
  purchases: count(purchase),
  spent: sum(purchase.paid),
}, { owner: 'crm', description: 'what the customer bought so far' })
`,
    'metric/sales.ts': `import { count, distinct, ratio, sum } from 'maru'
import purchase from '../act/purchase.ts'
import customer from '../obj/customer.ts'
import habit from '../obj_attr/customer/habit.ts'
export const transactions = count(purchase)
export const sales = sum(purchase.paid)
export const discs = sum(purchase.cds)
export const buyers = distinct(purchase.customer, { description: 'customers with a transaction' })
export const disc_price = ratio(sales, discs, { description: 'paid for one disc' })
export const customers = count(customer)
export const repeat_buyers = count(customer, { description: 'customers with two transactions or more' })
  .where(habit.purchases.atLeast(2))
`,
  }
}

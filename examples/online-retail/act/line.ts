import { activity, boolean, decimal, integer, key, refers, sql, text, timestamp } from 'maru'
import country from '../obj/country.ts'
import member from '../obj/member.ts'
import product from '../obj/product.ts'
import invoice_line from '../raw/invoice_line.ts'

/**
 * The source numbers no lines and has 5,268 that repeat another exactly. Lines that differ in nothing can be told apart by nothing, so any order
 * among them gives the same rows: a number within invoice, minute and product makes the key.
 */
export default activity({
  says: '{member} was invoiced for {product}',
  owner: 'sales',
  description: 'one line of an invoice: a sale, a return, a charge or a correction',
  columns: {
    id: key('invoice, product, minute and number of the line', { type: 'text' }),
    occurred_at: timestamp('when the invoice was made'),
    member: refers(member, 'who was invoiced, where known'),
    product: refers(product, 'what the line is for'),
    country: refers(country, 'where the customer lives, as the invoice says'),
    invoice: text('invoice number', { required: true }),
    is_cancellation: boolean('whether the invoice cancels another'),
    quantity: integer('pieces; below zero: returned, or written off', { required: true }),
    unit_price: decimal('price of one piece', { unit: 'GBP', scale: 3, required: true }),
    amount: decimal('pieces times price', { unit: 'GBP', scale: 3, required: true }),
  },
  by: 'member',
  to: ['product', 'country'],
  sql: sql`
    with numbered as (
      select invoice, stock_code, invoiced_at, customer, country, quantity, unit_price,
        row_number() over (
          partition by invoice, stock_code, invoiced_at
          order by quantity, unit_price, product_name, customer, country
        ) as place
      from ${invoice_line}
    )
    select invoice || '-' || stock_code || '-' || strftime(invoiced_at, '%H%M') || '-' || cast(place as varchar) as id,
      invoiced_at as occurred_at,
      cast(split_part(customer, '.', 1) as bigint) as member,
      stock_code as product, country, invoice,
      starts_with(invoice, 'C') as is_cancellation,
      quantity, unit_price,
      cast(quantity * unit_price as decimal(18, 3)) as amount
    from numbered`,
})

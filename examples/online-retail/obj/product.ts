import { key, object, sql, text } from 'maru'
import invoice_line from '../raw/invoice_line.ts'

/** One row a stock code, case kept as the source counts them. Warehouse notes stand where names do, so a name is taken from a sale when there is one. */
export default object({
  owner: 'merchandise',
  description: 'a thing that an invoice line can name',
  columns: {
    id: key('stock code', { type: 'text' }),
    name: text('name on the last sale'),
    kind: text('goods, voucher, postage, or charge'),
  },
  sql: sql`
    with named as (
      select stock_code, product_name,
        row_number() over (
          partition by stock_code
          order by
            case when product_name is null then 2 when quantity > 0 and unit_price > 0 then 0 else 1 end,
            invoiced_at desc, invoice desc, product_name
        ) as place
      from ${invoice_line}
    )
    select stock_code as id, product_name as name,
      case
        when starts_with(lower(stock_code), 'gift_') then 'voucher'
        when stock_code in ('POST', 'DOT', 'C2') then 'postage'
        when regexp_matches(stock_code, '^([0-9]{5}|DCGS|PADS|SP1002)') then 'goods'
        else 'charge'
      end as kind
    from named
    where place = 1`,
})

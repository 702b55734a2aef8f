import { decimal, env, files, integer, text, timestamp } from 'maru'

/** Where the monthly files lie; see README.md for where to get them. */
const folder = env('ONLINE_RETAIL_DATA', '../../../shared/data/uci-online-retail')

export default files({
  owner: 'sales',
  description: 'every line of every invoice, as it came',
  path: [`${folder}/*.csv.gz`],
  format: 'csv',
  by: 'invoiced_at',
  columns: {
    invoice: text('invoice number; C before it: a cancellation, A: an adjustment of bad debt', {
      field: 'InvoiceNo',
      required: true,
    }),
    stock_code: text(
      'what was sold; five digits and perhaps letters are goods, words are postage, fees and the like',
      { field: 'StockCode', required: true },
    ),
    product_name: text('name of the product, or a note of the warehouse', { field: 'Description' }),
    quantity: integer('pieces; below zero: returned, or written off', {
      field: 'Quantity',
      required: true,
    }),
    invoiced_at: timestamp('when the invoice was made, to the minute', {
      field: 'InvoiceDate',
      required: true,
    }),
    unit_price: decimal('price of one piece', {
      field: 'UnitPrice',
      unit: 'GBP',
      precision: 18,
      scale: 3,
      required: true,
    }),
    customer: text('customer number with a decimal point, as 17850.0; none: not known', {
      field: 'CustomerID',
    }),
    country: text('where the customer lives, as the invoice says', {
      field: 'Country',
      required: true,
    }),
  },
})

/** The Complete Journey: grocery households with campaigns and coupons, and product numbers that name no product. */
export function completeJourneyProject(dataFolder: string): Readonly<Record<string, string>> {
  const raw = (file: string, description: string, columns: string, more = ''): string =>
    `import { date, files, integer, number, text, timestamp } from 'maru'
export default files({
  owner: 'data', description: '${description}',
  path: ${JSON.stringify(`${dataFolder}/${file}.csv.gz`)},
  format: 'csv',${more}
  columns: {
    ${columns}
  },
})
void [date, integer, number, text, timestamp]
`
  return {
    'maru.config.ts': `import { defineConfig } from 'maru'
export default defineConfig({ zone: 'UTC', currency: 'USD', buckets: 4 })
`,
    'raw/transactions.ts': raw(
      'transactions_sample',
      'lines of receipts',
      `household_id: text('who'), store_id: text('where'), basket_id: text('the receipt'), product_id: text('what'),
    quantity: integer('pieces'), sales_value: number('received by the shop'), week: integer('week of the study'),
    transaction_timestamp: timestamp('when')`,
      "\n  by: 'transaction_timestamp',",
    ),
    'raw/products.ts': raw(
      'products',
      'products',
      `product_id: text('number'), department: text('department'), brand: text('national or private'),
    product_category: text('category')`,
    ),
    'raw/demographics.ts': raw(
      'demographics',
      'what households told',
      `household_id: text('who'), age: text('age group'), income: text('income group')`,
    ),
    'raw/campaigns.ts': raw(
      'campaigns',
      'which household got which campaign',
      `campaign_id: text('campaign'), household_id: text('who')`,
    ),
    'raw/campaign_descriptions.ts': raw(
      'campaign_descriptions',
      'campaigns',
      `campaign_id: text('campaign'), campaign_type: text('type'), start_date: date('first day'), end_date: date('last day')`,
    ),
    'raw/coupons.ts': raw(
      'coupons',
      'which coupon is good for which product in which campaign',
      `coupon_upc: text('coupon'), product_id: text('product'), campaign_id: text('campaign')`,
    ),
    'raw/coupon_redemptions.ts': raw(
      'coupon_redemptions',
      'coupons given back',
      `household_id: text('who'), coupon_upc: text('coupon'), campaign_id: text('campaign'), redemption_date: date('when')`,
    ),
    'obj/household.ts': `import { boolean, key, object, sql, text } from 'maru'
import campaigns from '../raw/campaigns.ts'
import demographics from '../raw/demographics.ts'
import redemptions from '../raw/coupon_redemptions.ts'
import transactions from '../raw/transactions.ts'
export default object({
  owner: 'crm', description: 'a household with a card',
  columns: {
    id: key('household number', { type: 'text' }),
    age: text('age group, where told'), income: text('income group, where told'),
    has_told: boolean('whether there are demographics'),
  },
  sql: sql\`
    with known as (
      select household_id from \${transactions} union select household_id from \${campaigns}
      union select household_id from \${redemptions} union select household_id from \${demographics}
    )
    select k.household_id as id, d.age, d.income, d.household_id is not null as has_told
    from known k left join \${demographics} d on d.household_id = k.household_id\`,
})
`,
    'obj/product.ts': `import { key, object, sql, text } from 'maru'
import products from '../raw/products.ts'
export default object({
  owner: 'md', description: 'a product of the list',
  columns: { id: key('product number', { type: 'text' }), department: text('department'), brand: text('national or private') },
  sql: sql\`select product_id as id, department, brand from \${products}\`,
})
`,
    'obj/campaign.ts': `import { date, key, object, sql, text } from 'maru'
import descriptions from '../raw/campaign_descriptions.ts'
export default object({
  owner: 'marketing', description: 'a campaign',
  columns: { id: key('campaign number', { type: 'text' }), type: text('type'), starts: date('first day'), ends: date('last day') },
  sql: sql\`select campaign_id as id, campaign_type as type, start_date as starts, end_date as ends from \${descriptions}\`,
})
`,
    'act/purchase.ts': `import { activity, decimal, integer, key, refers, sql, text, timestamp } from 'maru'
import household from '../obj/household.ts'
import product from '../obj/product.ts'
import transactions from '../raw/transactions.ts'
export default activity({
  says: '{household} bought {product}', owner: 'sales', description: 'one line of a receipt',
  columns: {
    id: key('receipt, product and number', { type: 'text' }), occurred_at: timestamp('when'),
    household: refers(household), product: refers(product, 'what was bought', { orphans: 'allowed' }),
    basket: text('the receipt'), store: text('where'), quantity: integer('pieces'),
    amount: decimal('received by the shop', { unit: 'USD', required: true }),
  },
  by: 'household', to: ['product'],
  sql: sql\`
    with numbered as (
      select household_id, store_id, basket_id, product_id, quantity, sales_value, transaction_timestamp,
        row_number() over (partition by basket_id, product_id order by quantity, sales_value, household_id, store_id) as place
      from \${transactions}
    )
    select basket_id || '-' || product_id || '-' || cast(place as varchar) as id, transaction_timestamp as occurred_at,
      household_id as household, product_id as product, basket_id as basket, store_id as store, quantity,
      cast(sales_value as decimal(18, 2)) as amount
    from numbered\`,
})
`,
    'act/reach.ts': `import { activity, key, refers, sql, timestamp } from 'maru'
import campaign from '../obj/campaign.ts'
import household from '../obj/household.ts'
import campaigns from '../raw/campaigns.ts'
import descriptions from '../raw/campaign_descriptions.ts'
export default activity({
  says: '{household} was sent {campaign}', owner: 'marketing', description: 'one household in one campaign',
  columns: {
    id: key('campaign and household', { type: 'text' }), occurred_at: timestamp('when the campaign began'),
    household: refers(household), campaign: refers(campaign),
  },
  by: 'household', to: ['campaign'],
  sql: sql\`
    select c.campaign_id || '-' || c.household_id as id, cast(d.start_date as timestamp with time zone) as occurred_at,
      c.household_id as household, c.campaign_id as campaign
    from \${campaigns} c join \${descriptions} d on d.campaign_id = c.campaign_id\`,
})
`,
    'act/redemption.ts': `import { activity, key, refers, sql, text, timestamp } from 'maru'
import campaign from '../obj/campaign.ts'
import household from '../obj/household.ts'
import redemptions from '../raw/coupon_redemptions.ts'
export default activity({
  says: '{household} gave back a coupon of {campaign}', owner: 'marketing', description: 'one coupon given back',
  columns: {
    id: key('household, coupon, campaign, day and number', { type: 'text' }), occurred_at: timestamp('the day'),
    household: refers(household), campaign: refers(campaign), coupon: text('the coupon'),
  },
  by: 'household', to: ['campaign'],
  sql: sql\`
    with numbered as (
      select household_id, coupon_upc, campaign_id, redemption_date,
        row_number() over (partition by household_id, coupon_upc, campaign_id, redemption_date order by coupon_upc) as place
      from \${redemptions}
    )
    select household_id || '-' || coupon_upc || '-' || campaign_id || '-' || cast(redemption_date as varchar) || '-' || cast(place as varchar) as id,
      cast(redemption_date as timestamp with time zone) as occurred_at, household_id as household, campaign_id as campaign,
      coupon_upc as coupon
    from numbered\`,
})
`,
    'obj_attr/household/response.ts': `import { attributes, count } from 'maru'
import reach from '../../act/reach.ts'
import redemption from '../../act/redemption.ts'
import household from '../../obj/household.ts'
export default attributes(household, { campaigns_so_far: count(reach), coupons_so_far: count(redemption) },
  { owner: 'marketing', description: 'how the household met campaigns' })
`,
    'metric/shop.ts': `import { count, distinct, formula, sum } from 'maru'
import purchase from '../act/purchase.ts'
import reach from '../act/reach.ts'
import redemption from '../act/redemption.ts'
import household from '../obj/household.ts'
import product from '../obj/product.ts'
import response from '../obj_attr/household/response.ts'
export const lines = count(purchase)
export const sales = sum(purchase.amount)
export const buyers = distinct(purchase.household, { description: 'households with a line' })
export const baskets = distinct(purchase.basket, { description: 'receipts' })
export const products_sold = distinct(purchase.product, { description: 'product numbers on receipts' })
export const stores = distinct(purchase.store, { description: 'stores with a receipt' })
export const products = count(product)
export const households_that_told = count(household, { description: 'households with demographics' }).where(household.has_told.is(true))
export const reaches = count(reach)
export const reached = distinct(reach.household, { description: 'households that got a campaign' })
export const redemptions = count(redemption)
export const redeemers = distinct(redemption.household, { description: 'households that gave a coupon back' })
export const redemption_rate = formula\`\${redeemers} / \${reached}\`.with({ description: 'reached households that gave a coupon back' })
export const responsive = count(household, { description: 'households that gave a coupon back, by their attributes' }).where(response.coupons_so_far.atLeast(1))
`,
  }
}

/** The texts of a new project: small, but with every kind of declaration in it. */

export interface InitNames {
  /** npm name of the project. */
  readonly name: string
  readonly zone: string
  /** What package.json says of `maru`: a version or a `file:` path. */
  readonly maru: string
  /** How the README calls the command line. */
  readonly command: string
}

/** Path under the project folder → text. */
export function initFiles(names: InitNames): ReadonlyMap<string, string> {
  return new Map([
    ['package.json', packageJson(names)],
    ['tsconfig.json', tsconfig],
    ['.gitignore', 'node_modules/\n.maru/\n'],
    ['README.md', readme(names)],
    ['maru.config.ts', config(names)],
    ['data/member.csv', memberCsv],
    ['data/product.csv', productCsv],
    ['data/order_line.csv', orderLineCsv],
    ['raw/member.ts', rawMember],
    ['raw/product.ts', rawProduct],
    ['raw/order_line.ts', rawOrderLine],
    ['obj/member.ts', objMember],
    ['obj/product.ts', objProduct],
    ['act/purchase.ts', actPurchase],
    ['obj_attr/member/habit.ts', memberHabit],
    ['metric/sales.ts', metricSales],
  ])
}

function packageJson(names: InitNames): string {
  const content = {
    name: names.name,
    private: true,
    type: 'module',
    engines: { node: '>=24' },
    scripts: { check: 'maru check && tsc', run: 'maru run' },
    dependencies: { maru: names.maru },
    devDependencies: { '@types/node': '^24', typescript: '>=5.9' },
  }
  return `${JSON.stringify(content, null, 2)}\n`
}

const tsconfig = `${JSON.stringify(
  {
    compilerOptions: {
      target: 'esnext',
      module: 'nodenext',
      lib: ['esnext'],
      types: ['node'],
      strict: true,
      erasableSyntaxOnly: true,
      verbatimModuleSyntax: true,
      allowImportingTsExtensions: true,
      noEmit: true,
      skipLibCheck: true,
    },
    include: ['**/*.ts'],
  },
  null,
  2,
)}\n`

function config(names: InitNames): string {
  return `import { defineConfig } from 'maru'

export default defineConfig({
  zone: '${names.zone}', // a day is a local day here
  currency: 'EUR',
})
`
}

function readme(names: InitNames): string {
  const run = names.command
  return `# ${names.name}

A Maru project: a file's path is the name of its table, \`act/purchase.ts\` is \`act.purchase\`.

\`\`\`sh
${run} check    # every problem at once, with its place
${run} run      # bring all tables up to date
${run} list     # what there is
${run} metric sales buyers --by month,product.brand
${run} query 'select * from act.purchase limit 5'
${run} show act.purchase
\`\`\`

| folder | holds |
| --- | --- |
| \`raw/\` | rows as they came: here the three files in \`data/\` |
| \`obj/\` | things with an id: members, products |
| \`act/\` | what they did: purchases |
| \`obj_attr/\` | what follows about an object, dated: a member's habits |
| \`metric/\` | numbers with a definition |

Try it: misspell a column in \`act/purchase.ts\` and run \`${run} check\`; add a line to \`data/order_line.csv\` and run \`${run} run\` again.
`
}

const memberCsv = `id,country,joined_at
1,KR,2025-11-03 09:12:00
2,KR,2025-12-24 20:01:00
3,FR,2026-01-15 11:30:00
4,DE,2026-02-01 08:05:00
5,,2026-02-20 17:45:00
`

const productCsv = `id,name,brand,price
10,Linen shirt,Namu,39.00
11,Wide slacks,Namu,49.00
12,Wool coat,Hanok,189.00
13,Canvas bag,Dol,25.50
`

const orderLineCsv = `id,order_id,ordered_at,member_id,product_id,quantity,price
1,100,2026-01-05 10:15:00,1,10,2,39.00
2,100,2026-01-05 10:15:00,1,13,1,25.50
3,101,2026-01-09 21:40:00,2,12,1,189.00
4,102,2026-01-31 23:59:00,3,11,1,49.00
5,103,2026-02-02 00:10:00,1,11,1,45.00
6,104,2026-02-14 12:00:00,4,10,1,39.00
7,104,2026-02-14 12:00:00,4,11,1,49.00
8,105,2026-02-21 18:30:00,5,13,3,25.50
9,106,2026-03-01 09:00:00,2,10,1,39.00
10,107,2026-03-08 15:20:00,3,12,1,179.00
11,107,2026-03-08 15:20:00,3,13,1,25.50
12,108,2026-03-30 19:05:00,1,12,1,189.00
`

const rawMember = `import { files, integer, text, timestamp } from 'maru'

export default files({
  owner: 'crm',
  description: 'members as the shop exports them',
  path: 'data/member.csv',
  format: 'csv',
  columns: {
    id: integer('number of the member'),
    country: text('two letters'),
    joined_at: timestamp('first sign-up'),
  },
})
`

const rawProduct = `import { decimal, files, integer, text } from 'maru'

export default files({
  owner: 'md',
  description: 'products as the shop exports them',
  path: 'data/product.csv',
  format: 'csv',
  columns: {
    id: integer('number of the product'),
    name: text('as shown to customers'),
    brand: text('who makes it'),
    price: decimal('list price', { unit: 'EUR' }),
  },
})
`

const rawOrderLine = `import { decimal, files, integer, timestamp } from 'maru'

export default files({
  owner: 'commerce',
  description: 'every order line as it came',
  path: 'data/order_line*.csv', // new files are picked up, changed ones are noticed
  format: 'csv',
  by: 'ordered_at',
  columns: {
    id: integer('number of the line'),
    order_id: integer('the order it belongs to'),
    ordered_at: timestamp('when the order was placed'),
    member_id: integer('who ordered'),
    product_id: integer('what was ordered'),
    quantity: integer('pieces'),
    price: decimal('paid for one piece', { unit: 'EUR' }),
  },
})
`

const objMember = `import { key, object, sql, text, timestamp } from 'maru'
import member from '../raw/member.ts'

export default object({
  owner: 'crm',
  description: 'a person with an account',
  columns: {
    id: key('member'),
    country: text('where the member lives'),
    joined_at: timestamp('first sign-up'),
  },
  sql: sql\`select id, country, joined_at from \${member}\`,
})
`

const objProduct = `import { decimal, key, object, sql, text } from 'maru'
import product from '../raw/product.ts'

export default object({
  owner: 'md',
  description: 'a thing on sale',
  columns: {
    id: key('product'),
    name: text('as shown to customers'),
    brand: text('who makes it'),
    price: decimal('list price', { unit: 'EUR' }),
  },
  sql: sql\`select id, name, brand, price from \${product}\`,
})
`

const actPurchase = `import { activity, decimal, integer, key, refers, sql, timestamp } from 'maru'
import member from '../obj/member.ts'
import product from '../obj/product.ts'
import orderLine from '../raw/order_line.ts'

export default activity({
  says: '{member} bought {product}',
  owner: 'commerce',
  description: 'one order line',
  columns: {
    id: key('order line'),
    occurred_at: timestamp('when the order was placed'),
    member: refers(member),
    product: refers(product),
    order_id: integer('the order it belongs to'),
    quantity: integer('pieces'),
    amount: decimal('paid for the line', { unit: 'EUR' }),
  },
  by: 'member',
  to: ['product'],
  checks: (row) => ({ quantity_is_positive: row.quantity.above(0) }),
  sql: sql\`
    select id, ordered_at as occurred_at, member_id as member, product_id as product, order_id, quantity,
      quantity * price as amount
    from \${orderLine}\`,
})
`

const memberHabit = `import { attributes, count, first, sum } from 'maru'
import purchase from '../../act/purchase.ts'
import member from '../../obj/member.ts'

export default attributes(
  member,
  {
    first_purchase_at: first(purchase).occurred_at,
    purchases_1y: count(purchase).within('1 year'),
    spent_1y: sum(purchase.amount).within('1 year'),
  },
  { owner: 'crm', description: 'what the member does' },
)
`

const metricSales = `import { count, distinct, ratio, sum } from 'maru'
import purchase from '../act/purchase.ts'
import member from '../obj/member.ts'

export const sales = sum(purchase.amount)
export const orders = distinct(purchase.order_id, { description: 'orders placed' })
export const buyers = distinct(purchase.member, { description: 'members who bought' })
export const average_order_value = ratio(sales, orders, { description: 'sales of an order' })
export const members = count(member)
`

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { formatProblem } from '../base/errors.ts'
import { openDuckdbEngine } from '../engine/duckdb/duckdb.ts'
import type { Engine } from '../engine/engine.ts'
import { checkProject } from './project.ts'
import { makeTestProject, type TestProject } from './test-project.suite.ts'

interface Case {
  readonly title: string
  readonly breakIt: (project: TestProject) => void
  /** What `maru check` prints, whole and in order. */
  readonly prints: readonly string[]
}

const purchase = 'act/purchase.ts'

const cases: readonly Case[] = [
  { title: 'finds nothing wrong with the scaffold', breakIt: () => {}, prints: [] },
  // Files that do not load
  {
    title: 'names the line of a syntax error, once for all files that import it',
    breakIt: (project) => project.edit('obj/member.ts', "owner: 'crm',", "owner: 'crm',,"),
    prints: [],
  },
  {
    title: 'refuses TypeScript that needs a build',
    breakIt: (project) => project.write('raw/other.ts', 'enum Kind { a }\nexport default Kind\n'),
    prints: [],
  },
  {
    title: 'names the line where a declaration throws',
    breakIt: (project) =>
      project.edit(
        'raw/product.ts',
        "path: 'data/product.csv'",
        "path: (undefined as unknown as string[]).join('/')",
      ),
    prints: [],
  },
  {
    title: 'goes on when a declaration ends the process',
    breakIt: (project) => project.write('metric/more.ts', 'process.exit(3)\n'),
    prints: [],
  },
  {
    title: 'goes on when a declaration waits for ever',
    breakIt: (project) =>
      project.write('metric/more.ts', 'await new Promise(() => {})\nexport const x = 1\n'),
    prints: [],
  },
  {
    title: 'names the nearest file for an import of one that is not there',
    breakIt: (project) => project.edit(purchase, "'../obj/member.ts'", "'../obj/membr.ts'"),
    prints: [],
  },
  {
    title: 'names an import that the file does not export',
    breakIt: (project) =>
      project.edit(
        purchase,
        "import member from '../obj/member.ts'",
        "import { member } from '../obj/member.ts'",
      ),
    prints: [],
  },
  {
    title: 'names the circle when files import each other',
    breakIt: (project) => {
      project.edit(
        'raw/order_line.ts',
        'import {',
        "import purchase from '../act/purchase.ts'\nimport {",
      )
      project.edit(
        'raw/order_line.ts',
        "description: 'every order line as it came'",
        'description: String(purchase)',
      )
    },
    prints: [],
  },
  {
    title: 'names an environment variable that is not set',
    breakIt: (project) => {
      project.edit('raw/product.ts', 'import { decimal,', 'import { decimal, env,')
      project.edit('raw/product.ts', "path: 'data/product.csv'", "path: env('NO_SUCH_VARIABLE')")
    },
    prints: [],
  },
  // Configuration
  {
    title: 'names an unknown setting and a wrong one, and still checks the rest',
    breakIt: (project) => {
      project.write('maru.config.ts', "export default { zone: 'Asia/Soul', bucket: 4 }\n")
      project.edit(purchase, "owner: 'commerce'", "owner: ''")
    },
    prints: [],
  },
  {
    title: 'names a source that the configuration does not have',
    breakIt: (project) => {
      project.write(
        'maru.config.ts',
        "import { defineConfig, postgres } from 'maru'\nexport default defineConfig({ zone: 'Asia/Seoul', sources: { shop: postgres({ url: 'postgres://u:secret@h/d' }) } })\n",
      )
      project.write(
        'raw/shopp.ts',
        "import { key, source, table } from 'maru'\nexport default source({ owner: 'it', from: 'shopp', tables: { orders: table('orders', { id: key('order') }) } })\n",
      )
    },
    prints: [],
  },
  // The model
  {
    title: 'names a missing owner and a missing description',
    breakIt: (project) => {
      project.edit('obj/member.ts', "owner: 'crm'", "owner: ''")
      project.edit('obj/product.ts', "description: 'a thing on sale'", "description: ' '")
    },
    prints: [],
  },
  {
    title: 'names both places of a metric declared twice',
    breakIt: (project) =>
      project.write(
        'metric/again.ts',
        "import { count } from 'maru'\nimport member from '../obj/member.ts'\nexport const sales = count(member)\n",
      ),
    prints: [],
  },
  {
    title: 'names the circle when tables read each other',
    breakIt: (project) => {
      project.write(
        'act/return.ts',
        "import { activity, key, refers, sql, timestamp } from 'maru'\nimport member from '../obj/member.ts'\nimport purchase from './purchase.ts'\nexport default activity({\n  says: '{member} returned', owner: 'commerce', description: 'a return', by: 'member',\n  columns: { id: key('return'), occurred_at: timestamp('when'), member: refers(member) },\n  sql: sql`select id, occurred_at, member from ${() => purchase}`,\n})\n",
      )
      project.edit(
        purchase,
        "import orderLine from '../raw/order_line.ts'",
        "import orderLine from '../raw/order_line.ts'\nimport returned from './return.ts'",
      )
      project.edit(
        purchase,
        'from ${orderLine}',
        'from ${orderLine} where id not in (select id from ${() => returned})',
      )
    },
    prints: [],
  },
  {
    title: 'refuses a layer that may not be read',
    breakIt: (project) => {
      project.write(
        'act/visit.ts',
        "import { activity, key, refers, sql, timestamp } from 'maru'\nimport member from '../obj/member.ts'\nimport line from '../raw/order_line.ts'\nexport default activity({\n  says: '{member} came', owner: 'commerce', description: 'a visit', by: 'member',\n  columns: { id: key('visit'), occurred_at: timestamp('when'), member: refers(member) },\n  sql: sql`select id, ordered_at as occurred_at, member_id as member from ${line}`,\n})\n",
      )
      project.edit(
        'obj/product.ts',
        "import product from '../raw/product.ts'",
        "import product from '../raw/product.ts'\nimport visit from '../act/visit.ts'",
      )
      project.edit(
        'obj/product.ts',
        'from ${product}',
        'from ${product} where id in (select id from ${visit})',
      )
    },
    prints: [],
  },
  // The SQL
  {
    title: 'names the nearest column, at its place in the template',
    breakIt: (project) =>
      project.edit(purchase, 'quantity * price as amount', 'quantity * pricee as amount'),
    prints: [],
  },
  {
    title: 'names the place of a grammar error',
    breakIt: (project) => project.edit(purchase, 'from ${orderLine}', 'frm ${orderLine}'),
    prints: [],
  },
  {
    title: 'names the nearest table for a plain name that is not declared',
    breakIt: (project) => project.edit(purchase, 'from ${orderLine}', 'from raw.order_lin'),
    prints: [],
  },
  {
    title: 'refuses a declared table that stands as a plain name',
    breakIt: (project) =>
      project.edit(
        purchase,
        'from ${orderLine}',
        'from ${orderLine} where product_id in (select id from raw.product)',
      ),
    prints: [],
  },
  {
    title: 'names a function that does not exist',
    breakIt: (project) =>
      project.edit('obj/member.ts', 'select id, country,', 'select id, uper(country) as country,'),
    prints: [],
  },
  {
    title: 'refuses columns that are declared and not produced, and the reverse',
    breakIt: (project) => {
      project.edit(
        'obj/member.ts',
        "country: text('where the member lives')",
        "land: text('where the member lives')",
      )
      project.edit(
        'obj/product.ts',
        'select id, name, brand, price',
        'select id, name, brand, price, price * 2 as doubled',
      )
    },
    prints: [],
  },
  {
    title: 'refuses a column that comes out twice',
    breakIt: (project) =>
      project.edit('obj/member.ts', 'select id, country,', 'select id, country, country,'),
    prints: [],
  },
  {
    title: 'refuses history without valid_from',
    breakIt: (project) =>
      project.edit(
        'obj/product.ts',
        "description: 'a thing on sale',",
        "description: 'a thing on sale',\n  history: true,",
      ),
    prints: [],
  },
  {
    title: 'refuses types that would lose something, with the cast to write',
    breakIt: (project) => {
      project.edit(purchase, 'refers, sql, timestamp', 'refers, sql, text, timestamp')
      project.edit(purchase, 'row.quantity.above(0)', 'row.amount.above(0)')
      project.edit(purchase, "quantity: integer('pieces')", "quantity: text('pieces')")
      project.edit(purchase, 'quantity * price as amount', 'quantity * price * 0.125 as amount')
    },
    prints: [],
  },
  {
    title: 'names every construct outside the portable subset',
    breakIt: (project) => {
      project.edit(
        'obj/member.ts',
        'from ${member}',
        'from ${member} qualify row_number() over (partition by id order by joined_at) = 1',
      )
      project.edit('obj/product.ts', 'select id, name,', 'select id, any_value(name) as name,')
      project.edit('obj/product.ts', 'from ${product}', 'from ${product} group by id, brand, price')
    },
    prints: [],
  },
]

describe('a broken project', () => {
  let engine: Engine
  before(async () => {
    engine = await openDuckdbEngine()
  })
  after(() => engine.close())

  for (const { title, breakIt, prints } of cases) {
    it(title, async () => {
      const project = makeTestProject()
      try {
        breakIt(project)
        const checked = await checkProject(project.folder, engine)
        assert.deepEqual(checked.problems.map(formatProblem), prints)
        const again = await checkProject(project.folder, engine)
        assert.equal(again.cached, true)
        assert.deepEqual(again.problems, checked.problems)
      } finally {
        project.dispose()
      }
    })
  }
})

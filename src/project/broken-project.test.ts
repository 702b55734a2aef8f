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
    prints: [
      'obj/member.ts:5:16: Unexpected token `,`. Expected identifier, string literal, numeric literal or [ for the computed key (act/purchase.ts, metric/sales.ts, obj_attr/member/habit.ts could not be loaded because of it) [PROJECT_LOAD] → correct the syntax here',
    ],
  },
  {
    title: 'refuses TypeScript that needs a build',
    breakIt: (project) => project.write('raw/other.ts', 'enum Kind { a }\nexport default Kind\n'),
    prints: [
      'raw/other.ts:1:1: TypeScript enum is not supported in strip-only mode [PROJECT_LOAD] → declarations run without a build: use plain types only (no enum, namespace or parameter property)',
    ],
  },
  {
    title: 'names the line where a declaration throws',
    breakIt: (project) =>
      project.edit(
        'raw/product.ts',
        "path: 'data/product.csv'",
        "path: (undefined as unknown as string[]).join('/')",
      ),
    prints: [
      "raw/product.ts:6:44: Cannot read properties of undefined (reading 'join') (act/purchase.ts, metric/sales.ts, obj/product.ts and 1 more could not be loaded because of it) [PROJECT_LOAD] → correct what is evaluated here",
    ],
  },
  {
    title: 'goes on when a declaration ends the process',
    breakIt: (project) => project.write('metric/more.ts', 'process.exit(3)\n'),
    prints: [
      'metric/more.ts: loading this file ends the process (exit code 3) [PROJECT_LOAD] → a declaration only describes: take out what exits, waits or runs for ever',
    ],
  },
  {
    title: 'goes on when a declaration waits for ever',
    breakIt: (project) =>
      project.write('metric/more.ts', 'await new Promise(() => {})\nexport const x = 1\n'),
    prints: [
      'metric/more.ts: loading this file waits for something that never comes [PROJECT_LOAD] → a declaration only describes: take out what exits, waits or runs for ever',
    ],
  },
  {
    title: 'names the nearest file for an import of one that is not there',
    breakIt: (project) => project.edit(purchase, "'../obj/member.ts'", "'../obj/membr.ts'"),
    prints: [
      "act/purchase.ts:2:20: there is no file obj/membr.ts (metric/sales.ts, obj_attr/member/habit.ts could not be loaded because of it) [PROJECT_LOAD] → Did you mean '../obj/member.ts'?",
    ],
  },
  {
    title: 'names an import that the file does not export',
    breakIt: (project) =>
      project.edit(
        purchase,
        "import member from '../obj/member.ts'",
        "import { member } from '../obj/member.ts'",
      ),
    prints: [
      "act/purchase.ts:2:10: The requested module '../obj/member.ts' does not provide an export named 'member' (metric/sales.ts, obj_attr/member/habit.ts could not be loaded because of it) [PROJECT_LOAD] → export it there, or import what member.ts has (a default export is imported without braces)",
    ],
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
    prints: [
      'raw/order_line.ts:6:23: files import each other in a circle: raw/order_line.ts → act/purchase.ts → raw/order_line.ts [MODEL_CYCLE] → take one of the imports out; for a reference between objects write refers(() => …)',
    ],
  },
  {
    title: 'names an environment variable that is not set',
    breakIt: (project) => {
      project.edit('raw/product.ts', 'import { decimal,', 'import { decimal, env,')
      project.edit('raw/product.ts', "path: 'data/product.csv'", "path: env('NO_SUCH_VARIABLE')")
    },
    prints: [
      "raw/product.ts:6:9: the environment variable NO_SUCH_VARIABLE is not set (act/purchase.ts, metric/sales.ts, obj/product.ts and 1 more could not be loaded because of it) [PROJECT_LOAD] → set it, or give a default: env('NO_SUCH_VARIABLE', '…')",
    ],
  },
  // Configuration
  {
    title: 'names an unknown setting and a wrong one, and still checks the rest',
    breakIt: (project) => {
      project.write('maru.config.ts', "export default { zone: 'Asia/Soul', bucket: 4 }\n")
      project.edit(purchase, "owner: 'commerce'", "owner: ''")
    },
    prints: [
      "act/purchase.ts:6:16: act.purchase has no owner [MODEL_MISSING_TEXT] → add owner: '<team>'",
      "maru.config.ts:1:18: zone: is not a time zone that IANA names [PROJECT_CONFIG] → write an IANA name, for example zone: 'Asia/Seoul'",
      'maru.config.ts:1:37: bucket is not a setting [PROJECT_CONFIG] → Did you mean "buckets"?',
    ],
  },
  {
    title: 'names the line of a configuration that cannot be read, and still checks the rest',
    breakIt: (project) => {
      project.write(
        'maru.config.ts',
        "import { defineConfig } from 'maru'\nexport default defineConfig({\n  zone 'Asia/Seoul',\n})\n",
      )
      project.edit('obj/member.ts', "owner: 'crm'", "owner: ''")
    },
    prints: [
      'maru.config.ts:3:8: Unexpected token `string literal`. Expected ... , *,  (, [, :, , ?, =, an identifier, public, protected, private, readonly, <. [PROJECT_CONFIG] → correct the syntax here',
      "obj/member.ts:4:16: obj.member has no owner [MODEL_MISSING_TEXT] → add owner: '<team>'",
    ],
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
    prints: [
      'raw/shopp.ts:2:71: raw.shopp.orders comes from the source "shopp", which maru.config.ts does not have [PROJECT_CONFIG] → Did you mean "shop"? Sources are named in maru.config.ts',
    ],
  },
  // The model
  {
    title: 'names a missing owner and a missing description',
    breakIt: (project) => {
      project.edit('obj/member.ts', "owner: 'crm'", "owner: ''")
      project.edit('obj/product.ts', "description: 'a thing on sale'", "description: ' '")
    },
    prints: [
      'act/purchase.ts:6:16: the column "product" has no description [MODEL_MISSING_TEXT] → say in a few words what its values are',
      "obj/member.ts:4:16: obj.member has no owner [MODEL_MISSING_TEXT] → add owner: '<team>'",
      'obj/product.ts:4:16: obj.product has no description [MODEL_MISSING_TEXT] → say in a few words what one row is',
    ],
  },
  {
    title: 'names both places of a metric declared twice',
    breakIt: (project) =>
      project.write(
        'metric/again.ts',
        "import { count } from 'maru'\nimport member from '../obj/member.ts'\nexport const sales = count(member)\n",
      ),
    prints: [
      'metric/sales.ts:5:22: metric.sales is declared twice: in metric/again.ts:3 and metric/sales.ts:5 [MODEL_DUPLICATE] → rename or remove one of them',
      'metric/sales.ts:8:36: metric.average_order_value uses a metric that no file of metric/ exports [MODEL_UNKNOWN_METRIC] → give it a name: export const <name> = …',
    ],
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
    prints: [
      'act/purchase.ts:23:11: tables read each other in a circle: act.purchase → act.return → act.purchase [MODEL_CYCLE] → let one of them read what the other reads',
    ],
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
    prints: [
      'obj/product.ts:14:11: obj.product reads act.visit, but obj may read only raw, obj [MODEL_LAYER] → read a table of those classes, or move the declaration to a later class',
    ],
  },
  // The SQL
  {
    title: 'names the nearest column, at its place in the template',
    breakIt: (project) =>
      project.edit(purchase, 'quantity * price as amount', 'quantity * pricee as amount'),
    prints: [
      'act/purchase.ts:24:18: the SQL of act.purchase does not bind: there is no column "pricee" [SQL_BIND] → Did you mean "price"?',
    ],
  },
  {
    title: 'names the place of a grammar error',
    breakIt: (project) => project.edit(purchase, 'from ${orderLine}', 'frm ${orderLine}'),
    prints: [
      'act/purchase.ts:25:5: the SQL of act.purchase does not bind: syntax error at or near "frm" [SQL_BIND] → correct the SQL',
    ],
  },
  {
    title: 'names the nearest table for a plain name that is not declared',
    breakIt: (project) => project.edit(purchase, 'from ${orderLine}', 'from raw.order_lin'),
    prints: [
      'act/purchase.ts:25:10: the SQL of act.purchase does not bind: there is no table raw.order_lin [SQL_BIND] → Did you mean "raw.order_line"? Import the declaration and write ${…}',
    ],
  },
  {
    title: 'refuses a declared table that stands as a plain name',
    breakIt: (project) =>
      project.edit(
        purchase,
        'from ${orderLine}',
        'from ${orderLine} where product_id in (select id from raw.product)',
      ),
    prints: [
      'act/purchase.ts:25:59: raw.product stands in the text as a plain name, so nothing knows that act.purchase reads it [SQL_BIND] → import its declaration and write ${…} instead of raw.product',
    ],
  },
  {
    title: 'names a function that does not exist',
    breakIt: (project) =>
      project.edit('obj/member.ts', 'select id, country,', 'select id, uper(country) as country,'),
    prints: [
      'obj/member.ts:12:23: the SQL of obj.member does not bind: Scalar Function with name uper does not exist! [SQL_BIND] → Did you mean upper()?',
    ],
  },
  {
    title: 'refuses a semicolon at the end',
    breakIt: (project) => project.edit('obj/member.ts', 'from ${member}`', 'from ${member};`'),
    prints: [
      'obj/member.ts:12:56: the SQL of obj.member ends with a semicolon [SQL_BIND] → take it out',
    ],
  },
  {
    title: 'shows every problem of several files at once, each once',
    breakIt: (project) => {
      project.edit('raw/member.ts', "owner: 'crm'", "owner: ''")
      project.edit('obj/product.ts', 'select id, name,', 'select id, nam as name,')
      project.edit(
        purchase,
        "says: '{member} bought {product}'",
        "says: '{membr} bought {product}'",
      )
      project.write('metric/broken.ts', 'export const = 1\n')
    },
    prints: [
      'act/purchase.ts:6:16: `says` of act.purchase names "membr", which is no column [MODEL_UNKNOWN_COLUMN] → Did you mean "member"?',
      'metric/broken.ts:1:14: Unexpected token `=`. Expected yield, an identifier, [ or { [PROJECT_LOAD] → correct the syntax here',
      'obj/product.ts:13:23: the SQL of obj.product does not bind: there is no column "nam" [SQL_BIND] → Did you mean "name"?',
      "raw/member.ts:3:16: raw.member has no owner [MODEL_MISSING_TEXT] → add owner: '<team>'",
    ],
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
    prints: [
      'obj/member.ts:9:5: obj.member declares the column "land", but its SQL does not yield it [MODEL_COLUMNS] → add it to the select, or take the column out',
      'obj/member.ts:12:23: the SQL of obj.member yields the column "country", which is not declared [MODEL_COLUMNS] → declare country under columns, or take it out of the select',
      'obj/product.ts:13:56: the SQL of obj.product yields the column "doubled", which is not declared [MODEL_COLUMNS] → declare doubled under columns, or take it out of the select',
    ],
  },
  {
    title: 'refuses a column that comes out twice',
    breakIt: (project) =>
      project.edit('obj/member.ts', 'select id, country,', 'select id, country, country,'),
    prints: [
      'obj/member.ts:12:23: the SQL of obj.member yields the column "country" more than once [MODEL_COLUMNS] → give each column its own name with `as`',
    ],
  },
  {
    title: 'refuses history without valid_from',
    breakIt: (project) =>
      project.edit(
        'obj/product.ts',
        "description: 'a thing on sale',",
        "description: 'a thing on sale',\n  history: true,",
      ),
    prints: [
      'obj/product.ts:14:11: obj.product has history, but its SQL does not yield "valid_from" [MODEL_COLUMNS] → select the instant from which the version holds as valid_from, or take out `history: true`',
    ],
  },
  {
    title: 'refuses types that would lose something, with the cast to write',
    breakIt: (project) => {
      project.edit(purchase, 'refers, sql, timestamp', 'refers, sql, text, timestamp')
      project.edit(purchase, 'row.quantity.above(0)', 'row.amount.above(0)')
      project.edit(purchase, "quantity: integer('pieces')", "quantity: text('pieces')")
      project.edit(purchase, 'quantity * price as amount', 'quantity * price * 0.125 as amount')
    },
    prints: [
      'act/purchase.ts:23:97: act.purchase.quantity is declared text, but its SQL yields integer [MODEL_TYPE] → write cast(… as varchar) as quantity, or declare the column as integer',
      'act/purchase.ts:24:35: act.purchase.amount is declared decimal(18, 2), but its SQL yields decimal(38, 5) [MODEL_TYPE] → write cast(round(…, 2) as decimal(18, 2)) as amount, or declare decimal(38, 5)',
    ],
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
    prints: [
      'obj/member.ts:12:57: `qualify` is not in the portable subset of SQL [SQL_NOT_PORTABLE] → number the rows in a CTE with row_number() and keep them with where',
      'obj/product.ts:13:23: any_value() is not in the portable subset of SQL [SQL_NOT_PORTABLE] → any row may be taken: write min(…) or max(…)',
    ],
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

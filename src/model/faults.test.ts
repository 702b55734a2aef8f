/** Every fault of a declaration is found, at its place, with the next step; the others are found too. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  activity,
  and,
  attributes,
  average,
  count,
  decimal,
  distinct,
  event,
  files,
  first,
  formula,
  integer,
  key,
  list,
  merged,
  nth,
  number,
  object,
  ratio,
  refers,
  source,
  sql,
  sum,
  table,
  text,
  timestamp,
  via,
} from '../index.ts'
import { formatProblem, type Problem } from '../base/errors.ts'
import { buildModel } from './build.ts'
import { definition } from './definition.ts'

/** Declarations by path: the value is the default export, under metric/ the named exports. */
type Files = Readonly<Record<string, unknown>>

function problemsOf(declared: Files): readonly Problem[] {
  const declarations = Object.entries(declared).flatMap(([path, value]) =>
    path.startsWith('metric/') &&
    typeof value === 'object' &&
    value !== null &&
    !(definition in value)
      ? Object.entries(value).map(([exportName, one]) => ({
          path,
          exportName,
          value: one as unknown,
        }))
      : [{ path, exportName: 'default', value }],
  )
  return buildModel(declarations, { zone: 'Asia/Seoul' }).problems
}

/** The problems as people read them, `file: message [CODE] → hint`. */
function lines(declared: Files): readonly string[] {
  return problemsOf(declared).map(formatProblem)
}

function memberWith(columns: object = {}): ReturnType<typeof object> {
  return object({
    owner: 'crm',
    description: 'a person',
    columns: { id: key('member'), ...columns },
    sql: sql`select 1 as id`,
  })
}

const member = object({
  owner: 'crm',
  description: 'a person',
  columns: { id: key('member'), country: text('where') },
  sql: sql`select 1 as id, 'KR' as country`,
})
const base = {
  says: '{member} bought',
  owner: 'commerce',
  description: 'one order line',
  columns: {
    id: key('line'),
    occurred_at: timestamp('when'),
    member: refers(member),
    amount: decimal('paid'),
    status: text('state'),
  },
  by: 'member',
  sql: sql`select 1 as id`,
} as const
const purchase = activity(base)
const good: Files = { 'obj/member.ts': member, 'act/purchase.ts': purchase }
/** What an author without a type checker writes. */
const untyped = (value: unknown): never => value as never

function withActivity(changes: object): Files {
  return { 'obj/member.ts': member, 'act/purchase.ts': activity(untyped({ ...base, ...changes })) }
}

describe('buildModel on a sound project', () => {
  it('finds nothing', () => {
    assert.deepEqual(lines(good), [])
  })
})

const cases: readonly {
  readonly title: string
  readonly files: Files
  readonly lines: readonly string[]
}[] = [
  {
    title: 'a file in a folder of another kind',
    files: { ...good, 'obj/sale.ts': activity(base), 'act/person.ts': memberWith() },
    lines: [
      'act/person.ts: an object lies in act/, which holds activity [MODEL_BAD_PATH] → move the file to obj/',
      'obj/sale.ts: an activity lies in obj/, which holds object [MODEL_BAD_PATH] → move the file to act/',
    ],
  },
  {
    title: 'a folder that Maru does not know',
    files: { 'objects/member.ts': memberWith() },
    lines: [
      'objects/member.ts: the folder objects/ is none of those that hold declarations [MODEL_BAD_PATH] → move the file to one of raw, obj, act, obj_attr, merged, metric',
    ],
  },
  {
    title: 'names that no dialect or only some take',
    files: {
      'obj/Member.ts': memberWith(),
      'obj/order.ts': memberWith(),
      'obj/a__b.ts': memberWith(),
      [`obj/${'a'.repeat(64)}.ts`]: memberWith(),
    },
    lines: [
      'obj/Member.ts: "Member" in the path is not snake_case [MODEL_BAD_NAME] → write "member": small letters, digits and _, a letter first',
      'obj/a__b.ts: "a__b" in the path has "__", which Maru uses for what it attaches [MODEL_BAD_NAME] → write "a_b"',
      `obj/${'a'.repeat(64)}.ts: "${'a'.repeat(64)}" in the path has 64 characters, more than 63 [MODEL_BAD_NAME] → choose a shorter name; PostgreSQL cuts longer ones`,
      'obj/order.ts: "order" in the path is a reserved word of DuckDB, Spark, PostgreSQL [MODEL_BAD_NAME] → choose another, for example "order_name"; in raw tables { field: \'order\' } keeps the source\'s name',
    ],
  },
  {
    title: 'column names that are reserved, filled by Maru, or used by the builders',
    files: {
      'obj/member.ts': memberWith({
        from: text('x'),
        version: integer('x'),
        constructor: text('x'),
      }),
      'act/purchase.ts': activity(
        untyped({
          ...base,
          columns: { ...base.columns, member: refers(member), day: text('x'), per: text('x') },
        }),
      ),
      'obj/person.ts': member,
    },
    lines: [
      'act/purchase.ts: the column name "day" is filled by Maru [MODEL_BAD_NAME] → choose another, for example "day_given"',
      'act/purchase.ts: the column name "per" is used by the builders themselves [MODEL_BAD_NAME] → choose another, for example "per_value"',
      'obj/member.ts: the column name "from" is a reserved word of DuckDB, Spark, PostgreSQL [MODEL_BAD_NAME] → choose another, for example "from_name"; in raw tables { field: \'from\' } keeps the source\'s name',
      'obj/member.ts: the column name "version" is filled by Maru [MODEL_BAD_NAME] → choose another, for example "version_given"',
      'obj/member.ts: the column name "constructor" is used by the builders themselves [MODEL_BAD_NAME] → choose another, for example "constructor_value"',
    ],
  },
  {
    title: 'an id deeper than three parts',
    files: {
      'obj/a/b/c.ts': memberWith(),
      'raw/eu/shop.ts': source({ owner: 'x', from: 'shop', tables: {} }),
    },
    lines: [
      'obj/a/b/c.ts: obj.a.b.c has 4 parts, more than 3 [MODEL_BAD_PATH] → a folder of a class may hold one level of folders, none around a source',
      'raw/eu/shop.ts: raw.eu.shop.<table> has 4 parts, more than 3 [MODEL_BAD_PATH] → a folder of a class may hold one level of folders, none around a source',
    ],
  },
  {
    title: 'an option that no metric has',
    files: {
      ...good,
      'metric/a.ts': {
        big: count(purchase, { where: 'amount > 10' } as object),
        small: count(purchase, { ownr: 'md' } as object),
      },
    },
    lines: [
      'metric/a.ts: metric.big has the option "where", which no metric has [MODEL_BAD_DECLARATION] → conditions follow the aggregate: count(purchase).where(purchase.quantity.above(10))',
      'metric/a.ts: metric.small has the option "ownr", which no metric has [MODEL_BAD_DECLARATION] → Did you mean "owner"?',
    ],
  },
  {
    title: 'one metric name in two files',
    files: {
      ...good,
      'metric/a.ts': { sales: sum(purchase.amount) },
      'metric/b.ts': { sales: count(purchase) },
    },
    lines: [
      'metric/b.ts: metric.sales is declared twice: in metric/a.ts and metric/b.ts [MODEL_DUPLICATE] → rename or remove one of them',
    ],
  },
  {
    title: 'one table in two files, and one identity in two',
    files: {
      ...good,
      'obj/person.ts': member,
      'raw/shop.ts': source({
        owner: 'x',
        from: 'shop',
        tables: { orders: table('orders', { id: key('order') }) },
      }),
      'raw/shop/orders.ts': files({
        owner: 'x',
        description: 'x',
        path: 'x.csv',
        format: 'csv',
        columns: {},
      }),
    },
    lines: [
      'obj/person.ts: obj.person is the same declaration as obj.member in obj/member.ts [MODEL_DUPLICATE] → declare it once; import it where it is needed',
      'raw/shop/orders.ts: raw.shop.orders is declared twice: in raw/shop.ts and raw/shop/orders.ts [MODEL_DUPLICATE] → rename or remove one of them',
    ],
  },
  {
    title: 'missing and empty texts, all of them',
    files: {
      'obj/member.ts': object(
        untyped({
          owner: ' ',
          columns: { id: key(''), country: text('where') },
          sql: sql`select 1`,
        }),
      ),
      'metric/x.ts': { people: count(member, { description: '', owner: '' }) },
      'obj/person.ts': member,
    },
    lines: [
      'metric/x.ts: metric.people has an empty description [MODEL_MISSING_TEXT] → say what the number means, or leave it out',
      "metric/x.ts: metric.people has an empty owner [MODEL_MISSING_TEXT] → name the team, or leave it out to take the table's",
      'obj/member.ts: the column "id" has no description [MODEL_MISSING_TEXT] → say in a few words what its values are',
      "obj/member.ts: obj.member has no owner [MODEL_MISSING_TEXT] → add owner: '<team>'",
      'obj/member.ts: obj.member has no description [MODEL_MISSING_TEXT] → say in a few words what one row is',
    ],
  },
  {
    title: 'an activity without its parts',
    files: withActivity({
      columns: { member: refers(member), occurred_at: text('when') },
      by: 'membr',
      to: ['occurred_at'],
      says: '{membre} bought',
    }),
    lines: [
      "act/purchase.ts: act.purchase has no key [MODEL_BAD_DECLARATION] → add id: key('what it identifies')",
      "act/purchase.ts: occurred_at of act.purchase is text, not timestamp [MODEL_TYPE] → an activity happens at an instant: add occurred_at: timestamp('when …')",
      'act/purchase.ts: `says` of act.purchase names "membre", which is no column [MODEL_UNKNOWN_COLUMN] → Did you mean "member"?',
      'act/purchase.ts: `by` of act.purchase names "membr", which is no column [MODEL_UNKNOWN_COLUMN] → Did you mean "member"?',
      'act/purchase.ts: `to` of act.purchase names "occurred_at", which is text, not a reference [MODEL_TYPE] → There are member.',
    ],
  },
  {
    title: 'an activity without an actor, an instant or a sentence, with two keys',
    files: withActivity({
      columns: { id: key('a'), code: key('b'), member: refers(member) },
      by: undefined,
      says: '',
    }),
    lines: [
      'act/purchase.ts: act.purchase has 2 keys: id, code [MODEL_BAD_DECLARATION] → keep one; make a text of several parts in the transform',
      'act/purchase.ts: act.purchase has no column "occurred_at" [MODEL_BAD_DECLARATION] → an activity happens at an instant: add occurred_at: timestamp(\'when …\')',
      "act/purchase.ts: act.purchase has no sentence [MODEL_MISSING_TEXT] → add says: '{member} bought {product}'",
      'act/purchase.ts: act.purchase has no `by` [MODEL_BAD_DECLARATION] → name the reference to who does it: member',
    ],
  },
  {
    title: 'a reference to what is no declared object',
    files: withActivity({
      columns: {
        ...base.columns,
        shop: refers(memberWith()),
        brand: refers(untyped(undefined)),
        other: refers(untyped(purchase)),
        lazy: refers(() => purchase),
      },
    }),
    lines: [
      'act/purchase.ts: the column "shop" refers to an object that no file declares [MODEL_UNKNOWN_TABLE] → export it by default from a file under obj/',
      'act/purchase.ts: the column "brand" refers to nothing [MODEL_BAD_DECLARATION] → import the object; where two files need each other write refers(() => it)',
      'act/purchase.ts: the column "other" refers to an activity [MODEL_BAD_DECLARATION] → only objects are referred to',
      'act/purchase.ts: the column "lazy" refers to an activity [MODEL_BAD_DECLARATION] → only objects are referred to',
    ],
  },
  {
    title: 'checks that cannot be made',
    files: withActivity({
      checks: (row: typeof purchase) => ({
        fine: row.amount.above(0),
        'Not fine': row.amount.above(0),
        odd: row.amount.above(untyped('many')),
        far: via(row.member, member.country).is('KR'),
      }),
    }),
    lines: [
      'act/purchase.ts: the check name "Not fine" is not snake_case [MODEL_BAD_NAME] → write "not_fine": small letters, digits and _, a letter first',
      'act/purchase.ts: the check odd compares amount (decimal) with the text "many" [MODEL_TYPE] → write a number, or \'0.10\' to keep its digits',
      'act/purchase.ts: the check far follows a reference [MODEL_BAD_DECLARATION] → here only the columns of act.purchase itself can be compared',
    ],
  },
  {
    title: 'checks that fail when they are made',
    files: withActivity({
      checks: () => {
        throw new Error('no such thing')
      },
    }),
    lines: [
      'act/purchase.ts: the checks of act.purchase cannot be made: no such thing [MODEL_BAD_DECLARATION] → does the activity have the column that they name?',
    ],
  },
  {
    title: 'names that are not there, wherever they are used, with the nearest',
    files: (() => {
      const shop = source({
        owner: 'x',
        from: 'shop',
        tables: { orders: table('orders', { id: key('order') }) },
      })
      const wrong = untyped(purchase) as Record<string, never>
      const tables = untyped(shop) as Record<string, Record<string, never>>
      const rows = untyped(first(purchase)) as Record<string, never>
      const visit = activity({
        ...base,
        checks: (row) => ({
          positive: (untyped(row) as typeof purchase & Record<string, typeof purchase.amount>)[
            'amuont'
          ]!.above(0),
        }),
        sql: sql`select ${wrong['amuont']!} from ${untyped(tables['ordrs'])} where ${tables['ordrs']!['id']!}`,
      })
      return {
        ...good,
        'raw/shop.ts': shop,
        'act/visit.ts': visit,
        'obj_attr/member/habit.ts': attributes(member, {
          first_at: rows['occured_at']!,
          other: wrong['amuont']!,
        }),
        'metric/x.ts': {
          a: sum(wrong['amuont']!),
          b: count(purchase).where(via(wrong['membr']!, member.country).is('KR')),
          c: count(purchase).where(wrong['staus']!).where(purchase.status.is('x')),
          d: count(tables['ordrs'] as never),
        },
      }
    })(),
    lines: [
      'act/visit.ts: the check positive: act.visit has no column "amuont" [MODEL_UNKNOWN_COLUMN] → Did you mean "amount"?',
      'FAULTS: ${…} number 1 in the transform of act.visit: act.purchase has no column "amuont" [MODEL_UNKNOWN_COLUMN] → Did you mean "amount"?',
      'FAULTS: ${…} number 2 in the transform of act.visit: raw.shop has no table "ordrs" [MODEL_UNKNOWN_TABLE] → Did you mean "orders"?',
      'FAULTS: ${…} number 3 in the transform of act.visit: raw.shop has no table "ordrs" [MODEL_UNKNOWN_TABLE] → Did you mean "orders"?',
      'metric/x.ts: metric.a: act.purchase has no column "amuont" [MODEL_UNKNOWN_COLUMN] → Did you mean "amount"?',
      'metric/x.ts: metric.b: act.purchase has no column "membr" [MODEL_UNKNOWN_COLUMN] → Did you mean "member"?',
      'metric/x.ts: metric.c has a condition that is a column that is not there [MODEL_BAD_DECLARATION] → write purchase.amount.above(0), and(…), or(…), not(…)',
      'metric/x.ts: metric.d: raw.shop has no table "ordrs" [MODEL_UNKNOWN_TABLE] → Did you mean "orders"?',
      'obj_attr/member/habit.ts: the attribute "first_at": act.purchase has no column "occured_at" [MODEL_UNKNOWN_COLUMN] → Did you mean "occurred_at"?',
      'obj_attr/member/habit.ts: the attribute "other": act.purchase has no column "amuont" [MODEL_UNKNOWN_COLUMN] → Did you mean "amount"?',
    ],
  },
  {
    title: 'columns that are none',
    files: {
      'obj/member.ts': memberWith({
        name: 'text',
        price: decimal('x', { precision: 40 }),
        rate: decimal('x', { precision: 4, scale: 5 }),
        tags: list(untyped('strings'), 'x'),
      }),
    },
    lines: [
      'obj/member.ts: the column "name" is the text "text" [MODEL_BAD_DECLARATION] → write a column: text(\'what it says\'), integer(…), refers(…)',
      'obj/member.ts: the column "price" has precision 40; it is 1 to 38 [MODEL_BAD_DECLARATION] → see the column builders in docs/reference/declarations.md',
      'obj/member.ts: the column "rate" has scale 5; it is 0 to the precision, 4 [MODEL_BAD_DECLARATION] → see the column builders in docs/reference/declarations.md',
      'obj/member.ts: the column "tags" is a list of something that is not a plain type [MODEL_BAD_DECLARATION] → see the column builders in docs/reference/declarations.md',
    ],
  },
  {
    title: 'default exports that are no declaration, and none at all',
    files: {
      'obj/member.ts': { owner: 'crm' },
      'obj/brand.ts': undefined,
      'metric/sales.ts': undefined,
      'metric/x.ts': sum(purchase.amount),
      'act/x.ts': 5,
    },
    lines: [
      'act/x.ts: the default export is the number 5, not a declaration [MODEL_BAD_DECLARATION] → write `export default activity({ … })`',
      'metric/sales.ts: no metric is exported; found nothing [MODEL_BAD_DECLARATION] → write `export const sales = sum(purchase.amount)`',
      'metric/x.ts: a metric is exported by default, so it has no name [MODEL_BAD_NAME] → write `export const <name> = …`',
      'obj/brand.ts: the file exports nothing by default [MODEL_BAD_DECLARATION] → write `export default object({ … })`',
      'obj/member.ts: the default export is a plain object, not a declaration [MODEL_BAD_DECLARATION] → write `export default object({ … })`',
    ].toSorted(),
  },
  {
    title: 'a transform that names what it may not',
    files: {
      ...good,
      'obj/brand.ts': object({
        owner: 'md',
        description: 'a name',
        columns: { id: key('brand') },
        sql: sql`select 1 as id from ${purchase}`,
      }),
      'obj/x.ts': object({
        owner: 'md',
        description: 'x',
        columns: { id: key('x') },
        sql: sql`select ${untyped(undefined)} as id, ${untyped(sum(purchase.amount))}, ${untyped(source({ owner: 'x', from: 'y', tables: { orders: table('x', {}) } }))}, ${Number.NaN}`,
      }),
      'obj/y.ts': object({
        owner: 'md',
        description: 'y',
        columns: { id: key('y') },
        sql: untyped('select 1'),
      }),
    },
    lines: [
      'FAULTS: obj.brand reads act.purchase, but obj may read only raw, obj [MODEL_LAYER] → read a table of those classes, or move the declaration to a later class',
      'FAULTS: ${…} number 1 in the transform of obj.x is nothing [MODEL_BAD_DECLARATION] → it takes a table, a column of one, sql, or a plain value; does the table have the column?',
      'FAULTS: ${…} number 2 in the transform of obj.x is a metric [MODEL_LAYER] → obj.x may not read merged tables and metrics; read the activity',
      'FAULTS: ${…} number 3 in the transform of obj.x is a source [MODEL_UNKNOWN_TABLE] → name one of its tables: orders',
      'FAULTS: ${…} number 4 in the transform of obj.x is NaN [MODEL_BAD_DECLARATION] → only finite numbers can be written in SQL',
      'obj/y.ts: the transform of obj.y is the text "select 1" [MODEL_BAD_DECLARATION] → write the transform as a template: sql`select …`',
    ],
  },
  {
    title: 'attributes of what is no object, and derived of what has no part in it',
    files: {
      ...good,
      'obj/brand.ts': object({
        owner: 'md',
        description: 'a name',
        columns: { id: key('brand') },
        sql: sql`select 1 as id`,
      }),
      'obj_attr/a.ts': attributes(untyped(purchase), { purchases: count(purchase) }),
      'obj_attr/b.ts': attributes(memberWith(), { purchases: count(purchase) }),
      'obj_attr/c.ts': attributes(
        member,
        untyped({
          row: first(purchase),
          word: 'x',
          none: first(purchase),
          members: count(member),
          third: nth(purchase, 0).amount,
          odd: count(purchase).within(untyped('1 yaer')),
        }),
      ),
      'obj_attr/d.ts': attributes(member, {}),
      'obj_attr/e.ts': attributes(
        member,
        { spent: sum(untyped(purchase.status)), keys: sum(untyped(purchase.id)) },
        { describe: { spend: 'x' } } as never,
      ),
    },
    lines: [
      'obj_attr/a.ts: the attributes belong to an activity, not to an object [MODEL_BAD_DECLARATION] → write attributes(member, { … }) with an object from obj/',
      'obj_attr/b.ts: the attributes belong to an object that no file declares [MODEL_UNKNOWN_TABLE] → export it by default from a file under obj/',
      'obj_attr/c.ts: the attribute "row" is a selected row [MODEL_BAD_DECLARATION] → take a column of it: first(purchase).occurred_at',
      'obj_attr/c.ts: the attribute "word" is the text "x" [MODEL_BAD_DECLARATION] → write first(purchase).occurred_at, count(purchase), sum(purchase.amount)',
      'obj_attr/c.ts: the attribute "none" is a selected row [MODEL_BAD_DECLARATION] → take a column of it: first(purchase).occurred_at',
      'obj_attr/c.ts: the attribute "members" is taken of obj.member [MODEL_LAYER] → attributes are derived from activities; from other tables by SQL',
      'obj_attr/c.ts: the attribute "third" takes number 0 of act.purchase [MODEL_BAD_DECLARATION] → nth counts from 1',
      'obj_attr/c.ts: the attribute "odd" has the duration the text "1 yaer" [MODEL_BAD_DECLARATION] → write \'30 days\' or \'1 year\': a whole number and a unit',
      'obj_attr/d.ts: obj_attr.d has no attributes [MODEL_BAD_DECLARATION] → add some, for example purchases: count(purchase)',
      'obj_attr/e.ts: the attribute "spent" takes the sum of act.purchase.status, which is text [MODEL_TYPE] → sum and average take numbers; distinct takes any column',
      'obj_attr/e.ts: the attribute "keys" takes the sum of act.purchase.id, which is a key [MODEL_TYPE] → sum and average take numbers; distinct takes any column',
      'obj_attr/e.ts: `describe` of obj_attr.e names "spend", which is no attribute [MODEL_UNKNOWN_COLUMN] → Did you mean "spent"?',
    ],
  },
  {
    title: 'an attribute derived from an activity in which the object has no part',
    files: (() => {
      const brand = object({
        owner: 'md',
        description: 'a name',
        columns: { id: key('brand') },
        sql: sql`select 1 as id`,
      })
      return {
        ...good,
        'obj/brand.ts': brand,
        'obj_attr/sold.ts': attributes(brand, { sold: count(purchase) }),
      }
    })(),
    lines: [
      'obj_attr/sold.ts: the attribute "sold" is taken of act.purchase, in which obj.brand has no part [MODEL_BAD_DECLARATION] → take it of an activity whose `by` or `to` refers to obj.brand',
    ],
  },
  {
    title: 'one attribute name in two declarations of one object',
    files: {
      ...good,
      'obj_attr/member/a.ts': attributes(member, { purchases: count(purchase) }),
      'obj_attr/member/b.ts': attributes(member, {
        purchases: count(purchase),
        country: distinct(purchase.status),
        id: count(purchase),
      }),
    },
    lines: [
      'obj_attr/member/b.ts: the attribute "id" has the name of the object\'s key [MODEL_BAD_NAME] → choose another',
      'obj_attr/member/b.ts: the attribute "purchases" of obj.member is declared twice: in obj_attr/member/a.ts and obj_attr/member/b.ts [MODEL_DUPLICATE] → rename or remove one of them',
      'obj_attr/member/b.ts: the attribute "country" of obj.member is declared twice: in obj/member.ts and obj_attr/member/b.ts [MODEL_DUPLICATE] → rename or remove one of them',
    ],
  },
  {
    title: 'metrics over wrong things',
    files: (() => {
      const orders = table('orders', { id: key('order'), total: decimal('sum') })
      const hidden = sum(purchase.amount)
      return {
        ...good,
        'raw/shop.ts': source({ owner: 'x', from: 'shop', tables: { orders } }),
        'metric/x.ts': {
          a: sum(untyped(purchase.status)),
          b: sum(orders.total),
          c: count(untyped(undefined)),
          d: sum(untyped(undefined)),
          e: ratio(hidden, sum(purchase.amount)),
          f: formula`${count(purchase)} +`,
          g: count(purchase).where(member.country.is('KR')),
          h: count(purchase).where(
            and(purchase.status.is(untyped(5)), purchase.amount.is(untyped(null))),
          ),
          i: count(purchase).within('1 day'),
          j: first(purchase).amount,
          k: ratio(untyped(purchase), untyped(undefined)),
          select: count(purchase),
          m: average(untyped(purchase.member)),
          n: count(purchase).where(untyped(true)),
          o: count(purchase).where(via(untyped(purchase.amount), member.country).is('KR')),
        },
      }
    })(),
    lines: [
      'metric/x.ts: j is a selection, but metric/ holds metrics [MODEL_BAD_PATH] → a metric is an aggregate: count, sum, distinct, …',
      'metric/x.ts: the metric name "select" is a reserved word of DuckDB, Spark, PostgreSQL [MODEL_BAD_NAME] → choose another, for example "select_name"; in raw tables { field: \'select\' } keeps the source\'s name',
      'metric/x.ts: metric.a takes the sum of act.purchase.status, which is text [MODEL_TYPE] → sum and average take numbers; distinct takes any column',
      'metric/x.ts: metric.b is of raw.shop.orders, but metrics are of activities and objects [MODEL_LAYER] → declare an activity or an object over it',
      'metric/x.ts: metric.c is of nothing where a table is needed [MODEL_BAD_DECLARATION] → import the activity; two files cannot need each other here',
      'metric/x.ts: metric.d takes the sum of nothing [MODEL_BAD_DECLARATION] → write sum(purchase.amount) with a column that the table has',
      'metric/x.ts: metric.e uses a metric that no file of metric/ exports [MODEL_UNKNOWN_METRIC] → give it a name: export const <name> = …',
      'metric/x.ts: metric.e uses a metric that no file of metric/ exports [MODEL_UNKNOWN_METRIC] → give it a name: export const <name> = …',
      'metric/x.ts: metric.f uses a metric that no file of metric/ exports [MODEL_UNKNOWN_METRIC] → give it a name: export const <name> = …',
      'metric/x.ts: metric.g compares obj.member.country, which is no column of act.purchase [MODEL_BAD_DECLARATION] → write via(purchase.member, member.country)',
      "metric/x.ts: metric.h compares status (text) with the number 5 [MODEL_TYPE] → write a text: 'paid'",
      'metric/x.ts: metric.h compares amount with null, which is never true [MODEL_BAD_DECLARATION] → write isUnknown()',
      'metric/x.ts: metric.i has `within`, which is for attributes [MODEL_BAD_DECLARATION] → ask for the period when you ask for the metric: --from, --to',
      'metric/x.ts: metric.k uses an activity where a metric is needed [MODEL_BAD_DECLARATION] → write ratio(sales, orders) with exported metrics; two files cannot need each other here',
      'metric/x.ts: metric.k uses nothing where a metric is needed [MODEL_BAD_DECLARATION] → write ratio(sales, orders) with exported metrics; two files cannot need each other here',
      'metric/x.ts: metric.m takes the average of act.purchase.member, which is a reference [MODEL_TYPE] → sum and average take numbers; distinct takes any column',
      'metric/x.ts: metric.n has a condition that is the boolean true [MODEL_BAD_DECLARATION] → write purchase.amount.above(0), and(…), or(…), not(…)',
      'metric/x.ts: metric.o goes on behind amount, which refers to no object [MODEL_BAD_DECLARATION] → only references are followed',
    ],
  },
  {
    title: 'formulas that are no arithmetic',
    files: (() => {
      const sales = sum(purchase.amount)
      return {
        ...good,
        'metric/x.ts': {
          sales,
          a: formula`${sales} +`,
          b: formula`(${sales}`,
          c: formula`${sales} ${sales}`,
          d: formula`${sales} % 2`,
          e: formula`1 + 2`,
          f: formula`* ${sales}`,
          g: formula`${sales})`,
        },
      }
    })(),
    lines: [
      'a is not arithmetic: a value is missing at the end',
      'b is not arithmetic: a ")" is missing',
      'c is not arithmetic: two values stand side by side',
      'd is not arithmetic: "%" is no part of arithmetic',
    ]
      .map(
        (line) =>
          `metric/x.ts: the formula of metric.${line} [MODEL_BAD_DECLARATION] → use metrics, numbers, + - * / and parentheses`,
      )
      .concat(
        'metric/x.ts: the formula of metric.e has no metric [MODEL_BAD_DECLARATION] → write formula`${sales} - ${cost}`',
        'metric/x.ts: the formula of metric.f is not arithmetic: a value is missing before "*" [MODEL_BAD_DECLARATION] → use metrics, numbers, + - * / and parentheses',
        'metric/x.ts: the formula of metric.g is not arithmetic: ")" is out of place [MODEL_BAD_DECLARATION] → use metrics, numbers, + - * / and parentheses',
      ),
  },
  {
    title:
      'a merged file of another activity, of no activity, with a group that is none, with an empty owner',
    files: {
      ...good,
      'act/refund.ts': activity(base),
      'merged/purchases.ts': merged(purchase),
      'merged/x.ts': merged(untyped(member)),
      'merged/purchase.ts': merged(purchase, {
        groups: [untyped(sum(purchase.amount))],
        owner: '',
      }),
    },
    lines: [
      'merged/purchase.ts: merged.purchase attaches a metric, which is no version group [MODEL_BAD_DECLARATION] → name attributes from obj_attr/ and objects with history',
      'merged/purchase.ts: merged.purchase has an empty owner [MODEL_MISSING_TEXT] → write one, or leave it out to take the activity’s',
      'merged/purchases.ts: merged.purchases is of act.purchase, whose merged table is merged.purchase [MODEL_BAD_PATH] → name the file merged/purchase.ts',
      'merged/x.ts: merged.x is of obj.member, not of a declared activity [MODEL_BAD_DECLARATION] → write merged(purchase, { … }) with an activity from act/',
    ],
  },
  {
    title: 'raw tables that contradict themselves',
    files: {
      ...good,
      'raw/shop.ts': source(
        untyped({
          owner: '',
          from: '',
          tables: {
            a: table(
              'x',
              { id: key('x'), seen: text('when') },
              { by: untyped('seen'), from: 'orders' },
            ),
            b: table('', { seen: timestamp('x'), who: refers(member) }, { by: untyped('sean') }),
            order: table('x', {}),
            c: 5,
          },
        }),
      ),
      'raw/lines.ts': files(
        untyped({
          owner: 'x',
          description: 'x',
          path: [],
          format: 'cvs',
          csv: {},
          columns: { source_file: text('x'), n: number('x') },
        }),
      ),
      'raw/clicks.ts': event(
        untyped({
          owner: 'x',
          description: 'x',
          name: '',
          properties: { product: integer('x', { required: true }), id: text('x') },
          example: { produkt: 1, elsewhere: () => 1 },
        }),
      ),
      'raw/clicks2.ts': event({
        owner: 'x',
        description: 'x',
        name: 'click',
        properties: {},
        example: {},
      }),
      'raw/clicks3.ts': event({
        owner: 'x',
        description: 'x',
        name: 'click',
        properties: {},
        example: {},
      }),
    },
    lines: [
      'raw/clicks.ts: the column name "id" is filled by Maru [MODEL_BAD_NAME] → choose another, for example "id_given"',
      "raw/clicks.ts: raw.clicks has no event name [MODEL_MISSING_TEXT] → add name: 'product clicked', as clients send it",
      'raw/clicks.ts: the example of raw.clicks has "produkt", which is no property [MODEL_UNKNOWN_COLUMN] → Did you mean "product"?',
      'raw/clicks.ts: the example of raw.clicks has "elsewhere", which is no property [MODEL_UNKNOWN_COLUMN] → There are product.',
      'raw/clicks.ts: the example of raw.clicks lacks "product", which is required [MODEL_BAD_DECLARATION] → add it, so that the example is an event that is accepted',
      'raw/clicks3.ts: the event "click" is declared twice: in raw/clicks2.ts and raw/clicks3.ts [MODEL_DUPLICATE] → an event has one entry in the catalog',
      'raw/lines.ts: the column name "source_file" is filled by Maru [MODEL_BAD_NAME] → choose another, for example "source_file_given"',
      "raw/lines.ts: raw.lines has no path [MODEL_BAD_DECLARATION] → add path: 'data/*.csv', relative to the project folder",
      'raw/lines.ts: raw.lines has the format the text "cvs" [MODEL_BAD_DECLARATION] → Did you mean "csv"?',
      'raw/lines.ts: raw.lines has csv options, but its format is cvs [MODEL_BAD_DECLARATION] → leave `csv` out',
      'raw/shop.ts: the table name "order" is a reserved word of DuckDB, Spark, PostgreSQL [MODEL_BAD_NAME] → choose another, for example "order_name", with { from: \'public.order\' }',
      'raw/shop.ts: the table "c" is the number 5 [MODEL_BAD_DECLARATION] → write table(\'what a row is\', { … })',
      'raw/shop.ts: the raw column "who" refers to an object [MODEL_LAYER] → raw tables stand alone: write integer(…) or text(…); the object refers to it',
      'raw/shop.ts: the source of raw.shop.a has no `from` [MODEL_BAD_DECLARATION] → name one of `sources` in maru.config.ts',
      'raw/shop.ts: `from` of raw.shop.a is "orders" [MODEL_BAD_DECLARATION] → write schema and table: \'public.orders\'',
      "raw/shop.ts: raw.shop.a has no owner [MODEL_MISSING_TEXT] → add owner: '<team>'",
      'raw/shop.ts: `by` of raw.shop.a names "seen", which is text [MODEL_TYPE] → a table is partitioned by a timestamp or a date',
      'raw/shop.ts: the source of raw.shop.b has no `from` [MODEL_BAD_DECLARATION] → name one of `sources` in maru.config.ts',
      "raw/shop.ts: raw.shop.b has no owner [MODEL_MISSING_TEXT] → add owner: '<team>'",
      'raw/shop.ts: raw.shop.b has no description [MODEL_MISSING_TEXT] → say in a few words what one row is',
      'raw/shop.ts: `by` of raw.shop.b names "sean", which is no column [MODEL_UNKNOWN_COLUMN] → Did you mean "seen"?',
    ],
  },
]

describe('buildModel reports', () => {
  for (const { title, files: declared, lines: expected } of cases) {
    it(title, () => {
      // Places of `sql` templates are in this file here; in a project they are the declaration's.
      const found = lines(declared).map((line) =>
        line.replace(/^faults\.test\.ts:\d+:\d+/, 'FAULTS'),
      )
      assert.deepEqual(found, expected)
    })
  }

  it('names the table or metric that a problem belongs to', () => {
    const [problem] = problemsOf({ ...good, 'metric/x.ts': { a: sum(untyped(purchase.status)) } })
    assert.equal(problem?.id, 'metric.a')
  })

  it('a circle of transforms with its path, once', () => {
    const tables: object[] = []
    const one = (index: number): object =>
      object({
        owner: 'x',
        description: 'x',
        columns: { id: key('x') },
        sql: sql`select id from ${() => tables[(index + 1) % 3]}`,
      })
    tables.push(one(0), one(1), one(2))
    const found = problemsOf({
      'obj/c.ts': tables[0],
      'obj/a.ts': tables[1],
      'obj/b.ts': tables[2],
    })
    assert.deepEqual(
      found.map(({ code, message, id }) => ({ code, message, id })),
      [
        {
          code: 'MODEL_CYCLE',
          message: 'tables read each other in a circle: obj.a → obj.b → obj.c → obj.a',
          id: 'obj.a',
        },
      ],
    )
  })

  it('a circle of metrics with its path, and leaves out what depends on it', () => {
    const sales = sum(purchase.amount)
    const a = formula`${sales} + ${sales}`
    const b = ratio(a, sales)
    const c = ratio(b, sales)
    // Imports cannot make such a circle; a program can.
    ;(Reflect.get(a, definition) as unknown as { holes: unknown[] }).holes[1] = b
    const declarations = Object.entries({ sales, a, b, c }).map(([exportName, value]) => ({
      path: 'metric/x.ts',
      exportName,
      value,
    }))
    const { model, problems } = buildModel(
      [
        ...declarations,
        ...Object.entries(good).map(([path, value]) => ({ path, exportName: 'default', value })),
      ],
      { zone: 'UTC' },
    )
    assert.deepEqual(
      problems.map(({ code, message }) => ({ code, message })),
      [
        {
          code: 'MODEL_CYCLE',
          message: 'metrics use each other in a circle: metric.a → metric.b → metric.a',
        },
      ],
    )
    assert.deepEqual(
      model.metrics.map((metric) => metric.name),
      ['sales'],
    )
  })

  it('a metric or table that is exported under a name where only the default counts', () => {
    const { problems } = buildModel(
      [
        { path: 'obj/member.ts', exportName: 'default', value: member },
        { path: 'obj/member.ts', exportName: 'members', value: count(member) },
        { path: 'obj/member.ts', exportName: 'limit', value: 5 },
        { path: 'metric/x.ts', exportName: 'person', value: member },
      ],
      { zone: 'UTC' },
    )
    assert.deepEqual(problems.map(formatProblem), [
      'metric/x.ts: person is an object, but metric/ holds metrics [MODEL_BAD_PATH] → move it to the folder of its kind',
      'obj/member.ts: members is a metric, but only the default export is declared here [MODEL_BAD_PATH] → metrics live in metric/',
    ])
  })
})

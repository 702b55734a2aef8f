/**
 * A shop whose purchases have attributes attached in every way: objects with and without history, attributes from SQL and derived, one and two references away, and
 * who turned out to have bought, by events of their own.
 */
import { buildModel, type LoadedDeclaration } from '../../src/model/build.ts'
import {
  activity,
  attributes,
  count,
  distinct,
  event,
  integer,
  key,
  object,
  people,
  refers,
  source,
  sql,
  sum,
  table,
  text,
  timestamp,
  via,
} from '../../src/index.ts'
import type { Model } from '../../src/model/model.ts'

const shop = source({
  owner: 'test',
  from: 'shop',
  tables: {
    city: table('places', { id: key('city'), region: text('where') }),
    member: table('people', {
      id: key('member'),
      country: text('of living'),
      city_id: integer('where'),
    }),
    maker_version: table('makers', {
      id: key('version'),
      maker_id: integer('whose'),
      name: text('name then'),
      since: timestamp('from when'),
    }),
    product_version: table('things', {
      id: key('version'),
      product_id: integer('whose'),
      maker_id: integer('of whom'),
      since: timestamp('from when'),
    }),
    grade_change: table('grades', {
      id: key('change'),
      member_id: integer('whose'),
      grade: text('from then on'),
      since: timestamp('from when'),
    }),
    line: table(
      'order lines',
      {
        id: key('line'),
        member_id: integer('who'),
        product_id: integer('what'),
        quantity: integer('pieces'),
        happened_at: timestamp('when'),
      },
      { by: 'happened_at' },
    ),
  },
})

const owned = { owner: 'test' }

const city = object({
  ...owned,
  description: 'a place',
  columns: { id: key('city'), region: text('where') },
  sql: sql`select id, region from ${shop.city}`,
})

const member = object({
  ...owned,
  description: 'a person',
  columns: {
    id: key('member'),
    country: text('of living'),
    city: refers(city, 'where', { orphans: 'allowed' }),
  },
  sql: sql`select id, country, city_id as city from ${shop.member}`,
})

const maker = object({
  ...owned,
  description: 'who makes things',
  history: true,
  columns: { id: key('maker'), name: text('name') },
  sql: sql`select maker_id as id, name, since as valid_from from ${shop.maker_version}`,
})

const product = object({
  ...owned,
  description: 'a thing',
  history: true,
  columns: { id: key('product'), maker: refers(maker, 'of whom', { orphans: 'allowed' }) },
  sql: sql`select product_id as id, maker_id as maker, since as valid_from from ${shop.product_version}`,
})

// Who is who is told by events, and a project has the table of events when it names one.
const seen = event({
  ...owned,
  description: 'somebody came',
  name: 'seen',
  properties: { page: text('where') },
  example: { page: 'home' },
})

const person = people({ ...owned, description: 'who buys', reaches_back: '20 days' })

const purchase = activity({
  ...owned,
  says: '{member} bought {product}',
  description: 'an order line',
  columns: {
    id: key('line'),
    occurred_at: timestamp('when'),
    member: refers(member, 'who', { orphans: 'allowed' }),
    product: refers(product, 'what', { orphans: 'allowed' }),
    buyer: refers(person, 'as the event said', { orphans: 'allowed' }),
    quantity: integer('pieces'),
  },
  by: 'member',
  to: ['product'],
  sql: sql`select id, happened_at as occurred_at, member_id as member, product_id as product,
      case when member_id > 3 then 'anonymous:d' else 'member:m' end || cast(member_id as varchar) as buyer, quantity
    from ${shop.line}`,
})

const gift = activity({
  ...owned,
  says: '{member} gave one',
  description: 'a single piece',
  columns: {
    id: key('line'),
    occurred_at: timestamp('when'),
    member: refers(member, 'who', { orphans: 'allowed' }),
  },
  by: 'member',
  sql: sql`select id, happened_at as occurred_at, member_id as member from ${shop.line} where quantity = 1`,
})

const grade = attributes(
  member,
  {
    history: true,
    columns: { grade: text('loyalty') },
    sql: sql`select member_id as id, grade, since as valid_from from ${shop.grade_change}`,
  },
  { ...owned, description: 'loyalty', orphans: 'allowed' },
)

const habit = attributes(
  member,
  { purchases: count(purchase), lately: sum(purchase.quantity).within('20 days') },
  { ...owned, description: 'what the member does', orphans: 'allowed' },
)

const metrics = {
  sales: sum(purchase.quantity),
  buyers: distinct(purchase.member),
  korean: count(purchase).where(via(purchase.member, member.country).is('KR')),
  eastern: sum(purchase.quantity).where(via(purchase.member, member.city, city.region).is('east')),
  of_maker: count(purchase).where(via(purchase.product, product.maker, maker.name).is('a')),
  of_first: count(purchase).where(via(purchase.buyer, person.person).is('member:m1')),
  of_first_then: count(purchase).where(via(purchase.buyer, person.person_then).is('member:m1')),
  gifts: count(gift),
  gifts_of_gold_now: count(gift).where(via(gift.member, grade.grade).at('now').is('gold')),
}

const declarations: readonly LoadedDeclaration[] = [
  { path: 'raw/shop.ts', exportName: 'default', value: shop },
  { path: 'obj/city.ts', exportName: 'default', value: city },
  { path: 'obj/member.ts', exportName: 'default', value: member },
  { path: 'obj/maker.ts', exportName: 'default', value: maker },
  { path: 'obj/product.ts', exportName: 'default', value: product },
  { path: 'raw/event/seen.ts', exportName: 'default', value: seen },
  { path: 'obj/person.ts', exportName: 'default', value: person },
  { path: 'act/purchase.ts', exportName: 'default', value: purchase },
  { path: 'act/gift.ts', exportName: 'default', value: gift },
  { path: 'obj_attr/member/grade.ts', exportName: 'default', value: grade },
  { path: 'obj_attr/member/habit.ts', exportName: 'default', value: habit },
  ...Object.entries(metrics).map(([exportName, value]) => ({
    path: 'metric/numbers.ts',
    exportName,
    value,
  })),
]

export function attachedModel(zone: string): Model {
  const { model, problems } = buildModel(declarations, { zone })
  if (problems.length > 0) throw new Error(problems.map((problem) => problem.message).join('\n'))
  return model
}

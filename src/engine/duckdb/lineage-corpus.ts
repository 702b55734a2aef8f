/** Queries over a small shop for the lineage tests, and the shop's tables. */
import type { ColumnType } from '../../model/model.ts'

const integer: ColumnType = { kind: 'integer' }
const text: ColumnType = { kind: 'text' }
const instant: ColumnType = { kind: 'timestamp' }
const date: ColumnType = { kind: 'date' }
const money: ColumnType = { kind: 'decimal', precision: 18, scale: 2 }

export const corpusTables: Readonly<Record<string, Readonly<Record<string, ColumnType>>>> = {
  'raw.shop.orders': {
    id: integer,
    member_id: integer,
    ordered_at: instant,
    status: text,
    day: date,
  },
  'raw.shop.order_item': {
    id: integer,
    order_id: integer,
    product_id: integer,
    quantity: integer,
    price: money,
  },
  'raw.visit': { visitor: integer, seen_at: instant, page: text, tags: { kind: 'list', of: text } },
  'obj.member': { id: integer, country: text, joined_at: instant, invited_by: integer },
  'obj.product': { id: integer, name: text, brand: integer, price: money },
  'act.purchase': {
    id: integer,
    occurred_at: instant,
    member: integer,
    product: integer,
    quantity: integer,
    amount: money,
    day: date,
  },
}

export interface CorpusQuery {
  readonly sql: string
  /** What must be proven, as `table.column → output`; more may be. */
  readonly preserves?: readonly string[]
  /** Columns of which nothing may be claimed, as `table.column`. */
  readonly breaks?: readonly string[]
}

export const corpus: readonly CorpusQuery[] = [
  // Projections and filters.
  {
    sql: 'select * from obj.member',
    preserves: ['obj.member.id → id', 'obj.member.joined_at → joined_at'],
  },
  {
    sql: 'select id, upper(country) as country from obj.member where joined_at is not null',
    preserves: ['obj.member.id → id'],
  },
  { sql: 'select * exclude (country, invited_by) from obj.member' },
  {
    sql: 'select * replace (amount * 2 as amount) from act.purchase',
    preserves: ['act.purchase.day → day'],
    breaks: ['act.purchase.amount'],
  },
  {
    sql: 'select p.*, m.country from act.purchase p join obj.member m on m.id = p.member',
    preserves: [
      'act.purchase.day → day',
      'act.purchase.occurred_at → occurred_at',
      'obj.member.id → member',
    ],
  },
  { sql: "select case when status = 'paid' then id else member_id end as x from raw.shop.orders" },
  { sql: "select columns('.*_at') from raw.shop.orders" },
  {
    sql: "select coalesce(m.country, 'none') as country, m.id from obj.member m where m.id in (1, 2) or m.country like 'K%'",
  },
  {
    sql: 'select id as a, a + 1 as b from obj.member where b > 2',
    preserves: ['obj.member.id → a'],
  },
  { sql: 'from act.purchase select id, amount' },
  // Joins.
  {
    sql: `select i.id, o.ordered_at as occurred_at, o.member_id as member, i.product_id as product, i.quantity, i.quantity * i.price as amount
      from raw.shop.order_item i join raw.shop.orders o on o.id = i.order_id`,
    preserves: ['raw.shop.orders.ordered_at → occurred_at', 'raw.shop.order_item.id → id'],
  },
  {
    sql: 'select p.id, m.country from act.purchase p left join obj.member m on m.id = p.member',
    preserves: ['act.purchase.id → id'],
    breaks: ['obj.member.country'],
  },
  {
    sql: 'select p.member, m.country from act.purchase p left join obj.member m on m.id = p.member',
    preserves: ['act.purchase.member → member', 'obj.member.id → member'],
  },
  {
    sql: 'select m.id, p.amount from act.purchase p right join obj.member m on m.id = p.member',
    preserves: ['obj.member.id → id', 'act.purchase.member → id'],
    breaks: ['act.purchase.day'],
  },
  {
    sql: 'select m.id, p.day, p.amount from obj.member m full join act.purchase p on m.id = p.member',
    breaks: ['act.purchase.day', 'obj.member.id'],
  },
  {
    sql: 'select a.id, b.id as other from obj.member a join obj.member b on a.invited_by = b.id',
    breaks: ['obj.member.id', 'obj.member.invited_by'],
  },
  {
    sql: 'select a.day, a.id, b.amount from act.purchase a join act.purchase b on a.day = b.day',
    preserves: ['act.purchase.day → day'],
    breaks: ['act.purchase.id'],
  },
  {
    sql: 'select p.id, b.name from act.purchase p, obj.product b where p.product = b.id and b.price > p.amount',
    preserves: ['act.purchase.id → id', 'obj.product.id → id'].slice(0, 1),
  },
  {
    sql: 'select id, day from act.purchase p semi join obj.member m on m.id = p.member',
    preserves: ['act.purchase.day → day'],
  },
  {
    sql: 'select id, member from act.purchase p anti join obj.member m on m.id = p.member',
    preserves: ['act.purchase.member → member', 'obj.member.id → member'],
  },
  {
    sql: 'select p.id, p.day, o.status from act.purchase p asof join raw.shop.orders o on p.member = o.member_id and p.occurred_at >= o.ordered_at',
    preserves: ['act.purchase.day → day'],
    breaks: ['raw.shop.orders.day', 'raw.shop.orders.ordered_at'],
  },
  {
    sql: 'select p.member, o.status from act.purchase p asof left join raw.shop.orders o on p.member = o.member_id and p.occurred_at >= o.ordered_at',
    preserves: ['raw.shop.orders.member_id → member'],
  },
  {
    sql: 'select p.id, m.country from act.purchase p positional join obj.member m',
    breaks: ['act.purchase.id'],
  },
  {
    sql: 'select p.id, m.id as m from act.purchase p join obj.member m on p.member = m.id or p.product = m.id',
    preserves: ['act.purchase.id → id', 'obj.member.id → m'],
  },
  {
    sql: 'select id, country, quantity from obj.member join act.purchase using (id)',
    preserves: ['obj.member.id → id', 'act.purchase.id → id'],
  },
  // Groups.
  {
    sql: 'select day, member, sum(amount) as spent from act.purchase group by day, member',
    preserves: ['act.purchase.day → day', 'act.purchase.member → member'],
  },
  {
    sql: 'select day, count(*) as n, count(distinct member) as members from act.purchase group by all having count(*) > 1',
    preserves: ['act.purchase.day → day'],
  },
  {
    sql: 'select member, max(day) as day, min(occurred_at) as first_at from act.purchase group by member',
    preserves: ['act.purchase.member → member'],
    breaks: ['act.purchase.day', 'act.purchase.occurred_at'],
  },
  {
    sql: 'select count(*) as n, sum(amount) filter (where quantity > 1) as many from act.purchase',
    breaks: ['act.purchase.day'],
  },
  {
    sql: 'select day, member, sum(amount) as spent from act.purchase group by grouping sets ((day), (day, member))',
    preserves: ['act.purchase.day → day'],
    breaks: ['act.purchase.member'],
  },
  {
    sql: 'select day, member, grouping(member) as level, sum(amount) as spent from act.purchase group by rollup (day, member)',
    breaks: ['act.purchase.day', 'act.purchase.member'],
  },
  {
    sql: 'select arg_max(amount, occurred_at) as latest, list(product order by occurred_at) as products, member from act.purchase group by member',
    preserves: ['act.purchase.member → member'],
  },
  {
    sql: "select cast(timezone('Asia/Seoul', ordered_at) as date) as day, count(*) as n from raw.shop.orders group by 1",
    breaks: ['raw.shop.orders.ordered_at', 'raw.shop.orders.day'],
  },
  {
    sql: 'select m.country, p.day, sum(p.amount) as spent from act.purchase p join obj.member m on m.id = p.member group by m.country, p.day',
    preserves: ['act.purchase.day → day', 'obj.member.country → country'],
  },
  {
    sql: 'select distinct day, member from act.purchase',
    preserves: ['act.purchase.day → day', 'act.purchase.member → member'],
  },
  {
    sql: 'select distinct on (member) member, day, amount from act.purchase order by member, occurred_at desc, id',
    preserves: ['act.purchase.member → member'],
    breaks: ['act.purchase.day'],
  },
  // Windows.
  {
    sql: 'select id, day, row_number() over (partition by day order by occurred_at, id) as n from act.purchase',
    preserves: ['act.purchase.day → day'],
    breaks: ['act.purchase.id'],
  },
  {
    sql: 'select id, member, day, sum(amount) over (partition by member order by occurred_at, id) as total, rank() over (partition by day, member order by amount) as r from act.purchase',
    preserves: ['act.purchase.member → member'],
    breaks: ['act.purchase.day', 'act.purchase.id'],
  },
  {
    sql: 'select id, member, day from act.purchase qualify row_number() over (partition by member, day order by occurred_at, id) = 1',
    preserves: ['act.purchase.day → day', 'act.purchase.member → member'],
    breaks: ['act.purchase.id'],
  },
  {
    sql: 'select id, lag(amount) over (order by occurred_at, id) as before from act.purchase',
    breaks: ['act.purchase.id', 'act.purchase.day'],
  },
  {
    sql: 'select id, day, first_value(amount) over w as first_amount, count(*) over w as n from act.purchase window w as (partition by day, member order by occurred_at, id)',
    preserves: ['act.purchase.day → day'],
  },
  // Sets.
  {
    sql: 'select id, day from act.purchase union all select id, day from raw.shop.orders',
    preserves: ['act.purchase.day → day', 'raw.shop.orders.day → day'],
  },
  {
    sql: 'select id, day from act.purchase where amount > 0 union all select -id, day from act.purchase where amount <= 0',
    preserves: ['act.purchase.day → day'],
    breaks: ['act.purchase.id'],
  },
  {
    sql: 'select member from act.purchase union select id from obj.member',
    preserves: ['act.purchase.member → member', 'obj.member.id → member'],
  },
  {
    sql: 'select member from act.purchase except select id from obj.member',
    preserves: ['act.purchase.member → member', 'obj.member.id → member'],
  },
  {
    sql: 'select id from obj.member intersect select member from act.purchase',
    preserves: ['obj.member.id → id', 'act.purchase.member → id'],
  },
  {
    sql: 'select id, amount from act.purchase union all by name select price as amount, id from obj.product',
    preserves: ['act.purchase.id → id', 'obj.product.id → id'],
  },
  // Subqueries and common table expressions.
  {
    sql: 'select id, (select max(ordered_at) from raw.shop.orders o where o.member_id = m.id) as last_order from obj.member m',
    preserves: ['obj.member.id → id', 'raw.shop.orders.member_id → id'],
    breaks: ['raw.shop.orders.ordered_at'],
  },
  {
    sql: 'select id, country from obj.member m where exists (select 1 from act.purchase p where p.member = m.id and p.amount > 10)',
    preserves: ['obj.member.id → id'],
  },
  {
    sql: 'select id, day from act.purchase where member not in (select m.id from obj.member m where m.country is not null)',
    preserves: ['act.purchase.day → day'],
    breaks: ['obj.member.id'],
  },
  {
    sql: 'select id, day from act.purchase where amount > (select avg(amount) from act.purchase)',
    breaks: ['act.purchase.id', 'act.purchase.day'],
  },
  {
    sql: 'select id, day, amount / (select sum(price) from obj.product) as share from act.purchase',
    preserves: ['act.purchase.day → day'],
    breaks: ['obj.product.price'],
  },
  {
    sql: "with paid as (select * from raw.shop.orders where status = 'paid'), items as (select order_id, sum(quantity * price) as amount from raw.shop.order_item group by order_id) select paid.id, paid.ordered_at, items.amount from paid join items on items.order_id = paid.id",
    preserves: ['raw.shop.orders.ordered_at → ordered_at', 'raw.shop.order_item.order_id → id'],
  },
  {
    sql: 'with t as materialized (select member, day, amount from act.purchase) select a.member, b.amount from t a join t b on a.member = b.member',
    preserves: ['act.purchase.member → member'],
    breaks: ['act.purchase.day'],
  },
  {
    sql: 'with recursive chain(id, top) as (select id, id from obj.member where invited_by is null union select m.id, c.top from obj.member m join chain c on m.invited_by = c.id) select id, top from chain',
    breaks: ['obj.member.id'],
  },
  {
    sql: 'select m.id, o.status from obj.member m cross join lateral (select status from raw.shop.orders o where o.member_id = m.id order by ordered_at desc, o.id limit 1) o',
    preserves: ['obj.member.id → id', 'raw.shop.orders.member_id → id'],
    breaks: ['raw.shop.orders.status'],
  },
  {
    sql: 'select member, member not in (select m.invited_by from obj.member m) as is_lone from act.purchase',
    preserves: ['act.purchase.member → member'],
    breaks: ['obj.member.invited_by'],
  },
  {
    sql: 'select id, (select max(country) from obj.member m where m.id = n) as country from (select id, row_number() over (order by id) as n from act.purchase) p',
    breaks: ['act.purchase.id', 'act.purchase.day'],
  },
  {
    sql: 'select p.day, p.member, (select count(*) from raw.shop.orders o where o.day = p.day and o.member_id = p.member) as orders from act.purchase p',
    preserves: ['act.purchase.day → day', 'raw.shop.orders.day → day'],
  },
  {
    sql: 'with days as (select day, sum(amount) as amount from act.purchase group by day) select a.day, a.amount, b.amount as before from days a left join days b on b.day = a.day - 1',
    breaks: ['act.purchase.day'],
  },
  // Order and limits.
  {
    sql: 'select id, amount from act.purchase order by occurred_at desc',
    preserves: ['act.purchase.id → id'],
  },
  {
    sql: 'select id, amount from act.purchase order by amount desc, id limit 3',
    breaks: ['act.purchase.id'],
  },
  // Lists and reshaping.
  {
    sql: 'select visitor, unnest(tags) as tag from raw.visit',
    preserves: ['raw.visit.visitor → visitor'],
  },
  {
    sql: 'select v.visitor, t.tag from raw.visit v, unnest(v.tags) as t(tag)',
    preserves: ['raw.visit.visitor → visitor'],
  },
  {
    sql: 'select visitor, list_transform(tags, lambda x: x || page) as t, [y for y in tags if y is not null] as s, len(tags) as n from raw.visit',
  },
  {
    sql: 'pivot (select day, member, amount from act.purchase) on member in (1, 2) using sum(amount) group by day',
    preserves: ['act.purchase.day → day'],
  },
  {
    sql: 'unpivot (select id, quantity, product from act.purchase) on quantity, product into name what value n',
    preserves: ['act.purchase.id → id'],
  },
  { sql: 'select {a: id, b: country}.b as country, map {id: country} as m from obj.member' },
  {
    sql: "select page, time_bucket(interval '1 hour', seen_at) as hour, count(*) as n from raw.visit group by all",
    preserves: ['raw.visit.page → page'],
  },
  {
    sql: "select cast(ordered_at as date) as local_day, date_trunc('month', ordered_at) as month, extract(hour from ordered_at) as hour from raw.shop.orders",
  },
]

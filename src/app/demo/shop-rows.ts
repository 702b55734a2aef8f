/**
 * The rows of the simulated shop, as SQL that PostgreSQL runs itself: nothing but the statements crosses the wire. Every choice is a hash of
 * the row's number, the seed and the column, so the same sizes and seed give the same shop, and a larger shop does not depend on luck.
 *
 * Shape: demand by hour follows growth, season, weekday, hour of day and two sales a year with a rush in their first hour; a member orders
 * only after joining, a product sells only once on sale and at the price of that moment; a few products and members make most of the orders.
 */

export interface ShopSize {
  readonly members: number
  /** Lines of orders. */
  readonly lines: number
  /** Whole years from 2024-01-01, local time of Seoul. */
  readonly years: number
  readonly seed: number
}

/** One step of the filling: what it fills, in words, and its statements. */
export interface FillStep {
  readonly what: string
  readonly sql: string
}

/** Steps in order, for one session (later steps read temporary tables of earlier ones). */
export function fillSteps(size: ShopSize): readonly FillStep[] {
  const shop = deriveNumbers(size)
  return [
    { what: 'calendar', sql: functionsSql(shop) + slotSql(shop) },
    { what: 'brands, categories and products', sql: catalogueSql(shop) + productSql(shop) },
    { what: 'members', sql: memberSql(shop) },
    { what: 'orders', sql: orderSql() },
    { what: 'order lines', sql: orderItemSql(shop) },
    { what: 'likes', sql: likeSql() },
  ]
}

interface ShopNumbers extends ShopSize {
  readonly start: string
  readonly end: string
  readonly products: number
  readonly brands: number
  readonly likes: number
  /** Members and products that are there when the first order comes. */
  readonly membersBefore: number
  readonly productsBefore: number
}

function deriveNumbers(size: ShopSize): ShopNumbers {
  const products = Math.max(60, Math.round(size.lines / 50))
  return {
    ...size,
    start: `timestamptz '2024-01-01 00:00:00+09'`,
    end: `timestamptz '${2024 + size.years}-01-01 00:00:00+09'`,
    products,
    brands: Math.max(12, Math.round(products / 50)),
    likes: Math.round(size.lines * 0.4),
    membersBefore: Math.ceil(size.members * 0.3),
    productsBefore: Math.ceil(products * 0.4),
  }
}

/** `chance(n, column)` is uniform in [0, 1), a function of the row's number, the column's number and the seed. */
function functionsSql(shop: ShopNumbers): string {
  return `
create function pg_temp.chance(n bigint, of_column integer) returns double precision immutable parallel safe language sql
  return (hashint8extended(n, ${shop.seed}::bigint * 1000 + of_column) & 9007199254740991)::double precision / 9007199254740992;

create function pg_temp.list_price(product bigint, base double precision, version integer) returns numeric immutable parallel safe language sql
  return round((base * case when version = 0 then 1 else 0.7 + 0.4 * pg_temp.chance(product * 64 + version, 41) end)::numeric, -2);

create function pg_temp.category_at(product bigint, category bigint, version integer) returns bigint immutable parallel safe language sql
  return case when version >= 2 and pg_temp.chance(product, 42) < 0.08 then 7 + (category - 7 + 6) % 24 else category end;
`
}

/** One row per hour: how many members, orders and likes there are until its end. */
function slotSql(shop: ShopNumbers): string {
  return `
create temporary table slot as
with hours as (
  select starts_at, starts_at at time zone 'Asia/Seoul' as local, row_number() over (order by starts_at) as number
  from generate_series(${shop.start}, ${shop.end} - interval '1 hour', interval '1 hour') as starts_at
), weighted as (
  select number, starts_at, to_char(local, 'MMDD') between '0620' and '0629' or to_char(local, 'MMDD') between '1115' and '1124' as is_sale,
    exp(0.4 * number / 8760.0)
    * (array[0.90, 0.86, 0.98, 1.0, 1.06, 0.97, 0.90, 0.86, 1.03, 1.08, 1.15, 1.12])[extract(month from local)::integer]
    * (array[1.12, 1.0, 0.96, 0.94, 0.90, 0.98, 1.16])[extract(isodow from local)::integer]
    * (array[5.2, 3.1, 1.7, 0.9, 0.6, 0.6, 1.0, 1.9, 3.0, 3.9, 4.6, 5.0, 5.4, 5.0, 4.7, 4.6, 4.6, 4.7, 4.9, 5.4, 6.4, 7.6, 8.1, 7.1])[extract(hour from local)::integer + 1]
    * case when to_char(local, 'MMDDHH24') in ('062011', '111511') then 9.0
        when to_char(local, 'MMDD') between '0620' and '0629' then 2.2
        when to_char(local, 'MMDD') between '1115' and '1124' then 2.6 else 1.0 end
    * (0.85 + 0.3 * pg_temp.chance(number / 24, 1)) as weight
  from hours
), shares as (
  select *, sum(weight) over (order by number) / sum(weight) over () as share_until
  from weighted
), orders as (
  select 1 + (count(*) filter (where pg_temp.chance(id, 2) < 0.48)) as orders from generate_series(2, ${shop.lines}::bigint) as id
), counted as (
  select number, starts_at, is_sale,
    ${shop.membersBefore} + round(${shop.members - shop.membersBefore} * share_until)::bigint as members_until,
    round(orders * share_until)::bigint as orders_until,
    round(${shop.likes} * share_until)::bigint as likes_until,
    ${shop.productsBefore} + floor(${shop.products - shop.productsBefore} * (number - 1) / (max(number) over ())::double precision)::bigint as products
  from shares cross join orders
)
select number, starts_at, is_sale, products, members_until, orders_until, likes_until,
  lag(members_until, 1, ${shop.membersBefore}::bigint) over (order by number) as members_from,
  lag(orders_until, 1, 0::bigint) over (order by number) as orders_from,
  lag(likes_until, 1, 0::bigint) over (order by number) as likes_from
from counted;
analyze slot;
`
}

function catalogueSql(shop: ShopNumbers): string {
  return `
insert into category
select id, name, parent_id from (values
  (1, 'Tops', null), (2, 'Bottoms', null), (3, 'Shoes', null), (4, 'Bags', null), (5, 'Outerwear', null), (6, 'Accessories', null),
  (7, 'T-shirts', 1), (8, 'Slacks', 2), (9, 'Sneakers', 3), (10, 'Backpacks', 4), (11, 'Padding', 5), (12, 'Caps', 6),
  (13, 'Shirts', 1), (14, 'Jeans', 2), (15, 'Loafers', 3), (16, 'Crossbody bags', 4), (17, 'Coats', 5), (18, 'Socks', 6),
  (19, 'Knitwear', 1), (20, 'Shorts', 2), (21, 'Boots', 3), (22, 'Totes', 4), (23, 'Blazers', 5), (24, 'Watches', 6),
  (25, 'Sweatshirts', 1), (26, 'Skirts', 2), (27, 'Sandals', 3), (28, 'Wallets', 4), (29, 'Windbreakers', 5), (30, 'Belts', 6)
) as listed (id, name, parent_id)
order by id;

insert into brand
select id,
  (array['North', 'Blue', 'Quiet', 'Plain', 'Daily', 'Urban', 'Second', 'Open', 'Slow', 'Bright', 'Paper', 'River'])[1 + floor(12 * pg_temp.chance(id, 3))::integer]
  || ' ' || (array['Studio', 'Hall', 'Works', 'Label', 'Standard', 'Club', 'Factory', 'Archive', 'Atelier', 'Room'])[1 + floor(10 * pg_temp.chance(id, 4))::integer]
  || ' ' || id,
  (array['KR', 'KR', 'KR', 'KR', 'KR', 'JP', 'US', 'IT', 'FR', 'GB'])[1 + floor(10 * pg_temp.chance(id, 5))::integer],
  date '2019-01-01' + floor(1400 * pg_temp.chance(id, 6))::integer
from generate_series(1, ${shop.brands}::bigint) as id;
`
}

/** Products go on sale in the order of their numbers; each changes price, and now and then category, at its own pace. */
function productSql(shop: ShopNumbers): string {
  return `
create temporary table product_plan as
select id, created_at, brand_id, category_id, base_price, pace_days,
  floor(extract(epoch from ${shop.end} - interval '1 second' - created_at) / 86400 / pace_days)::integer as versions
from (
  select id,
    case when id <= ${shop.productsBefore} then ${shop.start} - interval '1 day' * (1 + 500.0 * (${shop.productsBefore} - id) / ${shop.productsBefore})
      else ${shop.start} + (${shop.end} - ${shop.start}) * ((id - ${shop.productsBefore} - 1) / ${Math.max(1, shop.products - shop.productsBefore)}::double precision) end as created_at,
    1 + floor(${shop.brands} * power(pg_temp.chance(id, 7), 1.7))::bigint as brand_id,
    7 + floor(24 * power(pg_temp.chance(id, 8), 1.3))::bigint as category_id,
    38000 * exp(1.6 * (pg_temp.chance(id, 9) - 0.5)) as base_price,
    90 + 300 * pg_temp.chance(id, 10) as pace_days
  from generate_series(1, ${shop.products}::bigint) as id
) as choices;
analyze product_plan;

insert into product_version
select id, created_at + interval '1 day' * pace_days * version,
  'Item ' || id, brand_id, pg_temp.category_at(id, category_id, version), pg_temp.list_price(id, base_price, version)
from product_plan cross join lateral generate_series(0, versions) as version
order by id, version;

insert into product
select id, 'Item ' || id, brand_id, pg_temp.category_at(id, category_id, versions), pg_temp.list_price(id, base_price, versions),
  (array['black', 'white', 'navy', 'grey', 'beige', 'olive'])[1:1 + floor(5 * pg_temp.chance(id, 11))::integer], created_at
from product_plan
order by id;
`
}

function memberSql(shop: ShopNumbers): string {
  return `
create temporary table member_plan as
select id, ${shop.start} - interval '1 day' * 700.0 * (${shop.membersBefore} - id + pg_temp.chance(id, 12)) / ${shop.membersBefore} as joined_at
from generate_series(1, ${shop.membersBefore}::bigint) as id
union all
select id, starts_at + interval '1 hour' * (id - members_from - 1 + pg_temp.chance(id, 12)) / (members_until - members_from)
from slot cross join lateral generate_series(members_from + 1, members_until) as id;

insert into member
select id, 'member' || id || '@example.com',
  case when chance < 0.53 then 'female' when chance < 0.93 then 'male' end,
  case when pg_temp.chance(id, 14) < 0.9 then 2008 - floor(45 * power(pg_temp.chance(id, 15), 1.6))::integer end,
  (array['Seoul', 'Gyeonggi', 'Seoul', 'Gyeonggi', 'Seoul', 'Gyeonggi', 'Busan', 'Incheon', 'Daegu', 'Daejeon', 'Gwangju', 'Ulsan', 'Sejong',
    'Gangwon', 'Chungbuk', 'Chungnam', 'Jeonbuk', 'Jeonnam', 'Gyeongbuk', 'Gyeongnam', 'Jeju'])[1 + floor(21 * power(pg_temp.chance(id, 16), 1.3))::integer],
  joined_at, pg_temp.chance(id, 17) < 0.6,
  jsonb_build_object('theme', case when pg_temp.chance(id, 18) < 0.3 then 'dark' else 'light' end, 'push', pg_temp.chance(id, 19) < 0.7)
from (select id, joined_at, pg_temp.chance(id, 13) as chance from member_plan) as choices
order by id;

insert into member_grade
select id, (array['welcome', 'silver', 'gold'])[step + 1],
  joined_at + (${shop.end} - joined_at) * (case when step = 0 then 0 else (step - pg_temp.chance(id * 4 + step, 20)) / 2.2 end)
from (
  select id, joined_at, case when chance < 0.58 then 0 when chance < 0.88 then 1 else 2 end as steps
  from (select id, joined_at, pg_temp.chance(id, 21) as chance from member_plan) as choices
) as members cross join lateral generate_series(0, steps) as step
order by id, step;
`
}

/** Order numbers grow with time. Early members order more often than their share. */
function orderSql(): string {
  return `
create temporary table order_plan as
select id, 1 + floor(members_from * power(pg_temp.chance(id, 22), 1.35))::bigint as member_id,
  starts_at + interval '1 hour' * (id - orders_from - 1 + pg_temp.chance(id, 23)) / (orders_until - orders_from) as ordered_at,
  is_sale, products
from slot cross join lateral generate_series(orders_from + 1, orders_until) as id;
analyze order_plan;

insert into orders
select id, member_id, ordered_at,
  (case when state < 0.93 then 'paid' when state < 0.965 then 'cancelled' else 'returned' end)::order_status,
  (case when place < 0.72 then 'app' when place < 0.97 then 'web' else 'store' end)::channel,
  case when pg_temp.chance(id, 26) < 0.7 then 0 else 3000 end
from (select *, pg_temp.chance(id, 24) as state, pg_temp.chance(id, 25) as place from order_plan) as choices
order by id;
`
}

/** Half of what sells is new, half are evergreens among the first fifth of the products. */
function productChoice(column: number, products: string): string {
  return `case when pg_temp.chance(id, ${column}) < 0.5
      then ${products} - floor(${products} * power(pg_temp.chance(id, ${column + 1}), 2.4))::bigint
      else 1 + floor(${products} / 5.0 * power(pg_temp.chance(id, ${column + 1}), 2.0))::bigint end`
}

function orderItemSql(shop: ShopNumbers): string {
  return `
insert into order_item
select id, order_id, product_id, quantity, price,
  case when is_sale then round(quantity * price * (0.1 + floor(4 * pg_temp.chance(id, 33)) / 10)::numeric, -1) else 0 end
from (
  select line.id, order_id, product_plan.id as product_id, is_sale,
    case when pg_temp.chance(line.id, 31) < 0.88 then 1 else 2 + floor(3 * power(pg_temp.chance(line.id, 32), 3))::integer end as quantity,
    pg_temp.list_price(product_plan.id, base_price,
      floor(extract(epoch from ordered_at - created_at) / 86400 / pace_days)::integer) as price
  from (
    select numbered.id, order_id, ordered_at, is_sale, ${productChoice(27, 'products').replaceAll('chance(id', 'chance(numbered.id')} as product
    from (
      select id, 1 + count(*) filter (where id > 1 and pg_temp.chance(id, 2) < 0.48) over (order by id rows unbounded preceding) as order_id
      from generate_series(1, ${shop.lines}::bigint) as id
    ) as numbered
    join order_plan on order_plan.id = numbered.order_id
  ) as line
  join product_plan on product_plan.id = line.product
) as priced
order by id;
`
}

function likeSql(): string {
  return `
insert into product_like
select id, 1 + floor(members_from * power(pg_temp.chance(id, 34), 1.2))::bigint, ${productChoice(35, 'products')},
  starts_at + interval '1 hour' * (id - likes_from - 1 + pg_temp.chance(id, 37)) / (likes_until - likes_from)
from slot cross join lateral generate_series(likes_from + 1, likes_until) as id
order by id;
`
}

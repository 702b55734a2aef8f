/** Files with the rows of a shop like the demo's, written by the engine alone: the same for the same size, in time order, with the last day apart. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Session } from '../../src/engine/engine.ts'

export interface ShopSize {
  readonly members: number
  /** Lines of orders. */
  readonly lines: number
  readonly days: number
}

export const fullShop: ShopSize = { members: 100_000, lines: 1_000_000, days: 730 }
export const shortShop: ShopSize = { members: 20_000, lines: 200_000, days: 365 }

export const shopTables = [
  'brand',
  'category',
  'member',
  'member_grade',
  'order_item',
  'orders',
  'product',
  'product_like',
  'product_version',
] as const

type ShopTable = (typeof shopTables)[number]

/** `data/<table>/before.parquet` of all days but the last. */
export async function writeShopRows(
  session: Session,
  folder: string,
  size: ShopSize,
): Promise<void> {
  await defineChance(session)
  const rows = rowsOf(size)
  for (const table of shopTables) {
    mkdirSync(join(folder, 'data', table), { recursive: true })
    const condition =
      timed[table] === undefined ? '' : ` where ${timed[table](size)} < ${end(size)}`
    await copy(session, `select * from (${rows[table]})${condition}`, {
      folder,
      table,
      name: 'before',
    })
  }
}

/** `data/<table>/last-day.parquet` beside them: what one more day brings. */
export async function writeLastDay(
  session: Session,
  folder: string,
  size: ShopSize,
): Promise<void> {
  await defineChance(session)
  const rows = rowsOf(size)
  for (const table of shopTables) {
    const at = timed[table]?.(size)
    if (at === undefined) continue
    await copy(session, `select * from (${rows[table]}) where ${at} >= ${end(size)}`, {
      folder,
      table,
      name: 'last-day',
    })
  }
}

/** Uniform in [0, 1): a function of the row's number and the column's. */
async function defineChance(session: Session): Promise<void> {
  await session.run(
    'create or replace macro chance(n, of_column) as hash(n, of_column) / 18446744073709551616.0',
  )
}

async function copy(
  session: Session,
  sql: string,
  to: { readonly folder: string; readonly table: ShopTable; readonly name: string },
): Promise<void> {
  const path = join(to.folder, 'data', to.table, `${to.name}.parquet`)
  await session.run(`copy (${sql}) to '${path}' (format parquet, compression zstd)`)
}

const start = `timestamptz '2024-01-01 00:00:00+09'`
const ordersPerLine = 0.48

/** The beginning of the last day. */
function end(size: ShopSize): string {
  return `${start} + interval '1 day' * ${size.days - 1}`
}

/** When number n of so many comes: the numbers grow with time. */
function instant(number: string, size: ShopSize, count: number): string {
  return `${start} + to_microseconds(cast(floor(${size.days * 86_400_000_000}.0 * ${number} / ${count}) as bigint))`
}

function ordersOf(size: ShopSize): number {
  return Math.round(size.lines * ordersPerLine)
}

function likesOf(size: ShopSize): number {
  return Math.round(size.lines * 0.4)
}

/** The instants of rows that come day by day. */
const timed: { readonly [Table in ShopTable]?: (size: ShopSize) => string } = {
  orders: () => 'ordered_at',
  order_item: (size) => instant('(order_id - 1)', size, ordersOf(size)),
  product_like: () => 'liked_at',
}

function rowsOf(size: ShopSize): Readonly<Record<ShopTable, string>> {
  const products = Math.max(60, Math.round(size.lines / 50))
  const brands = Math.max(12, Math.round(products / 50))
  const product = (number: string): string =>
    `1 + cast(floor(${products} * pow(chance(${number}, 1), 2.0)) as bigint)`
  const member = (number: string): string =>
    `1 + cast(floor(${size.members} * pow(chance(${number}, 2), 1.35)) as bigint)`
  const version = `'Item ' || id as name, 1 + cast(floor(${brands} * chance(id, 3)) as bigint) as brand_id,
    7 + cast(floor(24 * chance(id + step, 4)) as bigint) as category_id,
    cast(round(20000 + 60000 * chance(id * 8 + step, 5), -2) as decimal(12, 0)) as price`
  return {
    brand: `select id, 'Brand ' || id as name, ['KR', 'JP', 'US'][1 + id % 3] as country, date '2019-01-01' + cast(id % 900 as integer) as launched_on
  from range(1, ${brands + 1}) as numbers(id)`,
    category: `select id, 'Category ' || id as name, case when id > 6 then 1 + id % 6 end as parent_id from range(1, 31) as numbers(id)`,
    member: `select id, 'member' || id || '@example.com' as email, case when chance(id, 6) < 0.5 then 'female' when chance(id, 6) < 0.9 then 'male' end as gender,
    case when chance(id, 7) < 0.9 then 1960 + cast(floor(48 * chance(id, 8)) as bigint) end as birth_year, 'Region ' || id % 17 as region,
    ${start} - interval '1 hour' * (id % 9000) as joined_at, chance(id, 9) < 0.6 as marketing_agreed, '{"theme":"dark"}' as settings
  from range(1, ${size.members + 1}) as numbers(id)`,
    member_grade: `select id as member_id, ['welcome', 'silver', 'gold'][1 + step] as grade,
    ${start} + interval '1 hour' * cast(floor(24 * ${size.days - 2} * step / 3 - id % 9000 * (step = 0)::integer) as integer) as since
  from range(1, ${size.members + 1}) as numbers(id), range(3) as steps(step) where step = 0 or chance(id, 10) > 0.3 + 0.3 * step`,
    order_item: `select id, 1 + cast(floor((id - 1) * ${ordersPerLine}) as bigint) as order_id, ${product('id')} as product_id,
    1 + cast(floor(3 * pow(chance(id, 11), 3)) as bigint) as quantity, cast(round(20000 + 60000 * chance(id, 12), -2) as decimal(12, 0)) as price,
    cast(case when id % 7 = 0 then 1000 else 0 end as decimal(12, 0)) as discount
  from range(1, ${size.lines + 1}) as numbers(id)`,
    orders: `select id, ${member('id')} as member_id, ${instant('(id - 1)', size, ordersOf(size))} as ordered_at,
    case when chance(id, 13) < 0.93 then 'paid' when chance(id, 13) < 0.965 then 'cancelled' else 'returned' end as status,
    ['app', 'app', 'web', 'store'][1 + id % 4] as channel, cast(3000 * (id % 3 = 0)::integer as decimal(12, 0)) as delivery_fee
  from range(1, ${ordersOf(size) + 1}) as numbers(id)`,
    product: `select id, ${version}, ['black', 'white', 'navy'][1:1 + id % 3] as colors, ${start} - interval '1 day' * (id % 500) as created_at
  from range(1, ${products + 1}) as numbers(id), range(1) as steps(step)`,
    product_like: `select id, ${member('id * 3')} as member_id, ${product('id * 5')} as product_id, ${instant('(id - 1)', size, likesOf(size))} as liked_at
  from range(1, ${likesOf(size) + 1}) as numbers(id)`,
    product_version: `select id as product_id, ${start} - interval '1 day' * 500 + interval '1 day' * cast(step * (200 + id % 90) as integer) as changed_at, ${version}
  from range(1, ${products + 1}) as numbers(id), range(4) as steps(step)`,
  }
}

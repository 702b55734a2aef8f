/** Parquet files of the raw tables: the same rows for the same scale. Activities come a file a day, so that days can be added one by one. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { addDays } from '../../src/base/time.ts'
import type { Day } from '../../src/base/time.ts'
import type { Session } from '../../src/engine/engine.ts'

/** At scale 1: 10 million members of which half are active in 30 days, 100,000 products, 20 million views, 4 million order lines, 2 million hearts. */
export interface Scale {
  readonly members: number
  readonly products: number
  /** In 30 days. */
  readonly views: number
  readonly lines: number
  readonly likes: number
}

export function scaleOf(factor: number): Scale {
  return {
    members: Math.round(10_000_000 * factor),
    products: Math.round(100_000 * factor),
    views: Math.round(20_000_000 * factor),
    lines: Math.round(4_000_000 * factor),
    likes: Math.round(2_000_000 * factor),
  }
}

export const firstDay: Day = '2026-09-01'

const zone = '+09'

/** What does not come by the day. */
export async function writeObjects(session: Session, folder: string, scale: Scale): Promise<void> {
  await defineChance(session)
  const start = `timestamptz '${firstDay} 00:00:00${zone}'`
  const changed = (id: string, group: string): string =>
    `${start} + to_seconds(cast(floor(case when step = 0 then -864000 else 2592000 * chance(${id} * 8 + step, ${group}) end) as bigint))`
  await copy(session, folder, {
    table: 'member',
    sql: `select id, ${start} - interval '1 hour' * (240 + id % 9000) as joined_at, 'Region ' || id % 17 as region from range(${scale.members}) as numbers(id)`,
  })
  await copy(session, folder, {
    table: 'product',
    sql: `select id, cast(round(20000 + 60000 * chance(id, 1), -2) as decimal(12, 0)) as price from range(${scale.products}) as numbers(id)`,
  })
  await copy(session, folder, {
    table: 'member_change',
    sql: `select group_number, id as member_id, step, ${changed('id', '20 + group_number')} as changed_at
  from range(${scale.members}) as numbers(id), range(6) as groups(group_number), range(2) as steps(step) where step = 0 or chance(id, 30 + group_number) < 0.2`,
  })
  await copy(session, folder, {
    table: 'product_change',
    sql: `select id as product_id, step, ${changed('id', '40')} as changed_at from range(${scale.products}) as numbers(id), range(2) as steps(step)`,
  })
}

/** The activities of `count` days from day number `first` on (0 is `firstDay`). */
export async function writeDays(
  session: Session,
  folder: string,
  days: { readonly scale: Scale; readonly first: number; readonly count: number },
): Promise<void> {
  await defineChance(session)
  for (let at = days.first; at < days.first + days.count; at++) {
    for (const table of ['purchase', 'product_view', 'product_like'] as const)
      await copy(session, folder, {
        table,
        sql: activityRows(table, days.scale, at),
        name: addDays(firstDay, at),
      })
  }
}

type Activity = 'purchase' | 'product_view' | 'product_like'

function activityRows(table: Activity, scale: Scale, dayAt: number): string {
  const total = { purchase: scale.lines, product_view: scale.views, product_like: scale.likes }
  const perDay = Math.max(1, Math.round(total[table] / 30))
  // Half of the members are active, and of these few buy much: the exponent makes low numbers frequent.
  const skew = { purchase: 2.2, product_view: 1.15, product_like: 1.8 }[table]
  // Order lines of one order, and views of one visit, are of one member. Every other visit goes round, so that all of the active half come in 30 days.
  const one = { purchase: '(id // 2)', product_view: '(id // 2)', product_like: 'id' }[table]
  const own = {
    purchase: `id // 2 as order_id, case when chance(id // 2, 5) < 0.93 then 'paid' when chance(id // 2, 5) < 0.965 then 'cancelled' else 'returned' end as status,
    ['app', 'app', 'web', 'store'][1 + (id // 2) % 4] as channel, 1 + cast(floor(3 * pow(chance(id, 6), 3)) as bigint) as quantity,
    cast(round(20000 + 60000 * chance(id, 7), -2) as decimal(18, 0)) as amount, cast(case when id % 7 = 0 then 1000 else 0 end as decimal(18, 0)) as discount`,
    product_view: `id // 2 as visit_id, ['ios', 'android', 'android', 'web'][1 + (id // 2) % 4] as device, cast(floor(300 * pow(chance(id, 8), 3)) as bigint) as seconds,
    1 + cast(floor(40 * chance(id, 9) * chance(id, 10)) as bigint) as place`,
    product_like: `['ios', 'android', 'android', 'web'][1 + id % 4] as device`,
  }[table]
  const active = Math.floor(scale.members / 2)
  const chosen = `cast(floor(${active} * pow(chance(${one}, 2), ${skew})) as bigint)`
  const member =
    table === 'product_view'
      ? `case when ${one} % 2 = 0 then (${one} // 2 * 7919) % ${active} else ${chosen} end`
      : chosen
  return `select id, timestamptz '${addDays(firstDay, dayAt)} 00:00:00${zone}' + to_microseconds(cast(floor((${one} % ${perDay}) * 86400000000.0 / ${perDay}) as bigint)) as happened_at,
    2 * (${member}) as member_id,
    cast(floor(${scale.products} * pow(chance(id, 3), 2.0)) as bigint) as product_id, ${own}
  from range(${dayAt * perDay}, ${(dayAt + 1) * perDay}) as numbers(id)`
}

/** Uniform in [0, 1): a function of the row's number and the column's. */
async function defineChance(session: Session): Promise<void> {
  await session.run(
    'create or replace macro chance(n, of_column) as hash(n, of_column) / 18446744073709551616.0',
  )
}

async function copy(
  session: Session,
  folder: string,
  to: { readonly table: string; readonly sql: string; readonly name?: string },
): Promise<void> {
  const inside = join(folder, 'data', to.table)
  mkdirSync(inside, { recursive: true })
  const path = join(inside, `${to.name ?? 'all'}.parquet`)
  await session.run(`copy (${to.sql}) to '${path}' (format parquet, compression zstd)`)
}

/**
 * A simulated shop in a real PostgreSQL: what an online shop's own database holds, of any size, the same for the same size and seed.
 * A session of its own fills it; the description of the database says what it was filled with, and is written last.
 */
import { Client } from 'pg'
import { MaruError } from '../../base/errors.ts'
import { shopKeys, shopTables } from './shop-schema.ts'
import { fillSteps } from './shop-rows.ts'
import type { ShopSize } from './shop-rows.ts'

export type { ShopSize }

export const defaultShopSize: ShopSize = { members: 100_000, lines: 1_000_000, years: 2, seed: 1 }

/** Grows when the same size and seed would give other rows than before. */
const rowsVersion = 1

export interface FillProgress {
  readonly what: string
  readonly done: number
  readonly total: number
}

/** Makes the shop in an empty database. Throws USAGE for a size that is not a shop. */
export async function fillShop(
  url: string,
  size: ShopSize,
  onProgress?: (progress: FillProgress) => void,
): Promise<void> {
  checkSize(size)
  const steps = fillSteps(size)
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(
      `set time zone 'UTC'; set synchronous_commit = off; set work_mem = '256MB'; set maintenance_work_mem = '256MB'`,
    )
    await client.query(`set client_min_messages = warning; begin; ${shopTables}`)
    for (const [done, step] of steps.entries()) {
      onProgress?.({ what: step.what, done, total: steps.length + 1 })
      await client.query(step.sql)
    }
    onProgress?.({ what: 'keys', done: steps.length, total: steps.length + 1 })
    for (const sql of shopKeys) await client.query(sql)
    await client.query('commit')
    await client.query('analyze')
    await client.query(
      `do $$ begin execute format('comment on database %I is %L', current_database(), '${mark(size)}'); end $$`,
    )
  } finally {
    await client.end()
  }
}

/** Whether the database holds the shop of exactly this size and seed. */
export async function isFilled(url: string, size: ShopSize): Promise<boolean> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query<{ mark: string | null }>(
      `select shobj_description(oid, 'pg_database') as mark from pg_database where datname = current_database()`,
    )
    return rows[0]?.mark === mark(size)
  } finally {
    await client.end()
  }
}

function mark(size: ShopSize): string {
  return `simulated shop ${rowsVersion}: ${size.members} members, ${size.lines} lines, ${size.years} years, seed ${size.seed}`
}

function checkSize(size: ShopSize): void {
  const limits: readonly [keyof ShopSize, number, number][] = [
    ['members', 10, 20_000_000],
    ['lines', 10, 1_000_000_000],
    ['years', 1, 20],
    ['seed', 0, 1_000_000_000],
  ]
  for (const [name, least, most] of limits) {
    const value = size[name]
    if (Number.isSafeInteger(value) && value >= least && value <= most) continue
    throw new MaruError('USAGE', `a shop cannot have ${name} ${value}`, {
      hint: `give a whole number from ${least} to ${most}`,
    })
  }
}

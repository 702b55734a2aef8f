/** A project with 1,000 attributes and 100 metrics of a shop of any size, built through the product's own doors. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openApp } from '../../src/app/open.ts'
import { openDuckdbEngine } from '../../src/engine/duckdb/duckdb.ts'
import type { Session } from '../../src/engine/engine.ts'
import { linkMaru } from '../project/shop-project.ts'
import { scaleOf, writeDays, writeObjects } from './rows.ts'

export interface ShopAtScale {
  readonly folder: string
  /** Adds the files of more days; they are loaded at the next run. */
  addDays(count: number): Promise<void>
  remove(): void
}

/** `factor` 1 is the whole shop; `days` from the first of September 2026 on. Nothing is run yet. */
export async function writeShopAtScale(factor: number, days: number): Promise<ShopAtScale> {
  const folder = mkdtempSync(join(tmpdir(), 'maru-bench-scale-'))
  const scale = scaleOf(factor)
  let written = 0
  const addDays = (count: number): Promise<void> =>
    withSession(async (session) => {
      await writeDays(session, folder, { scale, first: written, count })
      written += count
    })
  try {
    cpSync(join(import.meta.dirname, 'project'), folder, { recursive: true })
    linkMaru(folder)
    await withSession((session) => writeObjects(session, folder, scale))
    await addDays(days)
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
  return { folder, addDays, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** Runs everything, or these; throws when a task fails. Returns seconds. */
export async function runShop(folder: string, ids: readonly string[] = []): Promise<number> {
  return (await storeIds(folder, ids)) / 1000
}

/** Builds these tables of states or indicators with what they are made of. Returns milliseconds. */
export async function storeIds(folder: string, ids: readonly string[]): Promise<number> {
  const app = openApp({ folder })
  try {
    await app.model()
    const started = performance.now()
    const { tasks } = await app.run({ ids })
    const failed = tasks.find((task) => task.error !== undefined)
    if (failed !== undefined) throw new Error(`${failed.taskId}: ${failed.error}`)
    return performance.now() - started
  } finally {
    await app.close()
  }
}

async function withSession(work: (session: Session) => Promise<void>): Promise<void> {
  const engine = await openDuckdbEngine()
  try {
    await work(await engine.open({ zone: 'Asia/Seoul' }))
  } finally {
    await engine.close()
  }
}

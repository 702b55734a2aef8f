/** A lake over a temporary folder, the landing that brings logs into it, and questions to it. */
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { nodeFiles } from '../../src/base/node-files.ts'
import { startLanding } from '../../src/collect/collect.ts'
import type { Landing, LandingOptions } from '../../src/collect/collect.ts'
import { openSegmentReader } from '../../src/collect/log/segment-reader.ts'
import { openDuckdbEngine } from '../../src/engine/duckdb/duckdb.ts'
import type { Engine, Value } from '../../src/engine/engine.ts'
import { openLake } from '../../src/lake/lake.ts'
import type { Lake } from '../../src/lake/lake.ts'
import { chooseMerges, mergeFiles } from '../../src/engine/merge-files.ts'
import { openSqliteState } from '../../src/state/sqlite.ts'
import type { State } from '../../src/state/state.ts'

export interface TestLake {
  readonly lake: Lake
  readonly state: State
  readonly engine: Engine
  /** The logs are below `log` in the folder. */
  land(more?: Partial<LandingOptions>): Promise<Landing>
  /** Of `raw.event` and `raw.quarantine`. */
  query(sql: string): Promise<readonly (readonly Value[])[]>
  close(): Promise<void>
}

export async function openTestLake(
  folder: string,
  { lakeFolder = join(folder, 'lake') }: { readonly lakeFolder?: string } = {},
): Promise<TestLake> {
  const engine = await openDuckdbEngine()
  const state = await openSqliteState({ path: join(folder, 'state.db'), files: nodeFiles })
  const lake = openLake({ folder: lakeFolder, state, files: nodeFiles })
  return {
    lake,
    state,
    engine,
    land: async (more) =>
      await startLanding({
        reader: await openSegmentReader({ folder: join(folder, 'log'), name: 'landing' }),
        lake,
        state,
        engine,
        files: nodeFiles,
        zone: 'UTC',
        events: () => [],
        workFolder: join(folder, 'work'),
        onError: (error) => {
          throw error
        },
        commitEveryMs: 20,
        ...more,
      }),
    query: (sql) => queryEvents({ engine, lake, zone: 'UTC' }, sql),
    close: async () => {
      await state.close()
      await engine.close()
    },
  }
}

/** Of `raw.event` and `raw.quarantine`, as far as they are there. */
export async function queryEvents(
  at: { readonly engine: Engine; readonly lake: Lake; readonly zone: string },
  sql: string,
): Promise<readonly (readonly Value[])[]> {
  const { engine, lake, zone } = at
  const session = await engine.open({ zone })
  try {
    for (const id of ['raw.event', 'raw.quarantine']) {
      const table = await lake.table(id)
      if (table !== undefined) await session.bindScan(id, await lake.scan(table))
    }
    return (await session.query(sql)).rows
  } finally {
    await session.close()
  }
}

/** Merges the files of `raw.event` again and again, as `maru compact` does beside the landing. */
export async function mergeWhile(
  { engine, lake }: { readonly engine: Engine; readonly lake: Lake },
  how: { readonly isGoing: () => boolean; readonly everyMs: number },
): Promise<void> {
  const session = await engine.open({ zone: 'UTC' })
  while (how.isGoing()) {
    await wait(how.everyMs)
    const table = await lake.table('raw.event')
    if (table === undefined) continue
    const scan = await lake.scan(table)
    const groups = chooseMerges(scan, { filesMin: 2 })
    if (groups.length > 0) await mergeFiles({ lake, session }, scan, { groups })
  }
  await session.close()
}

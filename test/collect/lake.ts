/** A lake over a temporary folder, the landing that brings logs into it, and questions to it. */
import { join } from 'node:path'
import { nodeFiles } from '../../src/base/node-files.ts'
import { startLanding } from '../../src/collect/collect.ts'
import type { Landing, LandingOptions } from '../../src/collect/collect.ts'
import { openSegmentReader } from '../../src/collect/log/segment-reader.ts'
import { openDuckdbEngine } from '../../src/engine/duckdb/duckdb.ts'
import type { Engine, Value } from '../../src/engine/engine.ts'
import { openLake } from '../../src/lake/lake.ts'
import type { Lake } from '../../src/lake/lake.ts'
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
    query: async (sql) => {
      const session = await engine.open({ zone: 'UTC' })
      try {
        for (const id of ['raw.event', 'raw.quarantine']) {
          const table = await lake.table(id)
          if (table !== undefined) await session.bindScan(id, await lake.scan(table))
        }
        return (await session.query(sql)).rows
      } finally {
        await session.close()
      }
    },
    close: async () => {
      await state.close()
      await engine.close()
    },
  }
}

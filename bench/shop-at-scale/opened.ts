/** The parts of a project for benchmarks that time a question without opening anything for it. */
import { join } from 'node:path'
import { namedColumns } from '../../src/app/named-columns.ts'
import { StoredAnswersReader } from '../../src/app/stored-answers.ts'
import { nodeFiles } from '../../src/base/node-files.ts'
import { openApp } from '../../src/app/open.ts'
import { openDuckdbEngine } from '../../src/engine/duckdb/duckdb.ts'
import type { Result, Session } from '../../src/engine/engine.ts'
import { openLake } from '../../src/lake/lake.ts'
import type { Lake } from '../../src/lake/lake.ts'
import { compileQuestion, stateTasks } from '../../src/metric/metric.ts'
import type { CompiledQuestion, MetricQuestion, StoredFreshness } from '../../src/metric/metric.ts'
import type { Model } from '../../src/model/model.ts'
import { storedName } from '../../src/plan/plan.ts'
import { openSqliteState } from '../../src/state/sqlite.ts'

export interface Asked {
  readonly result: Result
  readonly compiled: CompiledQuestion
  readonly compileMs: number
  readonly ms: number
}

export interface OpenedProject {
  readonly model: Model
  readonly lake: Lake
  readonly session: Session
  /** What is stored and fresh now. */
  freshness(): Promise<StoredFreshness>
  /** Compiles, binds what is read, and runs. */
  ask(question: MetricQuestion, freshness: StoredFreshness): Promise<Asked>
  close(): Promise<void>
}

export async function openProject(folder: string): Promise<OpenedProject> {
  const app = openApp({ folder })
  const model = await app.model()
  await app.close()
  const state = await openSqliteState({ path: join(folder, '.maru', 'state.db'), files: nodeFiles })
  const lake = openLake({ folder: join(folder, '.maru', 'lake'), state, files: nodeFiles })
  const engine = await openDuckdbEngine()
  const session = await engine.open({ zone: model.zone })
  const tasks = stateTasks(model, { engineVersion: engine.version })
  const idOf = new Map(model.tables.map((table) => [storedName(table), table.id]))
  const reader = new StoredAnswersReader()
  return {
    model,
    lake,
    session,
    freshness: () => reader.read({ state, model, tasks: async () => tasks }),
    ask: async (question, freshness) => {
      const started = performance.now()
      const compiled = compileQuestion(model, question, freshness)
      const compileMs = performance.now() - started
      for (const { table, filters } of compiled.reads) {
        const found = await lake.table(idOf.get(table) ?? table)
        if (found === undefined) throw new Error(`${table} is not there`)
        await session.bindScan(
          table,
          namedColumns(await lake.scan(found, { filters }), compiled.sql),
        )
      }
      const result = await session.query(compiled.sql)
      return { result, compiled, compileMs, ms: performance.now() - started }
    },
    close: async () => {
      await engine.close()
      await state.close()
    },
  }
}

/** Runs a model's tasks in a temporary folder with the real state, lake and engine; only the source is a stand-in, behind its port. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeFiles } from '../../src/base/node-files.ts'
import type { Files } from '../../src/base/files.ts'
import type { Binding, Engine } from '../../src/engine/engine.ts'
import type { Source } from '../../src/ingest/source.ts'
import { openLake, type Lake } from '../../src/lake/lake.ts'
import { visibleColumns, type Model } from '../../src/model/model.ts'
import { sqlText } from '../../src/model/sql-names.ts'
import { wideSelect } from '../../src/plan/attach.ts'
import { compileTasks, storedName, type Task } from '../../src/plan/plan.ts'
import { bindTable, runTasks, type RunContext } from '../../src/run/run.ts'
import { openSqliteState } from '../../src/state/sqlite.ts'
import type { RunRecord, State } from '../../src/state/state.ts'
import { sqlType } from '../../src/model/column-type.ts'

export interface Workshop {
  readonly folder: string
  readonly context: RunContext
  readonly state: State
  readonly lake: Lake
  readonly tasks: readonly Task[]
  run(options?: {
    readonly full?: boolean
    readonly from?: string
    readonly to?: string
    readonly ids?: readonly string[]
    readonly alone?: boolean
  }): Promise<RunRecord>
  /** Every table's rows as texts, sorted; versions' numbers and recording times left out, merged tables read wide. */
  contents(): Promise<Readonly<Record<string, readonly string[]>>>
  close(): Promise<void>
}

type SourceRows = Readonly<Record<string, readonly (readonly string[])[]>>

export interface WorkshopOptions {
  readonly model: Model
  /** Rows of the database `shop` by table; a row is a list of SQL literals in the order of the columns. */
  readonly rows: () => SourceRows
  readonly engine: Engine
  readonly folder?: string
  readonly files?: Files
  readonly buckets?: number
}

export async function openWorkshop(options: WorkshopOptions): Promise<Workshop> {
  const { model, engine } = options
  const files = options.files ?? nodeFiles
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'maru-run-')))
  const state = await openSqliteState({ path: join(folder, 'state.db'), files })
  const lake = openLake({ folder: join(folder, 'lake'), state, files })
  const bindings = await bindAll(engine, model)
  const tasks = compileTasks(model, {
    bindings,
    engineVersion: engine.version,
    buckets: options.buckets ?? 4,
  })
  const context: RunContext = {
    zone: model.zone,
    tasks,
    state,
    lake,
    engine,
    files,
    sourceOf: async () => rowsSource(options.rows),
    workFolder: folder,
    concurrency: 2,
    now: Date.now,
  }
  return {
    folder,
    context,
    state,
    lake,
    tasks,
    run: (asked = {}) =>
      runTasks(context, {
        ids: asked.ids ?? [],
        range: { from: asked.from, to: asked.to },
        full: asked.full ?? false,
        alone: asked.alone ?? false,
      }),
    contents: () => readContents(context, model),
    close: async () => {
      await state.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Throws when a task failed. */
export function requireDone(record: RunRecord): RunRecord {
  const failed = record.tasks.find((task) => task.error !== undefined)
  if (failed !== undefined) throw new Error(`${failed.taskId}: ${failed.error}`)
  return record
}

async function bindAll(engine: Engine, model: Model): Promise<ReadonlyMap<string, Binding>> {
  const session = await engine.open({ zone: model.zone })
  const tables = new Map(model.tables.map((table) => [table.id, table]))
  for (const table of model.tables) await session.bindEmpty(table.id, visibleColumns(table, tables))
  const bindings = new Map<string, Binding>()
  for (const table of model.tables) {
    if (table.kind === 'object' || table.kind === 'activity')
      bindings.set(table.id, await session.bind(sqlText(table.sql)))
  }
  await session.close()
  return bindings
}

/** A database whose snapshot is what `rows` gives at that moment. */
function rowsSource(rows: () => SourceRows): Source {
  return {
    detect: async () => ({ kind: 'whole', marks: new Map() }),
    read: async (table, _detection, { session, name }) => {
      const columns = table.columns.filter((column) => column.name !== 'day')
      await session.run(
        `create temp table ${name} (${columns.map((column) => `${column.name} ${sqlType(column.type)}`).join(', ')})`,
      )
      const values = rows()[table.id.slice('raw.shop.'.length)]!.map((row) => `(${row.join(', ')})`)
      if (values.length > 0) await session.run(`insert into ${name} values ${values.join(', ')}`)
    },
    describe: async () => [],
    close: async () => {},
  }
}

const notContent = new Set(['version', 'recorded_at'])

async function readContents(
  context: RunContext,
  model: Model,
): Promise<Readonly<Record<string, readonly string[]>>> {
  const session = await context.engine.open({ zone: model.zone })
  const contents: Record<string, readonly string[]> = {}
  for (const task of context.tasks) await bindTable(session, context.lake, { task })
  for (const task of context.tasks) {
    const from =
      task.table.kind === 'merged'
        ? `(${wideSelect(model, task.id, 'all')}) as wide`
        : storedName(task.table)
    const columns =
      task.table.kind === 'merged'
        ? '*'
        : task.columns
            .map((column) => column.name)
            .filter((name) => !notContent.has(name))
            .join(', ')
    const { rows } = await session.query(`select ${columns} from ${from}`)
    contents[task.id] = rows.map((row) => row.map(String).join(' | ')).toSorted()
  }
  await session.close()
  return contents
}

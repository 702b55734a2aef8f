/** Checks a project whole: loads it, binds every SQL that changed, collects every problem, and remembers what it found. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Problem } from '../base/errors.ts'
import { contentHash } from '../base/hash.ts'
import type { Engine } from '../engine/engine.ts'
import { visibleColumns, type TableModel } from '../model/model.ts'
import { bindTasks, readableIds } from './bind-tasks.ts'
import {
  filesBefore,
  readEntries,
  writeCheck,
  type CacheOptions,
  type TaskEntry,
} from './check-cache.ts'
import { bindingsOf, type CheckedProject, type CheckRequest } from './checked-project.ts'
import { loadProject } from './load.ts'
import type { LoadedProject } from './loaded-project.ts'
import { portableSubsetVersion } from './portable-subset.ts'
import { faultProblem, taskSql } from './task-fault.ts'
import { sqlTasks, type SqlTask } from './task.ts'

export async function checkAnew(
  request: CheckRequest,
  cache: CacheOptions,
): Promise<CheckedProject> {
  const useCache = request.options.cache ?? true
  const before = filesBefore(request.folder)
  const signal = request.options.signal
  const loaded = await loadProject(request.folder, signal === undefined ? {} : { signal })
  const engine = await request.openEngine()
  const bound = await bindChanged(loaded, {
    request,
    engine,
    known: useCache ? readEntries(cache) : new Map(),
  })
  const problems = sortProblems([...loaded.problems, ...taskProblems(request.folder, bound)])
  const keys = Object.fromEntries(bound.map(({ task, key }) => [task.table.id, key]))
  const entries = new Map(bound.map(({ key, entry }) => [key, entry]))
  const record = { settings: loaded.settings, problems, model: loaded.model, entries, keys }
  writeCheck(cache, record, {
    files: loaded.files,
    environment: loaded.environment,
    engineVersion: engine.version,
    before,
  })
  return {
    settings: loaded.settings,
    problems,
    model: loaded.model,
    bindings: bindingsOf(keys, entries),
    files: loaded.files,
    tasks: bound.length,
    bound: bound.filter((task) => task.fresh).length,
    cached: false,
  }
}

interface BoundTask {
  readonly task: SqlTask
  readonly key: string
  readonly entry: TaskEntry
  /** Bound now, not taken from the last check. */
  readonly fresh: boolean
}

async function bindChanged(
  loaded: LoadedProject,
  context: {
    readonly request: CheckRequest
    readonly engine: Engine
    readonly known: ReadonlyMap<string, TaskEntry>
  },
): Promise<readonly BoundTask[]> {
  const tables = new Map(loaded.model.tables.map((table) => [table.id, table]))
  const shapes = new Map<string, string>()
  const shapeOf = (id: string): string => {
    const known = shapes.get(id) ?? shapeText(tables.get(id)!, tables)
    shapes.set(id, known)
    return known
  }
  const keyed = sqlTasks(loaded.model).map((task) => ({
    task,
    key: taskKey(task, {
      tables,
      shapeOf,
      zone: loaded.settings.zone,
      engine: context.engine.version,
    }),
  }))
  // A refusal is never reused: its hint names tables that may have come since.
  const changed = keyed.filter(({ key }) => context.known.get(key)?.binding === undefined)
  const signal = context.request.options.signal
  const fresh =
    changed.length === 0
      ? []
      : await bindTasks(
          changed.map(({ task }) => task),
          context.engine,
          { tables, zone: loaded.settings.zone, ...(signal === undefined ? {} : { signal }) },
        )
  const freshByKey = new Map(changed.map(({ key }, index) => [key, fresh[index]!]))
  return keyed.map(({ task, key }) => ({
    task,
    key,
    entry: freshByKey.get(key) ?? context.known.get(key)!,
    fresh: freshByKey.has(key),
  }))
}

/** All that an entry follows from: the engine, the rules, the text, what it must yield, and the shapes of what it can read. */
function taskKey(
  task: SqlTask,
  context: {
    readonly tables: ReadonlyMap<string, TableModel>
    readonly shapeOf: (id: string) => string
    readonly zone: string
    readonly engine: string
  },
): string {
  const sql = taskSql(task)
  const referenced = task.sql.parts.flatMap((part) => (part.kind === 'table' ? [part.id] : []))
  return contentHash(
    context.engine,
    context.zone,
    String(portableSubsetVersion),
    task.table.id,
    sql,
    JSON.stringify(task.produces),
    JSON.stringify(referenced),
    ...readableIds(task, sql, context.tables).flatMap((id) => [id, context.shapeOf(id)]),
  )
}

function taskProblems(folder: string, bound: readonly BoundTask[]): Problem[] {
  const sources = new Map<string, string | undefined>()
  const readSource = (file: string): string | undefined => {
    if (!sources.has(file)) sources.set(file, readText(join(folder, file)))
    return sources.get(file)
  }
  return bound.flatMap(({ task, entry }) =>
    entry.faults.map((fault) => faultProblem(task, fault, readSource)),
  )
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // Gone since it was loaded: the problem is shown at the place that the model knows.
    return undefined
  }
}

function sortProblems(problems: readonly Problem[]): Problem[] {
  const order = (problem: Problem): readonly [string, number, number] => [
    problem.where.file,
    problem.where.line ?? 0,
    problem.where.column ?? 0,
  ]
  return problems.toSorted((left, right) => {
    const [leftFile, leftLine, leftColumn] = order(left)
    const [rightFile, rightLine, rightColumn] = order(right)
    if (leftFile !== rightFile) return leftFile < rightFile ? -1 : 1
    return leftLine - rightLine || leftColumn - rightColumn
  })
}

/** What of a table decides how SQL over it binds. */
function shapeText(table: TableModel, tables: ReadonlyMap<string, TableModel>): string {
  return JSON.stringify(visibleColumns(table, tables).map(({ name, type }) => ({ name, type })))
}

/** Binds the SQL of tasks with the engine, in one session in which every table is empty and has its declared shape. */
import { isMaruError, messageOf } from '../base/errors.ts'
import { bindErrorOffset, type Engine, type Session } from '../engine/engine.ts'
import { visibleColumns, type TableModel } from '../model/model.ts'
import type { TaskEntry } from './check-cache.ts'
import { bindFailureFault, bindingFaults, taskSql, type BindFailure } from './task-fault.ts'
import type { SqlTask } from './task.ts'

export interface BindContext {
  readonly tables: ReadonlyMap<string, TableModel>
  readonly zone: string
  readonly signal?: AbortSignal
}

/** Ids that the SQL of a task may read: those it references, and any declared id that stands in its text. */
export function readableIds(
  task: SqlTask,
  sql: string,
  tables: ReadonlyMap<string, TableModel>,
): readonly string[] {
  const ids = new Set<string>()
  for (const part of task.sql.parts)
    if (part.kind === 'table' && tables.has(part.id)) ids.add(part.id)
  for (const [id] of sql.matchAll(/\b[a-z]\w*(?:\.[a-z]\w*){1,2}/g)) {
    if (tables.has(id)) ids.add(id)
    // `act.purchase.amount` is a column of a table of two parts.
    const shorter = id.slice(0, id.lastIndexOf('.'))
    if (tables.has(shorter)) ids.add(shorter)
  }
  return [...ids].toSorted()
}

/** One entry a task, in the tasks' order. The result of a task does not depend on which others are bound. */
export async function bindTasks(
  tasks: readonly SqlTask[],
  engine: Engine,
  context: BindContext,
): Promise<readonly TaskEntry[]> {
  const session = await engine.open({ zone: context.zone })
  try {
    const bound = new Set<string>()
    const entries: TaskEntry[] = []
    for (const task of tasks) {
      context.signal?.throwIfAborted()
      const sql = taskSql(task)
      // A session runs one statement at a time.
      for (const id of readableIds(task, sql, context.tables)) {
        if (bound.has(id)) continue
        bound.add(id)
        // oxlint-disable-next-line no-await-in-loop
        await session.bindEmpty(id, visibleColumns(context.tables.get(id)!, context.tables))
      }
      // oxlint-disable-next-line no-await-in-loop
      entries.push(await bindTask(task, sql, { session, tables: context.tables }))
    }
    return entries
  } finally {
    await session.close()
  }
}

async function bindTask(
  task: SqlTask,
  sql: string,
  context: { readonly session: Session; readonly tables: ReadonlyMap<string, TableModel> },
): Promise<TaskEntry> {
  try {
    const binding = await context.session.bind(sql)
    return { binding, faults: bindingFaults(task, binding, sql) }
  } catch (error) {
    const failure = bindFailure(error)
    if (failure === undefined) throw error
    const columnsOf = (id: string): readonly string[] => {
      const table = context.tables.get(id)
      return table === undefined
        ? []
        : visibleColumns(table, context.tables).map((column) => column.name)
    }
    return { faults: [bindFailureFault(task, failure, { sql, tables: context.tables, columnsOf })] }
  }
}

function bindFailure(error: unknown): BindFailure | undefined {
  if (!isMaruError(error) || error.code !== 'SQL_BIND') return undefined
  const offset = bindErrorOffset(error)
  return {
    message: messageOf(error),
    ...(offset === undefined ? {} : { offset }),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  }
}

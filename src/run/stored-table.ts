/** The lake table of a task: created when it is missing, its schema brought to the declared one. */
import { stringifyJson } from '../base/json.ts'
import type { Session } from '../engine/engine.ts'
import type { Lake, Scan, ScanFile, Table, TableDefinition } from '../lake/lake.ts'
import { collectedTables, eventLogColumns } from '../model/collected.ts'
import { storedName } from '../plan/plan.ts'
import type { Task } from '../plan/plan.ts'

/** The table with the declared columns and partitions. A table that cannot become so (another partition) is dropped and made anew. */
export async function openTable(lake: Lake, task: Task): Promise<Table> {
  const definition = definitionOf(task)
  const existing = await lake.table(task.id)
  if (existing === undefined) return await lake.create(definition)
  if (stringifyJson(existing.partition) !== stringifyJson(task.partition)) {
    await lake.drop(existing)
    return await lake.create(definition)
  }
  return existing
}

export function hasDeclaredColumns(table: Table, task: Task): boolean {
  const stored = table.schema.fields.map((field) => [field.name, field.type, field.required])
  const declared = definitionOf(task).columns.map((column) => [
    column.name,
    column.type,
    column.required,
  ])
  return stringifyJson(stored) === stringifyJson(declared)
}

/** Null is refused by the checks, not by the format: a column may become required later without a new table. */
function definitionOf(task: Task): TableDefinition {
  return {
    id: task.id,
    columns: task.columns.map(({ name, type, description }) => ({
      name,
      type,
      required: false,
      description,
    })),
    partition: task.partition,
    properties: { 'maru.task': task.id },
  }
}

export const declaredColumns = (task: Task): TableDefinition['columns'] =>
  definitionOf(task).columns

/** Those that are not among the others. */
export function filesWithout(
  files: readonly ScanFile[],
  others: readonly ScanFile[],
): readonly ScanFile[] {
  const paths = new Set(others.map(({ path }) => path))
  return files.filter(({ path }) => !paths.has(path))
}

/** Binds the current rows of a task's table under its stored name, or under another; files can be left out. */
export async function bindTable(
  session: Session,
  lake: Lake,
  read: {
    readonly task: Task
    readonly as?: string
    readonly keep?: (file: ScanFile) => boolean
    /** As the table is to be read, when not as it is now. */
    readonly table?: Table
  },
): Promise<Scan | undefined> {
  const { task } = read
  const name = read.as ?? storedName(task.table)
  const isView = task.rows.kind === 'view'
  const storedAs = isView ? collectedTables.events : name
  const table = read.table ?? (await lake.table(isView ? collectedTables.events : task.id))
  let kept: Scan | undefined
  if (table === undefined)
    await session.bindEmpty(storedAs, isView ? eventLogColumns : task.columns)
  else {
    const scan = await lake.scan(table)
    kept = read.keep === undefined ? scan : { ...scan, files: scan.files.filter(read.keep) }
    await session.bindScan(storedAs, kept)
  }
  if (isView) await session.bindView(name, task.rows.sql)
  return kept
}

/**
 * Face of the model: declarations in, one checked Model out, with every fault found on the way. Pure: the declarations' files are
 * loaded by others, and SQL is not looked into here.
 */
import type { Problem } from '../base/errors.ts'
import { addRelatedColumns, buildMerged } from './build-merged.ts'
import { buildMetrics } from './build-metrics.ts'
import { addDerivedColumns } from './build-attributes.ts'
import { buildTable } from './build-tables.ts'
import { collectedModels } from './collected.ts'
import { findCircles } from './circles.ts'
import { declareColumns, fillColumns, type Shapes } from './column-models.ts'
import { identify, type Book, type LoadedDeclaration, type Report } from './identify.ts'
import { tablesOfSelection } from './model.ts'
import type { ActivityModel, Model, SqlModel, TableClass, TableId, TableModel } from './model.ts'

export type { LoadedDeclaration }
export { environmentRead } from './config-types.ts'
export type { KafkaConfig } from './config-types.ts'

export interface ModelSettings {
  /** IANA name. */
  readonly zone: string
  readonly currency?: string
  readonly buckets?: number
}

export interface BuiltModel {
  /** Holds what is sound; with problems it is not to be run. */
  readonly model: Model
  /** In the order of files and lines. */
  readonly problems: readonly Problem[]
}

export function buildModel(
  declarations: readonly LoadedDeclaration[],
  settings: ModelSettings,
): BuiltModel {
  const problems: Problem[] = []
  const report: Report = ({ place, id }, { hint, ...fault }) => {
    problems.push({
      ...fault,
      ...(hint === undefined ? {} : { hint }),
      where: place,
      ...(id === undefined ? {} : { id }),
    })
  }
  const book = identify(declarations, report)
  const shapes = startShapes(book)
  const entries = [...book.tables.values()]
  for (const entry of entries) declareColumns(shapes, entry)
  for (const entry of entries) if (entry.data.kind !== 'attributes') fillColumns(shapes, entry)
  for (const entry of entries) if (entry.data.kind === 'attributes') shapes.derive(entry)
  for (const entry of entries) if (entry.data.kind === 'attributes') fillColumns(shapes, entry)
  addRelatedColumns(shapes)
  checkEventNames(book)
  const declared = entries.flatMap((entry) => buildTable(shapes, entry) ?? [])
  const hasEvents = declared.some((table) => table.kind === 'raw_event')
  const tables = hasEvents ? [...declared, ...collectedModels] : declared
  checkReads(report, tables)
  const activities = tables.filter((table): table is ActivityModel => table.kind === 'activity')
  const merged = buildMerged(shapes, activities)
  const metrics = buildMetrics(shapes)
  const { zone, currency } = settings
  const model: Model = {
    formatVersion: 1,
    zone,
    ...(currency === undefined ? {} : { currency }),
    tables: [...tables, ...merged].toSorted(byId),
    metrics: metrics.toSorted(byId),
  }
  return { model, problems: problems.toSorted(byPlace) }
}

function startShapes(book: Book): Shapes {
  const begun = new Map<TableId, 'done' | 'circle'>()
  const shapes: Shapes = {
    book,
    columns: new Map(),
    derived: new Map(),
    related: new Map(),
    derive: (entry) => {
      const state = begun.get(entry.id)
      if (state !== undefined || entry.data.kind !== 'attributes') return state ?? 'done'
      begun.set(entry.id, 'circle')
      addDerivedColumns(shapes, entry, entry.data)
      begun.set(entry.id, 'done')
      return 'done'
    },
  }
  return shapes
}

function byId(left: { readonly id: string }, right: { readonly id: string }): number {
  return left.id < right.id ? -1 : 1
}

function byPlace(left: Problem, right: Problem): number {
  if (left.where.file !== right.where.file) return left.where.file < right.where.file ? -1 : 1
  return (
    (left.where.line ?? 0) - (right.where.line ?? 0) ||
    (left.where.column ?? 0) - (right.where.column ?? 0)
  )
}

function checkEventNames(book: Book): void {
  const files = new Map<string, string>()
  for (const entry of book.tables.values()) {
    if (entry.data.kind !== 'event') continue
    const { name } = entry.data
    const other = files.get(name)
    if (other === undefined) {
      files.set(name, entry.place.file)
      continue
    }
    const message = `the event "${name}" is declared twice: in ${other} and ${entry.place.file}`
    book.report(entry, {
      code: 'MODEL_DUPLICATE',
      message,
      hint: 'an event has one entry in the catalog',
    })
  }
}

/** Which classes a transform may read. */
const mayRead: Readonly<Record<TableClass, readonly TableClass[]>> = {
  raw: [],
  obj: ['raw', 'obj'],
  act: ['raw', 'obj', 'act'],
  obj_attr: ['raw', 'obj', 'act', 'obj_attr'],
  merged: ['act', 'obj', 'obj_attr'],
}

/** Layers and circles over what transforms read. */
function checkReads(report: Report, tables: readonly TableModel[]): void {
  const byTable = new Map(tables.map((table) => [table.id, table]))
  const reads = new Map<TableId, readonly TableId[]>()
  for (const table of tables) {
    const ids = readsOf(table, byTable)
    reads.set(table.id, ids)
    for (const id of ids) {
      const other = id.slice(0, id.indexOf('.')) as TableClass
      if (mayRead[table.class].includes(other)) continue
      const message = `${table.id} reads ${id}, but ${table.class} may read only ${mayRead[table.class].join(', ')}`
      report(
        { id: table.id, place: placeOf(table) },
        {
          code: 'MODEL_LAYER',
          message,
          hint: 'read a table of those classes, or move the declaration to a later class',
        },
      )
    }
  }
  for (const circle of findCircles(reads)) {
    const first = byTable.get(circle[0]!)!
    const message = `tables read each other in a circle: ${[...circle, circle[0]!].join(' → ')}`
    report(
      { id: first.id, place: placeOf(first) },
      { code: 'MODEL_CYCLE', message, hint: 'let one of them read what the other reads' },
    )
  }
}

function sqlOf(table: TableModel): SqlModel | undefined {
  if (table.kind === 'object' || table.kind === 'activity') return table.sql
  return table.kind === 'attributes' && table.from.kind === 'sql' ? table.from.sql : undefined
}

function placeOf(table: TableModel): TableModel['place'] {
  return sqlOf(table)?.place ?? table.place
}

function readsOf(table: TableModel, tables: ReadonlyMap<TableId, TableModel>): readonly TableId[] {
  const parts = sqlOf(table)?.parts ?? []
  const fromSql = parts.flatMap((part) => (part.kind === 'table' ? [part.id] : []))
  const derived =
    table.kind === 'attributes' && table.from.kind === 'derived'
      ? table.from.attributes.flatMap(({ selection }) => [...tablesOfSelection(selection, tables)])
      : []
  return [...new Set([...fromSql, ...derived])]
}

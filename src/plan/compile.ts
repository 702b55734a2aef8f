/** Model + bindings → tasks. Pure. */
import { assert } from '../base/errors.ts'
import { contentHash } from '../base/hash.ts'
import { stringifyJson } from '../base/json.ts'
import { collectedTables } from '../model/collected.ts'
import { filledColumns, tablesOfSelection } from '../model/model.ts'
import { nestedChoices } from '../model/model.ts'
import type {
  AttributesModel,
  ColumnModel,
  MergedModel,
  Model,
  TableId,
  TableModel,
} from '../model/model.ts'
import type { Binding } from '../engine/engine.ts'
import type { PartitionSpec } from '../lake/lake.ts'
import { attachAll } from './attach.ts'
import { checksOf } from './checks.ts'
import { referenceTo } from './choice.ts'
import { refuseUnanswered } from './derived.ts'
import { followingOf } from './following.ts'
import { rowsOf, storedColumns } from './rows.ts'
import type { AttachedRows, Rows, Task, TaskDefinition, TaskInput } from './task.ts'

export interface CompileOptions {
  /** What the engine's binder said of each table's own SQL, by table id. */
  readonly bindings: ReadonlyMap<TableId, Binding>
  readonly engineVersion: string
  /** Partitions of tables split by a key. */
  readonly buckets: number
}

/** One task per table of the model, in the model's order. */
export function compileTasks(model: Model, options: CompileOptions): readonly Task[] {
  const byId = new Map(model.tables.map((table) => [table.id, table]))
  return model.tables.map((table) => compileTask({ model, byId, options }, table))
}

interface Context {
  readonly model: Model
  readonly byId: ReadonlyMap<TableId, TableModel>
  readonly options: CompileOptions
}

function compileTask(context: Context, table: TableModel): Task {
  const rows = rowsOf(context.model, table)
  const partition = partitionOf(table, context.options.buckets)
  const columns = storedColumns(table)
  const attached = table.kind === 'merged' ? attachedTo(context.model, table) : undefined
  const inputs =
    attached === undefined || table.kind !== 'merged'
      ? inputsOf(context, table, partition)
      : mergedInputs(table, attached)
  const checks = checksOf(context.model, table)
  const views = viewsOf(context, inputs)
  const following = followingOf(table, inputs, {
    byId: context.byId,
    binding: context.options.bindings.get(table.id),
  })
  const definition = definitionOf(context, { table, rows, partition, inputs, views })
  const version = contentHash(
    'task 1',
    context.model.zone,
    context.options.engineVersion,
    rows.sql,
    ...views,
    stringifyJson(columns.map(({ name, type, required }) => ({ name, type, required }))),
    stringifyJson(partition),
    stringifyJson(checks.map((check) => check.sql)),
    table.kind === 'raw_table' ? stringifyJson(table.origin) : '',
  )
  return {
    id: table.id,
    table,
    columns,
    partition,
    rows,
    inputs,
    ...(attached === undefined ? {} : { attached }),
    ...(following === undefined ? {} : { following }),
    references: referencesOf(table),
    checks,
    version,
    definition,
  }
}

/** What the views among the inputs say: nothing is stored under them, so their definition is part of that of what reads them. */
function viewsOf(context: Context, inputs: readonly TaskInput[]): readonly string[] {
  return inputs.flatMap(({ id }) => {
    const table = context.byId.get(id)
    return table?.kind === 'raw_event' ? [rowsOf(context.model, table).sql] : []
  })
}

/** Activities, merged tables and raw tables with `by` go by local day; what has one key by its hash; the rest is one piece. */
function partitionOf(table: TableModel, buckets: number): PartitionSpec {
  if (table.columns.some((column) => column.name === filledColumns.day))
    return { kind: 'day', column: filledColumns.day }
  const key = keyOf(table)
  const type = table.columns.find((column) => column.name === key)?.type.kind
  if (key === undefined || (type !== 'integer' && type !== 'text' && type !== 'uuid'))
    return { kind: 'none' }
  return { kind: 'bucket', column: key, count: buckets }
}

function keyOf(table: TableModel): string | undefined {
  if (table.kind === 'object' || table.kind === 'attributes') return table.key
  return table.kind === 'raw_table' && table.origin.kind === 'database' && table.key.length === 1
    ? table.key[0]
    : undefined
}

function inputsOf(
  context: Context,
  table: TableModel,
  partition: PartitionSpec,
): readonly TaskInput[] {
  if (table.kind === 'raw_event') return [{ id: collectedTables.events, mapping: 'same_day' }]
  if (table.kind === 'attributes' && table.from.kind === 'derived') {
    refuseUnanswered(context.model, table)
    return derivedInputs(context, table, partition)
  }
  const sql =
    table.kind === 'attributes' && table.from.kind === 'sql'
      ? table.from.sql
      : table.kind === 'object' || table.kind === 'activity'
        ? table.sql
        : undefined
  if (sql === undefined) return []
  const ids = new Set(sql.parts.flatMap((part) => (part.kind === 'table' ? [part.id] : [])))
  return [...ids].toSorted().map((id) => ({
    id,
    mapping: mappingOf(context, { table, partition, input: context.byId.get(id) }),
  }))
}

/** An object's activities are in its own bucket, unless a choice sees them by another reference; what paths lead to may be of any object. */
function derivedInputs(
  context: Context,
  table: AttributesModel,
  partition: PartitionSpec,
): readonly TaskInput[] {
  assert(table.from.kind === 'derived', `${table.id} is derived`)
  const selections = table.from.attributes.map(({ selection }) => selection)
  const ids = new Set(
    selections.flatMap((selection) => [...tablesOfSelection(selection, context.byId)]),
  )
  const choices = selections.flatMap(nestedChoices)
  return [...ids].toSorted().map((id): TaskInput => {
    const activity = context.byId.get(id)
    if (activity?.kind !== 'activity' || partition.kind !== 'bucket') return { id, mapping: 'all' }
    const own = choices.filter((choice) => choice.activity === id)
    const references = new Set(own.map(({ of }) => of ?? referenceTo(activity, table.object)))
    const [reference] = references
    return reference === undefined || references.size > 1
      ? { id, mapping: 'all' }
      : { id, mapping: 'key_buckets', reference }
  })
}

function attachedTo(model: Model, { activity }: MergedModel): AttachedRows {
  const { root, joins } = attachAll(model, activity)
  return { alias: root.alias, joins }
}

/** The activity's day is the merged row's day; a version that begins at an instant changes no row before it. */
function mergedInputs(table: MergedModel, { joins }: AttachedRows): readonly TaskInput[] {
  const groups = new Set(table.versions.map((version) => version.group))
  const others = new Set(joins.map((join) => join.table).filter((id) => !groups.has(id)))
  return [
    { id: table.activity, mapping: 'same_day' },
    ...[...groups].toSorted().map((id) => ({ id, mapping: 'from_instant' as const })),
    ...[...others].toSorted().map((id) => ({ id, mapping: 'attached' as const })),
  ]
}

/** Same day or same bucket only where the bound plan proves that an output row is made of input rows of that one partition. */
function mappingOf(
  context: Context,
  edge: {
    readonly table: TableModel
    readonly partition: PartitionSpec
    readonly input: TableModel | undefined
  },
): TaskInput['mapping'] {
  const binding = context.options.bindings.get(edge.table.id)
  if (binding === undefined || edge.input === undefined) return 'all'
  const inputPartition = partitionOf(edge.input, context.options.buckets)
  const { preserved, preservedDays = [] } = binding.lineage
  const proven = (column: string | undefined, output: string): boolean =>
    [...preserved, ...preservedDays.filter(({ zone }) => zone === context.model.zone)].some(
      (each) => each.table === edge.input!.id && each.column === column && each.output === output,
    )
  if (edge.partition.kind === 'day' && inputPartition.kind === 'day')
    return proven(dayColumn(edge.input), 'occurred_at') ? 'same_day' : 'all'
  if (edge.partition.kind === 'bucket' && inputPartition.kind === 'bucket') {
    const sameType =
      columnOf(edge.input, inputPartition.column)?.type.kind ===
      columnOf(edge.table, edge.partition.column)?.type.kind
    return sameType && proven(inputPartition.column, edge.partition.column) ? 'same_bucket' : 'all'
  }
  return 'all'
}

/** The column whose local day partitions the table. */
function dayColumn(table: TableModel): string | undefined {
  return table.kind === 'raw_table' ? table.by : 'occurred_at'
}

function columnOf(table: TableModel, name: string): ColumnModel | undefined {
  return table.columns.find((column) => column.name === name)
}

/** Objects whose keys the table's columns hold: the checks read them. */
function referencesOf(table: TableModel): readonly TableId[] {
  if (table.kind !== 'object' && table.kind !== 'activity' && table.kind !== 'attributes') return []
  const own = table.kind === 'attributes' ? [table.object] : []
  return [...new Set([...own, ...table.columns.flatMap((column) => column.refers ?? [])])]
    .filter((id) => id !== table.id)
    .toSorted()
}

interface Compiled {
  readonly table: TableModel
  readonly rows: Rows
  readonly partition: PartitionSpec
  readonly inputs: readonly TaskInput[]
  readonly views: readonly string[]
}

function definitionOf(
  context: Context,
  { table, rows, partition, inputs, views }: Compiled,
): TaskDefinition {
  const lineage = context.options.bindings.get(table.id)?.lineage
  return {
    sql: rows.sql,
    columns: storedColumns(table).map((column) => ({
      name: column.name,
      type: stringifyJson(column.type),
      expression: expressionOf(table, column.name, lineage),
    })),
    rows: [lineage?.rows ?? '', ...views].join('\n'),
    inputs: inputs.map((input) => input.id),
    partition: stringifyJson(partition),
    zone: context.model.zone,
    engine: context.options.engineVersion,
  }
}

/** A text that changes when what makes the column changes. */
function expressionOf(
  table: TableModel,
  name: string,
  lineage: Binding['lineage'] | undefined,
): string {
  if (table.kind === 'attributes' && table.from.kind === 'derived') {
    const attribute = table.from.attributes.find((each) => each.name === name)
    return attribute === undefined ? '' : stringifyJson(attribute.selection)
  }
  return lineage?.columns.find((column) => column.output === name)?.expression ?? ''
}

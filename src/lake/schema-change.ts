/** Schemas: the first one of a table, and the changes that Iceberg allows to one that holds rows. */
import { MaruError } from '../base/errors.ts'
import type { ColumnType } from '../model/model.ts'
import { isBucketable } from './bucket.ts'
import type { Field, PartitionSpec, Schema, TableDefinition } from './table.ts'
import { sameType, typeText } from './types.ts'

export interface NumberedSchema {
  readonly schema: Schema
  readonly lastColumnId: number
}

type Columns = TableDefinition['columns']

/** Field ids count from 1 in the columns' order; list elements come after. */
export function firstSchema(columns: Columns, partition: PartitionSpec): NumberedSchema {
  checkPartition(columns, partition)
  let last = columns.length
  const fields = columns.map((column, index): Field => {
    const field = fieldOf(column, index + 1, column.required)
    return column.type.kind === 'list' ? { ...field, elementId: ++last } : field
  })
  return { schema: { id: 0, fields }, lastColumnId: last }
}

export interface SchemaChange {
  readonly table: string
  readonly current: Schema
  readonly lastColumnId: number
  readonly schemaId: number
  readonly columns: Columns
  readonly partition: PartitionSpec
  /** Without rows every column may be required. */
  readonly hasRows: boolean
}

/**
 * The schema after the change, or undefined when it is the same. A column keeps its id by its name, wherever it moves. A new column is
 * optional, even when declared required, because older rows lack it. LAKE_SCHEMA when a type would change otherwise than Iceberg allows.
 */
export function changedSchema(change: SchemaChange): NumberedSchema | undefined {
  checkPartition(change.columns, change.partition)
  let last = change.lastColumnId
  const before = new Map(change.current.fields.map((field) => [field.name, field]))
  const fields = change.columns.map((column): Field => {
    const known = before.get(column.name)
    if (known === undefined) {
      const field = fieldOf(column, ++last, column.required && !change.hasRows)
      return column.type.kind === 'list' ? { ...field, elementId: ++last } : field
    }
    checkPromotion(change.table, known, column.type)
    const required = column.required && (known.required || !change.hasRows)
    const field = fieldOf(column, known.id, required)
    return known.elementId === undefined ? field : { ...field, elementId: known.elementId }
  })
  if (JSON.stringify(fields) === JSON.stringify(change.current.fields.map(inOrder)))
    return undefined
  return { schema: { id: change.schemaId, fields }, lastColumnId: last }
}

function fieldOf(column: Columns[number], id: number, required: boolean): Field {
  const { name, type, description } = column
  return inOrder({
    id,
    name,
    type,
    required,
    ...(description === undefined ? {} : { description }),
  })
}

/** The same field with its properties in one order, so that texts of fields can be compared. */
function inOrder(field: Field): Field {
  const { id, name, type, required, description, elementId } = field
  return {
    id,
    name,
    type: plainType(type),
    required,
    ...(description === undefined ? {} : { description }),
    ...(elementId === undefined ? {} : { elementId }),
  }
}

function plainType(type: ColumnType): ColumnType {
  if (type.kind === 'list') return { kind: 'list', of: plainType(type.of) }
  if (type.kind === 'decimal')
    return { kind: 'decimal', precision: type.precision, scale: type.scale }
  return { kind: type.kind }
}

function checkPromotion(table: string, field: Field, next: ColumnType): void {
  const { type } = field
  const sameText = [type.kind, next.kind].every((kind) => kind === 'text' || kind === 'json')
  if (sameType(type, next) || sameText) return
  if (
    type.kind === 'decimal' &&
    next.kind === 'decimal' &&
    type.scale === next.scale &&
    next.precision >= type.precision
  )
    return
  throw new MaruError(
    'LAKE_SCHEMA',
    `column "${field.name}" of ${table} is ${typeText(type)} and cannot become ${typeText(next)}`,
    {
      hint: 'give the column a new name, or drop the table and build it again; only a decimal may gain digits before the point',
    },
  )
}

function checkPartition(columns: Columns, partition: PartitionSpec): void {
  if (partition.kind === 'none') return
  const column = columns.find((candidate) => candidate.name === partition.column)
  const fits =
    partition.kind === 'day'
      ? column?.type.kind === 'date'
      : column !== undefined && isBucketable(column.type)
  if (fits) return
  throw new MaruError(
    'LAKE_SCHEMA',
    `the table is split by "${partition.column}", which is ${column === undefined ? 'not among its columns' : typeText(column.type)}`,
    {
      hint:
        partition.kind === 'day'
          ? 'keep it as a date column'
          : 'keep it as an integer, text, uuid or date column',
    },
  )
}

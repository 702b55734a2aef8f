/** Column types and schemas as Iceberg writes them in JSON. */
import { MaruError } from '../base/errors.ts'
import type { ColumnType } from '../model/model.ts'
import type { Field, Schema } from './table.ts'

export type IcebergType = string | IcebergList

export interface IcebergList {
  readonly type: 'list'
  readonly 'element-id': number
  readonly 'element-required': boolean
  readonly element: IcebergType
}

export interface IcebergField {
  readonly id: number
  readonly name: string
  readonly required: boolean
  readonly type: IcebergType
  readonly doc?: string
}

export interface IcebergSchema {
  readonly type: 'struct'
  readonly 'schema-id': number
  readonly fields: readonly IcebergField[]
}

const names = {
  text: 'string',
  integer: 'long',
  number: 'double',
  boolean: 'boolean',
  timestamp: 'timestamptz',
  local_timestamp: 'timestamp',
  date: 'date',
  time: 'time',
  uuid: 'uuid',
  bytes: 'binary',
  json: 'string',
} as const

const kinds: ReadonlyMap<string, ColumnType> = new Map<string, ColumnType>([
  ['string', { kind: 'text' }],
  ['int', { kind: 'integer' }],
  ['long', { kind: 'integer' }],
  ['float', { kind: 'number' }],
  ['double', { kind: 'number' }],
  ['boolean', { kind: 'boolean' }],
  ['timestamptz', { kind: 'timestamp' }],
  ['timestamp', { kind: 'local_timestamp' }],
  ['date', { kind: 'date' }],
  ['time', { kind: 'time' }],
  ['uuid', { kind: 'uuid' }],
  ['binary', { kind: 'bytes' }],
])

export function icebergSchema(schema: Schema): IcebergSchema {
  return { type: 'struct', 'schema-id': schema.id, fields: schema.fields.map(icebergField) }
}

function icebergField(field: Field): IcebergField {
  return {
    id: field.id,
    name: field.name,
    required: field.required,
    type: icebergType(field.type, field.elementId),
    ...(field.description === undefined ? {} : { doc: field.description }),
  }
}

function icebergType(type: ColumnType, elementId: number | undefined): IcebergType {
  if (type.kind === 'decimal') return `decimal(${type.precision}, ${type.scale})`
  if (type.kind !== 'list') return names[type.kind]
  if (type.of.kind === 'list' || elementId === undefined) {
    throw new MaruError('LAKE_UNSUPPORTED', 'a list of lists cannot be stored', {
      hint: 'store the inner list as json, or one row for each element',
    })
  }
  const element = icebergType(type.of, undefined)
  return { type: 'list', 'element-id': elementId, 'element-required': false, element }
}

/** `jsonIds` names the string fields (or list elements) that hold JSON, which Iceberg has no type for in version 2. */
export function schemaOf(schema: IcebergSchema, jsonIds: ReadonlySet<number>): Schema {
  return {
    id: schema['schema-id'],
    fields: schema.fields.map((field) => fieldOf(field, jsonIds)),
  }
}

function fieldOf(field: IcebergField, jsonIds: ReadonlySet<number>): Field {
  const listed = typeof field.type === 'object'
  return {
    id: field.id,
    name: field.name,
    type: columnType(field.type, field.id, jsonIds),
    required: field.required,
    ...(field.doc === undefined ? {} : { description: field.doc }),
    ...(listed ? { elementId: (field.type as IcebergList)['element-id'] } : {}),
  }
}

function columnType(type: IcebergType, id: number, jsonIds: ReadonlySet<number>): ColumnType {
  if (typeof type === 'object') {
    return { kind: 'list', of: columnType(type.element, type['element-id'], jsonIds) }
  }
  const decimal = /^decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)$/.exec(type)
  if (decimal !== null) {
    return { kind: 'decimal', precision: Number(decimal[1]), scale: Number(decimal[2]) }
  }
  if (type === 'string' && jsonIds.has(id)) return { kind: 'json' }
  const found = kinds.get(type)
  if (found === undefined) {
    throw new MaruError('LAKE_UNSUPPORTED', `the type ${type} is not read`, {
      hint: 'read the table with the engine that wrote it',
    })
  }
  return found
}

/** Ids of the fields and list elements that hold JSON. */
export function jsonFieldIds(schemas: readonly Schema[]): number[] {
  const ids = new Set<number>()
  for (const field of schemas.flatMap((schema) => schema.fields)) {
    if (field.type.kind === 'json') ids.add(field.id)
    if (field.type.kind === 'list' && field.type.of.kind === 'json') ids.add(field.elementId!)
  }
  return [...ids].toSorted((left, right) => left - right)
}

/** `decimal(18, 2)`, `list of text`: for messages. */
export function typeText(type: ColumnType): string {
  if (type.kind === 'decimal') return `decimal(${type.precision}, ${type.scale})`
  return type.kind === 'list' ? `list of ${typeText(type.of)}` : type.kind
}

export function sameType(left: ColumnType, right: ColumnType): boolean {
  return typeText(left) === typeText(right)
}

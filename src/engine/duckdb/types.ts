/** Column types in DuckDB's words, and back. */
import type { DuckDBType } from '@duckdb/node-api'
import type { ColumnType } from '../../model/model.ts'

const typeNames = {
  text: 'varchar',
  integer: 'bigint',
  number: 'double',
  boolean: 'boolean',
  timestamp: 'timestamp with time zone',
  local_timestamp: 'timestamp',
  date: 'date',
  time: 'time',
  uuid: 'uuid',
  bytes: 'blob',
  json: 'json',
} as const

/** The type to declare a column of a bound table with. */
export function sqlType(type: ColumnType): string {
  if (type.kind === 'decimal') return `decimal(${type.precision},${type.scale})`
  if (type.kind === 'list') return `${sqlType(type.of)}[]`
  return typeNames[type.kind]
}

/** The type to write to a file: JSON is plain text there. */
export function fileType(type: ColumnType): string {
  if (type.kind === 'json') return 'varchar'
  if (type.kind === 'list') return `${fileType(type.of)}[]`
  return sqlType(type)
}

/**
 * The nearest type of Maru. Integers that do not fit 64 bits signed become decimals; structs, maps and unions become JSON;
 * whatever has no counterpart (intervals, enums, bit strings) becomes text.
 */
export function columnType(type: DuckDBType): ColumnType {
  if (type.alias === 'JSON') return { kind: 'json' }
  const id = Number(type.typeId)
  if (type.typeId === typeIds.decimal) {
    const { width, scale } = type as unknown as { width: number; scale: number }
    return { kind: 'decimal', precision: width, scale }
  }
  if (id === typeIds.list || id === typeIds.array) {
    const { valueType } = type as unknown as { valueType: DuckDBType }
    return { kind: 'list', of: columnType(valueType) }
  }
  return simpleTypes.get(id) ?? { kind: 'text' }
}

/** Numbers of DuckDB's C interface (`DUCKDB_TYPE`): they never change, and naming them here keeps the engine lazily loaded. */
export const typeIds = {
  boolean: 1,
  tinyint: 2,
  smallint: 3,
  integer: 4,
  bigint: 5,
  utinyint: 6,
  usmallint: 7,
  uinteger: 8,
  ubigint: 9,
  float: 10,
  double: 11,
  timestamp: 12,
  date: 13,
  time: 14,
  hugeint: 16,
  varchar: 17,
  blob: 18,
  decimal: 19,
  timestampSeconds: 20,
  timestampMilliseconds: 21,
  timestampNanoseconds: 22,
  enum: 23,
  list: 24,
  struct: 25,
  map: 26,
  uuid: 27,
  union: 28,
  timestampZone: 31,
  uhugeint: 32,
  array: 33,
  timeNanoseconds: 39,
  variant: 41,
} as const

const integer: ColumnType = { kind: 'integer' }
const number: ColumnType = { kind: 'number' }
const json: ColumnType = { kind: 'json' }
const localTimestamp: ColumnType = { kind: 'local_timestamp' }

const simpleTypes: ReadonlyMap<number, ColumnType> = new Map<number, ColumnType>([
  [typeIds.boolean, { kind: 'boolean' }],
  [typeIds.tinyint, integer],
  [typeIds.smallint, integer],
  [typeIds.integer, integer],
  [typeIds.bigint, integer],
  [typeIds.utinyint, integer],
  [typeIds.usmallint, integer],
  [typeIds.uinteger, integer],
  [typeIds.ubigint, { kind: 'decimal', precision: 20, scale: 0 }],
  [typeIds.hugeint, { kind: 'decimal', precision: 38, scale: 0 }],
  [typeIds.uhugeint, { kind: 'decimal', precision: 38, scale: 0 }],
  [typeIds.float, number],
  [typeIds.double, number],
  [typeIds.timestamp, localTimestamp],
  [typeIds.timestampSeconds, localTimestamp],
  [typeIds.timestampMilliseconds, localTimestamp],
  [typeIds.timestampNanoseconds, localTimestamp],
  [typeIds.timestampZone, { kind: 'timestamp' }],
  [typeIds.date, { kind: 'date' }],
  [typeIds.time, { kind: 'time' }],
  [typeIds.blob, { kind: 'bytes' }],
  [typeIds.uuid, { kind: 'uuid' }],
  [typeIds.struct, json],
  [typeIds.map, json],
  [typeIds.union, json],
])

/** Partition specs and keys: between Maru's text (`day=2011-01-05`) and Iceberg's values. */
import { MaruError } from '../base/errors.ts'
import { dayNumber, dayOfNumber, parseDay } from '../base/time.ts'
import type { AvroField } from './avro-schema.ts'
import type { PartitionKey, PartitionSpec, Schema } from './table.ts'

/** Days since 1970, a bucket number, null for an unknown day or key; undefined in a table that is not split. */
export type PartitionValue = number | null | undefined

export interface IcebergSpec {
  readonly 'spec-id': number
  readonly fields: readonly IcebergPartitionField[]
}

export interface IcebergPartitionField {
  readonly name: string
  readonly transform: string
  readonly 'source-id': number
  readonly 'field-id': number
}

export const specId = 0
const partitionFieldId = 1000
/** The partition field's name; a column cannot have it, because Maru reserves it. */
const bucketField = 'bucket'

export function lastPartitionId(spec: PartitionSpec): number {
  return spec.kind === 'none' ? partitionFieldId - 1 : partitionFieldId
}

export function icebergPartitionFields(
  spec: PartitionSpec,
  schema: Schema,
): IcebergPartitionField[] {
  if (spec.kind === 'none') return []
  const source = schema.fields.find((field) => field.name === spec.column)!.id
  const ids = { 'source-id': source, 'field-id': partitionFieldId }
  if (spec.kind === 'day') return [{ name: spec.column, transform: 'identity', ...ids }]
  return [{ name: bucketField, transform: `bucket[${spec.count}]`, ...ids }]
}

export function partitionSpecOf(spec: IcebergSpec, schema: Schema): PartitionSpec {
  const [field, ...more] = spec.fields
  if (field === undefined) return { kind: 'none' }
  const source = schema.fields.find((candidate) => candidate.id === field['source-id'])
  const bucket = /^bucket\[(\d+)\]$/.exec(field.transform)
  if (source !== undefined && more.length === 0) {
    if (bucket !== null) return { kind: 'bucket', column: source.name, count: Number(bucket[1]) }
    if (field.transform === 'identity' && source.type.kind === 'date') {
      return { kind: 'day', column: source.name }
    }
  }
  throw new MaruError(
    'LAKE_UNSUPPORTED',
    `a partition by ${spec.fields.map((part) => part.transform).join(', ')} is not read`,
    {
      hint: 'Maru splits tables by one date column or one bucket; read this table with the engine that wrote it',
    },
  )
}

/** The Avro field of the partition in a data file's record, and of nothing in a table that is not split. */
export function partitionAvroFields(spec: PartitionSpec): AvroField[] {
  if (spec.kind === 'none') return []
  const type = spec.kind === 'day' ? { type: 'int', logicalType: 'date' } : 'int'
  const name = partitionFieldName(spec)
  return [{ name, 'field-id': partitionFieldId, type: ['null', type], default: null } as AvroField]
}

export function partitionFieldName(spec: PartitionSpec): string {
  return spec.kind === 'day' ? spec.column : bucketField
}

/** The value of a key; LAKE_UNSUPPORTED when the key is not of this spec. */
export function partitionValue(key: PartitionKey, spec: PartitionSpec): PartitionValue {
  if (spec.kind === 'none' && key === '') return undefined
  if (spec.kind === 'day') {
    if (key === 'day=unknown') return null
    if (key.startsWith('day=')) return dayNumber(parseDay(key.slice(4)))
  }
  if (spec.kind === 'bucket') {
    if (key === 'bucket=unknown') return null
    const bucket = /^bucket=(\d+)$/.exec(key)
    if (bucket !== null && Number(bucket[1]) < spec.count) return Number(bucket[1])
  }
  throw new MaruError(
    'LAKE_UNSUPPORTED',
    `"${key}" is not a partition of a table split by ${specText(spec)}`,
    {
      hint: 'partition keys are day=YYYY-MM-DD, day=unknown, bucket=N, bucket=unknown or the empty text',
    },
  )
}

export function partitionKey(value: PartitionValue, spec: PartitionSpec): PartitionKey {
  if (spec.kind === 'none') return ''
  if (value === null || value === undefined) return `${spec.kind}=unknown`
  return spec.kind === 'day' ? `day=${dayOfNumber(value)}` : `bucket=${value}`
}

function specText(spec: PartitionSpec): string {
  if (spec.kind === 'none') return 'nothing'
  return spec.kind === 'day' ? `day (${spec.column})` : `bucket[${spec.count}](${spec.column})`
}

/** Partition values in manifest lists: four little-endian bytes. */
export function encodePartitionBound(value: number): Uint8Array {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  return bytes
}

export function decodePartitionBound(bytes: Uint8Array): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).readInt32LE(0)
}

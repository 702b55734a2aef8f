/** Manifests: which data files there are, with their partition and column statistics. Immutable once written. */
import { MaruError } from '../base/errors.ts'
import type { AvroField, AvroRecord, AvroSchema, AvroValue } from './avro-schema.ts'
import { decodeAvro, encodeAvro } from './avro.ts'
import { decodeBound, encodeLower, encodeUpper } from './bounds.ts'
import {
  icebergPartitionFields,
  partitionAvroFields,
  partitionFieldName,
  partitionValue,
  specId,
} from './partition.ts'
import type { PartitionValue } from './partition.ts'
import type { Bound, DataFile, Field, PartitionSpec, Schema } from './table.ts'
import { icebergSchema } from './types.ts'

export type EntryStatus = 'existing' | 'added' | 'deleted'

const statuses: readonly EntryStatus[] = ['existing', 'added', 'deleted']

export interface ManifestEntry {
  readonly status: EntryStatus
  /** The snapshot that added the file, or deleted it when `deleted`. */
  readonly snapshotId: bigint
  readonly sequenceNumber: number
  readonly fileSequenceNumber: number
  readonly file: StoredFile
}

/** A data file as manifests keep it. Bounds stay bytes until a question needs them. */
export interface StoredFile {
  /** Relative to the table folder. */
  readonly path: string
  readonly partition: PartitionValue
  readonly rows: number
  readonly sizeBytes: number
  readonly columnSizes: ReadonlyMap<number, number>
  readonly valueCounts: ReadonlyMap<number, number>
  readonly nullCounts: ReadonlyMap<number, number>
  readonly lower: ReadonlyMap<number, Uint8Array>
  readonly upper: ReadonlyMap<number, Uint8Array>
}

/** Turns paths between the table folder's inside and what the files hold. */
export interface TablePaths {
  /** The table folder as manifests name it, without a slash at the end. */
  readonly location: string
  /** The path inside the table folder. */
  relative(path: string): string
}

export function storedFile(file: DataFile, schema: Schema, spec: PartitionSpec): StoredFile {
  const stored = {
    columnSizes: new Map<number, number>(),
    valueCounts: new Map<number, number>(),
    nullCounts: new Map<number, number>(),
    lower: new Map<number, Uint8Array>(),
    upper: new Map<number, Uint8Array>(),
  }
  for (const [id, statistics] of [...file.columns].toSorted(([left], [right]) => left - right)) {
    stored.columnSizes.set(id, statistics.sizeBytes)
    stored.valueCounts.set(id, statistics.valueCount)
    stored.nullCounts.set(id, statistics.nullCount)
    const type = schema.fields.find((field) => field.id === id)?.type
    if (type === undefined || statistics.lower === undefined || statistics.upper === undefined)
      continue
    const lower = encodeLower(statistics.lower, type)
    const upper = encodeUpper(statistics.upper, type)
    if (lower !== undefined) stored.lower.set(id, lower)
    if (upper !== undefined) stored.upper.set(id, upper)
  }
  const { path, rows, sizeBytes } = file
  return { path, partition: partitionValue(file.partition, spec), rows, sizeBytes, ...stored }
}

export interface FileBounds {
  readonly lower: Bound | undefined
  readonly upper: Bound | undefined
}

export function boundsOf(file: StoredFile, field: Field): FileBounds {
  const lower = file.lower.get(field.id)
  const upper = file.upper.get(field.id)
  return {
    lower: lower === undefined ? undefined : decodeBound(lower, field.type),
    upper: upper === undefined ? undefined : decodeBound(upper, field.type),
  }
}

export interface ManifestContent {
  readonly schema: Schema
  readonly spec: PartitionSpec
  readonly paths: TablePaths
  readonly entries: readonly ManifestEntry[]
  /** The snapshot being made: its added files inherit the sequence number that the manifest list gives. */
  readonly snapshotId: bigint
}

export function encodeManifest(content: ManifestContent): Uint8Array {
  const { schema, spec } = content
  const metadata = {
    schema: JSON.stringify(icebergSchema(schema)),
    'schema-id': String(schema.id),
    'partition-spec': JSON.stringify(icebergPartitionFields(spec, schema)),
    'partition-spec-id': String(specId),
    'format-version': '2',
    content: 'data',
  }
  const records = content.entries.map((entry) => entryRecord(entry, content))
  return encodeAvro(entrySchema(spec), metadata, records)
}

function entryRecord(entry: ManifestEntry, content: ManifestContent): AvroRecord {
  const inherits = entry.status === 'added' && entry.snapshotId === content.snapshotId
  const { file } = entry
  const { spec } = content
  return {
    status: statuses.indexOf(entry.status),
    snapshot_id: entry.snapshotId,
    sequence_number: inherits ? null : entry.sequenceNumber,
    file_sequence_number: inherits ? null : entry.fileSequenceNumber,
    data_file: {
      content: 0,
      file_path: `${content.paths.location}/${file.path}`,
      file_format: 'PARQUET',
      partition: spec.kind === 'none' ? {} : { [partitionFieldName(spec)]: file.partition ?? null },
      record_count: file.rows,
      file_size_in_bytes: file.sizeBytes,
      column_sizes: file.columnSizes,
      value_counts: file.valueCounts,
      null_value_counts: file.nullCounts,
      lower_bounds: file.lower,
      upper_bounds: file.upper,
    },
  }
}

/** What the manifest list says of a manifest, which its entries inherit. */
export interface Inherited {
  readonly sequenceNumber: number
  readonly snapshotId: bigint
}

/** Throws LAKE_UNSUPPORTED for what is not Parquet data, and a plain error when the bytes are damaged. */
export function decodeManifest(
  bytes: Uint8Array,
  inherited: Inherited,
  paths: TablePaths,
): ManifestEntry[] {
  return decodeAvro(bytes).records.map((record) => {
    const file = record['data_file'] as AvroRecord
    if (file['content'] !== 0 || file['file_format'] !== 'PARQUET') {
      throw new MaruError(
        'LAKE_UNSUPPORTED',
        `${textOf(file['file_path'])} is not a Parquet data file`,
        {
          hint: 'compact the table with the engine that wrote it, so that it holds Parquet data files only',
        },
      )
    }
    const sequenceNumber = numberOr(record['sequence_number'], inherited.sequenceNumber)
    return {
      status: statuses[Number(record['status'])]!,
      snapshotId: BigInt((record['snapshot_id'] as number | bigint | null) ?? inherited.snapshotId),
      sequenceNumber,
      fileSequenceNumber: numberOr(record['file_sequence_number'], sequenceNumber),
      file: decodeFile(file, paths),
    }
  })
}

function decodeFile(file: AvroRecord, paths: TablePaths): StoredFile {
  const partition = Object.values(file['partition'] as AvroRecord)
  return {
    path: paths.relative(textOf(file['file_path'])),
    partition: partition.length === 0 ? undefined : (partition[0] as number | null),
    rows: Number(file['record_count']),
    sizeBytes: Number(file['file_size_in_bytes']),
    columnSizes: mapOf<number>(file['column_sizes']),
    valueCounts: mapOf<number>(file['value_counts']),
    nullCounts: mapOf<number>(file['null_value_counts']),
    lower: mapOf<Uint8Array>(file['lower_bounds']),
    upper: mapOf<Uint8Array>(file['upper_bounds']),
  }
}

export function textOf(value: AvroValue | undefined): string {
  if (typeof value !== 'string') throw new Error('a path is not a text')
  return value
}

function numberOr(value: AvroValue | undefined, otherwise: number): number {
  return value === null || value === undefined ? otherwise : Number(value)
}

function mapOf<T>(value: AvroValue | undefined): ReadonlyMap<number, T> {
  return value instanceof Map ? (value as ReadonlyMap<number, T>) : new Map()
}

function entrySchema(spec: PartitionSpec): AvroSchema {
  return {
    type: 'record',
    name: 'manifest_entry',
    fields: [
      { name: 'status', 'field-id': 0, type: 'int' },
      optional('snapshot_id', 1, 'long'),
      optional('sequence_number', 3, 'long'),
      optional('file_sequence_number', 4, 'long'),
      { name: 'data_file', 'field-id': 2, type: dataFileSchema(spec) },
    ],
  }
}

function dataFileSchema(spec: PartitionSpec): AvroSchema {
  return {
    type: 'record',
    name: 'r2',
    fields: [
      { name: 'content', 'field-id': 134, type: 'int' },
      { name: 'file_path', 'field-id': 100, type: 'string' },
      { name: 'file_format', 'field-id': 101, type: 'string' },
      {
        name: 'partition',
        'field-id': 102,
        type: { type: 'record', name: 'r102', fields: partitionAvroFields(spec) },
      },
      { name: 'record_count', 'field-id': 103, type: 'long' },
      { name: 'file_size_in_bytes', 'field-id': 104, type: 'long' },
      optional('column_sizes', 108, integerMap(117, 'long')),
      optional('value_counts', 109, integerMap(119, 'long')),
      optional('null_value_counts', 110, integerMap(121, 'long')),
      optional('lower_bounds', 125, integerMap(126, 'bytes')),
      optional('upper_bounds', 128, integerMap(129, 'bytes')),
    ],
  }
}

/** Avro maps have text keys, so Iceberg writes a map with integer keys as an array of pairs; the value's id follows the key's. */
function integerMap(keyId: number, value: string): AvroSchema {
  return {
    type: 'array',
    logicalType: 'map',
    items: {
      type: 'record',
      name: `k${keyId}_v${keyId + 1}`,
      fields: [
        { name: 'key', 'field-id': keyId, type: 'int' },
        { name: 'value', 'field-id': keyId + 1, type: value },
      ],
    },
  }
}

function optional(name: string, id: number, type: AvroSchema): AvroField {
  return { name, 'field-id': id, type: ['null', type], default: null }
}

/** Manifest lists: the manifests of one snapshot, with what prunes them before they are opened. */
import { MaruError } from '../base/errors.ts'
import type { AvroRecord, AvroSchema } from './avro-schema.ts'
import { decodeAvro, encodeAvro } from './avro.ts'
import { textOf } from './manifest.ts'
import type { ManifestEntry, TablePaths } from './manifest.ts'
import { decodePartitionBound, encodePartitionBound, specId } from './partition.ts'

export interface ManifestFile {
  /** Relative to the table folder. */
  readonly path: string
  readonly sizeBytes: number
  readonly sequenceNumber: number
  /** The smallest sequence number of a live file in it. */
  readonly minSequenceNumber: number
  readonly addedSnapshotId: bigint
  readonly added: FileCount
  readonly existing: FileCount
  readonly deleted: FileCount
  /** undefined in a table that is not split. */
  readonly partition: PartitionSummary | undefined
}

export interface FileCount {
  readonly files: number
  readonly rows: number
}

export interface PartitionSummary {
  readonly containsNull: boolean
  readonly lower: number | undefined
  readonly upper: number | undefined
}

export function liveFiles(manifest: ManifestFile): number {
  return manifest.added.files + manifest.existing.files
}

/** What the list says of a manifest, from its entries. */
export function summarise(
  entries: readonly ManifestEntry[],
  stored: {
    readonly path: string
    readonly sizeBytes: number
    readonly sequenceNumber: number
    readonly snapshotId: bigint
  },
): ManifestFile {
  const count = (status: ManifestEntry['status']): FileCount => {
    const counted = entries.filter((entry) => entry.status === status)
    return { files: counted.length, rows: counted.reduce((sum, entry) => sum + entry.file.rows, 0) }
  }
  const live = entries.filter((entry) => entry.status !== 'deleted')
  return {
    path: stored.path,
    sizeBytes: stored.sizeBytes,
    sequenceNumber: stored.sequenceNumber,
    minSequenceNumber: live.reduce(
      (min, entry) => Math.min(min, entry.sequenceNumber),
      stored.sequenceNumber,
    ),
    addedSnapshotId: stored.snapshotId,
    added: count('added'),
    existing: count('existing'),
    deleted: count('deleted'),
    partition: partitionSummary(entries),
  }
}

function partitionSummary(entries: readonly ManifestEntry[]): PartitionSummary | undefined {
  let containsNull = false
  let lower: number | undefined
  let upper: number | undefined
  for (const { file } of entries) {
    if (file.partition === undefined) return undefined
    if (file.partition === null) {
      containsNull = true
    } else {
      lower = lower === undefined ? file.partition : Math.min(lower, file.partition)
      upper = upper === undefined ? file.partition : Math.max(upper, file.partition)
    }
  }
  return { containsNull, lower, upper }
}

export interface ManifestListContent {
  readonly snapshotId: bigint
  readonly parentId: bigint | undefined
  readonly sequenceNumber: number
  readonly manifests: readonly ManifestFile[]
  readonly paths: TablePaths
}

export function encodeManifestList(content: ManifestListContent): Uint8Array {
  const metadata = {
    'snapshot-id': String(content.snapshotId),
    'parent-snapshot-id': content.parentId === undefined ? 'null' : String(content.parentId),
    'sequence-number': String(content.sequenceNumber),
    'format-version': '2',
  }
  const records = content.manifests.map((manifest) => manifestRecord(manifest, content.paths))
  return encodeAvro(listSchema, metadata, records)
}

function manifestRecord(manifest: ManifestFile, paths: TablePaths): AvroRecord {
  return {
    manifest_path: `${paths.location}/${manifest.path}`,
    manifest_length: manifest.sizeBytes,
    partition_spec_id: specId,
    content: 0,
    sequence_number: manifest.sequenceNumber,
    min_sequence_number: manifest.minSequenceNumber,
    added_snapshot_id: manifest.addedSnapshotId,
    added_files_count: manifest.added.files,
    existing_files_count: manifest.existing.files,
    deleted_files_count: manifest.deleted.files,
    added_rows_count: manifest.added.rows,
    existing_rows_count: manifest.existing.rows,
    deleted_rows_count: manifest.deleted.rows,
    partitions: manifest.partition === undefined ? [] : [summaryRecord(manifest.partition)],
  }
}

function summaryRecord(summary: PartitionSummary): AvroRecord {
  return {
    contains_null: summary.containsNull,
    contains_nan: false,
    lower_bound: summary.lower === undefined ? null : encodePartitionBound(summary.lower),
    upper_bound: summary.upper === undefined ? null : encodePartitionBound(summary.upper),
  }
}

/** Throws LAKE_UNSUPPORTED when there are delete manifests, and a plain error when the bytes are damaged. */
export function decodeManifestList(bytes: Uint8Array, paths: TablePaths): ManifestFile[] {
  return decodeAvro(bytes).records.map((record) => {
    const path = textOf(record['manifest_path'])
    if (Number(record['content']) !== 0) {
      throw new MaruError(
        'LAKE_UNSUPPORTED',
        `${path} holds deletes of rows, which Maru does not read`,
        {
          hint: 'compact the table with the engine that wrote it, so that deletes are applied',
        },
      )
    }
    const count = (name: string): FileCount => ({
      files: Number(record[`${name}_files_count`]),
      rows: Number(record[`${name}_rows_count`]),
    })
    return {
      path: paths.relative(path),
      sizeBytes: Number(record['manifest_length']),
      sequenceNumber: Number(record['sequence_number']),
      minSequenceNumber: Number(record['min_sequence_number']),
      addedSnapshotId: BigInt(record['added_snapshot_id'] as number | bigint),
      added: count('added'),
      existing: count('existing'),
      deleted: count('deleted'),
      partition: decodeSummary((record['partitions'] as readonly AvroRecord[] | null)?.[0]),
    }
  })
}

function decodeSummary(record: AvroRecord | undefined): PartitionSummary | undefined {
  if (record === undefined) return undefined
  const bound = (name: string): number | undefined => {
    const bytes = record[name]
    return bytes instanceof Uint8Array ? decodePartitionBound(bytes) : undefined
  }
  return {
    containsNull: record['contains_null'] === true,
    lower: bound('lower_bound'),
    upper: bound('upper_bound'),
  }
}

const summarySchema: AvroSchema = {
  type: 'record',
  name: 'r508',
  fields: [
    { name: 'contains_null', 'field-id': 509, type: 'boolean' },
    { name: 'contains_nan', 'field-id': 518, type: ['null', 'boolean'], default: null },
    { name: 'lower_bound', 'field-id': 510, type: ['null', 'bytes'], default: null },
    { name: 'upper_bound', 'field-id': 511, type: ['null', 'bytes'], default: null },
  ],
}

const listSchema: AvroSchema = {
  type: 'record',
  name: 'manifest_file',
  fields: [
    { name: 'manifest_path', 'field-id': 500, type: 'string' },
    { name: 'manifest_length', 'field-id': 501, type: 'long' },
    { name: 'partition_spec_id', 'field-id': 502, type: 'int' },
    { name: 'content', 'field-id': 517, type: 'int' },
    { name: 'sequence_number', 'field-id': 515, type: 'long' },
    { name: 'min_sequence_number', 'field-id': 516, type: 'long' },
    { name: 'added_snapshot_id', 'field-id': 503, type: 'long' },
    { name: 'added_files_count', 'field-id': 504, type: 'int' },
    { name: 'existing_files_count', 'field-id': 505, type: 'int' },
    { name: 'deleted_files_count', 'field-id': 506, type: 'int' },
    { name: 'added_rows_count', 'field-id': 512, type: 'long' },
    { name: 'existing_rows_count', 'field-id': 513, type: 'long' },
    { name: 'deleted_rows_count', 'field-id': 514, type: 'long' },
    {
      name: 'partitions',
      'field-id': 507,
      type: ['null', { type: 'array', items: summarySchema, 'element-id': 508 }],
      default: null,
    },
  ],
}

/** The metadata file of a table (Iceberg's `metadata.json`, version 2) as plain data, and back. */
import { z } from 'zod'
import { MaruError } from '../base/errors.ts'
import { parseJson, stringifyJson } from '../base/json.ts'
import { icebergPartitionFields, lastPartitionId, partitionSpecOf, specId } from './partition.ts'
import type { PartitionSpec, Schema, Snapshot } from './table.ts'
import { icebergSchema, jsonFieldIds, schemaOf } from './types.ts'
import type { IcebergType } from './types.ts'

export interface TableMetadata {
  readonly uuid: string
  /** The table folder when this was written; a lake that was moved is still found (see table-paths.ts). */
  readonly location: string
  readonly lastSequenceNumber: number
  readonly lastUpdatedMs: number
  /** The highest field id ever given. */
  readonly lastColumnId: number
  readonly currentSchemaId: number
  readonly schemas: readonly Schema[]
  readonly partition: PartitionSpec
  readonly properties: Readonly<Record<string, string>>
  readonly currentSnapshotId: bigint | undefined
  /** Oldest first. */
  readonly snapshots: readonly StoredSnapshot[]
  readonly snapshotLog: readonly SnapshotLogEntry[]
  /** Earlier metadata files that still exist, oldest first; paths as written. */
  readonly metadataLog: readonly MetadataLogEntry[]
}

export interface StoredSnapshot extends Snapshot {
  /** As written: absolute. */
  readonly manifestList: string
}

export interface SnapshotLogEntry {
  readonly snapshotId: bigint
  readonly atMs: number
}

export interface MetadataLogEntry {
  readonly file: string
  readonly atMs: number
}

/** Which string fields hold JSON; Iceberg's version 2 has no such type. */
const jsonProperty = 'maru.json-fields'

export function currentSchema(metadata: TableMetadata): Schema {
  return schemaById(metadata, metadata.currentSchemaId)
}

export function schemaById(metadata: TableMetadata, id: number): Schema {
  return metadata.schemas.find((schema) => schema.id === id)!
}

export function currentSnapshot(metadata: TableMetadata): StoredSnapshot | undefined {
  return metadata.snapshots.find((snapshot) => snapshot.id === metadata.currentSnapshotId)
}

export function encodeMetadata(metadata: TableMetadata): Uint8Array {
  const schema = currentSchema(metadata)
  const jsonIds = jsonFieldIds(metadata.schemas)
  const current = metadata.currentSnapshotId
  return Buffer.from(
    stringifyJson({
      'format-version': 2,
      'table-uuid': metadata.uuid,
      location: metadata.location,
      'last-sequence-number': metadata.lastSequenceNumber,
      'last-updated-ms': metadata.lastUpdatedMs,
      'last-column-id': metadata.lastColumnId,
      'current-schema-id': metadata.currentSchemaId,
      schemas: metadata.schemas.map(icebergSchema),
      'default-spec-id': specId,
      'partition-specs': [
        { 'spec-id': specId, fields: icebergPartitionFields(metadata.partition, schema) },
      ],
      'last-partition-id': lastPartitionId(metadata.partition),
      'default-sort-order-id': 0,
      'sort-orders': [{ 'order-id': 0, fields: [] }],
      properties: {
        ...metadata.properties,
        ...(jsonIds.length === 0 ? {} : { [jsonProperty]: jsonIds.join(',') }),
      },
      ...(current === undefined ? {} : { 'current-snapshot-id': current }),
      refs: current === undefined ? {} : { main: { 'snapshot-id': current, type: 'branch' } },
      snapshots: metadata.snapshots.map(snapshotJson),
      'snapshot-log': metadata.snapshotLog.map((entry) => ({
        'timestamp-ms': entry.atMs,
        'snapshot-id': entry.snapshotId,
      })),
      'metadata-log': metadata.metadataLog.map((entry) => ({
        'timestamp-ms': entry.atMs,
        'metadata-file': entry.file,
      })),
    }),
    'utf8',
  )
}

function snapshotJson(snapshot: StoredSnapshot): unknown {
  return {
    'snapshot-id': snapshot.id,
    ...(snapshot.parentId === undefined ? {} : { 'parent-snapshot-id': snapshot.parentId }),
    'sequence-number': snapshot.sequenceNumber,
    'timestamp-ms': snapshot.committedAtMs,
    'manifest-list': snapshot.manifestList,
    summary: { operation: snapshot.operation, ...snapshot.summary },
    'schema-id': snapshot.schemaId,
  }
}

const longSchema = z.union([z.number(), z.bigint()]).transform((value) => BigInt(value))

const typeSchema: z.ZodType<IcebergType> = z.union([
  z.string(),
  z.object({
    type: z.literal('list'),
    'element-id': z.number(),
    'element-required': z.boolean(),
    get element(): z.ZodType<IcebergType> {
      return typeSchema
    },
  }),
])

const tableSchema = z.object({
  'schema-id': z.number(),
  type: z.literal('struct'),
  fields: z.array(
    z.object({
      id: z.number(),
      name: z.string(),
      required: z.boolean(),
      type: typeSchema,
      doc: z.string().exactOptional(),
    }),
  ),
})

const snapshotSchema = z.object({
  'snapshot-id': longSchema,
  'parent-snapshot-id': longSchema.nullish(),
  'sequence-number': z.number(),
  'timestamp-ms': z.number(),
  'manifest-list': z.string(),
  summary: z
    .object({ operation: z.enum(['append', 'replace', 'overwrite', 'delete']) })
    .catchall(z.string()),
  'schema-id': z.number().default(0),
})

const metadataSchema = z.object({
  'format-version': z.literal(2),
  'table-uuid': z.string(),
  location: z.string(),
  'last-sequence-number': z.number(),
  'last-updated-ms': z.number(),
  'last-column-id': z.number(),
  'current-schema-id': z.number(),
  schemas: z.array(tableSchema).min(1),
  'default-spec-id': z.number(),
  'partition-specs': z
    .array(
      z.object({
        'spec-id': z.number(),
        fields: z.array(
          z.object({
            name: z.string(),
            transform: z.string(),
            'source-id': z.number(),
            'field-id': z.number(),
          }),
        ),
      }),
    )
    .min(1),
  properties: z.record(z.string(), z.string()).default({}),
  'current-snapshot-id': longSchema.nullish(),
  snapshots: z.array(snapshotSchema).default([]),
  'snapshot-log': z
    .array(z.object({ 'timestamp-ms': z.number(), 'snapshot-id': longSchema }))
    .default([]),
  'metadata-log': z
    .array(z.object({ 'timestamp-ms': z.number(), 'metadata-file': z.string() }))
    .default([]),
})

/** Throws LAKE_UNSUPPORTED for features that Maru does not read, and a plain error when the file is damaged. */
export function decodeMetadata(bytes: Uint8Array): TableMetadata {
  const json = parseJson(
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'),
  )
  refuseUnsupported(json)
  const file = metadataSchema.parse(json)
  const { [jsonProperty]: jsonText, ...properties } = file.properties
  const jsonIds = new Set((jsonText ?? '').split(',').filter(Boolean).map(Number))
  const schemas = file.schemas.map((schema) => schemaOf(schema, jsonIds))
  const schema = schemas.find((candidate) => candidate.id === file['current-schema-id'])
  const spec = file['partition-specs'].find(
    (candidate) => candidate['spec-id'] === file['default-spec-id'],
  )
  if (schema === undefined || spec === undefined)
    throw new Error('the current schema or partition spec is not in the file')
  const current = file['current-snapshot-id'] ?? undefined
  return {
    uuid: file['table-uuid'],
    location: file.location,
    lastSequenceNumber: file['last-sequence-number'],
    lastUpdatedMs: file['last-updated-ms'],
    lastColumnId: file['last-column-id'],
    currentSchemaId: schema.id,
    schemas,
    partition: partitionSpecOf(spec, schema),
    properties,
    currentSnapshotId: current === -1n ? undefined : current,
    snapshots: file.snapshots.map(snapshotOf),
    snapshotLog: file['snapshot-log'].map((entry) => ({
      snapshotId: entry['snapshot-id'],
      atMs: entry['timestamp-ms'],
    })),
    metadataLog: file['metadata-log'].map((entry) => ({
      file: entry['metadata-file'],
      atMs: entry['timestamp-ms'],
    })),
  }
}

function snapshotOf(snapshot: z.infer<typeof snapshotSchema>): StoredSnapshot {
  const { operation, ...summary } = snapshot.summary
  return {
    id: snapshot['snapshot-id'],
    parentId: snapshot['parent-snapshot-id'] ?? undefined,
    sequenceNumber: snapshot['sequence-number'],
    committedAtMs: snapshot['timestamp-ms'],
    operation,
    summary: summary as Readonly<Record<string, string>>,
    schemaId: snapshot['schema-id'],
    manifestList: snapshot['manifest-list'],
  }
}

function refuseUnsupported(json: unknown): void {
  const seen = z
    .looseObject({
      'format-version': z.number(),
      'partition-specs': z.array(z.unknown()).default([]),
    })
    .parse(json)
  const reason =
    seen['format-version'] === 2
      ? seen['partition-specs'].length > 1 && 'more than one partition spec'
      : `format version ${seen['format-version']}`
  if (reason === false) return
  throw new MaruError('LAKE_UNSUPPORTED', `the table has ${reason}`, {
    hint: 'Maru reads Iceberg version 2 with one partition spec; read this table with the engine that wrote it',
  })
}

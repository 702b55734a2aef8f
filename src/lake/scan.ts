/** Plans a read: from the manifest list to manifests to files, leaving out at each step what cannot hold an asked-for row. */
import { MaruError } from '../base/errors.ts'
import { suggest } from '../base/nearest.ts'
import { compareBounds } from './bounds.ts'
import { bucketOf } from './bucket.ts'
import { liveFiles } from './manifest-list.ts'
import type { ManifestFile, PartitionSummary } from './manifest-list.ts'
import { boundsOf } from './manifest.ts'
import type { ManifestEntry, StoredFile } from './manifest.ts'
import { currentSchema, schemaById } from './metadata.ts'
import type { StoredSnapshot, TableMetadata } from './metadata.ts'
import { partitionKey, partitionValue } from './partition.ts'
import type { PartitionValue } from './partition.ts'
import { isCorrupt, load, loadCurrent, readManifest, readManifestList } from './store.ts'
import type { LakeStore, Loaded } from './store.ts'
import { inTable } from './table-paths.ts'
import type {
  Bound,
  Field,
  PartitionSpec,
  Scan,
  ScanFilter,
  ScanOptions,
  Schema,
  Snapshot,
  Table,
} from './table.ts'

export async function planScan(
  store: LakeStore,
  table: Table,
  options: ScanOptions,
): Promise<Scan> {
  const wanted = chooseSnapshot(table, options)
  if (wanted === undefined) return { table, schema: table.schema, files: [], filesTotal: 0 }
  try {
    const loaded = await load(store, table.metadata)
    return await scanSnapshot(store, table, { loaded, wanted, options })
  } catch (error) {
    if (!isCorrupt(error)) throw error
    // Files of the table object may have expired since it was loaded; the newest metadata says whether the snapshot has too.
    const newest = await loadCurrent(store, table.id)
    if (newest?.metadata.uuid !== table.uuid) throw noSnapshot(table, 'the table was dropped')
    if (newest.path === table.metadata) throw error
    return scanSnapshot(store, table, { loaded: newest, wanted, options })
  }
}

function noSnapshot(table: Table, message: string): MaruError {
  return new MaruError('LAKE_NO_SNAPSHOT', `${table.id}: ${message}`, {
    hint: 'load the table again, or ask for one of the snapshots that it lists',
    retry: 'now',
  })
}

/** undefined when the table has no snapshot yet. */
function chooseSnapshot(table: Table, options: ScanOptions): Snapshot | undefined {
  const { snapshotId, asOfMs } = options
  if (snapshotId !== undefined) {
    const found = table.snapshots.find((snapshot) => snapshot.id === snapshotId)
    if (found === undefined) throw noSnapshot(table, `there is no snapshot ${snapshotId}`)
    return found
  }
  if (asOfMs === undefined) return table.current
  const found = table.snapshots.findLast((snapshot) => snapshot.committedAtMs <= asOfMs)
  if (found !== undefined) return found
  throw noSnapshot(table, `no snapshot as old as ${new Date(asOfMs).toISOString()} is kept`)
}

interface ScanRequest {
  readonly loaded: Loaded
  readonly wanted: Snapshot
  readonly options: ScanOptions
}

async function scanSnapshot(store: LakeStore, table: Table, request: ScanRequest): Promise<Scan> {
  const { loaded, wanted, options } = request
  const { metadata, folder } = loaded
  const snapshot = metadata.snapshots.find((each) => each.id === wanted.id)
  if (snapshot === undefined)
    throw noSnapshot(table, `snapshot ${wanted.id} has expired since the table was loaded`)
  // Who asks for a snapshot sees the columns of then, also when it is the newest.
  const travels = options.snapshotId !== undefined || options.asOfMs !== undefined
  const schema = travels ? schemaOfSnapshot(metadata, snapshot) : table.schema
  const prune = pruning({ table, schema, options })
  const manifests = (await readManifestList(store, folder, snapshot)).filter(
    (manifest) => liveFiles(manifest) > 0,
  )
  const filesTotal = manifests.reduce((sum, manifest) => sum + liveFiles(manifest), 0)
  const files: StoredFile[] = []
  for (const manifest of manifests) {
    if (!prune.keepsManifest(manifest)) continue
    for (const entry of await readManifest(store, folder, manifest)) {
      if (isLive(entry) && prune.keepsFile(entry.file)) files.push(entry.file)
    }
  }
  const spec = metadata.partition
  return {
    table,
    schema,
    files: files.map((file) => ({
      path: inTable(folder, file.path),
      partition: partitionKey(file.partition, spec),
      rows: file.rows,
      sizeBytes: file.sizeBytes,
    })),
    filesTotal,
  }
}

function isLive(entry: ManifestEntry): boolean {
  return entry.status !== 'deleted'
}

function schemaOfSnapshot(metadata: TableMetadata, snapshot: StoredSnapshot): Schema {
  return schemaById(metadata, snapshot.schemaId) ?? currentSchema(metadata)
}

interface Pruning {
  keepsManifest(manifest: ManifestFile): boolean
  keepsFile(file: StoredFile): boolean
}

interface PruneRequest {
  readonly table: Table
  readonly schema: Schema
  readonly options: ScanOptions
}

function pruning(request: PruneRequest): Pruning {
  const { table, schema, options } = request
  const filters = (options.filters ?? []).map((filter) => ({
    filter,
    field: filteredField(table, schema, filter),
  }))
  const ranges = filters.flatMap(({ filter, field }) =>
    partitionRange(filter, field, table.partition),
  )
  const values =
    options.partitions === undefined
      ? undefined
      : new Set([...options.partitions].map((key) => partitionValue(key, table.partition)))
  return {
    keepsManifest: ({ partition }) =>
      partition === undefined ||
      (ranges.every((range) => summaryMeets(partition, range)) &&
        (values === undefined || [...values].some((value) => summaryHolds(partition, value)))),
    keepsFile: (file) =>
      (values === undefined || values.has(file.partition)) &&
      ranges.every((range) => inRange(file.partition, range)) &&
      filters.every(({ filter, field }) => mayMatch(file, field, filter)),
  }
}

function filteredField(table: Table, schema: Schema, filter: ScanFilter): Field {
  const field = schema.fields.find((candidate) => candidate.name === filter.column)
  if (field !== undefined) return field
  throw new MaruError('MODEL_UNKNOWN_COLUMN', `${table.id} has no column "${filter.column}"`, {
    hint: suggest(
      filter.column,
      schema.fields.map((candidate) => candidate.name),
    ),
  })
}

interface Range {
  readonly lower: number
  readonly upper: number
}

/** What a filter says of the partition: a day's own range, or the one bucket of an equality. */
function partitionRange(filter: ScanFilter, field: Field, spec: PartitionSpec): Range[] {
  if (spec.kind === 'none' || spec.column !== filter.column) return []
  if (filter.lower === undefined && filter.upper === undefined) return []
  if (spec.kind === 'day') {
    return [{ lower: Number(filter.lower ?? -Infinity), upper: Number(filter.upper ?? Infinity) }]
  }
  if (filter.lower === undefined || filter.lower !== filter.upper) return []
  if (typeof filter.lower === 'number' && !Number.isInteger(filter.lower)) return []
  const bucket = bucketOf(filter.lower, field.type, spec.count)!
  return [{ lower: bucket, upper: bucket }]
}

function summaryMeets(summary: PartitionSummary, range: Range): boolean {
  return (
    summary.lower !== undefined && summary.upper! >= range.lower && summary.lower <= range.upper
  )
}

function summaryHolds(summary: PartitionSummary, value: PartitionValue): boolean {
  if (value === undefined) return true
  if (value === null) return summary.containsNull
  return summaryMeets(summary, { lower: value, upper: value })
}

/** A range asks for a value, which an unknown partition does not have. */
function inRange(value: PartitionValue, range: Range): boolean {
  return value !== null && value !== undefined && value >= range.lower && value <= range.upper
}

/** Whether the file's statistics leave room for a row with a value in the filter's range. */
function mayMatch(file: StoredFile, field: Field, filter: ScanFilter): boolean {
  // The counts of a list are of its elements, and a list has no bounds.
  if (field.type.kind === 'list' || (filter.lower === undefined && filter.upper === undefined))
    return true
  if (file.nullCounts.get(field.id) === file.rows) return false
  const { lower, upper } = boundsOf(file, field)
  return !isAbove(filter.lower, upper) && !isAbove(lower, filter.upper)
}

function isAbove(left: Bound | undefined, right: Bound | undefined): boolean {
  return left !== undefined && right !== undefined && compareBounds(left, right) > 0
}

/** Commits of files and of schemas: what must hold for the change to still apply, and the metadata that follows. */
import path from 'node:path'
import { mapBounded } from '../base/bounded.ts'
import { MaruError } from '../base/errors.ts'
import { removeExpired } from './expired-files.ts'
import { liveFiles } from './manifest-list.ts'
import { currentSchema, currentSnapshot } from './metadata.ts'
import type { StoredSnapshot, TableMetadata } from './metadata.ts'
import { partitionKey } from './partition.ts'
import { publishNext, removeQuietly } from './publish.ts'
import type { NextMetadata } from './publish.ts'
import { changedSchema } from './schema-change.ts'
import { draftSnapshot, newSnapshotId } from './snapshot-draft.ts'
import type { Draft, DraftedSnapshot, FileChange } from './snapshot-draft.ts'
import { readManifest, readManifestList, tableOf } from './store.ts'
import type { LakeRules } from './rules.ts'
import type { LakeStore, Loaded } from './store.ts'
import { inTable } from './table-paths.ts'
import type { Change, CommitOptions, PartitionKey, Table } from './table.ts'

const syncsAtOnce = 16

export async function commitChange(
  store: LakeStore,
  table: Table,
  request: { readonly change: Change; readonly options: CommitOptions },
): Promise<Table> {
  const { change, options } = request
  if (change.kind === 'schema')
    return commitSchema(store, table, { columns: change.columns, options })
  return commitFiles(store, table, { change, options })
}

async function commitFiles(
  store: LakeStore,
  table: Table,
  request: { readonly change: FileChange; readonly options: CommitOptions },
): Promise<Table> {
  const { change, options } = request
  await syncDataFiles(store, table.folder, change)
  const draft: Draft = {
    store,
    tableId: table.id,
    folder: table.folder,
    change,
    summary: options.summary ?? {},
    snapshotId: newSnapshotId(),
    made: new Map(),
    written: new Set(),
  }
  let drafted: DraftedSnapshot | undefined
  let before: Loaded | undefined
  const step = async (current: Loaded): Promise<NextMetadata> => {
    before = current
    await checkStillApplies(store, table, { current, change })
    drafted = await draftSnapshot(draft, current)
    return {
      metadata: withSnapshot(current.metadata, drafted.snapshot, store.rules),
      snapshotId: draft.snapshotId,
    }
  }
  try {
    const published = await publishNext(store, table, { step, publication: options.publication })
    await removeUnused(draft, drafted)
    await removeExpired(store, table.folder, {
      before: before!.metadata,
      after: published.metadata,
    })
    return tableOf(table.id, published)
  } catch (error) {
    if (isRefusal(error)) await removeUnused(draft, undefined)
    throw error
  }
}

/** After a refusal nothing of the draft is in use; after any other error the pointer may have moved all the same, so nothing is removed. */
function isRefusal(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    (error.code === 'LAKE_CONFLICT' || error.code === 'STATE_FENCED')
  )
}

async function removeUnused(draft: Draft, drafted: DraftedSnapshot | undefined): Promise<void> {
  const unused = [...draft.written].filter((file) => drafted?.used.has(file) !== true)
  await removeQuietly(draft.store, draft.folder, unused)
}

/** Engines do not sync what they write: files first, then every folder between them and the table's. */
async function syncDataFiles(store: LakeStore, folder: string, change: FileChange): Promise<void> {
  const folders = new Set<string>()
  for (const file of change.files) {
    for (let parent = path.dirname(file.path); parent !== '.'; parent = path.dirname(parent))
      folders.add(parent)
  }
  await mapBounded(change.files, syncsAtOnce, (file) =>
    store.files.syncFile(inTable(folder, file.path)),
  )
  await mapBounded([...folders], syncsAtOnce, (inner) =>
    store.files.syncFolder(inTable(folder, inner)),
  )
}

/** The metadata with one more snapshot, and without those beyond the number kept that are old enough. */
function withSnapshot(
  metadata: TableMetadata,
  snapshot: StoredSnapshot,
  rules: LakeRules,
): TableMetadata {
  const all = [...metadata.snapshots, snapshot].slice(-Math.max(1, rules.snapshotsMax))
  const firstOfNewest = all.length - Math.max(1, rules.keepSnapshots)
  const oldestMs = snapshot.committedAtMs - rules.keepSnapshotsMs
  const snapshots = all.filter(
    ({ committedAtMs }, index) => index >= firstOfNewest || committedAtMs > oldestMs,
  )
  const kept = new Set(snapshots.map((each) => each.id))
  const log = [...metadata.snapshotLog, { snapshotId: snapshot.id, atMs: snapshot.committedAtMs }]
  return {
    ...metadata,
    lastSequenceNumber: snapshot.sequenceNumber,
    lastUpdatedMs: snapshot.committedAtMs,
    currentSnapshotId: snapshot.id,
    snapshots,
    snapshotLog: log.filter((entry) => kept.has(entry.snapshotId)),
  }
}

interface Check {
  readonly current: Loaded
  readonly change: FileChange
}

/** An append always applies, a compaction when its files are there (the draft sees that), a replacement when nobody else changed its partitions. */
async function checkStillApplies(store: LakeStore, table: Table, check: Check): Promise<void> {
  const { change, current } = check
  if (change.kind !== 'replace' && change.kind !== 'overwrite') return
  if (current.metadata.currentSnapshotId === table.current?.id) return
  const changed = await partitionsChangedSince(store, current, table.current?.id)
  if (changed === 'unknown')
    throw conflict(`${table.id} changed so often that what changed is no longer known`)
  const partition =
    change.kind === 'overwrite'
      ? [...changed][0]
      : [...changed].find((key) => change.partitions.has(key))
  if (partition !== undefined) {
    throw conflict(
      `another writer changed ${partition === '' ? table.id : `partition ${partition} of ${table.id}`}`,
    )
  }
}

function conflict(message: string): MaruError {
  return new MaruError('LAKE_CONFLICT', message, {
    hint: 'load the table again and make the change from it',
    retry: 'now',
  })
}

/** Partitions whose rows differ from those of the snapshot (undefined: from no rows). Compactions change none. */
async function partitionsChangedSince(
  store: LakeStore,
  current: Loaded,
  since: bigint | undefined,
): Promise<ReadonlySet<PartitionKey> | 'unknown'> {
  const { metadata } = current
  const byId = new Map(metadata.snapshots.map((snapshot) => [snapshot.id, snapshot]))
  const changed = new Set<PartitionKey>()
  let snapshot = currentSnapshot(metadata)
  while (snapshot !== undefined && snapshot.id !== since) {
    if (snapshot.operation !== 'replace') {
      for (const key of await partitionsChangedBy(store, current, snapshot)) changed.add(key)
    }
    if (snapshot.parentId === undefined) return since === undefined ? changed : 'unknown'
    snapshot = byId.get(snapshot.parentId)
  }
  return snapshot === undefined ? 'unknown' : changed
}

async function partitionsChangedBy(
  store: LakeStore,
  current: Loaded,
  snapshot: StoredSnapshot,
): Promise<ReadonlySet<PartitionKey>> {
  const keys = new Set<PartitionKey>()
  for (const manifest of await readManifestList(store, current.folder, snapshot)) {
    if (
      manifest.addedSnapshotId !== snapshot.id ||
      manifest.added.files + manifest.deleted.files === 0
    )
      continue
    for (const entry of await readManifest(store, current.folder, manifest)) {
      if (entry.status !== 'existing')
        keys.add(partitionKey(entry.file.partition, current.metadata.partition))
    }
  }
  return keys
}

async function commitSchema(
  store: LakeStore,
  table: Table,
  request: {
    readonly columns: Extract<Change, { kind: 'schema' }>['columns']
    readonly options: CommitOptions
  },
): Promise<Table> {
  const step = async ({ metadata, folder }: Loaded): Promise<NextMetadata | undefined> => {
    const current = currentSchema(metadata)
    if (current.id !== table.schema.id)
      throw conflict(`another writer changed the columns of ${table.id}`)
    const snapshot = currentSnapshot(metadata)
    const manifests = snapshot === undefined ? [] : await readManifestList(store, folder, snapshot)
    const next = changedSchema({
      table: table.id,
      current,
      lastColumnId: metadata.lastColumnId,
      schemaId: Math.max(...metadata.schemas.map((schema) => schema.id)) + 1,
      columns: request.columns,
      partition: metadata.partition,
      hasRows: manifests.some((manifest) => liveFiles(manifest) > 0),
    })
    if (next === undefined) return undefined
    return {
      metadata: withSchema(metadata, next.schema, {
        lastColumnId: next.lastColumnId,
        nowMs: store.now(),
      }),
    }
  }
  return tableOf(
    table.id,
    await publishNext(store, table, { step, publication: request.options.publication }),
  )
}

/** Schemas that no snapshot was written with are forgotten, so that many changes leave no long tail. */
function withSchema(
  metadata: TableMetadata,
  schema: TableMetadata['schemas'][number],
  numbers: { readonly lastColumnId: number; readonly nowMs: number },
): TableMetadata {
  const used = new Set(metadata.snapshots.map((snapshot) => snapshot.schemaId))
  return {
    ...metadata,
    schemas: [...metadata.schemas.filter((each) => used.has(each.id)), schema],
    currentSchemaId: schema.id,
    lastColumnId: numbers.lastColumnId,
    lastUpdatedMs: Math.max(numbers.nowMs, metadata.lastUpdatedMs),
  }
}

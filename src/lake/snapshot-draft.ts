/** Makes the next snapshot of a table: manifests of what is added and removed, tiers of small manifests merged, and their list. */
import { randomBytes, randomUUID } from 'node:crypto'
import path from 'node:path'
import { MaruError, assert } from '../base/errors.ts'
import { encodeManifestList, liveFiles, summarise } from './manifest-list.ts'
import type { ManifestFile } from './manifest-list.ts'
import { encodeManifest, storedFile } from './manifest.ts'
import type { ManifestEntry } from './manifest.ts'
import { currentSchema, currentSnapshot } from './metadata.ts'
import type { StoredSnapshot, TableMetadata } from './metadata.ts'
import { partitionValue } from './partition.ts'
import type { PartitionValue } from './partition.ts'
import { readManifest, readManifestList, rememberList, rememberManifest } from './store.ts'
import type { LakeStore, Loaded } from './store.ts'
import { inTable, tablePaths } from './table-paths.ts'
import type { Change, Snapshot } from './table.ts'
import { mergeCandidates } from './manifest-tiers.ts'
import { snapshotSummary } from './snapshot-summary.ts'

export type FileChange = Exclude<Change, { kind: 'schema' }>

/** One commit across its attempts: the snapshot keeps its id, and manifests written for one attempt serve the next where they still fit. */
export interface Draft {
  readonly store: LakeStore
  readonly tableId: string
  readonly folder: string
  readonly change: FileChange
  readonly summary: Readonly<Record<string, string>>
  readonly snapshotId: bigint
  /** By what they were made from. */
  readonly made: Map<string, MadeManifest>
  /** Paths (inside the table folder) of every file written, for cleaning up what no snapshot came to use. */
  readonly written: Set<string>
}

interface MadeManifest {
  readonly manifest: ManifestFile
  readonly removed: readonly ManifestEntry[]
}

export function newSnapshotId(): bigint {
  // 53 bits: exact as a number in every JSON reader.
  return (BigInt(`0x${randomBytes(7).toString('hex')}`) & ((1n << 53n) - 1n)) | 1n
}

export interface DraftedSnapshot {
  readonly snapshot: StoredSnapshot
  /** Paths inside the table folder of files that the snapshot uses, of those the draft has written. */
  readonly used: ReadonlySet<string>
}

export async function draftSnapshot(draft: Draft, current: Loaded): Promise<DraftedSnapshot> {
  const { metadata } = current
  const parent = currentSnapshot(metadata)
  const listed =
    parent === undefined ? [] : await readManifestList(draft.store, draft.folder, parent)
  const base = listed.filter((manifest) => liveFiles(manifest) > 0)
  const sequenceNumber = metadata.lastSequenceNumber + 1
  const { untouched, rewritten } = await removeFiles(draft, base, metadata)
  const removed = rewritten.flatMap((made) => made.removed)
  checkRemoved(draft, removed)
  const merged = await mergeTiers(draft, untouched, metadata)
  const added = await addFiles(draft, metadata)
  const ours = [...rewritten.map((made) => made.manifest), ...added]
  const manifests = [
    ...merged.map((manifest) =>
      manifest.addedSnapshotId === draft.snapshotId ? { ...manifest, sequenceNumber } : manifest,
    ),
    ...ours.map((manifest) => atSequence(manifest, sequenceNumber)),
  ]
  const manifestList = await writeList(draft, { manifests, parent, sequenceNumber })
  const snapshot: StoredSnapshot = {
    id: draft.snapshotId,
    parentId: parent?.id,
    sequenceNumber,
    committedAtMs: Math.max(draft.store.now(), metadata.lastUpdatedMs),
    operation: operationOf(draft.change),
    summary: snapshotSummary({
      manifests,
      parent,
      added: draft.change.files,
      removed,
      spec: metadata.partition,
      extra: draft.summary,
    }),
    schemaId: metadata.currentSchemaId,
    manifestList: inTable(draft.folder, manifestList),
  }
  return { snapshot, used: new Set([manifestList, ...manifests.map((manifest) => manifest.path)]) }
}

function operationOf(change: FileChange): Snapshot['operation'] {
  if (change.kind === 'append') return 'append'
  if (change.kind === 'rewrite') return 'replace'
  return change.files.length === 0 ? 'delete' : 'overwrite'
}

/** Added files inherit the number of the attempt that succeeds. */
function atSequence(manifest: ManifestFile, sequenceNumber: number): ManifestFile {
  const min = manifest.existing.files > 0 ? manifest.minSequenceNumber : sequenceNumber
  return { ...manifest, sequenceNumber, minSequenceNumber: min }
}

interface Removal {
  readonly untouched: readonly ManifestFile[]
  readonly rewritten: readonly MadeManifest[]
}

async function removeFiles(
  draft: Draft,
  base: readonly ManifestFile[],
  metadata: TableMetadata,
): Promise<Removal> {
  const { change } = draft
  if (change.kind === 'append') return { untouched: base, rewritten: [] }
  const isRemoved = removalOf(change, metadata)
  const untouched: ManifestFile[] = []
  const rewritten: MadeManifest[] = []
  for (const manifest of base) {
    const made = mayHold(manifest, change, metadata)
      ? await removeFromManifest(draft, manifest, { isRemoved, metadata })
      : undefined
    if (made === undefined) untouched.push(manifest)
    else rewritten.push(made)
  }
  return { untouched, rewritten }
}

type IsRemoved = (entry: ManifestEntry) => boolean

function removalOf(
  change: Exclude<FileChange, { kind: 'append' }>,
  metadata: TableMetadata,
): IsRemoved {
  if (change.kind === 'overwrite') return () => true
  if (change.kind === 'rewrite') return (entry) => change.removed.has(entry.file.path)
  const values = replacedValues(change.partitions, metadata)
  return (entry) => values.has(entry.file.partition)
}

function replacedValues(
  partitions: ReadonlySet<string>,
  metadata: TableMetadata,
): ReadonlySet<PartitionValue> {
  return new Set([...partitions].map((key) => partitionValue(key, metadata.partition)))
}

function mayHold(manifest: ManifestFile, change: FileChange, metadata: TableMetadata): boolean {
  if (change.kind !== 'replace' || manifest.partition === undefined) return true
  const { containsNull, lower, upper } = manifest.partition
  for (const value of replacedValues(change.partitions, metadata)) {
    if (
      value === null
        ? containsNull
        : value !== undefined && lower !== undefined && value >= lower && value <= upper!
    )
      return true
  }
  return false
}

/** The manifest without the removed files, which it names once more as deleted; undefined when it has none of them. */
async function removeFromManifest(
  draft: Draft,
  manifest: ManifestFile,
  how: { readonly isRemoved: IsRemoved; readonly metadata: TableMetadata },
): Promise<MadeManifest | undefined> {
  const known = draft.made.get(manifest.path)
  if (known !== undefined) return known
  const live = (await readManifest(draft.store, draft.folder, manifest)).filter(
    (entry) => entry.status !== 'deleted',
  )
  const removed = live.filter(how.isRemoved)
  if (removed.length === 0) return undefined
  const gone = new Set(removed)
  const entries = live.map((entry): ManifestEntry =>
    gone.has(entry)
      ? { ...entry, status: 'deleted', snapshotId: draft.snapshotId }
      : { ...entry, status: 'existing' },
  )
  const made = { manifest: await writeManifest(draft, entries, how.metadata), removed }
  draft.made.set(manifest.path, made)
  return made
}

function checkRemoved(draft: Draft, removed: readonly ManifestEntry[]): void {
  const { change } = draft
  const paths = new Set(removed.map((entry) => entry.file.path))
  for (const file of change.files)
    assert(!paths.has(file.path), `${file.path} is removed and added in one commit`)
  if (change.kind !== 'rewrite') return
  for (const file of change.removed) {
    if (paths.has(file)) continue
    throw new MaruError('LAKE_CONFLICT', `${draft.tableId} no longer has the file ${file}`, {
      hint: 'another writer replaced it; plan the compaction again from the newest table',
      retry: 'now',
    })
  }
  const rowsBefore = removed.reduce((sum, entry) => sum + entry.file.rows, 0)
  const rowsAfter = change.files.reduce((sum, file) => sum + file.rows, 0)
  assert(
    rowsBefore === rowsAfter,
    `a compaction of ${draft.tableId} changes ${rowsBefore} rows into ${rowsAfter}`,
  )
}

/** Merges tiers that are full, so that a snapshot has few manifests however many commits came before. */
async function mergeTiers(
  draft: Draft,
  base: readonly ManifestFile[],
  metadata: TableMetadata,
): Promise<readonly ManifestFile[]> {
  const replaced = new Map<ManifestFile, ManifestFile | undefined>()
  for (const group of mergeCandidates(base, draft.store.rules)) {
    const merged = await mergeGroup(draft, group, metadata)
    for (const [index, manifest] of group.entries())
      replaced.set(manifest, index === 0 ? merged : undefined)
  }
  return base.flatMap((manifest) => {
    const other = replaced.has(manifest) ? replaced.get(manifest) : manifest
    return other === undefined ? [] : [other]
  })
}

async function mergeGroup(
  draft: Draft,
  group: readonly ManifestFile[],
  metadata: TableMetadata,
): Promise<ManifestFile> {
  const key = group.map((manifest) => manifest.path).join('\n')
  const known = draft.made.get(key)
  if (known !== undefined) return known.manifest
  const entries: ManifestEntry[] = []
  for (const manifest of group) {
    for (const entry of await readManifest(draft.store, draft.folder, manifest)) {
      if (entry.status !== 'deleted') entries.push({ ...entry, status: 'existing' })
    }
  }
  const manifest = await writeManifest(draft, entries, metadata)
  draft.made.set(key, { manifest, removed: [] })
  return manifest
}

async function addFiles(draft: Draft, metadata: TableMetadata): Promise<readonly ManifestFile[]> {
  const { manifestFilesMax } = draft.store.rules
  const stored = draft.change.files.map((file) =>
    storedFile(file, currentSchema(metadata), metadata.partition),
  )
  const sorted = stored.toSorted(
    (left, right) => (left.partition ?? -1e9) - (right.partition ?? -1e9),
  )
  const manifests: ManifestFile[] = []
  for (let start = 0; start < sorted.length; start += manifestFilesMax) {
    const known = draft.made.get(`added ${start}`)
    if (known !== undefined) {
      manifests.push(known.manifest)
      continue
    }
    const entries = sorted.slice(start, start + manifestFilesMax).map((file): ManifestEntry => ({
      status: 'added',
      snapshotId: draft.snapshotId,
      sequenceNumber: 0,
      fileSequenceNumber: 0,
      file,
    }))
    const manifest = await writeManifest(draft, entries, metadata)
    draft.made.set(`added ${start}`, { manifest, removed: [] })
    manifests.push(manifest)
  }
  return manifests
}

async function writeManifest(
  draft: Draft,
  entries: readonly ManifestEntry[],
  metadata: TableMetadata,
): Promise<ManifestFile> {
  const { store, folder, snapshotId } = draft
  const relative = path.join('metadata', `${randomUUID()}-m0.avro`)
  const bytes = encodeManifest({
    schema: currentSchema(metadata),
    spec: metadata.partition,
    paths: tablePaths(folder),
    entries,
    snapshotId,
  })
  draft.written.add(relative)
  await store.files.writeNew(inTable(folder, relative), bytes)
  // Added entries do not have their sequence number yet; they are decoded when first read.
  if (entries[0]?.status !== 'added') rememberManifest(store, inTable(folder, relative), entries)
  return summarise(entries, {
    path: relative,
    sizeBytes: bytes.length,
    sequenceNumber: metadata.lastSequenceNumber + 1,
    snapshotId,
  })
}

interface ListRequest {
  readonly manifests: readonly ManifestFile[]
  readonly parent: StoredSnapshot | undefined
  readonly sequenceNumber: number
}

async function writeList(draft: Draft, request: ListRequest): Promise<string> {
  const { store, folder, snapshotId } = draft
  const relative = path.join('metadata', `snap-${snapshotId}-${randomUUID()}.avro`)
  const { manifests, sequenceNumber } = request
  const paths = tablePaths(folder)
  draft.written.add(relative)
  await store.files.writeNew(
    inTable(folder, relative),
    encodeManifestList({
      snapshotId,
      parentId: request.parent?.id,
      sequenceNumber,
      manifests,
      paths,
    }),
  )
  rememberList(store, inTable(folder, relative), manifests)
  return relative
}

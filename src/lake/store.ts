/** What every part of the lake works with: the folder, the records, the disk, and the reading of metadata with its caches. */
import path from 'node:path'
import { MaruError, isMaruError, messageOf } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import type { State } from '../state/state.ts'
import { LeastRecentlyUsed } from './least-recently-used.ts'
import { decodeManifestList } from './manifest-list.ts'
import type { ManifestFile } from './manifest-list.ts'
import { decodeManifest } from './manifest.ts'
import type { ManifestEntry } from './manifest.ts'
import { currentSchema, currentSnapshot, decodeMetadata } from './metadata.ts'
import type { StoredSnapshot, TableMetadata } from './metadata.ts'
import type { LakeRules } from './rules.ts'
import { inTable, tablePaths } from './table-paths.ts'
import type { Table } from './table.ts'

export interface LakeStore {
  readonly folder: string
  readonly state: State
  readonly files: Files
  readonly rules: LakeRules
  readonly now: () => number
  readonly caches: LakeCaches
}

/** Files of the lake never change once written, so what was decoded stays right for as long as it is kept. */
export interface LakeCaches {
  readonly metadata: LeastRecentlyUsed<TableMetadata>
  readonly lists: LeastRecentlyUsed<readonly ManifestFile[]>
  readonly manifests: LeastRecentlyUsed<readonly ManifestEntry[]>
}

export function newCaches(): LakeCaches {
  return {
    metadata: new LeastRecentlyUsed(20_000),
    lists: new LeastRecentlyUsed(100_000),
    manifests: new LeastRecentlyUsed(2_000_000),
  }
}

/** One metadata file and what it says. */
export interface Loaded {
  /** Relative to the lake folder. */
  readonly path: string
  readonly metadata: TableMetadata
  /** Absolute path of the table folder. */
  readonly folder: string
}

/** The newest metadata of a table; undefined when there is no such table. */
export async function loadCurrent(store: LakeStore, tableId: string): Promise<Loaded | undefined> {
  const attemptsMax = 20
  for (let attempt = 1; ; attempt++) {
    const pointer = await store.state.pointer(tableId)
    if (pointer === undefined) return undefined
    try {
      return await load(store, pointer.metadata)
    } catch (error) {
      // Another writer may have moved the pointer and removed this metadata file since the pointer was read.
      const moved = (await store.state.pointer(tableId))?.metadata !== pointer.metadata
      if (!isCorrupt(error) || !moved || attempt === attemptsMax) throw error
    }
  }
}

export async function load(store: LakeStore, relative: string): Promise<Loaded> {
  const absolute = path.join(store.folder, relative)
  let metadata = store.caches.metadata.get(absolute)
  if (metadata === undefined) {
    metadata = await readDecoded(store, absolute, decodeMetadata)
    rememberMetadata(store, absolute, metadata)
  }
  return { path: relative, metadata, folder: path.dirname(path.dirname(absolute)) }
}

export function rememberMetadata(
  store: LakeStore,
  absolute: string,
  metadata: TableMetadata,
): void {
  store.caches.metadata.set(absolute, metadata, metadata.snapshots.length + metadata.schemas.length)
}

export function tableOf(tableId: string, loaded: Loaded): Table {
  const { metadata } = loaded
  return {
    id: tableId,
    uuid: metadata.uuid,
    folder: loaded.folder,
    metadata: loaded.path,
    schema: currentSchema(metadata),
    partition: metadata.partition,
    properties: metadata.properties,
    current: currentSnapshot(metadata),
    snapshots: metadata.snapshots,
  }
}

/** The manifests of a snapshot, those without live files included. */
export async function readManifestList(
  store: LakeStore,
  folder: string,
  snapshot: StoredSnapshot,
): Promise<readonly ManifestFile[]> {
  const paths = tablePaths(folder)
  const absolute = inTable(folder, paths.relative(snapshot.manifestList))
  const known = store.caches.lists.get(absolute)
  if (known !== undefined) return known
  const manifests = await readDecoded(store, absolute, (bytes) => decodeManifestList(bytes, paths))
  rememberList(store, absolute, manifests)
  return manifests
}

export function rememberList(
  store: LakeStore,
  absolute: string,
  manifests: readonly ManifestFile[],
): void {
  store.caches.lists.set(absolute, manifests, manifests.length + 1)
}

export async function readManifest(
  store: LakeStore,
  folder: string,
  manifest: ManifestFile,
): Promise<readonly ManifestEntry[]> {
  const absolute = inTable(folder, manifest.path)
  const known = store.caches.manifests.get(absolute)
  if (known !== undefined) return known
  const inherited = {
    sequenceNumber: manifest.sequenceNumber,
    snapshotId: manifest.addedSnapshotId,
  }
  const entries = await readDecoded(store, absolute, (bytes) => {
    const decoded = decodeManifest(bytes, inherited, tablePaths(folder))
    const expected = manifest.added.files + manifest.existing.files + manifest.deleted.files
    if (decoded.length !== expected)
      throw new Error(`it holds ${decoded.length} entries where ${expected} are listed`)
    return decoded
  })
  rememberManifest(store, absolute, entries)
  return entries
}

export function rememberManifest(
  store: LakeStore,
  absolute: string,
  entries: readonly ManifestEntry[],
): void {
  const weight = entries.reduce((sum, entry) => sum + 10 + 5 * entry.file.columnSizes.size, 1)
  store.caches.manifests.set(absolute, entries, weight)
}

/** Throws LAKE_CORRUPT with the path when the file is missing or its content is damaged. */
async function readDecoded<T>(
  store: LakeStore,
  absolute: string,
  decode: (bytes: Uint8Array) => T,
): Promise<T> {
  let bytes: Uint8Array
  try {
    bytes = await store.files.read(absolute)
  } catch (error) {
    if ((await store.files.size(absolute)) !== undefined) throw error
    throw corrupt(`${absolute} is missing`, error)
  }
  try {
    return decode(bytes)
  } catch (error) {
    if (isMaruError(error)) throw error
    throw corrupt(`${absolute} is damaged: ${messageOf(error)}`, error)
  }
}

function corrupt(message: string, cause: unknown): MaruError {
  return new MaruError('LAKE_CORRUPT', message, {
    hint: 'restore the file from a backup, or drop the table and build it again',
    cause,
  })
}

export function isCorrupt(error: unknown): boolean {
  return isMaruError(error) && error.code === 'LAKE_CORRUPT'
}

/** Upkeep: expiry of snapshots, and removal of files that no snapshot names. */
import path from 'node:path'
import type { FolderEntry } from '../base/files.ts'
import { removeExpired } from './expired-files.ts'
import { liveFiles } from './manifest-list.ts'
import type { TableMetadata } from './metadata.ts'
import { publishNext, removeQuietly } from './publish.ts'
import { isCorrupt, loadCurrent, readManifest, readManifestList, tableOf } from './store.ts'
import type { LakeStore, Loaded } from './store.ts'
import { isTableFolderName, tablePaths } from './table-paths.ts'
import type { Lake, Table } from './table.ts'

type ExpireRule = Parameters<Lake['expire']>[1]
type ExpireResult = Awaited<ReturnType<Lake['expire']>>

/** A snapshot goes when it is neither among the newest `keepCount` nor younger than `olderThanMs`. */
export async function expireSnapshots(
  store: LakeStore,
  table: Table,
  rule: ExpireRule,
): Promise<ExpireResult> {
  let before: Loaded | undefined
  const published = await publishNext(store, table, {
    publication: undefined,
    step: async (current) => {
      before = current
      const metadata = withoutExpired(current.metadata, rule, store.now())
      return metadata.snapshots.length === current.metadata.snapshots.length
        ? undefined
        : { metadata }
    },
  })
  const removedSnapshots = before!.metadata.snapshots.length - published.metadata.snapshots.length
  const removedFiles = await removeExpired(store, table.folder, {
    before: before!.metadata,
    after: published.metadata,
  })
  return { table: tableOf(table.id, published), removedSnapshots, removedFiles }
}

function withoutExpired(metadata: TableMetadata, rule: ExpireRule, nowMs: number): TableMetadata {
  const oldest = nowMs - rule.olderThanMs
  const firstOfNewest = metadata.snapshots.length - Math.max(1, rule.keepCount)
  const snapshots = metadata.snapshots.filter(
    (snapshot, index) => index >= firstOfNewest || snapshot.committedAtMs > oldest,
  )
  const kept = new Set(snapshots.map((snapshot) => snapshot.id))
  return {
    ...metadata,
    snapshots,
    snapshotLog: metadata.snapshotLog.filter((entry) => kept.has(entry.snapshotId)),
    lastUpdatedMs: Math.max(nowMs, metadata.lastUpdatedMs),
  }
}

/** Absolute paths of what was removed: files in the folders of tables, and whole folders that belong to no table. */
export async function removeOrphans(
  store: LakeStore,
  olderThanMs: number,
): Promise<readonly string[]> {
  const newest = store.now() - olderThanMs
  const removed: string[] = []
  // What is there is listed before the records are read: a file that is committed in between is named by then.
  const folders = await store.files.list(store.folder)
  const old = new Map<string, FoundFiles>()
  for (const folder of folders) {
    if (folder.isFolder && isTableFolderName(folder.name))
      old.set(folder.name, await findFiles(store, folder))
  }
  const owners = new Map(
    (await store.state.pointers()).map((pointer) => [
      path.dirname(path.dirname(pointer.metadata)),
      pointer.tableId,
    ]),
  )
  for (const [name, found] of old) {
    const tableId = owners.get(name)
    if (tableId !== undefined)
      removed.push(...(await removeUnnamed(store, { tableId, name, found, newest })))
    else if (found.newestAtMs < newest) {
      await store.files.removeFolder(path.join(store.folder, name))
      removed.push(path.join(store.folder, name))
    }
  }
  return removed
}

interface FoundFiles {
  /** Relative to the table folder, with when each was last changed. */
  readonly files: ReadonlyMap<string, number>
  readonly newestAtMs: number
}

async function findFiles(store: LakeStore, folder: FolderEntry): Promise<FoundFiles> {
  const files = new Map<string, number>()
  let newestAtMs = folder.modifiedAtMs
  const visit = async (inner: string): Promise<void> => {
    for (const entry of await store.files.list(path.join(store.folder, folder.name, inner))) {
      const relative = path.join(inner, entry.name)
      newestAtMs = Math.max(newestAtMs, entry.modifiedAtMs)
      if (entry.isFolder) await visit(relative)
      else files.set(relative, entry.modifiedAtMs)
    }
  }
  await visit('')
  return { files, newestAtMs }
}

interface Sweep {
  readonly tableId: string
  readonly name: string
  readonly found: FoundFiles
  /** Files changed since are left: a writer may be about to commit them. */
  readonly newest: number
}

async function removeUnnamed(store: LakeStore, sweep: Sweep): Promise<string[]> {
  const candidates = [...sweep.found.files]
    .filter(([, changedAtMs]) => changedAtMs < sweep.newest)
    .map(([file]) => file)
  if (candidates.length === 0) return []
  const current = await loadCurrent(store, sweep.tableId)
  // Dropped since the pointers were listed: the next sweep takes the folder.
  if (current === undefined || path.basename(current.folder) !== sweep.name) return []
  const named = await namedFiles(store, sweep.tableId, current)
  const orphans = candidates.filter((file) => !named.has(file))
  await removeQuietly(store, current.folder, orphans)
  return orphans.map((file) => path.join(current.folder, file))
}

/** Every file that the table's kept snapshots and its metadata log name. Starts anew from the newest metadata when a snapshot expires meanwhile. */
async function namedFiles(
  store: LakeStore,
  tableId: string,
  from: Loaded,
): Promise<ReadonlySet<string>> {
  const attemptsMax = 10
  let current = from
  for (let attempt = 1; ; attempt++) {
    try {
      return await collectNamed(store, current)
    } catch (error) {
      const newest = await loadCurrent(store, tableId)
      if (
        !isCorrupt(error) ||
        newest === undefined ||
        newest.path === current.path ||
        attempt === attemptsMax
      )
        throw error
      current = newest
    }
  }
}

async function collectNamed(store: LakeStore, current: Loaded): Promise<ReadonlySet<string>> {
  const { metadata, folder } = current
  const paths = tablePaths(folder)
  const named = new Set<string>([path.join('metadata', path.basename(current.path))])
  for (const entry of metadata.metadataLog) named.add(paths.relative(entry.file))
  const seen = new Set<string>()
  for (const snapshot of metadata.snapshots) {
    named.add(paths.relative(snapshot.manifestList))
    for (const manifest of await readManifestList(store, folder, snapshot)) {
      named.add(manifest.path)
      if (seen.has(manifest.path) || liveFiles(manifest) === 0) continue
      seen.add(manifest.path)
      for (const entry of await readManifest(store, folder, manifest)) {
        if (entry.status !== 'deleted') named.add(entry.file.path)
      }
    }
  }
  return named
}

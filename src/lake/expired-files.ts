/** Files that only expired snapshots needed. History is one line, so a file deleted by a snapshot is needed only by those before it. */
import { readManifest, readManifestList } from './store.ts'
import type { LakeStore } from './store.ts'
import { removeQuietly } from './publish.ts'
import type { StoredSnapshot, TableMetadata } from './metadata.ts'
import { tablePaths } from './table-paths.ts'

export interface Expiry {
  readonly before: TableMetadata
  readonly after: TableMetadata
}

/** Removes them and returns how many; call it only after the pointer was swapped to `after`. What fails is left as an orphan. */
export async function removeExpired(
  store: LakeStore,
  folder: string,
  expiry: Expiry,
): Promise<number> {
  const kept = new Set(expiry.after.snapshots.map((snapshot) => snapshot.id))
  const expired = expiry.before.snapshots.filter((snapshot) => !kept.has(snapshot.id))
  const oldestKept = expiry.after.snapshots[0]
  if (expired.length === 0 || oldestKept === undefined) return 0
  try {
    return await removeQuietly(
      store,
      folder,
      await filesOfExpired(store, folder, { expired, oldestKept }),
    )
  } catch {
    // A list or manifest of an expired snapshot cannot be read: the commit stands, and upkeep finds the files as orphans.
    return 0
  }
}

async function filesOfExpired(
  store: LakeStore,
  folder: string,
  range: { readonly expired: readonly StoredSnapshot[]; readonly oldestKept: StoredSnapshot },
): Promise<Set<string>> {
  const { expired, oldestKept } = range
  const stillNamed = new Set(
    (await readManifestList(store, folder, oldestKept)).map((manifest) => manifest.path),
  )
  const removed = new Set<string>()
  for (const snapshot of [...expired, oldestKept]) {
    for (const file of await dataFilesDeletedBy(store, folder, snapshot)) removed.add(file)
  }
  for (const snapshot of expired) {
    for (const manifest of await readManifestList(store, folder, snapshot)) {
      if (!stillNamed.has(manifest.path)) removed.add(manifest.path)
    }
    removed.add(tablePaths(folder).relative(snapshot.manifestList))
  }
  return removed
}

async function dataFilesDeletedBy(
  store: LakeStore,
  folder: string,
  snapshot: StoredSnapshot,
): Promise<string[]> {
  const files: string[] = []
  for (const manifest of await readManifestList(store, folder, snapshot)) {
    if (manifest.addedSnapshotId !== snapshot.id || manifest.deleted.files === 0) continue
    for (const entry of await readManifest(store, folder, manifest)) {
      if (entry.status === 'deleted' && entry.snapshotId === snapshot.id)
        files.push(entry.file.path)
    }
  }
  return files
}

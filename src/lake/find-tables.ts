/** Finds the tables that lie in the lake folder without asking State: what is left when the records are lost. */
import path from 'node:path'
import { isMaruError } from '../base/errors.ts'
import { load, tableOf } from './store.ts'
import type { LakeStore, Loaded } from './store.ts'
import { isTableFolderName } from './table-paths.ts'
import type { Table } from './table.ts'

/**
 * The newest readable state of every table folder; of several folders of one id (a table that was dropped and made anew) the one written last. A commit that
 * was written but never acknowledged may be found too: its files are whole, since they were synced before.
 */
export async function findTables(store: LakeStore): Promise<readonly Table[]> {
  const newest = new Map<string, Loaded>()
  for (const folder of await store.files.list(store.folder)) {
    if (!folder.isFolder || !isTableFolderName(folder.name)) continue
    const found = await newestMetadata(store, folder.name)
    if (found === undefined) continue
    const id = folder.name.slice(0, folder.name.lastIndexOf('-'))
    const other = newest.get(id)
    if (other === undefined || other.metadata.lastUpdatedMs < found.metadata.lastUpdatedMs)
      newest.set(id, found)
  }
  return [...newest].map(([id, loaded]) => tableOf(id, loaded))
}

async function newestMetadata(store: LakeStore, folder: string): Promise<Loaded | undefined> {
  const files = await store.files.list(path.join(store.folder, folder, 'metadata'))
  const names = files.map((file) => file.name).filter((name) => name.endsWith('.metadata.json'))
  // Names begin with the version, padded: `00012-<uuid>.metadata.json`.
  for (const name of names.toSorted((left, right) => versionOf(right) - versionOf(left))) {
    try {
      return await load(store, path.join(folder, 'metadata', name))
    } catch (error) {
      // A torn file is one that was never acknowledged; the one before it is whole.
      if (!isMaruError(error) || error.code !== 'LAKE_CORRUPT') throw error
    }
  }
  return undefined
}

function versionOf(name: string): number {
  return Number.parseInt(name, 10)
}

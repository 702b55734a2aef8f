/**
 * Where a table lies. Iceberg's files hold absolute paths; a table folder's name holds the table's uuid, so the part after it is the
 * same wherever the lake was moved to.
 */
import path from 'node:path'
import type { TablePaths } from './manifest.ts'

/** `act.purchase` and its uuid give `act.purchase-1b4e28ba`. */
export function tableFolderName(tableId: string, uuid: string): string {
  return `${tableId}-${uuid.slice(0, 8)}`
}

/** The lake folder may hold what is not ours; only folders named like this are taken for tables. */
export function isTableFolderName(name: string): boolean {
  return /^[a-z0-9_.]+-[0-9a-f]{8}$/.test(name)
}

export function tablePaths(folder: string): TablePaths {
  const marker = `/${path.basename(folder)}/`
  return {
    location: folder,
    relative(file: string): string {
      const at = file.lastIndexOf(marker)
      // A file outside the table folder was added by another writer; its own path is all there is.
      return at === -1 ? file : file.slice(at + marker.length)
    },
  }
}

/** The absolute path of a file that is relative to the table folder. */
export function inTable(folder: string, relative: string): string {
  return path.isAbsolute(relative) ? relative : path.join(folder, relative)
}

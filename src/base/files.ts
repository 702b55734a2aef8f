/**
 * The one door to the disk for everything that must survive a crash. What DuckDB and SQLite write themselves
 * is made durable through it too (`syncFile`, `syncFolder`). A test version (test/simulation) forgets what was
 * not synced.
 *
 * Durability: a file's bytes survive once `syncFile` or a `durable` write returned AND the name survives once
 * `syncFolder` of its folder returned. New folders need their parent synced.
 */
export interface Files {
  /** Creates the folder and its parents; durable up to the first folder that existed. */
  makeFolder(path: string): Promise<void>
  /** Creates a new file with these bytes and syncs it; fails with FILE_FAILED when the name exists. The folder is not synced. */
  writeNew(path: string, bytes: Uint8Array): Promise<void>
  /** Creates a new file that grows at its end; fails with FILE_FAILED when the name exists. Neither its bytes nor its name are synced. */
  openNew(path: string): Promise<GrowingFile>
  /** Shortens a file to its first `size` bytes; not synced. */
  cut(path: string, size: number): Promise<void>
  read(path: string): Promise<Uint8Array>
  /** undefined when there is no such file. */
  size(path: string): Promise<number | undefined>
  syncFile(path: string): Promise<void>
  syncFolder(path: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  /** Removing what is not there is not an error. */
  remove(path: string): Promise<void>
  /** Removes a folder with all it holds. */
  removeFolder(path: string): Promise<void>
  /** Names directly in the folder with whether each is a folder; empty when there is no such folder. */
  list(path: string): Promise<readonly FolderEntry[]>
}

/** A file that is written at its end. What is appended survives once a `sync` that began afterwards returned. */
export interface GrowingFile {
  /** All of the parts, one after the other. */
  append(parts: readonly Uint8Array[]): Promise<void>
  /** The bytes and the size, not the times. */
  sync(): Promise<void>
  close(): Promise<void>
}

export interface FolderEntry {
  readonly name: string
  readonly isFolder: boolean
  readonly modifiedAtMs: number
}

/**
 * Files on the disk of this machine. A full disk is told apart (DISK_FULL) from all else (FILE_FAILED), whose cause
 * keeps the system's code.
 */
import { mkdir, open, readFile, readdir, rename, rm, stat, truncate } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import path from 'node:path'
import { MaruError, messageOf } from './errors.ts'
import type { Files, FolderEntry, GrowingFile } from './files.ts'

export const nodeFiles: Files = {
  makeFolder: (folder) => wrapped('create the folder', folder, () => makeFolder(folder)),
  writeNew: (file, bytes) => wrapped('write', file, () => writeNew(file, bytes)),
  openNew: (file) => wrapped('create', file, () => openNew(file)),
  cut: (file, size) => wrapped('shorten', file, () => truncate(file, size)),
  read: (file) => wrapped('read', file, () => readFile(file)),
  size: (file) => wrapped('look at', file, () => sizeOf(file)),
  syncFile: (file) => wrapped('sync', file, () => sync(file)),
  syncFolder: (folder) => wrapped('sync', folder, () => sync(folder)),
  rename: (from, to) => wrapped(`rename to ${to}`, from, () => rename(from, to)),
  remove: (file) => wrapped('remove', file, () => rm(file, { force: true })),
  removeFolder: (folder) =>
    wrapped('remove', folder, () => rm(folder, { force: true, recursive: true })),
  list: (folder) => wrapped('list', folder, () => list(folder)),
}

/** The folders that would have to be created for `folder` to exist, outermost first, when `created` is the outermost. */
export function createdFolders(created: string, folder: string): string[] {
  const chain: string[] = []
  for (let current = folder; ; current = path.dirname(current)) {
    chain.unshift(current)
    if (current === created || current === path.dirname(current)) return chain
  }
}

async function makeFolder(folder: string): Promise<void> {
  const target = path.resolve(folder)
  // Another process may have made the folder a moment ago and not have synced it yet, so its name is synced in any case.
  const created = (await mkdir(target, { recursive: true })) ?? target
  for (const step of createdFolders(created, target)) await sync(path.dirname(step))
}

async function writeNew(file: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(file, 'wx')
  try {
    await writeAndSync(handle, bytes)
  } catch (error) {
    // A half-written file must not keep the name; if it cannot be removed, it is an orphan, and the first error says more.
    await rm(file, { force: true }).catch(() => undefined)
    throw error
  }
}

async function writeAndSync(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  try {
    await handle.writeFile(bytes)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function openNew(file: string): Promise<GrowingFile> {
  const handle = await open(file, 'ax')
  return {
    append: (parts) => wrapped('write', file, () => writeAll(handle, parts)),
    sync: () => wrapped('sync', file, () => handle.datasync()),
    close: () => wrapped('close', file, () => handle.close()),
  }
}

/** A write may take less than it was given, as on a disk that is nearly full; the next one then has the error. */
async function writeAll(handle: FileHandle, parts: readonly Uint8Array[]): Promise<void> {
  let rest = parts
  while (rest.length > 0) {
    let { bytesWritten: written } = await handle.writev(rest)
    const whole = rest.findIndex((part) => {
      if (part.length > written) return true
      written -= part.length
      return false
    })
    if (whole === -1) return
    rest = [rest[whole]!.subarray(written), ...rest.slice(whole + 1)]
  }
}

async function sizeOf(file: string): Promise<number | undefined> {
  try {
    return (await stat(file)).size
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined
    throw error
  }
}

async function sync(target: string): Promise<void> {
  const handle = await open(target, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function list(folder: string): Promise<readonly FolderEntry[]> {
  let names: string[]
  try {
    names = await readdir(folder)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
  const entries: FolderEntry[] = []
  for (const name of names.toSorted()) {
    try {
      const status = await stat(path.join(folder, name))
      entries.push({ name, isFolder: status.isDirectory(), modifiedAtMs: status.mtimeMs })
    } catch (error) {
      // Removed by another process since the names were read: then it is not in the folder.
      if (systemCode(error) !== 'ENOENT') throw error
    }
  }
  return entries
}

async function wrapped<T>(action: string, target: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw fileError(action, target, error)
  }
}

/** The error that a failed file operation shows: what was tried on which path, and the system's own words. */
export function fileError(action: string, target: string, error: unknown): MaruError {
  const code = systemCode(error)
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new MaruError('DISK_FULL', `cannot ${action} ${target}: no space is left`, {
      hint: 'free some space, then run the same again; nothing was published',
      retry: 'later',
      cause: error,
    })
  }
  return new MaruError('FILE_FAILED', `cannot ${action} ${target}: ${messageOf(error)}`, {
    hint: hintFor(code),
    cause: error,
  })
}

function hintFor(code: string | undefined): string {
  if (code === 'ENOENT') return 'the file or its folder is missing; was it moved or removed?'
  if (code === 'EACCES' || code === 'EPERM') return 'check who owns the folder and may write there'
  if (code === 'EMFILE' || code === 'ENFILE') return 'raise the limit of open files (ulimit -n)'
  return 'check the disk, then run the same again'
}

function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

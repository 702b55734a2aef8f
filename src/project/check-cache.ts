/**
 * What the last check of a project found, kept under `.maru/cache/check`, so that a command starts without importing a declaration or
 * opening an engine. It is only ever a copy: anything odd about it (another version, a torn file, a changed file) means it is not there.
 *
 * Files: `checked.json` (what it is valid for, problems, which entry each task has) names `model-<hash>.json` and `tasks-<hash>.json` by
 * content, and is renamed into place last. One generation is kept, so the size is that of the project. Nothing here needs to survive a crash.
 */
import { createHash, randomUUID } from 'node:crypto'
import {
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import type { Problem } from '../base/errors.ts'
import { contentHash } from '../base/hash.ts'
import { parseJson, stringifyJson } from '../base/json.ts'
import type { Binding } from '../engine/engine.ts'
import type { Model } from '../model/model.ts'
import type { ProjectSettings } from './config.ts'
import { configFile, declarationFiles } from './find.ts'
import type { TaskFault } from './task-fault.ts'

/** Grows when what the files hold changes. */
const cacheFormat = 3

/** A file with a time this near to the reading of the clock may still have changed after it was read. */
const clockGrainMs = 50

export interface TaskEntry {
  /** Absent when the SQL does not bind. */
  readonly binding?: Binding
  readonly faults: readonly TaskFault[]
}

export interface CheckRecord {
  readonly settings: ProjectSettings
  readonly problems: readonly Problem[]
  readonly model: Model
  /** Entries by key; a key is a hash of all that the entry follows from. */
  readonly entries: ReadonlyMap<string, TaskEntry>
  /** Which entry each table with SQL has. */
  readonly keys: Readonly<Record<string, string>>
}

interface FileMark {
  readonly size: number
  readonly modifiedAtMs: number
  readonly changedAtMs: number
  readonly hash: string
}

/** What a record is valid for. */
interface Validity {
  readonly format: number
  /** Absolute: settings name absolute places, and a folder that was moved or copied takes its cache along. */
  readonly folder: string
  readonly maru: string
  readonly engineVersion: string
  readonly files: Readonly<Record<string, FileMark>>
  readonly environment: readonly string[]
  readonly environmentHash: string
  /** Random, so that the hash of a short secret cannot be looked up in a table. */
  readonly salt: string
  readonly readAtMs: number
}

interface Head extends Validity {
  readonly settings: ProjectSettings
  readonly problems: readonly Problem[]
  readonly keys: Readonly<Record<string, string>>
  readonly modelHash: string
  readonly tasksHash: string
}

export interface CachedCheck {
  readonly settings: ProjectSettings
  readonly problems: readonly Problem[]
  readonly keys: Readonly<Record<string, string>>
  readonly engineVersion: string
  readonly files: readonly string[]
  /** Reads the part on demand. */
  model(): Model
  entries(): ReadonlyMap<string, TaskEntry>
}

export interface CacheOptions {
  readonly folder: string
  /** Identity of the running Maru. */
  readonly maru: string
}

/** The record of the last check, when it is still true for the files and the environment as they are; else undefined. */
export function readCheck(options: CacheOptions): CachedCheck | undefined {
  try {
    const head = readHead(options)
    if (head?.folder !== resolve(options.folder) || !isEnvironmentSame(head)) return undefined
    const marks = currentMarks(options.folder, head)
    if (marks === undefined) return undefined
    const parts = {
      model: readPart(options.folder, 'model', head.modelHash),
      tasks: readPart(options.folder, 'tasks', head.tasksHash),
    }
    if (marks.refreshed)
      writeAtomically(
        join(cacheFolder(options.folder), 'checked.json'),
        stringifyJson({ ...head, files: marks.files, readAtMs: marks.readAtMs }),
      )
    return {
      settings: head.settings,
      problems: head.problems,
      keys: head.keys,
      engineVersion: head.engineVersion,
      files: Object.keys(head.files),
      model: () => parseFast(parts.model) as Model,
      entries: () => new Map(Object.entries(parseFast(parts.tasks) as Record<string, TaskEntry>)),
    }
  } catch {
    // A cache that cannot be read is as good as none.
    return undefined
  }
}

/** Entries of the last check whatever has changed since: a key says all that an entry follows from. */
export function readEntries(options: CacheOptions): ReadonlyMap<string, TaskEntry> {
  try {
    const head = readHead(options)
    if (head === undefined) return new Map()
    return new Map(
      Object.entries(
        parseFast(readPart(options.folder, 'tasks', head.tasksHash)) as Record<string, TaskEntry>,
      ),
    )
  } catch {
    // As above.
    return new Map()
  }
}

export interface CheckedFiles {
  /** Relative to the project folder. */
  readonly files: readonly string[]
  readonly environment: readonly string[]
  readonly engineVersion: string
  /** Taken before the first file was read. */
  readonly before: FilesBefore
}

/** The declarations as they were before they were loaded: one that was edited meanwhile is not what was loaded. */
export interface FilesBefore {
  readonly readAtMs: number
  readonly hashes: ReadonlyMap<string, string>
}

export function filesBefore(folder: string): FilesBefore {
  const readAtMs = Date.now()
  const paths = [configFile, ...declarationFiles(folder)]
  return { readAtMs, hashes: new Map(paths.map((path) => [path, hashFile(join(folder, path))])) }
}

/** Keeps the record, unless a file has changed since it was read. A failure to write is not a failure of the check. */
export function writeCheck(
  options: CacheOptions,
  record: CheckRecord,
  checked: CheckedFiles,
): void {
  try {
    const files = marksOf(options.folder, checked)
    if (files === undefined) return
    const model = Buffer.from(stringifyJson(record.model))
    const tasks = Buffer.from(stringifyJson(Object.fromEntries(record.entries)))
    const salt = randomUUID()
    const head: Head = {
      format: cacheFormat,
      folder: resolve(options.folder),
      maru: options.maru,
      engineVersion: checked.engineVersion,
      files,
      environment: checked.environment,
      environmentHash: environmentHash(salt, checked.environment),
      salt,
      readAtMs: checked.before.readAtMs,
      settings: record.settings,
      problems: record.problems,
      keys: record.keys,
      modelHash: bytesHash(model),
      tasksHash: bytesHash(tasks),
    }
    const folder = cacheFolder(options.folder)
    mkdirSync(folder, { recursive: true })
    writeAtomically(join(folder, `model-${head.modelHash}.json`), model)
    writeAtomically(join(folder, `tasks-${head.tasksHash}.json`), tasks)
    writeAtomically(join(folder, 'checked.json'), stringifyJson(head))
    removeOthers(
      folder,
      new Set(['checked.json', `model-${head.modelHash}.json`, `tasks-${head.tasksHash}.json`]),
    )
  } catch {
    // A folder that cannot be written (read-only, full) only means that the next check is slow.
  }
}

/** Undefined when a file was edited while it was loaded. */
function marksOf(folder: string, checked: CheckedFiles): Record<string, FileMark> | undefined {
  const files: Record<string, FileMark> = {}
  for (const path of checked.files) {
    const mark = statMark(join(folder, path))
    if (mark === undefined) return undefined
    const hash = hashFile(join(folder, path))
    const before = checked.before.hashes.get(path)
    if (before === undefined ? timeOf(mark) > checked.before.readAtMs : before !== hash)
      return undefined
    files[path] = { ...mark, hash }
  }
  return files
}

function cacheFolder(folder: string): string {
  return join(folder, '.maru', 'cache', 'check')
}

function readHead(options: CacheOptions): Head | undefined {
  const head = JSON.parse(
    readFileSync(join(cacheFolder(options.folder), 'checked.json'), 'utf8'),
  ) as Head
  return head.format === cacheFormat && head.maru === options.maru ? head : undefined
}

function readPart(folder: string, name: string, hash: string): Buffer {
  const bytes = readFileSync(join(cacheFolder(folder), `${name}-${hash}.json`))
  if (bytesHash(bytes) !== hash) throw new Error(`damaged ${name}`)
  return bytes
}

/** Over bytes, not texts: the parts are read at every start, and parsed only when somebody asks. */
function bytesHash(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 32)
}

/** The marks of all files as they are now; undefined when any content differs, or a declaration came or went. */
function currentMarks(
  folder: string,
  head: Validity,
):
  | {
      readonly files: Record<string, FileMark>
      readonly refreshed: boolean
      readonly readAtMs: number
    }
  | undefined {
  const readAtMs = Date.now()
  if (declarationFiles(folder).some((path) => head.files[path] === undefined)) return undefined
  const files: Record<string, FileMark> = {}
  let refreshed = false
  for (const [path, known] of Object.entries(head.files)) {
    const mark = statMark(join(folder, path))
    if (mark === undefined || mark.size !== known.size) return undefined
    if (
      mark.modifiedAtMs === known.modifiedAtMs &&
      mark.changedAtMs === known.changedAtMs &&
      !isAfter(mark, head.readAtMs)
    ) {
      files[path] = known
      continue
    }
    if (hashFile(join(folder, path)) !== known.hash) return undefined
    files[path] = { ...mark, hash: known.hash }
    refreshed = true
  }
  return { files, refreshed, readAtMs }
}

function statMark(path: string): Omit<FileMark, 'hash'> | undefined {
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats === undefined
    ? undefined
    : { size: stats.size, modifiedAtMs: stats.mtimeMs, changedAtMs: stats.ctimeMs }
}

function isAfter(mark: Omit<FileMark, 'hash'>, readAtMs: number): boolean {
  return timeOf(mark) > readAtMs - clockGrainMs
}

function timeOf(mark: Omit<FileMark, 'hash'>): number {
  return Math.max(mark.modifiedAtMs, mark.changedAtMs)
}

function hashFile(path: string): string {
  return bytesHash(readFileSync(path))
}

function isEnvironmentSame(head: Validity): boolean {
  return environmentHash(head.salt, head.environment) === head.environmentHash
}

function environmentHash(salt: string, names: readonly string[]): string {
  // The values decide whether what is kept is still true; they are read where they are compared.
  // oxlint-disable-next-line node/no-process-env
  const environment = process.env
  return contentHash(
    salt,
    ...names.flatMap((name) => [
      name,
      environment[name] === undefined ? 'unset' : `=${environment[name]}`,
    ]),
  )
}

/** `parseJson` looks at every value, which is slow; only integers beyond 2^53 need it. */
function parseFast(bytes: Buffer): unknown {
  const text = bytes.toString('utf8')
  return /[:,[]-?\d{16,}/.test(text) ? parseJson(text) : JSON.parse(text)
}

function writeAtomically(path: string, text: string | Uint8Array): void {
  const temporary = `${path}.${randomUUID()}`
  writeFileSync(temporary, text)
  renameSync(temporary, path)
}

/** Two checks at once may remove each other's parts; the loser's head then names a missing part and is rebuilt. */
function removeOthers(folder: string, keep: ReadonlySet<string>): void {
  for (const name of readdirSync(folder)) {
    if (!keep.has(name)) rmSync(join(folder, name), { force: true })
  }
}

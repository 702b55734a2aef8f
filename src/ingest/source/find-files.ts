/** Paths and globs of a declaration to files on the disk, in one order. */
import { createReadStream } from 'node:fs'
import { glob, stat } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import path from 'node:path'
import { z } from 'zod'
import { MaruError, messageOf } from '../../base/errors.ts'

export interface FoundFile {
  /** As the glob found it, with forward slashes: relative to the project folder if the glob is. */
  readonly label: string
  /** Absolute. */
  readonly path: string
}

/** Sorted by label; a file that two globs find counts once. SOURCE_MISSING when a glob finds none. */
export async function findFiles(
  projectFolder: string,
  globs: readonly string[],
): Promise<readonly FoundFile[]> {
  const found = new Map<string, FoundFile>()
  for (const pattern of globs) {
    const files = await matches(projectFolder, pattern)
    if (files.length === 0) throw missing(projectFolder, pattern)
    for (const file of files) if (!found.has(file.path)) found.set(file.path, file)
  }
  return [...found.values()].toSorted((left, right) => (left.label < right.label ? -1 : 1))
}

/** What tells whether a file is still the one that was loaded. */
export interface FileMark {
  readonly sizeBytes: number
  /** Nanoseconds since 1970. */
  readonly modifiedAt: string
  /** SHA-256 of the bytes, hex. */
  readonly hash: string
}

const fileMark: z.ZodType<FileMark> = z.object({
  sizeBytes: z.number(),
  modifiedAt: z.string(),
  hash: z.string(),
})

/** A mark as it was kept; undefined when there is none. */
export function parseMark(text: string | null | undefined): FileMark | undefined {
  return text === undefined || text === null ? undefined : fileMark.parse(JSON.parse(text))
}

/** Undefined when there is no such file any more. */
export async function sizeAndTime(
  file: FoundFile,
): Promise<Pick<FileMark, 'sizeBytes' | 'modifiedAt'> | undefined> {
  const found = await stat(file.path, { bigint: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw unreadable(file, error)
  })
  if (found === undefined) return undefined
  return { sizeBytes: Number(found.size), modifiedAt: String(found.mtimeNs) }
}

export async function hashOf(file: FoundFile): Promise<string> {
  const hash = createHash('sha256')
  try {
    for await (const chunk of createReadStream(file.path, { highWaterMark: 1024 * 1024 })) {
      hash.update(chunk as Buffer)
    }
  } catch (error) {
    throw unreadable(file, error)
  }
  return hash.digest('hex')
}

function unreadable(file: FoundFile, error: unknown): MaruError {
  return new MaruError('FILE_FAILED', `${file.label} cannot be read: ${messageOf(error)}`, {
    hint: `look at the permissions of ${file.path}`,
    cause: error,
  })
}

async function matches(projectFolder: string, pattern: string): Promise<FoundFile[]> {
  // A path that exists is meant as it is, even with a bracket in its name.
  const exact = await stat(path.resolve(projectFolder, pattern)).catch(() => undefined)
  if (exact?.isFile() === true) return [found(projectFolder, pattern)]
  const files: FoundFile[] = []
  for await (const entry of glob(pattern, { cwd: projectFolder })) {
    const file = found(projectFolder, entry)
    const stats = await stat(file.path).catch(() => undefined)
    if (stats?.isFile() === true) files.push(file)
  }
  return files
}

function found(projectFolder: string, name: string): FoundFile {
  return { label: name.replaceAll(path.sep, '/'), path: path.resolve(projectFolder, name) }
}

function missing(projectFolder: string, pattern: string): MaruError {
  const resolved = path.resolve(projectFolder, pattern)
  return new MaruError('SOURCE_MISSING', `there is no file ${resolved}`, {
    hint: `put the files there, correct \`path\`, or, where the declaration takes the folder from env('NAME', …), set that environment variable`,
  })
}

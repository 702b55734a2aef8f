/** The command line as a user meets it: a process of its own. */
import { execFile } from 'node:child_process'
import path from 'node:path'

export const repository: string = path.resolve(import.meta.dirname, '../..')
export const maruCommand: string = path.join(repository, 'src/cli/maru.ts')

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const timeLimitMs = 60_000

/** Never rejects: the exit code is part of the answer. */
export function runMaru(folder: string, ...args: readonly string[]): Promise<Finished> {
  const { promise, resolve } = Promise.withResolvers<Finished>()
  const child = execFile(
    process.execPath,
    [maruCommand, ...args],
    { cwd: folder, timeout: timeLimitMs, maxBuffer: 64 * 1024 * 1024 },
    (_error, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
  )
  return promise
}

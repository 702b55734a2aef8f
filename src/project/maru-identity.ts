/** Which Maru is running: its version with its pinned parts and, in a checkout, the state of its sources. */
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { contentHash } from '../base/hash.ts'

/** Maru's own package folder. */
export const packageFolder: string = join(import.meta.dirname, '..', '..')

/** The folders whose code decides what a check finds. */
const decidingFolders = ['base', 'model', 'engine', 'project']

let identity: string | undefined

/** Differs whenever a check could come out differently because of Maru itself. 2 ms the first time. */
export function maruIdentity(): string {
  identity ??= contentHash(
    readFileSync(join(packageFolder, 'package.json'), 'utf8'),
    process.version,
    ...decidingFolders.flatMap((name) => sourceMarks(join(import.meta.dirname, '..', name))),
  )
  return identity
}

export function maruVersion(): string {
  return (
    JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as {
      readonly version: string
    }
  ).version
}

function sourceMarks(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.includes('.test.'))
    .map((entry) => {
      const path = join(entry.parentPath, entry.name)
      const stats = statSync(path)
      return `${path}:${stats.size}:${stats.mtimeMs}`
    })
    .toSorted()
}

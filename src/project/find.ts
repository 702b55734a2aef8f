import { existsSync, readdirSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { MaruError } from '../base/errors.ts'
import { fileStamp } from '../base/file-stamp.ts'
import { tableClasses } from '../model/model.ts'

export const configFile = 'maru.config.ts'

/** The folders whose files are declarations, in the order that data takes. */
const declarationFolders: readonly string[] = [...tableClasses, 'metric']

/** The nearest folder from `from` upward that holds a maru.config.ts; PROJECT_NOT_FOUND when there is none. */
export function findProject(from: string): string {
  const start = resolve(from)
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, configFile))) return folder
    if (dirname(folder) === folder) break
  }
  throw new MaruError('PROJECT_NOT_FOUND', `no ${configFile} in ${start} or a folder above`, {
    hint: 'run `maru init DIR` to make a project, or name one with --project DIR',
  })
}

/** Declaration files relative to the project folder, with `/`, sorted. Tests, type declarations and hidden files are none. */
export function declarationFiles(folder: string): readonly string[] {
  const found: string[] = []
  const walk = (directory: string): void => {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      if (entry.name.startsWith('.') || entry.name === 'node_modules') continue
      const path = join(directory, entry.name)
      if (entry.isDirectory()) walk(path)
      else if (isDeclarationFile(entry.name)) found.push(projectPath(folder, path))
    }
  }
  for (const name of declarationFolders) {
    const directory = join(folder, name)
    if (existsSync(directory)) walk(directory)
  }
  return found.toSorted()
}

/** A text that differs when the configuration, a declaration or one of `files` (relative to the folder) came, went or was written since. */
export async function projectStamp(folder: string, files: readonly string[]): Promise<string> {
  const names = new Set([configFile, ...declarationFiles(folder), ...files])
  const stamps = await Promise.all(
    [...names].toSorted().map(async (name) => `${name} ${await fileStamp(join(folder, name))}`),
  )
  return stamps.join('\n')
}

/** A path relative to the project folder, with `/` on every system. */
export function projectPath(folder: string, path: string): string {
  return relative(folder, path).split(sep).join('/')
}

function isDeclarationFile(name: string): boolean {
  return name.endsWith('.ts') && !name.endsWith('.d.ts') && !name.endsWith('.test.ts')
}

/** Writes `raw/<name>.ts` from what a database says of itself. */
import { existsSync } from 'node:fs'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MaruError } from '../base/errors.ts'
import { rawDeclaration } from '../ingest/ingest.ts'
import type { Source } from '../ingest/source.ts'

export interface PullOptions {
  readonly folder: string
  readonly name: string
  readonly replace: boolean
  /** Only these schemas of the database; all of the user's when absent. */
  readonly schemas?: readonly string[]
}

/** Throws PROJECT_EXISTS when the file is there and may not be replaced. */
export async function pullSource(
  source: Source,
  options: PullOptions,
): Promise<{ readonly path: string; readonly tables: number }> {
  const path = join(options.folder, 'raw', `${options.name}.ts`)
  if (existsSync(path) && !options.replace) {
    throw new MaruError('PROJECT_EXISTS', `raw/${options.name}.ts is there already`, {
      hint: 'run again with --replace to write it anew; edits of yours in it would be lost',
    })
  }
  const described = await source.describe()
  const tables =
    options.schemas === undefined
      ? described
      : described.filter((table) => options.schemas!.includes(table.schema))
  if (tables.length === 0) {
    const schemas = [...new Set(described.map((table) => table.schema))].join(', ')
    throw new MaruError('SOURCE_MISSING', `source "${options.name}" has no tables to pull`, {
      hint: schemas === '' ? 'is this the right database?' : `its schemas are ${schemas}`,
    })
  }
  await mkdir(join(options.folder, 'raw'), { recursive: true })
  // Renamed into place, so that a reader never sees half a file.
  await writeFile(`${path}.new`, rawDeclaration(options.name, 'unknown', tables))
  await rename(`${path}.new`, path)
  return { path, tables: tables.length }
}

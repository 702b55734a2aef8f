/** Rows made here, for the engine to read. */
import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringifyWellFormed } from '../base/json.ts'
import type { Files } from '../base/files.ts'
import type { Session } from '../engine/engine.ts'
import type { ColumnModel } from '../model/model.ts'

export interface Spool {
  readonly session: Session
  readonly files: Files
  /** Absolute; one session at a time works in it. */
  readonly folder: string
}

export interface SpooledRows {
  readonly rows: readonly object[]
  readonly columns: readonly Pick<ColumnModel, 'name' | 'type'>[]
}

const suffix = '.ndjson'

/** The rows are the temporary table `spool` while `work` goes on. */
export async function withSpool<T>(
  { session, files, folder }: Spool,
  { rows, columns }: SpooledRows,
  work: () => Promise<T>,
): Promise<T> {
  const path = join(folder, `${randomUUID()}${suffix}`)
  try {
    await writeFile(path, rows.map((row) => stringifyWellFormed(row)).join('\n'))
    await session.readFiles('spool', {
      format: 'ndjson',
      files: [{ path, label: 'log', isSpool: true }],
      columns,
    })
    return await work()
  } finally {
    await session.run('drop table if exists spool')
    await files.remove(path)
  }
}

/** What a process that was killed left behind. */
export async function removeSpools(files: Files, folder: string): Promise<void> {
  for (const { name } of await files.list(folder))
    if (name.endsWith(suffix)) await files.remove(join(folder, name))
}

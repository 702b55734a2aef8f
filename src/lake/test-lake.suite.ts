/** A lake in a temporary folder over real records and files, and data files of plain bytes: the lake never looks inside a data file. */
import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { Files } from '../base/files.ts'
import { nodeFiles } from '../base/node-files.ts'
import { openSqliteState } from '../state/sqlite.ts'
import type { State } from '../state/state.ts'
import { openLake } from './lake.ts'
import type { ColumnStatistics, DataFile, Lake, LakeRules, Table, TableDefinition } from './lake.ts'

export interface TestLake {
  readonly folder: string
  readonly state: State
  readonly lake: Lake
  /** Another lake over the same folder and records, with caches of its own. */
  readonly again: () => Lake
  readonly close: () => Promise<void>
}

export interface TestLakeOptions {
  readonly rules?: Partial<LakeRules>
  readonly now?: () => number
  readonly files?: Files
}

export async function openTestLake(options: TestLakeOptions = {}): Promise<TestLake> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'maru-lake-'))
  const files = options.files ?? nodeFiles
  const state = await openSqliteState({ path: path.join(folder, 'state.db'), files: nodeFiles })
  const open = (): Lake => openLake({ ...options, folder: path.join(folder, 'lake'), state, files })
  return {
    folder,
    state,
    lake: open(),
    again: open,
    close: async () => {
      await state.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export const purchase: TableDefinition = {
  id: 'act.purchase',
  partition: { kind: 'day', column: 'day' },
  columns: [
    { name: 'id', type: { kind: 'integer' }, required: true, description: 'order line' },
    { name: 'amount', type: { kind: 'decimal', precision: 18, scale: 2 }, required: false },
    { name: 'city', type: { kind: 'text' }, required: false },
    { name: 'day', type: { kind: 'date' }, required: false },
  ],
}

export interface FakeFile {
  readonly partition: string
  readonly rows?: number
  readonly columns?: ReadonlyMap<number, ColumnStatistics>
  readonly bytes?: string
}

/** Writes a file where an engine would, not synced. The table's data folder is there already (`dataFolder`). */
export async function stage(table: Table, fake: FakeFile): Promise<DataFile> {
  const relative = path.join('data', fake.partition, `${randomUUID()}.parquet`)
  const bytes = fake.bytes ?? `rows of ${fake.partition}`
  await mkdir(path.join(table.folder, path.dirname(relative)), { recursive: true })
  await writeFile(path.join(table.folder, relative), bytes)
  return {
    path: relative,
    partition: fake.partition,
    rows: fake.rows ?? 10,
    sizeBytes: Buffer.byteLength(bytes),
    columns: fake.columns ?? new Map(),
  }
}

/** Paths inside the table folder of what a scan opens, sorted. */
export async function scannedPaths(
  lake: Lake,
  table: Table,
  options: Parameters<Lake['scan']>[1] = {},
): Promise<string[]> {
  const scan = await lake.scan(table, options)
  return scan.files.map((file) => path.relative(table.folder, file.path)).toSorted()
}

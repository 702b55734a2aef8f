/** Tables that the lake's benchmarks share: twenty columns with statistics, split by day. */
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { Files } from '../src/base/files.ts'
import { nodeFiles } from '../src/base/node-files.ts'
import { dayNumber, dayOfNumber } from '../src/base/time.ts'
import { openLake } from '../src/lake/lake.ts'
import type { ColumnStatistics, DataFile, Lake, TableDefinition } from '../src/lake/lake.ts'
import { openSqliteState } from '../src/state/sqlite.ts'

const firstDay = dayNumber('2011-01-01')
const kinds = ['integer', 'text', 'timestamp', 'number'] as const

export const wideTable: TableDefinition = {
  id: 'act.wide',
  partition: { kind: 'day', column: 'day' },
  columns: [
    { name: 'day', type: { kind: 'date' }, required: false },
    ...Array.from({ length: 19 }, (_, index) => ({
      name: `column_${index}`,
      type: { kind: kinds[index % kinds.length]! },
      required: false,
    })),
  ],
}

export function dayOf(index: number): number {
  return firstDay + index
}

/** The description of a file of one day; the file itself need not be there to plan a read. */
export function wideFile(day: number, name: string): DataFile {
  const partition = `day=${dayOfNumber(day)}`
  const columns = new Map<number, ColumnStatistics>([[1, statistics(day, day)]])
  for (let id = 2; id <= 20; id++) {
    const kind = kinds[(id - 2) % kinds.length]!
    const low = BigInt(day) * 86_400_000_000n + BigInt(id)
    const lower =
      kind === 'text' ? `text ${day} of column ${id}` : kind === 'number' ? Number(low) : low
    const upper =
      kind === 'text'
        ? `text ${day} of column ${id}, the last`
        : kind === 'number'
          ? Number(low) + 1
          : low + 86_399_999_999n
    columns.set(id, statistics(lower, upper))
  }
  return { path: `data/${partition}/${name}.parquet`, partition, rows: 2000, sizeBytes: 4, columns }
}

function statistics(
  lower: ColumnStatistics['lower'] & {},
  upper: ColumnStatistics['upper'] & {},
): ColumnStatistics {
  return { sizeBytes: 8000, valueCount: 2000, nullCount: 3, lower, upper }
}

export interface BenchLake {
  readonly folder: string
  /** Another lake over the same folder, with empty caches. */
  readonly open: () => Lake
  readonly close: () => Promise<void>
}

export async function openBenchLake(files: Files = nodeFiles): Promise<BenchLake> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'maru-bench-lake-'))
  const state = await openSqliteState({ path: path.join(folder, 'state.db'), files: nodeFiles })
  return {
    folder,
    open: () =>
      openLake({
        folder: path.join(folder, 'lake'),
        state,
        files,
        rules: { keepSnapshotsMs: 0 },
      }),
    close: async () => {
      await state.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/**
 * How long a durable commit takes after 10,000 of them. One file of 20 columns is appended at each, everything is synced, 100 snapshots are
 * kept. Beside: writing and syncing as many files and folders as a commit does, and a transaction of SQLite, with nothing in them.
 */
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { nodeFiles } from '../src/base/node-files.ts'
import { openSqliteState } from '../src/state/sqlite.ts'
import { median, timed } from './figure.ts'
import type { Bench } from './figure.ts'
import { dayOf, openBenchLake, wideFile, wideTable } from './lake-tables.ts'
import type { BenchLake } from './lake-tables.ts'

const filesPerDay = 30
/** Medians are over as many commits. */
const window = 100

export const run: Bench = async ({ short }) => {
  const bench = await openBenchLake()
  try {
    const commits = short ? 600 : 10_000
    const { times, metadataBytes } = await commitMany(bench, commits)
    const bare = await bareWrites(bench)
    const early = median(times.slice(0, window))
    const late = median(times.slice(-window))
    const slowest = times.slice(-10 * window).toSorted((left, right) => left - right)
    return [
      {
        what: `commit, median of the first ${window}`,
        value: early,
        unit: 'ms',
        beside: { what: 'bare writes and syncs', value: bare },
      },
      {
        what: `commit, median of the last ${window} of ${commits}`,
        value: late,
        unit: 'ms',
        beside: { what: `the first ${window}`, value: early },
      },
      {
        what: 'commit, 99 of 100 are faster',
        value: slowest[Math.floor(slowest.length * 0.99)]!,
        unit: 'ms',
      },
      {
        what: `metadata after ${commits} commits`,
        value: metadataBytes / 1e6,
        unit: 'MB',
        beside: { what: 'the limit', value: 10 },
      },
    ]
  } finally {
    await bench.close()
  }
}

async function commitMany(
  bench: BenchLake,
  commits: number,
): Promise<{ readonly times: number[]; readonly metadataBytes: number }> {
  const lake = bench.open()
  let table = await lake.create(wideTable)
  await lake.dataFolder(table)
  const times: number[] = []
  for (let commit = 0; commit < commits; commit++) {
    const file = wideFile(dayOf(Math.floor(commit / filesPerDay)), `file-${commit}`)
    await mkdir(path.dirname(path.join(table.folder, file.path)), { recursive: true })
    await writeFile(path.join(table.folder, file.path), 'rows')
    times.push(
      await timed(
        async () => (table = await lake.commit(table, { kind: 'append', files: [file] })),
      ),
    )
  }
  if (table.current?.summary['total-data-files'] !== String(commits))
    throw new Error('a commit was lost')
  return { times, metadataBytes: await sizeOf(path.join(table.folder, 'metadata')) }
}

async function sizeOf(folder: string): Promise<number> {
  let bytes = 0
  for (const name of await readdir(folder)) bytes += (await stat(path.join(folder, name))).size
  return bytes
}

/** The data file and two folders, three files of metadata and their folder, and the swap of the pointer. */
async function bareWrites(bench: BenchLake): Promise<number> {
  const folder = path.join(bench.folder, 'bare')
  const inner = path.join(folder, 'inner')
  await nodeFiles.makeFolder(inner)
  const state = await openSqliteState({ path: path.join(folder, 'state.db'), files: nodeFiles })
  const times: number[] = []
  for (let index = 0; index < window; index++) {
    const data = path.join(inner, `data-${index}`)
    await writeFile(data, 'rows')
    times.push(
      await timed(async () => {
        await nodeFiles.syncFile(data)
        await nodeFiles.syncFolder(inner)
        await nodeFiles.syncFolder(folder)
        for (const name of ['manifest', 'list', 'metadata'])
          await nodeFiles.writeNew(path.join(inner, `${name}-${index}`), Buffer.alloc(8000))
        await nodeFiles.syncFolder(inner)
        await state.publish({ values: new Map([['bench', new Map([['commit', String(index)]])]]) })
      }),
    )
  }
  await state.close()
  return median(times)
}

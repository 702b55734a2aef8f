/**
 * How long it takes to find the files of a question among 10,000. The table has 20 columns and a year of days, written in 100 commits.
 * Cold: nothing decoded is kept, the bytes are in the system's cache. Beside: reading the same metadata files and nothing else.
 */
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { nodeFiles } from '../src/base/node-files.ts'
import { median, timed } from './figure.ts'
import type { Bench, Figure } from './figure.ts'
import { dayOf, openBenchLake, wideFile, wideTable } from './lake-tables.ts'
import type { Lake, ScanOptions, Table } from '../src/lake/lake.ts'

const filesTotal = 10_000
const commits = 100
const days = 365

export const run: Bench = async ({ short }) => {
  // The data files are not there: nothing is read of them, and syncing them is what bench/lake-commit.ts measures.
  const bench = await openBenchLake({
    ...nodeFiles,
    syncFile: async () => undefined,
    syncFolder: async () => undefined,
  })
  try {
    const table = await fill(bench.open())
    const repeats = short ? 5 : 15
    const oneDay: ScanOptions = {
      filters: [{ column: 'day', lower: dayOf(200), upper: dayOf(200) }],
    }
    const warm = bench.open()
    await warm.scan(table)
    const expected = { day: filesTotal / days, all: filesTotal }
    return [
      await cold('plan one day, cold', {
        table,
        options: oneDay,
        repeats,
        open: bench.open,
        expected: expected.day,
      }),
      await planned('plan one day, warm', {
        table,
        options: oneDay,
        repeats,
        open: () => warm,
        expected: expected.day,
      }),
      await cold('plan all days, cold', {
        table,
        options: {},
        repeats,
        open: bench.open,
        expected: expected.all,
      }),
      await planned('plan all days, warm', {
        table,
        options: {},
        repeats,
        open: () => warm,
        expected: expected.all,
      }),
    ]
  } finally {
    await bench.close()
  }
}

async function fill(lake: Lake): Promise<Table> {
  let table = await lake.create(wideTable)
  const perCommit = filesTotal / commits
  for (let commit = 0; commit < commits; commit++) {
    const files = Array.from({ length: perCommit }, (_, index) => {
      const number = commit * perCommit + index
      return wideFile(dayOf(Math.floor((number * days) / filesTotal)), `file-${number}`)
    })
    table = await lake.commit(table, { kind: 'append', files })
  }
  return table
}

interface Question {
  readonly table: Table
  readonly options: ScanOptions
  readonly repeats: number
  readonly open: () => Lake
  /** About how many files are to be opened. */
  readonly expected: number
}

async function planned(what: string, question: Question): Promise<Figure> {
  const times: number[] = []
  for (let repeat = 0; repeat < question.repeats; repeat++) {
    const lake = question.open()
    times.push(
      await timed(async () => {
        const table = (await lake.table(question.table.id))!
        const scan = await lake.scan(table, question.options)
        if (Math.abs(scan.files.length - question.expected) > 2)
          throw new Error(`${scan.files.length} files`)
      }),
    )
  }
  return {
    what: `${what} (${Math.round(question.expected)} of ${filesTotal} files)`,
    value: median(times),
    unit: 'ms',
  }
}

async function cold(what: string, question: Question): Promise<Figure> {
  const folder = path.join(question.table.folder, 'metadata')
  const names = await readdir(folder)
  const current = names.filter(
    (name) =>
      name === path.basename(question.table.metadata) ||
      name.includes(`snap-${question.table.current!.id}`),
  )
  // A day lies in one or two manifests.
  const manifests = names
    .filter((name) => name.endsWith('-m0.avro'))
    .slice(0, question.expected < filesTotal ? 1 : undefined)
  const reading = await timed(async () => {
    for (const name of [...current, ...manifests]) await readFile(path.join(folder, name))
  })
  return {
    ...(await planned(what, question)),
    beside: { what: 'reading the metadata files', value: reading },
  }
}

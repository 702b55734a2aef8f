import assert from 'node:assert/strict'
import path from 'node:path'
import { afterEach, describe, it } from 'node:test'
import fc from 'fast-check'
import { dayOfNumber } from '../base/time.ts'
import { compareBounds } from './bounds.ts'
import type {
  Bound,
  ColumnStatistics,
  DataFile,
  ScanFilter,
  ScanOptions,
  Table,
  TableDefinition,
} from './lake.ts'
import { bucketOf } from './lake.ts'
import { openTestLake, stage } from './test-lake.suite.ts'
import type { TestLake } from './test-lake.suite.ts'

/** A row by column; the day counts from 1970. */
interface Row {
  readonly id: bigint | null
  readonly city: string | null
  readonly score: number | null
  readonly amount: bigint | null
  readonly day: number | null
}

const columns: TableDefinition['columns'] = [
  { name: 'id', type: { kind: 'integer' }, required: false },
  { name: 'city', type: { kind: 'text' }, required: false },
  { name: 'score', type: { kind: 'number' }, required: false },
  { name: 'amount', type: { kind: 'decimal', precision: 18, scale: 2 }, required: false },
  { name: 'day', type: { kind: 'date' }, required: false },
]
const names = ['id', 'city', 'score', 'amount', 'day'] as const

const city = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 3 }),
  fc
    .integer({ min: 0, max: 9 })
    .map((digit) => 'a common beginning of all names '.repeat(2) + digit),
)
const value = {
  id: fc.bigInt({ min: -50n, max: 50n }),
  city,
  score: fc.oneof(fc.double({ min: -10, max: 10, noNaN: true }), fc.constant(Number.NaN)),
  amount: fc.bigInt({ min: -70_000n, max: 70_000n }),
  day: fc.integer({ min: -2, max: 5 }),
}
const row: fc.Arbitrary<Row> = fc.record({
  id: fc.option(value.id),
  city: fc.option(value.city),
  score: fc.option(value.score),
  amount: fc.option(value.amount),
  day: fc.option(value.day),
})
const filter: fc.Arbitrary<ScanFilter> = fc.constantFrom(...names).chain((column) => {
  const bound: fc.Arbitrary<Bound> = value[column]
  return fc.oneof(
    bound.map((exactly) => ({ column, lower: exactly, upper: exactly })),
    fc.tuple(bound, bound).map(([lower, upper]) => ({ column, lower, upper })),
    bound.map((lower) => ({ column, lower })),
    bound.map((upper) => ({ column, upper })),
  )
})

function matches(candidate: Row, { column, lower, upper }: ScanFilter): boolean {
  const held = candidate[column as keyof Row]
  if (held === null || Number.isNaN(held) || Number.isNaN(lower) || Number.isNaN(upper))
    return false
  return (
    (lower === undefined || compareBounds(held, lower) >= 0) &&
    (upper === undefined || compareBounds(held, upper) <= 0)
  )
}

function statistics(rows: readonly Row[]): Map<number, ColumnStatistics> {
  return new Map(
    names.map((name, index) => {
      const values = rows.map((each) => each[name]).filter((each) => each !== null)
      const ordered = values.toSorted(compareBounds)
      const bounded = values.length > 0 && !values.some((each) => Number.isNaN(each))
      const counts = {
        sizeBytes: 1,
        valueCount: rows.length,
        nullCount: rows.length - values.length,
      }
      return [
        index + 1,
        { ...counts, ...(bounded ? { lower: ordered[0]!, upper: ordered.at(-1)! } : {}) },
      ]
    }),
  )
}

describe('planning a read', () => {
  let test: TestLake
  afterEach(() => test.close())

  const partitions = {
    none: () => '',
    day: (each: Row) => (each.day === null ? 'day=unknown' : `day=${dayOfNumber(each.day)}`),
    bucket: (each: Row) => `bucket=${bucketOf(each.id, { kind: 'integer' }, 4) ?? 'unknown'}`,
  }
  const specs = {
    none: { kind: 'none' },
    day: { kind: 'day', column: 'day' },
    bucket: { kind: 'bucket', column: 'id', count: 4 },
  } as const

  for (const kind of ['none', 'day', 'bucket'] as const) {
    it(`never leaves out a file with a row that is asked for (split by ${kind})`, async () => {
      test = await openTestLake({ rules: { manifestMergeCount: 3 } })
      let tables = 0
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(row, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 5 }),
          fc.array(fc.array(filter, { minLength: 1, maxLength: 2 }), {
            minLength: 20,
            maxLength: 20,
          }),
          async (commits, questions) => {
            let table = await test.lake.create({
              id: `act.t${++tables}`,
              columns,
              partition: specs[kind],
            })
            const rowsOf = new Map<string, readonly Row[]>()
            for (const rows of commits) {
              const files = await stageRows(table, rows, { partitionOf: partitions[kind], rowsOf })
              table = await test.lake.commit(table, { kind: 'append', files })
            }
            for (const filters of questions) await checkQuestion(table, rowsOf, { filters })
          },
        ),
        { seed: 7, numRuns: 4 },
      )
    })
  }

  async function stageRows(
    table: Table,
    rows: readonly Row[],
    into: {
      readonly partitionOf: (row: Row) => string
      readonly rowsOf: Map<string, readonly Row[]>
    },
  ): Promise<DataFile[]> {
    const files: DataFile[] = []
    for (const [partition, part] of Map.groupBy(rows, into.partitionOf)) {
      const file = await stage(table, { partition, rows: part.length, columns: statistics(part) })
      into.rowsOf.set(path.join(table.folder, file.path), part)
      files.push(file)
    }
    return files
  }

  async function checkQuestion(
    table: Table,
    rowsOf: ReadonlyMap<string, readonly Row[]>,
    options: Required<Pick<ScanOptions, 'filters'>>,
  ): Promise<void> {
    const scan = await test.again().scan(table, options)
    const opened = new Set(scan.files.map((file) => file.path))
    assert.equal(scan.filesTotal, rowsOf.size)
    for (const [file, rows] of rowsOf) {
      const holds = rows.some((each) =>
        options.filters.every((question) => matches(each, question)),
      )
      if (holds)
        assert.ok(
          opened.has(file),
          `${JSON.stringify(rows, text)} is left out of ${JSON.stringify(options, text)}`,
        )
    }
  }

  it('leaves out what bounds, days and buckets exclude', async () => {
    test = await openTestLake()
    const make = async (
      kind: 'none' | 'day' | 'bucket',
      rows: readonly Row[],
    ): Promise<(filters: ScanFilter[]) => Promise<number>> => {
      const table = await test.lake.create({
        id: `act.by_${kind}`,
        columns,
        partition: specs[kind],
      })
      const files: DataFile[] = []
      for (const each of rows)
        files.push(
          ...(await stageRows(table, [each], { partitionOf: partitions[kind], rowsOf: new Map() })),
        )
      const full = await test.lake.commit(table, { kind: 'append', files })
      return async (filters) => (await test.again().scan(full, { filters })).files.length
    }
    const of = (id: bigint | null, day: number | null): Row => ({
      id,
      day,
      city: id === null ? null : `city ${id}`,
      score: Number(id) / 2,
      amount: id,
    })
    const rows = [of(1n, 1), of(2n, 2), of(3n, 3), of(null, null)]
    const plain = await make('none', rows)
    assert.equal(await plain([{ column: 'id', lower: 2n, upper: 2n }]), 1)
    assert.equal(await plain([{ column: 'city', lower: 'city 3' }]), 1)
    assert.equal(await plain([{ column: 'amount', upper: 1n }]), 1)
    assert.equal(
      await plain([
        { column: 'id', lower: 2n },
        { column: 'score', upper: 1 },
      ]),
      1,
    )
    assert.equal(await plain([{ column: 'id' }]), 4)
    const byDay = await make('day', rows)
    assert.equal(await byDay([{ column: 'day', lower: 2, upper: 3 }]), 2)
    const byBucket = await make('bucket', rows)
    assert.equal(await byBucket([{ column: 'id', lower: 3n, upper: 3n }]), 1)
    await assert.rejects(plain([{ column: 'citty' }]), {
      code: 'MODEL_UNKNOWN_COLUMN',
      hint: /"city"/,
    })
  })
})

function text(_key: string, each: unknown): unknown {
  return typeof each === 'bigint' ? `${each}n` : each
}

import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { DuckDBConnection } from '@duckdb/node-api'
import fc from 'fast-check'
import { nodeFiles } from '../../src/base/node-files.ts'
import { openDuckdbEngine } from '../../src/engine/duckdb/duckdb.ts'
import type { Engine, Session, Value } from '../../src/engine/engine.ts'
import type { Scan, ScanFile } from '../../src/lake/lake.ts'
import { compileQuestion, stateTasks } from '../../src/metric/metric.ts'
import type { CompiledQuestion, MetricQuestion, StoredFreshness } from '../../src/metric/metric.ts'
import type { ColumnType, TableId } from '../../src/model/model.ts'
import { storedName } from '../../src/plan/plan.ts'
import type { Task } from '../../src/plan/plan.ts'
import { makeIndicators } from '../../src/run/indicators/indicators.ts'
import type { CodesFolder } from '../../src/run/indicators/kept-codes.ts'
import { isSameCell } from './cells.ts'
import { load } from './dataset.ts'
import { shopOf, sketch } from './random.ts'
import { filterText, question } from './random-question.ts'
import type { Shop } from './random.ts'
import { evaluate } from './reference.ts'
import type { ReferenceQuestion } from './reference.ts'
import { cellsText } from './rows.ts'
import type { Cell } from './rows.ts'

const runs = Number(process.env['MARU_PROPERTY_RUNS'] ?? 12)

/** One or no attribute, perhaps a grain, and whole periods: what indicators are kept for. */
const purchaseMetrics = [
  'sales',
  'orders',
  'known_pieces',
  'heaviest',
  'mean_amount',
  'mean_pieces',
  'buyers',
  'first_status',
  'french_sales',
  'french_buyers',
  'dear_orders',
  'order_value',
  'french_share',
]
const dimensions = [
  'status',
  'member.country',
  'member.tier',
  'product.brand',
  'product.brand.country',
]
const plainQuestion: fc.Arbitrary<ReferenceQuestion> = fc
  .record({
    metrics: fc.uniqueArray(fc.constantFrom(...purchaseMetrics), { minLength: 1, maxLength: 4 }),
    dimension: fc.option(fc.constantFrom(...dimensions), { freq: 5 }),
    grain: fc.option(fc.constantFrom('day', 'week', 'month', 'year', 'day_of_week'), { freq: 2 }),
    range: fc.constantFrom(
      { from: '2011-10-01', to: '2011-11-01' },
      { from: '2011-10-30', to: '2011-10-31' },
      { from: '2011-10-01', to: '2012-01-01' },
      { from: '2011-10-30', to: '2012-03-01' },
      { from: '2011-01-01', to: '2013-01-01' },
    ),
  })
  .map(({ metrics, dimension, grain, range }) => ({
    metrics,
    by: [...(grain === null ? [] : [grain]), ...(dimension === null ? [] : [dimension])],
    ...range,
  }))

describe('answers from stored states and indicators against the brute-force reference', () => {
  let engine: Engine
  let folder: string

  before(async () => {
    engine = await openDuckdbEngine()
    folder = await mkdtemp(join(tmpdir(), 'maru-stored-answers-'))
  })

  after(async () => {
    await engine.close()
    await rm(folder, { recursive: true, force: true })
  })

  it('are the same rows as from activities, whatever of the tables is stored and fresh', async () => {
    let shops = 0
    const used = { indicators: 0, states: 0, activities: 0 }
    const asked = fc.array(
      fc.oneof({ weight: 2, arbitrary: plainQuestion }, { weight: 1, arbitrary: question }),
      {
        minLength: 25,
        maxLength: 30,
        size: 'max',
      },
    )
    await fc.assert(
      fc.asyncProperty(sketch, asked, fc.integer(), async (drawn, questions, choice) => {
        const shop = shopOf(drawn)
        const session = await engine.open({ zone: shop.model.zone })
        try {
          // Of some, all dimensions but truth values and small numbers are grouped by the engine.
          const inside = join(folder, String(shops++))
          const valuesMax = choice % 3 === 0 ? { valuesMax: 0 } : {}
          const tasks = await storeAll(session, shop, { folder: inside, ...valuesMax })
          for (const [at, one] of questions.entries()) {
            const compiled = await compare(session, shop, {
              asked: one,
              freshness: freshnessOf(tasks, choice + at),
            })
            for (const { kind } of compiled.sources) used[kind]++
          }
        } finally {
          await session.close()
        }
      }),
      {
        numRuns: runs,
        seed: 20111030,
        interruptAfterTimeLimit: 50_000,
        endOnFailure: process.env['MARU_SHRINK'] === undefined,
      },
    )
    for (const [kind, count] of Object.entries(used))
      assert.ok(count > runs, `${kind} answered ${count} legs`)
  })
})

const indicatorPeriods = ['day', 'month', 'year']

/** Makes the tables as their tasks say, in the session instead of a lake. */
async function storeAll(
  session: Session,
  shop: Shop,
  options: { readonly folder: string; readonly valuesMax?: number },
): Promise<readonly Task[]> {
  const { folder, ...limit } = options
  await load(connectionOf(session), shop.model, shop.dataset)
  const tasks = stateTasks(shop.model, { engineVersion: 'test' }).filter(
    ({ id }) => id.startsWith('state.') || indicatorPeriods.includes(id.split('.')[1]!),
  )
  for (const catalog of ['state', 'indicator']) {
    await session.run(`attach ':memory:' as ${catalog}`)
    for (const period of ['day', 'month', 'year'])
      await session.run(`create schema ${catalog}.${period}`)
  }
  for (const task of tasks) {
    if (task.rows.kind === 'select')
      await session.run(`create table ${task.id} as ${task.rows.sql}`)
    else {
      const merged = shop.model.tables.find(({ id }) => id === task.inputs[0]!.id)!
      const codes = codesFolder(session, shop, folder)
      await makeIndicators(session, { task, rows: storedName(merged), codes, ...limit })
      await session.run(`create table ${task.id} as select * from made; drop table made`)
    }
  }
  return tasks
}

/** Attributes come in two files, as a table of several partitions does. */
function codesFolder(session: Session, shop: Shop, folder: string): CodesFolder {
  const scans = new Map<TableId, Scan>()
  return {
    files: nodeFiles,
    folder: join(folder, 'codes'),
    engineVersion: 'test',
    scanOf: async (id) => {
      const stored = scans.get(id) ?? (await stageHalves(session, shop, { id, folder }))
      scans.set(id, stored)
      return stored
    },
  }
}

async function stageHalves(
  session: Session,
  shop: Shop,
  { id, folder }: { readonly id: TableId; readonly folder: string },
): Promise<Scan> {
  const table = shop.model.tables.find((each) => each.id === id)!
  const fields = table.columns.map(({ name, type }, at) => ({
    id: at + 1,
    name,
    type: type!,
    required: false,
  }))
  const dataFolder = join(folder, 'data')
  await mkdir(dataFolder, { recursive: true })
  const files: ScanFile[] = []
  for (const half of [0, 1]) {
    const sql = `select * from ${id} where hash(${table.columns[0]!.name}) % 2 = ${half}`
    const schema = { id: 0, fields }
    const staged = await session.stage({ sql, schema, partition: { kind: 'none' }, dataFolder })
    files.push(...staged.map((file) => ({ ...file, path: join(folder, file.path) })))
  }
  // Of the table nothing but its columns and files is read.
  return { table: undefined!, schema: { id: 0, fields }, files, filesTotal: files.length } as Scan
}

/** `load` only runs statements. */
function connectionOf(session: Session): DuckDBConnection {
  return { run: (sql: string) => session.run(sql) } as unknown as DuckDBConnection
}

/** Of every third choice all is fresh; else some tables are missing, and some are stale from a day on. */
function freshnessOf(tasks: readonly Task[], choice: number): StoredFreshness {
  const seed = Math.abs(choice)
  const kept = tasks.filter((_, at) => seed % 3 === 0 || (seed * 7 + at * 5) % 4 !== 0)
  return new Map(
    kept.map(({ id }, at) => [
      id,
      seed % 3 === 1 && (seed + at) % 2 === 0
        ? {
            kind: 'days',
            ranges: [{ from: '2011-12-01', to: undefined }],
            unknown: true,
          }
        : { kind: 'none' },
    ]),
  )
}

async function compare(
  session: Session,
  { model, dataset }: Shop,
  one: { readonly asked: ReferenceQuestion; readonly freshness: StoredFreshness },
): Promise<CompiledQuestion> {
  const { where, ...rest } = one.asked
  const text: MetricQuestion = {
    ...rest,
    ...(where === undefined ? {} : { where: filterText(where) }),
  }
  const compiled = compileQuestion(model, text, one.freshness)
  const { rows } = await session.query(compiled.sql).catch((error: unknown) => {
    throw new Error(`${cellsText(text)}\n${compiled.sql}`, { cause: error })
  })
  const expected = evaluate(model, dataset, one.asked)
  const isSame =
    rows.length === expected.length &&
    rows.every((row, at) =>
      row.every((cell, column) =>
        isSameCell(
          cellOf(cell, compiled.columns[column]!.type),
          expected[at]![column]!,
          compiled.columns[column]!.type,
        ),
      ),
    )
  if (isSame) return compiled
  assert.fail(
    `${cellsText(text)} from ${cellsText(compiled.sources)}
expected ${cellsText(expected)}
but got  ${cellsText(rows)}
${compiled.sql}`,
  )
}

/** A session gives instants as texts, the reference as microseconds. */
function cellOf(value: Value, type: ColumnType): Cell {
  if (type.kind === 'list' && Array.isArray(value))
    return cellsText(value.map((item: Value) => cellOf(item, type.of)))
  if (type.kind === 'timestamp' && typeof value === 'string')
    return BigInt(Date.parse(value)) * 1000n
  return value as Cell
}

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DuckDBConnection } from '@duckdb/node-api'
import fc from 'fast-check'
import { compileQuestion } from '../../src/metric/metric.ts'
import type { CompiledQuestion, MetricQuestion } from '../../src/metric/metric.ts'
import { compareRandom } from './against-random.ts'
import { assertSameRows, compareTotalled } from './compare.ts'
import { useMemory, query } from './dataset.ts'
import { filterText } from './random-question.ts'
import type { Shop } from './random.ts'
import { asked } from './random-timed.ts'
import type { Asked } from './random-timed.ts'
import { grains } from './reference-time.ts'
import { evaluateTimed } from './reference-timed.ts'
import { cellsText } from './rows.ts'
import type { Cell } from './rows.ts'

describe('metrics over other times and groups against the brute-force reference', () => {
  let connection: DuckDBConnection
  useMemory((opened) => (connection = opened))

  it('give the same rows for random shops, metrics and questions', async () => {
    const questions = fc.array(asked, { minLength: 6, maxLength: 6 })
    await compareRandom(connection, { questions, draws: { numRuns: 40, seed: 20111101 } }, compare)
  })

  it('give the same comparisons and totals', async () => {
    const questions = fc.array(parts, { minLength: 4, maxLength: 4 })
    const draws = { numRuns: 25, seed: 20111105 }
    await compareRandom(connection, { questions, draws }, compareParts)
  })
})

/** A comparison with another time, and totals by the time alone. */
const parts: fc.Arbitrary<Asked & { readonly compare: '1 month' | '40 days' }> = fc
  .record({
    drawn: asked.filter(
      ({ question: { by, whereTime } }) =>
        whereTime === undefined &&
        by.every((text) => !/_of_|hour|quarter|year|season/.test(text)) &&
        by.filter((text) => grains.includes(text)).length <= 1,
    ),
    compare: fc.constantFrom('1 month', '40 days'),
  })
  .map(({ drawn, compare: by }) => ({ ...drawn, compare: by }))

async function compareParts(
  connection: DuckDBConnection,
  { model: shop, dataset }: Shop,
  {
    metrics,
    question: { whereTime, ...question },
    compare: before,
  }: Asked & {
    readonly compare: '1 month' | '40 days'
  },
): Promise<void> {
  assert.equal(whereTime, undefined, 'a condition on times is not moved')
  const model = { ...shop, metrics: [...shop.metrics, ...metrics] }
  const totals = [question.by.filter((text) => grains.includes(text))]
  await compareTotalled(
    connection,
    { model, dataset },
    {
      question: { ...question, metrics: ['timed'], compare: before, totals },
      answer: (one) => evaluateTimed({ model, dataset }, 'timed', one),
      said: cellsText(metrics),
    },
  )
}

async function compare(
  connection: DuckDBConnection,
  { model: shop, dataset }: Shop,
  { metrics, question }: Asked,
): Promise<void> {
  const { where, whereTime, ...rest } = question
  const model = { ...shop, metrics: [...shop.metrics, ...metrics] }
  const { name } = metrics.at(-1)!
  const conditions = [where, whereTime].flatMap((each) =>
    each === undefined ? [] : [`(${filterText(each)})`],
  )
  const ask: MetricQuestion = {
    ...rest,
    metrics: [name],
    ...(conditions.length === 0 ? {} : { where: conditions.join(' and ') }),
  }
  // No period of the one grain stands in the place of one of the other.
  const isSplit = question.by.includes('week') && question.by.includes('month')
  let compiled: CompiledQuestion
  try {
    compiled = compileQuestion(model, ask)
  } catch (error) {
    if (isSplit && error instanceof Error && /do not name together/.test(error.message)) return
    throw error
  }
  let got: readonly (readonly Cell[])[]
  try {
    got = await query(connection, compiled.sql)
  } catch (error) {
    throw new Error(`${String(error)}\n${compiled.sql}`, { cause: error })
  }
  assertSameRows(
    {
      got,
      expected: evaluateTimed({ model, dataset }, name, question),
      columns: compiled.columns,
      keysOf: (row) => row.slice(0, -1),
    },
    [`${cellsText(metrics)} ${cellsText(question)}`, compiled.sql],
  )
}

import { describe, it } from 'node:test'
import type { DuckDBConnection } from '@duckdb/node-api'
import fc from 'fast-check'
import { compileQuestion } from '../../src/metric/metric.ts'
import { compareRandom } from './against-random.ts'
import { assertSameRows, compareTotalled } from './compare.ts'
import { useMemory, query } from './dataset.ts'
import { filterText } from './random-question.ts'
import type { Shop } from './random.ts'
import { asked, askedLevel, busySketch } from './random-followed.ts'
import type { Asked } from './random-followed.ts'
import { contextOf } from './reference.ts'
import { evaluateFollowed } from './reference-followed.ts'
import { cellsText } from './rows.ts'

describe('metrics that follow objects against the brute-force reference', () => {
  let connection: DuckDBConnection
  useMemory((opened) => (connection = opened))

  const kinds = { 'metrics and questions': asked, 'funnels of overlapping steps': askedLevel }
  for (const [name, one] of Object.entries(kinds)) {
    it(`give the same rows for random shops, ${name}`, async () => {
      const questions = fc.array(one, { minLength: 6, maxLength: 6 })
      const draws = { numRuns: 50, seed: 20111033 }
      await compareRandom(connection, { shops: busySketch, questions, draws }, compare)
    })
  }

  it('give the same comparisons and totals', async () => {
    const questions = fc.array(parts, { minLength: 4, maxLength: 4 })
    const draws = { numRuns: 25, seed: 20111106 }
    await compareRandom(connection, { shops: busySketch, questions, draws }, compareParts)
  })
})

/** Of those without dimensions of their own. */
const parts: fc.Arbitrary<Asked & { readonly before: '1 month' | '40 days' }> = fc
  .record({
    drawn: asked.filter(
      ({ metric, question: { by } }) =>
        !['retention', 'lifecycle'].includes(metric.kind) &&
        by.every((text) => !/step|hour|quarter|year|tide|season|@/.test(text)),
    ),
    before: fc.constantFrom('1 month', '40 days'),
  })
  .map(({ drawn, before }) => ({ ...drawn, before }))

async function compareParts(
  connection: DuckDBConnection,
  { model: shop, dataset }: Shop,
  { metric, question, before }: Asked & { readonly before: '1 month' | '40 days' },
): Promise<void> {
  const model = { ...shop, metrics: [...shop.metrics, metric] }
  const totals = [question.by.filter((text) => !text.includes('.'))]
  await compareTotalled(
    connection,
    { model, dataset },
    {
      question: { ...question, metrics: ['followed'], compare: before, totals },
      answer: (one) => evaluateFollowed(contextOf(model, dataset), metric, one),
      said: cellsText(metric),
    },
  )
}

async function compare(
  connection: DuckDBConnection,
  { model, dataset }: Shop,
  { metric, question }: Asked,
): Promise<void> {
  const { where, ...rest } = question
  const compiled = compileQuestion(
    { ...model, metrics: [...model.metrics, metric] },
    {
      ...rest,
      metrics: ['followed'],
      ...(where === undefined ? {} : { where: filterText(where) }),
    },
  )
  assertSameRows(
    {
      got: await query(connection, compiled.sql),
      expected: evaluateFollowed(contextOf(model, dataset), metric, question),
      columns: compiled.columns,
      keysOf: (row) => row.slice(0, -1),
    },
    [`${cellsText(metric)}\n${cellsText(question)}`, compiled.sql],
  )
}

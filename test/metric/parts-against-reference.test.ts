import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DuckDBConnection } from '@duckdb/node-api'
import fc from 'fast-check'
import type { Predicate } from '../../src/model/model.ts'
import { compileQuestion } from '../../src/metric/metric.ts'
import { compareRandom } from './against-random.ts'
import { assertSameRows } from './compare.ts'
import { load, useMemory, query } from './dataset.ts'
import { shopOf, sketch } from './random.ts'
import { filterText } from './random-question.ts'
import type { Shop } from './random.ts'
import { columnsOf, evaluateParts } from './reference-question.ts'
import type { PartsQuestion } from './reference-question.ts'
import { cellsText } from './rows.ts'
import type { Cell } from './rows.ts'

const metrics = [
  'sales',
  'orders',
  'buyers',
  'order_value',
  'mean_amount',
  'first_buyers',
  'middle_amount',
  'french_share',
  'filled_price',
  'lands',
  'about_high_amount',
]
const conditions: readonly Predicate[] = [
  { kind: 'compare', path: 'status', operator: '=', value: 'paid' },
  { kind: 'compare', path: 'member.country', operator: '!=', value: 'Peru' },
]

const question: fc.Arbitrary<PartsQuestion> = fc
  .record({
    metrics: fc.uniqueArray(fc.constantFrom(...metrics), { minLength: 1, maxLength: 3 }),
    others: fc.subarray(['status', 'member.country', 'quantity']),
    time: fc.constantFrom<string[][]>([], ['day'], ['week'], ['month']),
    range: fc.constantFrom<{ from?: string; to?: string }[]>(
      {},
      { from: '2011-10-30', to: '2012-01-10' },
      { from: '2011-11-01', to: '2012-01-01' },
    ),
    where: fc.option(fc.constantFrom(...conditions), { nil: undefined }),
    compare: fc.option(
      fc.constantFrom<PartsQuestion['compare'][]>('previous', '1 month', '40 days', '1 year'),
      { nil: undefined },
    ),
    above: fc.option(fc.constantFrom(0, 1, 10), { nil: undefined }),
    isTotalled: fc.boolean(),
    top: fc.option(
      fc.record({
        metric: fc.constantFrom(
          'sales',
          '-orders',
          'buyers',
          'order_value',
          '-french_share',
          'lands',
        ),
        count: fc.integer({ min: 1, max: 2 }),
        others: fc.boolean(),
      }),
      { nil: undefined },
    ),
  })
  .map(
    ({
      metrics: names,
      others,
      time,
      range,
      where,
      compare,
      above,
      isTotalled,
      top,
    }): PartsQuestion => {
      const by = [...others, ...time]
      const isKnown = compare !== 'previous' || range.from !== undefined
      return {
        metrics: names,
        by,
        ...range,
        ...(where === undefined ? {} : { where }),
        ...(compare === undefined || !isKnown ? {} : { compare }),
        ...(above === undefined ? {} : { having: { metric: names[0]!, above } }),
        ...(isTotalled ? { totals: [[], ...(by.length > 1 ? [by.slice(1)] : [])] } : {}),
        ...(top === undefined || others[0] === undefined
          ? {}
          : { top: { ...top, dimension: others[0] } }),
      }
    },
  )

describe('questions of several parts against the brute-force reference', () => {
  let connection: DuckDBConnection
  useMemory((opened) => (connection = opened))

  it('give the same rows for random shops and questions', async () => {
    const questions = fc.array(question, { minLength: 6, maxLength: 6 })
    await compareRandom(connection, { questions, draws: { numRuns: 40, seed: 20111102 } }, compare)
  })

  it('give the different combinations of dimensions without metrics', async () => {
    const [drawn] = fc.sample(sketch, { numRuns: 1, seed: 12 })
    const { model, dataset } = shopOf(drawn!)
    await load(connection, model, dataset)
    const { sql, columns } = compileQuestion(model, {
      metrics: [],
      of: 'act.purchase',
      by: ['status', 'member'],
      order: ['-status'],
    })
    assert.deepEqual(
      columns.map(({ name }) => name),
      ['status', 'member'],
    )
    const expected = new Set(
      (dataset.get('act.purchase') ?? []).map((row) => cellsText([row['status'], row['member']])),
    )
    const rows = await query(connection, sql)
    assert.ok(expected.size > 1)
    assert.deepEqual(new Set(rows.map((row) => cellsText(row))), expected)
    assert.equal(rows.length, expected.size)
  })
})

async function compare(
  connection: DuckDBConnection,
  { model, dataset }: Shop,
  asked: PartsQuestion,
): Promise<void> {
  const { where, having, ...rest } = asked
  const compiled = compileQuestion(model, {
    ...rest,
    ...(where === undefined ? {} : { where: filterText(where) }),
    ...(having === undefined ? {} : { having: `${having.metric} > ${having.above}` }),
  })
  const expected = evaluateParts({ model, dataset }, asked)
  let got: readonly (readonly Cell[])[]
  try {
    got = await query(connection, compiled.sql)
  } catch (error) {
    throw new Error(`${String(error)}\n${compiled.sql}`, { cause: error })
  }
  const { by } = asked
  const width = by.length + columnsOf(asked).length
  assertSameRows(
    {
      got,
      expected,
      columns: compiled.columns,
      // What is left of a number is unknown, as an unknown number is: then the values say which row is which.
      keysOf: (row) => [...row.slice(0, by.length), ...row.slice(width), ...row.map(String)],
    },
    [cellsText(asked), compiled.sql],
  )
}

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { DuckDBConnection } from '@duckdb/node-api'
import fc from 'fast-check'
import { compileQuestion } from '../../src/metric/metric.ts'
import type { MetricQuestion } from '../../src/metric/metric.ts'
import { isSameCell } from './cells.ts'
import { load, openMemory, query } from './dataset.ts'
import { filterText, question, shopOf, sketch } from './random.ts'
import type { Shop } from './random.ts'
import { evaluate } from './reference.ts'
import type { ReferenceQuestion } from './reference.ts'
import { cellsText } from './rows.ts'

const runs = Number(process.env['MARU_PROPERTY_RUNS'] ?? 250)
const questionsEach = 4

describe('compiled questions against the brute-force reference', () => {
  let connection: DuckDBConnection
  let close: () => void

  before(async () => {
    ;({ connection, close } = await openMemory())
  })

  after(() => close())

  it('gives the same rows in the same order for random shops and questions', async () => {
    const questions = fc.array(question, { minLength: 1, maxLength: questionsEach, size: 'max' })
    await fc.assert(
      fc.asyncProperty(sketch, questions, async (drawn, asked) => {
        const shop = shopOf(drawn)
        await load(connection, shop.model, shop.dataset)
        for (const one of asked) await compare(connection, shop, one)
      }),
      { numRuns: runs, seed: 20111030 },
    )
  })
})

async function compare(
  connection: DuckDBConnection,
  { model, dataset }: Shop,
  asked: ReferenceQuestion,
): Promise<void> {
  const { where, ...rest } = asked
  const text: MetricQuestion = {
    ...rest,
    ...(where === undefined ? {} : { where: filterText(where) }),
  }
  const compiled = compileQuestion(model, text)
  const rows = await query(connection, compiled.sql)
  const expected = evaluate(model, dataset, asked)
  const isSame =
    rows.length === expected.length &&
    rows.every((row, at) =>
      row.every((cell, column) =>
        isSameCell(cell, expected[at]![column]!, compiled.columns[column]!.type),
      ),
    )
  if (isSame) return
  assert.fail(
    `${cellsText(text)}
expected ${cellsText(expected)}
but got  ${cellsText(rows)}
${compiled.sql}`,
  )
}

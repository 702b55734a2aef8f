import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DuckDBConnection } from '@duckdb/node-api'
import fc from 'fast-check'
import { compileQuestion } from '../../src/metric/metric.ts'
import { isSameCell } from './cells.ts'
import { compareRandom } from './against-random.ts'
import { useMemory, query } from './dataset.ts'
import { filterText } from './random-question.ts'
import type { Shop } from './random.ts'
import { asked, askedLevel, busySketch } from './random-followed.ts'
import type { Asked } from './random-followed.ts'
import { contextOf } from './reference.ts'
import { evaluateFollowed } from './reference-followed.ts'
import { cellsText } from './rows.ts'
import type { Cell } from './rows.ts'

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
})

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
  const got = await query(connection, compiled.sql)
  const expected = evaluateFollowed(contextOf(model, dataset), metric, question)
  const byKeys = (cells: readonly (readonly Cell[])[]): readonly (readonly Cell[])[] =>
    cells.toSorted((left, right) => (keysOf(left) < keysOf(right) ? -1 : 1))
  const keysOf = (row: readonly Cell[]): string => cellsText(row.slice(0, -1))
  const [left, right] = [byKeys(got), byKeys(expected)]
  const isSame =
    left.length === right.length &&
    left.every((row, at) =>
      row.every((cell, column) =>
        isSameCell(cell, right[at]![column]!, compiled.columns[column]!.type),
      ),
    )
  if (isSame) return
  assert.fail(
    `${cellsText(metric)}\n${cellsText(question)}\nexpected ${cellsText(right)}\nbut got  ${cellsText(left)}\n${compiled.sql}`,
  )
}

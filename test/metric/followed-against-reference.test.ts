import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { DuckDBConnection } from '@duckdb/node-api'
import fc from 'fast-check'
import { compileQuestion } from '../../src/metric/metric.ts'
import { isSameCell } from './cells.ts'
import { load, openMemory, query } from './dataset.ts'
import { filterText, shopOf } from './random.ts'
import type { Shop } from './random.ts'
import { asked, askedLevel, busySketch } from './random-followed.ts'
import type { Asked } from './random-followed.ts'
import { contextOf } from './reference.ts'
import { evaluateFollowed } from './reference-followed.ts'
import { cellsText } from './rows.ts'
import type { Cell } from './rows.ts'

const runs = Number(process.env['MARU_PROPERTY_RUNS'] ?? 50)

describe('metrics that follow objects against the brute-force reference', () => {
  let connection: DuckDBConnection
  let close: () => void

  before(async () => {
    ;({ connection, close } = await openMemory())
  })

  after(() => close())

  const kinds = { 'metrics and questions': asked, 'funnels of overlapping steps': askedLevel }
  for (const [name, one] of Object.entries(kinds)) {
    it(`give the same rows for random shops, ${name}`, async () => {
      const several = fc.array(one, { minLength: 6, maxLength: 6 })
      await fc.assert(
        fc.asyncProperty(busySketch, several, async (drawn, all) => {
          const shop = shopOf(drawn)
          await load(connection, shop.model, shop.dataset)
          for (const each of all) await compare(connection, shop, each)
        }),
        { numRuns: runs, seed: 20111033 },
      )
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

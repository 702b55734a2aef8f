import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DuckDBConnection } from '@duckdb/node-api'
import fc from 'fast-check'
import { compileQuestion } from '../../src/metric/metric.ts'
import type { Model, RelatedColumn } from '../../src/model/model.ts'
import { isSameCell } from './cells.ts'
import { drawn } from './against-random.ts'
import { load, useMemory, query } from './dataset.ts'
import { shopOf, sketch } from './random.ts'
import type { Shop } from './random.ts'
import { choice } from './random-choice.ts'
import { taken } from './random-taken.ts'
import { chosenOf } from './reference-choice.ts'
import { takenBy } from './reference-map.ts'
import { cellsText, dayOf } from './rows.ts'
import type { Cell, Row } from './rows.ts'

interface Related {
  readonly base: 'act.purchase' | 'act.like'
  readonly columns: readonly RelatedColumn[]
}

const related: fc.Arbitrary<Related> = fc
  .constantFrom<Related['base']>('act.purchase', 'act.like')
  .chain((base) => {
    const column = choice({ related: base }).chain((chosen) => taken(chosen))
    return fc.array(column, { minLength: 5, maxLength: 5 }).map((all): Related => {
      const columns = all.map(({ selection, type }, at): RelatedColumn => ({
        column: {
          name: `related_${at}`,
          type,
          description: 'related',
          required: false,
          tags: [],
        },
        selection,
      }))
      return { base, columns }
    })
  })

describe('related columns against the brute-force reference', () => {
  let connection: DuckDBConnection
  useMemory((opened) => (connection = opened))

  it('have at every row the value that their definition gives', async () => {
    await fc.assert(
      fc.asyncProperty(sketch, related, async (sketched, declared) => {
        const shop = shopOf(sketched)
        await load(connection, shop.model, shop.dataset)
        for (const range of [{}, { from: '2011-10-31', to: '2012-01-10' }])
          await compareRows(connection, shop, { ...declared, range })
      }),
      drawn({ numRuns: 40, seed: 20111034 }),
    )
  })
})

async function compareRows(
  connection: DuckDBConnection,
  shop: Shop,
  {
    base,
    columns,
    range,
  }: Related & { readonly range: { readonly from?: string; readonly to?: string } },
): Promise<void> {
  const names = columns.map(({ column }) => column.name)
  const metric = base === 'act.purchase' ? 'orders' : 'likes'
  const model = withRelated(shop.model, base, columns)
  const { sql } = compileQuestion(model, { metrics: [metric], by: ['id', ...names], ...range })
  const rows = await query(connection, sql)
  const seen = { model: shop.model, dataset: shop.dataset }
  const { from = '', to = '9999' } = range
  const expected = (shop.dataset.get(base) ?? []).filter((row) => {
    const day = dayOf(row, model.zone)
    return day === null ? range.from === undefined : day >= from && day < to
  })
  assert.equal(rows.length, expected.length, 'no row is lost or doubled')
  for (const row of expected) {
    const got = rows.find(([id]) => id === row['id'])!
    for (const [at, { selection, column }] of columns.entries()) {
      const value = valueOf(seen, { base, row }, selection)
      if (isSameCell(got[at + 1]!, value, column.type)) continue
      assert.fail(
        `${cellsText(selection)} from ${cellsText(row)}: expected ${cellsText(value)} but got ${cellsText(got[at + 1])}\n${sql}`,
      )
    }
  }
}

function withRelated(model: Model, base: string, columns: readonly RelatedColumn[]): Model {
  return {
    ...model,
    tables: model.tables.map((table) =>
      table.kind === 'merged' && table.activity === base ? { ...table, related: columns } : table,
    ),
  }
}

function valueOf(
  seen: Shop,
  { base, row }: { readonly base: string; readonly row: Row },
  selection: RelatedColumn['selection'],
): Cell {
  const object = row[base === 'act.purchase' ? 'member' : 'fan'] ?? null
  // Who is not known, or when, has done nothing.
  const isKnown = object !== null && row['occurred_at'] !== null
  const from = { activity: base, selector: { kind: 'all' } } as const
  const rows = isKnown ? chosenOf(seen, selection, { object, base: { row, choice: from } }) : []
  return takenBy(seen, selection, rows)
}

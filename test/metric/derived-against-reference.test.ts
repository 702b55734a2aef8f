import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DuckDBConnection } from '@duckdb/node-api'
import fc from 'fast-check'
import type { AttributesModel, ColumnType, Selection } from '../../src/model/model.ts'
import { derivedSelect } from '../../src/plan/derived.ts'
import { isSameCell } from './cells.ts'
import { drawn } from './against-random.ts'
import { load, useMemory, query } from './dataset.ts'
import { shopOf, sketch } from './random.ts'
import type { Shop } from './random.ts'
import { choice } from './random-choice.ts'
import { taken } from './random-taken.ts'
import type { Drawn } from './random-taken.ts'
import { chosenOf } from './reference-choice.ts'
import { takenBy } from './reference-map.ts'
import { cellsText } from './rows.ts'
import type { Cell } from './rows.ts'

const attribute: fc.Arbitrary<Drawn> = choice({ isAttribute: true }).chain((chosen) =>
  taken(chosen),
)

describe('derived attributes of the shop against the brute-force reference', () => {
  let connection: DuckDBConnection
  useMemory((opened) => (connection = opened))

  it('have at every instant the value that their definition gives', async () => {
    const attributes = fc.array(attribute, { minLength: 5, maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(sketch, attributes, async (sketched, declared) => {
        const shop = shopOf(sketched)
        await load(connection, shop.model, shop.dataset)
        for (const name of ['purchase', 'like'])
          await connection.run(`create or replace table act.${name} as from stored.${name}`)
        await compareAttributes(connection, shop, declared)
      }),
      drawn({ numRuns: 250, seed: 20111032 }),
    )
  })
})

async function compareAttributes(
  connection: DuckDBConnection,
  { model, dataset }: Shop,
  declared: readonly Drawn[],
): Promise<void> {
  const table = tableOf(declared)
  const sql = derivedSelect(model, table)
  const versions = await query(connection, `select * from (${sql}) as made order by 1, 2`)
  const instants = instantsOf(dataset)
  for (const object of new Set(versions.map(([id]) => id!))) {
    const own = versions.filter(([id]) => id === object)
    for (const instant of instants) {
      const held = own.findLast(([, from]) => (from as bigint) <= instant)
      if (held === undefined) continue
      for (const [index, { selection, type }] of declared.entries()) {
        const expected = valueOf({ model, dataset }, selection, { object, instant })
        const got: Cell = held[index + 2]!
        if (!isSameCell(got, expected, type))
          assert.fail(
            `${cellsText(selection)} of ${cellsText(object)} at ${instant}: expected ${cellsText(expected)} but got ${cellsText(got)}\n${sql}`,
          )
      }
    }
  }
}

function tableOf(declared: readonly Drawn[]): AttributesModel {
  const column = (name: string, type: ColumnType): AttributesModel['columns'][number] => ({
    name,
    type,
    description: name,
    required: false,
    tags: [],
  })
  return {
    id: 'obj_attr.member.habit',
    place: { file: 'test.ts' },
    owner: 'test',
    description: 'habit',
    class: 'obj_attr',
    kind: 'attributes',
    object: 'obj.member',
    key: 'id',
    history: true,
    columns: [
      column('id', { kind: 'integer' }),
      ...declared.map(({ type }, index) => column(`attribute_${index}`, type)),
    ],
    from: {
      kind: 'derived',
      attributes: declared.map(({ selection }, index) => ({
        name: `attribute_${index}`,
        selection,
      })),
    },
  }
}

/** Every instant of an activity, and the ends of what is within reach of it, with the moments beside them. */
function instantsOf(dataset: Shop['dataset']): readonly bigint[] {
  const occurred = ['act.purchase', 'act.like']
    .flatMap((id) => dataset.get(id) ?? [])
    .flatMap((row) => (row['occurred_at'] as bigint | null) ?? [])
  const hour = 3_600_000_000n
  const instants = occurred.flatMap((instant) =>
    [0n, hour, (hour * 3n) / 2n, hour * 24n, hour * 25n, hour * 24n * 31n, hour * 2000n].flatMap(
      (length) => [-1n, 0n, 1n].map((beside) => instant + length + beside),
    ),
  )
  return [...new Set(instants)].toSorted((left, right) => (left < right ? -1 : 1))
}

function valueOf(
  shop: Shop,
  selection: Selection,
  viewer: { readonly object: Cell; readonly instant: bigint },
): Cell {
  return takenBy(shop, selection, chosenOf(shop, selection, viewer))
}

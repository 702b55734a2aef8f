import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import type { DuckDBConnection } from '@duckdb/node-api'
import { modelOf } from '../../test/metric/build-model.ts'
import { load, useMemory, query } from '../../test/metric/dataset.ts'
import type { Dataset, Row } from '../../test/metric/rows.ts'
import { shopModel } from '../../test/metric/shop-model.ts'
import { attach, fromClause, pathText, reachablePaths, resolvePath, wideSelect } from './attach.ts'
import type { AttributePath } from './attach.ts'

const day = 86_400_000_000n
const held = { recorded_at: null }

/** Product 1 is of brand 1, from day 10 of brand 2; brand 2 is called b, from day 20 B. */
const history = modelOf({
  zone: 'UTC',
  objects: {
    'obj.product': { key: 'id', history: true, columns: { brand: 'obj.brand' } },
    'obj.brand': { key: 'id', history: true, columns: { name: 'text' } },
  },
  activities: { 'act.purchase': { columns: { product: 'obj.product' } } },
})
const rows: Dataset = new Map<string, readonly Row[]>([
  [
    'obj.product',
    [
      { id: 1, brand: 1, valid_from: 0n, valid_to: 10n * day, version: 0, ...held },
      { id: 1, brand: 2, valid_from: 10n * day, valid_to: null, version: 1, ...held },
    ],
  ],
  [
    'obj.brand',
    [
      { id: 1, name: 'a', valid_from: 0n, valid_to: null, version: 0, ...held },
      { id: 2, name: 'b', valid_from: 0n, valid_to: 20n * day, version: 1, ...held },
      { id: 2, name: 'B', valid_from: 20n * day, valid_to: null, version: 2, ...held },
    ],
  ],
  ['act.purchase', [5n, 10n, 20n].map((at, id) => ({ id, occurred_at: at * day, product: 1 }))],
])

describe('attaching attributes', () => {
  let connection: DuckDBConnection
  useMemory((opened) => (connection = opened))

  before(async () => {
    await load(connection, history, rows)
  })

  it('takes what lies behind an object with history as of the same instant', async () => {
    const sql = wideSelect(history, 'merged.purchase', [
      'id',
      'product__brand',
      'product__brand__name',
    ])
    assert.deepEqual(await query(connection, `${sql}\norder by id`), [
      [0, 1, 'a'],
      [1, 2, 'b'],
      [2, 2, 'B'],
    ])
  })

  it('takes all of a path as it is now when asked', async () => {
    const paths = ['id', 'product.brand.name@now'].map((text) =>
      resolvePath(history, 'act.purchase', text)!,
    )
    const attachment = attach(history, 'act.purchase', paths)
    const sql = `select ${attachment.expressions.join(', ')}\n${fromClause(attachment)}\norder by 1`
    assert.deepEqual(await query(connection, sql), [
      [0, 'B'],
      [1, 'B'],
      [2, 'B'],
    ])
  })

  it('offers in the wide reading every column of the model, under its name', async () => {
    const merged = shopModel.tables.find((table) => table.id === 'merged.purchase')!
    await load(connection, shopModel, new Map())
    const sql = wideSelect(shopModel, 'merged.purchase', 'all')
    const described = await query(connection, `describe ${sql}`)
    const expected =
      merged.kind === 'merged'
        ? [
            ...merged.columns.map(({ name }) => name),
            ...merged.attached.map(({ column }) => column),
          ]
        : []
    assert.deepEqual(
      described.map(([name]) => name),
      expected,
    )
    await load(connection, history, rows)
  })

  it('joins only what the named columns need', () => {
    assert.equal(
      wideSelect(shopModel, 'merged.purchase', ['amount', 'member__country', 'member__remark']),
      `select
  purchase__row.amount as amount,
  member__member__row.country as member__country,
  member__note__row.remark as member__remark
from stored.purchase as purchase__row
left join obj.member as member__member__row on member__member__row.version = purchase__row.member__member_version
left join obj_attr.member.note as member__note__row on member__note__row.id = purchase__row.member`,
    )
    assert.doesNotMatch(wideSelect(shopModel, 'merged.purchase', ['amount']), /join/)
  })

  it('still has the rows when no column is named', () => {
    assert.match(
      wideSelect(shopModel, 'merged.purchase', []),
      /^select\n {2}purchase__row\.day as day\nfrom stored\.purchase/,
    )
  })

  it('resolves every path that it lists, and none that is not there', () => {
    for (const path of reachablePaths(shopModel, 'act.purchase')) {
      assert.deepEqual(resolvePath(shopModel, 'act.purchase', pathText(path)), path)
    }
    for (const text of [
      'member.version',
      'member.nothing',
      'amount.x',
      '',
      '.',
      'member.',
      'a.b.c.d.e.f',
      'constructor',
    ]) {
      assert.equal(resolvePath(shopModel, 'act.purchase', text), undefined, text)
    }
  })

  it('ends a circle of references', () => {
    const circle = modelOf({
      objects: { 'obj.member': { key: 'id', columns: { friend: 'obj.member' } } },
      activities: { 'act.visit': { columns: { member: 'obj.member' } } },
    })
    const texts = reachablePaths(circle, 'act.visit').map((path: AttributePath) => pathText(path))
    assert.deepEqual(texts, ['id', 'occurred_at', 'member', 'member.id', 'member.friend'])
    assert.equal(resolvePath(circle, 'act.visit', 'member.friend.friend')?.references.length, 2)
  })

  it('offers of a declared merged table only the groups that it attaches', () => {
    const tables = shopModel.tables.map((table) => {
      if (table.kind !== 'merged' || table.id !== 'merged.purchase') return table
      return {
        ...table,
        declared: true,
        attached: table.attached.filter(({ table: group }) => group === 'obj_attr.member.habit'),
      }
    })
    const model = { ...shopModel, tables }
    assert.equal(resolvePath(model, 'act.purchase', 'member.country'), undefined)
    assert.equal(
      resolvePath(model, 'act.purchase', 'member.purchases_1y')?.table,
      'obj_attr.member.habit',
    )
    assert.equal(resolvePath(model, 'act.gift', 'giver.country')?.table, 'obj.member')
  })
})

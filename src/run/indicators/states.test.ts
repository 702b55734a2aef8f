import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openDuckdbEngine } from '../../engine/duckdb/duckdb.ts'
import type { Engine, Session } from '../../engine/engine.ts'
import type { ColumnType } from '../../model/model.ts'
import { accumulate } from './accumulate.ts'
import { groupColumns } from './group-columns.ts'
import { layOut, readStateRows } from './states.ts'
import type { PlannedState } from './states.ts'

function state(name: string, kind: PlannedState['kind'], type: ColumnType): PlannedState {
  return { name, kind, type, merged: '' }
}

const decimal = (scale: number): ColumnType => ({ kind: 'decimal', precision: 38, scale })
const states = [
  state('pieces', 'count', { kind: 'integer' }),
  state('huge', 'sum', decimal(0)),
  state('money', 'sum', decimal(2)),
  state('fine', 'sum', decimal(20)),
  state('whole', 'sum', { kind: 'integer' }),
  state('weight', 'sum', { kind: 'number' }),
  state('first_name', 'min', { kind: 'text' }),
  state('last_day', 'max', { kind: 'date' }),
  state('least_money', 'min', decimal(2)),
  state('greatest_huge', 'max', decimal(0)),
  state('least_whole', 'min', { kind: 'integer' }),
  state('first_at', 'min', { kind: 'timestamp' }),
  state('last_at', 'max', { kind: 'timestamp' }),
  state('any_gift', 'any', { kind: 'boolean' }),
]

const rows = `
select *, money as least_money, huge as greatest_huge, whole as least_whole, instant as first_at, instant as last_at from (values
  (0, 1, 90000000000000000000000000001, -0.29, 0.00000000000000000001, 9007199254740993, 0.5, 'b', date '2026-01-02', true, timestamptz '2026-01-02 03:04:05.678901Z'),
  (1, 2, -1, 12345678.91, 0.5, 9007199254740993, null, 'ä', date '1999-12-31', false, timestamptz '1969-12-31 23:59:59.5Z'),
  (2, 3, 7, null, null, null, 1.25, null, null, false, null)
) as each_row(place, pieces, huge, money, fine, whole, weight, first_name, last_day, any_gift, instant)`

describe('states as numbers', () => {
  let engine: Engine
  let session: Session
  before(async () => {
    engine = await openDuckdbEngine()
    session = await engine.open({ zone: 'Asia/Seoul' })
  })
  after(() => engine.close())

  /** All rows as groups of these codes. */
  async function addUp(codes: readonly number[]): Promise<readonly (readonly unknown[])[]> {
    await session.run(`create or replace temp table measured as select * from (${rows})`)
    const layout = await layOut(session, 'measured', { states, counts: [] })
    const read = await readStateRows(session, 'measured', { layout, rows: 3 })
    const coded = { dimension: 'x', number: 4, size: 3, codes: Uint16Array.from(codes) }
    const [groups] = accumulate(read, [coded])
    const columns = groupColumns([{ dimension: coded, groups: groups! }], {
      rows: read,
      loose: [],
      counted: layout.counted,
    })
    const slots = layout.slots.map((_, slot) => `slot_${slot} double`)
    const words = Array.from({ length: read.words }, (_, word) => `known_${word} uinteger`)
    await session.run(
      `create or replace temp table groups (${['dimension usmallint', 'code uinteger', ...slots, ...words].join(', ')})`,
    )
    await session.appendNumbers('groups', columns)
    const made = states.map(({ name }) => layout.finished.get(name)!)
    return (
      await session.query(
        `select ${['groups.dimension', 'groups.code', ...made].join(', ')} from groups ${layout.joins.join('\n')} order by code`,
      )
    ).rows
  }

  it('add up without loss, whatever their size and sign', async () => {
    assert.deepEqual(await addUp([1, 1, 2]), [
      [
        4,
        1,
        3,
        '90000000000000000000000000000',
        '12345678.62',
        '0.50000000000000000001',
        18_014_398_509_481_986n,
        0.5,
        'b',
        '2026-01-02',
        '-0.29',
        '90000000000000000000000000001',
        9_007_199_254_740_993n,
        '1969-12-31T23:59:59.500000Z',
        '2026-01-02T03:04:05.678901Z',
        true,
      ],
      [4, 2, 3, '7', null, null, null, 1.25, null, null, null, '7', null, null, null, false],
    ])
  })
})

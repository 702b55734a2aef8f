/** Derived attributes against their definition: at every instant, the value of each version equals what counting the activities by hand gives. */
import { deepEqual, fail } from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import fc from 'fast-check'
import type {
  ActivityModel,
  AttributesModel,
  ColumnModel,
  ColumnType,
  Model,
  Selection,
} from '../model/model.ts'
import { derivedSelect } from './derived.ts'

const column = (name: string, type: ColumnType, refers?: string): ColumnModel => ({
  name,
  type,
  description: name,
  required: false,
  tags: [],
  ...(refers === undefined ? {} : { refers }),
})
const place = { file: 'act/purchase.ts' }
const base = { place, owner: 'test', description: 'test' }
const integer: ColumnType = { kind: 'integer' }
const decimal: ColumnType = { kind: 'decimal', precision: 18, scale: 2 }

const purchase: ActivityModel = {
  ...base,
  id: 'act.purchase',
  class: 'act',
  kind: 'activity',
  key: 'id',
  says: '{member} bought',
  actor: 'member',
  targets: [],
  checks: [],
  sql: { parts: [], place },
  columns: [
    column('id', integer),
    column('occurred_at', { kind: 'timestamp' }),
    column('member', integer, 'obj.member'),
    column('amount', decimal),
    column('item', { kind: 'text' }),
  ],
}

const day = { count: 3, unit: 'day' } as const
const take = (
  selector: Selection['selector'],
  taken: Selection['take'],
  more: Partial<Selection> = {},
): Selection => ({ kind: 'selection', activity: purchase.id, selector, take: taken, ...more })
const all = { kind: 'all' } as const
const aggregate = (
  name: 'count' | 'sum' | 'min' | 'max' | 'average' | 'distinct',
  of?: string,
): Selection['take'] => ({
  kind: 'aggregate',
  aggregate: name,
  ...(of === undefined ? {} : { column: of }),
})
const filter = { kind: 'compare', path: 'amount', operator: '>', value: '5' } as const

const selections: Readonly<
  Record<string, { readonly type: ColumnType; readonly selection: Selection }>
> = {
  count_all: { type: integer, selection: take(all, aggregate('count')) },
  count_within: { type: integer, selection: take(all, aggregate('count'), { within: day }) },
  count_large: { type: integer, selection: take(all, aggregate('count'), { filter }) },
  sum_all: {
    type: { ...decimal, precision: 38 },
    selection: take(all, aggregate('sum', 'amount')),
  },
  sum_within: {
    type: { ...decimal, precision: 38 },
    selection: take(all, aggregate('sum', 'amount'), { within: day }),
  },
  average_within: {
    type: { kind: 'number' },
    selection: take(all, aggregate('average', 'amount'), { within: day }),
  },
  distinct_all: { type: integer, selection: take(all, aggregate('distinct', 'item')) },
  distinct_within: {
    type: integer,
    selection: take(all, aggregate('distinct', 'item'), { within: day }),
  },
  min_all: { type: decimal, selection: take(all, aggregate('min', 'amount')) },
  max_within: { type: decimal, selection: take(all, aggregate('max', 'amount'), { within: day }) },
  first_item: {
    type: { kind: 'text' },
    selection: take({ kind: 'first' }, { kind: 'column', column: 'item' }),
  },
  last_item: {
    type: { kind: 'text' },
    selection: take({ kind: 'last' }, { kind: 'column', column: 'item' }),
  },
  last_item_within: {
    type: { kind: 'text' },
    selection: take({ kind: 'last' }, { kind: 'column', column: 'item' }, { within: day }),
  },
  second_item: {
    type: { kind: 'text' },
    selection: take({ kind: 'nth', n: 2 }, { kind: 'column', column: 'item' }),
  },
  second_item_within: {
    type: { kind: 'text' },
    selection: take({ kind: 'nth', n: 2 }, { kind: 'column', column: 'item' }, { within: day }),
  },
}

const habit: AttributesModel = {
  ...base,
  id: 'obj_attr.member.habit',
  class: 'obj_attr',
  kind: 'attributes',
  object: 'obj.member',
  key: 'id',
  history: true,
  columns: [
    column('id', integer),
    ...Object.entries(selections).map(([name, { type }]) => column(name, type)),
  ],
  from: {
    kind: 'derived',
    attributes: Object.entries(selections).map(([name, { selection }]) => ({ name, selection })),
  },
}
const model: Model = { formatVersion: 1, zone: 'UTC', tables: [purchase, habit], metrics: [] }

interface Row {
  readonly id: number
  readonly hour: number
  readonly member: number
  readonly cents: number | null
  readonly item: string | null
}

const rows = fc
  .array(
    fc.record({
      hour: fc.integer({ min: 0, max: 200 }),
      member: fc.integer({ min: 1, max: 2 }),
      cents: fc.option(fc.integer({ min: 1, max: 1200 })),
      item: fc.option(fc.constantFrom('a', 'b', 'c')),
    }),
    { maxLength: 12 },
  )
  .map((list) => list.map((row, index): Row => ({ ...row, id: index + 1 })))

/** By the definition: the activities with occurred_at ≤ t, and within d only those with occurred_at + d > t. */
function valueAt(selection: Selection, events: readonly Row[], hour: number): string | null {
  const hours = selection.within === undefined ? Infinity : selection.within.count * 24
  const seen = events
    .filter(
      (event) =>
        event.hour <= hour &&
        event.hour + hours > hour &&
        (selection.filter === undefined || (event.cents ?? 0) > 500),
    )
    .toSorted((left, right) => left.hour - right.hour || left.id - right.id)
  if (selection.take.kind === 'column') {
    const { selector } = selection
    const index =
      selector.kind === 'last' ? seen.length - 1 : selector.kind === 'nth' ? selector.n - 1 : 0
    return seen[index]?.item ?? null
  }
  const cents = seen.flatMap((event) => event.cents ?? [])
  const sum = cents.reduce((total, each) => total + each, 0)
  switch (selection.take.aggregate) {
    case 'count':
      return String(seen.length)
    case 'distinct':
      return String(new Set(seen.flatMap((event) => event.item ?? [])).size)
    case 'sum':
      return cents.length === 0 ? null : (sum / 100).toFixed(2)
    case 'average':
      return cents.length === 0 ? null : (sum / 100 / cents.length).toFixed(3)
    case 'min':
      return cents.length === 0 ? null : (Math.min(...cents) / 100).toFixed(2)
    case 'max':
      return cents.length === 0 ? null : (Math.max(...cents) / 100).toFixed(2)
    default:
      return fail(`the definition of ${selection.take.aggregate} is not written here`)
  }
}

describe('derived attributes', () => {
  let connection: DuckDBConnection

  before(async () => {
    const instance = await DuckDBInstance.create(':memory:')
    connection = await instance.connect()
    await connection.run(`set TimeZone = 'UTC'; attach ':memory:' as act`)
  })
  after(() => connection.closeSync())

  it('are at every instant what their definition says', async () => {
    const sql = derivedSelect(model, habit)
    await fc.assert(
      fc.asyncProperty(rows, async (events) => {
        const values = events.map(
          (row) =>
            `(${row.id}, timestamptz '2011-01-01 00:00:00+00' + interval '${row.hour}' hour, ${row.member}, ${row.cents === null ? 'null' : row.cents / 100}, ${row.item === null ? 'null' : `'${row.item}'`})`,
        )
        await connection.run(
          'create or replace table act.purchase (id bigint, occurred_at timestamptz, member bigint, amount decimal(18, 2), item varchar)',
        )
        if (values.length > 0)
          await connection.run(`insert into act.purchase values ${values.join(', ')}`)
        const reader = await connection.runAndReadAll(
          `select id, (epoch(valid_from) - epoch(timestamptz '2011-01-01 00:00:00+00')) / 3600 as hour, ${Object.keys(
            selections,
          )
            .map((name) =>
              name === 'average_within' ? `printf('%.3f', ${name})` : `cast(${name} as varchar)`,
            )
            .join(', ')} from (${sql}) order by 1, 2`,
        )
        for (const [id, hour, ...got] of reader.getRows()) {
          const own = events.filter((event) => event.member === Number(id))
          const want = Object.values(selections).map(({ selection }) =>
            valueAt(selection, own, Number(hour)),
          )
          deepEqual(got, want, `member ${String(id)} at hour ${String(hour)}`)
        }
        // Nothing changes between the candidates: every instant of every event and its end is one.
        for (const member of new Set(events.map((event) => event.member))) {
          const found = new Set(
            reader
              .getRows()
              .filter((row) => Number(row[0]) === member)
              .map((row) => Number(row[1])),
          )
          for (const event of events.filter((each) => each.member === member))
            deepEqual([found.has(event.hour), found.has(event.hour + 72)], [true, true])
        }
      }),
      { seed: 11, numRuns: 60 },
    )
  })
})

/** Cohorts, repeat rates and gaps between purchases of real customers, against plain loops over the file. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import type { DuckDBConnection } from '@duckdb/node-api'
import { compileQuestion } from '../../src/metric/metric.ts'
import type { MetricQuestion } from '../../src/metric/metric.ts'
import type { Model, Predicate, RowChoice } from '../../src/model/model.ts'
import { modelOf } from './build-model.ts'
import { describeData, sharedData } from '../shared-data.ts'
import { load, useMemory, query } from './dataset.ts'
import type { Cell } from './rows.ts'

const data = sharedData('cdnow')
const file = join(data.folder, 'CDNOW_master.txt.gz')

describeData('purchases of CDNOW', data, answers)

interface Purchase {
  readonly id: number
  readonly customer: number
  /** `1997-01-01` */
  readonly day: string
}

function answers(): void {
  const purchases = readPurchases()
  const customers = new Map<number, Purchase[]>()
  for (const each of purchases)
    customers.set(each.customer, [...(customers.get(each.customer) ?? []), each])
  for (const own of customers.values())
    own.sort((left, right) =>
      left.day === right.day ? left.id - right.id : left.day < right.day ? -1 : 1,
    )
  const model = shopOf()
  let connection: DuckDBConnection
  useMemory((opened) => (connection = opened))

  before(async () => {
    await load(connection, model, new Map())
    await connection.run(
      String.raw`insert into stored.purchase (id, occurred_at, customer, day)
      select id, cast(day as timestamp with time zone), customer, day
      from (
        select cast(parts[1] as bigint) as customer, cast(strptime(parts[2], '%Y%m%d') as date) as day,
          row_number() over () - 1 as id
        from (
          select regexp_split_to_array(trim(line), '\s+') as parts
          from read_csv('${file.replaceAll("'", "''")}', columns = {'line': 'varchar'}, delim = '|', skip = 1, header = false)
        )
      )`,
    )
    await connection.run('insert into obj.customer select distinct customer from stored.purchase')
  })

  const ask = async (question: MetricQuestion): Promise<readonly (readonly Cell[])[]> =>
    await query(connection, compileQuestion(model, question).sql)

  it('are of as many customers as published', () => {
    assert.deepEqual([customers.size, purchases.length], [23_570, 69_659])
  })

  it('come from three months of first purchases, whose customers return as counted', async () => {
    const rows = await ask({ metrics: ['returned'], by: ['cohort', 'age'], to: '1998-07-01' })
    const expected = new Map<string, number>()
    for (const own of customers.values()) {
      const cohort = own[0]!.day.slice(0, 7)
      const active = new Set(own.map(({ day }) => day.slice(0, 7)))
      for (let age = 0; monthAfter(cohort, age) <= '1998-06'; age++) {
        const key = `${cohort}-01 ${age}`
        const isBack = active.has(monthAfter(cohort, age))
        expected.set(key, (expected.get(key) ?? 0) + (isBack ? 1 : 0))
      }
    }
    const found = new Map(
      rows.map(([cohort, age, count]) => [`${String(cohort)} ${String(age)}`, count]),
    )
    assert.equal(new Set(rows.map(([cohort]) => cohort)).size, 3)
    assert.deepEqual(found, expected)
  })

  it('are made again by the share of customers that is counted', async () => {
    const [row] = await ask({ metrics: ['repeated'] })
    const again = [...customers.values()].filter((own) => own.length > 1).length
    assert.ok(Math.abs(Number(row![0]) - again / customers.size) < 1e-12)
  })

  it('tell customers apart by how far they come, as a condition on them', async () => {
    const [row] = await ask({ metrics: ['customers_again', 'first_of_again'] })
    const again = [...customers.values()].filter((own) => own.length > 1).length
    assert.deepEqual(row, [again, again])
  })

  it('are followed by the next as late as counted', async () => {
    const rows = await ask({
      metrics: ['purchases'],
      by: ['next_at.month'],
      from: '1997-03-01',
      to: '1997-04-01',
    })
    const expected = new Map<string | null, number>()
    for (const own of customers.values()) {
      for (const [at, { day }] of own.entries()) {
        if (!day.startsWith('1997-03')) continue
        // The file has days only, so the next purchase is one of a later day.
        const next = own.slice(at + 1).find((other) => other.day > day)
        const month = next === undefined ? null : `${next.day.slice(0, 7)}-01`
        expected.set(month, (expected.get(month) ?? 0) + 1)
      }
    }
    assert.deepEqual(new Map(rows.map(([month, count]) => [month, count])), expected)
  })

  it('have customers who are new, returning, resurrected and dormant as counted', async () => {
    const metrics = ['new', 'returning', 'resurrected', 'dormant']
    const rows = await ask({ metrics, by: ['month'], to: '1998-07-01' })
    for (const [month, ...counts] of rows) {
      const now = String(month).slice(0, 7)
      const expected = [0, 0, 0, 0]
      for (const own of customers.values()) {
        const active = new Set(own.map(({ day }) => day.slice(0, 7)))
        const wasBefore = active.has(monthAfter(now, -1))
        const isNew = own[0]!.day.slice(0, 7) === now
        if (active.has(now)) expected[isNew ? 0 : wasBefore ? 1 : 2]!++
        else if (wasBefore) expected[3]!++
      }
      assert.deepEqual(counts, expected, now)
    }
    assert.equal(rows.length, 18)
  })
}

/** A customer's purchases of one day keep the order of the file. */
function readPurchases(): readonly Purchase[] {
  const lines = gunzipSync(readFileSync(file)).toString().trim().split('\n').slice(1)
  return lines.map((line, id) => {
    const [customer, date] = line.trim().split(/\s+/) as [string, string]
    const day = `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}`
    return { id, customer: Number(customer), day }
  })
}

function monthAfter(month: string, count: number): string {
  const [year, number] = month.split('-').map(Number) as [number, number]
  return new Date(Date.UTC(year, number - 1 + count, 1)).toISOString().slice(0, 7)
}

function shopOf(): Model {
  const rows = (selector: RowChoice['selector']): RowChoice => ({
    activity: 'act.purchase',
    selector,
  })
  const all = rows({ kind: 'all' })
  const lifecycle = (state: 'new' | 'returning' | 'resurrected' | 'dormant') =>
    ({ kind: 'lifecycle', choice: all, grain: 'month', state }) as const
  const reached = (path: string): Predicate => ({
    kind: 'metric',
    metric: 'level',
    object: 'obj.customer',
    path,
    operator: '>=',
    value: 2,
  })
  const model = modelOf({
    zone: 'UTC',
    objects: { 'obj.customer': { key: 'id', columns: {} } },
    activities: { 'act.purchase': { columns: { customer: 'obj.customer' } } },
    metrics: {
      purchases: {
        kind: 'aggregate',
        selection: { kind: 'selection', ...all, take: { kind: 'aggregate', aggregate: 'count' } },
      },
      returned: {
        kind: 'retention',
        start: rows({ kind: 'first' }),
        back: all,
        grain: 'month',
        counting: 'recurring',
        result: 'actors',
      },
      repeated: {
        kind: 'funnel',
        steps: [rows({ kind: 'first' }), all],
        rules: ['once'],
        result: { kind: 'rate', step: 2, from: 1 },
      },
      level: { kind: 'funnel', steps: [all, all], rules: ['once'], result: { kind: 'level' } },
      customers_again: {
        kind: 'object_aggregate',
        object: 'obj.customer',
        aggregate: 'count',
        filter: reached('id'),
      },
      first_of_again: {
        kind: 'aggregate',
        selection: {
          kind: 'selection',
          ...rows({ kind: 'first' }),
          filter: reached('customer'),
          take: { kind: 'aggregate', aggregate: 'count' },
        },
      },
      new: lifecycle('new'),
      returning: lifecycle('returning'),
      resurrected: lifecycle('resurrected'),
      dormant: lifecycle('dormant'),
    },
  })
  const next = {
    column: {
      name: 'next_at',
      type: { kind: 'timestamp' },
      description: 'the next purchase',
      required: false,
      tags: [],
    },
    selection: {
      kind: 'selection',
      ...rows({ kind: 'first' }),
      window: { from: { at: { kind: 'row' }, inclusive: false } },
      take: { kind: 'column', column: 'occurred_at' },
    },
  } as const
  return {
    ...model,
    tables: model.tables.map((table) =>
      table.kind === 'merged' ? { ...table, related: [next] } : table,
    ),
  }
}

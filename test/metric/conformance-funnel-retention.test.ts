/** Funnels and retentions of others, with the levels and counts that they expect: each table becomes an activity, each question a declared metric. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import type { DuckDBConnection } from '@duckdb/node-api'
import { compileQuestion } from '../../src/metric/metric.ts'
import type { MetricQuestion } from '../../src/metric/metric.ts'
import type { FunnelRule, Predicate, RowChoice, Scalar } from '../../src/model/model.ts'
import { modelOf } from './build-model.ts'
import type { MetricSketch } from './build-model.ts'
import { describeData, sharedData } from '../shared-data.ts'
import { load, useMemory, query } from './dataset.ts'
import type { Cell, Row } from './rows.ts'

const data = sharedData('funnel-retention-cases')
const { folder } = data

const rules: Readonly<Record<string, FunnelRule>> = {
  strict_once: 'once',
  strict_increase: 'increasing',
  strict_deduplication: 'no_repeat',
  strict_order: 'no_other',
  allow_reentry: 'reentry',
}

const tooEarly =
  'a row of step 1 ends its own attempt there, for it is a row of step 3 too: here a row that fulfils a step ends nothing'

/** Cases that are answered otherwise on purpose, with the reason. A case that passes must leave the list. */
const otherwise: Readonly<Record<string, string>> = {
  shop_4_strict_order: tooEarly,
  shop_4_allow_reentry: tooEarly,
  reentry_4_strict_order:
    'a row of step 2 after step 3 ends nothing there, though one of step 1 does: here both are out of order',
  reentry_combined:
    'a second row of step 1 is no repeat there, and yet takes the level back to 1: here it is one, and ends the attempt at its level',
}

describeData('cases of funnels and retention', data, answers)

type Test =
  | { readonly column: string; readonly op: '=' | '<=' | '>='; readonly value: Scalar }
  | { readonly column: string; readonly op: 'is null' }
  | { readonly and: readonly Test[] }

interface FunnelCase {
  readonly name: string
  readonly table: string
  readonly window: number
  readonly modes: readonly string[]
  readonly steps: readonly Test[]
  /** Of the whole table, or by user. */
  readonly expected: number | Readonly<Record<string, number>>
}

interface FunnelTable {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly (string | number | null)[])[]
}

interface RetentionCase {
  readonly name: string
  /** `date = 2018-08-06` */
  readonly conditions: readonly string[]
  readonly only_dates: readonly string[]
  readonly expected_users: readonly number[]
}

function answers(): void {
  let connection: DuckDBConnection
  useMemory((opened) => (connection = opened))

  const ask = async (
    metric: MetricSketch,
    question: Omit<MetricQuestion, 'metrics'>,
    { rows, columns }: Events,
  ): Promise<readonly (readonly Cell[])[]> => {
    const model = modelOf({
      zone: 'UTC',
      objects: { 'obj.person': { key: 'id', columns: {} } },
      activities: { 'act.event': { columns: { person: 'obj.person', ...columns } } },
      metrics: { asked: metric },
    })
    await load(connection, model, new Map([['act.event', rows]]))
    return await query(connection, compileQuestion(model, { ...question, metrics: ['asked'] }).sql)
  }

  const funnels = readCases<{
    readonly tables: Readonly<Record<string, FunnelTable>>
    readonly cases: readonly FunnelCase[]
  }>('funnel.json')
  it('has every case of the list', () => {
    const names = new Set(funnels.cases.map(({ name }) => name))
    assert.deepEqual(
      Object.keys(otherwise).filter((name) => !names.has(name)),
      [],
    )
  })

  for (const one of funnels.cases) {
    const reason = otherwise[one.name]
    const title = reason === undefined ? 'reaches' : 'does not reach'
    it(`${title} the level of ${one.name}${reason === undefined ? '' : `: ${reason}`}`, async () => {
      const table = funnels.tables[one.table]!
      const by = isOfFirst(one) ? ['person', 'occurred_at'] : ['person']
      const rows = await ask(funnelOf(one), { by }, eventsOf(table))
      const levels = new Map(rows.toReversed().map((row) => [String(row[0]), row.at(-1)]))
      const expected = typeof one.expected === 'number' ? { 0: one.expected } : one.expected
      // Who never fulfils step 1 has no attempt, so no level.
      const found = Object.keys(expected).map((person) => [person, levels.get(person) ?? 0])
      if (reason === undefined) assert.deepEqual(Object.fromEntries(found), expected)
      else assert.notDeepEqual(Object.fromEntries(found), expected, 'take it off the list')
    })
  }

  const retentions = readCases<{
    readonly table: { readonly rows_as_ranges: readonly { date: string; users: string }[] }
    readonly cases: readonly RetentionCase[]
  }>('retention.json')
  for (const one of retentions.cases) {
    it(`finds back whom ${one.name} expects`, async () => {
      const days = one.conditions.map((text) => text.replace('date = ', ''))
      const events = usersOf(retentions.table.rows_as_ranges)
      const rows = await ask(
        retentionOf(days[0]!, one.only_dates),
        { by: ['age'], to: nextDay(days.at(-1)!) },
        events,
      )
      const actors = new Map(rows.map(([age, count]) => [age, count]))
      const ages = days.map((day) => daysBetween(days[0]!, day))
      assert.deepEqual(
        ages.map((age) => actors.get(age)),
        one.expected_users,
      )
    })
  }
}

function readCases<T>(name: string): T {
  return JSON.parse(readFileSync(join(folder, name), 'utf8')) as T
}

interface Events {
  readonly columns: Readonly<Record<string, string>>
  readonly rows: readonly Row[]
}

/** Only the distance of times matters, so they are counted from the first. */
function eventsOf({ columns, rows }: FunnelTable): Events {
  const read = rows.map((cells) =>
    Object.fromEntries(columns.map((column, at) => [column, cells[at]!])),
  )
  const start = Math.min(...read.map((row) => Number(row['t'])))
  const own = columns.filter((column) => column !== 't' && column !== 'user')
  return {
    columns: Object.fromEntries(
      own.map((column) => [
        column,
        read.some((row) => typeof row[column] === 'number') ? 'integer' : 'text',
      ]),
    ),
    rows: read.map(({ t, user = 0, ...row }, id) => ({
      ...row,
      id,
      person: user,
      occurred_at: BigInt(Number(t) - start) * 1_000_000n,
    })),
  }
}

/**
 * With strict_order theirs gives up where the first attempt ends, unless strict_deduplication lets it start anew. By the time of step 1 each attempt has a level of
 * its own.
 */
function isOfFirst({ modes }: FunnelCase): boolean {
  return modes.includes('strict_order') && !modes.includes('strict_deduplication')
}

/** Their window holds its end, ours does not: a second later nothing else lies in between. */
function funnelOf({ steps, window, modes }: FunnelCase): MetricSketch {
  return {
    kind: 'funnel',
    steps: steps.map((test): RowChoice => ({
      activity: 'act.event',
      selector: { kind: 'all' },
      filter: predicateOf(test),
    })),
    within: { count: window + 1, unit: 'second' },
    rules: modes.map((mode) => rules[mode]!),
    result: { kind: 'level' },
  }
}

function predicateOf(test: Test): Predicate {
  if ('and' in test) return { kind: 'and', operands: test.and.map(predicateOf) }
  return test.op === 'is null'
    ? { kind: 'unknown', path: test.column }
    : { kind: 'compare', path: test.column, operator: test.op, value: test.value }
}

function retentionOf(start: string, only: readonly string[]): MetricSketch {
  const on = (days: readonly string[]): RowChoice => ({
    activity: 'act.event',
    selector: { kind: 'all' },
    filter: { kind: 'in', path: 'day', values: days },
  })
  return {
    kind: 'retention',
    start: on([start]),
    back: on(only),
    grain: 'day',
    counting: 'recurring',
    result: 'actors',
  }
}

/** `0..79` */
function usersOf(ranges: readonly { readonly date: string; readonly users: string }[]): Events {
  const rows = ranges.flatMap(({ date, users }) => {
    const [first, last] = users.split('..').map(Number) as [number, number]
    const occurred_at = BigInt(Date.parse(date)) * 1000n
    return Array.from({ length: last - first + 1 }, (_, at) => ({
      person: first + at,
      occurred_at,
    }))
  })
  return { columns: {}, rows: rows.map((row, id) => ({ ...row, id })) }
}

function daysBetween(first: string, day: string): number {
  return (Date.parse(day) - Date.parse(first)) / 86_400_000
}

function nextDay(day: string): string {
  return new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10)
}

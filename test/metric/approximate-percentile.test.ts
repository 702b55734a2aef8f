import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DuckDBConnection } from '@duckdb/node-api'
import { compileQuestion } from '../../src/metric/metric.ts'
import { modelOf } from './build-model.ts'
import type { MetricSketch } from './build-model.ts'
import { load, useMemory, query } from './dataset.ts'

const fractions = [0, 0.01, 0.25, 0.5, 0.9, 0.999, 1]
const names = (kind: string): readonly string[] => fractions.map((_, at) => `${kind}_${at}`)
const taken = (aggregate: 'percentile' | 'approximate_percentile'): [string, MetricSketch][] =>
  fractions.map((fraction, at) => [
    `${aggregate}_${at}`,
    {
      kind: 'aggregate',
      selection: {
        kind: 'selection',
        activity: 'act.visit',
        selector: { kind: 'all' },
        take: {
          kind: 'aggregate',
          aggregate,
          column: 'length',
          percentile: { fraction, kind: 'discrete' },
        },
      },
    },
  ])
const model = modelOf({
  zone: 'UTC',
  objects: { 'obj.member': { key: 'id', columns: {} } },
  activities: {
    'act.visit': { columns: { member: 'obj.member', length: 'number', shape: 'text' } },
  },
  metrics: Object.fromEntries([...taken('percentile'), ...taken('approximate_percentile')]),
})

const shapes = {
  even: 'random() * 1000',
  money: 'round(random() * 100, 2) - 20',
  skewed: 'exp(20 * random() - 10)',
  'both signs': '(random() - 0.5) * exp(10 * random())',
  whole: 'floor(random() * 30) - 5',
}

describe('a percentile by bins', () => {
  let connection: DuckDBConnection
  useMemory((opened) => (connection = opened))

  it('is within 1 % of the exact discrete one, whatever the values are like', async () => {
    await load(connection, model, new Map())
    await connection.run('set threads = 1')
    await connection.run('select setseed(0.25)')
    const arms = Object.entries(shapes).map(
      ([shape, sql]) =>
        `select 1 as member, ${sql} as length, '${shape}' as shape from range(20000)`,
    )
    await connection.run(`create or replace table stored.visit as
      select row_number() over () as id, *, date '2026-01-01' as day, timestamptz '2026-01-01 09:00:00+00' as occurred_at
      from (${arms.join(' union all ')})`)
    const answers = async (kind: string): Promise<readonly (readonly unknown[])[]> =>
      query(connection, compileQuestion(model, { metrics: names(kind), by: ['shape'] }).sql)
    const [exact, about] = [await answers('percentile'), await answers('approximate_percentile')]
    assert.equal(about.length, Object.keys(shapes).length)
    let greatest = 0
    for (const [at, [shape, ...values]] of exact.entries()) {
      assert.equal(about[at]![0], shape)
      for (const [place, value] of values.entries()) {
        const [wanted, got] = [Number(value), Number(about[at]![place + 1])]
        const error = wanted === 0 ? Math.abs(got) : Math.abs(got / wanted - 1)
        assert.ok(error <= 0.01 + 1e-9, `${String(shape)}: ${got} instead of ${wanted}`)
        greatest = Math.max(greatest, error)
      }
    }
    assert.ok(greatest > 0.002, 'as exact as that it would be no histogram')
  })
})

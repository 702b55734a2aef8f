import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import type { DuckDBConnection } from '@duckdb/node-api'
import { compileQuestion } from '../../src/metric/metric.ts'
import { modelOf } from './build-model.ts'
import type { MetricSketch } from './build-model.ts'
import { load, useMemory, query } from './dataset.ts'

const about = (column: string): MetricSketch => ({
  kind: 'aggregate',
  selection: {
    kind: 'selection',
    activity: 'act.visit',
    selector: { kind: 'all' },
    take: { kind: 'aggregate', aggregate: 'approximate_distinct', column },
  },
})
const model = modelOf({
  zone: 'UTC',
  objects: { 'obj.member': { key: 'id', columns: { country: 'text' } } },
  activities: {
    'act.visit': {
      columns: { member: 'obj.member', page: 'text', length: 'number', seed: 'integer' },
    },
  },
  metrics: {
    about_members: about('member'),
    about_pages: about('page'),
    about_lengths: about('length'),
  },
})
const metrics = model.metrics.map(({ name }) => name)

describe('a distinct count by a sketch', () => {
  let connection: DuckDBConnection
  useMemory((opened) => (connection = opened))

  before(async () => {
    await load(connection, model, new Map())
  })

  /** Estimates by seed, each of other values; every second value comes twice. */
  const estimates = async (values: number, seeds: number): Promise<readonly number[]> => {
    await connection.run(`create or replace table stored.visit as
      select *, date '2026-01-01' as day, timestamptz '2026-01-01 09:00:00+00' as occurred_at from (
        select number as id, seed * 1000003 + number % ${values} as member, 'page ' || (seed * 1000003 + number % ${values}) as page,
          (seed * 1000003 + number % ${values}) / 7 as length, seed
        from range(${seeds}) as each_seed(seed) cross join range(${Math.ceil(values * 1.5)}) as each_number(number))`)
    const { sql } = compileQuestion(model, { metrics, by: ['seed'] })
    const rows = await query(connection, sql)
    assert.equal(rows.length, seeds)
    return rows.flatMap((row) => row.slice(1).map(Number))
  }

  for (const [values, seeds] of [
    [1_000, 80],
    [4_000, 60],
    [10_000, 40],
    [30_000, 20],
  ] as const) {
    it(`has a standard error of at most 2 % of ${values} values, and no bias`, async () => {
      const errors = (await estimates(values, seeds)).map((estimate) => estimate / values - 1)
      const standard = Math.sqrt(errors.reduce((sum, error) => sum + error ** 2, 0) / errors.length)
      const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length
      assert.ok(standard < 0.02, `the standard error is ${standard}`)
      assert.ok(standard > 0.002, `as exact as ${standard} it would not be a sketch`)
      assert.ok(Math.abs(mean) < 0.006, `the mean error is ${mean}`)
      assert.ok(errors.every((error) => Math.abs(error) < 0.08))
    })
  }

  for (const values of [1, 7, 40, 100]) {
    it(`is exact of ${values} values but for rare clashes`, async () => {
      const wrong = (await estimates(values, 200)).filter((estimate) => estimate !== values)
      assert.ok(wrong.length <= 15, `${wrong.length} of 600 are wrong`)
      assert.ok(wrong.every((estimate) => Math.abs(estimate - values) <= 1))
    })
  }

  it('counts no unknown values, and 0 where there are no others', async () => {
    await connection.run(`create or replace table stored.visit as
      select 1 as id, timestamptz '2026-01-01 09:00:00+00' as occurred_at, cast(null as bigint) as member, '' as page, 0.5 as length, 1 as seed, date '2026-01-01' as day`)
    const { sql } = compileQuestion(model, { metrics })
    assert.deepEqual(await query(connection, sql), [[0, 1, 1]])
    await connection.run('delete from stored.visit')
    assert.deepEqual(await query(connection, sql), [[0, 0, 0]])
  })
})

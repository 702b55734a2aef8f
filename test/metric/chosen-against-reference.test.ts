import { describe, it } from 'node:test'
import type { DuckDBConnection } from '@duckdb/node-api'
import fc from 'fast-check'
import type { MetricModel, Predicate } from '../../src/model/model.ts'
import { compare } from './compare.ts'
import { drawn } from './against-random.ts'
import { load, useMemory } from './dataset.ts'
import { shopOf, sketch } from './random.ts'
import { choice } from './random-choice.ts'
import { aggregatesOf } from './random-taken.ts'
import type { ReferenceQuestion } from './reference.ts'

const base = {
  place: { file: 'test.ts' },
  owner: 'test',
  description: 'chosen',
  synonyms: [],
}
interface Asked {
  readonly metric: MetricModel
  readonly question: ReferenceQuestion
}

const times: readonly (readonly string[])[] = [[], ['hour'], ['day', 'hour_of_day'], ['month']]
/** What only the rows of one activity have. */
const dimensions: Readonly<Record<string, readonly (readonly string[])[]>> = {
  'act.purchase': [
    ['status'],
    ['product.brand.country', 'month'],
    ['member.country@now', 'quantity.bucket'],
    ['member.country@period_end', 'week'],
    ['tide'],
    ['member.joined_at.days_since'],
  ],
  'act.like': [['fan.country'], ['fan.tier', 'day']],
}
const conditions: Readonly<Record<string, Predicate>> = {
  'act.purchase': { kind: 'compare', path: 'product.brand.country', operator: '!=', value: 'Peru' },
  'act.like': { kind: 'compare', path: 'fan.country', operator: '=', value: 'France' },
}

const asked: fc.Arbitrary<Asked> = choice().chain((chosen) => {
  const { activity } = chosen
  const metric = fc.constantFrom(...aggregatesOf(activity)).map((take): MetricModel => ({
    ...base,
    id: 'metric.chosen',
    name: 'chosen',
    kind: 'aggregate',
    selection: { kind: 'selection', ...chosen, take },
  }))
  const range = {
    from: fc.constantFrom('2011-10-30', '2011-12-01'),
    to: fc.constantFrom('2011-12-15', '2012-02-01'),
  }
  const beside = activity === 'act.like' ? 'likes' : 'orders'
  const alone = fc.record(
    {
      metrics: fc.constantFrom(['chosen'], ['chosen', beside]),
      by: fc.constantFrom(...times, ...dimensions[activity]!),
      where: fc.constant(conditions[activity]!),
      ...range,
    },
    { requiredKeys: ['metrics', 'by'] },
  )
  const together = fc.record(
    {
      metrics: fc.constant(['likes', 'chosen', 'french_sales']),
      by: fc.constantFrom(...times),
      ...range,
    },
    { requiredKeys: ['metrics', 'by'] },
  )
  return fc.record({ metric, question: fc.oneof({ weight: 2, arbitrary: alone }, together) })
})

describe('metrics of chosen rows against the brute-force reference', () => {
  let connection: DuckDBConnection
  useMemory((opened) => (connection = opened))

  it('gives the same rows for random shops, choices and questions', async () => {
    await fc.assert(
      fc.asyncProperty(
        sketch,
        fc.array(asked, { minLength: 4, maxLength: 4 }),
        async (sketched, all) => {
          const { model, dataset } = shopOf(sketched)
          await load(connection, model, dataset)
          for (const { metric, question } of all)
            await compare(
              connection,
              { model: { ...model, metrics: [...model.metrics, metric] }, dataset },
              question,
            )
        },
      ),
      drawn({ numRuns: 250, seed: 20111031 }),
    )
  })
})

import { describe, it } from 'node:test'
import type { DuckDBConnection } from '@duckdb/node-api'
import fc from 'fast-check'
import type { AggregateTake, MetricModel } from '../../src/model/model.ts'
import { compare } from './compare.ts'
import { drawn } from './against-random.ts'
import { load, useMemory } from './dataset.ts'
import { shopOf, sketch } from './random.ts'
import { choice } from './random-choice.ts'
import type { ReferenceQuestion } from './reference.ts'

const base = {
  place: { file: 'test.ts' },
  owner: 'test',
  description: 'chosen',
  synonyms: [],
}
const metric: fc.Arbitrary<MetricModel> = choice().chain((chosen) => {
  const takes: AggregateTake[] =
    chosen.activity === 'act.like'
      ? [{ kind: 'aggregate', aggregate: 'count' }]
      : [
          { kind: 'aggregate', aggregate: 'count' },
          { kind: 'aggregate', aggregate: 'sum', column: 'amount' },
          { kind: 'aggregate', aggregate: 'distinct', column: 'member.country' },
          { kind: 'aggregate', aggregate: 'max', column: 'occurred_at' },
        ]
  return fc.constantFrom(...takes).map((take): MetricModel => ({
    ...base,
    id: 'metric.chosen',
    name: 'chosen',
    kind: 'aggregate',
    selection: { kind: 'selection', ...chosen, take },
  }))
})

const question: fc.Arbitrary<ReferenceQuestion> = fc.record(
  {
    metrics: fc.constantFrom(['chosen'], ['chosen', 'orders'], ['likes', 'chosen', 'french_sales']),
    by: fc.constantFrom<string[]>([], ['hour'], ['day', 'hour_of_day'], ['month']),
    from: fc.constantFrom('2011-10-30', '2011-12-01'),
    to: fc.constantFrom('2011-12-15', '2012-02-01'),
  },
  { requiredKeys: ['metrics', 'by'] },
)

describe('metrics of chosen rows against the brute-force reference', () => {
  let connection: DuckDBConnection
  useMemory((opened) => (connection = opened))

  it('gives the same rows for random shops, choices and questions', async () => {
    await fc.assert(
      fc.asyncProperty(
        sketch,
        fc.array(metric, { minLength: 4, maxLength: 4 }),
        question,
        async (sketched, chosen, asked) => {
          const { model, dataset } = shopOf(sketched)
          await load(connection, model, dataset)
          for (const one of chosen)
            await compare(
              connection,
              { model: { ...model, metrics: [...model.metrics, one] }, dataset },
              asked,
            )
        },
      ),
      drawn({ numRuns: 250, seed: 20111031 }),
    )
  })
})

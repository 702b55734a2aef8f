import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isMaruError } from '../../src/base/errors.ts'
import {
  compileQuestion,
  describePair,
  legalDimensions,
  neededDimensions,
} from '../../src/metric/metric.ts'
import type { MetricModel, Model } from '../../src/model/model.ts'
import { asked as askedOfFollowed } from './random-followed.ts'
import { shopOf, sketch } from './random.ts'
import { asked as askedOverTime } from './random-timed.ts'

const [drawn] = fc.sample(sketch, { numRuns: 1, seed: 3 })
const shop = shopOf(drawn!).model
const dimensions = [
  ...new Set(
    ['orders', 'likes', 'members'].flatMap((name) =>
      legalDimensions(shop, name).map(({ path }) => path),
    ),
  ),
  'member.country@now',
  'member.country@period_end',
  'member.country@cohort_entry',
  'member.joined_at.tide',
  'step',
  'cohort',
  'age',
]

/** Why the question is refused; undefined when it is answered. */
function refusal(model: Model, name: string, dimension: string): string | undefined {
  const needed = neededDimensions(model, name, [dimension]).filter((text) => text !== dimension)
  try {
    compileQuestion(model, {
      metrics: [name],
      by: [dimension, ...needed],
      from: '2011-10-30',
      to: '2011-10-31',
    })
    return undefined
  } catch (error) {
    if (isMaruError(error) && error.code.startsWith('METRIC_')) return error.message
    throw error
  }
}

function assertSame(model: Model, name: string): void {
  for (const dimension of dimensions) {
    const { isLegal } = describePair(model, name, dimension)
    const reason = refusal(model, name, dimension)
    const metric = JSON.stringify(model.metrics.find((each) => each.name === name))
    assert.equal(isLegal, reason === undefined, `${dimension} of ${metric}: ${reason}`)
  }
}

describe('which pairs are legal', () => {
  const withMetrics = (metrics: readonly MetricModel[]): Model => ({
    ...shop,
    metrics: [...shop.metrics, ...metrics],
  })

  it('is what questions answer, for random metrics over other times and groups', () => {
    for (const { metrics } of fc.sample(askedOverTime, { numRuns: 80, seed: 6 }))
      assertSame(withMetrics(metrics), 'timed')
  })

  it('is what questions answer, for random metrics that follow objects', () => {
    for (const { metric } of fc.sample(askedOfFollowed, { numRuns: 60, seed: 7 }))
      assertSame(withMetrics([metric]), 'followed')
  })
})

/** What can be declared or asked and is not answered yet stops with its reason; it never gives a number that means something else. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { modelOf, type MetricSketch } from '../../test/metric/build-model.ts'
import type { RowChoice, Selection } from '../model/model.ts'
import { compileQuestion, describePair } from './metric.ts'
import type { MetricQuestion } from './metric.ts'

const rows: RowChoice = { activity: 'act.visit', selector: { kind: 'all' } }
const selection: Selection = {
  kind: 'selection',
  ...rows,
  take: { kind: 'aggregate', aggregate: 'count' },
}
const aggregate = (changes: Partial<Selection>): MetricSketch => ({
  kind: 'aggregate',
  selection: { ...selection, ...changes },
})
const visits: MetricSketch = aggregate({})
const unanswered: Readonly<Record<string, MetricSketch>> = {
  anchor: aggregate({ window: { from: { at: { kind: 'row' }, inclusive: false } } }),
}

const cumulative = (metric: string): MetricSketch => ({
  kind: 'cumulative',
  metric,
  over: { kind: 'all_time' },
  across: 'last',
})
/** Of these no run of time is made, and never will be. */
const runs: Readonly<Record<string, MetricSketch>> = {
  runs_of_runs: cumulative('all_visits'),
  runs_of_starts: cumulative('visits_at_start'),
  runs_of_the_woken: cumulative('woken'),
}

const model = modelOf({
  zone: 'Asia/Seoul',
  objects: { 'obj.member': { key: 'id', columns: { country: 'text' } } },
  activities: { 'act.visit': { columns: { member: 'obj.member', pages: 'integer' } } },
  metrics: {
    visits,
    visits_at_start: {
      kind: 'formula',
      formula: { kind: 'metric', name: 'visits', offset: { kind: 'to_start', grain: 'month' } },
    },
    woken: { kind: 'lifecycle', choice: rows, grain: 'month', state: 'resurrected' },
    all_visits: cumulative('visits'),
    pages_in_order: aggregate({
      take: { kind: 'aggregate', aggregate: 'collect', column: 'pages' },
    }),
    mean_of_lists: {
      kind: 'cumulative',
      metric: 'pages_in_order',
      over: { kind: 'all_time' },
      across: 'average',
    },
    daily_lists: {
      ...aggregate({ take: { kind: 'aggregate', aggregate: 'collect', column: 'pages' } }),
      balance: { kind: 'average', per: [] },
    } as MetricSketch,
    ...unanswered,
    ...runs,
  },
})

function refusal(question: MetricQuestion): { readonly code: string; readonly message: string } {
  try {
    compileQuestion(model, question)
  } catch (error) {
    return error as { readonly code: string; readonly message: string }
  }
  return assert.fail('it was answered')
}

describe('what is not answered yet', () => {
  for (const name of Object.keys(unanswered)) {
    it(`is refused with a reason: a metric with ${name.replaceAll('_', ' ')}`, () => {
      const { code, message } = refusal({ metrics: [name] })
      assert.ok(['METRIC_ILLEGAL', 'METRIC_BAD_QUERY'].includes(code), code)
      assert.match(message, /not answered yet|cannot do yet/)
    })
  }

  it('is refused with a reason: a run of time by what holds at the end of a period', () => {
    const path = 'member.country@period_end'
    for (const asked of [{ by: ['day', path] }, { by: ['day'], where: `${path} = 'France'` }]) {
      const { code, message } = refusal({ metrics: ['all_visits'], ...asked })
      assert.equal(code, 'METRIC_ILLEGAL')
      assert.match(message, /no end of a period/)
    }
  })

  for (const metric of ['mean_of_lists', 'daily_lists']) {
    it(`is refused for good: the mean of lists in ${metric}`, () => {
      const { code, message } = refusal({ metrics: [metric] })
      assert.equal(code, 'METRIC_BAD_QUERY')
      assert.match(message, /takes the mean of list/)
    })
  }

  for (const metric of Object.keys(runs)) {
    it(`is refused for good: ${metric.replaceAll('_', ' ')}`, () => {
      const { code, message } = refusal({ metrics: [metric], by: ['month'] })
      assert.equal(code, 'METRIC_ILLEGAL')
      assert.match(message, /is cumulative over/)
      assert.match(refusal({ metrics: [metric] }).message, /is cumulative over/)
      assert.equal(describePair(model, metric, 'month').isLegal, false)
    })
  }

  it('leaves alone what is answered', () => {
    assert.match(compileQuestion(model, { metrics: ['visits'] }).sql, /count\(/)
  })
})

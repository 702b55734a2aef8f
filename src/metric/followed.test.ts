/** What metrics that follow objects go with, and what they say when they do not. The numbers are compared in test/metric/followed-against-reference.test.ts. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { modelOf } from '../../test/metric/build-model.ts'
import type { RowChoice } from '../model/model.ts'
import { compileQuestion, describePair, legalDimensions, neededDimensions } from './metric.ts'
import type { MetricQuestion } from './metric.ts'

const visits: RowChoice = { activity: 'act.visit', selector: { kind: 'all' } }
const model = modelOf({
  zone: 'Asia/Seoul',
  objects: {
    'obj.member': { key: 'id', columns: { country: 'text' } },
    'obj.shop_day': {
      key: 'id',
      columns: { date: 'date', season: 'text', tide: 'text' },
      calendar: { day: 'date', grains: ['season', 'tide'] },
    },
  },
  activities: {
    'act.visit': { columns: { member: 'obj.member', pages: 'integer' } },
    'act.purchase': { columns: { member: 'obj.member' } },
  },
  metrics: {
    funnelled: {
      kind: 'funnel',
      steps: [visits, visits],
      rules: [],
      result: { kind: 'actors', step: 2 },
    },
    converted: {
      kind: 'conversion',
      base: visits,
      conversion: { activity: 'act.purchase', selector: { kind: 'all' } },
      result: 'rate',
    },
    level: { kind: 'funnel', steps: [visits], rules: [], result: { kind: 'level' } },
    kept: {
      kind: 'retention',
      start: visits,
      back: visits,
      grain: 'week',
      counting: 'recurring',
      result: 'rate',
    },
    hourly: {
      kind: 'retention',
      start: visits,
      back: visits,
      grain: 'hour',
      counting: 'recurring',
      result: 'rate',
    },
    seasonal: { kind: 'lifecycle', choice: visits, grain: 'season', state: 'new' },
    woken: { kind: 'lifecycle', choice: visits, grain: 'week', state: 'resurrected' },
    daily: { kind: 'stickiness', choice: visits, grain: 'day' },
    sticky: { kind: 'stickiness', choice: visits, grain: 'week' },
  },
})

function refusal(question: MetricQuestion): string {
  try {
    compileQuestion(model, question)
  } catch (error) {
    const { code, message } = error as { readonly code: string; readonly message: string }
    return `${code} ${message}`
  }
  return assert.fail('it was answered')
}

describe('metrics that follow objects', () => {
  it('offer the dimensions that only they have', () => {
    const paths = (metric: string): readonly string[] =>
      legalDimensions(model, metric).map(({ path }) => path)
    assert.ok(paths('funnelled').includes('step'))
    assert.ok(!paths('level').includes('step'))
    assert.deepEqual(paths('kept').slice(0, 2), ['cohort', 'age'])
    assert.ok(paths('woken').includes('week') && !paths('woken').includes('month'))
    assert.ok(paths('sticky').includes('week') && !paths('sticky').includes('month'))
  })

  it('say without which dimension they have no value', () => {
    const needed = ['kept', 'woken', 'funnelled', 'sticky'].map((name) =>
      neededDimensions(model, name),
    )
    assert.deepEqual(needed, [['age'], ['week'], [], []])
  })

  const refused: readonly (readonly [MetricQuestion, RegExp])[] = [
    [{ metrics: ['kept'], by: ['cohort'] }, /METRIC_ILLEGAL .*a value for each age/],
    [{ metrics: ['woken'] }, /METRIC_ILLEGAL .*a value for each week/],
    [{ metrics: ['woken'], by: ['week', 'month'] }, /METRIC_ILLEGAL .*does not go with "month"/],
    [{ metrics: ['sticky'], by: ['month'] }, /METRIC_ILLEGAL .*not made of whole weeks/],
    [{ metrics: ['sticky'], by: ['week', 'day_of_week'] }, /METRIC_ILLEGAL .*no period/],
    [{ metrics: ['sticky'] }, /METRIC_ILLEGAL .*a share of the weeks of a period/],
    [
      { metrics: ['kept'], by: ['cohort', 'age'], compare: '1 month' },
      /METRIC_ILLEGAL .*does not go with "cohort"/,
    ],
    [{ metrics: ['seasonal'], by: ['season', 'month'] }, /METRIC_ILLEGAL .*one season each/],
    [{ metrics: ['woken'], by: ['week', 'season'] }, /METRIC_ILLEGAL .*one week each/],
    [{ metrics: ['sticky'], by: ['season'] }, /METRIC_ILLEGAL .*not made of whole weeks/],
    [{ metrics: ['daily'], by: ['season', 'month'] }, /METRIC_ILLEGAL .*are several/],
    [{ metrics: ['level'], by: ['step'] }, /METRIC_.*"step"/],
    [{ metrics: ['kept', 'funnelled'], by: ['age'] }, /METRIC_.*"age"/],
    [{ metrics: ['hourly'], by: ['age'] }, /METRIC_ILLEGAL .*ages/],
    [{ metrics: ['sticky'], by: ['week', 'member.country@cohort_entry'] }, /METRIC_.*cohort_entry/],
  ]
  for (const [question, message] of refused) {
    it(`refuse with the reason ${JSON.stringify(question)}`, () => {
      assert.match(refusal(question), message)
    })
  }

  it('say of a pair what a question says', () => {
    assert.equal(describePair(model, 'woken', 'month').isLegal, false)
    assert.equal(describePair(model, 'woken', 'week').isLegal, true)
    assert.equal(describePair(model, 'kept', 'member.country@cohort_entry').isLegal, true)
    assert.equal(describePair(model, 'sticky', 'member.country@cohort_entry').isLegal, false)
  })

  it('name every activity that they are followed through', () => {
    const { sources } = compileQuestion(model, { metrics: ['converted'] })
    assert.deepEqual(sources, [
      { kind: 'activities', tables: ['act.visit', 'act.purchase'], metrics: ['converted'] },
    ])
  })

  it('are known until now when the range is open', () => {
    const question = { metrics: ['kept'], by: ['age'] }
    assert.match(compileQuestion(model, question).sql, /current_date/)
    const { sql } = compileQuestion(model, { ...question, to: '2024-03-01' })
    assert.doesNotMatch(sql, /current_date/)
  })

  it('follow the periods of the calendar of the project', () => {
    const paths = legalDimensions(model, 'seasonal').map(({ path }) => path)
    assert.ok(paths.includes('season') && !paths.includes('tide') && !paths.includes('month'))
    assert.equal(describePair(model, 'daily', 'season').isLegal, true)
  })

  it('take a condition on their own dimensions', () => {
    const { sql } = compileQuestion(model, { metrics: ['kept'], by: ['age'], where: 'age <= 4' })
    assert.match(sql, /anchor\.age <= 4/)
    const funnelled = compileQuestion(model, { metrics: ['funnelled'], where: 'step > 1' })
    assert.match(funnelled.sql, /anchor\.step > 1/)
  })
})

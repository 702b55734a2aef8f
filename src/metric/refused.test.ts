import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { shopModel } from '../../test/metric/shop-model.ts'
import { isMaruError } from '../base/errors.ts'
import { compileQuestion } from './metric.ts'
import type { MetricQuestion } from './metric.ts'

const refused: readonly (readonly [string, MetricQuestion, string, RegExp, RegExp?])[] = [
  ['no metric', { metrics: [] }, 'METRIC_BAD_QUERY', /names no metric/],
  [
    'an unknown metric',
    { metrics: ['saels'] },
    'MODEL_UNKNOWN_METRIC',
    /no metric is called "saels"/,
    /Did you mean "sales"/,
  ],
  [
    'an object by what refers to it, which is for an author to choose',
    { metrics: ['members'], by: ['status'] },
    'METRIC_ILLEGAL',
    /"members" does not go with "status"/,
    /distinct\(\w+\.\w+\) counts each once in a group/,
  ],
  [
    'an unknown dimension',
    { metrics: ['sales'], by: ['member.contry'] },
    'METRIC_BAD_QUERY',
    /no dimension "member.contry"/,
    /member\.country/,
  ],
  [
    'a dimension of another activity',
    { metrics: ['stock'], by: ['product.brand'] },
    'METRIC_ILLEGAL',
    /"stock" does not go with "product.brand": act.stocktake reaches store \(obj.store\)/,
    /maru show metric.stock/,
  ],
  [
    'a shared question that one metric cannot answer',
    { metrics: ['sales', 'stock'], by: ['member.country'] },
    'METRIC_ILLEGAL',
    /"stock" does not go with "member.country"/,
  ],
  [
    'a time for what has none',
    { metrics: ['members'], by: ['month'] },
    'METRIC_ILLEGAL',
    /obj.member as it is now, which has no time/,
  ],
  [
    'the first of what is in no order',
    { metrics: ['first_member'] },
    'METRIC_ILLEGAL',
    /takes the first of obj.member, whose rows are in no order/,
  ],
  [
    'a range for what has no time',
    { metrics: ['members'], from: '2011-01-01' },
    'METRIC_ILLEGAL',
    /takes no from and to/,
  ],
  [
    'hours of a date',
    { metrics: ['sales'], by: ['member.birthday.hour'] },
    'METRIC_ILLEGAL',
    /asks for hours of what is not an instant/,
  ],
  [
    'a short path with two meanings',
    { metrics: ['gifts'], by: ['member.country'] },
    'METRIC_BAD_QUERY',
    /several meanings/,
    /giver\.country, receiver\.country/,
  ],
  [
    'a dimension twice',
    { metrics: ['sales'], by: ['day', 'day'] },
    'METRIC_BAD_QUERY',
    /"day" is asked for twice/,
  ],
  [
    'a metric twice',
    { metrics: ['sales', 'metric.sales'] },
    'METRIC_BAD_QUERY',
    /"sales" is asked for twice/,
  ],
  [
    'a dimension called like the metric',
    { metrics: ['status'], by: ['status'] },
    'METRIC_BAD_QUERY',
    /both a metric and a dimension/,
    /write the dimension as purchase\.status/,
  ],
  [
    'an empty range',
    { metrics: ['sales'], from: '2011-02-01', to: '2011-02-01' },
    'METRIC_BAD_QUERY',
    /holds no day/,
  ],
  ['a day that is none', { metrics: ['sales'], from: '2011-02-30' }, 'USAGE', /not a day/],
  [
    'an order by what is not asked',
    { metrics: ['sales'], order: ['-orders'] },
    'METRIC_BAD_QUERY',
    /order names "orders"/,
  ],
  [
    'a comparison with a time before a range without end',
    { metrics: ['sales'], from: '2011-01-01', compare: 'previous' },
    'METRIC_BAD_QUERY',
    /period before a range without end/,
    /give from and to/,
  ],
  [
    'a comparison with no time',
    { metrics: ['sales'], compare: '1 fortnight' },
    'METRIC_BAD_QUERY',
    /"1 fortnight" is no time to compare with/,
  ],
  [
    'a comparison of texts',
    { metrics: ['first_status'], compare: '1 year' },
    'METRIC_BAD_QUERY',
    /computes with text/,
  ],
  [
    'a total by what is not asked',
    { metrics: ['sales'], by: ['status'], totals: [['member.country']] },
    'METRIC_BAD_QUERY',
    /total is by "member.country"/,
  ],
  [
    'the top of what is not asked',
    {
      metrics: ['sales'],
      by: ['status'],
      top: { dimension: 'member.country', metric: 'sales', count: 3 },
    },
    'METRIC_BAD_QUERY',
    /top is of "member.country"/,
  ],
  [
    'a top of none',
    { metrics: ['sales'], by: ['status'], top: { dimension: 'status', metric: 'sales', count: 0 } },
    'METRIC_BAD_QUERY',
    /top 0 is not a count/,
  ],
  [
    'a condition on groups over what is not asked',
    { metrics: ['sales'], by: ['status'], having: 'salse > 3' },
    'METRIC_BAD_QUERY',
    /names "salse", which is no metric of the question/,
    /Did you mean "sales"/,
  ],
  [
    'combinations of an unknown table',
    { metrics: [], of: 'act.purchas', by: ['status'] },
    'METRIC_BAD_QUERY',
    /"act.purchas" is no activity and no object/,
    /act\.purchase/,
  ],
  [
    'combinations and metrics at once',
    { metrics: ['sales'], of: 'act.purchase', by: ['status'] },
    'METRIC_BAD_QUERY',
    /combinations without metrics/,
  ],
  [
    'the start of a month without a time',
    { metrics: ['since_start'], by: ['status'] },
    'METRIC_ILLEGAL',
    /needs a grain: day, week, month/,
  ],
  [
    'the start of a month by two grains that no period of theirs says',
    { metrics: ['since_start'], by: ['week', 'month'] },
    'METRIC_ILLEGAL',
    /week and month do not name together/,
    /add day/,
  ],
  [
    'growth under a condition on shorter times',
    { metrics: ['growth'], by: ['month'], where: `day > '2011-01-05'` },
    'METRIC_ILLEGAL',
    /condition on day says something else of time/,
  ],
  [
    'a running total under a condition of times and rows at once',
    { metrics: ['running'], by: ['day'], where: `day > '2011-01-05' or status = 'paid'` },
    'METRIC_ILLEGAL',
    /condition of times and of rows at once/,
  ],
  [
    'a running total of members as they are now',
    { metrics: ['running_members'] },
    'METRIC_ILLEGAL',
    /has no time/,
  ],
  [
    'a negative limit',
    { metrics: ['sales'], limit: -1 },
    'METRIC_BAD_QUERY',
    /not a count of rows/,
  ],
  [
    'a fill of two grains',
    { metrics: ['sales'], by: ['day', 'month'], fill: true },
    'METRIC_BAD_QUERY',
    /day and month at once/,
  ],
  [
    'a fill of very many periods',
    { metrics: ['sales'], by: ['hour'], from: '1900-01-01', to: '2000-01-01', fill: true },
    'METRIC_BAD_QUERY',
    /periods to fill/,
  ],
  [
    'a text compared with a number',
    { metrics: ['sales'], where: 'status = 5' },
    'METRIC_BAD_QUERY',
    /"status" holds text and cannot be compared with 5 at character 10/,
    /quotes: '5'/,
  ],
  [
    'a number compared with a text',
    { metrics: ['sales'], where: `quantity > 'many'` },
    'METRIC_BAD_QUERY',
    /holds integers/,
    /without quotes/,
  ],
  [
    'part of a date',
    { metrics: ['sales'], where: `occurred_at >= '2011'` },
    'METRIC_BAD_QUERY',
    /holds instants/,
    /whole day/,
  ],
  [
    'a date that does not exist',
    { metrics: ['sales'], where: `member.birthday = '2011-02-30'` },
    'METRIC_BAD_QUERY',
    /holds days/,
  ],
  [
    'like on a number',
    { metrics: ['sales'], where: `quantity like '5%'` },
    'METRIC_BAD_QUERY',
    /holds integers/,
    /"like" is for texts/,
  ],
  [
    'JSON compared',
    { metrics: ['sales'], where: `detail = 'x'` },
    'METRIC_BAD_QUERY',
    /holds JSON/,
  ],
  [
    'an order of truth values',
    { metrics: ['sales'], where: 'member.vip > true' },
    'METRIC_BAD_QUERY',
    /has no order|true or false/,
  ],
  ['a metric defined by itself', { metrics: ['circle'] }, 'METRIC_BAD_QUERY', /circle → circle/],
  [
    'a sum of texts',
    { metrics: ['named_sum'] },
    'METRIC_BAD_QUERY',
    /takes the sum of "status", which holds text/,
  ],
]

describe('a question that cannot be answered', () => {
  for (const [what, question, code, message, hint] of refused) {
    it(`is refused: ${what}`, () => {
      assert.throws(
        () => compileQuestion(shopModel, question),
        (error: unknown) => {
          assert.ok(error instanceof Error && isMaruError(error), String(error))
          assert.equal(error.code, code)
          assert.match(error.message, message)
          assert.match(error.hint ?? '', hint ?? /\w/)
          return true
        },
      )
    })
  }
})

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { addDays, dayOfNumber } from '../base/time.ts'
import { daySet, formatDirty } from './dirty.ts'
import { isWithin, nextPeriod, periods, periodStart } from './period.ts'
import { affectedBy } from './stale.ts'

const day = fc.integer({ min: -20_000, max: 40_000 }).map(dayOfNumber)

describe('calendar periods', () => {
  it('follow each other without gap or overlap', () => {
    fc.assert(
      fc.property(day, fc.constantFrom(...periods), (any, period) => {
        const [start, next] = [periodStart(period, any), nextPeriod(period, any)]
        ok(start <= any && any < next)
        equal(periodStart(period, start), start)
        equal(periodStart(period, next), next)
        equal(periodStart(period, addDays(next, -1)), start)
      }),
      { seed: 7 },
    )
  })

  it('lie within another kind exactly when it never cuts them', () => {
    fc.assert(
      fc.property(
        day,
        fc.constantFrom(...periods),
        fc.constantFrom(...periods),
        (any, fine, coarse) => {
          if (!isWithin(fine, coarse)) return
          const last = addDays(nextPeriod(fine, any), -1)
          equal(periodStart(coarse, periodStart(fine, any)), periodStart(coarse, last))
        },
      ),
      { seed: 7 },
    )
    equal(isWithin('week', 'month'), false)
    equal(isWithin('week', 'year'), false)
    equal(isWithin('month', 'week'), false)
  })

  it('are stale as a whole when one of their days is', () => {
    const days = daySet(['day=2020-02-28', 'day=2020-02-29', 'day=2020-05-01', 'day=unknown'])
    deepEqual(formatDirty(affectedBy(days, { mapping: 'same_period', period: 'month' })), [
      'day=2020-02-01..2020-03-01',
      'day=2020-05-01..2020-06-01',
      'day=unknown',
    ])
  })
})

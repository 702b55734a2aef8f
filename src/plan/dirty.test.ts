import { deepEqual, equal } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { addDays } from '../base/time.ts'
import { daySet, formatDirty, holds, parseDirty, splitByRange, union, type Dirty } from './dirty.ts'

const start = '2011-03-01'
const days = Array.from({ length: 20 }, (_, index) => addDays(start, index))
const everyKey = [...days.map((day) => `day=${day}`), 'day=unknown']
const keysIn = (dirty: Dirty): readonly string[] => everyKey.filter((key) => holds(dirty, key))
const someDays = fc.subarray(everyKey).map((keys) => daySet(keys))
const range = fc.record({
  from: fc.option(fc.constantFrom(...days), { nil: undefined }),
  to: fc.option(fc.constantFrom(...days), { nil: undefined }),
})

describe('sets of partitions', () => {
  it('hold after a union what either held', () => {
    fc.assert(
      fc.property(someDays, someDays, (left, right) => {
        const either = everyKey.filter((key) => holds(left, key) || holds(right, key))
        deepEqual(keysIn(union(left, right)), either)
      }),
      { seed: 1 },
    )
  })

  it('lose nothing when split by a range of days', () => {
    fc.assert(
      fc.property(someDays, range, (dirty, limits) => {
        const { inside, outside } = splitByRange(dirty, limits)
        for (const key of everyKey) {
          const day = key.slice('day='.length)
          const within =
            (limits.from === undefined && limits.to === undefined) ||
            (key !== 'day=unknown' &&
              (limits.from === undefined || limits.from <= day) &&
              (limits.to === undefined || day < limits.to))
          equal(holds(inside, key), holds(dirty, key) && within, key)
          equal(holds(outside, key), holds(dirty, key) && !within, key)
        }
      }),
      { seed: 2 },
    )
  })

  it('keep the days outside a range pending when everything is stale', () => {
    const { inside, outside } = splitByRange(
      { kind: 'all' },
      { from: '2011-03-05', to: '2011-03-07' },
    )
    deepEqual(keysIn(inside), ['day=2011-03-05', 'day=2011-03-06'])
    equal(holds(outside, 'day=1999-01-01'), true)
    equal(holds(outside, 'day=2011-03-05'), false)
    equal(holds(outside, 'day=unknown'), true)
  })

  it('read back as they were written', () => {
    fc.assert(
      fc.property(someDays, range, (dirty, limits) => {
        const { outside } = splitByRange(dirty, limits)
        deepEqual(keysIn(parseDirty(formatDirty(outside), true)), keysIn(outside))
      }),
      { seed: 3 },
    )
    deepEqual(formatDirty({ kind: 'all' }), ['*'])
    deepEqual(parseDirty(['bucket=3'], false), { kind: 'keys', keys: new Set(['bucket=3']) })
  })
})

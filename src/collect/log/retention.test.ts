import { ok } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { chooseExpired } from './retention.ts'

const time = fc.integer({ min: 0, max: 4_102_444_800_000 })

describe('retention', () => {
  it('removes nothing that a reader needs and never the last segment, whatever the clocks of files and machine say', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ modifiedAtMs: time, size: fc.nat(100) }), { maxLength: 12 }),
        fc.record({ keepMs: fc.nat(86_400_000), keepBytes: fc.nat(500) }),
        fc.nat(14),
        time,
        (files, retention, needed, nowMs) => {
          const segments = files.map((file, index) => ({
            ...file,
            number: index + 1,
            seed: 0,
            path: '',
          }))
          const expired = chooseExpired(segments, { retention, needed, nowMs })
          // From the oldest on, without a gap.
          for (const [index, { number }] of expired.entries()) ok(number === index + 1)
          for (const { number } of expired) ok(number < needed && number < segments.length)
        },
      ),
      { seed: 7, numRuns: 2_000 },
    )
  })
})

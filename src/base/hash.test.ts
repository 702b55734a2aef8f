import { equal, match, notEqual } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { contentHash } from './hash.ts'

describe('contentHash', () => {
  it('is 32 hex digits that never change between versions', () => {
    match(contentHash(), /^[0-9a-f]{32}$/)
    // SHA-256 of "1:a2:bc", cut to 16 bytes.
    equal(contentHash('a', 'bc'), '5310a58788781ab25d5ad7c3f8503582')
  })

  it('tells lists of parts apart that join to the same text', () => {
    notEqual(contentHash('ab', 'c'), contentHash('a', 'bc'))
    notEqual(contentHash('', 'a'), contentHash('a', ''))
    notEqual(contentHash('a'), contentHash('a', ''))
    notEqual(contentHash('1:a'), contentHash('a'))
  })

  it('is the same for the same parts only', () => {
    const parts = fc.array(fc.string({ maxLength: 3, unit: 'grapheme' }), { maxLength: 3 })
    fc.assert(
      fc.property(parts, parts, (left, right) => {
        equal(
          contentHash(...left) === contentHash(...right),
          JSON.stringify(left) === JSON.stringify(right),
        )
      }),
      { seed: 1 },
    )
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { ColumnType } from '../model/model.ts'
import {
  boundLengthMax,
  compareBounds,
  decodeBound,
  encodeDecimal,
  encodeLower,
  encodeUpper,
} from './bounds.ts'
import { bucketOf } from './bucket.ts'
import type { Bound } from './table.ts'

const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const exact: readonly { readonly type: ColumnType; readonly value: fc.Arbitrary<Bound> }[] = [
  { type: { kind: 'integer' }, value: long },
  { type: { kind: 'timestamp' }, value: long },
  { type: { kind: 'local_timestamp' }, value: long },
  { type: { kind: 'time' }, value: fc.bigInt({ min: 0n, max: 86_399_999_999n }) },
  { type: { kind: 'date' }, value: fc.integer() },
  { type: { kind: 'number' }, value: fc.double({ noNaN: true }) },
  { type: { kind: 'boolean' }, value: fc.boolean() },
  {
    type: { kind: 'decimal', precision: 38, scale: 4 },
    value: fc.bigInt({ min: -(10n ** 38n), max: 10n ** 38n }),
  },
]

describe('bounds', () => {
  it('of exact types come back as they were', () => {
    for (const { type, value } of exact) {
      const roundTrip = (bound: Bound): void => {
        assert.equal(decodeBound(encodeLower(bound, type)!, type), bound)
        assert.equal(decodeBound(encodeUpper(bound, type)!, type), bound)
      }
      fc.assert(fc.property(value, roundTrip), { seed: 2, numRuns: 200 })
    }
  })

  it('of texts hold the text between them, however long it is', () => {
    const character = fc.oneof(
      { arbitrary: fc.constantFrom('\u{10ffff}', '\ud7ff', '가', 'z'), weight: 2 },
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    )
    fc.assert(
      fc.property(fc.array(character, { maxLength: 40 }), (characters) => {
        const text = characters.join('')
        const lower = decodeBound(encodeLower(text, { kind: 'text' })!, { kind: 'text' })!
        assert.ok(compareBounds(lower, text) <= 0)
        const upper = encodeUpper(text, { kind: 'text' })
        if (upper === undefined) assert.ok(text.startsWith('\u{10ffff}'.repeat(boundLengthMax)))
        else assert.ok(compareBounds(decodeBound(upper, { kind: 'text' })!, text) >= 0)
      }),
      { seed: 3, numRuns: 500 },
    )
  })

  it('of long texts are short', () => {
    assert.equal(
      Buffer.from(encodeLower('a'.repeat(100), { kind: 'text' })!).toString(),
      'a'.repeat(32),
    )
    assert.equal(
      Buffer.from(encodeUpper('a'.repeat(100), { kind: 'text' })!).toString(),
      `${'a'.repeat(31)}b`,
    )
    assert.equal(encodeUpper('\u{10ffff}'.repeat(40), { kind: 'text' }), undefined)
  })

  it('are left out where engines order values differently, and for NaN', () => {
    assert.equal(encodeLower('00000000-0000-4000-8000-000000000000', { kind: 'uuid' }), undefined)
    assert.equal(encodeUpper('ff', { kind: 'bytes' }), undefined)
    assert.equal(encodeLower(Number.NaN, { kind: 'number' }), undefined)
  })

  it("of decimals are the shortest big-endian two's complement", () => {
    const hex = (value: bigint): string => Buffer.from(encodeDecimal(value)).toString('hex')
    assert.deepEqual([0n, 127n, 128n, -1n, -128n, -129n, 1420n].map(hex), [
      '00',
      '7f',
      '0080',
      'ff',
      '80',
      'ff7f',
      '058c',
    ])
  })

  it('compare by UTF-8 bytes, not by UTF-16 units', () => {
    assert.ok(compareBounds('\uffff', '\u{10000}') < 0)
    assert.ok(compareBounds(5n, 5.5) < 0)
  })
})

describe('buckets', () => {
  it('are those of the Iceberg specification', () => {
    // Hashes of the specification's appendix B, modulo a count large enough to tell them apart.
    const count = 2 ** 31 - 1
    const hash = (value: number): number => (value & 0x7fff_ffff) % count
    assert.equal(bucketOf(34n, { kind: 'integer' }, count), hash(2_017_239_379))
    assert.equal(bucketOf('iceberg', { kind: 'text' }, count), hash(1_210_000_089))
    assert.equal(
      bucketOf('f79c3e09-677c-4bbd-a479-3f349cb785e7', { kind: 'uuid' }, count),
      hash(1_488_055_340),
    )
    assert.equal(bucketOf(17_486, { kind: 'date' }, count), hash(-653_330_422))
    assert.equal(bucketOf(null, { kind: 'integer' }, 4), undefined)
  })
})

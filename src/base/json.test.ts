import { deepEqual, equal, throws } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseJson, stringifyJson, stringifyWellFormed } from './json.ts'

describe('JSON with integers of 63 bits', () => {
  const cases: readonly (readonly [text: string, value: unknown])[] = [
    ['9223372036854775807', 9_223_372_036_854_775_807n],
    ['-9223372036854775808', -9_223_372_036_854_775_808n],
    ['9007199254740991', 9_007_199_254_740_991],
    ['9007199254740993', 9_007_199_254_740_993n],
    ['-1', -1],
    ['1.5', 1.5],
    ['1e3', 1000],
    ['1e300', 1e300],
    ['1e20', 1e20],
    ['"9223372036854775807"', '9223372036854775807'],
  ]
  for (const [text, value] of cases) {
    it(`reads ${text} as it is written`, () => deepEqual(parseJson(text), value))
  }

  it('keeps every digit in both directions, wherever the integer stands', () => {
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        fc.string(),
        fc.boolean(),
        fc.constant(null),
        tie('list'),
        tie('object'),
      ),
      list: fc.array(tie('any'), { maxLength: 3 }),
      object: fc.dictionary(fc.constantFrom('a', 'snapshot-id', 'x'), tie('any'), { maxKeys: 3 }),
    })).any
    fc.assert(
      fc.property(value, (original) => {
        deepEqual(widened(parseJson(stringifyJson(original))), widened(original))
      }),
      { seed: 1 },
    )
  })

  it('writes a bigint as a number, indented when asked', () => {
    equal(stringifyJson({ id: 9_223_372_036_854_775_807n }), '{"id":9223372036854775807}')
    equal(stringifyJson({ id: 1n }, 2), '{\n  "id": 1\n}')
  })

  it('refuses what is no JSON', () => {
    throws(() => parseJson('{'), SyntaxError)
  })
})

/** Small integers come back as numbers: the same value in another type. */
function widened(value: unknown): unknown {
  if (typeof value === 'number') return BigInt(value)
  if (Array.isArray(value)) return value.map(widened)
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, widened(item)]))
  return value
}

describe('well-formed JSON', () => {
  const anyText = fc.string({
    unit: fc.constantFrom('a', '\\', '"', 'u', 'd800', '\ud83d', '\ude00', '😀', '\n'),
  })

  it('says what was said, but for halves of letters, in values and names', () => {
    fc.assert(
      fc.property(anyText, anyText, (name, value) => {
        const text = stringifyWellFormed({ [name]: [value] })
        deepEqual(JSON.parse(text), { [name.toWellFormed()]: [value.toWellFormed()] })
      }),
      { seed: 7, numRuns: 2_000 },
    )
  })

  it('is the same when it is made again of text that holds it', () => {
    const inner = stringifyWellFormed({ x: '\ud800 and \\ud800' })
    equal(stringifyWellFormed({ inner }), JSON.stringify({ inner }))
  })
})

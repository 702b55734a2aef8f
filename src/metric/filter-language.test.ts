import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isMaruError } from '../base/errors.ts'
import { parseFilter } from './filter-language.ts'
import type { Condition } from './filter-language.ts'

/** The condition with parentheses around everything, as it was understood. */
function understood(condition: Condition): string {
  switch (condition.kind) {
    case 'compare':
      return `${condition.path.text} ${condition.operator} ${shown(condition.literal)}`
    case 'in':
      return `${condition.path.text} in [${condition.literals.map(shown).join(' ')}]`
    case 'like':
      return `${condition.path.text} like ${shown(condition.pattern)}`
    case 'unknown':
      return `${condition.path.text} unknown`
    case 'and':
    case 'or':
      return `(${condition.operands.map(understood).join(` ${condition.kind} `)})`
    case 'not':
      return `not(${understood(condition.operand)})`
    case 'metric':
    case 'among':
      return assert.fail('the language has no such condition')
  }
}

function shown(literal: { readonly kind: string; readonly text: string }): string {
  return `${literal.kind}:${literal.text}`
}

const readings: readonly (readonly [string, string])[] = [
  [
    `member.country = 'France' and amount > 10`,
    '(member.country = text:France and amount > number:10)',
  ],
  [`a = 1 or b = 2 and c = 3`, '(a = number:1 or (b = number:2 and c = number:3))'],
  [`(a = 1 or b = 2) and not c = 3`, '((a = number:1 or b = number:2) and not(c = number:3))'],
  [`not not a <> -1.50`, 'not(not(a != number:-1.50))'],
  [`a not in ('x', 'it''s')`, `not(a in [text:x text:it's])`],
  [`a between 1 and 2 and b = true`, '((a >= number:1 and a <= number:2) and b = boolean:true)'],
  [`a not between 1 and 2`, 'not((a >= number:1 and a <= number:2))'],
  [`A.b@now LIKE '%x_' OR c IS NOT UNKNOWN`, '(A.b@now like text:%x_ or not(c unknown))'],
  [`a is known and b is null`, '(not(a unknown) and b unknown)'],
  [`day >= '2011-03-31'`, 'day >= text:2011-03-31'],
]

const faults: readonly (readonly [string, RegExp, RegExp])[] = [
  ['', /expects the name of a column or attribute at character 1 but has the end/, /for example/],
  ['a =', /expects a value at character 4 but has the end/, /quotes/],
  [`a in 'aa'`, /expects "\(" at character 6/, /a in \('a', 'b'\)/],
  [`a in ()`, /expects a value at character 7/, /quotes/],
  ['a = b', /expects a value at character 5 but has "b"/, /with values only/],
  ['a = 1 b = 2', /expects "and", "or" or the end at character 7 but has "b"/, /for example/],
  ['(a = 1', /expects "\)", "and" or "or" at character 7/, /for example/],
  [`a = 'x`, /cannot be read at character 5/, /close the text/],
  ['a = "x"', /cannot be read at character 5/, /single quotes/],
  ['a = 2011-03-31', /at character/, /./],
  ['a = 12x', /cannot be read at character 5/, /quotes/],
  ['a = null', /expects a value/, /is unknown/],
  ['a like 5', /expects a pattern in quotes/, /like/],
  ['a not 5', /expects "in", "like" or "between"/, /for example/],
  ['a', /expects a comparison/, /for example/],
  [`a = 1; drop table b`, /cannot be read at character 6/, /write a condition/],
  [`${'('.repeat(200)}a = 1${')'.repeat(200)}`, /nested deeper than 100/, /parentheses/],
]

describe('the language of conditions', () => {
  for (const [text, expected] of readings) {
    it(`reads ${text}`, () => assert.equal(understood(parseFilter(text)), expected))
  }

  for (const [text, message, hint] of faults) {
    it(`says what is wrong with ${text.slice(0, 40)}`, () => {
      assert.throws(
        () => parseFilter(text),
        (error: unknown) => {
          assert.ok(error instanceof Error && isMaruError(error))
          assert.equal(error.code, 'METRIC_BAD_QUERY')
          assert.match(error.message, message)
          assert.match(error.hint!, hint)
          return true
        },
      )
    })
  }

  it('reads or refuses any text and never fails otherwise', () => {
    const word = fc.constantFrom(
      'a',
      'and',
      'or',
      'not',
      'in',
      '(',
      ')',
      '=',
      '<',
      "'x'",
      '1',
      'is',
      'unknown',
      'like',
      'between',
      ',',
      "'",
      '@now',
      '.',
    )
    const texts = fc.oneof(
      fc.string(),
      fc.array(word).map((words) => words.join(' ')),
    )
    fc.assert(
      fc.property(texts, (text) => {
        try {
          parseFilter(text)
        } catch (error) {
          assert.ok(
            error instanceof Error && isMaruError(error) && error.code === 'METRIC_BAD_QUERY',
            String(error),
          )
        }
      }),
      { seed: 5, numRuns: 500 },
    )
  })
})

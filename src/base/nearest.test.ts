import { equal } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { nearest, suggest } from './nearest.ts'

describe('nearest', () => {
  const cases: readonly (readonly [
    what: string,
    name: string,
    candidates: readonly string[],
    expected: string | undefined,
  ])[] = [
    ['a letter left out', 'memer', ['member', 'product'], 'member'],
    ['a letter too many', 'membber', ['member', 'product'], 'member'],
    ['another letter', 'mamber', ['member', 'product'], 'member'],
    ['two letters swapped, counted once', 'dya', ['day', 'ddd'], 'day'],
    ['another case', 'Member', ['member'], 'member'],
    ['the nearer of two', 'orders', ['order', 'orderss_x', 'others'], 'order'],
    ['the first of two as near', 'cat', ['bat', 'hat'], 'bat'],
    [
      'more edits in a longer name',
      'first_purchase_at',
      ['first_purchased', 'last_seen'],
      'first_purchased',
    ],
    ['nothing like it', 'amount', ['country', 'brand'], undefined],
    ['a short name that shares nothing', 'id', ['at', 'qty'], undefined],
    ['no candidates', 'amount', [], undefined],
  ]
  for (const [what, name, candidates, expected] of cases) {
    it(`finds for ${what}: ${expected ?? 'nothing'}`, () =>
      equal(nearest(name, candidates), expected))
  }

  it('finds a name among others whatever the single typing error', () => {
    const others = ['member', 'product', 'occurred_at', 'quantity']
    const edit = fc.record({
      name: fc.constantFrom(...others),
      at: fc.nat({ max: 5 }),
      letter: fc.constantFrom('z', 'q', ''),
    })
    fc.assert(
      fc.property(edit, ({ name, at, letter }) => {
        equal(nearest(name.slice(0, at) + letter + name.slice(at + 1), others), name)
      }),
      { seed: 1 },
    )
  })
})

describe('suggest', () => {
  it('asks for the near one', () =>
    equal(suggest('memer', ['product', 'member']), 'Did you mean "member"?'))
  it('lists the few there are by name', () =>
    equal(suggest('x', ['product', 'brand']), 'There are brand, product.'))
  it('lists the first of many', () => {
    const many = Array.from(
      { length: 20 },
      (_, index) => `column_${String(index).padStart(2, '0')}`,
    )
    equal(
      suggest('amount', many),
      'There are 20, among them column_00, column_01, column_02, column_03, column_04, column_05, column_06, column_07.',
    )
  })
  it('says when there is none', () => equal(suggest('x', []), 'There is none.'))
})

/** Random choices of the shop's activities: every selector, bound, anchor, duration and split. */
import fc from 'fast-check'
import type { Anchor, Bound, RowChoice } from '../../src/model/model.ts'

const filters: Readonly<Record<string, RowChoice['filter'][]>> = {
  'act.purchase': [
    { kind: 'compare', path: 'status', operator: '=', value: 'paid' },
    { kind: 'compare', path: 'amount', operator: '>', value: 12.5 },
    { kind: 'compare', path: 'product.brand.country', operator: '!=', value: 'Peru' },
    { kind: 'not', operand: { kind: 'unknown', path: 'member.tier' } },
  ],
  'act.like': [
    { kind: 'compare', path: 'fan.country', operator: '=', value: 'France' },
    { kind: 'unknown', path: 'fan.tier' },
  ],
}
const pers: Readonly<Record<string, readonly string[]>> = {
  'act.purchase': ['status', 'product', 'product.brand.country', 'member.country'],
  'act.like': ['fan.tier'],
}

const selector = fc.oneof(
  fc.constantFrom<RowChoice['selector']>({ kind: 'all' }, { kind: 'first' }, { kind: 'last' }),
  fc
    .record({ n: fc.integer({ min: 1, max: 3 }), isCounted: fc.boolean() })
    .map(({ n, isCounted }): RowChoice['selector'] => ({
      kind: 'nth',
      n,
      ...(isCounted ? { counted: 'history' } : {}),
    })),
)

export interface ChoiceOptions {
  readonly activity?: string
  /** Whether it is asked at an instant. */
  readonly isAttribute?: boolean
  /** An anchor's: of one row, and without anchors of its own. */
  readonly isAnchor?: boolean
}

/** A choice of one activity; its anchors may be of another. */
export function choice(options: ChoiceOptions = {}): fc.Arbitrary<RowChoice> {
  const { activity, isAttribute = false, isAnchor = false } = options
  return (
    activity === undefined ? fc.constantFrom('act.purchase', 'act.like') : fc.constant(activity)
  )
    .chain((id) => {
      const anchors: fc.Arbitrary<Anchor>[] = [
        fc.constantFrom('2011-10-30T00:30:00Z', '2011-12-09T23:00:00Z').map((instant) => ({
          kind: 'fixed',
          instant,
        })),
      ]
      if (!isAnchor)
        anchors.push(
          choice({ isAttribute, isAnchor: true }).map((one) => ({ kind: 'chosen', choice: one })),
        )
      const bound: fc.Arbitrary<Bound> = fc.record({
        at: fc.oneof(...anchors),
        inclusive: fc.boolean(),
      })
      const filter = fc.option(fc.constantFrom(...filters[id]!), { freq: 2, nil: undefined })
      return fc.record({
        activity: fc.constant(id),
        selector: isAnchor ? selector.filter(({ kind }) => kind !== 'all') : selector,
        filter,
        keep: filter,
        per: isAnchor
          ? fc.constant(undefined)
          : fc.option(fc.constantFrom(...pers[id]!), { freq: 2, nil: undefined }),
        window: fc.option(fc.record({ from: bound, to: bound }, { requiredKeys: [] }), {
          freq: 3,
          nil: undefined,
        }),
        within: fc.option(
          fc.constantFrom(
            { count: 1, unit: 'hour' } as const,
            { count: 90, unit: 'minute' } as const,
            { count: 2000, unit: 'hour' } as const,
          ),
          { freq: 2, nil: undefined },
        ),
        isSame: fc.boolean(),
      })
    })
    .map(({ isSame, ...drawn }): RowChoice => {
      const made = Object.fromEntries(
        Object.entries(drawn).filter(([, value]) => value !== undefined),
      ) as unknown as RowChoice
      const { window } = made
      const at = (window?.from ?? window?.to)?.at
      const path = { 'act.purchase': 'member.country', 'act.like': 'fan.country' }
      if (!isSame || at?.kind !== 'chosen') return made
      const pathOf = (id: string): string => path[id as keyof typeof path]
      return {
        ...made,
        same: [{ path: pathOf(made.activity), anchor: pathOf(at.choice.activity) }],
      }
    })
}

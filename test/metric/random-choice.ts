/** Random choices of the shop's activities: every selector, bound, anchor, duration and split. */
import fc from 'fast-check'
import type { Anchor, Bound, Predicate, RowChoice } from '../../src/model/model.ts'

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
/** Of those who buy often, or like much. */
const metricFilters: Readonly<Record<string, RowChoice['filter'][]>> = {
  'act.purchase': [
    ofMetric('orders', 'member'),
    { kind: 'not', operand: ofMetric('likes', 'member') },
    { kind: 'not', operand: ofMetric('filled_sales', 'member') },
  ],
  'act.like': [
    ofMetric('orders', 'fan'),
    { kind: 'not', operand: ofMetric('filled_sales', 'fan') },
  ],
}

function ofMetric(metric: string, path: string): Predicate {
  return { kind: 'metric', metric, object: 'obj.member', path, operator: '>=', value: 2 }
}

const pers: Readonly<Record<string, readonly string[]>> = {
  'act.purchase': ['status', 'product', 'product.brand.country', 'member.country'],
  'act.like': ['fan.tier'],
}

/** Seldom enough that rows are left. */
function maybe<T>(part: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.oneof({ weight: 2, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: part })
}

const selector = fc.oneof(
  fc.constant<RowChoice['selector']>({ kind: 'all' }),
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
  /** The activity from whose rows it is seen. */
  readonly related?: string
  /** An anchor's: of one row, and without anchors of its own. */
  readonly isAnchor?: boolean
}

/** A choice of one activity; its anchors may be of another. */
export function choice(options: ChoiceOptions = {}): fc.Arbitrary<RowChoice> {
  const { activity, related, isAttribute = false, isAnchor = false } = options
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
          choice({
            ...(related === undefined ? {} : { related }),
            isAttribute,
            isAnchor: true,
          }).map((one) => ({ kind: 'chosen', choice: one })),
        )
      if (related !== undefined)
        anchors.push(fc.constant({ kind: 'row' }), fc.constant({ kind: 'row' }))
      const bound: fc.Arbitrary<Bound> = fc.record({
        at: fc.oneof(...anchors),
        inclusive: fc.boolean(),
      })
      const end: fc.Arbitrary<Bound> = isAttribute
        ? fc.oneof(bound, fc.constant<Bound>({ at: { kind: 'instant' }, inclusive: true }))
        : related === undefined
          ? bound
          : fc.oneof(
              bound,
              fc.record({ at: fc.constant<Anchor>({ kind: 'next' }), inclusive: fc.boolean() }),
            )
      const isForMetric = !isAttribute && related === undefined
      const filter = maybe(
        fc.constantFrom(...filters[id]!, ...(isForMetric ? metricFilters[id]! : [])),
      )
      return fc.record({
        activity: fc.constant(id),
        selector: isAnchor ? selector.filter(({ kind }) => kind !== 'all') : selector,
        filter,
        keep: filter,
        per: isAnchor ? fc.constant(undefined) : maybe(fc.constantFrom(...pers[id]!)),
        window: maybe(fc.record({ from: bound, to: end }, { requiredKeys: [] })),
        within: maybe(
          fc.constantFrom(
            { count: 1, unit: 'hour' } as const,
            { count: 90, unit: 'minute' } as const,
            { count: 2000, unit: 'hour' } as const,
            { count: 1, unit: 'day' } as const,
            { count: 1, unit: 'month' } as const,
            { count: 2, unit: 'month' } as const,
          ),
        ),
        isSame: fc.boolean(),
        // Of each product, not of each member.
        isOfProduct: fc
          .constant(isForMetric && id === 'act.purchase')
          .chain((may) => (may ? fc.boolean() : fc.constant(false))),
      })
    })
    .map(({ isSame, isOfProduct, ...drawn }): RowChoice => {
      const made = Object.fromEntries(
        Object.entries(drawn).filter(([, value]) => value !== undefined),
      ) as unknown as RowChoice
      const { window } = made
      const at = (window?.from ?? window?.to)?.at
      const isAnchored = [window?.from, window?.to].some((each) => each?.at.kind === 'chosen')
      if (isOfProduct && !isAnchored && !isAnchor) return { ...made, of: 'product' }
      const path = { 'act.purchase': 'member.country', 'act.like': 'fan.country' }
      const compared = at?.kind === 'chosen' ? at.choice.activity : related
      if (!isSame || compared === undefined) return made
      const pathOf = (id: string): string => path[id as keyof typeof path]
      return { ...made, same: [{ path: pathOf(made.activity), anchor: pathOf(compared) }] }
    })
}

/** Random conversions, funnels, retentions, lifecycles and stickinesses of the shop, and questions about them. */
import fc from 'fast-check'
import type { Duration, FunnelRule, Predicate, RowChoice } from '../../src/model/model.ts'
import { sketch } from './random.ts'
import type { ShopSketch } from './random.ts'
import { choice } from './random-choice.ts'
import type { FollowedMetric, FollowedQuestion } from './reference-followed.ts'

type Shape<T> = T extends unknown
  ? Omit<T, 'id' | 'name' | 'place' | 'owner' | 'description' | 'synonyms'>
  : never
type Drawn = Shape<FollowedMetric>
type Defined<T> = {
  readonly [Name in keyof T as undefined extends T[Name] ? never : Name]: T[Name]
} & {
  readonly [Name in keyof T as undefined extends T[Name] ? Name : never]?: Exclude<
    T[Name],
    undefined
  >
}

export interface Asked {
  readonly metric: FollowedMetric
  readonly question: FollowedQuestion
}

const countries = { 'act.purchase': 'member.country', 'act.like': 'fan.country' }

/** All rows, or those that one of their own columns decides. */
const plainRows: fc.Arbitrary<RowChoice> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .constantFrom('act.purchase', 'act.like')
      .map((activity): RowChoice => ({ activity, selector: { kind: 'all' } })),
  },
  {
    weight: 5,
    arbitrary: fc.constantFrom<RowChoice>(paid('paid'), paid('open'), {
      ...paid('paid'),
      filter: { kind: 'compare', path: 'quantity', operator: '>', value: 1 },
    }),
  },
)

/** Mostly plain, so that something follows. */
const rows: fc.Arbitrary<RowChoice> = fc.oneof(
  { weight: 4, arbitrary: plainRows },
  { weight: 1, arbitrary: choice() },
)

/** More rows of fewer members, many of them at one instant. */
export const busySketch: fc.Arbitrary<ShopSketch> = sketch.map((drawn) => {
  const again = drawn.purchases.map((row) => ({
    ...row,
    at: row.at === null ? null : (row.at * 2) % 13,
    status: row.status === 'paid' ? 'open' : 'paid',
  }))
  const few = (member: number | null): number | null => (member === 2 ? 0 : member)
  return {
    ...drawn,
    purchases: [...drawn.purchases, ...again].map((row) => ({ ...row, member: few(row.member) })),
  }
})

function paid(value: string): RowChoice {
  const filter: Predicate = { kind: 'compare', path: 'status', operator: '=', value }
  return { activity: 'act.purchase', selector: { kind: 'all' }, filter }
}

const within = fc.option(
  fc.constantFrom<Duration>(
    { count: 1, unit: 'hour' },
    { count: 30, unit: 'minute' },
    { count: 1000, unit: 'hour' },
    { count: 1, unit: 'day' },
    { count: 1, unit: 'month' },
  ),
  { nil: undefined },
)

/** The same country as the first row's. */
function alike(later: RowChoice, first: RowChoice): RowChoice {
  const path = (id: string): string => countries[id as keyof typeof countries]
  if ((later.window?.from ?? later.window?.to)?.at.kind === 'chosen') return later
  return { ...later, same: [{ path: path(later.activity), anchor: path(first.activity) }] }
}

const conversion = fc
  .record({
    base: rows,
    conversion: rows,
    within,
    isSame: fc.boolean(),
    result: fc.constantFrom('rate', 'count'),
  })
  .map(({ isSame, ...drawn }): Drawn => {
    const later = isSame ? alike(drawn.conversion, drawn.base) : drawn.conversion
    return { ...defined(drawn), kind: 'conversion', conversion: later }
  })

const rules: fc.Arbitrary<FunnelRule[]> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.subarray<FunnelRule>(['once', 'increasing', 'no_repeat', 'no_other', 'reentry']),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<FunnelRule[]>(['any_order'], ['any_order', 'increasing']),
  },
)

const funnel = fc
  .record({
    steps: fc.array(rows, { minLength: 1, maxLength: 4 }),
    within,
    isSame: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    rules,
    result: fc.constantFrom('level', 'actors', 'rate'),
    step: fc.nat(3),
  })
  .map(({ isSame, result, step, ...drawn }): Drawn => {
    const number = (step % drawn.steps.length) + 1
    return {
      ...defined(drawn),
      kind: 'funnel',
      steps: drawn.steps.map((one, at) =>
        at > 0 && isSame[at]! ? alike(one, drawn.steps[0]!) : one,
      ),
      result:
        result === 'level'
          ? { kind: 'level' }
          : result === 'actors'
            ? { kind: 'actors', step: number }
            : { kind: 'rate', step: number, from: 1 },
    }
  })

/** Levels of members, where steps overlap and rows come at once. */
export const askedLevel: fc.Arbitrary<Asked> = fc
  .record({
    steps: fc.array(plainRows, { minLength: 2, maxLength: 4 }),
    within: fc.option(fc.constantFrom<Duration>({ count: 1, unit: 'hour' }), {
      nil: undefined,
      freq: 4,
    }),
    rules,
  })
  .map((drawn) => {
    const by = drawn.steps[0]!.activity === 'act.like' ? 'fan' : 'member'
    return {
      metric: named({ ...defined(drawn), kind: 'funnel', result: { kind: 'level' } }),
      question: { by: [by, 'occurred_at'] },
    }
  })

const grain = fc.constantFrom('day', 'week', 'month', 'quarter', 'tide')

const retention = fc
  .record({
    start: rows,
    back: rows,
    grain,
    counting: fc.constantFrom('recurring', 'rolling'),
    result: fc.constantFrom('actors', 'rate'),
    at: fc.option(fc.nat(3), { nil: undefined }),
  })
  .map((drawn): Drawn => ({ ...defined(drawn), kind: 'retention' }))

const lifecycle = fc
  .record({
    choice: rows,
    grain,
    state: fc.constantFrom('new', 'returning', 'resurrected', 'dormant'),
  })
  .map((drawn): Drawn => ({ ...drawn, kind: 'lifecycle' }))

const stickiness = fc
  .record({ choice: rows, grain: fc.constantFrom('day', 'week', 'month', 'tide') })
  .map((drawn): Drawn => ({ ...drawn, kind: 'stickiness' }))

function named(drawn: Drawn): FollowedMetric {
  return {
    ...drawn,
    id: 'metric.followed',
    name: 'followed',
    place: { file: 'test.ts' },
    owner: 'test',
    description: 'followed',
    synonyms: [],
  }
}

/** Without the parts that were not drawn. */
function defined<T extends object>(drawn: T): Defined<T> {
  return Object.fromEntries(
    Object.entries(drawn).filter(([, value]) => value !== undefined),
  ) as Defined<T>
}

const bys: readonly (readonly string[])[] = [
  [],
  ['month'],
  ['country'],
  ['week', 'country'],
  ['joined_at.days_since'],
  ['country@period_end'],
  ['month', 'country@period_end'],
]

function dimensionsFor(metric: FollowedMetric): readonly (readonly string[])[] {
  switch (metric.kind) {
    case 'conversion':
      return [...bys, ['hour_of_day'], ['country@now'], ['country@cohort_entry']]
    case 'funnel':
      return metric.result.kind === 'level' ? bys : [...bys, ['step'], ['step', 'month']]
    case 'retention': {
      const more = [
        ...bys,
        ['cohort'],
        ['cohort', 'country'],
        ['cohort', 'country@period_end'],
        ['country@cohort_entry'],
      ]
      return metric.at === undefined ? more.map((by) => [...by, 'age']) : more
    }
    case 'lifecycle':
      return [
        [metric.grain],
        [metric.grain, 'country'],
        [metric.grain, metric.state === 'dormant' ? 'country' : 'country@period_end'],
      ]
    case 'stickiness': {
      const coarser = {
        day: ['day', 'week', 'month', 'quarter', 'season'],
        week: ['week'],
        month: ['month', 'year'],
        tide: ['tide', 'season'],
      }
      const words = coarser[metric.grain as keyof typeof coarser]
      return [[], ['country'], ...words.flatMap((word) => [[word], [word, 'country']])]
    }
  }
}

export const asked: fc.Arbitrary<Asked> = fc
  .record({
    drawn: fc.oneof(conversion, funnel, funnel, retention, lifecycle, stickiness),
    by: fc.nat(100),
    from: fc.option(fc.constantFrom('2011-10-30', '2011-11-07'), { nil: undefined }),
    to: fc.constantFrom('2011-12-15', '2012-02-01', '2012-04-09'),
    isFiltered: fc.boolean(),
  })
  .map(({ drawn, by, from, to, isFiltered }): Asked => {
    const metric = named(drawn)
    const kinds = dimensionsFor(metric)
    const texts = kinds[by % kinds.length]!
    const country = countries[rootOf(metric) as keyof typeof countries]
    const isRangeNeeded = metric.kind === 'stickiness' && from === undefined
    return {
      metric,
      question: defined({
        by: texts.map((text) =>
          text.replace(/country|joined_at/, (name) => country.replace('country', name)),
        ),
        from: isRangeNeeded ? '2011-10-29' : from,
        to,
        where: isFiltered
          ? ({ kind: 'compare', path: country, operator: '!=', value: 'Peru' } as const)
          : undefined,
      }) as FollowedQuestion,
    }
  })

function rootOf(metric: FollowedMetric): string {
  switch (metric.kind) {
    case 'conversion':
      return metric.base.activity
    case 'funnel':
      return metric.steps[0]!.activity
    case 'retention':
      return metric.start.activity
    default:
      return metric.choice.activity
  }
}

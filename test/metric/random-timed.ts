/** Random metrics of the shop that look at other times or over other groups, and questions about them. */
import fc from 'fast-check'
import type { Duration, Formula, MetricModel, Offset, Predicate } from '../../src/model/model.ts'
import { metricNamed } from './build-model.ts'
import type { MetricSketch } from './build-model.ts'
import type { TimedQuestion } from './reference-timed.ts'

export interface Asked {
  /** The last one is asked for. */
  readonly metrics: readonly MetricModel[]
  readonly question: TimedQuestion
}

const plain = fc.constantFrom(
  'sales',
  'orders',
  'buyers',
  'mean_amount',
  'french_sales',
  'order_value',
  'heaviest',
  'last_gift',
  'middle_amount',
  'gifts',
  'filled_sales',
  'filled_order_value',
  'first_buyers',
  'about_lands',
  'about_high_amount',
)
/** Over two activities. */
const shared = fc.constantFrom('likes', 'fans', 'net', 'sales')

const window = fc.constantFrom<Duration>(
  { count: 1, unit: 'day' },
  { count: 2, unit: 'day' },
  { count: 1, unit: 'month' },
  { count: 2, unit: 'month' },
)
const hours = fc.constantFrom<Duration>({ count: 1, unit: 'hour' }, { count: 2, unit: 'hour' })

function cumulative(
  metric: fc.Arbitrary<string>,
  length: fc.Arbitrary<Duration>,
): fc.Arbitrary<MetricSketch> {
  return fc.record({
    kind: fc.constant('cumulative'),
    metric,
    over: fc.oneof(
      fc.constant({ kind: 'all_time' } as const),
      length.map((each) => ({ kind: 'window', length: each }) as const),
      fc
        .constantFrom('week', 'month', 'year', 'season')
        .map((grain) => ({ kind: 'to_date', grain }) as const),
    ),
    across: fc.constantFrom('first', 'last', 'average'),
  })
}

const balance: fc.Arbitrary<MetricSketch> = fc
  .record({
    kind: fc.constantFrom('first', 'last', 'average'),
    per: fc.constantFrom<string[]>([], ['member'], ['product', 'member.country']),
    column: fc.constantFrom('amount', 'quantity'),
    filter: fc.constantFrom<(Predicate | undefined)[]>(undefined, {
      kind: 'compare',
      path: 'status',
      operator: '=',
      value: 'paid',
    }),
  })
  .map(({ kind, per, column, filter }): MetricSketch => ({
    kind: 'aggregate',
    selection: {
      kind: 'selection',
      activity: 'act.purchase',
      selector: { kind: 'all' },
      take: { kind: 'aggregate', aggregate: 'sum', column },
      ...(filter === undefined ? {} : { filter }),
    },
    balance: { kind, per },
  }))

function offset(isOfHours: boolean): fc.Arbitrary<Offset> {
  return isOfHours
    ? fc.constantFrom<Offset>(
        { kind: 'back', count: 1, grain: 'hour' },
        { kind: 'back', count: 3, grain: 'hour' },
        { kind: 'to_start', grain: 'day' },
      )
    : fc.oneof(
        fc.record({
          kind: fc.constant('back'),
          count: fc.integer({ min: 1, max: 3 }),
          grain: fc.constantFrom('day', 'week', 'month', 'year', 'season'),
        }),
        fc
          .constantFrom('week', 'month', 'year')
          .map((grain) => ({ kind: 'to_start', grain }) as const),
      )
}

const everyTime = `second minute hour day week month quarter year season tide
  hour_of_day day_of_week day_of_month day_of_year week_of_year month_of_year quarter_of_year`.split(
  /\s+/,
)

function shifted(name: fc.Arbitrary<string>, shifts: fc.Arbitrary<Offset>): fc.Arbitrary<Formula> {
  const by = fc.option(shifts, { nil: undefined, freq: 2 })
  const total = fc.constantFrom<(string[] | undefined)[]>(undefined, [
    'month',
    'day',
    'hour',
    'member.country',
    'status',
  ])
  return fc.tuple(name, by, total).map(([metric, shift, kept]): Formula => ({
    kind: 'metric',
    name: metric,
    ...(shift === undefined ? {} : { offset: shift }),
    // The start of a period needs a time, in its total too.
    ...(kept === undefined
      ? {}
      : { total: shift?.kind === 'to_start' ? [...kept, ...everyTime] : kept }),
  }))
}

function formula(
  name: fc.Arbitrary<string>,
  isOfHours: boolean,
  shifts: fc.Arbitrary<Offset> = offset(isOfHours),
): fc.Arbitrary<MetricSketch> {
  return fc.oneof(
    shifted(name, shifts).map((each): MetricSketch => ({ kind: 'formula', formula: each })),
    fc
      .tuple(name, name, fc.constantFrom<string[][]>([], ['status'], ['member.country', 'day']))
      .map(([left, right, by]): MetricSketch => ({
        kind: 'formula',
        formula: {
          kind: 'binary',
          operator: '/',
          left: { kind: 'metric', name: left },
          right: { kind: 'metric', name: right, total: by },
        },
      })),
    fc.tuple(name, shifted(name, shifts)).map(([left, right]): MetricSketch => ({
      kind: 'formula',
      formula: { kind: 'binary', operator: '/', left: { kind: 'metric', name: left }, right },
    })),
  )
}

const hasNumber = (name: string): boolean => !['last_gift'].includes(name)
const numbers = plain.filter(hasNumber)

const conditions: readonly Predicate[] = [
  { kind: 'compare', path: 'status', operator: '=', value: 'paid' },
  { kind: 'compare', path: 'member.country', operator: '!=', value: 'Peru' },
]
const dayConditions: readonly Predicate[] = [
  { kind: 'compare', path: 'day', operator: '>=', value: '2011-10-30' },
  {
    kind: 'or',
    operands: [
      { kind: 'compare', path: 'day_of_week', operator: '=', value: 7 },
      { kind: 'compare', path: 'month', operator: '=', value: '2011-12-01' },
    ],
  },
]

const wide = {
  from: fc.constantFrom<string[]>('2011-10-29', '2011-10-30', '2011-11-15'),
  to: fc.constantFrom<string[]>('2011-12-10', '2011-12-15', '2012-03-01'),
}
/** Hours are many. */
const narrow = {
  from: fc.constantFrom<string[]>('2011-10-29', '2011-10-30'),
  to: fc.constantFrom<string[]>('2011-10-31', '2011-11-02'),
}

function questions(options: {
  readonly range?: typeof wide
  readonly times: readonly (readonly string[])[]
  readonly others: readonly string[]
  readonly isShared: boolean
  readonly isOfDays: boolean
}): fc.Arbitrary<TimedQuestion> {
  return fc
    .record(
      {
        times: fc.constantFrom(...options.times),
        others: fc.subarray([...options.others]),
        ...(options.range ?? wide),
        ...(options.isShared ? {} : { where: fc.constantFrom(...conditions) }),
        ...(options.isOfDays ? { whereTime: fc.constantFrom(...dayConditions) } : {}),
      },
      {
        requiredKeys: [
          'times',
          'others',
          ...(options.range === narrow ? (['from', 'to'] as const) : []),
        ],
      },
    )
    .map(({ times, others, ...rest }): TimedQuestion => ({ by: [...others, ...times], ...rest }))
}

const moved = fc.record({
  kind: fc.constant('back'),
  count: fc.integer({ min: 1, max: 2 }),
  grain: fc.constantFrom('day', 'week', 'month', 'year', 'season'),
})
const movedByHours = fc.record({
  kind: fc.constant('back'),
  count: fc.integer({ min: 1, max: 3 }),
  grain: fc.constant('hour'),
})
/** What a run of time is over, when it is no aggregate: a balance, another time, a share. */
const inner = (shifts: fc.Arbitrary<Offset>): fc.Arbitrary<MetricSketch> =>
  fc.oneof(
    balance,
    fc
      .record({
        left: numbers,
        right: numbers,
        offset: fc.option(shifts, { nil: undefined }),
        total: fc.option(fc.constantFrom<string[][]>([], ['status'], ['member.country', 'day']), {
          nil: undefined,
        }),
      })
      .map(({ left, right, offset: by, total }): MetricSketch => ({
        kind: 'formula',
        formula: {
          kind: 'binary',
          operator: '/',
          left: { kind: 'metric', name: left },
          right: {
            kind: 'metric',
            name: right,
            ...(by === undefined ? {} : { offset: by }),
            ...(total === undefined ? {} : { total }),
          },
        },
      })),
  )

const days = [['day'], ['day', 'month'], ['day', 'day_of_week']]
const grains = [
  ['day'],
  ['week'],
  ['month'],
  ['year'],
  ['month', 'quarter_of_year'],
  ['month', 'week'],
]
const runs = [[], ['day'], ['week'], ['month'], ['week', 'month'], ['day_of_week']]
const ofRows = [...runs, ['day_of_week', 'month'], ['quarter_of_year'], ['season'], ['quarter']]
const others = ['status', 'member.country']

type Kind = fc.Arbitrary<{
  readonly sketch: MetricSketch
  readonly question: TimedQuestion
  /** What the metric is over, called `inner`. */
  readonly inner?: MetricSketch
}>

function pair(
  sketch: fc.Arbitrary<MetricSketch>,
  question: fc.Arbitrary<TimedQuestion>,
  over?: fc.Arbitrary<MetricSketch>,
): Kind {
  return fc.record({ sketch, question, ...(over === undefined ? {} : { inner: over }) })
}

const kinds: readonly Kind[] = [
  pair(
    cumulative(
      plain.filter((name) => name !== 'last_gift'),
      window,
    ),
    questions({ times: runs, others, isShared: false, isOfDays: false }),
  ),
  pair(
    cumulative(fc.constant('inner'), window),
    questions({ times: runs, others, isShared: false, isOfDays: false }),
    inner(moved),
  ),
  pair(
    cumulative(fc.constant('inner'), hours),
    questions({
      times: [['hour'], ['hour', 'day']],
      others,
      isShared: false,
      isOfDays: true,
      range: narrow,
    }),
    inner(movedByHours),
  ),
  pair(
    cumulative(shared, window),
    questions({ times: runs, others: [], isShared: true, isOfDays: true }),
  ),
  pair(
    cumulative(fc.constantFrom('orders', 'buyers'), hours),
    questions({
      times: [['hour'], ['hour', 'day']],
      others,
      isShared: false,
      isOfDays: true,
      range: narrow,
    }),
  ),
  pair(
    balance,
    questions({
      times: [[], ['day'], ['month'], ['hour', 'week']],
      others,
      isShared: false,
      isOfDays: false,
    }),
  ),
  pair(
    formula(numbers, false),
    questions({ times: days, others, isShared: false, isOfDays: true }),
  ),
  pair(
    formula(numbers, false),
    questions({ times: grains, others, isShared: false, isOfDays: false }),
  ),
  pair(
    formula(shared, false),
    questions({ times: days, others: [], isShared: true, isOfDays: true }),
  ),
  pair(
    formula(fc.constantFrom('orders', 'buyers'), true),
    questions({
      times: [['hour'], ['hour', 'day']],
      others,
      isShared: false,
      isOfDays: false,
      range: narrow,
    }),
  ),
]

const everyKind: readonly Kind[] = [
  ...kinds,
  // Without a grain, by parts of the calendar, and by periods across those of the other time.
  pair(
    formula(numbers, false, moved),
    questions({ times: ofRows, others, isShared: false, isOfDays: false }),
  ),
  pair(
    formula(shared, false, moved),
    questions({ times: ofRows, others: [], isShared: true, isOfDays: false }),
  ),
  // Another time of runs, of another time, and of shares.
  pair(
    formula(fc.constant('inner'), false, moved),
    questions({ times: ofRows, others, isShared: false, isOfDays: false }),
    fc.oneof(cumulative(numbers, window), formula(numbers, false, moved), balance),
  ),
]

const every = fc.oneof(...everyKind)

export const asked: fc.Arbitrary<Asked> = fc
  .record({
    pair: every,
    fill: fc.option(fc.constantFrom(0, -1), { nil: undefined }),
    isOnCalendar: fc.boolean(),
  })
  .map(({ pair: { sketch, question, inner: over }, fill, isOnCalendar }): Asked => {
    const more = {
      ...(fill === undefined ? {} : { fill }),
      ...(isOnCalendar ? { calendar: true } : {}),
    }
    return {
      metrics: [
        ...(over === undefined ? [] : [metricNamed('inner', over)]),
        metricNamed('timed', { ...sketch, ...more } as MetricSketch),
      ],
      question,
    }
  })

/**
 * The temporal primitive as authors write it: which activities of an object (`first(purchase).after(coupon)`), and what is taken of them, a column of one
 * (`.amount`) or an aggregate (`sum(purchase.amount).within('1 year')`). The same words make attributes, related columns, metrics and the rows of funnels.
 */
import { callPlace } from './call-place.ts'
import { isAskedName, type Column, type Reached } from './columns.ts'
import type { ColumnKind, Condition } from './conditions.ts'
import { and } from './conditions.ts'
import {
  define,
  type definition,
  definitionOf,
  present,
  type AggregateData,
  type BoundData,
  type ChoiceData,
  type Defined,
  type MetricOptions,
  type RowData,
  type Selector,
} from './definition.ts'
import type { Aggregate } from './model.ts'
import { readOptions, type Options } from './options.ts'

/** `1 year`, `30 days`: a calendar duration in the project's zone. */
export type DurationText =
  `${number} ${'second' | 'minute' | 'hour' | 'day' | 'week' | 'month' | 'year'}${'' | 's'}`

/** Anything that an attribute can be derived by. */
export interface Derived<Kind extends ColumnKind = ColumnKind> {
  readonly [definition]: { readonly kind: 'selection' | 'aggregate'; readonly type: Kind }
}

/** One value of one activity. */
export interface Selection<Kind extends ColumnKind> {
  readonly [definition]: { readonly kind: 'selection'; readonly type: Kind }
}

type AnyActivity = Defined<'activity'>

/**
 * Where a window begins or ends: at one chosen activity of the same object (`first(purchase)`), at an instant as text (a local time of the project's zone
 * without an offset), or, in a related column of this activity, at the row itself.
 */
export type Anchor = AnyActivity | Rows | string

/** Whether activities at the anchor's very instant are seen. */
export type Bounds = 'strict' | 'inclusive'

/** What narrows which activities are seen; each gives a new one. `Self` is what it narrows. */
export interface Narrowing<Self> {
  /** Only activities that meet the condition; first, last and n-th are counted among them. */
  where(condition: Condition): Self
  /** Seen from the window's beginning when it has one, else back from its end: only activities less far away than this. */
  within(duration: DurationText): Self
  before(anchor: Anchor, bounds?: Bounds): Self
  after(anchor: Anchor, bounds?: Bounds): Self
  /** After the one and before the other; of one activity alone, between its row and the actor's next. */
  between(from: Anchor, to?: Anchor, bounds?: Bounds): Self
  /** All of the history, also after the instant from which it is seen. */
  ever(): Self
  /** Only activities whose own column equals that of the activity at which the window is anchored. */
  same(own: Reached, anchor: Reached): Self
  /** Like `where`, but after the activities were numbered. */
  keep(condition: Condition): Self
  /** The reference that holds the object, where it is not the actor. */
  of(reference: Column<'reference'>): Self
}

/** Chosen activities: what a window, a funnel, a conversion is made of. */
export interface Rows extends Narrowing<Rows> {
  readonly [definition]: { readonly kind: 'row' }
}

type SelectedMethods<T> = Narrowing<Selected<T>> & {
  readonly [definition]: { readonly kind: 'row' }
  /** One for each value of the column: as an attribute a map. */
  per(column: Reached): SelectedPer<T>
}

type Taken<T, Name extends keyof T> = T[Name] extends Column<infer Kind> ? Selection<Kind> : never

/** One activity, chosen; its columns are what can be taken. */
export type Selected<T> = SelectedMethods<T> & {
  readonly [Name in keyof T & string]: Taken<T, Name>
}

/** One activity for each value: what is taken is a map as an attribute, a column as a metric's. */
export type SelectedPer<T> = Narrowing<SelectedPer<T>> & {
  readonly [definition]: { readonly kind: 'row' }
} & { readonly [Name in keyof T & string]: Taken<T, Name> }

/** All activities, for windows and for the metrics that are made of rows. */
export function all(activity: AnyActivity): Rows {
  return selected({ kind: 'row', activity, selector: { kind: 'all' }, choice: {} }) as Rows
}

/** The first activity; of a column, the value that the first activity has. */
export function first<T extends AnyActivity>(activity: T): Selected<T>
export function first<Kind extends ColumnKind>(
  column: Reached<Kind>,
  options?: MetricOptions,
): Aggregated<Kind>
export function first(of: AnyActivity | Reached, options?: MetricOptions): unknown {
  return isReached(of)
    ? aggregated(start('first', of, options), first)
    : rowOf(of, { kind: 'first' })
}

/** The last activity; of a column, the value that the last activity has. */
export function last<T extends AnyActivity>(activity: T): Selected<T>
export function last<Kind extends ColumnKind>(
  column: Reached<Kind>,
  options?: MetricOptions,
): Aggregated<Kind>
export function last(of: AnyActivity | Reached, options?: MetricOptions): unknown {
  return isReached(of) ? aggregated(start('last', of, options), last) : rowOf(of, { kind: 'last' })
}

export interface NthOptions {
  /** `history`: n counts all activities of the object, and the one is taken only if the window holds it. */
  readonly counted?: 'history'
}

const nthOptions: Options<NthOptions> = { counted: ['history'] }

/** The n-th, counted from 1. */
export function nth<T extends AnyActivity>(
  activity: T,
  n: number,
  options: NthOptions = {},
): Selected<T> {
  const { optionFaults, ...counted } = readOptions('nth', options, nthOptions)
  return rowOf(activity, { kind: 'nth', n, ...counted }, present({ optionFaults }))
}

function isReached(of: unknown): boolean {
  const kind = definitionOf(of)?.kind
  return kind === 'column' || kind === 'path'
}

function rowOf<T>(activity: unknown, selector: Selector, choice: ChoiceData = {}): Selected<T> {
  return selected({ kind: 'row', activity, selector, choice }) as Selected<T>
}

/** Names that `first(…)` and its like use themselves, so that no activity may have such a column. */
export const selectedNames: readonly string[] = [
  'where',
  'within',
  'before',
  'after',
  'between',
  'ever',
  'same',
  'keep',
  'of',
  'per',
]

function selected(row: RowData): object {
  const result = {
    ...narrowing(row.choice, (choice) => selected({ ...row, choice })),
    per: (column: Reached) => selected({ ...row, choice: { ...row.choice, per: column } }),
  }
  define(result, row)
  // Any other name is a column: of one that the activity does not have, buildModel tells the nearest.
  return new Proxy(result, {
    get: (object, name) =>
      isAskedName(object, name)
        ? define({}, { kind: 'selection', row, column: name })
        : (Reflect.get(object, name) as unknown),
  })
}

function narrowing<Self>(choice: ChoiceData, make: (choice: ChoiceData) => Self): Narrowing<Self> {
  const bound = (at: Anchor, bounds: Bounds = 'strict'): BoundData => ({
    at,
    inclusive: bounds === 'inclusive',
  })
  return {
    where: (condition) => make({ ...choice, filter: both(choice.filter, condition) }),
    within: (duration) => make({ ...choice, within: duration }),
    before: (anchor, bounds) => make({ ...choice, window: { to: bound(anchor, bounds) } }),
    after: (anchor, bounds) => make({ ...choice, window: { from: bound(anchor, bounds) } }),
    between: (from, to, bounds) =>
      make({
        ...choice,
        window: {
          from: bound(from, bounds),
          to: to === undefined ? { ...bound(from, bounds), next: true } : bound(to, bounds),
        },
      }),
    ever: () => make({ ...choice, window: {} }),
    same: (own, anchor) => make({ ...choice, same: [...(choice.same ?? []), [own, anchor]] }),
    keep: (condition) => make({ ...choice, keep: both(choice.keep, condition) }),
    of: (reference) => make({ ...choice, of: reference }),
  }
}

function both(before: unknown, condition: Condition): unknown {
  return before === undefined ? condition : and(before as Condition, condition)
}

export interface BalanceOptions {
  /** What has a balance of its own: the account. */
  readonly per?: readonly Reached[]
}

const balanceOptions: Options<BalanceOptions> = { per: 'list' }

/** A metric, or an attribute when an `attributes` declaration takes it. */
export interface Aggregated<Kind extends ColumnKind> extends Narrowing<Aggregated<Kind>> {
  readonly [definition]: { readonly kind: 'aggregate'; readonly type: Kind }
  /** One for each value of the column: an attribute that is a map. */
  per(column: Reached): Derived<'json'>
  /** The rows are balances, which are not added up over time: of each period only the first or last, or the average of its days. */
  balance(kind: 'first' | 'last' | 'average', options?: BalanceOptions): Aggregated<Kind>
}

export type { MetricOptions }
export type NumericKind = 'integer' | 'decimal' | 'number'
export type MeasurableKind = NumericKind | 'timestamp' | 'local_timestamp' | 'date' | 'time'

/** A column, one reached by references, or one of a chosen activity (then one for each object, or for each value of `per`). */
export interface Measured<Kind extends ColumnKind = ColumnKind> {
  readonly [definition]: { readonly kind: 'column' | 'path' | 'selection'; readonly type: Kind }
}

/** How many activities there are, chosen ones, or objects as they are now. */
export function count(
  of: Defined<'activity' | 'object'> | Defined<'row'>,
  options?: MetricOptions,
): Aggregated<'integer'> {
  return aggregated(start('count', of, options), count)
}

export function sum<Kind extends NumericKind>(
  column: Measured<Kind>,
  options?: MetricOptions,
): Aggregated<Kind> {
  return aggregated(start('sum', column, options), sum)
}

export function min<Kind extends MeasurableKind>(
  column: Measured<Kind>,
  options?: MetricOptions,
): Aggregated<Kind> {
  return aggregated(start('min', column, options), min)
}

export function max<Kind extends MeasurableKind>(
  column: Measured<Kind>,
  options?: MetricOptions,
): Aggregated<Kind> {
  return aggregated(start('max', column, options), max)
}

export function average(
  column: Measured<NumericKind>,
  options?: MetricOptions,
): Aggregated<'number'> {
  return aggregated(start('average', column, options), average)
}

/** How many different values there are, exactly; unknown is not one. */
export function distinct(column: Measured, options?: MetricOptions): Aggregated<'integer'> {
  return aggregated(start('distinct', column, options), distinct)
}

/** Like `distinct`, by a sketch: with a standard error of about 2 %. */
export function approximate_distinct(
  column: Measured,
  options?: MetricOptions,
): Aggregated<'integer'> {
  return aggregated(start('approximate_distinct', column, options), approximate_distinct)
}

/** How many are true. */
export function count_true(
  column: Measured<'boolean'>,
  options?: MetricOptions,
): Aggregated<'integer'> {
  return aggregated(start('count_true', column, options), count_true)
}

export interface CollectOptions extends MetricOptions {
  /** Each value once, ascending, instead of all in the order of the activities. */
  readonly distinct?: boolean
}

/** The known values as a list. */
export function collect(
  column: Measured,
  { distinct: isDistinct, ...options }: CollectOptions = {},
): Aggregated<'list'> {
  const aggregate = isDistinct === true ? 'collect_distinct' : 'collect'
  return aggregated(start(aggregate, column, options), collect)
}

/** Whether there is an activity. */
export function any(activity: AnyActivity, options?: MetricOptions): Aggregated<'boolean'> {
  return aggregated(start('any', activity, options), any)
}

export interface PercentileOptions extends MetricOptions {
  /** A value that there is, instead of one between two. */
  readonly discrete?: boolean
}

/** Exact: `percentile(purchase.amount, 0.99)`. */
export function percentile<Kind extends NumericKind>(
  column: Measured<Kind>,
  fraction: number,
  options: PercentileOptions & { readonly discrete: true },
): Aggregated<Kind>
export function percentile(
  column: Measured<NumericKind>,
  fraction: number,
  options?: PercentileOptions,
): Aggregated<'number'>
export function percentile(
  column: Measured<NumericKind>,
  fraction: number,
  { discrete, ...options }: PercentileOptions = {},
): unknown {
  const kind = discrete === true ? 'discrete' : 'continuous'
  const data = { ...start('percentile', column, options), percentile: { fraction, kind } as const }
  return aggregated(data, percentile)
}

/** Within 1 % of the discrete percentile, of as many values as there are, by a histogram of bounded size. */
export function approximate_percentile(
  column: Measured<NumericKind>,
  fraction: number,
  options?: MetricOptions,
): Aggregated<'number'> {
  const percentile = { fraction, kind: 'discrete' } as const
  const data = { ...start('approximate_percentile', column, options), percentile }
  return aggregated(data, approximate_percentile)
}

type Unplaced = Omit<AggregateData, 'place'>

function start(aggregate: Aggregate, of: unknown, options: MetricOptions = {}): Unplaced {
  return { kind: 'aggregate', aggregate, of, choice: {}, options }
}

function aggregated<Kind extends ColumnKind>(
  data: Unplaced,
  builder: (...parameters: never[]) => unknown,
): Aggregated<Kind> {
  return chain({ ...data, place: callPlace(builder) })
}

function chain<Kind extends ColumnKind>(data: AggregateData): Aggregated<Kind> {
  const result = {
    ...narrowing(data.choice, (choice) => chain({ ...data, choice })),
    per: (column: Reached) =>
      chain({ ...data, map: true, choice: { ...data.choice, per: column } }),
    balance: (kind: 'first' | 'last' | 'average', options: BalanceOptions = {}) => {
      const { per = [], ...faults } = readOptions('balance', options, balanceOptions)
      return chain({ ...data, balance: { kind, per }, choice: { ...data.choice, ...faults } })
    },
  }
  return define(result, data) as unknown as Aggregated<Kind>
}

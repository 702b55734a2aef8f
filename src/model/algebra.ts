/**
 * The algebra of attributes and metrics: one temporal primitive, the `Selection`, and the kinds of metric made of it. Part of the Model
 * (`model.ts` exports it); each type says here what it means, exactly, and whoever answers it answers that or refuses.
 *
 * A **path** is text: columns of a row joined by dots, all but the last of them references (`amount`, `member.country`, `product.brand.name`).
 * It is read as of the row's own instant (`then`); `@now` at the end reads it as of now, `@period_end` as of the last instant of the period of the
 * question's time grain, `@cohort_entry` as of the row by which the object entered its cohort (see `AsOf`). An object's own rows are read now.
 */
import type { Place } from '../base/errors.ts'

/** `act.purchase`, `raw.shop.order_item`: the path under the project folder, with dots; two or three parts. Used verbatim in SQL on every engine. */
export type TableId = string

export type Scalar = string | number | bigint | boolean | null

/**
 * As of when an attribute is read. `then`: at the row's instant. `now`: the version that holds now. `period_end`: the version that holds just before
 * the end of the period that the question groups by (of its finest time grain; of the range when there is none). `cohort_entry`: at the start row of
 * retention, the base row of a conversion, the first step's row of a funnel; elsewhere it has no meaning and is refused.
 */
export type AsOf = 'then' | 'now' | 'period_end' | 'cohort_entry'

/**
 * A condition on a row. `path` is a column, or an attribute reached by reference columns: `amount`, `member.country`,
 * `product.brand.name`. A comparison with an unknown value is not true, and neither is its negation (SQL's rule).
 */
export type Predicate =
  | {
      readonly kind: 'compare'
      readonly path: string
      readonly operator: CompareOperator
      readonly value: Scalar
    }
  | { readonly kind: 'in'; readonly path: string; readonly values: readonly Scalar[] }
  | { readonly kind: 'like'; readonly path: string; readonly pattern: string }
  | { readonly kind: 'unknown'; readonly path: string }
  | MetricCondition
  | { readonly kind: 'and' | 'or'; readonly operands: readonly Predicate[] }
  | { readonly kind: 'not'; readonly operand: Predicate }

/**
 * A metric as a condition on objects: `members with more than 3 purchases`. `path` leads from the row to the key of `object` (a reference, or the
 * key of the object's own row). The metric is computed per object over all time, without the conditions and the range of the question; an object that
 * the metric has no row for is unknown, unless the metric has a `fill`. The metric's rows must refer to the object by one column only, the actor first.
 */
export interface MetricCondition {
  readonly kind: 'metric'
  /** By name. */
  readonly metric: string
  readonly object: TableId
  readonly path: string
  readonly operator: CompareOperator
  readonly value: Scalar
}

export type CompareOperator = '=' | '!=' | '<' | '<=' | '>' | '>='

/** Periods that every calendar has, the shortest first. */
export const grains = [
  'second',
  'minute',
  'hour',
  'day',
  'week',
  'month',
  'quarter',
  'year',
] as const

export type Grain = (typeof grains)[number]

/** A calendar duration in the project's zone: a month later is the same day and time of the next month, or its last day when it is shorter. */
export interface Duration {
  readonly count: number
  readonly unit: 'second' | 'minute' | 'hour' | 'day' | 'week' | 'month' | 'year'
}

/**
 * Which activities of one object. From the rows of `activity` whose reference `of` is the object and whose occurred_at is known:
 * 1. `filter` drops rows. What is left is the object's history, in the order (occurred_at, key).
 * 2. `per` splits the history by the path's value: every value, unknown among them, has a history of its own, and the steps after this are taken in each.
 * 3. `window`, `within`, `same` and `keep` leave the rows that count.
 * 4. `selector` takes of these, in order: all, the first, the last, or the n-th. With `counted: 'history'` n counts the history of step 2, and the row
 *    that has the number is taken only if step 3 leaves it.
 */
export interface RowChoice {
  readonly activity: TableId
  /** The reference column that holds the object. Absent: for an attribute the actor if it is such an object, else the first target that is; else the actor. */
  readonly of?: string
  readonly selector:
    | { readonly kind: 'all' | 'first' | 'last' }
    | { readonly kind: 'nth'; readonly n: number; readonly counted?: 'history' }
  readonly filter?: Predicate
  /** Absent: for an attribute, up to the instant at which it is asked (itself in it); for a metric and for an anchor's choice there, ever. */
  readonly window?: Window
  /**
   * The window's length d. From a window's `from` on when it has one: occurred_at < from + d. Else back from its `to`: occurred_at + d > to.
   * A window with neither bound takes none.
   */
  readonly within?: Duration
  /**
   * Rows whose `path` equals the `anchor` path of the anchor row; unknown equals nothing. That is the window's (of `from`, else of `to`), the row itself in a related
   * column without one, in a conversion the base row, in a funnel the row of step 1.
   */
  readonly same?: readonly SamePair[]
  /** Like `filter`, but after the history has been numbered. */
  readonly keep?: Predicate
  readonly per?: string
}

export interface SamePair {
  readonly path: string
  readonly anchor: string
}

/** An interval of instants; a bound that is absent is open, so `{}` is ever. A bound whose anchor does not exist leaves no row (but see `next`). */
export interface Window {
  readonly from?: Bound
  readonly to?: Bound
}

export interface Bound {
  readonly at: Anchor
  /** Whether rows at that very instant count; a bound is strict unless it says so. */
  readonly inclusive: boolean
}

/**
 * `instant`: the instant at which the attribute is asked; in a related column, the base row's.
 * `fixed`: an ISO 8601 instant, or a local time of the project's zone when it has no offset.
 * `row`: the base row of a related column. `next`: the same actor's next base row in the order (occurred_at, key); open when there is none.
 * `chosen`: one row of the same object, chosen by a choice of its own; when an attribute is asked at t it sees rows up to t.
 */
export type Anchor =
  | { readonly kind: 'instant' }
  | { readonly kind: 'fixed'; readonly instant: string }
  | { readonly kind: 'row' | 'next' }
  | { readonly kind: 'chosen'; readonly choice: RowChoice }

/**
 * The temporal primitive: a choice of activities, and what is taken of them. It is asked
 * - as a **derived attribute** at (object, t);
 * - as a **related column** of an activity, at each of its rows: the actor's activities seen from that row;
 * - as a **metric's rows**: chosen in the whole history of each object, then the question keeps those in its range, groups and aggregates them.
 *   `selector: first` per actor therefore counts new actors, in the period and with the attributes of their first activity.
 */
export interface Selection extends RowChoice {
  readonly kind: 'selection'
  readonly take: Take
  /**
   * Of attributes with `per`: what is taken is taken apart for each value, and the attribute is JSON text with one entry per value, in the order of the
   * values as text: `{"books":"2024-05-01T00:00:00Z"}`; the unknown value is left out, and without entries it is unknown. Without it the rows of all values are taken together.
   */
  readonly map?: true
}

export type Take =
  | {
      /** Of one row (first, last, nth): every column comes of that same row, unknown values included. */
      readonly kind: 'column'
      readonly column: string
    }
  | AggregateTake

/** `column` is a path; absent for counts of rows and for `any`. */
export interface AggregateTake {
  readonly kind: 'aggregate'
  readonly aggregate: Aggregate
  readonly column?: string
  readonly percentile?: Percentile
}

/**
 * Unknown values are passed over by all but `count` without a column, `first` and `last`. Without rows: counts 0, `any` false, the others unknown.
 * `count` rows, or known values of the column. `count_true` true values. `distinct` different values, exactly; `approximate_distinct` by a
 * sketch, with a standard error below 2 %. `percentile` exact; `approximate_percentile` a number that differs by at most
 * 1 % from the exact discrete one. `first`, `last` the value of the first or last row. `any` whether there is a row.
 * `collect` a list of the values in the rows' order, `collect_distinct` of the different values, ascending.
 */
export type Aggregate =
  | 'count'
  | 'sum'
  | 'min'
  | 'max'
  | 'average'
  | 'distinct'
  | 'approximate_distinct'
  | 'count_true'
  | 'percentile'
  | 'approximate_percentile'
  | 'first'
  | 'last'
  | 'any'
  | 'collect'
  | 'collect_distinct'

/** `fraction` 0 to 1. `continuous` interpolates between the two nearest values, `discrete` takes the first value at or above the fraction of rows. */
export interface Percentile {
  readonly fraction: number
  readonly kind: 'continuous' | 'discrete'
}

export interface MetricBase {
  /** `metric.sales` */
  readonly id: string
  /** `sales`, the export's name; unique in the project. */
  readonly name: string
  readonly place: Place
  readonly owner: string
  readonly description: string
  readonly unit?: string
  readonly synonyms: readonly string[]
  /** Which way is better. */
  readonly direction?: 'up' | 'down'
  /** Stands for an unknown value of a group, also where the metric is an input of another. */
  readonly fill?: number
  /** Asked by a time grain, every period of the range has a group, be there rows or not. Conditions on what is grouped by are applied once more to these. */
  readonly calendar?: true
}

export type MetricModel = MetricBase &
  (
    | AggregateMetric
    | ObjectAggregateMetric
    | RatioMetric
    | FormulaMetric
    | CumulativeMetric
    | ConversionMetric
    | FunnelMetric
    | RetentionMetric
    | LifecycleMetric
    | StickinessMetric
  )

/** An aggregate over chosen activities; of a balance only over those that `balance` leaves. */
export interface AggregateMetric {
  readonly kind: 'aggregate'
  readonly selection: Selection
  readonly balance?: Balance
}

/**
 * A balance is not added up over time. Of the rows that the question's conditions leave, per combination of `per` (paths) and per period of the
 * question's coarsest time grain (the whole range without one): `first` and `last` aggregate only the rows at the least or greatest occurred_at; `average` aggregates
 * the rows of each local day apart and gives the mean over the days that have rows, taken per group. The other dimensions do not narrow which rows these are.
 */
export interface Balance {
  readonly kind: 'first' | 'last' | 'average'
  readonly per: readonly string[]
}

/** Over the objects themselves, as they are now: how many members there are. */
export interface ObjectAggregateMetric {
  readonly kind: 'object_aggregate'
  readonly object: TableId
  readonly aggregate: Aggregate
  /** A path. */
  readonly column?: string
  readonly percentile?: Percentile
  readonly filter?: Predicate
}

/** By metric names; each with its own `fill`. Division by zero gives unknown. */
export interface RatioMetric {
  readonly kind: 'ratio'
  readonly numerator: string
  readonly denominator: string
}

export interface FormulaMetric {
  readonly kind: 'formula'
  readonly formula: Formula
}

/** Arithmetic over metrics by name. Division by zero gives unknown, and so does arithmetic with an unknown. */
export type Formula =
  | { readonly kind: 'number'; readonly value: number }
  | {
      readonly kind: 'metric'
      readonly name: string
      readonly offset?: Offset
      /**
       * The metric over the groups of these dimensions of the question only, recomputed from its rows, never added up of groups; `[]` is the grand
       * total. Dimensions that the question does not ask for are left out.
       */
      readonly total?: readonly string[]
    }
  | {
      readonly kind: 'binary'
      readonly operator: '+' | '-' | '*' | '/'
      readonly left: Formula
      readonly right: Formula
    }

/**
 * The value at period p is the metric's at another period, so that the question needs a time grain. `back`: `count` grains before p's first day, by the
 * calendar: a day that the target month does not have is its last. Periods longer than `grain` have no such other period: there each row shows `count`
 * grains later than its day, in all that names time. `to_start`: the period that holds the first instant of p's `grain`.
 * By a calendar's own grain a row shows on the day with the same place in the `count`-th period after, on its last day when it is shorter, and nowhere when there is none.
 * Groups exist for every period of the calendar in whose place the other one has a value. `grain` is a built-in or a calendar's.
 */
export type Offset =
  | { readonly kind: 'back'; readonly count: number; readonly grain: string }
  | { readonly kind: 'to_start'; readonly grain: string }

/**
 * The metric over a run of time that ends with each local day (each hour or smaller, when the question's grain is smaller): recomputed from its rows, so that it is right for
 * distincts and averages. `all_time`: every row before the end of the day d. `window`: rows with d − length < day ≤ d. `to_date`: rows from the start
 * of d's `grain` on. Over a balance, the run is its range; over another time, each row counts so much later; over a total, it is that of the run. Asked by a coarser
 * grain, `across` takes of the period's days the first, the last or the average value; without a time grain the value is that of the range's last day. The run may begin before the question's `from`. Days whose run has no row are absent.
 */
export interface CumulativeMetric {
  readonly kind: 'cumulative'
  readonly metric: string
  readonly over:
    | { readonly kind: 'all_time' }
    | { readonly kind: 'window'; readonly length: Duration }
    | { readonly kind: 'to_date'; readonly grain: string }
  readonly across: 'first' | 'last' | 'average'
}

/**
 * Each conversion row belongs to the latest base row of the same object at or before it, that is younger than `within` (base + d > conversion) and
 * agrees with the conversion's `same`. It counts at the base row: in its period, with its dimensions. The choices' own windows are ever.
 * `count`: conversion rows that found a base. `rate`: these / base rows.
 */
export interface ConversionMetric {
  readonly kind: 'conversion'
  readonly base: RowChoice
  readonly conversion: RowChoice
  readonly within?: Duration
  readonly result: 'rate' | 'count'
}

/**
 * Per object: an attempt starts at each row of step 1 and fulfils the steps in order; its level is how many it fulfils. It goes through the rows in time,
 * and a row that can fulfil the next step does. Rows of one instant have the order that suits the attempt best, and one row may fulfil several steps; `rules` narrow this:
 * - `once`: a row fulfils one step only;
 * - `increasing`: each step lies strictly after the one before;
 * - `no_repeat`: a second row of a step already fulfilled ends the attempt;
 * - `no_other`: any other row of the steps' activities (their `filter` apart) between two steps ends the attempt, repeats of the step just fulfilled excepted;
 * - `reentry`: with `no_other`, rows of steps already fulfilled do not end it;
 * - `any_order`: the steps after the first come in any order, and the level is how many there are; it goes with no other rule but `increasing`, then all later than step 1.
 * A row ends no attempt that begins at its instant, nor one of which it can fulfil a step at its instant; what else an instant holds comes after the steps fulfilled in it.
 * `within`: rows with step 1 + d > occurred_at. A later step's `same` compares with step 1.
 * An object's level in a group is the highest of its attempts whose step 1 lies in the group (its period, its dimensions).
 * `level`: the highest level in the group. `actors`: objects of at least level `step`. `rate`: these / objects of at least level `from`.
 * The dimension `step` gives `actors` and `rate` for every step, in place of `step`.
 */
export interface FunnelMetric {
  readonly kind: 'funnel'
  readonly steps: readonly RowChoice[]
  readonly within?: Duration
  readonly rules: readonly FunnelRule[]
  readonly result:
    | { readonly kind: 'level' }
    | { readonly kind: 'actors'; readonly step: number }
    | { readonly kind: 'rate'; readonly step: number; readonly from: number }
}

export type FunnelRule = 'once' | 'increasing' | 'no_repeat' | 'no_other' | 'reentry' | 'any_order'

/**
 * A cohort is the objects with a `start` row in one period of `grain`; with `selector: first` an object is in one cohort only. Age n is the n-th period after it.
 * `recurring`: has a `back` row in period n. `rolling`: in period n or any later. `actors`: how many of the cohort; `rate`: these / the cohort's size.
 * Without the dimension `cohort`, cohorts are added up: an object counts once in each of its own. The back rows are of the whole history.
 * Time dimensions and attributes are those of the object's first start row of the period, whose day is in the question's range. The dimension `cohort` is the cohort's period, `age` is n;
 * with `at`, n is fixed and `age` is no dimension; without it the question must group by `age`. Ages whose period has not ended by the question's `to` (by now without one) are absent.
 */
export interface RetentionMetric {
  readonly kind: 'retention'
  readonly start: RowChoice
  readonly back: RowChoice
  readonly grain: string
  readonly counting: 'recurring' | 'rolling'
  readonly result: 'actors' | 'rate'
  readonly at?: number
}

/**
 * How many objects are in the state in period p of `grain`, by rows of `choice` in the whole history (not only in the question's range).
 * `new`: active in p and never before. `returning`: in p and in p − 1. `resurrected`: in p, not in p − 1, some time before. `dormant`: in p − 1 and not in p,
 * counted in p with the attributes of the last row of p − 1, if p begins before the question's `to` (by now without one). The others have those of the first row of p.
 * The question groups by that grain and by no other word of time; its range holds the periods that begin in it.
 */
export interface LifecycleMetric {
  readonly kind: 'lifecycle'
  readonly choice: RowChoice
  readonly grain: string
  readonly state: LifecycleState
}

export type LifecycleState = 'new' | 'returning' | 'resurrected' | 'dormant'

/**
 * How often who is active is: pairs of an object and a period of `grain` with a row / (objects with a row × periods of `grain` in the group's period).
 * Of days in a month it is the average of daily actives / monthly actives. The group's period is that of its finest time grain, whole, and made of whole `grain`s;
 * without one the range is the period, and must have from and to.
 */
export interface StickinessMetric {
  readonly kind: 'stickiness'
  readonly choice: RowChoice
  readonly grain: string
}

/** The text that names an indicator for good: the metric's name and its dimensions as asked, sorted: `sales by member.country@now, month`. */
export function indicatorId(metric: string, dimensions: readonly string[]): string {
  return dimensions.length === 0 ? metric : `${metric} by ${dimensions.toSorted().join(', ')}`
}

/** The choices of activities that a metric makes itself, without those of its inputs. */
export function choicesOf(metric: MetricModel): readonly RowChoice[] {
  switch (metric.kind) {
    case 'aggregate':
      return [metric.selection]
    case 'conversion':
      return [metric.base, metric.conversion]
    case 'funnel':
      return metric.steps
    case 'retention':
      return [metric.start, metric.back]
    case 'lifecycle':
    case 'stickiness':
      return [metric.choice]
    case 'object_aggregate':
    case 'ratio':
    case 'formula':
    case 'cumulative':
      return []
  }
}

/** Names of the metrics that a metric is made of; those in its conditions are apart. */
export function inputsOf(metric: MetricModel): readonly string[] {
  if (metric.kind === 'ratio') return [metric.numerator, metric.denominator]
  if (metric.kind === 'cumulative') return [metric.metric]
  return metric.kind === 'formula' ? [...new Set(metricsIn(metric.formula))] : []
}

function metricsIn(formula: Formula): readonly string[] {
  if (formula.kind === 'metric') return [formula.name]
  return formula.kind === 'binary' ? [...metricsIn(formula.left), ...metricsIn(formula.right)] : []
}

/** The choice and the choices of its anchors. */
export function nestedChoices(choice: RowChoice): readonly RowChoice[] {
  const bounds = [choice.window?.from, choice.window?.to]
  const inside = bounds.flatMap((bound) =>
    bound?.at.kind === 'chosen' ? nestedChoices(bound.at.choice) : [],
  )
  return [choice, ...inside]
}

/** The paths that a choice reads from its own activity's rows; `same` reads the anchor row too, whose paths are not here. */
export function pathsOfChoice(choice: RowChoice): readonly string[] {
  const conditions = [choice.filter, choice.keep].flatMap((each) =>
    each === undefined ? [] : pathsOfPredicate(each),
  )
  const same = (choice.same ?? []).map((pair) => pair.path)
  return [...conditions, ...same, ...(choice.per === undefined ? [] : [choice.per])]
}

function pathsOfPredicate(predicate: Predicate): readonly string[] {
  switch (predicate.kind) {
    case 'and':
    case 'or':
      return predicate.operands.flatMap(pathsOfPredicate)
    case 'not':
      return pathsOfPredicate(predicate.operand)
    default:
      return [predicate.path]
  }
}

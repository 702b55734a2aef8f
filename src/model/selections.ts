/** What is taken of an object's activities: `first(purchase).occurred_at`, `count(purchase).within('1 year')`; and the metrics made of them. */
import { callPlace } from './call-place.ts'
import { isAskedName, type Column } from './columns.ts'
import type { ColumnKind, Condition } from './conditions.ts'
import { and } from './conditions.ts'
import {
  define,
  type definition,
  type AggregateData,
  type Defined,
  type MetricOptions,
  type RowData,
  type Selector,
} from './definition.ts'
import type { Aggregate } from './model.ts'

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

interface SelectedMethods<T> {
  /** Only activities that meet the condition are counted as first, last or n-th. */
  where(condition: Condition): Selected<T>
  /** Only activities that are not older than this. */
  within(duration: DurationText): Selected<T>
}

/** One activity, chosen; its columns are what can be taken. */
export type Selected<T> = SelectedMethods<T> & {
  readonly [Name in keyof T & string]: T[Name] extends Column<infer Kind> ? Selection<Kind> : never
}

type AnyActivity = Defined<'activity'>

export function first<T extends AnyActivity>(activity: T): Selected<T> {
  return selected({ kind: 'row', activity, selector: { kind: 'first' } })
}

export function last<T extends AnyActivity>(activity: T): Selected<T> {
  return selected({ kind: 'row', activity, selector: { kind: 'last' } })
}

/** The n-th, counted from 1. */
export function nth<T extends AnyActivity>(activity: T, n: number): Selected<T> {
  const selector: Selector = { kind: 'nth', n }
  return selected({ kind: 'row', activity, selector })
}

/** Names that `first(…)` and its like use themselves, so that no activity may have such a column. */
export const selectedNames: readonly string[] = ['where', 'within', 'per']

function selected<T>(row: RowData): Selected<T> {
  const result = {
    where: (condition: Condition) => selected({ ...row, filter: both(row.filter, condition) }),
    within: (duration: DurationText) => selected({ ...row, within: duration }),
  }
  define(result, row)
  // Any other name is a column: of one that the activity does not have, buildModel tells the nearest.
  const answers: object = new Proxy(result, {
    get: (object, name) =>
      isAskedName(object, name)
        ? define({}, { kind: 'selection', row, column: name })
        : (Reflect.get(object, name) as unknown),
  })
  return answers as Selected<T>
}

function both(before: unknown, condition: Condition): unknown {
  return before === undefined ? condition : and(before as Condition, condition)
}

/** A metric, or an attribute when an `attributes` declaration takes it. */
export interface Aggregated<Kind extends ColumnKind> {
  readonly [definition]: { readonly kind: 'aggregate'; readonly type: Kind }
  where(condition: Condition): Aggregated<Kind>
  /** For attributes: only activities that are not older than this. */
  within(duration: DurationText): Aggregated<Kind>
}

export type { MetricOptions }
export type NumericKind = 'integer' | 'decimal' | 'number'
export type MeasurableKind = NumericKind | 'timestamp' | 'local_timestamp' | 'date' | 'time'

/** How many activities there are, or objects as they are now. */
export function count(
  table: Defined<'activity' | 'object'>,
  options?: MetricOptions,
): Aggregated<'integer'> {
  return aggregated(start('count', table, options), count)
}

export function sum<Kind extends NumericKind>(
  column: Column<Kind>,
  options?: MetricOptions,
): Aggregated<Kind> {
  return aggregated(start('sum', column, options), sum)
}

export function min<Kind extends MeasurableKind>(
  column: Column<Kind>,
  options?: MetricOptions,
): Aggregated<Kind> {
  return aggregated(start('min', column, options), min)
}

export function max<Kind extends MeasurableKind>(
  column: Column<Kind>,
  options?: MetricOptions,
): Aggregated<Kind> {
  return aggregated(start('max', column, options), max)
}

export function average(
  column: Column<NumericKind>,
  options?: MetricOptions,
): Aggregated<'number'> {
  return aggregated(start('average', column, options), average)
}

/** How many different values there are, exactly; unknown is not one. */
export function distinct(column: Column, options?: MetricOptions): Aggregated<'integer'> {
  return aggregated(start('distinct', column, options), distinct)
}

type Unplaced = Omit<AggregateData, 'place'>

function start(aggregate: Aggregate, of: unknown, options: MetricOptions = {}): Unplaced {
  return { kind: 'aggregate', aggregate, of, options }
}

function aggregated<Kind extends ColumnKind>(
  data: Unplaced,
  builder: (...parameters: never[]) => unknown,
): Aggregated<Kind> {
  return chain({ ...data, place: callPlace(builder) })
}

function chain<Kind extends ColumnKind>(data: AggregateData): Aggregated<Kind> {
  const result = {
    where: (condition: Condition) => chain({ ...data, filter: both(data.filter, condition) }),
    within: (duration: DurationText) => chain({ ...data, within: duration }),
  }
  return define(result, data) as unknown as Aggregated<Kind>
}

export type Metric = Defined<'aggregate' | 'ratio' | 'formula'>

/** Division by zero gives unknown. */
export function ratio(
  numerator: Metric,
  denominator: Metric,
  options: MetricOptions = {},
): Defined<'ratio'> {
  return define(
    {},
    { kind: 'ratio', numerator, denominator, options, place: callPlace(ratio) },
  ) as Defined<'ratio'>
}

export interface FormulaMetric {
  readonly [definition]: { readonly kind: 'formula' }
  /** The same formula with a description, an owner, a unit. */
  with(options: MetricOptions): FormulaMetric
}

/** Arithmetic over metrics: formula`(${sales} - ${cost}) / ${sales} * 100`. */
export function formula(
  texts: TemplateStringsArray,
  ...holes: readonly (Metric | number)[]
): FormulaMetric {
  const place = callPlace(formula)
  const make = (options: MetricOptions): FormulaMetric =>
    define(
      { with: make },
      { kind: 'formula', texts: [...texts], holes, options, place },
    ) as unknown as FormulaMetric
  return make({})
}

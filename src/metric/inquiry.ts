/**
 * What is asked of rows, inside of a question: values by dimensions, over a range, under a condition. A question is one inquiry or several that are put
 * together, and so is a metric over other metrics: whoever makes one has its answer as a SELECT of its own, with one row per group.
 */
import type { Day } from '../base/time.ts'
import type { ColumnType, Model, TableId } from '../model/model.ts'
import type { Dimension } from './dimension.ts'
import type { Condition } from './filter-language.ts'
import type { LegalDimension } from './illegal.ts'
import type { AskedMetric } from './measure.ts'
import type { CompileMetric } from './metric-condition.ts'
import type { CompiledQuestion } from './question.ts'
import type { State } from './state.ts'

export interface Inquiry {
  readonly values: readonly AskedMetric[]
  readonly by: readonly string[]
  readonly where: Condition | undefined
  readonly range: DayRange
  /** Sums over no rows are 0, and every period of the range has a group. */
  readonly isFilled: boolean
  /** Every row counts so much later than it happened: in the dimensions and conditions of time, and in the range. */
  readonly later?: Later | undefined
}

export interface Later {
  /** The day that shows it: SQL over `moment`, the row's day. */
  readonly day: string
  /** The day that a day shows: SQL over `moment`. */
  readonly back: string
  /** The earliest row's day that shows on a day; absent: any may. */
  readonly earliest?: (day: Day) => Day
}

export interface DayRange {
  readonly from?: Day
  /** The day after the last. */
  readonly to?: Day
}

/** What a group is called by. */
export type GroupedBy = Pick<Dimension, 'text' | 'type' | 'calendar' | 'ownGrain' | 'isOwnTime'>

export interface Answer {
  /** A SELECT with a column per dimension, named by its slug, and one per value, named as asked; in no order. */
  readonly sql: string
  readonly dimensions: readonly GroupedBy[]
  readonly values: readonly { readonly name: string; readonly type: ColumnType }[]
  readonly reads: CompiledQuestion['reads']
  readonly sources: CompiledQuestion['sources']
}

export type Ask = (inquiry: Inquiry) => Answer

/** Groups with states; parts meet as groups only, so that no join can multiply rows. */
export interface Part {
  /** `name as (…)` */
  readonly ctes: readonly string[]
  /** The CTE of one row per group: a column per dimension, named by its slug, and one per state. */
  readonly groups: string
  readonly dimensions: readonly GroupedBy[]
  readonly states: readonly State[]
  readonly reads: CompiledQuestion['reads']
  readonly sources: CompiledQuestion['sources']
  /** Whose rows these are, for messages. */
  readonly rootId: TableId
}

/** What a kind of metric is asked for. */
export interface KindRequest<Node> {
  readonly model: Model
  readonly node: Node
  /** The activities and objects whose rows have the dimensions. */
  readonly rootIds: readonly TableId[]
  /** Names of CTEs begin with it. */
  readonly name: string
  /** The state that holds the value: `sales__value`. */
  readonly state: string
  readonly by: readonly string[]
  /** The names of the dimensions inside of the statement. */
  readonly slugs: readonly string[]
  readonly where: Condition | undefined
  readonly range: DayRange
  /** Every row counts so much later than it happened. */
  readonly later?: Later | undefined
  readonly ask: Ask
  /** Answers a metric that is a condition. */
  readonly compile: CompileMetric
}

/** How a kind of metric is answered. Throws METRIC_ILLEGAL for what does not go together. */
export interface Kind<Node> {
  /** The activities or objects whose rows have the dimensions: all must have each. Absent: those of the value that the kind is over. */
  readonly roots?: (model: Model, node: Node) => readonly TableId[]
  /** Its groups, with one state of kind `value`, called `request.state`. */
  readonly compile: (request: KindRequest<Node>) => Part
  /** Whether a group without it has 0: it counts. */
  readonly isCount?: (node: Node) => boolean
  /** Dimensions that only this metric has: `step`, `cohort`, `age`. */
  readonly dimensions?: (node: Node, model: Model) => readonly LegalDimension[]
  /** The dimension without which it has no value, beside those asked for: `age`, the grain of a lifecycle. */
  readonly needs?: (node: Node, by: readonly string[], model: Model) => string | undefined
  /** Whether a path may end with `@cohort_entry`. */
  readonly hasCohorts?: true
  /** Whether it has a value of rows that count later than they happened. */
  readonly isMovable?: true
  /** Why the metric does not go with a dimension that its rows have; undefined when it does. */
  readonly refuses?: (node: Node, text: string, model: Model) => string | undefined
}

/** Days that hold the rows that show in the range. */
export function rangeOfRows({ range, later }: Pick<Inquiry, 'range' | 'later'>): DayRange {
  if (later === undefined) return range
  const { from, to } = range
  return {
    ...(from === undefined || later.earliest === undefined ? {} : { from: later.earliest(from) }),
    ...(to === undefined ? {} : { to }),
  }
}

/** `member__country`: what a dimension is called inside of the statement. Ends that values use are told apart by one more. */
export function slugOf(text: string): string {
  const slug = text.replaceAll('.', '__').replace('@', '__')
  const isTaken =
    /^(value|is|place|order|run|balance)__|__(sum|count|count_true|min|max|distinct|approximate_distinct|percentile|first|last|collect|collect_distinct|value|by)$/.test(
      slug,
    ) ||
    (/__(now|end)$/.test(slug) && !text.endsWith('@now'))
  return isTaken ? `${slug}__by` : slug
}

/** What is asked about metrics, and what it is compiled to. */
import type { Day } from '../base/time.ts'
import type { ColumnType, Model, TableId } from '../model/model.ts'
import type { ScanFilter } from '../lake/lake.ts'
import type { Dirty } from '../plan/plan.ts'

/** What of each stored table is stale, of those that are built by today's definitions. */
export type StoredFreshness = ReadonlyMap<TableId, Dirty>

/** A question: several metrics, by the same dimensions. */
export interface MetricQuestion {
  /** Names (`sales`) or ids (`metric.sales`), at least one, or none with `of`. */
  readonly metrics: readonly string[]
  /**
   * Dimensions: a grain (`day`, `week`, `month`, `quarter`, `year`, `hour`, `minute`, `second`), a calendar part (`day_of_week`, `month_of_year`, `hour_of_day` …), a column of the
   * activity (`status`), or an attribute by path (`member.country`, `product.brand.name`). `@now` after a path asks for today's value, and
   * `@period_end` and `@cohort_entry` follow the other rules of `AsOf`. Asked of a metric with them: `step`, `cohort`, `age`.
   */
  readonly by?: readonly string[]
  /** First local day; open when absent. */
  readonly from?: Day
  /** The day after the last. */
  readonly to?: Day
  /** A condition in the filter language: `member.country = 'France' and amount > 10`. */
  readonly where?: string
  /** Names of metrics or dimensions, `-` before one for descending. Default: the dimensions in order. */
  readonly order?: readonly string[]
  readonly limit?: number
  /** Fill missing periods of the time grain: counts and sums 0, the rest unknown. Needs from and to, or takes the first and last period present. */
  readonly fill?: boolean
  /** Without metrics: the activity or object whose rows' different combinations of the dimensions are asked for. */
  readonly of?: string
  /** A condition on groups, over metrics of the question, after they are computed: `sales > 100`. Totals are of all groups, shown or not. */
  readonly having?: string
  readonly compare?: Comparison
  /**
   * Further rows, after the others: for each list the metrics over the groups of these dimensions only, recomputed from rows; `[]` is the grand total. The answer then
   * has one more column, `total__by`: the dimensions of the total, joined by commas, and unknown for the groups themselves. `limit` is of the groups.
   */
  readonly totals?: readonly (readonly string[])[]
  readonly top?: Top
}

/**
 * Beside each metric `sales` come `sales__before`, the value of the period before, `sales__change`, the difference, and `sales__change_rate`, the difference by
 * the value before. `previous`: the range moved back by its own length (whole months by months); a text such as `1 year`: back by the calendar, and a
 * day that the month does not have is its last. Groups are matched by all dimensions (unknown with unknown), time grains moved alike; a group of only one of both is there too.
 */
export type Comparison = 'previous' | `${number} ${string}`

/**
 * Only the `count` values of the dimension with the greatest values of the metric over all other dimensions (equal ones in the order of the dimension), `-` before
 * the metric for the least. With `others`, what is left is one more group, its metrics recomputed from rows; its dimension reads `others` as text and is unknown in other types.
 */
export interface Top {
  readonly dimension: string
  readonly metric: string
  readonly count: number
  readonly others?: boolean
}

export interface CompiledQuestion {
  /** One SELECT inside the portable subset, over `stored.…`, `obj.…`, `obj_attr.…` names. */
  readonly sql: string
  /** What must be bound, with filters that prune files. */
  readonly reads: readonly { readonly table: string; readonly filters: readonly ScanFilter[] }[]
  /** Where each of the metrics computed comes from. */
  readonly sources: readonly {
    readonly kind: 'indicators' | 'states' | 'activities'
    readonly tables: readonly string[]
    readonly metrics: readonly string[]
  }[]
  /** Dimensions as asked for, then metric names. */
  readonly columns: readonly {
    readonly name: string
    readonly type: ColumnType
    readonly kind: 'dimension' | 'metric'
  }[]
}

/** Throws METRIC_ILLEGAL for a pair that does not go together (with the reason and the legal ones nearest), METRIC_BAD_QUERY or MODEL_UNKNOWN_METRIC for what cannot be understood. */
export type CompileQuestion = (
  model: Model,
  question: MetricQuestion,
  freshness?: StoredFreshness,
) => CompiledQuestion

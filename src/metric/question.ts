/** What is asked about metrics, and what it is compiled to. */
import type { Day } from '../base/time.ts'
import type { ColumnType, Model } from '../model/model.ts'
import type { ScanFilter } from '../lake/lake.ts'
import type { StoredFreshness } from './states/route.ts'

/** A question: several metrics, by the same dimensions. */
export interface MetricQuestion {
  /** Names (`sales`) or ids (`metric.sales`), at least one. */
  readonly metrics: readonly string[]
  /**
   * Dimensions: a grain (`day`, `week`, `month`, `quarter`, `year`, `hour`), a calendar part (`day_of_week`, `month_of_year`, `hour_of_day` …), a column of the
   * activity (`status`), or an attribute by path (`member.country`, `product.brand.name`). `@now` after a path asks for today's value.
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

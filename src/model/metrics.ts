/** Metrics made of other metrics (`ratio`, `formula`, `cumulative`) and of rows of activities (`conversion`, `funnel`, `retention`, `lifecycle`, `stickiness`). */
import { callPlace } from './call-place.ts'
import type { Reached } from './columns.ts'
import { comparisons, type Comparable } from './conditions.ts'
import {
  define,
  type definition,
  definitionOf,
  present,
  type Defined,
  type MetricData,
  type MetricOptions,
  type OperandData,
} from './definition.ts'
import type { FunnelRule, LifecycleState } from './model.ts'
import type { DurationText, Rows } from './selections.ts'

export type Metric = Defined<MetricData['kind']>

/** All of an activity's rows, or chosen ones: `all(visit).where(…)`, `first(signup)`. */
export type RowsOf = Defined<'activity'> | Rows | Defined<'row'>

/** Division by zero gives unknown. */
export function ratio(
  numerator: Metric,
  denominator: Metric,
  options: MetricOptions = {},
): Defined<'ratio'> {
  return made({ kind: 'ratio', numerator, denominator, options, place: callPlace(ratio) })
}

export interface FormulaMetric {
  readonly [definition]: { readonly kind: 'formula' }
  /** The same formula with a description, an owner, a unit. */
  with(options: MetricOptions): FormulaMetric
}

/** An input of a formula: a metric at another time, or over fewer groups. */
export type Operand = Defined<'operand'>

/** Arithmetic over metrics: formula`(${sales} - ${cost}) / ${sales} * 100`. */
export function formula(
  texts: TemplateStringsArray,
  ...holes: readonly (Metric | Operand | number)[]
): FormulaMetric {
  const place = callPlace(formula)
  const make = (options: MetricOptions): FormulaMetric =>
    define(
      { with: make },
      { kind: 'formula', texts: [...texts], holes, options, place },
    ) as unknown as FormulaMetric
  return make({})
}

/** The metric one period back (`offset(sales, '1 year')`), or at the start of the period (`offset(sales, { to: 'month' })`). A grain may be a calendar's own. */
export function offset(
  metric: Metric | Operand,
  by: `${number} ${string}` | { readonly to: string },
): Operand {
  return operand(metric, { offset: by })
}

/** The metric over all groups, or over the groups of these dimensions only: `formula(sales / total(sales))` is the share. */
export function total(metric: Metric | Operand, by: readonly string[] = []): Operand {
  return operand(metric, { total: by })
}

function operand(metric: unknown, more: Pick<OperandData, 'offset' | 'total'>): Operand {
  const inner = definitionOf(metric)
  const data: OperandData =
    inner?.kind === 'operand' ? { ...inner, ...more } : { kind: 'operand', metric, ...more }
  return define({}, data) as Operand
}

/** A metric of each object, to be compared: `metricOf(purchases, visit.member).above(3)`, `metricOf(purchases, member.id).above(3)`. */
export function metricOf(metric: Metric, of: Reached<'key' | 'reference'>): Comparable<'number'> {
  return define(Object.create(comparisons) as object, {
    kind: 'metric_of',
    metric,
    to: of,
  }) as Comparable<'number'>
}

export interface CumulativeOptions extends MetricOptions {
  /** The last so long: `28 days`. */
  readonly window?: DurationText
  /** Since the beginning of the `month`. All time when neither is given. */
  readonly toDate?: string
  /** By a coarser grain: which of its days, the last when absent. */
  readonly across?: 'first' | 'last' | 'average'
}

export function cumulative(metric: Metric, given: CumulativeOptions = {}): Defined<'cumulative'> {
  const { window, toDate, across, ...options } = given
  const place = callPlace(cumulative)
  return made({
    kind: 'cumulative',
    metric,
    ...present({ window, toDate, across }),
    options,
    place,
  })
}

export interface ConversionOptions extends MetricOptions {
  readonly within?: DurationText
  /** `rate` when absent. */
  readonly result?: 'rate' | 'count'
}

/** Which of the first lead to the second: each conversion counts at the latest base row before it. Constant properties: `all(buy).same(buy.session, visit.session)`. */
export function conversion(
  base: RowsOf,
  converted: RowsOf,
  given: ConversionOptions = {},
): Defined<'conversion'> {
  const { within, result, ...options } = given
  const rows = { base, conversion: converted, ...present({ within, result }) }
  return made({ kind: 'conversion', ...rows, options, place: callPlace(conversion) })
}

export interface FunnelOptions extends MetricOptions {
  readonly within?: DurationText
  /** What ends an attempt and what a row may fulfil; nothing when absent. */
  readonly rules?: readonly FunnelRule[]
  /**
   * Objects that reach a step; with `from` their share of those who reach that one; `level` the highest step reached. When absent, the share of the last
   * step of the first.
   */
  readonly result?: 'level' | { readonly step: number; readonly from?: number }
}

export function funnel(steps: readonly RowsOf[], given: FunnelOptions = {}): Defined<'funnel'> {
  const { within, rules, result, ...options } = given
  const rest = { ...present({ within, rules, result }), options, place: callPlace(funnel) }
  return made({ kind: 'funnel', steps, ...rest })
}

export interface RetentionOptions extends MetricOptions {
  /** How long one age is: `day`, `week`, `month`, or a calendar's own. */
  readonly grain: string
  /** `recurring` when absent. */
  readonly counting?: 'recurring' | 'rolling'
  /** `rate` when absent. */
  readonly result?: 'actors' | 'rate'
  /** One age only: then the metric goes with any dimension. */
  readonly at?: number
}

/** Who started and came back: `retention(first(signup), visit, { grain: 'week' })`. */
export function retention(
  start: RowsOf,
  back: RowsOf,
  given: RetentionOptions,
): Defined<'retention'> {
  const { grain, counting, result, at, ...options } = given
  const rest = { grain, ...present({ counting, result, at }), options, place: callPlace(retention) }
  return made({ kind: 'retention', start, back, ...rest })
}

export interface GrainOptions extends MetricOptions {
  readonly grain: string
}

/** How many objects are new, returning, resurrected or dormant in a period. */
export function lifecycle(
  rows: RowsOf,
  state: LifecycleState,
  given: GrainOptions,
): Defined<'lifecycle'> {
  const { grain, ...options } = given
  return made({ kind: 'lifecycle', rows, state, grain, options, place: callPlace(lifecycle) })
}

/** Average actives of a `grain` by the actives of the period that is asked for: daily by monthly actives. */
export function stickiness(rows: RowsOf, given: GrainOptions): Defined<'stickiness'> {
  const { grain, ...options } = given
  return made({ kind: 'stickiness', rows, grain, options, place: callPlace(stickiness) })
}

function made<Data extends MetricData>(data: Data): Defined<Data['kind']> {
  return define({}, data) as unknown as Defined<Data['kind']>
}

/**
 * A leg: the rows of one activity or object, aggregated alone. Legs meet only as finished groups, so that no join can multiply rows.
 * All metrics over the same rows share one scan; a filtered metric is a condition inside of it.
 */
import { assert } from '../base/errors.ts'
import type { Aggregate, ColumnType, MetricCondition, Model, TableId } from '../model/model.ts'
import { calendarSql, grains, isOfInstants, periodStep } from './calendar.ts'
import { bindCondition } from './condition.ts'
import type { BoundCondition, JoinedCondition } from './condition.ts'
import { resolveDimension } from './dimension.ts'
import type { Dimension } from './dimension.ts'
import { conditionOf } from './filter-language.ts'
import type { Condition, PathToken } from './filter-language.ts'
import { illegalDimension, timelessRange } from './illegal.ts'
import { rangeOfRows } from './inquiry.ts'
import type { DayRange, Later } from './inquiry.ts'
import type { Measure } from './measure.ts'
import { chooseForMetric, metricCondition } from './metric-condition.ts'
import type { CompileMetric } from './metric-condition.ts'
import { lastName, tableById } from './model-index.ts'
import { statesOf } from './state.ts'
import type { State } from './state.ts'
import { isTimeWord } from './time-words.ts'

export interface Leg {
  readonly model: Model
  readonly rootId: TableId
  /** `purchase`; CTEs are named after it. */
  readonly name: string
  readonly dimensions: readonly Dimension[]
  readonly measures: readonly LegMeasure[]
  /** All must hold of a row. */
  readonly conditions: readonly BoundCondition[]
  /** The one of them that the question asks for. */
  readonly where: BoundCondition | undefined
  readonly range: DayRange
  /** Only the rows at the least or greatest time, of all that have the same of these. */
  readonly balance?: { readonly kind: 'first' | 'last'; readonly same: readonly Dimension[] }
}

export interface LegMeasure {
  readonly measure: Measure
  readonly value: Dimension | undefined
  /** undefined when every row counts, or when the filter is one of the leg's conditions. */
  readonly filter: BoundCondition | undefined
  readonly states: readonly State[]
}

export interface LegRequest {
  readonly model: Model
  readonly rootId: TableId
  readonly name: string
  readonly measures: readonly Measure[]
  readonly by: readonly string[]
  readonly where: Condition | undefined
  readonly range: DayRange
  readonly later?: Later | undefined
  /** Answers a metric that is a condition; without it such a condition is refused. */
  readonly compile?: CompileMetric
}

/** Measures by the rows that they are of; `name` begins the names of CTEs. A balance and a sketch have their rows for themselves. */
export function rowsOfMeasures(
  measures: readonly Measure[],
): readonly Pick<LegRequest, 'rootId' | 'name' | 'measures'>[] {
  const byRows = new Map<string, Map<string, Measure>>()
  for (const measure of measures) {
    const { rootId, metric } = measure
    const key = hasOwnRows(measure) ? `${rootId} ${metric}` : rootId
    byRows.set(key, (byRows.get(key) ?? new Map<string, Measure>()).set(metric, measure))
  }
  const rows = [...byRows.values()].map((own) => [...own.values()])
  const lastNames = rows.map(([first]) => lastName(first!.rootId))
  return rows.map((own, at) => {
    const { rootId, metric } = own[0]!
    const isAlone = lastNames.filter((name) => name === lastNames[at]).length === 1
    const name = isAlone ? lastNames[at]! : rootId.replaceAll('.', '_')
    return {
      rootId,
      name: isAlone || !hasOwnRows(own[0]!) ? name : `${name}_${metric}`,
      measures: own,
    }
  })
}

/** Whether it is taken of a summary of each group's rows. */
export function isSketched(aggregate: Aggregate): boolean {
  return aggregate === 'approximate_distinct' || aggregate === 'approximate_percentile'
}

function hasOwnRows({ balance, aggregate }: Measure): boolean {
  return balance !== undefined || isSketched(aggregate)
}

export function planLeg(request: LegRequest): Leg {
  const { model, rootId, name, range } = request
  const metric = request.measures[0]!.metric
  const resolve = (path: PathToken): Dimension => {
    const dimension = resolveDimension(model, rootId, path.text)
    if (dimension === undefined)
      throw illegalDimension(model, { metric, rootId, text: path.text, offset: path.offset })
    return dimension.isAtPeriodEnd === true ? asOfEnd(dimension, request) : dimension
  }
  if (tableById(model, rootId)?.kind !== 'activity' && (range.from ?? range.to) !== undefined)
    throw timelessRange(metric, rootId)
  const { compile } = request
  const compareMetric =
    compile === undefined
      ? undefined
      : (condition: MetricCondition): BoundCondition =>
          metricCondition({ model, name, condition, compile }, resolve({ text: condition.path }))
  // The metric's own conditions are of the rows' own time.
  const shown = (path: PathToken): Dimension =>
    request.later !== undefined && isTimeWord(model, path.text)
      ? { ...resolve(path), later: request.later.day }
      : resolve(path)
  const dimensions = request.by.map((text) => shown({ text }))
  const where = request.where === undefined ? undefined : bindCondition(request.where, shown)
  const conditions = [
    ...(where === undefined ? [] : [where]),
    ...shownConditions(request).map((condition) => bindCondition(condition, shown)),
  ]
  const shared = sharedFilter(request.measures)
  if (shared !== undefined) conditions.push(bindCondition(shared, resolve, compareMetric))
  const balance = balanceOf(request, dimensions, resolve)
  const measures = request.measures.map((measure): LegMeasure => {
    const value = measure.column === undefined ? undefined : resolve({ text: measure.column })
    const filter =
      measure.choice !== undefined
        ? chosenCondition(request, measure, resolve)
        : measure.filter === undefined || shared !== undefined
          ? undefined
          : bindCondition(conditionOf(measure.filter), resolve, compareMetric)
    // A balance looks for its times among the rows that count.
    if (balance !== undefined && filter !== undefined) conditions.push(filter)
    const own = { measure, value, states: statesOf(measure, value?.type) }
    return { ...own, filter: balance === undefined ? filter : undefined }
  })
  const leg = { model, rootId, name, dimensions, measures, conditions, where }
  const whole = { ...leg, range: rangeOfRows(request) }
  return balance === undefined ? whole : { ...whole, balance }
}

/** What counts later shows in the range. */
function shownConditions({ later, range: { from, to } }: LegRequest): readonly Condition[] {
  if (later === undefined) return []
  const path = { text: 'day' }
  const day = (operator: '>=' | '<', text: string): Condition => ({
    kind: 'compare',
    path,
    operator,
    literal: { kind: 'text', text },
  })
  return [
    { kind: 'not', operand: { kind: 'unknown', path } },
    ...(from === undefined ? [] : [day('>=', from)]),
    ...(to === undefined ? [] : [day('<', to)]),
  ]
}

/** As of the last instant of the row's period of the shortest grain asked for, else of the range; without an end that is now. */
export function asOfEnd(
  dimension: Dimension,
  { by, range }: Pick<LegRequest, 'by' | 'range'>,
): Dimension {
  const grain = grains.find((each) => by.includes(each))
  if (grain === undefined && range.to === undefined) return dimension
  const column = grain !== undefined && isOfInstants(grain) ? 'occurred_at' : 'day'
  const source: ColumnType = { kind: column === 'day' ? 'date' : 'timestamp' }
  const next =
    grain === undefined
      ? `date '${range.to!}'`
      : `${calendarSql(grain, 'moment', source)} + ${periodStep(grain)}`
  const end =
    column === 'day' ? `cast(cast(${next} as date) as timestamp with time zone)` : `(${next})`
  const asOf = { name: 'end', column, sql: `${end} - interval '0.000001' second` } as const
  return { ...dimension, path: { ...dimension.path, now: false, asOf } }
}

/** A measure with a balance is alone in its leg. The times are looked for in each period of the coarsest grain. */
function balanceOf(
  { measures }: LegRequest,
  dimensions: readonly Dimension[],
  resolve: (path: PathToken) => Dimension,
): Leg['balance'] {
  const balance = measures.find((measure) => measure.balance !== undefined)?.balance
  if (balance === undefined || balance.kind === 'average') return undefined
  assert(measures.length === 1, 'a balance has a leg of its own')
  const coarsest = dimensions
    .filter(({ isOwnTime }) => isOwnTime)
    .toSorted((left, right) => grainAt(right) - grainAt(left))
    .slice(0, 1)
  return {
    kind: balance.kind,
    same: [...coarsest, ...balance.per.map((text) => resolve({ text }))],
  }
}

function grainAt({ text }: Dimension): number {
  return grains.findIndex((grain) => grain === text)
}

/** That the row is one of those chosen. */
function chosenCondition(
  { model, compile }: LegRequest,
  measure: Measure,
  resolve: (path: PathToken) => Dimension,
): JoinedCondition {
  const root = tableById(model, measure.rootId)
  assert(root?.kind === 'activity' && measure.choice !== undefined, 'activities are chosen')
  const name = `chosen__${measure.metric}`
  const chosen = chooseForMetric({ model, compile }, { choice: measure.choice, name, columns: {} })
  return {
    kind: 'joined',
    dimension: resolve({ text: root.key }),
    rows: chosen.rows,
    key: 'event_id',
    sql: () => `${chosen.rows}.event_id is not null`,
    ctes: [...chosen.histories.map(({ sql }) => sql), ...chosen.ctes],
    reads: chosen.tables,
  }
}

/** The filter that all measures have in common: then it decides which rows are read. */
function sharedFilter(measures: readonly Measure[]): Condition | undefined {
  const [first, ...others] = measures
  if (first?.filter === undefined) return undefined
  const text = JSON.stringify(first.filter, writeBigint)
  const isShared = others.every(
    (other) => other.filter !== undefined && JSON.stringify(other.filter, writeBigint) === text,
  )
  return isShared ? conditionOf(first.filter) : undefined
}

function writeBigint(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value
}

/**
 * What is computed for the metrics asked about: each comes down to measures, one aggregate over the rows of one activity or object, and
 * arithmetic over them. A measure is made of states (a sum, a count) that SQL aggregates; the finaliser turns states into the value.
 */
import { sqlType } from '../model/column-type.ts'
import { assert, MaruError } from '../base/errors.ts'
import { suggest } from '../base/nearest.ts'
import type {
  Aggregate,
  ColumnType,
  Formula,
  MetricModel,
  Model,
  Percentile,
  Predicate,
  RowChoice,
  TableId,
} from '../model/model.ts'
import { metricByName } from './model-index.ts'

export interface Measure {
  /** The metric that declares it. */
  readonly metric: string
  /** The activity or object whose rows are aggregated. */
  readonly rootId: TableId
  readonly aggregate: Exclude<Aggregate, 'approximate_distinct' | 'collect' | 'collect_distinct'>
  readonly column?: string
  readonly percentile?: Percentile
  readonly filter?: Predicate
  /** Only the rows that are chosen, each object's in its whole history. The choice holds the filter. */
  readonly choice?: RowChoice
}

/** Arithmetic over measures and over what kinds of their own compute. */
export type Expression =
  | { readonly kind: 'measure'; readonly measure: Measure }
  | { readonly kind: 'special'; readonly special: Special }
  | { readonly kind: 'number'; readonly value: number }
  /** `value` where `of` is unknown. */
  | { readonly kind: 'fill'; readonly of: Expression; readonly value: number }
  | {
      readonly kind: 'binary'
      readonly operator: '+' | '-' | '*' | '/'
      readonly left: Expression
      readonly right: Expression
    }

/** A value that is no aggregate of rows alone: `kinds.ts` says who computes it. */
export interface Special {
  /** Names its state; unique in a question. */
  readonly key: string
  readonly node: SpecialNode
}

export type SpecialNode = Extract<
  MetricModel,
  { kind: 'cumulative' | 'conversion' | 'funnel' | 'retention' | 'lifecycle' | 'stickiness' }
>

export interface AskedMetric {
  readonly name: string
  readonly expression: Expression
}

/** Metrics nested deeper than this are taken for a circle that the model's check did not see. */
const nestingMax = 50

export function askMetric(model: Model, name: string): AskedMetric {
  const metric = findMetric(model, name)
  return { name: metric.name, expression: expand(model, metric, []) }
}

function findMetric(model: Model, name: string): MetricModel {
  const metric = metricByName(model, name)
  if (metric === undefined) {
    const names = model.metrics.map((candidate) => candidate.name)
    throw new MaruError('MODEL_UNKNOWN_METRIC', `no metric is called "${name}"`, {
      hint: suggest(name, names),
    })
  }
  return metric
}

export function measuresOf(expression: Expression): readonly Measure[] {
  return leavesOf(expression).flatMap((leaf) => (leaf.kind === 'measure' ? [leaf.measure] : []))
}

export function specialsOf(expression: Expression): readonly Special[] {
  return leavesOf(expression).flatMap((leaf) => (leaf.kind === 'special' ? [leaf.special] : []))
}

type Leaf = Exclude<Expression, { readonly kind: 'fill' | 'binary' }>

function leavesOf(expression: Expression): readonly Leaf[] {
  switch (expression.kind) {
    case 'measure':
    case 'number':
    case 'special':
      return [expression]
    case 'fill':
      return leavesOf(expression.of)
    case 'binary':
      return [...leavesOf(expression.left), ...leavesOf(expression.right)]
  }
}

function expand(model: Model, metric: MetricModel, within: readonly string[]): Expression {
  if (within.includes(metric.name) || within.length > nestingMax) {
    throw new MaruError(
      'METRIC_BAD_QUERY',
      `metric "${metric.name}" is defined by itself: ${[...within, metric.name].join(' → ')}`,
      {
        hint: 'take the circle out of the definitions',
        where: metric.place,
      },
    )
  }
  const inside = [...within, metric.name]
  if (metric.calendar === true) throw unanswered(metric, 'a group for every period')
  const own = expandKind(model, metric, inside)
  return metric.fill === undefined ? own : { kind: 'fill', of: own, value: metric.fill }
}

function expandKind(model: Model, metric: MetricModel, inside: readonly string[]): Expression {
  switch (metric.kind) {
    case 'aggregate':
      return { kind: 'measure', measure: activityMeasure(metric) }
    case 'object_aggregate':
      return { kind: 'measure', measure: objectMeasure(metric) }
    case 'ratio': {
      const left = expand(model, findMetric(model, metric.numerator), inside)
      const right = expand(model, findMetric(model, metric.denominator), inside)
      return { kind: 'binary', operator: '/', left, right }
    }
    case 'formula':
      if (isShifted(metric.formula)) throw unanswered(metric, 'an offset or a total')
      return expandFormula(model, metric.formula, inside)
    default:
      return { kind: 'special', special: { key: metric.name, node: metric } }
  }
}

function isShifted(formula: Formula): boolean {
  if (formula.kind === 'metric') return formula.offset !== undefined || formula.total !== undefined
  return formula.kind === 'binary' && (isShifted(formula.left) || isShifted(formula.right))
}

export function unanswered(metric: Pick<MetricModel, 'name' | 'place'>, what: string): MaruError {
  return new MaruError(
    'METRIC_ILLEGAL',
    `metric "${metric.name}" has ${what}, which is not answered yet`,
    { hint: 'ask for the metrics that it is made of', where: metric.place },
  )
}

type AnsweredAggregate = Measure['aggregate']

function answered(metric: MetricModel, aggregate: Aggregate): AnsweredAggregate {
  if (
    aggregate === 'approximate_distinct' ||
    aggregate === 'collect' ||
    aggregate === 'collect_distinct'
  )
    throw unanswered(metric, `the ${aggregate}`)
  return aggregate
}

function expandFormula(model: Model, formula: Formula, within: readonly string[]): Expression {
  switch (formula.kind) {
    case 'number':
      return { kind: 'number', value: formula.value }
    case 'metric':
      return expand(model, findMetric(model, formula.name), within)
    case 'binary': {
      const left = expandFormula(model, formula.left, within)
      const right = expandFormula(model, formula.right, within)
      return { kind: 'binary', operator: formula.operator, left, right }
    }
  }
}

function activityMeasure(metric: Extract<MetricModel, { readonly kind: 'aggregate' }>): Measure {
  const { take, ...choice } = metric.selection
  if (take.kind !== 'aggregate') throw unanswered(metric, 'a column of one row')
  const { aggregate, column, percentile } = take
  if (metric.balance !== undefined) throw unanswered(metric, 'a balance')
  const measure = {
    metric: metric.name,
    rootId: choice.activity,
    aggregate: answered(metric, aggregate),
    ...(column === undefined ? {} : { column }),
    ...(percentile === undefined ? {} : { percentile }),
  }
  if (isChosen(choice)) return { ...measure, choice }
  return { ...measure, ...(choice.filter === undefined ? {} : { filter: choice.filter }) }
}

function objectMeasure(
  metric: Extract<MetricModel, { readonly kind: 'object_aggregate' }>,
): Measure {
  const { name, object, aggregate, column, percentile, filter } = metric
  if (aggregate === 'first' || aggregate === 'last') {
    throw new MaruError(
      'METRIC_ILLEGAL',
      `metric "${name}" takes the ${aggregate} of ${object}, whose rows are in no order`,
      { hint: 'take min, max, or a value of an activity', where: metric.place },
    )
  }
  return {
    metric: name,
    rootId: object,
    aggregate: answered(metric, aggregate),
    ...(column === undefined ? {} : { column }),
    ...(percentile === undefined ? {} : { percentile }),
    ...(filter === undefined ? {} : { filter }),
  }
}

/** Whether a row counts by what else its object did, not by itself alone. */
function isChosen(choice: RowChoice): boolean {
  const { selector, of, window, within, same, keep, per } = choice
  return (
    selector.kind !== 'all' ||
    [of, window, within, same, keep, per].some((part) => part !== undefined)
  )
}

/** One part of a measure, aggregated by SQL. */
export interface State {
  /** `sales__sum` */
  readonly name: string
  readonly kind: StateKind
  readonly type: ColumnType
  readonly percentile?: Percentile
}

/** `value` is finished: of each group there is one. */
export type StateKind =
  | 'sum'
  | 'count'
  | 'count_true'
  | 'min'
  | 'max'
  | 'distinct'
  | 'percentile'
  | 'first'
  | 'last'
  | 'value'

/** Whether states over disjoint rows make the state over all of them. A distinct count has no such: the same value may be among both. */
export function isMergeable({ kind }: State): boolean {
  return ['sum', 'count', 'count_true', 'min', 'max'].includes(kind)
}

/** `column` is the type of the aggregated column; undefined when rows are counted. */
export function statesOf(measure: Measure, column: ColumnType | undefined): readonly State[] {
  const state = (kind: StateKind, type: ColumnType): State => ({
    name: `${measure.metric}__${kind}`,
    kind,
    type,
    ...(measure.percentile === undefined ? {} : { percentile: measure.percentile }),
  })
  const integer: ColumnType = { kind: 'integer' }
  const { aggregate } = measure
  if (aggregate === 'any') return [state('count', integer)]
  if (aggregate === 'count' || aggregate === 'distinct') return [state(aggregate, integer)]
  if (column === undefined)
    throw badMeasure(measure, 'names no column', 'name the column to aggregate')
  if (aggregate === 'min' || aggregate === 'max' || aggregate === 'first' || aggregate === 'last')
    return [state(aggregate, column)]
  if (aggregate === 'count_true') {
    if (column.kind === 'boolean') return [state('count_true', integer)]
    throw badMeasure(
      measure,
      `counts what is true of "${measure.column}", which holds ${column.kind}`,
      'count_true needs a boolean',
    )
  }
  if (aggregate === 'percentile' && measure.percentile?.kind === 'discrete')
    return [state('percentile', column)]
  if (column.kind !== 'integer' && column.kind !== 'decimal' && column.kind !== 'number') {
    throw badMeasure(
      measure,
      `takes the ${aggregate} of "${measure.column}", which holds ${column.kind}`,
      'sum, average and percentiles between values need numbers',
    )
  }
  if (aggregate === 'percentile') return [state('percentile', { kind: 'number' })]
  const sum = state('sum', sumType(column))
  return aggregate === 'sum' ? [sum] : [sum, state('count', integer)]
}

function sumType(column: ColumnType): ColumnType {
  return column.kind === 'decimal'
    ? { kind: 'decimal', precision: 38, scale: column.scale }
    : column
}

function badMeasure(measure: Measure, what: string, hint: string): MaruError {
  return new MaruError('METRIC_BAD_QUERY', `metric "${measure.metric}" ${what}`, { hint })
}

/** Columns of a leg's rows. */
export interface RowColumns {
  readonly value?: string
  readonly filter?: string
  /** The row's number among those of its group that count, in the order of time or of the value; unknown for others. */
  readonly place?: string
  /** How many of its group count. */
  readonly size?: string
}

/** SQL of a state over the rows of a leg. */
export function stateSql(
  { kind, type, percentile }: Pick<State, 'kind' | 'type' | 'percentile'>,
  row: RowColumns,
): string {
  const value = row.value ?? '1'
  const only = (conditions: readonly (string | undefined)[], kept: string): string => {
    const all = conditions.filter((condition) => condition !== undefined)
    return all.length === 0 ? kept : `case when ${all.join(' and ')} then ${kept} end`
  }
  const kept = only([row.filter], value)
  switch (kind) {
    case 'count':
      return row.filter === undefined && row.value === undefined ? 'count(*)' : `count(${kept})`
    case 'count_true':
      return `count(${only([row.filter, value], '1')})`
    case 'distinct':
      return `count(distinct ${kept})`
    case 'min':
    case 'max':
      return `${kind}(${kept})`
    case 'first':
    case 'last':
      return `max(${only([`${row.place!} = 1`], value)})`
    case 'percentile':
      return percentileSql(percentile!, row)
    case 'value':
      return kept
    case 'sum':
      return type.kind === 'number' ? `sum(${kept})` : `cast(sum(${kept}) as ${sqlType(type)})`
  }
}

/** Of numbered values, because engines interpolate otherwise. */
function percentileSql({ fraction, kind }: Percentile, row: RowColumns): string {
  const [value, place, size] = [row.value!, row.place!, row.size!]
  const { sql } = numberValue(fraction)
  if (kind === 'discrete') {
    const wanted = `greatest(1, ceil(${sql} * ${size}))`
    return `max(case when ${place} = ${wanted} then ${value} end)`
  }
  const at = `${sql} * (${size} - 1)`
  const found = (wanted: string): string =>
    `max(case when ${place} = ${wanted} + 1 then cast(${value} as double) end)`
  const share = `max(cast(${at} - floor(${at}) as double))`
  return `${found(`floor(${at})`)} + (${found(`ceil(${at})`)} - ${found(`floor(${at})`)}) * ${share}`
}

/** SQL that makes one state of several over disjoint rows. */
export function mergedStateSql(state: State): string {
  assert(isMergeable(state), `${state.name} does not add up`)
  const kind = state.kind === 'count' || state.kind === 'count_true' ? 'sum' : state.kind
  return stateSql({ kind, type: state.type }, { value: state.name })
}

export interface Value {
  readonly sql: string
  readonly type: ColumnType
  /** The SQL needs parentheses inside of arithmetic. */
  readonly isCompound?: boolean
}

export interface Finaliser {
  readonly statesOf: (measure: Measure) => readonly State[]
  readonly valueOf: (special: Special) => Value
  /** Sums over no rows are 0, not unknown. */
  readonly isFilled: boolean
  /** A count may be missing in a group that only another leg has. */
  readonly isJoined: boolean
}

/** The value of a metric over finished states. Division is in floating point and gives unknown where the divisor is 0. */
export function valueOf(expression: Expression, finaliser: Finaliser): Value {
  switch (expression.kind) {
    case 'measure':
      return measureValue(expression.measure, finaliser)
    case 'special':
      return finaliser.valueOf(expression.special)
    case 'number':
      return numberValue(expression.value)
    case 'fill':
      return filledValue(valueOf(expression.of, finaliser), expression.value)
    case 'binary':
      return binaryValue(expression, finaliser)
  }
}

function numberValue(value: number): Value {
  const text = String(value)
  if (/^-?\d+$/.test(text)) return { sql: text, type: { kind: 'integer' } }
  const scale = /^-?\d+\.(\d+)$/.exec(text)?.[1]!.length
  if (scale === undefined) return { sql: `cast('${text}' as double)`, type: { kind: 'number' } }
  return { sql: text, type: { kind: 'decimal', precision: 38, scale } }
}

function filledValue({ sql, type }: Value, value: number): Value {
  const { sql: text, type: own } = numberValue(value)
  if (type.kind === own.kind || (type.kind === 'decimal' && own.kind === 'integer'))
    return { sql: `coalesce(${sql}, ${text})`, type }
  const joined = arithmeticType('+', type, own)
  return { sql: `cast(coalesce(${sql}, ${text}) as ${sqlType(joined)})`, type: joined }
}

function measureValue(measure: Measure, finaliser: Finaliser): Value {
  const [first, second] = finaliser.statesOf(measure)
  switch (measure.aggregate) {
    case 'average':
      return {
        sql: `cast(${first!.name} as double) / nullif(${second!.name}, 0)`,
        type: { kind: 'number' },
        isCompound: true,
      }
    case 'any':
      return {
        sql: `coalesce(${first!.name}, 0) > 0`,
        type: { kind: 'boolean' },
        isCompound: true,
      }
    case 'count':
    case 'count_true':
    case 'distinct':
      return {
        sql: finaliser.isFilled || finaliser.isJoined ? `coalesce(${first!.name}, 0)` : first!.name,
        type: first!.type,
      }
    case 'sum':
      return {
        sql: finaliser.isFilled ? `coalesce(${first!.name}, 0)` : first!.name,
        type: first!.type,
      }
    case 'min':
    case 'max':
    case 'first':
    case 'last':
    case 'percentile':
      return { sql: first!.name, type: first!.type }
  }
}

function binaryValue(
  expression: Extract<Expression, { kind: 'binary' }>,
  finaliser: Finaliser,
): Value {
  const left = valueOf(expression.left, finaliser)
  const right = valueOf(expression.right, finaliser)
  const { operator } = expression
  if (operator === '/') {
    return {
      sql: `cast(${left.sql} as double) / nullif(cast(${right.sql} as double), 0)`,
      type: { kind: 'number' },
      isCompound: true,
    }
  }
  const type = arithmeticType(operator, left.type, right.type)
  const operand = (value: Value): string => {
    const sql = value.isCompound === true ? `(${value.sql})` : value.sql
    return type.kind === 'number' && value.type.kind !== 'number' ? `cast(${sql} as double)` : sql
  }
  const sql = `${operand(left)} ${operator} ${operand(right)}`
  return type.kind === 'decimal'
    ? { sql: `cast(${sql} as ${sqlType(type)})`, type }
    : { sql, type, isCompound: true }
}

function arithmeticType(
  operator: '+' | '-' | '*',
  left: ColumnType,
  right: ColumnType,
): ColumnType {
  for (const { kind } of [left, right]) {
    if (kind !== 'integer' && kind !== 'decimal' && kind !== 'number') {
      throw new MaruError('METRIC_BAD_QUERY', `a formula computes with ${kind}`, {
        hint: 'formulas are over numbers',
      })
    }
  }
  if (left.kind === 'integer' && right.kind === 'integer') return left
  if (left.kind === 'number' || right.kind === 'number') return { kind: 'number' }
  const scales = [left, right].map((type) => (type.kind === 'decimal' ? type.scale : 0))
  const scale = operator === '*' ? scales[0]! + scales[1]! : Math.max(...scales)
  return scale > 30 ? { kind: 'number' } : { kind: 'decimal', precision: 38, scale }
}

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
  readonly aggregate: 'count' | 'sum' | 'min' | 'max' | 'average' | 'distinct' | 'any'
  readonly column?: string
  readonly filter?: Predicate
  /** Only the rows that are chosen, each object's in its whole history. The choice holds the filter. */
  readonly choice?: RowChoice
}

/** Arithmetic over measures and over what kinds of their own compute. */
export type Expression =
  | { readonly kind: 'measure'; readonly measure: Measure }
  | { readonly kind: 'special'; readonly special: Special }
  | { readonly kind: 'number'; readonly value: number }
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
  switch (expression.kind) {
    case 'measure':
      return [expression.measure]
    case 'number':
    case 'special':
      return []
    case 'binary':
      return [...measuresOf(expression.left), ...measuresOf(expression.right)]
  }
}

export function specialsOf(expression: Expression): readonly Special[] {
  switch (expression.kind) {
    case 'special':
      return [expression.special]
    case 'number':
    case 'measure':
      return []
    case 'binary':
      return [...specialsOf(expression.left), ...specialsOf(expression.right)]
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
  if (metric.fill !== undefined) throw unanswered(metric, 'a fill of its own')
  if (metric.calendar === true) throw unanswered(metric, 'a group for every period')
  switch (metric.kind) {
    case 'aggregate':
      return { kind: 'measure', measure: activityMeasure(metric) }
    case 'object_aggregate':
      if (!isAnswered(metric.aggregate)) throw unanswered(metric, `the ${metric.aggregate}`)
      return {
        kind: 'measure',
        measure: {
          metric: metric.name,
          rootId: metric.object,
          aggregate: metric.aggregate,
          ...(metric.column === undefined ? {} : { column: metric.column }),
          ...(metric.filter === undefined ? {} : { filter: metric.filter }),
        },
      }
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

const answeredAggregates: ReadonlySet<Aggregate> = new Set<AnsweredAggregate>([
  'count',
  'sum',
  'min',
  'max',
  'average',
  'distinct',
  'any',
])

function isAnswered(aggregate: Aggregate): aggregate is AnsweredAggregate {
  return answeredAggregates.has(aggregate)
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
  const { aggregate, column } = take
  if (metric.balance !== undefined) throw unanswered(metric, 'a balance')
  if (!isAnswered(aggregate)) throw unanswered(metric, `the ${aggregate}`)
  const measure = {
    metric: metric.name,
    rootId: choice.activity,
    aggregate,
    ...(column === undefined ? {} : { column }),
  }
  if (isChosen(choice)) return { ...measure, choice }
  return { ...measure, ...(choice.filter === undefined ? {} : { filter: choice.filter }) }
}

/** Whether a row counts by what else its object did, not by itself alone. */
function isChosen(choice: RowChoice): boolean {
  const { selector, of, window, within, same, keep, per } = choice
  return (
    selector.kind !== 'all' ||
    [of, window, within, same, keep, per].some((part) => part !== undefined)
  )
}

/** One mergeable part of a measure, aggregated by SQL. */
export interface State {
  /** `sales__sum` */
  readonly name: string
  /** `value` is finished: of each group there is one. */
  readonly kind: 'sum' | 'count' | 'min' | 'max' | 'distinct' | 'value'
  readonly type: ColumnType
}

/** `column` is the type of the aggregated column; undefined when rows are counted. */
export function statesOf(measure: Measure, column: ColumnType | undefined): readonly State[] {
  const state = (kind: State['kind'], type: ColumnType): State => ({
    name: `${measure.metric}__${kind}`,
    kind,
    type,
  })
  const integer: ColumnType = { kind: 'integer' }
  if (measure.aggregate === 'any') return [state('count', integer)]
  if (measure.aggregate === 'count' || measure.aggregate === 'distinct')
    return [state(measure.aggregate, integer)]
  if (column === undefined)
    throw badMeasure(measure, 'names no column', 'name the column to aggregate')
  if (measure.aggregate === 'min' || measure.aggregate === 'max')
    return [state(measure.aggregate, column)]
  if (column.kind !== 'integer' && column.kind !== 'decimal' && column.kind !== 'number') {
    throw badMeasure(
      measure,
      `takes the ${measure.aggregate} of "${measure.column}", which holds ${column.kind}`,
      'sum and average need numbers',
    )
  }
  const sum = state('sum', sumType(column))
  return measure.aggregate === 'sum' ? [sum] : [sum, state('count', integer)]
}

function sumType(column: ColumnType): ColumnType {
  return column.kind === 'decimal'
    ? { kind: 'decimal', precision: 38, scale: column.scale }
    : column
}

function badMeasure(measure: Measure, what: string, hint: string): MaruError {
  return new MaruError('METRIC_BAD_QUERY', `metric "${measure.metric}" ${what}`, { hint })
}

/** SQL of a state over the rows of a leg; `value` and `filter` are columns there. */
export function stateSql(
  kind: State['kind'],
  type: ColumnType,
  row: { readonly value?: string; readonly filter?: string },
): string {
  const value = row.value ?? '1'
  const kept = row.filter === undefined ? value : `case when ${row.filter} then ${value} end`
  switch (kind) {
    case 'count':
      return row.filter === undefined && row.value === undefined ? 'count(*)' : `count(${kept})`
    case 'distinct':
      return `count(distinct ${kept})`
    case 'min':
    case 'max':
      return `${kind}(${kept})`
    case 'value':
      return kept
    case 'sum':
      return type.kind === 'number' ? `sum(${kept})` : `cast(sum(${kept}) as ${sqlType(type)})`
  }
}

/** SQL that makes one state of several over disjoint rows. A distinct count has no such: the same value may be among both. */
export function mergedStateSql(state: State): string {
  assert(state.kind !== 'distinct' && state.kind !== 'value', `${state.name} does not add up`)
  const kind = state.kind === 'count' ? 'sum' : state.kind
  return stateSql(kind, state.type, { value: state.name })
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
    case 'number': {
      const text = String(expression.value)
      if (/^-?\d+$/.test(text)) return { sql: text, type: { kind: 'integer' } }
      const scale = /^-?\d+\.(\d+)$/.exec(text)?.[1]!.length
      if (scale === undefined) return { sql: `cast('${text}' as double)`, type: { kind: 'number' } }
      return { sql: text, type: { kind: 'decimal', precision: 38, scale } }
    }
    case 'binary':
      return binaryValue(expression, finaliser)
  }
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

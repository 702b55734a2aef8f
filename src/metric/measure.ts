/**
 * What is computed for the metrics asked about: each comes down to measures, one aggregate over the rows of one activity or object, and
 * arithmetic over them. A measure is made of states (a sum, a count) that SQL aggregates; the finaliser turns states into the value.
 */
import { MaruError } from '../base/errors.ts'
import type { Place } from '../base/errors.ts'
import { suggest } from '../base/nearest.ts'
import type {
  Aggregate,
  Balance,
  CumulativeMetric,
  Formula,
  MetricModel,
  Model,
  Offset,
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
  readonly aggregate: Aggregate
  readonly column?: string
  readonly percentile?: Percentile
  readonly filter?: Predicate
  /** Only the rows that are chosen, each object's in its whole history. The choice holds the filter. */
  readonly choice?: RowChoice
  /** Only the rows at the first or last time that there is one. */
  readonly balance?: Balance
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

export type SpecialNode =
  | Extract<
      MetricModel,
      { kind: 'conversion' | 'funnel' | 'retention' | 'lifecycle' | 'stickiness' }
    >
  | InnerNode

/** A kind over another value. */
export type InnerNode = {
  readonly name: string
  readonly place: Place
  readonly of: Expression
} & (
  | ({ readonly kind: 'cumulative' } & Pick<CumulativeMetric, 'over' | 'across'>)
  | {
      readonly kind: 'offset'
      readonly offset: Offset
      /** The question's range is moved alike; without it the periods of the other time are whole. */
      readonly isRangeMoved?: true
    }
  | { readonly kind: 'total'; readonly by: readonly string[] }
  | { readonly kind: 'calendar' }
  | { readonly kind: 'daily_average' }
)

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

/** By its name or id; MODEL_UNKNOWN_METRIC with the nearest name. */
export function findMetric(model: Model, name: string): MetricModel {
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
  const { name, place } = metric
  const alone = expandKind(model, metric, inside)
  const own: Expression =
    metric.calendar === true
      ? special(`${name}__calendar`, { kind: 'calendar', name, place, of: alone })
      : alone
  return metric.fill === undefined ? own : { kind: 'fill', of: own, value: metric.fill }
}

function expandKind(model: Model, metric: MetricModel, inside: readonly string[]): Expression {
  switch (metric.kind) {
    case 'aggregate': {
      const { name, place } = metric
      const of: Expression = { kind: 'measure', measure: activityMeasure(metric) }
      if (metric.balance?.kind !== 'average') return of
      return special(`${name}__daily`, { kind: 'daily_average', name, place, of })
    }
    case 'object_aggregate':
      return { kind: 'measure', measure: objectMeasure(metric) }
    case 'ratio': {
      const left = expand(model, findMetric(model, metric.numerator), inside)
      const right = expand(model, findMetric(model, metric.denominator), inside)
      return { kind: 'binary', operator: '/', left, right }
    }
    case 'formula':
      return expandFormula(model, metric, { formula: metric.formula, inside })
    case 'cumulative': {
      const { name, place, over, across } = metric
      const of = expand(model, findMetric(model, metric.metric), inside)
      return special(name, { kind: 'cumulative', name, place, of, over, across })
    }
    default:
      return special(metric.name, metric)
  }
}

function special(key: string, node: SpecialNode): Expression {
  return { kind: 'special', special: { key, node } }
}

export function unanswered(
  metric: { readonly name: string; readonly place: Place },
  what: string,
  hint: string = 'ask for the metrics that it is made of',
): MaruError {
  return new MaruError(
    'METRIC_ILLEGAL',
    `metric "${metric.name}" has ${what}, which is not answered yet`,
    { hint, where: metric.place },
  )
}

function expandFormula(
  model: Model,
  metric: MetricModel,
  { formula, inside }: { readonly formula: Formula; readonly inside: readonly string[] },
): Expression {
  const { name, place } = metric
  switch (formula.kind) {
    case 'number':
      return { kind: 'number', value: formula.value }
    case 'metric': {
      let key = formula.name
      let of = expand(model, findMetric(model, formula.name), inside)
      const { offset, total } = formula
      if (offset !== undefined) {
        key +=
          offset.kind === 'back' ? `__back_${offset.count}_${offset.grain}` : `__to_${offset.grain}`
        of = special(key, { kind: 'offset', name, place, of, offset })
      }
      if (total === undefined) return of
      key = [
        `${key}__total`,
        ...total.map((text) => text.replaceAll('.', '__').replace('@', '__')),
      ].join('__by_')
      return special(key, { kind: 'total', name, place, of, by: total })
    }
    case 'binary': {
      const left = expandFormula(model, metric, { formula: formula.left, inside })
      const right = expandFormula(model, metric, { formula: formula.right, inside })
      return { kind: 'binary', operator: formula.operator, left, right }
    }
  }
}

function activityMeasure(metric: Extract<MetricModel, { readonly kind: 'aggregate' }>): Measure {
  const { take, ...choice } = metric.selection
  if (take.kind !== 'aggregate') throw unanswered(metric, 'a column of one row')
  const { aggregate, column, percentile } = take
  const { balance } = metric
  const measure = {
    metric: metric.name,
    rootId: choice.activity,
    aggregate,
    ...(column === undefined ? {} : { column }),
    ...(percentile === undefined ? {} : { percentile }),
    ...(balance === undefined || balance.kind === 'average' ? {} : { balance }),
  }
  if (isChosen(choice)) return { ...measure, choice }
  return { ...measure, ...(choice.filter === undefined ? {} : { filter: choice.filter }) }
}

function objectMeasure(
  metric: Extract<MetricModel, { readonly kind: 'object_aggregate' }>,
): Measure {
  const { name, object, aggregate, column, percentile, filter } = metric
  if (aggregate === 'first' || aggregate === 'last' || aggregate === 'collect') {
    throw new MaruError(
      'METRIC_ILLEGAL',
      `metric "${name}" takes the ${aggregate} of ${object}, whose rows are in no order`,
      { hint: 'take min, max, or a value of an activity', where: metric.place },
    )
  }
  return {
    metric: name,
    rootId: object,
    aggregate,
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

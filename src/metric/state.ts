/** States: what SQL aggregates for a measure over the rows of a leg. */
import { assert, MaruError } from '../base/errors.ts'
import { sqlType } from '../model/column-type.ts'
import type { ColumnType, Percentile } from '../model/model.ts'
import type { Measure } from './measure.ts'
import { percentileOfBins } from './bins.ts'
import { estimateSql } from './sketch.ts'

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
  | 'approximate_distinct'
  | 'percentile'
  | 'approximate_percentile'
  | 'first'
  | 'last'
  | 'collect'
  | 'collect_distinct'
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
  if (aggregate === 'count' || aggregate === 'distinct' || aggregate === 'approximate_distinct')
    return [state(aggregate, integer)]
  if (column === undefined)
    throw badMeasure(measure, 'names no column', 'name the column to aggregate')
  if (aggregate === 'min' || aggregate === 'max' || aggregate === 'first' || aggregate === 'last')
    return [state(aggregate, column)]
  if (aggregate === 'collect' || aggregate === 'collect_distinct')
    return [state(aggregate, { kind: 'list', of: column })]
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
  if (aggregate === 'percentile' || aggregate === 'approximate_percentile')
    return [state(aggregate, { kind: 'number' })]
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
  /** The row's number among those of its group that count, in the order of time; unknown for others. */
  readonly place?: string
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
    case 'approximate_distinct':
      return estimateSql()
    case 'approximate_percentile':
      return percentileOfBins(numberValue(percentile!.fraction).sql)
    case 'collect':
      return listSql(`${value} order by order__occurred_at nulls last, order__key`, row)
    case 'collect_distinct':
      return listSql(`distinct ${value} order by ${value}`, row)
    case 'percentile':
      return percentileSql(percentile!, kept)
    case 'value':
      return kept
    case 'sum':
      return type.kind === 'number' ? `sum(${kept})` : `cast(sum(${kept}) as ${sqlType(type)})`
  }
}

/** The standard's own form. An empty list is unknown. */
function listSql(elements: string, { value, filter }: RowColumns): string {
  const counts = [...(filter === undefined ? [] : [filter]), `${value!} is not null`]
  return `array_agg(${elements}) filter (where ${counts.join(' and ')})`
}

/** The standard's own form, which engines with other interpolations of their own share. */
function percentileSql({ fraction, kind }: Percentile, value: string): string {
  const { sql } = numberValue(fraction)
  return kind === 'discrete'
    ? `percentile_disc(${sql}) within group (order by ${value})`
    : `percentile_cont(${sql}) within group (order by cast(${value} as double))`
}

/** SQL that makes one state of several over disjoint rows. */
export function mergedStateSql(state: State): string {
  assert(isMergeable(state), `${state.name} does not add up`)
  const kind = state.kind === 'count' || state.kind === 'count_true' ? 'sum' : state.kind
  return stateSql({ kind, type: state.type }, { value: state.name })
}

/** A number as SQL, exact where it can be. */
export function numberValue(value: number): Value {
  const text = String(value)
  if (/^-?\d+$/.test(text)) return { sql: text, type: { kind: 'integer' } }
  const scale = /^-?\d+\.(\d+)$/.exec(text)?.[1]!.length
  if (scale === undefined) return { sql: `cast('${text}' as double)`, type: { kind: 'number' } }
  return { sql: text, type: { kind: 'decimal', precision: 38, scale } }
}

export interface Value {
  readonly sql: string
  readonly type: ColumnType
  /** The SQL needs parentheses inside of arithmetic. */
  readonly isCompound?: boolean
}

/**
 * What of an activity's metrics can be kept: each measure's states with the SQL that makes them of rows and merges them of others. A kind of metric is stored as
 * soon as its measures have mergeable states; others are answered from activities.
 */
import { assert, isMaruError } from '../../base/errors.ts'
import { stringifyJson } from '../../base/json.ts'
import type { ColumnType, Model, TableId } from '../../model/model.ts'
import { attach } from '../../plan/attach.ts'
import type { Attachment, AttributePath } from '../../plan/attach.ts'
import { conditionPaths, conditionSql } from '../condition.ts'
import type { BoundCondition } from '../condition.ts'
import { dimensionSql, isValueItself } from '../dimension.ts'
import type { Dimension } from '../dimension.ts'
import { planLeg } from '../leg.ts'
import { askMetric } from '../measure.ts'
import { isMergeable, mergedStateSql, stateSql } from '../state.ts'
import type { State } from '../state.ts'

export interface StoredMeasure {
  readonly metric: string
  readonly states: readonly State[]
  readonly value: Dimension | undefined
  readonly filter: BoundCondition | undefined
  /** The column that says whether the filter let a row through; measures with one filter share it. Absent: every row counts. */
  readonly flag: string | undefined
  /** An exact distinct count: the activity's column whose values are counted. It is never added up; whoever has the values counts them. */
  readonly entity: string | undefined
}

/** Measures over the activity's own rows, by metric. */
export function storedMeasures(model: Model, rootId: TableId): readonly StoredMeasure[] {
  const measures: StoredMeasure[] = []
  const flags = new Map<string, string>()
  for (const metric of model.metrics) {
    if (metric.kind !== 'aggregate' || metric.selection.activity !== rootId) continue
    const bound = bindMeasure(model, rootId, metric.name)
    if (bound === undefined) continue
    const filterText = stringifyJson(metric.selection.filter ?? null)
    if (bound.filter !== undefined && !flags.has(filterText))
      flags.set(filterText, `${metric.name}__rows`)
    measures.push({ ...bound, flag: bound.filter && flags.get(filterText) })
  }
  return measures
}

function bindMeasure(
  model: Model,
  rootId: TableId,
  metric: string,
): Omit<StoredMeasure, 'flag'> | undefined {
  let leg
  try {
    const { expression } = askMetric(model, metric)
    // Which rows are chosen changes with rows of other periods.
    if (expression.kind !== 'measure' || expression.measure.choice !== undefined) return undefined
    // So does which rows a balance takes, with the period that is asked for.
    if (expression.measure.balance !== undefined) return undefined
    const measures = [expression.measure]
    leg = planLeg({ model, rootId, name: 'states', measures, by: [], where: undefined, range: {} })
  } catch (error) {
    // What questions refuse is not stored either; the question says why.
    if (isMaruError(error)) return undefined
    throw error
  }
  const { value, states } = leg.measures[0]!
  // What a reference leads to changes apart from the rows of the period, and a state would keep what it was.
  if (value !== undefined && value.path.references.length > 0) return undefined
  // So does what the object's other activities are.
  const paths = [
    ...(value === undefined ? [] : [value.path]),
    ...leg.conditions.flatMap(conditionPaths),
  ]
  if (paths.some((path) => path.related !== undefined)) return undefined
  const isDistinct = states.some((state) => state.kind === 'distinct')
  if (!isDistinct && !states.every(isMergeable)) return undefined
  const entity = isDistinct ? value?.path.column.name : undefined
  if (isDistinct && (value === undefined || !isValueItself(value))) return undefined
  // Of a measure that is alone, the filter is the leg's condition.
  return { metric, states, value, filter: leg.conditions[0], entity }
}

export interface StateColumn {
  readonly name: string
  readonly kind: 'sum' | 'count' | 'min' | 'max' | 'any'
  readonly type: ColumnType
  /** Over the columns of `rowsSql`. */
  readonly made: string
  /** Over columns of the same name. */
  readonly merged: string
}

/** States that add up over any rows, and the flags of filters. */
export function stateColumns(measures: readonly StoredMeasure[]): readonly StateColumn[] {
  const columns = measures
    .filter((measure) => measure.entity === undefined)
    .flatMap((measure) =>
      measure.states.map((state) => ({
        name: state.name,
        kind: columnKind(state),
        type: state.type,
        made: stateSql(state, rowOf(measure)),
        merged: mergedSql(state),
      })),
    )
  return [...columns, ...flagColumns(measures)]
}

export function flagColumns(measures: readonly StoredMeasure[]): readonly StateColumn[] {
  const flags = new Set(measures.flatMap((measure) => measure.flag ?? []))
  return [...flags].map((name) => {
    const any = `coalesce(bool_or(${name}), false)`
    return { name, kind: 'any', type: { kind: 'boolean' }, made: any, merged: any }
  })
}

function columnKind({ kind }: State): StateColumn['kind'] {
  if (kind === 'count_true') return 'count'
  assert(kind === 'sum' || kind === 'count' || kind === 'min' || kind === 'max', `${kind} adds up`)
  return kind
}

/** A count of nothing is 0, also when it is merged. */
export function mergedSql(state: State): string {
  return state.kind === 'count' || state.kind === 'count_true'
    ? `cast(coalesce(sum(${state.name}), 0) as bigint)`
    : mergedStateSql(state)
}

/** `value` and `filter` as `rowsSql` calls them. */
export function rowOf(measure: StoredMeasure): {
  readonly value?: string
  readonly filter?: string
} {
  return {
    ...(measure.value === undefined ? {} : { value: valueName(measure.value) }),
    ...(measure.flag === undefined ? {} : { filter: measure.flag }),
  }
}

function valueName(value: Dimension): string {
  return `value__${value.text.replaceAll('.', '__').replace('@', '__')}`
}

/** The activity's rows with the columns named, and each measure's value and flag. */
export function rowsSql(
  rows: { readonly model: Model; readonly rootId: TableId },
  columns: readonly string[],
  measures: readonly StoredMeasure[],
): { readonly sql: string; readonly joins: Attachment['joins'] } {
  const values = new Map(
    measures.flatMap(({ value }) => (value === undefined ? [] : [[valueName(value), value]])),
  )
  const filters = new Map(
    measures.flatMap(({ flag, filter }) =>
      flag === undefined || filter === undefined ? [] : [[flag, filter] as const],
    ),
  )
  const paths = [
    ...[...values.values()].map((value) => value.path),
    ...[...filters.values()].flatMap(conditionPaths),
  ]
  const attachment = attach(rows.model, rows.rootId, paths)
  const expressions = new Map(paths.map((path, at) => [path, attachment.expressions[at]!]))
  const expressionOf = (path: AttributePath): string => expressions.get(path)!
  const items = [
    ...columns.map((column) => `${attachment.root.alias}.${column}`),
    ...[...values].map(
      ([name, value]) => `${dimensionSql(value, expressionOf(value.path))} as ${name}`,
    ),
    ...[...filters].map(([name, filter]) => `${conditionSql(filter, expressionOf)} as ${name}`),
  ]
  return {
    sql: `select ${items.length === 0 ? '1 as one' : items.join(',\n    ')}\n  ${fromStates(attachment, attachment.root.table)}`,
    joins: attachment.joins,
  }
}

/** `from` and joins, with another table in the root's place. */
function fromStates(attachment: Attachment, table: string): string {
  return [`from ${table} as ${attachment.root.alias}`, ...joinLines(attachment)].join('\n  ')
}

export function joinLines(attachment: Attachment): readonly string[] {
  return attachment.joins.map(
    (join) => `left join ${join.table} as ${join.alias} on ${join.condition}`,
  )
}

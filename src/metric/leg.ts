/**
 * A leg: the rows of one activity or object, aggregated alone. Legs meet only as finished groups, so that no join can multiply rows.
 * All metrics over the same rows share one scan; a filtered metric is a condition inside of it.
 */
import { sqlType } from '../model/column-type.ts'
import { assert } from '../base/errors.ts'
import type { ScanFilter } from '../lake/lake.ts'
import { filledColumns } from '../model/model.ts'
import type { ColumnType, MetricCondition, Model, TableId } from '../model/model.ts'
import { attach, fromClause } from '../plan/attach.ts'
import type { Attachment, AttributePath } from '../plan/attach.ts'
import { chooseRows } from '../plan/choice.ts'
import {
  bindCondition,
  conditionPaths,
  conditionSql,
  dayRangeFilters,
  joinedConditions,
  pruningFilters,
} from './condition.ts'
import type { BoundCondition, JoinedCondition } from './condition.ts'
import { dimensionSql, resolveDimension } from './dimension.ts'
import type { Dimension } from './dimension.ts'
import { conditionOf } from './filter-language.ts'
import type { Condition, PathToken } from './filter-language.ts'
import { metricCondition } from './metric-condition.ts'
import type { CompileMetric } from './metric-condition.ts'
import type { DayRange } from './inquiry.ts'
import { illegalDimension, timelessRange } from './illegal.ts'
import { isMergeable, mergedStateSql, stateSql, statesOf } from './measure.ts'
import type { Measure, State } from './measure.ts'
import { tableById } from './model-index.ts'

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
  /** Answers a metric that is a condition; without it such a condition is refused. */
  readonly compile?: CompileMetric
}

export function planLeg(request: LegRequest): Leg {
  const { model, rootId, name, range } = request
  const metric = request.measures[0]!.metric
  const resolve = (path: PathToken): Dimension => {
    const dimension = resolveDimension(model, rootId, path.text)
    if (dimension === undefined)
      throw illegalDimension(model, { metric, rootId, text: path.text, offset: path.offset })
    return dimension
  }
  if (tableById(model, rootId)?.kind !== 'activity' && (range.from ?? range.to) !== undefined)
    throw timelessRange(metric, rootId)
  const { compile } = request
  const compareMetric =
    compile === undefined
      ? undefined
      : (condition: MetricCondition): BoundCondition =>
          metricCondition({ model, name, condition, compile }, resolve({ text: condition.path }))
  const dimensions = request.by.map((text) => resolve({ text }))
  const where = request.where === undefined ? undefined : bindCondition(request.where, resolve)
  const conditions = where === undefined ? [] : [where]
  const shared = sharedFilter(request.measures)
  if (shared !== undefined) conditions.push(bindCondition(shared, resolve, compareMetric))
  const measures = request.measures.map((measure): LegMeasure => {
    const value = measure.column === undefined ? undefined : resolve({ text: measure.column })
    const filter =
      measure.choice !== undefined
        ? chosenCondition(model, measure, resolve)
        : measure.filter === undefined || shared !== undefined
          ? undefined
          : bindCondition(conditionOf(measure.filter), resolve, compareMetric)
    return { measure, value, filter, states: statesOf(measure, value?.type) }
  })
  return { model, rootId, name, dimensions, measures, conditions, where, range }
}

/** That the row is one of those chosen. */
function chosenCondition(
  model: Model,
  measure: Measure,
  resolve: (path: PathToken) => Dimension,
): JoinedCondition {
  const root = tableById(model, measure.rootId)
  assert(root?.kind === 'activity' && measure.choice !== undefined, 'activities are chosen')
  const name = `chosen__${measure.metric}`
  const chosen = chooseRows({ model, choice: measure.choice, name, columns: {} })
  return {
    kind: 'joined',
    dimension: resolve({ text: root.key }),
    rows: chosen.rows,
    key: 'event_id',
    sql: `${chosen.rows}.event_id is not null`,
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

export interface LegSql {
  /** `name as (…)` */
  readonly ctes: readonly string[]
  readonly groups: string
  readonly reads: readonly { readonly table: string; readonly filters: readonly ScanFilter[] }[]
}

/** `slugs` names the dimensions inside of the statement. */
export function legSql(leg: Leg, slugs: readonly string[]): LegSql {
  const paths = legPaths(leg)
  const attachment = attach(leg.model, leg.rootId, paths)
  const expressions = new Map(paths.map((path, at) => [path, attachment.expressions[at]!]))
  const expressionOf = (path: AttributePath): string => {
    const expression = expressions.get(path)
    assert(expression !== undefined, 'a path of a leg was not attached')
    return expression
  }
  const isByDay = canAddUpDays(leg)
  const items = isByDay
    ? [`${expressionOf(leg.dimensions[0]!.path)} as ${filledColumns.day}`]
    : leg.dimensions.map((dimension, at) => {
        return `${dimensionSql(dimension, expressionOf(dimension.path))} as ${slugs[at]!}`
      })
  const valueNames = new Map<string, string>()
  for (const { value } of leg.measures) {
    if (value === undefined || valueNames.has(value.text)) continue
    const name = `value__${value.text.replaceAll('.', '__').replace('@', '__')}`
    valueNames.set(value.text, name)
    items.push(`${dimensionSql(value, expressionOf(value.path))} as ${name}`)
  }
  for (const { measure, filter } of leg.measures) {
    if (filter !== undefined)
      items.push(`${conditionSql(filter, expressionOf)} as is__${measure.metric}`)
  }
  if (leg.measures.some(({ measure }) => ['first', 'last'].includes(measure.aggregate))) {
    const root = tableById(leg.model, leg.rootId)
    assert(root?.kind === 'activity', 'activities are in an order')
    const { alias } = attachment.root
    items.push(`${alias}.occurred_at as order__occurred_at`, `${alias}.${root.key} as order__key`)
  }
  if (items.length === 0) items.push('1 as one')
  const conditions = rowConditions(leg, attachment, expressionOf)
  const joined = joinsOf(leg)
  const joins = joined.map(
    ({ rows: other, key, dimension }) =>
      `\n  left join ${other} on ${other}.${key} = ${expressionOf(dimension.path)}`,
  )
  const rows = `${leg.name}_row as (
  select
    ${items.join(',\n    ')}
  ${fromClause(attachment).replaceAll('\n', '\n  ')}${joins.join('')}${conditions.length === 0 ? '' : `\n  where ${conditions.join('\n    and ')}`}
)`
  return {
    ctes: [
      ...joined.flatMap(({ ctes }) => ctes),
      rows,
      ...(isByDay
        ? dayCtes(leg, slugs, valueNames)
        : [groupCte('group', { leg, keys: slugs, valueNames })]),
    ],
    groups: `${leg.name}_group`,
    reads: readsOf(leg, attachment),
  }
}

function joinsOf(leg: Leg): readonly JoinedCondition[] {
  const filters = leg.measures.flatMap(({ filter }) => filter ?? [])
  const joined = [...leg.conditions, ...filters].flatMap(joinedConditions)
  return [...new Map(joined.map((condition) => [condition.rows, condition])).values()]
}

function legPaths(leg: Leg): readonly AttributePath[] {
  const measurePaths = leg.measures.flatMap(({ value, filter }) => [
    ...(value === undefined ? [] : [value.path]),
    ...(filter === undefined ? [] : conditionPaths(filter)),
  ])
  return [
    ...leg.dimensions.map((dimension) => dimension.path),
    ...measurePaths,
    ...leg.conditions.flatMap(conditionPaths),
  ]
}

function rowConditions(
  leg: Leg,
  attachment: Attachment,
  expressionOf: (path: AttributePath) => string,
): readonly string[] {
  const { from, to } = leg.range
  const day = `${attachment.root.alias}.${filledColumns.day}`
  const conditions: string[] = []
  if (attachment.condition !== undefined) conditions.push(attachment.condition)
  if (from !== undefined) conditions.push(`${day} >= date '${from}'`)
  if (to !== undefined) conditions.push(`${day} < date '${to}'`)
  for (const condition of leg.conditions) {
    const sql = conditionSql(condition, expressionOf)
    conditions.push(condition.kind === 'or' ? `(${sql})` : sql)
  }
  return conditions
}

/**
 * Whether all dimensions are calendar words of the day and every state adds up over days (a distinct count and a percentile do not). Then rows are grouped by
 * day and the days by month: truncating a date for each row costs as much as all the rest of the scan.
 */
function canAddUpDays(leg: Leg): boolean {
  const isOfDay = leg.dimensions.every(({ path, calendar }) => {
    return (
      calendar !== undefined &&
      path.references.length === 0 &&
      path.column.name === filledColumns.day
    )
  })
  const states = leg.measures.flatMap((measure) => measure.states)
  return leg.dimensions.length > 0 && isOfDay && states.every(isMergeable)
}

function dayCtes(
  leg: Leg,
  slugs: readonly string[],
  valueNames: ReadonlyMap<string, string>,
): readonly string[] {
  const { day } = filledColumns
  const states = leg.measures.flatMap((measure) => measure.states)
  const words = leg.dimensions.map(
    (dimension, at) => `${dimensionSql(dimension, day)} as ${slugs[at]!}`,
  )
  const merged = states.map((state) => `${mergedStateSql(state)} as ${state.name}`)
  return [
    groupCte('day', { leg, keys: [day], valueNames }),
    `${leg.name}_period as (
  select
    ${[...words, ...states.map((state) => state.name)].join(',\n    ')}
  from ${leg.name}_day
)`,
    `${leg.name}_group as (
  select
    ${[...slugs, ...merged].join(',\n    ')}
  from ${leg.name}_period
  group by ${slugs.join(', ')}
)`,
  ]
}

interface GroupedRows {
  readonly leg: Leg
  readonly keys: readonly string[]
  readonly valueNames: ReadonlyMap<string, string>
}

/** `group`, or `day` when the days are added up afterwards. */
function groupCte(name: string, { leg, keys, valueNames }: GroupedRows): string {
  const states = leg.measures.flatMap(({ measure, value, filter, states: own }) => {
    return own.map((state) => {
      const row = {
        ...(value === undefined ? {} : { value: valueNames.get(value.text)! }),
        ...(filter === undefined ? {} : { filter: `is__${measure.metric}` }),
        place: `place__${measure.metric}`,
        size: `size__${measure.metric}`,
      }
      return `${stateSql(state, row)} as ${state.name}`
    })
  })
  // A group is there when at least one of the metrics has a row in it.
  const isFiltered = leg.measures.every((measure) => measure.filter !== undefined)
  const filters = leg.measures.map(({ measure }) => `is__${measure.metric}`)
  const rows = placedRows({ leg, keys, valueNames })
  const lines = [`select`, `    ${[...keys, ...states].join(',\n    ')}`, `  from ${rows}`]
  if (isFiltered) lines.push(`  where ${filters.join(' or ')}`)
  if (keys.length > 0) lines.push(`  group by ${keys.join(', ')}`)
  return `${leg.name}_${name} as (\n  ${lines.join('\n')}\n)`
}

/** Of these some row of a group is taken. */
function isPlaced({ aggregate }: Measure): boolean {
  return aggregate === 'first' || aggregate === 'last' || aggregate === 'percentile'
}

/** The rows with their places in their groups, for measures that take a row of them. */
function placedRows({ leg, keys, valueNames }: GroupedRows): string {
  const places = leg.measures.flatMap(({ measure, value, filter }) => {
    if (!isPlaced(measure)) return []
    const isOfValue = measure.aggregate === 'percentile'
    const name = valueNames.get(value!.text)!
    // What happened at no known time is neither the first nor the last.
    const counts = [
      `${isOfValue ? name : 'order__occurred_at'} is not null`,
      ...(filter === undefined ? [] : [`is__${measure.metric}`]),
    ].join(' and ')
    const down = measure.aggregate === 'last' ? ' desc' : ''
    const order = isOfValue ? name : `order__occurred_at${down}, order__key${down}`
    const group = [...keys, `case when ${counts} then 1 end`].join(', ')
    const size = keys.length === 0 ? '' : `partition by ${keys.join(', ')}`
    return [
      `case when ${counts} then row_number() over (partition by ${group} order by ${order}) end as place__${measure.metric}`,
      ...(isOfValue
        ? [`count(case when ${counts} then 1 end) over (${size}) as size__${measure.metric}`]
        : []),
    ]
  })
  if (places.length === 0) return `${leg.name}_row`
  return `(\n    select *,\n      ${places.join(',\n      ')}\n    from ${leg.name}_row\n  ) as placed`
}

function readsOf(leg: Leg, attachment: Attachment): LegSql['reads'] {
  const root = tableById(leg.model, leg.rootId)!
  const filters = [
    ...dayRangeFilters(leg.range.from, leg.range.to),
    ...leg.conditions.flatMap((condition) => pruningFilters(condition, root)),
  ]
  return [
    { table: attachment.root.table, filters },
    ...attachment.joins.map((join) => ({ table: join.table, filters: [] })),
    ...joinsOf(leg).flatMap(({ reads }) => reads.map((table) => ({ table, filters: [] }))),
  ]
}

/** The columns of a leg's groups as one arm of a union: states of other legs are null. */
export function unionArm(
  leg: { readonly groups: string; readonly states: readonly State[] },
  slugs: readonly string[],
  all: readonly State[],
): string {
  const own = new Set(leg.states.map((state) => state.name))
  const columns = [
    ...slugs,
    ...all.map((state) => (own.has(state.name) ? state.name : nullState(state))),
  ]
  return `  select ${columns.join(', ')}\n  from ${leg.groups}`
}

export function nullState(state: { readonly name: string; readonly type: ColumnType }): string {
  return `cast(null as ${sqlType(state.type)}) as ${state.name}`
}

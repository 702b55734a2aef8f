/** A leg as SQL: its rows in one CTE, and what they are grouped to. */
import { assert } from '../base/errors.ts'
import type { ScanFilter } from '../lake/lake.ts'
import { sqlType } from '../model/column-type.ts'
import { filledColumns } from '../model/model.ts'
import type { ColumnType } from '../model/model.ts'
import { fromClause } from '../plan/attach.ts'
import { attachRelated } from '../plan/related.ts'
import type { Attachment, AttributePath } from '../plan/attach.ts'
import {
  conditionPaths,
  conditionSql,
  dayRangeFilters,
  joinedConditions,
  pruningFilters,
} from './condition.ts'
import type { JoinedCondition } from './condition.ts'
import { binRows } from './bins.ts'
import { dimensionSql } from './dimension.ts'
import { isSketched } from './leg.ts'
import type { Leg } from './leg.ts'
import type { Measure } from './measure.ts'
import { tableById } from './model-index.ts'
import { registerRows } from './sketch.ts'
import { isMergeable, mergedStateSql, stateSql } from './state.ts'
import type { State } from './state.ts'

export interface LegSql {
  /** `name as (…)` */
  readonly ctes: readonly string[]
  readonly groups: string
  readonly reads: readonly { readonly table: string; readonly filters: readonly ScanFilter[] }[]
}

/** `slugs` names the dimensions inside of the statement. */
export function legSql(leg: Leg, slugs: readonly string[]): LegSql {
  const isByDay = canAddUpDays(leg)
  const rows = legRows(leg, ({ expressionOf }) =>
    isByDay
      ? [`${expressionOf(leg.dimensions[0]!.path)} as ${filledColumns.day}`]
      : leg.dimensions.map((dimension, at) => {
          return `${dimensionSql(dimension, expressionOf(dimension.path))} as ${slugs[at]!}`
        }),
  )
  const { ctes, valueNames, reads } = rows
  const edge = leg.balance === undefined ? undefined : `${leg.name}_edge`
  const grouped = { leg, keys: slugs, valueNames, ...(edge === undefined ? {} : { rows: edge }) }
  return {
    ctes: [
      ...ctes,
      ...(edge === undefined ? [] : [edgeCte(edge, { leg, rows: `${leg.name}_row`, keys: [] })]),
      ...(isByDay ? dayCtes(grouped) : [groupCte(`${leg.name}_group`, grouped)]),
    ],
    groups: `${leg.name}_group`,
    reads,
  }
}

export interface LegRows {
  /** The last is `<leg>_row`: what is asked for, and each measure's value, filter and order. */
  readonly ctes: readonly string[]
  /** The column of each value, by its path. */
  readonly valueNames: ReadonlyMap<string, string>
  readonly reads: LegSql['reads']
}

export interface RowScope {
  readonly alias: string
  readonly expressionOf: (path: AttributePath) => string
}

/** The leg's rows; `itemsOf` says which columns they have beside the measures'. */
export function legRows(leg: Leg, itemsOf: (scope: RowScope) => readonly string[]): LegRows {
  const paths = legPaths(leg)
  const attachment = attachRelated(leg.model, leg.rootId, paths, leg.range)
  const expressions = new Map(paths.map((path, at) => [path, attachment.expressions[at]!]))
  const expressionOf = (path: AttributePath): string => {
    const expression = expressions.get(path)
    assert(expression !== undefined, 'a path of a leg was not attached')
    return expression
  }
  const { alias } = attachment.root
  const items = [...itemsOf({ alias, expressionOf })]
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
  if (leg.measures.some(({ measure }) => isPlaced(measure) || measure.aggregate === 'collect')) {
    const root = tableById(leg.model, leg.rootId)
    assert(root?.kind === 'activity', 'activities are in an order')
    items.push(`${alias}.occurred_at as order__occurred_at`, `${alias}.${root.key} as order__key`)
  }
  for (const [at, dimension] of (leg.balance?.same ?? []).entries())
    items.push(`${dimensionSql(dimension, expressionOf(dimension.path))} as balance__same_${at}`)
  if (leg.balance !== undefined) items.push(`${alias}.occurred_at as balance__at`)
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
    ctes: [...joined.flatMap(({ ctes }) => ctes), rows],
    valueNames,
    reads: readsOf(leg, attachment),
  }
}

/** Of a balance's rows those at the first or last time, of all that have the same keys and are of the same. */
export function edgeCte(
  name: string,
  { leg, rows, keys }: Pick<GroupedRows, 'leg' | 'keys'> & { readonly rows: string },
): string {
  const { balance } = leg
  assert(balance !== undefined, 'a balance has edges')
  const edge = `${balance.kind === 'first' ? 'min' : 'max'}(balance__at)`
  const same = [...keys, ...balance.same.map((_, at) => `balance__same_${at}`)]
  const partition = same.length === 0 ? '' : `partition by ${same.join(', ')}`
  return `${name} as (
  select *
  from (
    select *, ${edge} over (${partition}) as balance__edge
    from ${rows}
  ) as edged
  where balance__at = balance__edge
)`
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
    ...[...leg.dimensions, ...(leg.balance?.same ?? [])].map((dimension) => dimension.path),
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

function dayCtes(grouped: GroupedRows): readonly string[] {
  const { leg, keys: slugs } = grouped
  const { day } = filledColumns
  const states = leg.measures.flatMap((measure) => measure.states)
  const words = leg.dimensions.map(
    // A looked up calendar may have a column of that name too.
    (dimension, at) => `${dimensionSql(dimension, `${leg.name}_day.${day}`)} as ${slugs[at]!}`,
  )
  const merged = states.map((state) => `${mergedStateSql(state)} as ${state.name}`)
  return [
    groupCte(`${leg.name}_day`, { ...grouped, keys: [day] }),
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

export interface GroupedRows {
  readonly leg: Leg
  readonly keys: readonly string[]
  readonly valueNames: ReadonlyMap<string, string>
  /** The CTE of the rows; absent: the leg's. */
  readonly rows?: string
}

export function groupCte(name: string, grouped: GroupedRows): string {
  const { leg, keys, valueNames } = grouped
  const states = leg.measures.flatMap(({ measure, value, filter, states: own }) => {
    return own.map((state) => {
      const row = {
        ...(value === undefined ? {} : { value: valueNames.get(value.text)! }),
        ...(filter === undefined ? {} : { filter: `is__${measure.metric}` }),
        place: `place__${measure.metric}`,
      }
      return `${stateSql(state, row)} as ${state.name}`
    })
  })
  const from = `${placedRows(grouped)}${countedWhere(leg).replace(' where', '\n  where')}`
  // A sketch is alone in its leg.
  const [sketched] = leg.measures.filter(({ measure }) => isSketched(measure.aggregate))
  const summary = sketched?.measure.aggregate === 'approximate_percentile' ? binRows : registerRows
  const rows =
    sketched === undefined
      ? from
      : summary({ from, keys, value: valueNames.get(sketched.value!.text)! })
  const lines = [`select`, `    ${[...keys, ...states].join(',\n    ')}`, `  from ${rows}`]
  if (keys.length > 0) lines.push(`  group by ${keys.join(', ')}`)
  return `${name} as (\n  ${lines.join('\n')}\n)`
}

/** A group is there when at least one of the metrics has a row in it. */
export function countedWhere({ measures }: Leg): string {
  const isFiltered = measures.every((measure) => measure.filter !== undefined)
  const filters = measures.map(({ measure }) => `is__${measure.metric}`)
  return isFiltered ? ` where ${filters.join(' or ')}` : ''
}

/** Of these one row of a group is taken. */
function isPlaced({ aggregate }: Measure): boolean {
  return aggregate === 'first' || aggregate === 'last'
}

/** The rows with their places in their groups, for measures that take a row of them. */
function placedRows({ leg, keys, rows = `${leg.name}_row` }: GroupedRows): string {
  const places = leg.measures.flatMap(({ measure, filter }) => {
    if (!isPlaced(measure)) return []
    // What happened at no known time is neither the first nor the last.
    const counts = [
      'order__occurred_at is not null',
      ...(filter === undefined ? [] : [`is__${measure.metric}`]),
    ].join(' and ')
    const down = measure.aggregate === 'last' ? ' desc' : ''
    const order = `order__occurred_at${down}, order__key${down}`
    const group = [...keys, `case when ${counts} then 1 end`].join(', ')
    return [
      `case when ${counts} then row_number() over (partition by ${group} order by ${order}) end as place__${measure.metric}`,
    ]
  })
  if (places.length === 0) return rows
  return `(\n    select *,\n      ${places.join(',\n      ')}\n    from ${rows}\n  ) as placed`
}

function readsOf(leg: Leg, attachment: Attachment): LegSql['reads'] {
  const root = tableById(leg.model, leg.rootId)!
  const filters = [
    ...dayRangeFilters(leg.range.from, leg.range.to),
    ...leg.conditions.flatMap((condition) => pruningFilters(condition, root)),
  ]
  return [
    { table: attachment.root.table, filters },
    ...attachment.joined.map((table) => ({ table, filters: [] })),
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

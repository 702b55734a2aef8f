/** Derived attributes by their definition: at each instant that can change one, its choice is made anew among the activities up to there. */
import { assert } from '../base/errors.ts'
import type { AggregateTake, ColumnType, Model, Selection, TableId, Take } from '../model/model.ts'
import { resolvePath } from './attach.ts'
import { chooseRows } from './choice.ts'
import type { History } from './choice.ts'
import { mapSelect } from './map-json.ts'

export interface ChosenAttribute {
  readonly histories: readonly History[]
  /** After `running`. */
  readonly lookup: readonly string[]
  readonly join: string
  /** Over the CTE that is joined. */
  readonly value: string
}

/** What no attribute can take yet; undefined when it is answered. */
export function unansweredTake(selection: Selection): string | undefined {
  const { selector, take, map } = selection
  if (map === true && take.kind === 'aggregate' && lists.has(take.aggregate))
    return `the aggregate ${take.aggregate} by \`per\``
  return take.kind === 'column' && selector.kind === 'all' ? 'no row of its own' : undefined
}

const lists: ReadonlySet<string> = new Set(['collect', 'collect_distinct'])

export interface AttributeRequest {
  readonly model: Model
  readonly object: TableId
  readonly selection: Selection
  readonly index: number
  /** SQL. */
  readonly type: string
}

export function chosenAttribute(request: AttributeRequest): ChosenAttribute {
  const { model, object, selection, index, type } = request
  const name = `chosen_${index}`
  const { take, map: _map, ...choice } = selection
  const chosen = chooseRows({
    model,
    choice,
    name,
    columns: { taken: take.column ?? 'occurred_at' },
    object,
    scope: { kind: 'instants', name: `asked_${index}` },
  })
  const found = `found_${index}`
  return {
    histories: chosen.histories,
    lookup: [
      `asked_${index} as (\n  select object_key, happened_at as asked_at\n  from running\n)`,
      ...chosen.ctes,
      takenCte(model, selection, { name: found, rows: chosen.rows, keys: 'object_key, asked_at' }),
    ],
    join: `left join ${found} on ${found}.object_key = running.object_key and ${found}.asked_at = running.happened_at`,
    value: takenValue(selection, { rows: found, type }),
  }
}

interface Taking {
  readonly name: string
  /** A CTE of chosen rows, with what is read of them as `taken`. */
  readonly rows: string
  /** Who asks. */
  readonly keys: string
}

/** A CTE of (keys, taken), for those who have a chosen row. */
export function takenCte(
  model: Model,
  { activity, take, per, map }: Selection,
  { name, rows, keys }: Taking,
): string {
  const value = take.kind === 'column' ? 'max(taken)' : aggregateSql(take)
  const isOrdered = take.kind === 'aggregate' && ordered.has(take.aggregate)
  if (map !== true)
    return `${name} as (
  select ${keys}, ${value} as taken
  from ${isOrdered ? inOrder(rows, keys) : rows}
  group by ${keys}
)`
  const typeOf = (path: string): ColumnType => resolvePath(model, activity, path)!.column.type
  const parts = `${keys}, per_value`
  const each = `select ${keys}, per_value as map_key, ${value} as map_value
      from ${isOrdered ? inOrder(rows, parts) : rows}
      where per_value is not null
      group by ${parts}`
  const valueType = valueTypeOf(take, take.column === undefined ? undefined : typeOf(take.column))
  return `${name} as (
  ${mapSelect({ rows: each, keys, keyType: typeOf(per!), valueType })}
)`
}

/** The kind of what is taken. */
function valueTypeOf(take: Take, column: ColumnType | undefined): ColumnType {
  if (take.kind === 'column') return column!
  const { aggregate, percentile } = take
  if (aggregate === 'any') return { kind: 'boolean' }
  if (counts.has(aggregate)) return { kind: 'integer' }
  const isBetween =
    aggregate === 'average' ||
    aggregate === 'approximate_percentile' ||
    percentile?.kind === 'continuous'
  return isBetween ? { kind: 'number' } : column!
}

const ordered: ReadonlySet<string> = new Set(['first', 'last'])

function inOrder(rows: string, keys: string): string {
  return `(
    select ${keys}, taken,
      row_number() over (partition by ${keys} order by occurred_at, event_id) as place,
      row_number() over (partition by ${keys} order by occurred_at desc, event_id desc) as place_from_end
    from ${rows}
  ) as chosen`
}

/** What is taken, also for those who have none. `type` is SQL. */
export function takenValue(
  { take, map }: Selection,
  { rows, type }: { readonly rows: string; readonly type: string },
): string {
  const empty = take.kind === 'column' || map === true ? undefined : emptyValue(take)
  const taken = `${rows}.taken`
  return `cast(${empty === undefined ? taken : `coalesce(${taken}, ${empty})`} as ${type})`
}

function aggregateSql({ aggregate, column, percentile }: AggregateTake): string {
  switch (aggregate) {
    case 'count':
      return column === undefined ? 'count(*)' : 'count(taken)'
    case 'distinct':
    // One object's activities are few enough to be counted exactly.
    case 'approximate_distinct':
      return 'count(distinct taken)'
    case 'collect':
      return 'array_agg(taken order by occurred_at, event_id) filter (where taken is not null)'
    case 'collect_distinct':
      return 'array_agg(distinct taken order by taken) filter (where taken is not null)'
    case 'count_true':
      return 'count(case when taken then 1 end)'
    case 'any':
      return 'count(*) > 0'
    case 'average':
      return 'cast(sum(taken) as double) / nullif(count(taken), 0)'
    case 'first':
      return 'max(case when place = 1 then taken end)'
    case 'last':
      return 'max(case when place_from_end = 1 then taken end)'
    // So is the percentile of one object.
    case 'approximate_percentile':
    case 'percentile': {
      assert(percentile !== undefined, 'a percentile has its fraction')
      return percentile.kind === 'discrete'
        ? `percentile_disc(${percentile.fraction}) within group (order by taken)`
        : `percentile_cont(${percentile.fraction}) within group (order by cast(taken as double))`
    }
    default:
      return `${aggregate}(taken)`
  }
}

const counts: ReadonlySet<string> = new Set([
  'count',
  'count_true',
  'distinct',
  'approximate_distinct',
])

function emptyValue({ aggregate }: AggregateTake): string | undefined {
  if (aggregate === 'any') return 'false'
  return counts.has(aggregate) ? '0' : undefined
}

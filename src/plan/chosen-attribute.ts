/** Derived attributes by their definition: at each instant that can change one, its choice is made anew among the activities up to there. */
import { assert } from '../base/errors.ts'
import type { AggregateTake, Model, Selection, TableId, Take } from '../model/model.ts'
import { chooseRows } from './choice.ts'
import type { History } from './choice.ts'

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
  const { selector, take } = selection
  if (selection.map === true) return '`per`'
  if (take.kind === 'column') return selector.kind === 'all' ? 'no row of its own' : undefined
  return refusedAggregates.has(take.aggregate) ? `the aggregate ${take.aggregate}` : undefined
}

const refusedAggregates: ReadonlySet<string> = new Set([
  'approximate_distinct',
  'collect',
  'collect_distinct',
])

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
  const { take, ...choice } = selection
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
      takenCte({ name: found, rows: chosen.rows, keys: 'object_key, asked_at', take }),
    ],
    join: `left join ${found} on ${found}.object_key = running.object_key and ${found}.asked_at = running.happened_at`,
    value: takenValue(take, { rows: found, type }),
  }
}

interface Taking {
  readonly name: string
  /** A CTE of chosen rows, with what is read of them as `taken`. */
  readonly rows: string
  /** Who asks. */
  readonly keys: string
  readonly take: Take
}

/** A CTE of (keys, taken), for those who have a chosen row. */
export function takenCte({ name, rows, keys, take }: Taking): string {
  const value = take.kind === 'column' ? 'max(taken)' : aggregateSql(take)
  const isOrdered = take.kind === 'aggregate' && ordered.has(take.aggregate)
  return `${name} as (
  select ${keys}, ${value} as taken
  from ${isOrdered ? inOrder(rows, keys) : rows}
  group by ${keys}
)`
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
  take: Take,
  { rows, type }: { readonly rows: string; readonly type: string },
): string {
  const empty = emptyValue(take.kind === 'column' ? undefined : take)
  const taken = `${rows}.taken`
  return `cast(${empty === undefined ? taken : `coalesce(${taken}, ${empty})`} as ${type})`
}

function aggregateSql({ aggregate, column, percentile }: AggregateTake): string {
  switch (aggregate) {
    case 'count':
      return column === undefined ? 'count(*)' : 'count(taken)'
    case 'distinct':
      return 'count(distinct taken)'
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

function emptyValue(take: AggregateTake | undefined): string | undefined {
  if (take?.aggregate === 'any') return 'false'
  return take?.aggregate === 'count' ||
    take?.aggregate === 'distinct' ||
    take?.aggregate === 'count_true'
    ? '0'
    : undefined
}

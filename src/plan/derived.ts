/**
 * Attributes derived from activities, as versions. Each attribute is a function of (object, instant): at t it sees the activities with
 * occurred_at ≤ t, and with `within d` only those whose occurred_at + d > t. It can change only at the instants occurred_at and occurred_at + d, so
 * these are the candidates; the caller drops candidates at which nothing changed.
 *
 * Counts and sums are running totals of what enters and leaves the window (exact for decimals, linear in the activities). First, last and nth are
 * carried forward from the activity that set them. Everything else is chosen anew at each candidate (`chosen-attribute.ts`).
 */
import { assert, isMaruError, MaruError } from '../base/errors.ts'
import { sqlType } from '../model/column-type.ts'
import type {
  ActivityModel,
  AttributesModel,
  DerivedAttribute,
  Model,
  Predicate,
  Selection,
} from '../model/model.ts'
import { interval, referenceTo } from './choice.ts'
import { chosenAttribute, unansweredTake } from './chosen-attribute.ts'
import { predicateSql } from './predicate.ts'

/** One SELECT of (key, valid_from, the attributes in order). */
export function derivedSelect(model: Model, table: AttributesModel): string {
  assert(table.from.kind === 'derived', `${table.id} is derived`)
  refuseUnanswered(model, table)
  const parts = table.from.attributes.map((attribute, index) =>
    attributeParts(model, table, { attribute, index }),
  )
  const names = parts.flatMap((part) => part.moveColumns)
  const moves = parts.flatMap((part) => part.moves.map((move) => moveSelect(names, move)))
  const ctes = [
    ...parts.flatMap((part) => part.ctes),
    `move as (\n${moves.join('\n  union all\n')}\n)`,
    `moved as (
  select object_key, happened_at${names.map((name) => `,\n    ${name.combine}(${name.name}) as ${name.name}`).join('')}
  from move
  group by object_key, happened_at
)`,
    `running as (
  select object_key, happened_at${parts.map((part) => part.running).join('')}
  from moved
)`,
    ...parts.flatMap((part) => part.lookup ?? []),
  ]
  const joins = parts.flatMap((part) => part.join ?? [])
  return `with ${ctes.join(',\n')}
select running.object_key as ${table.key}, running.happened_at as valid_from${parts.map((part) => `,\n  ${part.value}`).join('')}
from running${joins.map((join) => `\n${join}`).join('')}`
}

/** Throws METRIC_ILLEGAL for a selection that says more than this file answers. */
export function refuseUnanswered(model: Model, table: AttributesModel): void {
  if (table.from.kind !== 'derived') return
  for (const { name, selection } of table.from.attributes) {
    const what = unanswered(model, table, selection)
    if (what === undefined) continue
    throw new MaruError(
      'METRIC_ILLEGAL',
      `the attribute "${name}" of ${table.id} has ${what}, which attributes cannot have yet`,
      { hint: 'write it as an attribute from SQL', where: table.place },
    )
  }
}

function unanswered(
  model: Model,
  table: AttributesModel,
  selection: Selection,
): string | undefined {
  const what = unansweredTake(selection)
  if (what !== undefined || isRunning(selection)) return what
  try {
    chosenAttribute({ model, object: table.object, selection, index: 0, type: '' })
    return undefined
  } catch (error) {
    if (isMaruError(error) && error.code === 'METRIC_ILLEGAL') return error.message
    throw error
  }
}

/** Whether running totals and values that are carried forward answer it; any other choice is made anew at each instant. */
function isRunning(selection: Selection): boolean {
  const { of, window, same, keep, per, selector, take, filter } = selection
  if ([of, window, same, keep, per].some((part) => part !== undefined)) return false
  if (selector.kind === 'nth' && selector.counted !== undefined) return false
  if (take.column?.includes('.') === true || (filter !== undefined && leavesRow(filter)))
    return false
  return take.kind === 'column' || (selector.kind === 'all' && running.has(take.aggregate))
}

const running: ReadonlySet<string> = new Set(['count', 'distinct', 'sum', 'average', 'min', 'max'])

/** Whether a condition needs more than the activity's own columns. */
function leavesRow(predicate: Predicate): boolean {
  switch (predicate.kind) {
    case 'and':
    case 'or':
      return predicate.operands.some(leavesRow)
    case 'not':
      return leavesRow(predicate.operand)
    case 'metric':
      return true
    default:
      return predicate.path.includes('.')
  }
}

interface MoveColumn {
  readonly name: string
  readonly type: string
  readonly combine: 'sum' | 'min' | 'max'
}

interface Move {
  readonly from: string
  readonly at: string
  readonly values: Readonly<Record<string, string>>
  readonly where?: string
}

interface AttributeParts {
  readonly ctes: readonly string[]
  readonly moveColumns: readonly MoveColumn[]
  readonly moves: readonly Move[]
  /** Columns of `running`, each beginning with a comma. */
  readonly running: string
  readonly lookup?: readonly string[]
  readonly join?: string
  readonly value: string
}

interface Numbered {
  readonly attribute: DerivedAttribute
  readonly index: number
}

function attributeParts(model: Model, table: AttributesModel, numbered: Numbered): AttributeParts {
  const { selection } = numbered.attribute
  if (!isRunning(selection)) return chosenParts(model, table, numbered)
  const event = eventCte(model, table, numbered)
  if (isAdditive(model, selection))
    return additiveParts(event, numbered, { table, floating: takesNumber(model, selection) })
  if (selection.within !== undefined) return chosenParts(model, table, numbered)
  if (selection.take.kind === 'aggregate') return extremeParts(event, numbered, table)
  return carriedParts(event, numbered, table)
}

/** Floating sums do not come back to where they were when what entered leaves again, so within a window they are looked up. */
function isAdditive(model: Model, selection: Selection): boolean {
  if (selection.take.kind !== 'aggregate' || selection.selector.kind !== 'all') return false
  if (selection.take.aggregate === 'count' || selection.take.aggregate === 'distinct') return true
  if (selection.take.aggregate !== 'sum' && selection.take.aggregate !== 'average') return false
  return selection.within === undefined || !takesNumber(model, selection)
}

function takesNumber(model: Model, selection: Selection): boolean {
  const column = model.tables
    .find((each) => each.id === selection.activity)
    ?.columns.find((each) => each.name === selection.take.column)
  return column?.type.kind === 'number'
}

/** The activities that a selection sees, numbered per object in order. */
function eventCte(model: Model, table: AttributesModel, { attribute, index }: Numbered): string {
  const { selection } = attribute
  const activity = model.tables.find((each) => each.id === selection.activity) as ActivityModel
  const reference = referenceTo(activity, table.object)
  const column = selection.take.column ?? 'occurred_at'
  const filter =
    selection.filter === undefined
      ? ''
      : `\n    and ${predicateSql({ kind: 'and', operands: [selection.filter] }, { expression: (path) => path, type: (path) => activity.columns.find((each) => each.name === path)!.type })}`
  const expires =
    selection.within === undefined
      ? ''
      : `,\n    occurred_at + ${interval(selection.within)} as expires_at`
  return `event_${index} as (
  select ${reference} as object_key, occurred_at, ${activity.key} as event_id, ${column} as taken${expires},
    row_number() over (partition by ${reference} order by occurred_at, ${activity.key}) as place,
    row_number() over (partition by ${reference}, occurred_at order by ${activity.key} desc) as place_from_end
  from ${activity.id}
  where ${reference} is not null and occurred_at is not null${filter}
)`
}

/** count, sum, average, distinct: what enters at occurred_at and leaves when it expires. */
function additiveParts(
  event: string,
  { attribute, index }: Numbered,
  { table, floating }: { readonly table: AttributesModel; readonly floating: boolean },
): AttributeParts {
  const take = attribute.selection.take
  assert(take.kind === 'aggregate', 'additive attributes aggregate')
  const within = attribute.selection.within !== undefined
  const count = `count_${index}`
  const total = `total_${index}`
  const sums = take.aggregate === 'sum' || take.aggregate === 'average'
  const type = columnType(table, attribute.name)
  const totalType = take.aggregate !== 'average' ? type : floating ? 'double' : 'decimal(38, 9)'
  const distinct = take.aggregate === 'distinct'
  const source = distinct ? `span_${index}` : `event_${index}`
  const known =
    take.aggregate === 'count' && take.column === undefined ? undefined : 'taken is not null'
  const values = (sign: string): Record<string, string> => ({
    [count]: `${sign}1`,
    ...(sums ? { [total]: `${sign}taken` } : {}),
  })
  const moves: Move[] = [
    {
      from: source,
      at: distinct ? 'starts_at' : 'occurred_at',
      values: values(''),
      ...(known === undefined ? {} : { where: known }),
    },
  ]
  if (within)
    moves.push({
      from: source,
      at: distinct ? 'ends_at' : 'expires_at',
      values: values('-'),
      ...(known === undefined ? {} : { where: known }),
    })
  const numberOf = `running.${count}`
  const value =
    take.aggregate === 'sum'
      ? `case when ${numberOf} > 0 then cast(running.${total} as ${type}) end`
      : take.aggregate === 'average'
        ? `case when ${numberOf} > 0 then cast(running.${total} as double) / ${numberOf} end`
        : `cast(coalesce(${numberOf}, 0) as ${type})`
  return {
    ctes: distinct ? [event, spanCte(index, within)] : [event],
    moveColumns: [
      { name: count, type: 'bigint', combine: 'sum' },
      ...(sums ? [{ name: total, type: totalType, combine: 'sum' as const }] : []),
    ],
    moves,
    running: [count, ...(sums ? [total] : [])]
      .map((name) => `,\n    sum(${name}) over (${soFar}) as ${name}`)
      .join(''),
    value: `${value} as ${attribute.name}`,
  }
}

/** For a distinct count: the spans in which a value is in the window, each value once however often it came. */
function spanCte(index: number, within: boolean): string {
  if (!within) {
    return `span_${index} as (
  select object_key, taken, min(occurred_at) as starts_at
  from event_${index}
  where taken is not null
  group by object_key, taken
)`
  }
  return `spaced_${index} as (
  select object_key, taken, occurred_at, expires_at,
    max(expires_at) over (partition by object_key, taken order by occurred_at, event_id rows between unbounded preceding and 1 preceding) as open_until
  from event_${index}
  where taken is not null
),
grouped_${index} as (
  select object_key, taken, occurred_at, expires_at,
    sum(case when open_until is null or open_until <= occurred_at then 1 else 0 end) over (partition by object_key, taken order by occurred_at rows between unbounded preceding and current row) as span
  from spaced_${index}
),
span_${index} as (
  select object_key, taken, span, min(occurred_at) as starts_at, max(expires_at) as ends_at
  from grouped_${index}
  group by object_key, taken, span
)`
}

/** min and max over all activities so far. */
function extremeParts(
  event: string,
  { attribute, index }: Numbered,
  table: AttributesModel,
): AttributeParts {
  const take = attribute.selection.take
  assert(
    take.kind === 'aggregate' && (take.aggregate === 'min' || take.aggregate === 'max'),
    'extremes are min or max',
  )
  const name = `extreme_${index}`
  return {
    ctes: [event],
    moveColumns: [{ name, type: columnType(table, attribute.name), combine: take.aggregate }],
    moves: [{ from: `event_${index}`, at: 'occurred_at', values: { [name]: 'taken' } }],
    running: `,\n    ${take.aggregate}(${name}) over (${soFar}) as ${name}`,
    value: `running.${name} as ${attribute.name}`,
  }
}

/** first, last, nth: set by one activity and carried forward, unknown values included. */
function carriedParts(
  event: string,
  { attribute, index }: Numbered,
  table: AttributesModel,
): AttributeParts {
  const value = `value_${index}`
  const setting = `setting_${index}`
  return {
    ctes: [event],
    moveColumns: [
      { name: value, type: columnType(table, attribute.name), combine: 'max' },
      { name: setting, type: 'bigint', combine: 'sum' },
    ],
    moves: [
      {
        from: `event_${index}`,
        at: 'occurred_at',
        values: { [value]: 'taken', [setting]: '1' },
        where: selectorCondition(attribute.selection),
      },
    ],
    running: `,\n    ${value}, sum(${setting}) over (${soFar}) as ${setting}`,
    value: `max(running.${value}) over (partition by running.object_key, running.${setting}) as ${attribute.name}`,
  }
}

/** Where totals do not help: the choice is made anew at each candidate instant. */
function chosenParts(
  model: Model,
  table: AttributesModel,
  { attribute, index }: Numbered,
): AttributeParts {
  const { name, selection } = attribute
  const type = columnType(table, name)
  const chosen = chosenAttribute({ model, object: table.object, selection, index, type })
  const marker = `seen_${index}`
  const moves = chosen.histories.flatMap((history) =>
    ['occurred_at', ...(history.expires === undefined ? [] : [history.expires])].map((at) => ({
      from: history.name,
      at,
      values: { [marker]: '1' },
    })),
  )
  return {
    ctes: chosen.histories.map(({ sql }) => sql),
    moveColumns: [{ name: marker, type: 'bigint', combine: 'sum' }],
    moves,
    running: '',
    lookup: chosen.lookup,
    join: chosen.join,
    value: `${chosen.value} as ${name}`,
  }
}

const soFar =
  'partition by object_key order by happened_at rows between unbounded preceding and current row'

function moveSelect(columns: readonly MoveColumn[], move: Move): string {
  const values = columns.map(
    (column) => `cast(${move.values[column.name] ?? 'null'} as ${column.type}) as ${column.name}`,
  )
  const where = move.where === undefined ? '' : `\n  where ${move.where}`
  return `  select object_key, ${move.at} as happened_at${values.map((value) => `, ${value}`).join('')}\n  from ${move.from}${where}`
}

function selectorCondition(selection: Selection): string {
  if (selection.selector.kind === 'last') return 'place_from_end = 1'
  return `place = ${selection.selector.kind === 'nth' ? selection.selector.n : 1}`
}

function columnType(table: AttributesModel, name: string): string {
  return sqlType(table.columns.find((column) => column.name === name)!.type)
}

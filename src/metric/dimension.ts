/** What a dimension's text means for the rows of one activity or object. */
import { MaruError } from '../base/errors.ts'
import { bucketTexts, filledColumns } from '../model/model.ts'
import type { ColumnType, Model, TableId } from '../model/model.ts'
import { pathText, reachablePaths, resolvePath } from '../plan/attach.ts'
import type { AttributePath } from '../plan/attach.ts'
import { calendarSql, calendarType, isCalendarPart, isGrain, needsTimeOfDay } from './calendar.ts'
import type { CalendarPart, Grain } from './calendar.ts'
import { lastName, ownGrain, tableById } from './model-index.ts'
import type { OwnGrain } from './model-index.ts'

export interface Dimension {
  /** As asked for. */
  readonly text: string
  readonly path: AttributePath
  /** A grain or part of the path's date or instant. */
  readonly calendar?: Grain | CalendarPart
  /** A grain of a calendar of the project's own. */
  readonly ownGrain?: OwnGrain
  /** In which of the column's buckets the path's number is. */
  readonly cuts?: readonly number[]
  /** How many days lie between the path's and this one: SQL. */
  readonly since?: string
  readonly type: ColumnType
  /** The day at which the path's shows: SQL over `moment`. */
  readonly later?: string
  /** Read as of the end of the question's period, which whoever asks for rows knows. */
  readonly isAtPeriodEnd?: true
  /** A grain of the activity's own time: the periods that `fill` fills. */
  readonly isOwnTime: boolean
}

/** Whether the dimension is the path's value itself. */
export function isValueItself({ calendar, ownGrain: own, cuts, since, later }: Dimension): boolean {
  return [calendar, own, cuts, since, later].every((part) => part === undefined)
}

/** undefined when a row of `rootId` has no such dimension; METRIC_BAD_QUERY when a shortened path has two meanings. */
export function resolveDimension(
  model: Model,
  rootId: TableId,
  text: string,
): Dimension | undefined {
  if (isGrain(text) || isCalendarPart(text)) return ownTime(model, rootId, text)
  if (text.endsWith(periodEnd)) return atPeriodEnd(model, rootId, text)
  const path = findPath(model, rootId, text)
  if (path !== undefined) return { text, path, type: path.column.type, isOwnTime: false }
  const own = ownGrain(model, text)
  if (own !== undefined) return ownPeriod(model, rootId, { text, own })
  const isNow = text.endsWith('@now')
  const plain = isNow ? text.slice(0, -'@now'.length) : text
  const dot = plain.lastIndexOf('.')
  if (dot === -1) return undefined
  const source = findPath(model, rootId, plain.slice(0, dot) + (isNow ? '@now' : ''))
  return source && ofValue(model, rootId, { text, source, word: plain.slice(dot + 1) })
}

export const periodEnd = '@period_end'

function atPeriodEnd(model: Model, rootId: TableId, text: string): Dimension | undefined {
  if (tableById(model, rootId)?.kind !== 'activity') return undefined
  const base = resolveDimension(model, rootId, `${text.slice(0, -periodEnd.length)}@now`)
  return base && base.path.references.length > 0 && base.since === undefined
    ? { ...base, text, isAtPeriodEnd: true }
    : undefined
}

interface Derived {
  readonly text: string
  readonly source: AttributePath
  /** What stands after the path. */
  readonly word: string
}

/** A period of a time, how long ago it is, or the bucket of a number. */
function ofValue(
  model: Model,
  rootId: TableId,
  { text, source, word }: Derived,
): Dimension | undefined {
  const { type, buckets: cuts } = source.column
  const base = { text, path: source, isOwnTime: false }
  if (word === 'bucket' && cuts !== undefined) return { ...base, cuts, type: { kind: 'text' } }
  if (!isTime(type)) return undefined
  if (word === 'days_since')
    return { ...base, since: seenOn(model, rootId, source), type: { kind: 'integer' } }
  const own = ownGrain(model, word)
  if (own !== undefined) return { ...base, ownGrain: own, type: own.column.type }
  if (!(isGrain(word) || isCalendarPart(word))) return undefined
  if (type.kind === 'date' && needsTimeOfDay(word)) return undefined
  return { ...base, calendar: word, type: calendarType(word, type) }
}

/** The day from which a row looks back: its own, or today. */
function seenOn(model: Model, rootId: TableId, { now }: AttributePath): string {
  const isActivity = tableById(model, rootId)?.kind === 'activity'
  return now || !isActivity ? 'current_date' : `${lastName(rootId)}__row.${filledColumns.day}`
}

/** The SQL of a dimension, given that of its path. */
export function dimensionSql(dimension: Dimension, expression: string): string {
  const { later, ...plain } = dimension
  if (later !== undefined) return dimensionSql(plain, later.replaceAll('moment', expression))
  const { calendar, ownGrain: own, cuts, since, path } = dimension
  const source = path.column.type
  if (calendar !== undefined) return calendarSql(calendar, expression, source)
  const day = source.kind === 'date' ? expression : `cast(${expression} as date)`
  if (since !== undefined) return `date_diff('day', ${day}, ${since})`
  if (own !== undefined) return ownGrainSql(own, day)
  return cuts === undefined ? expression : bucketSql(cuts, expression)
}

/** The grain's value in the calendar's row of the day. */
export function ownGrainSql({ table, day, column, history }: OwnGrain, localDay: string): string {
  const isNow = history ? ` and calendar_row.${filledColumns.validTo} is null` : ''
  return `(select calendar_row.${column.name} from ${table} as calendar_row where calendar_row.${day} = ${localDay}${isNow})`
}

/**
 * The day with the same place in the period so many periods later as `moment` has in its own, in the order of the periods' first days; the last day of a period that is
 * shorter.
 */
export function daysLaterSql({ table, day, column, history }: OwnGrain, count: number): string {
  const isNow = history ? ` and ${filledColumns.validTo} is null` : ''
  const [of, first] = ['calendar__day', 'calendar__first_day']
  const begun = `select ${day} as ${of}, ${column.name} as calendar__period, min(${day}) over (partition by ${column.name}) as ${first} from ${table} where ${column.name} is not null${isNow}`
  const placed = `select ${of}, dense_rank() over (order by ${first}) as calendar__number, row_number() over (partition by calendar__period order by ${of}) as calendar__place from (${begun}) as begun`
  const lengths = `select calendar__number, max(calendar__place) as calendar__length from (${placed}) as placed group by calendar__number`
  return `(select there.${of} from (${placed}) as here join (${lengths}) as later on later.calendar__number = here.calendar__number + ${count} join (${placed}) as there on there.calendar__number = later.calendar__number and there.calendar__place = least(here.calendar__place, later.calendar__length) where here.${of} = moment)`
}

function bucketSql(cuts: readonly number[], expression: string): string {
  const texts = bucketTexts(cuts)
  const arms = cuts.map((cut, at) => `when ${expression} < ${String(cut)} then '${texts[at]!}'`)
  return `case ${arms.join(' ')} when ${expression} is not null then '${texts.at(-1)!}' end`
}

function isTime(type: ColumnType): boolean {
  return type.kind === 'date' || type.kind === 'timestamp' || type.kind === 'local_timestamp'
}

function ownTime(model: Model, rootId: TableId, word: Grain | CalendarPart): Dimension | undefined {
  if (tableById(model, rootId)?.kind !== 'activity') return undefined
  const path = resolvePath(model, rootId, needsTimeOfDay(word) ? 'occurred_at' : filledColumns.day)
  if (path === undefined) return undefined
  // `day` is a local day already, and the column by which files are pruned.
  const base = {
    text: word,
    path,
    type: calendarType(word, path.column.type),
    isOwnTime: isGrain(word),
  }
  return word === 'day' ? base : { ...base, calendar: word }
}

function ownPeriod(
  model: Model,
  rootId: TableId,
  { text, own }: { readonly text: string; readonly own: OwnGrain },
): Dimension | undefined {
  if (tableById(model, rootId)?.kind !== 'activity') return undefined
  const path = resolvePath(model, rootId, filledColumns.day)
  return path && { text, path, ownGrain: own, type: own.column.type, isOwnTime: true }
}

/**
 * A path in full, or shortened to its end (`brand.name` for `product.brand.name`) or to the object's name and a column, when only one path
 * has that end. So activities that reach one object by different ways share a dimension.
 */
function findPath(model: Model, rootId: TableId, text: string): AttributePath | undefined {
  const exact = resolvePath(model, rootId, text)
  if (exact !== undefined || !text.includes('.')) return exact
  const now = text.endsWith('@now')
  const plain = now ? text.slice(0, -'@now'.length) : text
  const matches = reachablePaths(model, rootId).filter((path) => {
    return (
      pathText(path).endsWith(`.${plain}`) ||
      `${objectName(model, path)}.${path.column.name}` === plain
    )
  })
  if (matches.length > 1) {
    throw new MaruError('METRIC_BAD_QUERY', `"${text}" has several meanings for ${rootId}`, {
      hint: `write one of: ${matches.map(pathText).join(', ')}`,
    })
  }
  return matches[0] === undefined ? undefined : { ...matches[0], now }
}

function objectName(model: Model, path: AttributePath): string {
  const table = tableById(model, path.table)
  return lastName(table?.kind === 'attributes' ? table.object : path.table)
}

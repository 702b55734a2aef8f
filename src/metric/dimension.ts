/** What a dimension's text means for the rows of one activity or object. */
import { MaruError } from '../base/errors.ts'
import { filledColumns } from '../model/model.ts'
import type { ColumnType, Model, TableId } from '../model/model.ts'
import { pathText, reachablePaths, resolvePath } from '../plan/attach.ts'
import type { AttributePath } from '../plan/attach.ts'
import { calendarSql, calendarType, isCalendarPart, isGrain, needsTimeOfDay } from './calendar.ts'
import type { CalendarPart, Grain } from './calendar.ts'
import { lastName, tableById } from './model-index.ts'

export interface Dimension {
  /** As asked for. */
  readonly text: string
  readonly path: AttributePath
  /** A grain or part of the path's date or instant. */
  readonly calendar?: Grain | CalendarPart
  readonly type: ColumnType
  /** A grain of the activity's own time: the periods that `fill` fills. */
  readonly isOwnTime: boolean
}

/** undefined when a row of `rootId` has no such dimension; METRIC_BAD_QUERY when a shortened path has two meanings. */
export function resolveDimension(
  model: Model,
  rootId: TableId,
  text: string,
): Dimension | undefined {
  if (isGrain(text) || isCalendarPart(text)) return ownTime(model, rootId, text)
  const path = findPath(model, rootId, text)
  if (path !== undefined) return { text, path, type: path.column.type, isOwnTime: false }
  const isNow = text.endsWith('@now')
  const plain = isNow ? text.slice(0, -'@now'.length) : text
  const dot = plain.lastIndexOf('.')
  const word = plain.slice(dot + 1)
  if (dot === -1 || !(isGrain(word) || isCalendarPart(word))) return undefined
  const source = findPath(model, rootId, plain.slice(0, dot) + (isNow ? '@now' : ''))
  if (source === undefined || !isTime(source.column.type)) return undefined
  if (source.column.type.kind === 'date' && needsTimeOfDay(word)) return undefined
  return {
    text,
    path: source,
    calendar: word,
    type: calendarType(word, source.column.type),
    isOwnTime: false,
  }
}

/** The SQL of a dimension, given that of its path. */
export function dimensionSql(dimension: Dimension, expression: string): string {
  return dimension.calendar === undefined
    ? expression
    : calendarSql(dimension.calendar, expression, dimension.path.column.type)
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

/** What a path and a condition mean for one row in memory, as plainly as possible. */
import type {
  AttributesModel,
  ColumnModel,
  Model,
  ObjectModel,
  Predicate,
  Scalar,
  TableModel,
} from '../../src/model/model.ts'
import { groupsOf } from './build-model.ts'
import { dayOf } from './rows.ts'
import type { Cell, Dataset, Row } from './rows.ts'

/** The version of `key` that holds at the instant: the one with valid_from ≤ instant < valid_to. */
export function versionAt(
  versions: readonly Row[],
  at: { readonly keyColumn: string; readonly key: Cell; readonly instant: bigint | null },
): Row | undefined {
  if (at.key === null || at.instant === null) return undefined
  return versions.find((version) => {
    if (version[at.keyColumn] !== at.key) return false
    const from = version['valid_from'] as bigint
    const to = version['valid_to'] as bigint | null
    return from <= at.instant! && (to === null || at.instant! < to)
  })
}

export interface Context {
  readonly model: Model
  readonly dataset: Dataset
  /** A metric of one object over all time, where conditions ask for it. */
  readonly ofObject?: (metric: string, key: Cell) => Cell
}

const calendarWords =
  /^(second|minute|hour|day|week|month|quarter|year|hour_of_day|day_of_week|day_of_month|day_of_year|week_of_year|month_of_year|quarter_of_year)$/

export function valueAt(context: Context, root: TableModel, row: Row, text: string): Cell {
  const zone = context.model.zone
  const isNow = text.endsWith('@now')
  const segments = text.replace('@now', '').split('.')
  if (segments.length === 1 && calendarWords.test(segments[0]!) && root.kind === 'activity') {
    return calendar(segments[0]!, row['occurred_at'] as bigint | null, zone)
  }
  if (segments.length > 1 && calendarWords.test(segments.at(-1)!)) {
    const value = valueAt(
      context,
      root,
      row,
      segments.slice(0, -1).join('.') + (isNow ? '@now' : ''),
    )
    return calendar(segments.at(-1)!, value as bigint | string | null, zone)
  }
  const last = segments.at(-1)!
  if (last === 'days_since') {
    const then = calendar(
      'day',
      valueAt(context, root, row, segments.slice(0, -1).join('.')) as bigint | null,
      zone,
    )
    const day = dayOf(row, zone)
    return then === null || day === null
      ? null
      : (Date.parse(day) - Date.parse(then as string)) / 86_400_000
  }
  if (segments.length > 1 && ['season', 'tide', 'bucket'].includes(last)) {
    const path = segments.slice(0, -1).join('.') + (isNow ? '@now' : '')
    const value = valueAt(context, root, row, path)
    if (last !== 'bucket') return ownPeriodOf(context, last, value as bigint | null)
    return value === null
      ? null
      : bucketOf(Number(value), segments.at(-2) === 'quantity' ? [1, 2.5] : [0, 5])
  }
  if (isOwnGrain(text)) return ownPeriodOf(context, text, row['occurred_at'] as bigint | null)
  if (segments.length > 1 && segments[0] === root.id.split('.').at(-1) && !has(root, segments[0]!))
    segments.shift()
  const instant = isNow || root.kind === 'object' ? 'now' : (row['occurred_at'] as bigint | null)
  if (root.kind === 'activity') {
    const [first, ...rest] = segments
    const column = root.columns.find((candidate) => candidate.name === first)!
    return rest.length === 0
      ? row[first!]!
      : attribute(context, { object: column.refers!, key: row[first!]!, instant }, rest)
  }
  const key = row[(root as ObjectModel).key]!
  return attribute(context, { object: root.id, key, instant }, segments)
}

/** Whether a word is a grain of the project's own calendar. */
export function isOwnGrain(text: string): boolean {
  return text === 'season' || text === 'tide'
}

function ownPeriodOf(context: Context, grain: string, instant: bigint | null): Cell {
  return ownPeriodOn(context, grain, calendar('day', instant, context.model.zone))
}

export function ownPeriodOn({ dataset }: Context, grain: string, day: Cell): Cell {
  const rows = dataset.get('obj.shop_day') ?? []
  return rows.find((row) => day !== null && row['date'] === day)?.[grain] ?? null
}

function bucketOf(value: number, [low, high]: readonly [number, number] | number[]): string {
  if (value < low!) return `1: below ${low}`
  return value < high! ? `2: ${low} to below ${high}` : `3: from ${high}`
}

function has(root: TableModel, name: string): boolean {
  return root.columns.some((column) => column.name === name)
}

interface Thing {
  readonly object: string
  readonly key: Cell
  readonly instant: bigint | 'now' | null
}

/** An attribute of a thing at an instant; null when there is no such thing, or no version held. */
function attribute(context: Context, thing: Thing, segments: readonly string[]): Cell {
  if (thing.key === null) return null
  const [name, ...rest] = segments
  for (const group of groupsOf(thing.object, context.model.tables)) {
    const column = group.columns.find((candidate: ColumnModel) => candidate.name === name)
    if (column === undefined) continue
    const value = recordOf(context, group, thing)?.[name!] ?? null
    if (rest.length === 0) return value
    return attribute(context, { ...thing, object: column.refers!, key: value }, rest)
  }
  throw new Error(`${thing.object} has no ${name}`)
}

function recordOf(
  context: Context,
  group: ObjectModel | AttributesModel,
  thing: Thing,
): Row | undefined {
  const rows = context.dataset.get(group.id) ?? []
  if (!group.history) return rows.find((row) => row[group.key] === thing.key)
  if (thing.instant === 'now')
    return rows.find((row) => row[group.key] === thing.key && row['valid_to'] === null)
  return versionAt(rows, { keyColumn: group.key, key: thing.key, instant: thing.instant })
}

/** SQL's three values: null is unknown. A metric is seen as the path `member#orders`. */
export function holds(predicate: Predicate, see: (path: string) => Cell): boolean | null {
  switch (predicate.kind) {
    case 'compare':
      return compares(see(predicate.path), predicate.operator, predicate.value)
    case 'in': {
      const results = predicate.values.map((value) => compares(see(predicate.path), '=', value))
      return results.includes(true) ? true : results.includes(null) ? null : false
    }
    case 'like': {
      const value = see(predicate.path) as string | null
      const pattern = predicate.pattern.replaceAll('%', '.*').replaceAll('_', '.')
      return value === null ? null : new RegExp(`^${pattern}$`, 's').test(value)
    }
    case 'unknown':
      return see(predicate.path) === null
    case 'metric':
      return compares(
        see(`${predicate.path}#${predicate.metric}`),
        predicate.operator,
        predicate.value,
      )
    case 'and': {
      const results = predicate.operands.map((operand) => holds(operand, see))
      return results.includes(false) ? false : results.includes(null) ? null : true
    }
    case 'or': {
      const results = predicate.operands.map((operand) => holds(operand, see))
      return results.includes(true) ? true : results.includes(null) ? null : false
    }
    case 'not': {
      const result = holds(predicate.operand, see)
      return result === null ? null : !result
    }
  }
}

function compares(left: Cell, operator: string, right: Scalar): boolean | null {
  if (left === null || right === null) return null
  const order = compareCells(left, right)
  switch (operator) {
    case '=':
      return order === 0
    case '!=':
      return order !== 0
    case '<':
      return order < 0
    case '<=':
      return order <= 0
    case '>':
      return order > 0
    default:
      return order >= 0
  }
}

/** Decimals are texts of digits beside numbers. */
export function compareCells(left: Cell | Scalar, right: Cell | Scalar): number {
  if (typeof left === 'number' || typeof right === 'number') return Number(left) - Number(right)
  if (typeof left === 'string' && typeof right === 'string' && isDigits(left) && isDigits(right))
    return Number(left) - Number(right)
  return left! < right! ? -1 : left! > right! ? 1 : 0
}

function isDigits(text: string): boolean {
  return /^-?\d+\.\d+$/.test(text)
}

/** `source` is an instant or a date. */
export function calendar(word: string, source: bigint | string | null, zone: string): Cell {
  if (source === null) return null
  const wall =
    typeof source === 'bigint'
      ? wallClock(source, zone)
      : { date: source, hour: 0, minute: 0, second: 0 }
  const day = new Date(`${wall.date}T00:00:00Z`)
  const [year, month, dayOfMonth] = wall.date.split('-').map(Number) as [number, number, number]
  const weekday = day.getUTCDay() === 0 ? 7 : day.getUTCDay()
  const dayMs = 86_400_000
  const iso = (date: Date): string => date.toISOString().slice(0, 10)
  const quarter = Math.ceil(month / 3)
  switch (word) {
    case 'second':
      return (source as bigint) - ((source as bigint) % 1_000_000n)
    case 'minute':
      return (
        (source as bigint) - BigInt(wall.second) * 1_000_000n - ((source as bigint) % 1_000_000n)
      )
    case 'hour': {
      const into =
        BigInt(wall.minute * 60 + wall.second) * 1_000_000n + ((source as bigint) % 1_000_000n)
      return (source as bigint) - into
    }
    case 'day':
      return wall.date
    case 'week':
      return iso(new Date(day.getTime() - (weekday - 1) * dayMs))
    case 'month':
      return iso(new Date(Date.UTC(year, month - 1, 1)))
    case 'quarter':
      return iso(new Date(Date.UTC(year, quarter * 3 - 3, 1)))
    case 'year':
      return `${year}-01-01`
    case 'hour_of_day':
      return wall.hour
    case 'day_of_week':
      return weekday
    case 'day_of_month':
      return dayOfMonth
    case 'day_of_year':
      return Math.round((day.getTime() - Date.UTC(year, 0, 1)) / dayMs) + 1
    case 'week_of_year': {
      // The ISO week is numbered within the year that holds its Thursday.
      const thursday = new Date(day.getTime() + (4 - weekday) * dayMs)
      return (
        Math.floor((thursday.getTime() - Date.UTC(thursday.getUTCFullYear(), 0, 1)) / dayMs / 7) + 1
      )
    }
    case 'month_of_year':
      return month
    default:
      return quarter
  }
}

const formats = new Map<string, Intl.DateTimeFormat>()

function wallClock(
  instant: bigint,
  zone: string,
): { date: string; hour: number; minute: number; second: number } {
  const format =
    formats.get(zone) ??
    new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' })
  formats.set(zone, format)
  const text = format.format(new Date(Number(instant / 1000n)))
  const [date, time] = text.split(' ') as [string, string]
  const [hour, minute, second] = time.split(':').map(Number) as [number, number, number]
  return { date, hour, minute, second }
}

/**
 * Calendar grains and parts. Dates are local days of the project's zone; weeks start on Monday (ISO). The session's zone is the project's,
 * so the casts here need not name it.
 */
import { addDays } from '../base/time.ts'
import type { Day } from '../base/time.ts'
import { grains } from '../model/model.ts'
import type { ColumnType, Grain } from '../model/model.ts'
import { nextPeriod, periodStart as startOfPeriod } from '../plan/plan.ts'

export { grains }
export type { Grain }

export const calendarParts = [
  'hour_of_day',
  'day_of_week',
  'day_of_month',
  'day_of_year',
  'week_of_year',
  'month_of_year',
  'quarter_of_year',
] as const

export type CalendarPart = (typeof calendarParts)[number]

export const calendarDescriptions: Readonly<Record<Grain | CalendarPart, string>> = {
  second: 'the instant at which the second begins',
  minute: 'the instant at which the minute begins',
  hour: 'the instant at which the hour begins',
  day: 'the local day',
  week: 'the Monday with which the week begins',
  month: 'the first day of the month',
  quarter: 'the first day of the quarter',
  year: 'the first day of the year',
  hour_of_day: 'the hour on the clock, 0 to 23',
  day_of_week: '1 (Monday) to 7 (Sunday)',
  day_of_month: '1 to 31',
  day_of_year: '1 to 366',
  week_of_year: 'the ISO week, 1 to 53',
  month_of_year: '1 to 12',
  quarter_of_year: '1 to 4',
}

export function isGrain(text: string): text is Grain {
  return grains.some((grain) => grain === text)
}

export function isCalendarPart(text: string): text is CalendarPart {
  return calendarParts.some((part) => part === text)
}

/** Whether a period of the grain is named by its first instant, not by its first day. */
export function isOfInstants(word: string): word is 'second' | 'minute' | 'hour' {
  return word === 'second' || word === 'minute' || word === 'hour'
}

/** Whether the calendar word needs a time of day, which a date has not. */
export function needsTimeOfDay(word: Grain | CalendarPart): boolean {
  return isOfInstants(word) || word === 'hour_of_day'
}

export function calendarType(word: Grain | CalendarPart, source: ColumnType): ColumnType {
  if (isCalendarPart(word)) return { kind: 'integer' }
  return isOfInstants(word) ? source : { kind: 'date' }
}

/** `expression` is a date, an instant or a local timestamp, as `source` says. */
export function calendarSql(
  word: Grain | CalendarPart,
  expression: string,
  source: ColumnType,
): string {
  const localDay = source.kind === 'date' ? expression : `cast(${expression} as date)`
  switch (word) {
    case 'second':
    case 'minute':
    case 'hour': {
      const start = `date_trunc('${word}', ${expression})`
      // In the hour that a clock change repeats, the truncated local time reads as the later of the two.
      return source.kind === 'timestamp'
        ? `case when ${start} > ${expression} then ${start} - interval '1' hour else ${start} end`
        : start
    }
    case 'day':
      return localDay
    case 'week':
    case 'month':
    case 'quarter':
    case 'year':
      return `cast(date_trunc('${word}', ${localDay}) as date)`
    default:
      return partSql(word, expression, localDay)
  }
}

function partSql(part: CalendarPart, expression: string, localDay: string): string {
  switch (part) {
    case 'hour_of_day':
      return `extract(hour from ${expression})`
    case 'day_of_week':
      return `isodow(${localDay})`
    case 'day_of_month':
      return `extract(day from ${localDay})`
    case 'day_of_year':
      return `extract(doy from ${localDay})`
    case 'week_of_year':
      return `extract(week from ${localDay})`
    case 'month_of_year':
      return `extract(month from ${localDay})`
    case 'quarter_of_year':
      return `extract(quarter from ${localDay})`
  }
}

/** SQL of the step from one period to the next. */
export function periodStep(grain: Grain): string {
  switch (grain) {
    case 'week':
      return `interval '7' day`
    case 'quarter':
      return `interval '3' month`
    default:
      return `interval '1' ${grain}`
  }
}

/** Of a month that has no such day, the last. */
export function dayBack(day: Day, count: number, grain: Grain): Day {
  if (isOfInstants(grain)) return day
  if (grain === 'day' || grain === 'week')
    return addDays(day, grain === 'week' ? -7 * count : -count)
  const [year, month, dayOfMonth] = day.split('-').map(Number) as [number, number, number]
  const months = year * 12 + month - 1 - count * { month: 1, quarter: 3, year: 12 }[grain]
  const first = `${String(Math.floor(months / 12)).padStart(4, '0')}-${String((months % 12) + 1).padStart(2, '0')}-01`
  const last = addDays(nextPeriod('month', first), -1)
  return `${first.slice(0, 8)}${String(Math.min(dayOfMonth, Number(last.slice(8)))).padStart(2, '0')}`
}

/** The first day of the period that holds the day. */
export function periodStart(grain: Grain, day: Day): Day {
  return isOfInstants(grain) ? day : startOfPeriod(grain, day)
}

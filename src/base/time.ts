/**
 * Time as Maru means it: an instant is UTC microseconds (bigint), a day is a local day of the project's zone,
 * written `YYYY-MM-DD`. Intervals are half-open.
 */
import { MaruError } from './errors.ts'

/** `YYYY-MM-DD`, a local day of the project's zone. */
export type Day = string

const dayMs = 86_400_000
/** 0001-01-01 and 9999-12-31. */
const firstDayNumber = -719_162
const lastDayNumber = 2_932_896

/** Throws USAGE for a text that is not an existing calendar day. */
export function parseDay(text: string): Day {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text)
  const date = match === null ? undefined : new Date(`${text}T00:00:00Z`)
  if (
    date === undefined ||
    Number.isNaN(date.getTime()) ||
    date.toISOString().slice(0, 10) !== text
  ) {
    throw new MaruError('USAGE', `"${text}" is not a day`, {
      hint: 'write a day as YYYY-MM-DD, for example 2011-03-31',
    })
  }
  return text
}

export function addDays(day: Day, count: number): Day {
  return dayOfNumber(dayNumber(day) + count)
}

/** Days since 1970-01-01, as Iceberg stores a date. */
export function dayNumber(day: Day): number {
  return Math.round(Date.parse(`${day}T00:00:00Z`) / dayMs)
}

/** Throws USAGE outside the years 1 to 9999, which four digits cannot write. */
export function dayOfNumber(number: number): Day {
  if (!(number >= firstDayNumber && number <= lastDayNumber)) {
    throw new MaruError('USAGE', `day ${number} since 1970 lies outside the years 1 to 9999`, {
      hint: 'correct the date where it comes from, or leave the row out',
    })
  }
  return new Date(number * dayMs).toISOString().slice(0, 10)
}

/** The local day in `zone` that holds the instant (UTC microseconds); the first or last day there is for instants beyond the years 1 to 9999. */
export function localDay(instantMicros: bigint, zone: string): Day {
  // Rounded down, as a day's first instant belongs to it: `/` alone rounds towards 1970.
  const seconds =
    (instantMicros - (((instantMicros % 1_000_000n) + 1_000_000n) % 1_000_000n)) / 1_000_000n
  const ms = Number(seconds) * 1000
  // A day less at either end, where the zone could leave the years.
  if (ms < (firstDayNumber + 1) * dayMs) return dayOfNumber(firstDayNumber)
  if (ms >= lastDayNumber * dayMs) return dayOfNumber(lastDayNumber)
  return dayFormat(zone).format(new Date(ms)).padStart('YYYY-MM-DD'.length, '0')
}

/** Whether the runtime knows the IANA zone. */
export function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return true
  } catch {
    // An unknown zone is the answer here, not a failure.
    return false
  }
}

const dayFormats = new Map<string, Intl.DateTimeFormat>()

function dayFormat(zone: string): Intl.DateTimeFormat {
  let format = dayFormats.get(zone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('sv-SE', {
      timeZone: zone,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
    })
    dayFormats.set(zone, format)
  }
  return format
}

/** UTC microseconds of an ISO 8601 instant with `Z` and up to six decimals of a second, as engines return it. */
export function instantMicros(iso: string): bigint {
  const match = /^([+-]?\d{4,6}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,6}))?Z$/.exec(iso)
  if (match === null) throw new MaruError('BUG', `"${iso}" is not an instant`)
  return BigInt(Date.parse(`${match[1]}Z`)) * 1000n + BigInt((match[2] ?? '').padEnd(6, '0'))
}

/** The periods of a grain from one to another, as CTEs. Numbers come from digits: no engine's series function is needed. */
import { MaruError } from '../base/errors.ts'
import { addDays, dayNumber } from '../base/time.ts'
import type { Day } from '../base/time.ts'
import { isOfInstants, periodStart, periodStep } from './calendar.ts'
import type { Grain } from './calendar.ts'
import type { DayRange } from './inquiry.ts'

export interface Series {
  /** Begins the names of the CTEs; the last of them is `<prefix>period`. */
  readonly prefix: string
  /** Its column. */
  readonly column: string
  readonly grain: Grain
  readonly range: DayRange
  /** Where the range is open: SQL of the first and the last period, and the CTE that they are aggregates of. */
  readonly open: { readonly first: string; readonly last: string; readonly from: string }
}

export function seriesCtes({ prefix, column, grain, range, open }: Series): readonly string[] {
  const first = range.from === undefined ? open.first : firstPeriod(grain, range.from)
  const last = range.to === undefined ? open.last : lastPeriod(grain, range.to)
  const isOpen = range.from === undefined || range.to === undefined
  const digits = digitsNeeded(grain, range)
  const step = (number: string): string =>
    `${prefix}bound.first_period + ${periodStep(grain)} * ${number}`
  const period = isOfInstants(grain) ? step('number.n') : `cast(${step('number.n')} as date)`
  return [
    `${prefix}digit as (\n  select n\n  from (values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) as ten(n)\n)`,
    `${prefix}bound as (\n  select ${first} as first_period, ${last} as last_period${isOpen ? `\n  from ${open.from}` : ''}\n)`,
    // Thousands first: those that begin after the last period need no ones.
    `${prefix}thousand as (\n  select ${numberOf(3, digits)} as n\n  from ${[`${prefix}bound`, ...digitsFrom(prefix, 3, digits)].join(' cross join ')}\n  where ${step(numberOf(3, digits))} <= ${prefix}bound.last_period\n)`,
    `${prefix}number as (\n  select ${prefix}thousand.n + ${numberOf(0, Math.min(3, digits))} as n\n  from ${[`${prefix}thousand`, ...digitsFrom(prefix, 0, Math.min(3, digits))].join(' cross join ')}\n)`,
    `${prefix}period as (\n  select ${period} as ${column}\n  from ${prefix}bound cross join ${prefix}number as number\n  where ${period} <= ${prefix}bound.last_period\n)`,
  ]
}

/** Powers of ten from one place to before another. */
function numberOf(from: number, to: number): string {
  const places = Array.from({ length: Math.max(0, to - from) }, (_, at) => from + at)
  return places.length === 0
    ? '0'
    : `(${places.map((at) => `${10 ** at} * place_${at}.n`).join(' + ')})`
}

function digitsFrom(prefix: string, from: number, to: number): readonly string[] {
  const places = Array.from({ length: Math.max(0, to - from) }, (_, at) => from + at)
  return places.map((at) => `${prefix}digit as place_${at}`)
}

function firstPeriod(grain: Grain, from: Day): string {
  const day = periodStart(grain, from)
  return isOfInstants(grain) ? instantOf(day) : `date '${day}'`
}

function lastPeriod(grain: Grain, to: Day): string {
  return isOfInstants(grain)
    ? `${instantOf(to)} - ${periodStep(grain)}`
    : `date '${periodStart(grain, addDays(to, -1))}'`
}

function instantOf(day: Day): string {
  return `cast('${day} 00:00:00' as timestamp with time zone)`
}

const shortestDays: Readonly<Record<Grain, number>> = {
  second: 1 / 86_400,
  minute: 1 / 1440,
  // The day of a clock change has 25.
  hour: 1 / 25,
  day: 1,
  week: 7,
  month: 28,
  quarter: 90,
  year: 365,
}

/** Of a range with both ends; a day or longer without them reaches over centuries. */
const periodsMax = 100_000
const openDigits: Readonly<Partial<Record<Grain, number>>> = { hour: 6, minute: 8 }

function digitsNeeded(grain: Grain, range: DayRange): number {
  if (range.from === undefined || range.to === undefined) {
    if (grain !== 'second') return openDigits[grain] ?? 5
    throw new MaruError('METRIC_BAD_QUERY', 'every second is asked for of a time without end', {
      hint: 'give from and to',
    })
  }
  const count = (dayNumber(range.to) - dayNumber(range.from)) / shortestDays[grain] + 2
  if (count > periodsMax) {
    throw new MaruError(
      'METRIC_BAD_QUERY',
      `the range has about ${Math.round(count)} periods to fill`,
      {
        hint: `at most ${periodsMax} are filled; shorten the range or take a coarser grain`,
      },
    )
  }
  return Math.ceil(Math.log10(count))
}

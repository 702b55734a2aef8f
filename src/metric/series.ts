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
  const places = Array.from({ length: digits }, (_, at) => `place_${at}`)
  const number = places
    .map((name, at) => (at === 0 ? `${name}.n` : `${10 ** at} * ${name}.n`))
    .join(' + ')
  const step = `bound.first_period + ${periodStep(grain)} * number.n`
  const period = isOfInstants(grain) ? step : `cast(${step} as date)`
  return [
    `${prefix}digit as (\n  select n\n  from (values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) as ten(n)\n)`,
    `${prefix}number as (\n  select ${number} as n\n  from ${places.map((name) => `${prefix}digit as ${name}`).join(' cross join ')}\n)`,
    `${prefix}bound as (\n  select ${first} as first_period, ${last} as last_period${isOpen ? `\n  from ${open.from}` : ''}\n)`,
    `${prefix}period as (\n  select ${period} as ${column}\n  from ${prefix}bound as bound cross join ${prefix}number as number\n  where ${period} <= bound.last_period\n)`,
  ]
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
const openDigits: Readonly<Partial<Record<Grain, number>>> = { hour: 6, minute: 7 }

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

/** Periods without rows: every period of the range, for every group that is present, as rows whose states are null. */
import { MaruError } from '../base/errors.ts'
import { addDays, dayNumber } from '../base/time.ts'
import type { Day } from '../base/time.ts'
import { isGrain, periodStart, periodStep } from './calendar.ts'
import type { Grain } from './calendar.ts'
import type { DayRange, GroupedBy } from './inquiry.ts'
import { nullState } from './leg.ts'
import type { State } from './measure.ts'

export interface Filling {
  readonly dimension: GroupedBy
  /** Which of the dimensions it is. */
  readonly at: number
  readonly slugs: readonly string[]
  readonly states: readonly State[]
  readonly range: DayRange
}

const periodsMax = 100_000

/** CTEs that read `every_group` and end with `every_group_and_period`. Numbers come from digits: no engine's series function is needed. */
export function filledCtes(filling: Filling): readonly string[] {
  const { dimension, slugs, states, range } = filling
  const text = dimension.calendar ?? dimension.text
  if (!isGrain(text)) throw new MaruError('BUG', `invariant broken: ${text} is no grain`)
  const slug = slugs[filling.at]!
  const others = slugs.filter((other) => other !== slug)
  const first = range.from === undefined ? `min(${slug})` : firstPeriod(text, range.from)
  const last = range.to === undefined ? `max(${slug})` : lastPeriod(text, range.to)
  const isOpen = range.from === undefined || range.to === undefined
  const digits = digitsNeeded(text, range)
  const names = ['ones', 'tens', 'hundreds', 'thousands', 'ten_thousands'].slice(0, digits)
  const number = names
    .map((name, at) => (at === 0 ? `${name}.n` : `${10 ** at} * ${name}.n`))
    .join(' + ')
  const step = `bound.first_period + ${periodStep(text)} * number.n`
  const period = text === 'hour' ? step : `cast(${step} as date)`
  const ctes = [
    `digit as (\n  select n\n  from (values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) as ten(n)\n)`,
    `number as (\n  select ${number} as n\n  from ${names.map((name) => `digit as ${name}`).join(' cross join ')}\n)`,
    `bound as (\n  select ${first} as first_period, ${last} as last_period${isOpen ? '\n  from every_group' : ''}\n)`,
    `period as (\n  select ${period} as ${slug}\n  from bound cross join number\n  where ${period} <= bound.last_period\n)`,
  ]
  if (others.length > 0)
    ctes.push(`other_group as (\n  select distinct ${others.join(', ')}\n  from every_group\n)`)
  const columns = [
    ...slugs.map((name) => (name === slug ? `period.${slug}` : `other_group.${name}`)),
    ...states.map(nullState),
  ]
  const from = others.length > 0 ? 'period cross join other_group' : 'period'
  ctes.push(`every_group_and_period as (
  select ${[...slugs, ...states.map((state) => state.name)].join(', ')}
  from every_group
  union all
  select ${columns.join(', ')}
  from ${from}
)`)
  return ctes
}

function firstPeriod(grain: Grain, from: Day): string {
  const day = periodStart(grain, from)
  return grain === 'hour' ? `cast('${day} 00:00:00' as timestamp with time zone)` : `date '${day}'`
}

function lastPeriod(grain: Grain, to: Day): string {
  if (grain === 'hour')
    return `cast('${to} 00:00:00' as timestamp with time zone) - interval '1' hour`
  return `date '${periodStart(grain, addDays(to, -1))}'`
}

const shortestDays: Readonly<Record<Grain, number>> = {
  hour: 1 / 25,
  day: 1,
  week: 7,
  month: 28,
  quarter: 90,
  year: 365,
}

function digitsNeeded(grain: Grain, range: DayRange): number {
  if (range.from === undefined || range.to === undefined) return 5
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

/** Periods without rows: every period of the range, for every group that is present, as rows whose states are null. */
import { assert, MaruError } from '../base/errors.ts'
import { isGrain } from './calendar.ts'
import type { DayRange, GroupedBy } from './inquiry.ts'
import { nullState } from './leg-sql.ts'
import { seriesCtes } from './series.ts'
import type { State } from './state.ts'

export interface Filling {
  readonly dimension: GroupedBy
  /** Which of the dimensions it is. */
  readonly at: number
  readonly slugs: readonly string[]
  readonly states: readonly State[]
  readonly range: DayRange
}

/** CTEs that read `group__every` and end with `group__every_period`. */
export function filledCtes(filling: Filling): readonly string[] {
  const { dimension, slugs, states, range } = filling
  if (dimension.ownGrain !== undefined) {
    throw new MaruError('METRIC_ILLEGAL', `fill does not know the periods of ${dimension.text}`, {
      hint: 'declare the metric with calendar: true, or take day, week, month',
    })
  }
  const grain = dimension.calendar ?? dimension.text
  assert(isGrain(grain), `${grain} is no grain`)
  const slug = slugs[filling.at]!
  const others = slugs.filter((other) => other !== slug)
  const open = { first: `min(${slug})`, last: `max(${slug})`, from: 'group__every' }
  const ctes = [...seriesCtes({ prefix: '', column: slug, grain, range, open })]
  if (others.length > 0)
    ctes.push(`group__other as (\n  select distinct ${others.join(', ')}\n  from group__every\n)`)
  const columns = [
    ...slugs.map((name) => (name === slug ? `period.${slug}` : `group__other.${name}`)),
    ...states.map(nullState),
  ]
  const from = others.length > 0 ? 'period cross join group__other' : 'period'
  ctes.push(`group__every_period as (
  select ${[...slugs, ...states.map((state) => state.name)].join(', ')}
  from group__every
  union all
  select ${columns.join(', ')}
  from ${from}
)`)
  return ctes
}

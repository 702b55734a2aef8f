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

/** CTEs that read `every_group` and end with `every_group_and_period`. */
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
  const open = { first: `min(${slug})`, last: `max(${slug})`, from: 'every_group' }
  const ctes = [...seriesCtes({ prefix: '', column: slug, grain, range, open })]
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

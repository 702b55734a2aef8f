/** Periods without rows: every period of the range, for every group that is present, as rows whose states are null. */
import { assert } from '../base/errors.ts'
import { filledColumns } from '../model/model.ts'
import { isGrain } from './calendar.ts'
import type { DayRange, GroupedBy } from './inquiry.ts'
import { nullState } from './leg-sql.ts'
import type { OwnGrain } from './model-index.ts'
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
  const slug = slugs[filling.at]!
  const others = slugs.filter((other) => other !== slug)
  const ctes = [...periodCtes(dimension, slug, range)]
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

function periodCtes(dimension: GroupedBy, slug: string, range: DayRange): readonly string[] {
  if (dimension.ownGrain !== undefined) return [ownPeriodCte(dimension.ownGrain, slug, range)]
  const grain = dimension.calendar ?? dimension.text
  assert(isGrain(grain), `${grain} is no grain`)
  const open = { first: `min(${slug})`, last: `max(${slug})`, from: 'group__every' }
  return seriesCtes({ prefix: '', column: slug, grain, range, open })
}

/** The periods that have a day in the range; where it is open, from the first day of a period present to the last. */
function ownPeriodCte(
  { table, day, column, history }: OwnGrain,
  slug: string,
  range: DayRange,
): string {
  const known = [
    `${column.name} is not null`,
    ...(history ? [`${filledColumns.validTo} is null`] : []),
  ]
  const present = (edge: 'min' | 'max'): string =>
    `(select ${edge}(${day}) from ${table} where ${[...known, `${column.name} in (select ${slug} from group__every)`].join(' and ')})`
  const conditions = [
    ...known,
    `${day} >= ${range.from === undefined ? present('min') : `date '${range.from}'`}`,
    range.to === undefined ? `${day} <= ${present('max')}` : `${day} < date '${range.to}'`,
  ]
  return `period as (
  select distinct ${column.name} as ${slug}
  from ${table}
  where ${conditions.join('\n    and ')}
)`
}

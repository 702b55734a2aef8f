/**
 * Periods of a grain as SQL: in which a chosen row lies, those after it, and whether they are over. A period is its first day or instant; of a calendar of the project's own
 * it is its number, in the order of the periods' first days.
 */
import { assert } from '../base/errors.ts'
import type { Day } from '../base/time.ts'
import { filledColumns } from '../model/model.ts'
import type { ColumnType, Model, TableId } from '../model/model.ts'
import { calendarSql, calendarType, isGrain, needsTimeOfDay, periodStep } from './calendar.ts'
import type { Grain } from './calendar.ts'
import { ownGrain } from './model-index.ts'
import type { OwnGrain } from './model-index.ts'

export interface Periods {
  readonly grain: string
  /** Of what a period is called. */
  readonly type: ColumnType
  /** The activity's column by which its rows are put into periods; call it `moment`. */
  readonly path: 'day' | 'occurred_at'
  /** Over `moment`. */
  readonly sql: string
  /** Before all that looks at periods, and what they read. */
  readonly ctes: readonly string[]
  readonly tables: readonly TableId[]
  /** The period so many after one; `count` is a number or SQL. */
  readonly after: (period: string, count: number | string) => string
  /** What a period is called. */
  readonly named: (period: string) => string
  readonly firstDay: (period: string) => string
  /** Whether a period's last moment is before the first that is not known yet: the range's end, or now. */
  readonly isOver: (period: string, to: Day | undefined) => string
  /** Whether its first one is. */
  readonly isBegun: (period: string, to: Day | undefined) => string
  /** At most so many periods after one are over. */
  readonly age: (period: string, to: Day | undefined) => string
}

interface PeriodRequest {
  readonly model: Model
  readonly node: { readonly grain: string }
  /** Begins the names of the CTEs. */
  readonly name: string
}

export function periodsOf({ model, node: { grain }, name }: PeriodRequest): Periods {
  const own = ownGrain(model, grain)
  return own === undefined ? builtIn(model, grain) : ofCalendar(own, grain, `${name}__calendar`)
}

/** What a period of the grain is called by. */
export function periodType(model: Model, grain: string): ColumnType {
  return ownGrain(model, grain)?.column.type ?? calendarType(wordOf(grain), momentType(grain))
}

function wordOf(grain: string): Grain {
  assert(isGrain(grain), `${grain} is a grain of some calendar`)
  return grain
}

function momentType(grain: string): ColumnType {
  return { kind: needsTimeOfDay(wordOf(grain)) ? 'timestamp' : 'date' }
}

function builtIn(model: Model, text: string): Periods {
  const grain = wordOf(text)
  const type = periodType(model, text)
  const isOfDay = type.kind === 'date'
  const after: Periods['after'] = (period, count) => {
    const moved = `${period} + ${periodStep(grain)} * ${typeof count === 'number' ? `(${count})` : count}`
    return isOfDay ? `cast(${moved} as date)` : moved
  }
  const until = (to: Day | undefined): string => {
    if (isOfDay) return knownDay(to)
    return to === undefined
      ? 'current_timestamp'
      : `cast('${to} 00:00:00' as timestamp with time zone)`
  }
  return {
    grain: text,
    type,
    path: isOfDay ? 'day' : 'occurred_at',
    sql: calendarSql(grain, 'moment', momentType(text)),
    ctes: [],
    tables: [],
    after,
    named: (period) => period,
    firstDay: (period) => (isOfDay ? period : `cast(${period} as date)`),
    isOver: (period, to) => `${after(period, 1)} <= ${until(to)}`,
    isBegun: (period, to) => `${period} ${untilNow(to)} ${until(to)}`,
    // No period of days is shorter than one, so that none is older in periods than in days.
    age: (period, to) => `date_diff('day', ${period}, ${until(to)})`,
  }
}

function knownDay(to: Day | undefined): string {
  return to === undefined ? 'current_date' : `date '${to}'`
}

/** What begins now has begun. */
function untilNow(to: Day | undefined): string {
  return to === undefined ? '<=' : '<'
}

function ofCalendar(own: OwnGrain, grain: string, calendar: string): Periods {
  const { table, day, column, history } = own
  const known = `${column.name} is not null${history ? ` and ${filledColumns.validTo} is null` : ''}`
  const of = (what: string, period: string): string =>
    `(select each_period.${what} from ${calendar} as each_period where each_period.period_number = ${period})`
  const last = (condition: string): string =>
    `(select max(each_period.period_number) from ${calendar} as each_period where each_period.${condition})`
  const isOver = (to: Day | undefined): string => last(`last_day < ${knownDay(to)}`)
  const ctes = [
    `${calendar} as (
  select period_name, first_day, last_day, row_number() over (order by first_day) as period_number
  from (
    select ${column.name} as period_name, min(${day}) as first_day, max(${day}) as last_day
    from ${table}
    where ${known}
    group by ${column.name}
  ) as each_name
)`,
    `${calendar}_day as (
  select own_day.${day} as local_day, each_period.period_number
  from ${table} as own_day
  join ${calendar} as each_period on each_period.period_name = own_day.${column.name}${history ? `\n  where own_day.${filledColumns.validTo} is null` : ''}
)`,
  ]
  return {
    grain,
    type: column.type,
    path: 'day',
    sql: `(select each_day.period_number from ${calendar}_day as each_day where each_day.local_day = moment)`,
    ctes,
    tables: [table],
    after: (period, count) => `${period} + ${count}`,
    named: (period) => of('period_name', period),
    firstDay: (period) => of('first_day', period),
    isOver: (period, to) => `${period} <= ${isOver(to)}`,
    isBegun: (period, to) => `${period} <= ${last(`first_day ${untilNow(to)} ${knownDay(to)}`)}`,
    age: (period, to) => `${isOver(to)} - ${period}`,
  }
}

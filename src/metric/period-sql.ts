/** Periods of a grain as SQL: in which a chosen row lies, those after it, and whether they are over. */
import { MaruError } from '../base/errors.ts'
import type { Day } from '../base/time.ts'
import type { ColumnType, MetricBase } from '../model/model.ts'
import { calendarSql, calendarType, isGrain, needsTimeOfDay, periodStep } from './calendar.ts'
import type { Grain } from './calendar.ts'

export interface Periods {
  readonly grain: Grain
  /** Of a period's first day or instant. */
  readonly type: ColumnType
  /** The activity's column by which its rows are put into periods; call it `moment`. */
  readonly path: 'day' | 'occurred_at'
  /** Over `moment`. */
  readonly sql: string
}

/** Why periods of the grain are not followed; undefined when they are. */
export function grainRefusal({ grain }: { readonly grain: string }): string | undefined {
  return isGrain(grain)
    ? undefined
    : `periods of ${grain}, of a calendar of the project's own, are not followed yet`
}

/** Throws METRIC_ILLEGAL for a grain that is not answered here. */
export function periodsOf(
  metric: Pick<MetricBase, 'name' | 'place'> & { readonly grain: string },
): Periods {
  const { grain } = metric
  if (!isGrain(grain)) {
    throw new MaruError('METRIC_ILLEGAL', `"${metric.name}": ${grainRefusal(metric)}`, {
      hint: 'take day, week, month, quarter or year',
      where: metric.place,
    })
  }
  const isOfDay = !needsTimeOfDay(grain)
  const source = momentType(grain)
  return {
    grain,
    type: calendarType(grain, source),
    path: isOfDay ? 'day' : 'occurred_at',
    sql: calendarSql(grain, 'moment', source),
  }
}

function momentType(grain: Grain): ColumnType {
  return { kind: needsTimeOfDay(grain) ? 'timestamp' : 'date' }
}

/** What a period of the grain is called by: its first day or instant. */
export function periodType(grain: string): ColumnType {
  return isGrain(grain) ? calendarType(grain, momentType(grain)) : { kind: 'date' }
}

/** The period so many after one; `count` is a number or SQL. */
export function periodAfter(
  { grain, type }: Periods,
  period: string,
  count: number | string,
): string {
  const after = `${period} + ${periodStep(grain)} * ${typeof count === 'number' ? `(${count})` : count}`
  return type.kind === 'date' ? `cast(${after} as date)` : after
}

/** The first moment that is not known yet: the range's end, or now. */
export function knownUntil({ type }: Periods, to: Day | undefined): string {
  if (type.kind === 'date') return to === undefined ? 'current_date' : `date '${to}'`
  return to === undefined
    ? 'current_timestamp'
    : `cast('${to} 00:00:00' as timestamp with time zone)`
}

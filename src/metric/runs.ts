/**
 * A leg's rows grouped by runs of time: each row lies in the runs that end at it or later and reach back to it. What adds up is added up of days first. Different
 * values add up too where each is counted once in a run: at its first row when the run's beginning stands still, at its latest when it moves. Of all else every run has
 * its rows.
 */
import type { CumulativeMetric } from '../model/model.ts'
import { interval } from '../plan/choice.ts'
import { calendarSql, isGrain } from './calendar.ts'
import type { Grain } from './calendar.ts'
import type { Leg, LegMeasure } from './leg.ts'
import { edgeCte, groupCte } from './leg-sql.ts'
import type { Grouped } from './merge.ts'
import { isMergeable, mergedStateSql } from './state.ts'
import { unitType } from './time-words.ts'

/** The end of a run, in the CTE `period`; where its beginning is of a calendar of the project's own, that too; and the time of a row. */
export const end = 'run__end'
export const begin = 'run__begin'
export const time = 'run__time'

export interface Runs {
  readonly leg: Leg
  readonly valueNames: ReadonlyMap<string, string>
  readonly over: CumulativeMetric['over']
  readonly unit: Grain
  /** Slugs of the dimensions that are no times. */
  readonly others: readonly string[]
}

export function runGroups(runs: Runs): readonly (Grouped & { readonly ctes: readonly string[] })[] {
  const { measures, balance } = runs.leg
  if (balance !== undefined) return [ofEdges(runs)]
  const isDistinct = ({ states }: LegMeasure): boolean =>
    states.every(({ kind }) => kind === 'distinct')
  const added = measures.filter(({ states }) => states.every(isMergeable))
  const counted = measures.filter(isDistinct)
  const others = measures.filter((each) => !added.includes(each) && !counted.includes(each))
  return [
    ...(added.length === 0 ? [] : [addedUp(runs, added)]),
    ...counted.map((measure) =>
      runs.over.kind === 'window' || ownGrainOf(runs.over) !== undefined
        ? latestSeen(runs, measure)
        : firstSeen(runs, measure),
    ),
    ...(others.length === 0 ? [] : [ofRows(runs, others)]),
  ]
}

/** The grain of a calendar of the project's own with whose periods runs begin. */
export function ownGrainOf(over: Runs['over']): string | undefined {
  return over.kind === 'to_date' && !isGrain(over.grain) ? over.grain : undefined
}

type RunGroups = ReturnType<typeof runGroups>[number]

function addedUp({ leg, valueNames, ...runs }: Runs, measures: readonly LegMeasure[]): RunGroups {
  const states = measures.flatMap((measure) => measure.states)
  const keys = [end, ...runs.others]
  const items = [...keys, ...states.map((state) => `${mergedStateSql(state)} as ${state.name}`)]
  const part = `${leg.name}_unit`
  const ctes = [
    groupCte(part, { leg: { ...leg, measures }, keys: [time, ...runs.others], valueNames }),
    `${leg.name}_added as (
  select ${items.join(', ')}
  from ${joined(runs, part)}
  group by ${keys.join(', ')}
)`,
  ]
  return { ctes, groups: `${leg.name}_added`, states }
}

/** Counts each value at its first row in the run, be it unknown: a group of unknown values alone is there, and counts none. */
function firstSeen(
  { leg, valueNames, ...runs }: Runs,
  { measure, value, filter, states }: LegMeasure,
): RunGroups {
  const { over, unit, others } = runs
  const first = `${leg.name}_first_${measure.metric}`
  const period =
    over.kind === 'to_date' ? [calendarSql(over.grain as Grain, time, unitType(unit))] : []
  const counted = valueNames.get(value!.text)!
  const where = filter === undefined ? '' : `\n  where is__${measure.metric}`
  const [state] = states
  const keys = [end, ...others]
  const ctes = [
    `${first} as (
  select ${[...others, `${counted} as run__counted`, `min(${time}) as ${time}`].join(', ')}
  from ${leg.name}_row${where}
  group by ${[...others, counted, ...period].join(', ')}
)`,
    `${first}_unit as (
  select ${[time, ...others, 'count(run__counted) as run__count'].join(', ')}
  from ${first}
  group by ${[time, ...others].join(', ')}
)`,
    `${first}_group as (
  select ${[...keys, `cast(sum(run__count) as bigint) as ${state!.name}`].join(', ')}
  from ${joined(runs, `${first}_unit`)}
  group by ${keys.join(', ')}
)`,
  ]
  return { ctes, groups: `${first}_group`, states }
}

/** Counts each value at its latest row in the run: the one after which it comes again only after the run's end. */
function latestSeen(
  { leg, valueNames, ...runs }: Runs,
  { measure, value, filter, states }: LegMeasure,
): RunGroups {
  const { others, over } = runs
  const seen = `${leg.name}_seen_${measure.metric}`
  const counted = valueNames.get(value!.text)!
  const where = filter === undefined ? '' : `\n    where is__${measure.metric}`
  const [state] = states
  const keys = [end, ...others]
  // What comes after every run with the row is as good as nothing; a month may be three days shorter than the one before.
  const next =
    over.kind === 'window'
      ? `case when run__next <= ${time} + ${interval(over.length)} + interval '3' day then run__next end as run__next`
      : 'run__next'
  const ctes = [
    `${seen} as (
  select ${[time, ...others, 'run__counted'].join(', ')}, lead(${time}) over (partition by ${[...others, 'run__counted'].join(', ')} order by ${time}) as run__next
  from (
    select distinct ${[time, ...others, `${counted} as run__counted`].join(', ')}
    from ${leg.name}_row${where}
  ) as each_value
)`,
    `${seen}_unit as (
  select ${[time, ...others].join(', ')}, run__next, count(run__counted) as run__count
  from (
    select ${[time, ...others, 'run__counted'].join(', ')}, ${next}
    from ${seen}
  ) as each_value
  group by ${[time, ...others, 'run__next'].join(', ')}
)`,
    `${seen}_group as (
  select ${[...keys, `cast(sum(run__count) as bigint) as ${state!.name}`].join(', ')}
  from ${joined(runs, `${seen}_unit`)}
    and coalesce(part.run__next > period.${end}, true)
  group by ${keys.join(', ')}
)`,
  ]
  return { ctes, groups: `${seen}_group`, states }
}

function ofRows(runs: Runs, measures: readonly LegMeasure[]): RunGroups {
  const { leg, valueNames, others } = runs
  const ctes = [
    runRows(runs),
    groupCte(`${leg.name}_of_runs`, {
      leg: { ...leg, measures },
      keys: [end, ...others],
      valueNames,
      rows: `${leg.name}_run`,
    }),
  ]
  const states = measures.flatMap((measure) => measure.states)
  return { ctes, groups: `${leg.name}_of_runs`, states }
}

/** Of a balance each run has its own first or last time. */
function ofEdges(runs: Runs): RunGroups {
  const { leg, valueNames, others } = runs
  const rows = `${leg.name}_edge`
  const ctes = [
    runRows(runs),
    edgeCte(rows, { leg, rows: `${leg.name}_run`, keys: [end] }),
    groupCte(`${leg.name}_of_runs`, { leg, keys: [end, ...others], valueNames, rows }),
  ]
  const states = leg.measures.flatMap((measure) => measure.states)
  return { ctes, groups: `${leg.name}_of_runs`, states }
}

/** `<leg>_run`: the rows of each run. */
export function runRows({ leg, ...runs }: Pick<Runs, 'leg' | 'over' | 'unit'>): string {
  return `${leg.name}_run as (\n  select part.*, period.${end}\n  from ${joined(runs, `${leg.name}_row`)}\n)`
}

function joined({ over, unit }: Pick<Runs, 'over' | 'unit'>, part: string): string {
  const conditions = [`part.${time} <= period.${end}`]
  if (over.kind === 'window')
    conditions.push(`part.${time} > period.${end} - ${interval(over.length)}`)
  if (over.kind === 'to_date') {
    const first =
      ownGrainOf(over) !== undefined
        ? `period.${begin}`
        : calendarSql(over.grain as Grain, `period.${end}`, unitType(unit))
    conditions.push(`part.${time} >= ${first}`)
  }
  return `${part} as part\n  join period on ${conditions.join('\n    and ')}`
}

/**
 * What a cumulative metric is over, in each of its runs: the rows of every leg by runs, and what is made of them there. Another time moves the rows; a total is over the
 * same runs by fewer dimensions; the mean of days looks at the days of each run.
 */
import { assert, MaruError } from '../base/errors.ts'
import { addDays } from '../base/time.ts'
import type { Day } from '../base/time.ts'
import { filledColumns } from '../model/model.ts'
import type { CumulativeMetric, Duration, Offset } from '../model/model.ts'
import { calendarSql, isGrain, isOfInstants, periodStart, periodStep } from './calendar.ts'
import type { Grain } from './calendar.ts'
import { dimensionSql } from './dimension.ts'
import type { Condition } from './filter-language.ts'
import { rangeOfRows } from './inquiry.ts'
import type { DayRange, KindRequest } from './inquiry.ts'
import { planLeg, rowsOfMeasures } from './leg.ts'
import type { Leg } from './leg.ts'
import { groupCte, legRows } from './leg-sql.ts'
import type { LegRows, RowScope } from './leg-sql.ts'
import { measuresOf, specialsOf } from './measure.ts'
import type { Expression, InnerNode, Measure, Special } from './measure.ts'
import { mergedGroups, refuseMixedTypes } from './merge.ts'
import type { Grouped } from './merge.ts'
import { calendarsOf } from './model-index.ts'
import { daysLater } from './offset.ts'
import { end, ownGrainOf, runGroups, runRows, time } from './runs.ts'
import type { Value } from './state.ts'
import { isTimeWord, namesIn, unitType } from './time-words.ts'
import { isSameDimension } from './total.ts'
import { meanSql, statesIn, valueOf } from './value.ts'

export interface RunPlan {
  readonly request: KindRequest<Extract<InnerNode, { readonly kind: 'cumulative' }>>
  readonly unit: Grain
  /** Of the rows. */
  readonly where: Condition | undefined
  /** The dimensions that are no times. */
  readonly others: readonly { readonly text: string; readonly slug: string }[]
  /** Begins the names of the CTEs. */
  readonly prefix: string
  /** Every row counts so much later than it happened. */
  readonly back?: Back
}

type Back = Extract<Offset, { readonly kind: 'back' }>

interface RunCtes {
  /** Before `period`; the rows of the legs are there. */
  readonly rows: readonly string[]
  /** After it. */
  readonly groups: readonly string[]
  readonly legs: readonly RunLeg[]
}

export interface RunLeg {
  readonly leg: Leg
  readonly rows: LegRows
}

/** One row for each run and group: over the columns of `from` the value. */
export interface RunValue {
  readonly ctes: RunCtes
  readonly from: string
  readonly value: Value
}

interface RunPart extends Grouped {
  readonly ctes: RunCtes
}

export function runsOf(plan: RunPlan, of: Expression): RunValue {
  const legs = legsOf(plan, measuresOf(of))
  const ofLegs = legs.flatMap(({ leg, rows }) =>
    runGroups({ ...runsIn(plan), leg, valueNames: rows.valueNames }),
  )
  const ofSpecials = specialsOf(of).map((special) => specialRuns(plan, special))
  const all = [...legs, ...ofSpecials.flatMap(({ ctes }) => ctes.legs)]
  refuseMixedTypes(all.map(({ leg }) => leg))
  const parts = [...ofLegs, ...ofSpecials]
  const states = parts.flatMap((part) => part.states)
  const keys = [end, ...plan.others.map(({ slug }) => slug)]
  const merged = mergedGroups(parts, { prefix: plan.prefix, keys })
  const value = valueOf(of, {
    statesOf: statesIn(states),
    valueOf: ({ key }) => {
      const { name, type } = states.find((state) => state.name === stateOf(key))!
      return { sql: name, type }
    },
    isFilled: false,
    isJoined: parts.length > 1,
  })
  const ctes = {
    rows: [
      ...legs.flatMap(({ rows }) => rows.ctes),
      ...ofSpecials.flatMap(({ ctes: own }) => own.rows),
    ],
    groups: [
      ...ofLegs.flatMap((each) => each.ctes),
      ...ofSpecials.flatMap(({ ctes: own }) => own.groups),
      ...merged.ctes,
    ],
    legs: all,
  }
  return { ctes, from: merged.groups, value }
}

function runsIn({ request, unit, others }: RunPlan): {
  readonly over: CumulativeMetric['over']
  readonly unit: Grain
  readonly others: readonly string[]
} {
  return { over: request.node.over, unit, others: others.map(({ slug }) => slug) }
}

function stateOf(key: string): string {
  return `${key}__value`
}

/** Of what no run of time can be made; undefined when it can. */
export function refusedInRuns(of: Expression, isMoved: boolean = false): string | undefined {
  for (const { node } of specialsOf(of)) {
    const reason = refusedNode(node, isMoved)
    if (reason !== undefined) return reason
  }
  return undefined
}

function refusedNode(node: Special['node'], isMoved: boolean): string | undefined {
  switch (node.kind) {
    case 'calendar':
    case 'daily_average':
    case 'total':
      return refusedInRuns(node.of, isMoved)
    case 'offset':
      if (node.offset.kind === 'to_start') return 'the value at the start of a period'
      return isMoved ? 'a value at another time of another time' : refusedInRuns(node.of, true)
    case 'cumulative':
      return 'a metric that is cumulative itself'
    default:
      return `a ${node.kind}, which follows objects from one row on`
  }
}

function specialRuns(plan: RunPlan, { key, node }: Special): RunPart {
  const inner = { ...plan, prefix: `${plan.prefix}${key}__` }
  switch (node.kind) {
    case 'calendar':
      return partOf(inner, key, runsOf(inner, node.of))
    case 'daily_average':
      return dailyRuns(inner, key, node)
    case 'total':
      return totalRuns(inner, key, node)
    case 'offset':
      assert(node.offset.kind === 'back', 'runs are of rows that move')
      return partOf(inner, key, runsOf({ ...inner, back: node.offset }, node.of))
    default:
      throw new Error(`no run is of a ${node.kind}`)
  }
}

/** A value as a state of its own. */
function partOf(
  { others, prefix }: RunPlan,
  key: string,
  { ctes, from, value }: RunValue,
): RunPart {
  const columns = [end, ...others.map(({ slug }) => slug), `${value.sql} as ${stateOf(key)}`]
  const groups = `${prefix}runs`
  return {
    ctes: {
      ...ctes,
      groups: [...ctes.groups, `${groups} as (\n  select ${columns.join(', ')}\n  from ${from}\n)`],
    },
    groups,
    states: [{ name: stateOf(key), kind: 'value', type: value.type }],
  }
}

/** Every group of a run shows the value of the groups that have the same of the kept dimensions. */
function totalRuns(
  plan: RunPlan,
  key: string,
  { of, by }: Extract<InnerNode, { readonly kind: 'total' }>,
): RunPart {
  const { request, others, prefix } = plan
  const kept = others.filter(({ text }) =>
    by.some((other) => isSameDimension(request, text, other)),
  )
  const each = runsOf({ ...plan, prefix: `${prefix}each__` }, of)
  const inWhole = { ...plan, others: kept, prefix: `${prefix}whole__` }
  const whole = partOf(inWhole, key, runsOf(inWhole, of))
  const slugs = [end, ...others.map(({ slug }) => slug)].map((slug) => `each_group.${slug}`)
  const same = [end, ...kept.map(({ slug }) => slug)].map(
    (slug) => `whole.${slug} is not distinct from each_group.${slug}`,
  )
  const groups = `${prefix}runs`
  const sql = `${groups} as (
  select ${[...slugs, `whole.${stateOf(key)}`].join(', ')}
  from ${each.from} as each_group
  left join ${whole.groups} as whole on ${same.join(' and ')}
)`
  return {
    ctes: {
      rows: [...each.ctes.rows, ...whole.ctes.rows],
      groups: [...each.ctes.groups, ...whole.ctes.groups, sql],
      legs: each.ctes.legs,
    },
    groups,
    states: whole.states,
  }
}

/** The mean of the local days of a run, each with its rows in the run. */
function dailyRuns(
  plan: RunPlan,
  key: string,
  { of }: Extract<InnerNode, { readonly kind: 'daily_average' }>,
): RunPart {
  const [ofDays, ...none] = legsOf(plan, measuresOf(of))
  assert(ofDays !== undefined && none.length === 0, 'a balance is of one measure')
  const { leg, rows } = ofDays
  const runs = runsIn(plan)
  const groups = `${leg.name}_daily`
  const keys = [end, ...runs.others]
  const day = `cast(${time} as date)`
  const states = leg.measures.flatMap((measure) => measure.states)
  const value = valueOf(of, {
    statesOf: statesIn(states),
    valueOf: () => ({ sql: 'null', type: { kind: 'number' } }),
    isFilled: false,
    isJoined: false,
  })
  const ctes = [
    runRows({ ...runs, leg }),
    groupCte(`${leg.name}_each_day`, {
      leg,
      keys: [...keys, day],
      valueNames: rows.valueNames,
      rows: `${leg.name}_run`,
    }),
    `${groups} as (
  select ${[...keys, `${meanSql(plan.request.node.name, value)} as ${stateOf(key)}`].join(', ')}
  from ${leg.name}_each_day
  group by ${keys.join(', ')}
)`,
  ]
  return {
    ctes: { rows: rows.ctes, groups: ctes, legs: [ofDays] },
    groups,
    states: [{ name: stateOf(key), kind: 'value', type: { kind: 'number' } }],
  }
}

function legsOf(plan: RunPlan, measures: readonly Measure[]): readonly RunLeg[] {
  const { request, where, others, prefix } = plan
  refuseTimesOfMoved(plan)
  const grains = [ownGrainOf(request.node.over), plan.back?.grain].filter(
    (grain) => grain !== undefined,
  )
  const calendars = calendarsOf(request.model, grains).map((table) => ({ table, filters: [] }))
  return rowsOfMeasures(measures).map(({ name, ...rows }) => {
    const leg = planLeg({
      model: request.model,
      ...rows,
      name: `${prefix}${name}`,
      by: others.map(({ text }) => text),
      where,
      range: rangeOfRuns(plan),
      compile: request.compile,
    })
    const itemsOf = ({ alias, expressionOf }: RowScope): readonly string[] => [
      `${timeSql(plan, alias)} as ${time}`,
      ...leg.dimensions.map(
        (dimension, at) =>
          `${dimensionSql(dimension, expressionOf(dimension.path))} as ${others[at]!.slug}`,
      ),
    ]
    const { reads, ...ctes } = legRows(leg, itemsOf)
    return { leg, rows: { ...ctes, reads: [...reads, ...calendars] } }
  })
}

/** A row that shows at another time has not the hour of the clock at which it shows. */
function refuseTimesOfMoved({ request, where, back, unit }: RunPlan): void {
  if (back === undefined || where === undefined) return
  const word = namesIn(where).find((text) => isTimeWord(request.model, text))
  if (word === undefined) return
  throw new MaruError(
    'METRIC_ILLEGAL',
    `"${request.node.name}" looks at another time by ${unit}, and the condition on ${word} says something else of time`,
    { hint: `name no time shorter than ${unit}` },
  )
}

/** The unit's period in which a row shows. */
function timeSql({ request, unit, back }: RunPlan, alias: string): string {
  const day = `${alias}.${filledColumns.day}`
  const isOfDays = !isOfInstants(unit)
  if (back === undefined) return isOfDays ? day : instantSql(unit, `${alias}.occurred_at`)
  const { grain, count } = back
  if (isOfDays && !isOfInstants(grain))
    return daysLater(request.model, back).day.replaceAll('moment', day)
  if (!isGrain(grain)) {
    throw new MaruError(
      'METRIC_ILLEGAL',
      `"${request.node.name}" looks at another ${grain}, which is of days, by ${unit}`,
      { hint: 'ask by day or longer' },
    )
  }
  const shown = `${alias}.occurred_at + ${periodStep(grain)} * ${count}`
  return isOfDays ? `cast(${shown} as date)` : instantSql(unit, `(${shown})`)
}

function instantSql(unit: Grain, instant: string): string {
  return calendarSql(unit, instant, unitType(unit))
}

const longestUnits: Readonly<Record<Duration['unit'] | 'quarter', number>> = {
  second: 1 / 86_400,
  minute: 1 / 1440,
  hour: 1 / 23,
  day: 1,
  week: 7,
  month: 31,
  quarter: 92,
  year: 366,
}

/** The days of the rows that a run may see; from the beginning when it is very long. */
function rangeOfRuns({ request, back }: RunPlan): DayRange {
  const { from, to } = rangeOfRows(request)
  const { over } = request.node
  const until: DayRange = to === undefined ? {} : { to }
  if (from === undefined || over.kind === 'all_time' || ownGrainOf(over) !== undefined) return until
  const first =
    over.kind === 'to_date'
      ? periodStart(over.grain as Grain, from)
      : daysBefore(from, over.length.count * longestUnits[over.length.unit])
  if (back === undefined || first === undefined)
    return first === undefined ? until : { ...until, from: first }
  if (!isGrain(back.grain)) return until
  const seen = daysBefore(first, back.count * longestUnits[back.grain])
  // The last day of a month is shown for those that a shorter one does not have.
  return seen === undefined ? until : { ...until, from: addDays(seen, -3) }
}

function daysBefore(day: Day, length: number): Day | undefined {
  const days = Math.ceil(length)
  return days > 100_000 ? undefined : addDays(day, -days)
}

/** Cumulative metrics: each day (hour, …) sees the rows of its run of time. */
import { MaruError } from '../base/errors.ts'
import { addDays } from '../base/time.ts'
import { filledColumns } from '../model/model.ts'
import type { ColumnType, CumulativeMetric, Duration } from '../model/model.ts'
import { calendarSql, isGrain, isOfInstants, periodStart } from './calendar.ts'
import type { Grain } from './calendar.ts'
import { dimensionSql } from './dimension.ts'
import type { Condition } from './filter-language.ts'
import { timelessRange } from './illegal.ts'
import type { DayRange, Kind, KindRequest, Part } from './inquiry.ts'
import { planLeg, rowsOfMeasures } from './leg.ts'
import type { Leg } from './leg.ts'
import { countedWhere, legRows } from './leg-sql.ts'
import type { LegRows, RowScope } from './leg-sql.ts'
import { measuresOf, specialsOf, unanswered } from './measure.ts'
import type { InnerNode } from './measure.ts'
import { mergedGroups, refuseMixedTypes } from './merge.ts'
import { tableById } from './model-index.ts'
import { end, runGroups, time } from './runs.ts'
import { seriesCtes } from './series.ts'
import {
  allOf,
  conjunctsOf,
  groupCondition,
  groupedBy,
  isSaidBy,
  isTimeWord,
  namesIn,
  unitOf,
  unitType,
  wordSql,
} from './time-words.ts'
import { meanSql, statesIn, valueOf } from './value.ts'

type Cumulative = Extract<InnerNode, { readonly kind: 'cumulative' }>

export const cumulative: Kind<Cumulative> = { compile }

function compile(request: KindRequest<Cumulative>): Part {
  const { model, node, by, slugs, name } = request
  refuseUnanswered(request)
  const words = by.filter((text) => isTimeWord(model, text))
  const unit = unitOf(words, 'day')
  const { ofRows, ofRuns } = partConditions(request, unit)
  const others = slugs.filter((_, place) => !isTimeWord(model, by[place]!))
  const legs = legsOf(request, { unit, where: allOf(ofRows), others })
  refuseMixedTypes(legs.map(({ leg }) => leg))
  const grouped = legs.flatMap(({ leg, rows }) =>
    runGroups({ leg, valueNames: rows.valueNames, over: node.over, unit, others }),
  )
  const merged = mergedGroups(grouped, { prefix: '', keys: [end, ...others] })
  const value = valueOf(node.of, {
    statesOf: statesIn(grouped.flatMap(({ states }) => states)),
    valueOf: () => refuseInside(request),
    isFilled: false,
    isJoined: grouped.length > 1,
  })
  const timed = by.flatMap((text, place) =>
    isTimeWord(model, text)
      ? [`${wordSql(model, text, { unit, period: end })} as ${slugs[place]!}`]
      : [],
  )
  const scope = { model, rootId: request.rootIds[0]!, metric: node.name }
  const where = groupCondition(scope, ofRuns, (text) => wordSql(model, text, { unit, period: end }))
  const ctes = [
    ...legs.flatMap(({ rows }) => rows.ctes),
    ...endCtes(request, { unit, hasTime: words.length > 0, legs }),
    ...grouped.flatMap((each) => each.ctes),
    ...merged.ctes,
    `each_run as (
  select ${[end, ...others, ...timed, `${value.sql} as run__value`].join(', ')}
  from ${merged.groups}${where.length === 0 ? '' : `\n  where ${where.join('\n    and ')}`}
)`,
  ]
  return {
    ctes: [`${name}_group as (\nwith ${ctes.join(',\n')}\n${acrossSql(request, value.type)}\n)`],
    groups: `${name}_group`,
    dimensions: groupedBy(request, legs[0]!.leg.dimensions),
    states: [
      {
        name: request.state,
        kind: 'value',
        type: node.across === 'average' ? { kind: 'number' } : value.type,
      },
    ],
    reads: legs.flatMap(({ rows }) => rows.reads),
    sources: legs.map(({ leg }) => ({
      kind: 'activities',
      tables: [leg.rootId],
      metrics: [node.name],
    })),
    rootId: legs[0]!.leg.rootId,
  }
}

function refuseUnanswered(request: KindRequest<Cumulative>): void {
  const { model, node, rootIds } = request
  if (specialsOf(node.of).length > 0) refuseInside(request)
  if (measuresOf(node.of).some(({ balance }) => balance !== undefined))
    throw unanswered(node, 'a balance in it')
  if (node.over.kind === 'to_date' && !isGrain(node.over.grain))
    throw unanswered(node, `the grain ${node.over.grain}`)
  const timeless = rootIds.find((rootId) => tableById(model, rootId)?.kind !== 'activity')
  if (timeless !== undefined) throw timelessRange(node.name, timeless)
}

function refuseInside({ node }: KindRequest<Cumulative>): never {
  throw unanswered(
    node,
    'a metric over other periods, a conversion, a funnel or the like in it',
    'take the cumulative metric at another time instead: offset(cumulative(sales, …), …), and so total(cumulative(…), …)',
  )
}

/** What names times only is said of the run's end, all else of the rows. */
function partConditions(
  { model, node, where }: KindRequest<Cumulative>,
  unit: Grain,
): { readonly ofRows: readonly Condition[]; readonly ofRuns: readonly Condition[] } {
  const ofRows: Condition[] = []
  const ofRuns: Condition[] = []
  for (const condition of conjunctsOf(where)) {
    const isOfRun = namesIn(condition).map(
      (name) => isTimeWord(model, name) && isSaidBy(unit, name),
    )
    if (isOfRun.every(Boolean)) ofRuns.push(condition)
    else if (!isOfRun.some(Boolean)) ofRows.push(condition)
    else {
      throw new MaruError(
        'METRIC_ILLEGAL',
        `"${node.name}" is cumulative: a condition of times and of rows at once has no meaning for it`,
        { hint: 'join conditions on time to the others by "and"' },
      )
    }
  }
  return { ofRows, ofRuns }
}

interface RunLeg {
  readonly leg: Leg
  readonly rows: LegRows
}

interface LegOptions {
  readonly unit: Grain
  readonly where: Condition | undefined
  /** Slugs. */
  readonly others: readonly string[]
}

function legsOf(
  { model, node, by, range, compile: compileMetric }: KindRequest<Cumulative>,
  { unit, where, others }: LegOptions,
): readonly RunLeg[] {
  return rowsOfMeasures(measuresOf(node.of)).map((rows) => {
    const leg = planLeg({
      model,
      ...rows,
      by: by.filter((text) => !isTimeWord(model, text)),
      where,
      range: rangeOfRuns(node.over, range),
      compile: compileMetric,
    })
    const itemsOf = ({ alias, expressionOf }: RowScope): readonly string[] => [
      `${isOfInstants(unit) ? calendarSql(unit, `${alias}.occurred_at`, unitType(unit)) : `${alias}.${filledColumns.day}`} as ${time}`,
      ...leg.dimensions.map(
        (dimension, place) =>
          `${dimensionSql(dimension, expressionOf(dimension.path))} as ${others[place]!}`,
      ),
    ]
    return { leg, rows: legRows(leg, itemsOf) }
  })
}

const longestUnits: Readonly<Record<Duration['unit'], number>> = {
  second: 1 / 86_400,
  minute: 1 / 1440,
  hour: 1 / 23,
  day: 1,
  week: 7,
  month: 31,
  year: 366,
}

/** The days of the rows that a run may see; from the beginning when it is very long. */
function rangeOfRuns(over: CumulativeMetric['over'], { from, to }: DayRange): DayRange {
  const end: DayRange = to === undefined ? {} : { to }
  if (from === undefined || over.kind === 'all_time') return end
  if (over.kind === 'to_date') return { ...end, from: periodStart(over.grain as Grain, from) }
  const days = Math.ceil(over.length.count * longestUnits[over.length.unit])
  return days > 100_000 ? end : { ...end, from: addDays(from, -days) }
}

interface Ends {
  readonly unit: Grain
  readonly hasTime: boolean
  readonly legs: readonly RunLeg[]
}

/** Every end of a run in the range, or the last when no time is asked for. Where the range is open, from the first row to the last. */
function endCtes(
  { range }: KindRequest<Cumulative>,
  { unit, hasTime, legs }: Ends,
): readonly string[] {
  const all = legs
    .map(({ leg }) => `select ${time} from ${leg.name}_row${countedWhere(leg)}`)
    .join(' union all ')
  const open = { first: `min(${time})`, last: `max(${time})`, from: `(${all}) as any_row` }
  if (hasTime) return seriesCtes({ prefix: '', column: end, grain: unit, range, open })
  const last =
    range.to === undefined
      ? `${open.last} as ${end} from ${open.from}`
      : `date '${addDays(range.to, -1)}' as ${end}`
  return [`period as (\n  select ${last}\n)`]
}

/** Of the runs that end in one period of the question: the first, the last, or their average. */
function acrossSql({ node, slugs, state }: KindRequest<Cumulative>, type: ColumnType): string {
  if (node.across === 'average') {
    const mean = meanSql(node.name, { sql: 'run__value', type })
    const groupBy = slugs.length === 0 ? '' : `\ngroup by ${slugs.join(', ')}`
    return `select ${[...slugs, `${mean} as ${state}`].join(', ')}\nfrom each_run${groupBy}`
  }
  const partition = slugs.length === 0 ? '' : `partition by ${slugs.join(', ')} `
  const order = node.across === 'first' ? end : `${end} desc`
  return `select ${[...slugs, `run__value as ${state}`].join(', ')}
from (
  select *, row_number() over (${partition}order by ${order}) as run__place
  from each_run
) as placed
where run__place = 1`
}

/** Cumulative metrics: each day (hour, …) sees the rows of its run of time. */
import { MaruError } from '../base/errors.ts'
import { addDays } from '../base/time.ts'
import { filledColumns } from '../model/model.ts'
import type { ColumnType } from '../model/model.ts'
import { isOfInstants } from './calendar.ts'
import type { Grain } from './calendar.ts'
import { periodEnd } from './dimension.ts'
import { timelessRange } from './illegal.ts'
import type { Kind, KindRequest, Part } from './inquiry.ts'
import { countedWhere } from './leg-sql.ts'
import type { InnerNode } from './measure.ts'
import { ownGrain, tableById } from './model-index.ts'
import type { OwnGrain } from './model-index.ts'
import { refusedInRuns, runsOf } from './run-parts.ts'
import type { RunLeg } from './run-parts.ts'
import { begin, end, ownGrainOf, time } from './runs.ts'
import { seriesCtes } from './series.ts'
import {
  allOf,
  groupCondition,
  groupedBy,
  isTimeWord,
  namesIn,
  partConditions,
  unitOf,
  wordSql,
} from './time-words.ts'
import { meanSql } from './value.ts'

type Cumulative = Extract<InnerNode, { readonly kind: 'cumulative' }>

const noPeriod = 'a run of time has no end of a period'

export const cumulative: Kind<Cumulative> = {
  isMovable: true,
  compile,
  refuses: ({ of }, text) => {
    const inside = refusedInRuns(of)
    if (inside !== undefined) return `it is cumulative over ${inside}`
    return text.endsWith(periodEnd) ? noPeriod : undefined
  },
}

function compile(request: KindRequest<Cumulative>): Part {
  const { model, node, by, slugs, name, rootIds } = request
  const timeless = rootIds.find((rootId) => tableById(model, rootId)?.kind !== 'activity')
  if (timeless !== undefined) throw timelessRange(node.name, timeless)
  refuseInside(request)
  const words = by.filter((text) => isTimeWord(model, text))
  const unit = unitOf(words, 'day')
  const { ofRows, ofPeriods } = conditionsOf(request, unit)
  const others = by.flatMap((text, at) =>
    isTimeWord(model, text) ? [] : [{ text, slug: slugs[at]! }],
  )
  const runs = runsOf({ request, unit, where: allOf(ofRows), others, prefix: '' }, node.of)
  const { ctes, value } = runs
  const period = shownEnd(request)
  const timed = by.flatMap((text, place) =>
    isTimeWord(model, text)
      ? [`${wordSql(model, text, { unit, period })} as ${slugs[place]!}`]
      : [],
  )
  const scope = { model, rootId: rootIds[0]!, metric: node.name }
  const where = groupCondition(scope, ofPeriods, (text) => wordSql(model, text, { unit, period }))
  const all = [
    // Rows that are chosen alike for several legs are chosen once.
    ...new Set(ctes.rows),
    ...endCtes(request, { unit, hasTime: words.length > 0, legs: ctes.legs }),
    ...ctes.groups,
    `each_run as (
  select ${[period, ...others.map(({ slug }) => slug), ...timed, `${value.sql} as run__value`].join(', ')}
  from ${runs.from}${shownJoin(request)}${where.length === 0 ? '' : `\n  where ${where.join('\n    and ')}`}
)`,
  ]
  return {
    ctes: [`${name}_group as (\nwith ${all.join(',\n')}\n${acrossSql(request, value.type)}\n)`],
    groups: `${name}_group`,
    dimensions: groupedBy(request, ctes.legs[0]!.leg.dimensions),
    states: [
      {
        name: request.state,
        kind: 'value',
        type: node.across === 'average' ? { kind: 'number' } : value.type,
      },
    ],
    reads: ctes.legs.flatMap(({ rows }) => rows.reads),
    sources: ctes.legs.map(({ leg }) => ({
      kind: 'activities',
      tables: [leg.rootId],
      metrics: [node.name],
    })),
    rootId: ctes.legs[0]!.leg.rootId,
  }
}

/** What shows later shows at another time than that with which its run ends. */
const shown = 'run__shown'

function shownEnd({ later }: KindRequest<Cumulative>): string {
  return later === undefined ? end : shown
}

function shownJoin({ later }: KindRequest<Cumulative>): string {
  return later === undefined
    ? ''
    : `\n  join shown__period on ${later.back.replaceAll('moment', shown)} = ${end}`
}

function refuseInside({ node, by, where }: KindRequest<Cumulative>): void {
  const inside = refusedInRuns(node.of)
  if (inside !== undefined) {
    throw new MaruError('METRIC_ILLEGAL', `metric "${node.name}" is cumulative over ${inside}`, {
      hint: 'a run of time is of rows: of aggregates, balances, other times ("1 month" back) and totals. What is made of runs is written outside: offset(cumulative(sales), { to: "month" })',
      where: node.place,
    })
  }
  const names = [...by, ...(where === undefined ? [] : namesIn(where))]
  const text = names.find((each) => each.endsWith(periodEnd))
  if (text === undefined) return
  throw new MaruError('METRIC_ILLEGAL', `"${node.name}" does not go with "${text}": ${noPeriod}`, {
    hint: 'ask as of the row, or with @now',
  })
}

/** What names times only is said of the run's end, all else of the rows. */
function conditionsOf(
  { model, node, where }: KindRequest<Cumulative>,
  unit: Grain,
): ReturnType<typeof partConditions> {
  const parted = partConditions(model, where, unit)
  if (parted.ofBoth.length === 0) return parted
  throw new MaruError(
    'METRIC_ILLEGAL',
    `"${node.name}" is cumulative: a condition of times and of rows at once has no meaning for it`,
    { hint: 'join conditions on time to the others by "and"' },
  )
}

interface Ends {
  readonly unit: Grain
  readonly hasTime: boolean
  readonly legs: readonly RunLeg[]
}

/** Every end of a run in the range, or the last when no time is asked for. Where the range is open, from the first row to the last. */
function endCtes(request: KindRequest<Cumulative>, ends: Ends): readonly string[] {
  const { node, later, model } = request
  const grain = ownGrainOf(node.over)
  const period = grain === undefined ? 'period' : 'run__period'
  const ctes =
    later === undefined
      ? periodCtes(request, ends, period)
      : [
          ...periodCtes(request, ends, 'shown__period'),
          `${period} as (
  select distinct ${later.back.replaceAll('moment', shown)} as ${end}
  from shown__period
)`,
        ]
  return grain === undefined ? ctes : [...ctes, begunCte(ownGrain(model, grain)!, ends.unit)]
}

function periodCtes(
  request: KindRequest<Cumulative>,
  { unit, hasTime, legs }: Ends,
  name: string,
): readonly string[] {
  const { range, later } = request
  const column = shownEnd(request)
  const all = legs
    .map(({ leg }) => `select ${time} from ${leg.name}_row${countedWhere(leg)}`)
    .join(' union all ')
  const of = (edge: 'min' | 'max'): string =>
    later === undefined ? `${edge}(${time})` : later.day.replaceAll('moment', `${edge}(${time})`)
  const open = { first: of('min'), last: of('max'), from: `(${all}) as any_row` }
  const prefix = name.replace(/period$/, '')
  if (hasTime) return seriesCtes({ prefix, column, grain: unit, range, open })
  // A range that begins after the last row has no end of a run.
  const isInRange =
    range.from === undefined ? '' : `\n  having ${open.last} >= date '${range.from}'`
  const last =
    range.to === undefined
      ? `${open.last} as ${column}\n  from ${open.from}${isInRange}`
      : `date '${addDays(range.to, -1)}' as ${column}`
  return [`${name} as (\n  select ${last}\n)`]
}

/** The first day of the period in which each run ends; what ends on a day that the calendar does not have is no run. */
function begunCte({ table, day, column, history }: OwnGrain, unit: Grain): string {
  const isNow = (alias: string): string =>
    history ? ` and ${alias}.${filledColumns.validTo} is null` : ''
  const first = `min(first_row.${day})`
  return `period as (
  select each_end.${end}, ${isOfInstants(unit) ? `cast(${first} as timestamp with time zone)` : first} as ${begin}
  from run__period as each_end
  join ${table} as last_row on last_row.${day} = cast(each_end.${end} as date)${isNow('last_row')}
  join ${table} as first_row on first_row.${column.name} = last_row.${column.name}${isNow('first_row')}
  group by each_end.${end}
)`
}

/** Of the runs that end in one period of the question: the first, the last, or their average. */
function acrossSql(request: KindRequest<Cumulative>, type: ColumnType): string {
  const { node, slugs, state } = request
  if (node.across === 'average') {
    const mean = meanSql(node.name, { sql: 'run__value', type })
    const groupBy = slugs.length === 0 ? '' : `\ngroup by ${slugs.join(', ')}`
    return `select ${[...slugs, `${mean} as ${state}`].join(', ')}\nfrom each_run${groupBy}`
  }
  const partition = slugs.length === 0 ? '' : `partition by ${slugs.join(', ')} `
  const order = node.across === 'first' ? shownEnd(request) : `${shownEnd(request)} desc`
  return `select ${[...slugs, `run__value as ${state}`].join(', ')}
from (
  select *, row_number() over (${partition}order by ${order}) as run__place
  from each_run
) as placed
where run__place = 1`
}

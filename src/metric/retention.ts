/** Retention: of the objects that start in a period, those that are back so many periods later. */
import { MaruError } from '../base/errors.ts'
import { dayNumber } from '../base/time.ts'
import type { ColumnType, MetricModel } from '../model/model.ts'
import { chooseForMetric } from './metric-condition.ts'
import { anchoredPart } from './anchored.ts'
import { isGrain, periodStart } from './calendar.ts'
import type { Grain } from './calendar.ts'
import type { Kind, KindRequest } from './inquiry.ts'
import { periodsOf, periodType } from './period-sql.ts'
import type { Periods } from './period-sql.ts'

type Node = Extract<MetricModel, { readonly kind: 'retention' }>
type Request = KindRequest<Node>

const integer: ColumnType = { kind: 'integer' }

export const retention: Kind<Node> = {
  roots: (_model, { start }) => [start.activity],
  isCount: ({ result }) => result === 'actors',
  dimensions: (node, model) => [
    {
      path: 'cohort',
      type: periodType(model, node.grain),
      description: `the ${node.grain} of the start`,
    },
    ...(node.at === undefined
      ? [{ path: 'age', type: integer, description: `${node.grain}s after the start` }]
      : []),
  ],
  hasCohorts: true,
  needs: (node) => (node.at === undefined ? 'age' : undefined),
  compile: (request) => {
    const { node, name } = request
    refuseWithoutAge(request)
    const periods = periodsOf(request)
    const columns = { moment: periods.path }
    const start = chooseForMetric(request, { choice: node.start, name: `${name}__start`, columns })
    const back = chooseForMetric(request, { choice: node.back, name: `${name}__back`, columns })
    return anchoredPart(request, {
      rootId: node.start.activity,
      ctes: [
        ...periods.ctes,
        ...[...start.histories, ...back.histories].map(({ sql }) => sql),
        ...start.ctes,
        ...back.ctes,
        ...anchorCtes(request, periods, { start: start.rows, back: back.rows }),
      ],
      isEntry: true,
      rows: `${name}__anchor`,
      tables: [...start.tables, ...back.tables, ...periods.tables],
      columns: ['is_back'],
      dimensions: {
        cohort: { column: 'cohort', type: periods.type, grain: node.grain },
        ...(node.at === undefined ? { age: { column: 'age', type: integer } } : {}),
      },
      ...(node.result === 'actors'
        ? { value: 'cast(coalesce(sum(value__is_back), 0) as bigint)', type: integer }
        : {
            value: 'cast(sum(value__is_back) as double) / nullif(count(*), 0)',
            type: { kind: 'number' },
          }),
    })
  },
}

function refuseWithoutAge({ node, by }: Request): void {
  if (node.at !== undefined || by.includes('age')) return
  throw new MaruError('METRIC_ILLEGAL', `"${node.name}" is a value for each age`, {
    hint: 'ask by age, or declare the metric `at` one age',
  })
}

function anchorCtes(
  request: Request,
  periods: Periods,
  rows: { readonly start: string; readonly back: string },
): readonly string[] {
  const { node, name, range } = request
  const isRolling = node.counting === 'rolling'
  const after = (count: number | string): string => periods.after('cohort.period', count)
  const ages =
    node.at === undefined
      ? `select cohort.period, number.age, ${after('number.age')} as back_period
  from ${name}__cohort as cohort
  join ${name}__number as number on ${periods.isOver(after('number.age'), range.to)}`
      : `select cohort.period, ${node.at} as age, ${after(node.at)} as back_period
  from ${name}__cohort as cohort
  where ${periods.isOver(after(node.at), range.to)}`
  return [
    `${name}__started as (
  select object_key, occurred_at, event_id, ${periods.sql} as period
  from ${rows.start}
)`,
    `${name}__numbered as (
  select *, row_number() over (partition by object_key, period order by occurred_at, event_id) as place
  from ${name}__started
  where period is not null
)`,
    `${name}__entry as (
  select object_key, event_id, period
  from ${name}__numbered
  where place = 1
)`,
    `${name}__cohort as (
  select distinct period
  from ${name}__entry${cohortConditions(request, periods)}
)`,
    ...(node.at === undefined ? numberCtes(request, periods) : []),
    `${name}__age as (
  ${ages}
)`,
    `${name}__seen as (
  select object_key, ${isRolling ? `max(${periods.sql})` : periods.sql} as period
  from ${rows.back}
  group by object_key${isRolling ? '' : `, ${periods.sql}`}
)`,
    `${name}__anchor as (
  select entry.event_id, ${periods.named('entry.period')} as cohort, each_age.age, case when seen.object_key is null then 0 else 1 end as is_back
  from ${name}__entry as entry
  join ${name}__age as each_age on each_age.period = entry.period
  left join ${name}__seen as seen on seen.object_key = entry.object_key and seen.period ${isRolling ? '>=' : '='} each_age.back_period
)`,
  ]
}

/** Of cohorts outside of the range nothing is asked. */
function cohortConditions({ node, range: { from, to } }: Request, { path }: Periods): string {
  const { grain } = node
  if (path !== 'day' || !isGrain(grain)) return ''
  const conditions = [
    ...(from === undefined ? [] : [`period >= date '${periodStart(grain, from)}'`]),
    ...(to === undefined ? [] : [`period < date '${to}'`]),
  ]
  return conditions.length === 0 ? '' : `\n  where ${conditions.join(' and ')}`
}

/** How many periods a day has, at most. */
const perDay: Readonly<Record<Grain, number>> = {
  second: 86_400,
  minute: 1440,
  hour: 25,
  day: 1,
  week: 1 / 7,
  month: 1 / 28,
  quarter: 1 / 90,
  year: 1 / 365,
}

const agesMax = 1_000_000
const longestDays = 99_999

/** Decimal places of the ages of the range, or of two hundred years when it is open. */
function placesOf({ node, range: { from, to } }: Request): number {
  const days =
    from === undefined || to === undefined ? longestDays : dayNumber(to) - dayNumber(from) + 366
  const count = Math.ceil(days * perDay[isGrain(node.grain) ? node.grain : 'day'])
  if (count > agesMax) {
    throw new MaruError('METRIC_ILLEGAL', `"${node.name}" would have about ${count} ages`, {
      hint: `at most ${agesMax} are answered: give a shorter from and to, or declare a coarser grain`,
    })
  }
  return String(count).length
}

/** All ages that there can be, from digits. */
function numberCtes(request: Request, periods: Periods): readonly string[] {
  const { name, range } = request
  const places = Array.from({ length: placesOf(request) }, (_, at) => at)
  const sum = places.map((at) => `${10 ** at} * digit_${at}.n`).join(' + ')
  const from = places.map((at) => `${name}__digit as digit_${at}`).join(' cross join ')
  const oldest = `select ${periods.age('min(period)', range.to)} from ${name}__cohort`
  const where = periods.path === 'day' ? `\n  where ${sum} <= (${oldest})` : ''
  return [
    `${name}__digit as (
  select n
  from (values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) as ten(n)
)`,
    `${name}__number as (
  select ${sum} as age
  from ${from}${where}
)`,
  ]
}

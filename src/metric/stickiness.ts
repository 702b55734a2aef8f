/** Stickiness: in how many of a period's days, of those that there are, the active are so. */
import { MaruError } from '../base/errors.ts'
import type { Day } from '../base/time.ts'
import { filledColumns } from '../model/model.ts'
import type { MetricModel, Model } from '../model/model.ts'
import { isWithin, nextPeriod, periodStart } from '../plan/plan.ts'
import type { Period } from '../plan/plan.ts'
import { chooseForMetric } from './metric-condition.ts'
import { anchoredPart } from './anchored.ts'
import { isCalendarPart, isGrain, needsTimeOfDay } from './calendar.ts'
import type { Kind, KindRequest } from './inquiry.ts'
import { ownGrain } from './model-index.ts'
import { periodsOf } from './period-sql.ts'
import { isTimeWord } from './time-words.ts'

type Node = Extract<MetricModel, { readonly kind: 'stickiness' }>
type Request = KindRequest<Node>

export const stickiness: Kind<Node> = {
  roots: (_model, { choice }) => [choice.activity],
  refuses: ({ grain }, text, model) => {
    if (isCalendarPart(text)) return 'a part of the calendar is no period'
    if (!isTimeWord(model, text) || isMadeOf(model, text, grain)) return undefined
    return `a ${text} is not made of whole ${grain}s`
  },
  compile: (request) => {
    const { model, node, name } = request
    const { grain } = node
    if (isGrain(grain) && !isPeriod(grain)) {
      throw new MaruError(
        'METRIC_ILLEGAL',
        `metric "${node.name}" is by ${grain}, which is not answered yet`,
        {
          hint: 'take day, week, month, quarter or year',
          where: node.place,
        },
      )
    }
    const periods = periodsOf(request)
    const chosen = chooseForMetric(request, {
      choice: node.choice,
      name: `${name}__chosen`,
      columns: { moment: periods.path },
    })
    const pairs = `count(distinct cast(value__object_key as varchar) || ' ' || cast(value__period as varchar))`
    return anchoredPart(request, {
      rootId: node.choice.activity,
      ctes: [
        ...periods.ctes,
        ...chosen.histories.map(({ sql }) => sql),
        ...chosen.ctes,
        `${name}__anchor as (
  select event_id, object_key, ${periods.sql} as period
  from ${chosen.rows}${periods.ctes.length === 0 ? '' : `\n  where ${periods.sql} is not null`}
)`,
      ],
      rows: `${name}__anchor`,
      tables: [...chosen.tables, ...periods.tables],
      columns: ['object_key', 'period'],
      dimensions: {},
      refuses: (text) => stickiness.refuses?.(node, text, model),
      value: `cast(${pairs} as double) / nullif(count(distinct value__object_key) * (${lengthSql(request)}), 0)`,
      type: { kind: 'number' },
    })
  },
}

function isPeriod(text: string): text is Period {
  return isGrain(text) && !needsTimeOfDay(text)
}

/** Whether periods of the one word hold whole periods of the other, as far as it can be known. */
function isMadeOf(model: Model, text: string, grain: string): boolean {
  if (isPeriod(text) && isPeriod(grain)) return isWithin(grain, text)
  const [whole, part] = [ownGrain(model, text), ownGrain(model, grain)]
  return whole !== undefined && (grain === 'day' || part?.table === whole.table)
}

/** How many periods of the metric's grain the group's period has: that of the finest time grain, or the range. */
function lengthSql(request: Request): string {
  const { model, node, by, slugs, range } = request
  const { grain } = node
  const own = by.filter((text) => ownGrain(model, text) !== undefined)
  if (own.length > 0) return ownLength(request, own)
  const order: readonly string[] = ['day', 'week', 'month', 'quarter', 'year']
  const [finest] = by.filter(isPeriod).toSorted((a, b) => order.indexOf(a) - order.indexOf(b))
  if (finest === undefined) return lengthOfRange(model, node, range)
  if (grain === finest) return '1'
  const slug = slugs[by.indexOf(finest)]!
  if (finest === 'week') return '7'
  if (grain !== 'day') return String(monthsIn[finest]! / monthsIn[grain as Period]!)
  const next = periodsOf({ ...request, node: { grain: finest } }).after(slug, 1)
  return `date_diff('day', ${slug}, ${next})`
}

/** How many the days of a period of the project's own calendar have. */
function ownLength({ model, node, name, by, slugs }: Request, own: readonly string[]): string {
  const words = by.filter((text) => isTimeWord(model, text))
  const [word] = own
  if (words.length > 1) {
    throw new MaruError(
      'METRIC_ILLEGAL',
      `"${node.name}" is a share of one period, and ${words.join(' and ')} are several`,
      { hint: `keep one of them` },
    )
  }
  if (node.grain === word) return '1'
  const { table, day, column, history } = ownGrain(model, word!)!
  const counted = ownGrain(model, node.grain)?.column.name ?? day
  const isNow = history ? ` and own_day.${filledColumns.validTo} is null` : ''
  return `(select count(distinct own_day.${counted}) from ${table} as own_day where own_day.${column.name} = ${name}__rows.${slugs[by.indexOf(word!)]!}${isNow})`
}

const monthsIn: Readonly<Partial<Record<Period, number>>> = { month: 1, quarter: 3, year: 12 }

function lengthOfRange(
  model: Model,
  { grain, name }: Node,
  { from, to }: Request['range'],
): string {
  if (from === undefined || to === undefined) {
    throw new MaruError('METRIC_ILLEGAL', `"${name}" is a share of the ${grain}s of a period`, {
      hint: 'ask by a time grain, or give from and to',
    })
  }
  const own = ownGrain(model, grain)
  if (own !== undefined) {
    const isNow = own.history ? ` and ${filledColumns.validTo} is null` : ''
    return `(select count(distinct ${own.column.name}) from ${own.table} where ${own.day} >= date '${from}' and ${own.day} < date '${to}'${isNow})`
  }
  const period = grain as Period
  let count = 0
  for (let day: Day = periodStart(period, from); day < to; day = nextPeriod(period, day)) count++
  return String(count)
}

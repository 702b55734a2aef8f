/** Stickiness: in how many of a period's days, of those that there are, the active are so. */
import { MaruError } from '../base/errors.ts'
import type { Day } from '../base/time.ts'
import type { MetricModel } from '../model/model.ts'
import { isWithin, nextPeriod, periodStart } from '../plan/plan.ts'
import type { Period } from '../plan/plan.ts'
import { chooseForMetric } from './metric-condition.ts'
import { anchoredPart } from './anchored.ts'
import { isCalendarPart, isGrain, needsTimeOfDay } from './calendar.ts'
import type { Kind, KindRequest } from './inquiry.ts'
import { grainRefusal, periodAfter, periodsOf } from './period-sql.ts'

type Node = Extract<MetricModel, { readonly kind: 'stickiness' }>
type Request = KindRequest<Node>

export const stickiness: Kind<Node> = {
  roots: (_model, { choice }) => [choice.activity],
  refuses: ({ grain }, text) => {
    const reason = grainRefusal({ grain })
    if (reason !== undefined) return reason
    if (isCalendarPart(text)) return 'a part of the calendar is no period'
    if (!isGrain(text)) return undefined
    return isPeriod(text) && isPeriod(grain) && isWithin(grain, text)
      ? undefined
      : `a ${text} is not made of whole ${grain}s`
  },
  compile: (request) => {
    const { node, name } = request
    const periods = periodsOf(node)
    if (!isPeriod(periods.grain)) {
      throw new MaruError(
        'METRIC_ILLEGAL',
        `metric "${node.name}" is by ${node.grain}, which is not answered yet`,
        {
          hint: 'take day, week, month, quarter or year',
          where: node.place,
        },
      )
    }
    const chosen = chooseForMetric(request, {
      choice: node.choice,
      name: `${name}__chosen`,
      columns: { moment: periods.path },
    })
    const pairs = `count(distinct cast(value__object_key as varchar) || ' ' || cast(value__period as varchar))`
    return anchoredPart(request, {
      rootId: node.choice.activity,
      ctes: [
        ...chosen.histories.map(({ sql }) => sql),
        ...chosen.ctes,
        `${name}__anchor as (
  select event_id, object_key, ${periods.sql} as period
  from ${chosen.rows}
)`,
      ],
      rows: `${name}__anchor`,
      tables: chosen.tables,
      columns: ['object_key', 'period'],
      dimensions: {},
      refuses: (text) => stickiness.refuses?.(node, text),
      value: `cast(${pairs} as double) / nullif(count(distinct value__object_key) * (${lengthSql(request)}), 0)`,
      type: { kind: 'number' },
    })
  },
}

function isPeriod(text: string): text is Period {
  return isGrain(text) && !needsTimeOfDay(text)
}

/** How many periods of the metric's grain the group's period has: that of the finest time grain, or the range. */
function lengthSql({ node, by, slugs, range }: Request): string {
  const order: readonly string[] = ['day', 'week', 'month', 'quarter', 'year']
  const [finest] = by.filter(isPeriod).toSorted((a, b) => order.indexOf(a) - order.indexOf(b))
  const grain = node.grain as Period
  if (finest === undefined) return String(lengthOfRange(grain, range, node.name))
  if (grain === finest) return '1'
  const slug = slugs[by.indexOf(finest)]!
  if (finest === 'week') return '7'
  if (grain !== 'day') return String(monthsIn[finest]! / monthsIn[grain]!)
  const next = periodAfter(periodsOf({ ...node, grain: finest }), slug, 1)
  return `date_diff('day', ${slug}, ${next})`
}

const monthsIn: Readonly<Partial<Record<Period, number>>> = { month: 1, quarter: 3, year: 12 }

function lengthOfRange(grain: Period, { from, to }: Request['range'], name: string): number {
  if (from === undefined || to === undefined) {
    throw new MaruError('METRIC_ILLEGAL', `"${name}" is a share of the ${grain}s of a period`, {
      hint: 'ask by a time grain, or give from and to',
    })
  }
  let count = 0
  for (let day: Day = periodStart(grain, from); day < to; day = nextPeriod(grain, day)) count++
  return count
}

/** Lifecycle: who is new, returning, resurrected or dormant in a period, by the whole history. */
import { MaruError } from '../base/errors.ts'
import type { MetricModel } from '../model/model.ts'
import { chooseForMetric } from './metric-condition.ts'
import { anchoredPart } from './anchored.ts'
import { isCalendarPart, isGrain } from './calendar.ts'
import { periodEnd } from './dimension.ts'
import type { Kind, KindRequest } from './inquiry.ts'
import { grainRefusal, knownUntil, periodAfter, periodsOf } from './period-sql.ts'
import type { Periods } from './period-sql.ts'

type Node = Extract<MetricModel, { readonly kind: 'lifecycle' }>
type Request = KindRequest<Node>

export const lifecycle: Kind<Node> = {
  roots: (_model, { choice }) => [choice.activity],
  isCount: () => true,
  needs: ({ grain }) => grain,
  refuses: (node, text) => {
    const { grain, state } = node
    const reason = grainRefusal(node)
    if (reason !== undefined) return reason
    if (text !== grain && (isGrain(text) || isCalendarPart(text)))
      return `its periods are of one ${grain} each`
    // Their last row is of the period before.
    return state === 'dormant' && text.endsWith(periodEnd)
      ? 'the dormant are seen as they were at their last row'
      : undefined
  },
  compile: (request) => {
    const { node, name, by } = request
    if (!by.includes(node.grain)) {
      throw new MaruError('METRIC_ILLEGAL', `"${node.name}" is a value for each ${node.grain}`, {
        hint: `ask by ${node.grain}`,
      })
    }
    const periods = periodsOf(node)
    const columns = { moment: periods.path }
    const chosen = chooseForMetric(request, {
      choice: node.choice,
      name: `${name}__chosen`,
      columns,
    })
    return anchoredPart(request, {
      rootId: node.choice.activity,
      ctes: [
        ...chosen.histories.map(({ sql }) => sql),
        ...chosen.ctes,
        ...anchorCtes(request, periods, chosen.rows),
      ],
      rows: `${name}__anchor`,
      tables: chosen.tables,
      columns: [],
      dimensions: { [node.grain]: { column: 'period', type: periods.type, isOwnTime: true } },
      value: 'count(*)',
      type: { kind: 'integer' },
      day: 'cast(anchor.period as date)',
      refuses: (text) => lifecycle.refuses?.(node, text),
    })
  },
}

/** An object's first row of each period it is active in; for the dormant its last, with the period after it. */
function anchorCtes(
  { node, name, range }: Request,
  periods: Periods,
  rows: string,
): readonly string[] {
  const isDormant = node.state === 'dormant'
  const way = isDormant ? ' desc' : ''
  const next = periodAfter(periods, 'period', 1)
  const afterOther = periodAfter(periods, 'other', 1)
  const conditions = {
    new: 'other is null',
    returning: `${afterOther} = period`,
    resurrected: `${afterOther} < period`,
    dormant: `(other is null or other > ${next}) and ${next} <${range.to === undefined ? '=' : ''} ${knownUntil(periods, range.to)}`,
  }
  return [
    `${name}__active as (
  select object_key, occurred_at, event_id, ${periods.sql} as period
  from ${rows}
)`,
    `${name}__numbered as (
  select *, row_number() over (partition by object_key, period order by occurred_at${way}, event_id${way}) as place
  from ${name}__active
)`,
    `${name}__once as (
  select *, ${isDormant ? 'lead' : 'lag'}(period) over (partition by object_key order by period) as other
  from ${name}__numbered
  where place = 1
)`,
    `${name}__anchor as (
  select event_id, ${isDormant ? `${next} as period` : 'period'}
  from ${name}__once
  where ${conditions[node.state]}
)`,
  ]
}

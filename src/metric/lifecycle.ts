/** Lifecycle: who is new, returning, resurrected or dormant in a period, by the whole history. */
import { MaruError } from '../base/errors.ts'
import type { MetricModel } from '../model/model.ts'
import { chooseForMetric } from './metric-condition.ts'
import { anchoredPart } from './anchored.ts'
import { periodEnd } from './dimension.ts'
import type { Kind, KindRequest } from './inquiry.ts'
import { periodsOf } from './period-sql.ts'
import type { Periods } from './period-sql.ts'
import { isTimeWord } from './time-words.ts'

type Node = Extract<MetricModel, { readonly kind: 'lifecycle' }>
type Request = KindRequest<Node>

export const lifecycle: Kind<Node> = {
  roots: (_model, { choice }) => [choice.activity],
  isCount: () => true,
  needs: ({ grain }) => grain,
  refuses: ({ grain, state }, text, model) => {
    if (text !== grain && isTimeWord(model, text)) return `its periods are of one ${grain} each`
    // Their last row is of the period before.
    return state === 'dormant' && text.endsWith(periodEnd)
      ? 'the dormant are seen as they were at their last row'
      : undefined
  },
  compile: (request) => {
    const { model, node, name, by } = request
    if (!by.includes(node.grain)) {
      throw new MaruError('METRIC_ILLEGAL', `"${node.name}" is a value for each ${node.grain}`, {
        hint: `ask by ${node.grain}`,
      })
    }
    const periods = periodsOf(request)
    const columns = { moment: periods.path }
    const chosen = chooseForMetric(request, {
      choice: node.choice,
      name: `${name}__chosen`,
      columns,
    })
    return anchoredPart(request, {
      rootId: node.choice.activity,
      ctes: [
        ...periods.ctes,
        ...chosen.histories.map(({ sql }) => sql),
        ...chosen.ctes,
        ...anchorCtes(request, periods, chosen.rows),
      ],
      rows: `${name}__anchor`,
      tables: [...chosen.tables, ...periods.tables],
      columns: [],
      dimensions: { [node.grain]: { column: 'period', type: periods.type, isOwnTime: true } },
      value: 'count(*)',
      type: { kind: 'integer' },
      day: 'anchor.first_day',
      refuses: (text) => lifecycle.refuses?.(node, text, model),
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
  const next = periods.after('period', 1)
  const afterOther = periods.after('other', 1)
  const shown = isDormant ? next : 'period'
  const conditions = {
    new: 'other is null',
    returning: `${afterOther} = period`,
    resurrected: `${afterOther} < period`,
    dormant: `(other is null or other > ${next}) and ${periods.isBegun(next, range.to)}`,
  }
  return [
    `${name}__active as (
  select object_key, occurred_at, event_id, ${periods.sql} as period
  from ${rows}
)`,
    `${name}__numbered as (
  select *, row_number() over (partition by object_key, period order by occurred_at${way}, event_id${way}) as place
  from ${name}__active
  where period is not null
)`,
    `${name}__once as (
  select *, ${isDormant ? 'lead' : 'lag'}(period) over (partition by object_key order by period) as other
  from ${name}__numbered
  where place = 1
)`,
    `${name}__anchor as (
  select event_id, ${periods.named(shown)} as period, ${periods.firstDay(shown)} as first_day
  from ${name}__once
  where ${conditions[node.state]}
)`,
  ]
}

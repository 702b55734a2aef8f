/** A balance as the mean of its days: the rows of each local day aggregated apart. */
import type { Kind, KindRequest, Part } from './inquiry.ts'
import type { InnerNode } from './measure.ts'
import { meanSql } from './value.ts'

type DailyAverage = Extract<InnerNode, { readonly kind: 'daily_average' }>

export const dailyAverage: Kind<DailyAverage> = { compile, isMovable: true }

function compile(request: KindRequest<DailyAverage>): Part {
  const { node, by, slugs, name, state, where, range, later, ask } = request
  const inner = ask({
    values: [{ name: 'value', expression: node.of }],
    by: by.includes('day') ? by : [...by, 'day'],
    where,
    range,
    later,
    isFilled: false,
  })
  const mean = meanSql(node.name, { sql: 'value', type: inner.values[0]!.type })
  const groupBy = slugs.length === 0 ? '' : `\ngroup by ${slugs.join(', ')}`
  return {
    ctes: [
      `${name}_group as (
select ${[...slugs, `${mean} as ${state}`].join(', ')}
from (
${inner.sql}
) as each_day${groupBy}
)`,
    ],
    groups: `${name}_group`,
    dimensions: inner.dimensions.slice(0, by.length),
    states: [{ name: state, kind: 'value', type: { kind: 'number' } }],
    reads: inner.reads,
    sources: inner.sources,
    rootId: request.rootIds[0]!,
  }
}

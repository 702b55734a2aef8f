/** Conversion: which base rows led to conversion rows. One pass over both in their order, so that an object with many rows costs no more than sorting them. */
import type { Duration, MetricModel } from '../model/model.ts'
import { interval } from '../plan/choice.ts'
import type { ChosenRows } from '../plan/choice.ts'
import { chooseForMetric } from './metric-condition.ts'
import { anchoredPart, inRange, sameColumns, splitSame } from './anchored.ts'
import { rangeOfRows } from './inquiry.ts'
import type { DayRange, Kind } from './inquiry.ts'

type Node = Extract<MetricModel, { readonly kind: 'conversion' }>

export const conversion: Kind<Node> = {
  roots: (_model, { base }) => [base.activity],
  isCount: ({ result }) => result === 'count',
  isMovable: true,
  hasCohorts: true,
  compile: (request) => {
    const { node, name } = request
    const later = splitSame(node.conversion)
    const { same } = later
    const base = chooseForMetric(request, {
      choice: node.base,
      name: `${name}__base`,
      columns: sameColumns(same.map(({ anchor }) => anchor)),
    })
    const converted = chooseForMetric(request, {
      choice: later.choice,
      name: `${name}__conversion`,
      columns: sameColumns(same.map(({ path }) => path)),
    })
    const matched = matchedCtes({
      name,
      base,
      converted,
      keys: ['object_key', ...same.map((_, at) => `same_${at}`)],
      within: node.within,
      range: rangeOfRows(request),
    })
    return anchoredPart(request, {
      rootId: node.base.activity,
      ctes: [
        ...[...base.histories, ...converted.histories].map(({ sql }) => sql),
        ...base.ctes,
        ...converted.ctes,
        ...matched,
      ],
      isEntry: true,
      rows: `${name}__anchor`,
      tables: [...base.tables, ...converted.tables],
      columns: ['conversions'],
      dimensions: {},
      ...(node.result === 'count'
        ? {
            value: 'cast(coalesce(sum(value__conversions), 0) as bigint)',
            type: { kind: 'integer' },
          }
        : {
            value: 'cast(sum(value__conversions) as double) / nullif(count(*), 0)',
            type: { kind: 'number' },
          }),
    })
  },
}

interface Matching {
  readonly name: string
  readonly base: ChosenRows
  readonly converted: ChosenRows
  /** What a conversion and its base have in common. */
  readonly keys: readonly string[]
  readonly within: Duration | undefined
  readonly range: DayRange
}

/** The base rows before a conversion number it, so the latest of them is the one with its number; if that one is too old, so are all. */
function matchedCtes({ name, base, converted, keys, within, range }: Matching): readonly string[] {
  const common = keys.join(', ')
  const known = [...keys.map((key) => `${key} is not null`), ...inRange(range, 'from')].join(
    ' and ',
  )
  const isInTime = within === undefined ? '' : ` and base_at + ${interval(within)} > occurred_at`
  return [
    `${name}__turn as (
  select ${common}, occurred_at, 0 as turn, event_id
  from ${base.rows}
  where ${known}
  union all
  select ${common}, occurred_at, 1 as turn, null as event_id
  from ${converted.rows}
  where ${known}
)`,
    `${name}__numbered as (
  select *, count(event_id) over (partition by ${common} order by occurred_at, turn, event_id rows between unbounded preceding and current row) as base_number
  from ${name}__turn
)`,
    `${name}__dated as (
  select *, min(occurred_at) over (partition by ${common}, base_number) as base_at
  from ${name}__numbered
  where base_number > 0
)`,
    `${name}__found as (
  select max(event_id) as base_id, sum(case when turn = 1${isInTime} then 1 else 0 end) as conversions
  from ${name}__dated
  group by ${common}, base_number
)`,
    `${name}__anchor as (
  select base.event_id, coalesce(found.conversions, 0) as conversions
  from ${base.rows} as base
  left join ${name}__found as found on found.base_id = base.event_id
)`,
  ]
}

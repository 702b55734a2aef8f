/**
 * The attempts of a funnel: each is carried from step to step, to the next instant at which a row fulfils the next step, unless a row before that ended it.
 * The earliest instant is always the best one, so an attempt has one state; only with `once` it has one for each set of rows of that instant which it may have used.
 */
import type { FunnelMetric, FunnelRule, RowChoice } from '../model/model.ts'
import { interval } from '../plan/choice.ts'
import type { ChosenRows } from '../plan/choice.ts'
import { chooseForMetric } from './metric-condition.ts'
import { inRange, sameColumns, splitSame } from './anchored.ts'
import type { DayRange, KindRequest } from './inquiry.ts'

export interface Attempts {
  readonly ctes: readonly string[]
  /** The CTE of (event_id, object_key, level): one for each row of step 1. */
  readonly rows: string
  readonly tables: ChosenRows['tables']
}

type FunnelRequest = Pick<
  KindRequest<FunnelMetric>,
  'model' | 'compile' | 'name' | 'node' | 'range'
>

export function attemptsOf(request: FunnelRequest): Attempts {
  const { name, node } = request
  const plan = planOf(request)
  const later = node.steps.slice(1).map((_, at) => at + 1)
  const isOrdered = !plan.has('any_order')
  const chosen = [...plan.steps, ...plan.others].map((each) => each.chosen)
  return {
    ctes: [
      ...chosen.flatMap(({ histories }) => histories.map(({ sql }) => sql)),
      ...chosen.flatMap(({ ctes }) => ctes),
      ...rowCtes(plan),
      firstCte(plan),
      ...later.flatMap((level) => (isOrdered ? nextCtes(plan, level) : foundCtes(plan, level))),
      `${name}__level as (
  select event_id, object_key, count(*) as level
  from (
    select event_id, object_key, 1 as step from ${name}__attempt_1
    ${later.map((level) => `union all select distinct event_id, object_key, ${level + 1} as step from ${name}__attempt_${level + 1}`).join('\n    ')}
  ) as fulfilled
  group by event_id, object_key
)`,
    ],
    rows: `${name}__level`,
    tables: chosen.flatMap(({ tables }) => tables),
  }
}

interface Plan {
  readonly name: string
  readonly node: FunnelMetric
  readonly steps: readonly Step[]
  /** With `no_other`: all rows of the steps' activities. */
  readonly others: readonly Pick<Step, 'choice' | 'chosen'>[]
  readonly firstColumns: readonly string[]
  readonly has: (rule: FunnelRule) => boolean
  readonly range: DayRange
}

interface Step {
  readonly choice: RowChoice
  readonly chosen: ChosenRows
  /** Its columns that must be as those of step 1. */
  readonly same: readonly { readonly own: string; readonly first: string }[]
}

function planOf(request: FunnelRequest): Plan {
  const { node, name, range } = request
  const has = (rule: FunnelRule): boolean => node.rules.includes(rule)
  const parts = node.steps.map((step, at) =>
    at === 0 ? { choice: step, same: [] } : splitSame(step),
  )
  const firstColumns = sameColumns(parts.flatMap(({ same }) => same.map(({ anchor }) => anchor)))
  let compared = 0
  const steps = parts.map(({ choice, same }, at): Step => {
    const numbered = same.map(({ path }) => ({ path, at: compared++ }))
    const own = Object.fromEntries(numbered.map((pair) => [`own_${pair.at}`, pair.path]))
    const columns = at === 0 ? firstColumns : own
    return {
      choice,
      chosen: chooseForMetric(request, { choice, name: `${name}__step_${at + 1}`, columns }),
      same: numbered.map((pair) => ({ own: `own_${pair.at}`, first: `same_${pair.at}` })),
    }
  })
  const whole = new Map<string, RowChoice>()
  if (has('no_other')) {
    for (const { activity, of } of node.steps)
      whole.set(`${activity} ${of}`, {
        activity,
        selector: { kind: 'all' },
        ...(of === undefined ? {} : { of }),
      })
  }
  const others = [...whole.values()].map((choice, at) => ({
    choice,
    chosen: chooseForMetric(request, { choice, name: `${name}__other_${at + 1}`, columns: {} }),
  }))
  return { name, node, steps, others, firstColumns: Object.keys(firstColumns), has, range }
}

/** The most rows of one instant that are told apart, by the bits of an integer. */
const bitsMax = 62

/** Each row of the steps' activities once, with the steps that it is chosen for. `bit` tells those of one instant apart. */
function rowCtes({ name, steps, others, has, range }: Plan): readonly string[] {
  const flags = steps.map((_, at) => `is_${at + 1}`)
  const compared = steps.flatMap(({ same }) => same.map(({ own }) => own))
  const arms = [...steps, ...others].map(({ choice, chosen }, at) => {
    const own = new Set(steps[at]?.same.map((pair) => pair.own))
    const columns = [
      `object_key, occurred_at, '${choice.activity}' as activity, cast(event_id as varchar) as row_id`,
      ...flags.map((flag, step) => `${step === at ? 1 : 0} as ${flag}`),
      ...compared.map((column) => (own.has(column) ? column : `null as ${column}`)),
    ]
    return `    select ${columns.join(', ')}\n    from ${chosen.rows}${where(inRange(range, 'from'))}`
  })
  const key = 'object_key, occurred_at, activity, row_id'
  const merged = [...flags, ...compared].map((column) => `max(${column}) as ${column}`)
  const rows = (cte: string): string => `${cte} as (
  select ${[key, ...merged].join(', ')}
  from (
${arms.join('\n    union all\n')}
  ) as chosen
  group by ${key}
)`
  if (!has('once')) return [rows(`${name}__row`)]
  // Of rows that fulfil the same steps no more can be used than there are steps; the others need no bit.
  return [
    rows(`${name}__unmarked`),
    `${name}__alike as (
  select *, row_number() over (partition by ${['object_key, occurred_at', ...flags, ...compared].join(', ')} order by activity, row_id) as alike_place
  from ${name}__unmarked
)`,
    `${name}__placed as (
  select *, row_number() over (partition by object_key, occurred_at order by case when alike_place <= ${steps.length} then 0 else 1 end, activity, row_id) as place
  from ${name}__alike
)`,
    `${name}__row as (
  select *, case when alike_place <= ${steps.length} and place < ${bitsMax} then cast(power(2, place - 1) as bigint) end as bit
  from ${name}__placed
)`,
  ]
}

function where(conditions: readonly string[]): string {
  return conditions.length === 0 ? '' : `\n  where ${conditions.join(' and ')}`
}

function firstCte({ name, node, steps, firstColumns, has, range }: Plan): string {
  const columns = [
    'first_row.event_id, first_row.object_key, first_row.occurred_at as started_at, first_row.occurred_at as happened_at, 0 as entered',
    ...firstColumns.map((column) => `first_row.${column}`),
    ...(has('once') ? ['coalesce(own.bit, 0) as used'] : []),
  ]
  const own = has('once')
    ? `\n  join ${name}__row as own on own.object_key = first_row.object_key and own.occurred_at = first_row.occurred_at and own.activity = '${node.steps[0]!.activity}' and own.row_id = cast(first_row.event_id as varchar)`
    : ''
  return `${name}__attempt_1 as (
  select ${columns.join(', ')}
  from ${steps[0]!.chosen.rows} as first_row${own}${where(inRange(range).map((condition) => `first_row.${condition}`))}
)`
}

/** In any order each step is looked for from the first. */
function foundCtes(plan: Plan, level: number): readonly string[] {
  const { name, node } = plan
  const within =
    node.within === undefined ? '' : ` and next_at < started_at + ${interval(node.within)}`
  return [
    ...followingCtes(plan, { from: `${name}__attempt_1`, step: level + 1 }),
    `${name}__attempt_${level + 1} as (
  select event_id, object_key
  from ${name}__next_${level + 1}
  where event_id is not null and next_at is not null${within}
)`,
  ]
}

/** From the attempts that fulfil `level` steps to those that fulfil one more. */
function nextCtes(plan: Plan, level: number): readonly string[] {
  const { name, node, firstColumns, has } = plan
  const isOnce = has('once')
  const found = isOnce ? `${name}__use_${level + 1}` : `${name}__next_${level + 1}`
  const next = [
    'reached.event_id, reached.object_key, reached.started_at, reached.next_at as happened_at',
    `case when reached.next_at > reached.happened_at then ${level} else reached.entered end as entered`,
    ...firstColumns.map((column) => `reached.${column}`),
    ...(isOnce
      ? ['case when reached.next_at > reached.happened_at then bit else used + bit end as used']
      : []),
  ]
  const conditions = ['reached.event_id is not null', 'reached.next_at is not null']
  if (node.within !== undefined)
    conditions.push(`reached.next_at < reached.started_at + ${interval(node.within)}`)
  const ends = endings(plan, level)
  if (ends !== undefined) conditions.push('ended.event_id is null')
  const ended = `${name}__ended_${level + 1}`
  return [
    ...followingCtes(plan, { from: `${name}__attempt_${level}`, step: level + 1 }),
    ...(isOnce ? [useCte(plan, level)] : []),
    ...(ends === undefined
      ? []
      : [
          `${ended} as (
  select distinct attempt.event_id
  from ${found} as attempt
  join ${name}__row as each_row on each_row.object_key = attempt.object_key
    and each_row.occurred_at >= attempt.happened_at and each_row.occurred_at < attempt.next_at
  where ${ends}
)`,
        ]),
    `${name}__attempt_${level + 1} as (
  select ${isOnce ? 'distinct ' : ''}${next.join(', ')}
  from ${found} as reached${ends === undefined ? '' : `\n  left join ${ended} as ended on ended.event_id = reached.event_id`}
  where ${conditions.join('\n    and ')}
)`,
  ]
}

/**
 * Each attempt with the instant of the next row of its next step: attempts and rows in one order, so that it costs no more than sorting them. A row of the very
 * instant counts unless each step is to be later; which of these are used already, only `once` asks.
 */
function followingCtes(
  { name, steps, firstColumns, has }: Plan,
  { from, step }: { readonly from: string; readonly step: number },
): readonly string[] {
  const { same } = steps[step - 1]!
  const isLater = has('increasing') || has('once')
  const carried = ['event_id', 'started_at', 'happened_at', 'entered', ...firstColumns]
  if (has('once')) carried.push('used')
  const keys = same.map((_, at) => `key_${at}`)
  const arm = (columns: readonly string[], source: string, conditions: readonly string[]): string =>
    `select ${columns.join(', ')}\n  from ${source}${conditions.length === 0 ? '' : `\n  where ${conditions.join(' and ')}`}`
  const attempts = arm(
    [
      ...carried,
      'object_key',
      ...same.map(({ first }, at) => `${first} as key_${at}`),
      `happened_at as moment, ${isLater ? 1 : 0} as turn`,
    ],
    from,
    same.map(({ first }) => `${first} is not null`),
  )
  const rows = arm(
    [
      ...carried.map((column) => `null as ${column}`),
      'object_key',
      ...same.map(({ own }, at) => `${own} as key_${at}`),
      `occurred_at as moment, ${isLater ? 0 : 1} as turn`,
    ],
    `${name}__row`,
    [`is_${step} = 1`, ...same.map(({ own }) => `${own} is not null`)],
  )
  const partition = ['object_key', ...keys].join(', ')
  return [
    `${name}__turn_${step} as (
  ${attempts}
  union all
  ${rows}
)`,
    `${name}__next_${step} as (
  select *, min(case when event_id is null then moment end) over (partition by ${partition} order by moment, turn rows between current row and unbounded following) as next_at
  from ${name}__turn_${step}
)`,
  ]
}

/** With `once`: the rows that an attempt may use next, of its own instant those that it has not used, else those of the next. */
function useCte(plan: Plan, level: number): string {
  const { name, firstColumns, has } = plan
  const columns = ['event_id', 'object_key', 'started_at', 'happened_at', 'entered', 'used']
  const kept = [...columns, ...firstColumns].join(', ')
  const moments = [
    ...(has('increasing')
      ? []
      : [
          `select ${kept}, happened_at as at from ${name}__next_${level + 1} where event_id is not null`,
        ]),
    `select ${kept}, next_at as at from ${name}__next_${level + 1} where event_id is not null and next_at is not null`,
  ]
  return `${name}__use_${level + 1} as (
  select *
  from (
    select attempt.*, each_row.bit, each_row.occurred_at as next_at,
      min(each_row.occurred_at) over (partition by attempt.event_id) as earliest
    from (
      ${moments.join('\n      union all ')}
    ) as attempt
    join ${name}__row as each_row on each_row.object_key = attempt.object_key and each_row.occurred_at = attempt.at
    where ${fulfils(plan, level + 1)} and each_row.bit is not null
      and (each_row.occurred_at > attempt.happened_at or mod(attempt.used, 2 * each_row.bit) < each_row.bit)
  ) as usable
  where next_at = earliest
)`
}

/** Whether the row is one of the step's. */
function fulfils({ steps }: Plan, step: number): string {
  const pairs = steps[step - 1]!.same
  const same = pairs.map(({ own, first }) => ` and each_row.${own} = attempt.${first}`).join('')
  const sql = `each_row.is_${step} = 1${same}`
  return same === '' ? sql : `coalesce(${sql}, false)`
}

/**
 * Whether the row, one of before the next step, ends the attempt; undefined when no row does. Rows of one instant have any order that suits: one that fulfils a step of
 * its instant ends nothing, nor does one of the first instant, and another counts by the level at which the instant began, `entered`.
 */
function endings(plan: Plan, level: number): string | undefined {
  const { has } = plan
  if (!has('no_repeat') && !has('no_other')) return undefined
  const done = Array.from({ length: level }, (_, at) => at + 1)
  const any = (condition: (step: number) => string): string =>
    `(${done
      .map((step) => `${fulfils(plan, step)}${condition(step)}`)
      .map((sql) => `(${sql})`)
      .join(' or ')})`
  const harmful = (before: string, just: (step: number) => string): string => {
    const isRepeat = any((step) => ` and ${step} <= ${before}`)
    const isExcused = has('reentry') ? isRepeat : any(just)
    return [
      ...(has('no_repeat') ? [isRepeat] : []),
      ...(has('no_other') ? [`not ${isExcused}`] : []),
    ].join(' or ')
  }
  const later = harmful(String(level), (step) => ` and ${step} = ${level}`)
  const atOnce = harmful('attempt.entered', (step) => ` and ${step} = attempt.entered`)
  const isOfInstant = any((step) => ` and ${step} > attempt.entered`)
  return `(each_row.occurred_at > attempt.happened_at and (${later}))
      or (each_row.occurred_at = attempt.happened_at and attempt.happened_at > attempt.started_at and not ${isOfInstant} and (${atOnce}))`
}

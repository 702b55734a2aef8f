/**
 * The attempts of a funnel: each is carried from step to step, to the next instant at which a row fulfils the next step, unless a row before that ended it.
 * The earliest instant is always the best one, so an attempt has one state; only with `once` it has one for each set of rows of that instant which it may have used.
 */
import type { FunnelMetric, FunnelRule, RowChoice } from '../model/model.ts'
import { interval } from '../plan/choice.ts'
import { chooseRelated } from '../plan/related.ts'
import type { ChosenRows } from '../plan/choice.ts'
import { sameColumns, splitSame } from './anchored.ts'
import type { KindRequest } from './inquiry.ts'

export interface Attempts {
  readonly ctes: readonly string[]
  /** The CTE of (event_id, object_key, level): one for each row of step 1. */
  readonly rows: string
  readonly tables: ChosenRows['tables']
}

export function attemptsOf(
  request: Pick<KindRequest<FunnelMetric>, 'model' | 'name' | 'node'>,
): Attempts {
  const { name, node } = request
  const plan = planOf(request)
  const reached = node.steps.map(
    (_, at) => `select event_id, object_key, ${at + 1} as level from ${name}__attempt_${at + 1}`,
  )
  const chosen = [...plan.steps, ...plan.others].map((each) => each.chosen)
  return {
    ctes: [
      ...chosen.flatMap(({ histories }) => histories.map(({ sql }) => sql)),
      ...chosen.flatMap(({ ctes }) => ctes),
      ...rowCtes(plan),
      firstCte(plan),
      ...node.steps.slice(1).flatMap((_, at) => nextCtes(plan, at + 1)),
      `${name}__level as (
  select event_id, object_key, max(level) as level
  from (
    ${reached.join('\n    union all ')}
  ) as reached
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
}

interface Step {
  readonly choice: RowChoice
  readonly chosen: ChosenRows
  /** Its columns that must be as those of step 1. */
  readonly same: readonly { readonly own: string; readonly first: string }[]
}

function planOf({
  model,
  node,
  name,
}: Pick<KindRequest<FunnelMetric>, 'model' | 'name' | 'node'>): Plan {
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
      chosen: chooseRelated({ model, choice, name: `${name}__step_${at + 1}`, columns }),
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
    chosen: chooseRelated({ model, choice, name: `${name}__other_${at + 1}`, columns: {} }),
  }))
  return { name, node, steps, others, firstColumns: Object.keys(firstColumns), has }
}

/** The most rows of one instant that are told apart, by the bits of an integer. */
const bitsMax = 62

/** Each row of the steps' activities once, with the steps that it is chosen for. `bit` tells those of one instant apart. */
function rowCtes({ name, steps, others, has }: Plan): readonly string[] {
  const flags = steps.map((_, at) => `is_${at + 1}`)
  const compared = steps.flatMap(({ same }) => same.map(({ own }) => own))
  const arms = [...steps, ...others].map(({ choice, chosen }, at) => {
    const own = new Set(steps[at]?.same.map((pair) => pair.own))
    const columns = [
      `object_key, occurred_at, '${choice.activity}' as activity, cast(event_id as varchar) as row_id`,
      ...flags.map((flag, step) => `${step === at ? 1 : 0} as ${flag}`),
      ...compared.map((column) => (own.has(column) ? column : `null as ${column}`)),
    ]
    return `    select ${columns.join(', ')}\n    from ${chosen.rows}`
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

function firstCte({ name, node, steps, firstColumns, has }: Plan): string {
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
  from ${steps[0]!.chosen.rows} as first_row${own}
)`
}

/** From the attempts that fulfil `level` steps to those that fulfil one more. */
function nextCtes(plan: Plan, level: number): readonly string[] {
  const { name, node, firstColumns, has } = plan
  const kept = ['event_id', 'object_key', 'started_at', 'happened_at', 'entered', ...firstColumns]
  if (has('once')) kept.push('used')
  const isNext = `${fulfils(plan, level + 1)}${has('increasing') ? ' and each_row.occurred_at > attempt.happened_at' : ''}${
    has('once')
      ? ' and each_row.bit is not null and (each_row.occurred_at > attempt.happened_at or mod(attempt.used, 2 * each_row.bit) < each_row.bit)'
      : ''
  }`
  const inTime =
    node.within === undefined
      ? ''
      : `\n    and each_row.occurred_at < attempt.started_at + ${interval(node.within)}`
  const ends = endings(plan, level)
  const reach = `${name}__reach_${level + 1} as (
  select ${kept.map((column) => `attempt.${column}`).join(', ')}, each_row.occurred_at${has('once') ? ', each_row.bit' : ''},
    case when ${isNext} then 1 else 0 end as is_next,
    min(case when ${isNext} then each_row.occurred_at end) over (partition by attempt.event_id) as next_at,
    min(case when ${ends} then each_row.occurred_at end) over (partition by attempt.event_id) as ended_at
  from ${name}__attempt_${level} as attempt
  join ${name}__row as each_row on each_row.object_key = attempt.object_key
    and each_row.occurred_at >= attempt.happened_at${inTime}
)`
  const next = [
    'event_id, object_key, started_at, next_at as happened_at',
    `case when next_at > happened_at then ${level} else entered end as entered`,
    ...firstColumns,
    ...(has('once')
      ? ['case when next_at > happened_at then bit else used + bit end as used']
      : []),
  ]
  return [
    reach,
    `${name}__attempt_${level + 1} as (
  select distinct ${next.join(', ')}
  from ${name}__reach_${level + 1}
  where is_next = 1 and occurred_at = next_at and (ended_at is null or ended_at >= next_at)
)`,
  ]
}

/** Whether the row is one of the step's. */
function fulfils({ steps }: Plan, step: number): string {
  const pairs = steps[step - 1]!.same
  const same = pairs.map(({ own, first }) => ` and each_row.${own} = attempt.${first}`).join('')
  const sql = `each_row.is_${step} = 1${same}`
  return same === '' ? sql : `coalesce(${sql}, false)`
}

/**
 * Whether the row ends the attempt when no next step is fulfilled before it. Rows of one instant have any order that suits: one that fulfils a step of
 * its instant ends nothing, nor does one of the first instant, and another counts by the level at which the instant began, `entered`.
 */
function endings(plan: Plan, level: number): string {
  const { has } = plan
  if (!has('no_repeat') && !has('no_other')) return 'false'
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

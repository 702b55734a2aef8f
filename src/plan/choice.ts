/**
 * The rows that a `RowChoice` takes, as SQL, in the steps of its definition: the history of each object, what its window leaves, and what the selector takes.
 * A choice is made once per object in its whole history, or once per row of a `scope`: an instant, which sees the history up to it, or a row that is looked from.
 */
import { assert, MaruError } from '../base/errors.ts'
import type {
  ActivityModel,
  Anchor,
  Duration,
  MetricCondition,
  Model,
  Predicate,
  RowChoice,
  TableId,
} from '../model/model.ts'
import { attach, attachToActivity, fromClause, resolvePath } from './attach.ts'
import type { AttributePath } from './attach.ts'
import { predicateSql } from './predicate.ts'

export interface ChoiceRequest {
  readonly model: Model
  readonly choice: RowChoice
  /** Begins the names of the CTEs. */
  readonly name: string
  /** What is read of a chosen row: paths by the column that holds them. */
  readonly columns: Readonly<Record<string, string>>
  /** The object that an activity's reference is looked for by, when the choice names none; absent: the actor. */
  readonly object?: TableId
  readonly scope?: Scope
  /** Answers conditions that are metrics of an object; refused when absent. */
  readonly compareMetric?: (condition: MetricCondition, activity: TableId) => ComparedMetric
  /** What joins the paths of an activity; the merged table's attributes when absent. */
  readonly attach?: typeof attach
}

/** A metric of each object, and what a condition says of it. */
export interface ComparedMetric {
  /** A SELECT with one row for each object. */
  readonly sql: string
  /** Its column that holds the object. */
  readonly key: string
  /** Over an alias of it, and the object that it is joined to. */
  readonly comparison: (alias: string, object: string) => string
  readonly tables: readonly TableId[]
}

/** From where a choice is seen. */
export interface Scope {
  /**
   * `instants`: a CTE of (object_key, asked_at). `rows`: of (object_key, asked_at, asked_id, next_at), and a `sameColumn` for each path of
   * the row that `same` compares with; `asked_id` is the row's key.
   */
  readonly kind: 'instants' | 'rows'
  readonly name: string
}

export interface ChosenRows {
  /** One per activity: its rows with `object_key`, `occurred_at`, `event_id`; they depend on no scope. */
  readonly histories: readonly History[]
  /** In order, after the histories and the scope. */
  readonly ctes: readonly string[]
  /** The CTE of the chosen rows: `object_key`, in a scope `asked_at` or `asked_id`, `occurred_at`, `event_id`, `per_value` with `per`, and the columns asked for. */
  readonly rows: string
  readonly tables: readonly TableId[]
}

export interface History {
  readonly name: string
  readonly sql: string
  /** The instant, over its columns, at which a row is no longer within reach of the one who asks. */
  readonly expires?: string
}

/** Throws METRIC_ILLEGAL for what has no answer here. */
export function chooseRows(request: ChoiceRequest): ChosenRows {
  const bounds = boundsOf(request)
  const history = historyOf(request)
  const inner = bounds.flatMap(({ chosen }) => chosen ?? [])
  return {
    histories: [...inner.flatMap((chosen) => chosen.histories), history],
    ctes: [...inner.flatMap((chosen) => chosen.ctes), ...stepCtes(request, bounds)],
    rows: `${request.name}_taken`,
    tables: [...inner.flatMap((chosen) => chosen.tables), ...history.tables],
  }
}

/** The activity's column that holds the object: the actor if it is one, else the first target that is. */
export function referenceTo(activity: ActivityModel, object: string): string {
  const refers = (name: string): boolean =>
    activity.columns.find((column) => column.name === name)?.refers === object
  const reference = [activity.actor, ...activity.targets].find(refers)
  assert(reference !== undefined, `${activity.id} refers to ${object}`)
  return reference
}

export function interval(duration: Duration): string {
  return `interval '${duration.count}' ${duration.unit}`
}

interface ChosenBound {
  readonly side: 'from' | 'to'
  readonly inclusive: boolean
  /** The SQL of its instant. */
  readonly at: string
  /** Whether it is open where there is no such instant. */
  readonly isOpen?: true
  readonly chosen?: ChosenRows
}

function boundsOf(request: ChoiceRequest): readonly ChosenBound[] {
  const { choice, scope } = request
  const sides = (['from', 'to'] as const).flatMap((side) => {
    const bound = choice.window?.[side]
    return bound === undefined ? [] : [{ side, ...bound }]
  })
  const bounds = sides.map(({ side, at, inclusive }, index): ChosenBound => {
    if (at.kind === 'fixed') return { side, inclusive, at: fixedInstant(at.instant) }
    if (at.kind === 'instant' && scope?.kind === 'instants') {
      if (side === 'to' && inclusive) return { side, inclusive, at: askedAt }
      throw unanswered('a window that ends before the instant at which it is asked')
    }
    if (at.kind !== 'chosen' && scope?.kind === 'rows')
      return at.kind === 'next'
        ? { side, inclusive, at: 'scope.next_at', isOpen: true }
        : { side, inclusive, at: askedAt }
    if (at.kind !== 'chosen') throw unanswered('a window at the row that is looked from')
    const chosen = anchorRows(request, { side, at, isSame: index === 0 })
    return { side, inclusive, at: `anchor_${side}.occurred_at`, chosen }
  })
  // An attribute sees up to its instant when nothing else is said, and `within` reaches back from there.
  return choice.window === undefined && scope !== undefined
    ? [{ side: 'to', inclusive: true, at: askedAt }]
    : bounds
}

const askedAt = 'scope.asked_at'

interface AnchorRequest {
  readonly side: 'from' | 'to'
  readonly at: Extract<Anchor, { readonly kind: 'chosen' }>
  /** Whether its row is the one that `same` compares with. */
  readonly isSame: boolean
}

function anchorRows(request: ChoiceRequest, { side, at, isSame }: AnchorRequest): ChosenRows {
  if (at.choice.per !== undefined) throw unanswered('an anchor per value')
  const pairs = isSame ? (request.choice.same ?? []) : []
  const columns = Object.fromEntries(pairs.map((pair, index) => [`same_${index}`, pair.anchor]))
  return chooseRows({ ...request, choice: at.choice, name: `${request.name}_${side}`, columns })
}

function fixedInstant(instant: string): string {
  return `cast('${instant.replace('T', ' ')}' as timestamp with time zone)`
}

function historyOf(request: ChoiceRequest): History & { readonly tables: readonly TableId[] } {
  const { model, choice, scope } = request
  const activity = model.tables.find((table) => table.id === choice.activity)
  assert(activity?.kind === 'activity', `${choice.activity} is an activity`)
  const paths: AttributePath[] = []
  const placeOf = (text: string): number => {
    const path = resolvePath(model, activity.id, text)
    if (path === undefined) throw unanswered(`the path ${text}`)
    return paths.push(path) - 1
  }
  const object =
    choice.of ??
    (request.object === undefined ? activity.actor : referenceTo(activity, request.object))
  const selected: Record<string, number> = {
    object_key: placeOf(object),
    occurred_at: placeOf('occurred_at'),
    event_id: placeOf(activity.key),
    ...(choice.per === undefined ? {} : { per_value: placeOf(choice.per) }),
  }
  for (const [name, text] of Object.entries(request.columns)) selected[name] = placeOf(text)
  for (const [index, { path }] of (choice.same ?? []).entries())
    selected[`own_${index}`] = placeOf(path)
  const conditions = [choice.filter, choice.keep]
  const places = new Map(conditions.flatMap(pathsIn).map((text) => [text, placeOf(text)]))
  // Attributes cannot read a merged table, which is made of them.
  const join = scope?.kind === 'instants' ? attachToActivity : (request.attach ?? attach)
  const attachment = join(model, activity.id, paths)
  const metrics = conditions
    .flatMap(metricsIn)
    .map((condition) => ({ condition, ...compared(request, condition) }))
  const expression = (text: string): string => attachment.expressions[places.get(text)!]!
  const sqlOf = (predicate: Predicate): string =>
    predicateSql(predicate, {
      expression,
      type: (text) => paths[places.get(text)!]!.column.type,
      metric: (condition) => {
        const at = metrics.findIndex((metric) => metric.condition === condition)
        return metrics[at]!.comparison(`metric_${at}`, expression(condition.path))
      },
    })
  const items = Object.entries(selected).map(
    ([name, place]) => `${attachment.expressions[place]!} as ${name}`,
  )
  if (choice.keep !== undefined)
    items.push(`case when ${sqlOf(choice.keep)} then 1 else 0 end as is_kept`)
  const where = [
    `${attachment.expressions[selected['object_key']!]!} is not null`,
    `${attachment.expressions[selected['occurred_at']!]!} is not null`,
    ...(choice.filter === undefined ? [] : [`(${sqlOf(choice.filter)})`]),
  ]
  const joins = metrics.map(
    (metric, at) =>
      `left join (\n${metric.sql}\n) as metric_${at} on metric_${at}.${metric.key} = ${expression(metric.condition.path)}`,
  )
  const name = `${request.name}_history`
  const sql = `${name} as (
  select ${items.join(',\n    ')}
  ${[fromClause(attachment), ...joins].join('\n').replaceAll('\n', '\n  ')}
  where ${where.join('\n    and ')}
)`
  const tables = [
    attachment.root.table,
    ...attachment.joined,
    ...metrics.flatMap((metric) => metric.tables),
  ]
  return { name, sql, tables, ...expiryOf(choice) }
}

function expiryOf({ window, within }: RowChoice): { readonly expires?: string } {
  const isBack = window === undefined || (!window.from && window.to?.at.kind === 'instant')
  return within === undefined || !isBack ? {} : { expires: `occurred_at + ${interval(within)}` }
}

function compared(request: ChoiceRequest, condition: MetricCondition): ComparedMetric {
  if (request.compareMetric !== undefined)
    return request.compareMetric(condition, request.choice.activity)
  throw unanswered(`the metric "${condition.metric}" as a condition`)
}

function metricsIn(predicate: Predicate | undefined): readonly MetricCondition[] {
  if (predicate === undefined) return []
  switch (predicate.kind) {
    case 'and':
    case 'or':
      return predicate.operands.flatMap(metricsIn)
    case 'not':
      return metricsIn(predicate.operand)
    case 'metric':
      return [predicate]
    default:
      return []
  }
}

function pathsIn(predicate: Predicate | undefined): readonly string[] {
  if (predicate === undefined) return []
  switch (predicate.kind) {
    case 'and':
    case 'or':
      return predicate.operands.flatMap(pathsIn)
    case 'not':
      return pathsIn(predicate.operand)
    default:
      return [predicate.path]
  }
}

/** Numbered in the history where that counts, those that the window leaves, and taken of these. */
function stepCtes(request: ChoiceRequest, bounds: readonly ChosenBound[]): readonly string[] {
  const { choice, name, scope } = request
  const { selector } = choice
  const isInHistory = selector.kind === 'nth' && selector.counted === 'history'
  const isPicked = scope !== undefined && (selector.kind === 'first' || selector.kind === 'last')
  const isNumbered = isInHistory || isPicked
  const per = choice.per === undefined ? [] : ['history.per_value']
  const order = selector.kind === 'last' && !isPicked ? ' desc' : ''
  const place = (keys: readonly string[], as: string): string =>
    `row_number() over (partition by ${[...keys, ...per].join(', ')} order by history.occurred_at${order}, history.event_id${order}) as ${as}`
  const numbered = `${name}_numbered as (
  select history.*, ${place(['history.object_key'], 'place')}
  from ${name}_history as history
)`
  const asked = scope === undefined ? undefined : askedColumn(scope)
  const viewer = ['history.object_key', ...(asked === undefined ? [] : [`scope.${asked}`])]
  const columns = [
    'history.*',
    ...(asked === undefined ? [] : [`scope.${asked}`]),
    ...(selector.kind === 'all' || isNumbered ? [] : [place(viewer, 'kept_place')]),
  ]
  const conditions = keptConditions(request, bounds)
  const kept = `${name}_kept as (
  select ${columns.join(',\n    ')}
  from ${name}_${isNumbered ? 'numbered' : 'history'} as history${scopeJoins(request, viewer, bounds)}${conditions.length === 0 ? '' : `\n  where ${conditions.join('\n    and ')}`}
)`
  const steps = [...(isNumbered ? [numbered] : []), kept]
  if (isPicked) return [...steps, ...pickedCtes(request, asked!)]
  const wanted = selector.kind === 'nth' ? selector.n : 1
  const where =
    selector.kind === 'all' ? '' : `\n  where ${isInHistory ? 'place' : 'kept_place'} = ${wanted}`
  return [...steps, `${name}_taken as (\n  select *\n  from ${name}_kept${where}\n)`]
}

function scopeJoins(
  { scope }: ChoiceRequest,
  viewer: readonly string[],
  bounds: readonly ChosenBound[],
): string {
  const upTo = scope?.kind === 'instants' ? ` and history.occurred_at <= ${askedAt}` : ''
  const scoped =
    scope === undefined
      ? ''
      : `\n  join ${scope.name} as scope on scope.object_key = history.object_key${upTo}`
  const joins = bounds.flatMap(({ side, chosen }) => {
    if (chosen === undefined) return []
    const same = viewer.map((key) => `anchor_${side}.${key.split('.')[1]!} = ${key}`)
    return [`\n  join ${chosen.rows} as anchor_${side} on ${same.join(' and ')}`]
  })
  return scoped + joins.join('')
}

/** Whoever asks sees many rows and takes one: its place is found first, the row by it. */
function pickedCtes({ choice, name }: ChoiceRequest, asked: string): readonly string[] {
  const keys = ['object_key', asked, ...(choice.per === undefined ? [] : ['per_value'])].join(', ')
  const isSameValue =
    choice.per === undefined ? '' : ' and picked.per_value is not distinct from history.per_value'
  return [
    `${name}_picked as (
  select ${keys}, ${choice.selector.kind === 'first' ? 'min' : 'max'}(place) as place
  from ${name}_kept
  group by ${keys}
)`,
    `${name}_taken as (
  select history.*, picked.${asked}
  from ${name}_numbered as history
  join ${name}_picked as picked on picked.object_key = history.object_key and picked.place = history.place${isSameValue}
)`,
  ]
}

/** The scope's column that holds a path of the row which is looked from. */
export function sameColumn(path: string): string {
  return `same__${path.replaceAll('.', '__').replace('@', '__')}`
}

/** The column that tells those who ask about one object apart. */
function askedColumn({ kind }: Scope): 'asked_at' | 'asked_id' {
  return kind === 'rows' ? 'asked_id' : 'asked_at'
}

function keptConditions(
  { choice, scope }: ChoiceRequest,
  bounds: readonly ChosenBound[],
): readonly string[] {
  const conditions = bounds.map(({ side, inclusive, at, isOpen }) => {
    const operator = `${side === 'from' ? '>' : '<'}${inclusive ? '=' : ''}`
    const condition = `history.occurred_at ${operator} ${at}`
    return isOpen === true ? `(${at} is null or ${condition})` : condition
  })
  if (choice.within !== undefined) {
    const length = interval(choice.within)
    const from = bounds.find(({ side }) => side === 'from')
    const [bound] = bounds
    conditions.push(
      from !== undefined
        ? `history.occurred_at < ${from.at} + ${length}`
        : bound !== undefined
          ? `history.occurred_at + ${length} > ${bound.at}`
          : 'false',
    )
  }
  if (choice.same !== undefined && choice.same.length > 0) {
    const [anchor] = bounds
    const isOfRow = scope?.kind === 'rows' && anchor?.chosen === undefined
    if (!isOfRow && anchor?.chosen === undefined) throw unanswered('`same` without a chosen row')
    for (const [index, pair] of choice.same.entries()) {
      const other = isOfRow
        ? `scope.${sameColumn(pair.anchor)}`
        : `anchor_${anchor!.side}.same_${index}`
      conditions.push(`history.own_${index} = ${other}`)
    }
  }
  if (choice.keep !== undefined) conditions.push('history.is_kept = 1')
  return conditions
}

function unanswered(what: string): MaruError {
  return new MaruError(
    'METRIC_ILLEGAL',
    `a choice of activities has ${what}, which is not answered yet`,
    {
      hint: 'say it by an instant, or by one row: first(…), last(…), nth(…, n)',
    },
  )
}

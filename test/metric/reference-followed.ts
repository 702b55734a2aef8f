/** What the metrics mean that follow objects: conversion, funnel, retention, lifecycle, stickiness. Loops over rows in memory, row by row and step by step. */
import type { Duration, FunnelMetric, MetricModel, RowChoice } from '../../src/model/model.ts'
import { at, chosenOf, compareRows, later, referenceOf } from './reference-choice.ts'
import { calendar, holds, valueAt } from './reference-row.ts'
import type { Context } from './reference-row.ts'
import { atPeriodEnd } from './reference.ts'
import type { ReferenceQuestion } from './reference.ts'
import { cellsText, dayOf } from './rows.ts'
import type { Cell, Row } from './rows.ts'

type Of<Name> = Extract<MetricModel, { readonly kind: Name }>
export type FollowedMetric = Of<'conversion' | 'funnel' | 'retention' | 'lifecycle' | 'stickiness'>
export type FollowedQuestion = Pick<ReferenceQuestion, 'by' | 'from' | 'to' | 'where'>

/** A row of which something was found out; `own` are its values of dimensions that other rows do not have. */
interface Anchor {
  readonly row: Row
  readonly object: Cell
  readonly own: Readonly<Record<string, Cell>>
  readonly day: string | null
  readonly found: number
}

export function evaluateFollowed(
  context: Context,
  metric: FollowedMetric,
  question: FollowedQuestion,
): readonly (readonly Cell[])[] {
  const rootId = rootOf(metric).activity
  const root = context.model.tables.find(({ id }) => id === rootId)!
  const groups = new Map<string, { keys: readonly Cell[]; anchors: Anchor[] }>()
  if (question.by.length === 0) groups.set('[]', { keys: [], anchors: [] })
  for (const anchor of anchorsOf(context, metric, question)) {
    const words = question.by.map((word) => (word === 'cohort' ? grainOf(metric) : word))
    const see = (text: string): Cell => {
      if (anchor.own[text] !== undefined) return anchor.own[text]
      const row = text.endsWith('@period_end')
        ? atPeriodEnd(context, { ...question, by: words }, anchor.row)
        : anchor.row
      return valueAt(context, root, row, text.replace(/@(cohort_entry|period_end)$/, ''))
    }
    const { day } = anchor
    if (question.from !== undefined && (day === null || day < question.from)) continue
    if (question.to !== undefined && (day === null || day >= question.to)) continue
    if (question.where !== undefined && holds(question.where, see) !== true) continue
    const keys = question.by.map(see)
    const group = groups.get(cellsText(keys)) ?? { keys, anchors: [] }
    groups.set(cellsText(keys), group)
    group.anchors.push(anchor)
  }
  return [...groups.values()].map(({ keys, anchors }) => [
    ...keys,
    valueOf(context, metric, { question, keys, anchors }),
  ])
}

function grainOf(metric: FollowedMetric): string {
  return 'grain' in metric ? metric.grain : ''
}

function rootOf(metric: FollowedMetric): RowChoice {
  switch (metric.kind) {
    case 'conversion':
      return metric.base
    case 'funnel':
      return metric.steps[0]!
    case 'retention':
      return metric.start
    default:
      return metric.choice
  }
}

function anchorsOf(
  context: Context,
  metric: FollowedMetric,
  question: FollowedQuestion,
): readonly Anchor[] {
  const objects = objectsOf(context, rootOf(metric))
  switch (metric.kind) {
    case 'conversion':
      return objects.flatMap((object) => conversions(context, metric, object))
    case 'funnel':
      return objects.flatMap((object) => attempts(context, metric, object))
    case 'retention':
      return objects.flatMap((object) => entries(context, metric, { object, question }))
    case 'lifecycle':
      return objects.flatMap((object) => states(context, metric, object))
    case 'stickiness':
      return objects.flatMap((object) =>
        chosenOf(context, metric.choice, { object }).flatMap((row) =>
          // What lies in no period is no sign of life.
          periodsOf(context, metric.grain).periodOf(row) === undefined
            ? []
            : [anchorOf(context, { row, object })],
        ),
      )
  }
}

function objectsOf(context: Context, choice: RowChoice): readonly Cell[] {
  const column = referenceOf(context, choice)
  const rows = context.dataset.get(choice.activity) ?? []
  return [...new Set(rows.flatMap((row) => row[column] ?? []))]
}

function anchorOf(
  { model }: Context,
  {
    row,
    object,
    own = {},
    found = 0,
  }: { readonly row: Row; readonly object: Cell } & Partial<Anchor>,
): Anchor {
  return { row, object, own, found, day: dayOf(row, model.zone) }
}

/** Whether `same` compares with the first row, not with an anchor of the choice's own. */
function comparesFirst({ window }: RowChoice): boolean {
  return (window?.from ?? window?.to)?.at.kind !== 'chosen'
}

function withoutSame(choice: RowChoice): RowChoice {
  const { same: _, ...rest } = choice
  return comparesFirst(choice) ? rest : choice
}

/** Whether a row has what the anchor row has; unknown equals nothing. */
function isSame(
  context: Context,
  { later: choice, row }: { readonly later: RowChoice; readonly row: Row },
  { first, anchor }: { readonly first: RowChoice; readonly anchor: Row },
): boolean {
  const table = (id: string): Context['model']['tables'][number] =>
    context.model.tables.find((each) => each.id === id)!
  if (!comparesFirst(choice)) return true
  return (choice.same ?? []).every((pair) => {
    const own = valueAt(context, table(choice.activity), row, pair.path)
    return own !== null && own === valueAt(context, table(first.activity), anchor, pair.anchor)
  })
}

function conversions(context: Context, metric: Of<'conversion'>, object: Cell): readonly Anchor[] {
  const { base, conversion, within } = metric
  const bases = chosenOf(context, base, { object })
  const counts = new Map(bases.map((row) => [row, 0]))
  for (const row of chosenOf(context, withoutSame(conversion), { object })) {
    const before = bases.filter(
      (anchor) =>
        at(anchor)! <= at(row)! &&
        isWithin(context, [anchor, row], within) &&
        isSame(context, { later: conversion, row }, { first: base, anchor }),
    )
    const latest = before.toSorted(compareRows).at(-1)
    if (latest !== undefined) counts.set(latest, counts.get(latest)! + 1)
  }
  return bases.map((row) => anchorOf(context, { row, object, found: counts.get(row)! }))
}

/** Of two rows, the first before. */
function isWithin(
  context: Context,
  [first, row]: readonly [Row, Row],
  within: Duration | undefined,
): boolean {
  return within === undefined || later(context, at(first)!, within) > at(row)!
}

function attempts(context: Context, metric: Of<'funnel'>, object: Cell): readonly Anchor[] {
  const { steps } = metric
  const chosen = steps.map(
    (step, index) => new Set(chosenOf(context, index === 0 ? step : withoutSame(step), { object })),
  )
  const others = steps.flatMap(({ activity, of }) =>
    chosenOf(
      context,
      { activity, selector: { kind: 'all' }, ...(of === undefined ? {} : { of }) },
      { object },
    ),
  )
  const rows = [...new Set([...chosen.flatMap((set) => [...set]), ...others])]
  const anchors = [...chosen[0]!].map((row) => {
    const fulfils = (other: Row, step: number): boolean =>
      chosen[step - 1]!.has(other) &&
      (step === 1 ||
        isSame(context, { later: steps[step - 1]!, row: other }, { first: steps[0]!, anchor: row }))
    const seen = rows.filter(
      (other) => at(other)! >= at(row)! && isWithin(context, [row, other], metric.within),
    )
    return { row, level: levelOf(metric, { row, rows: seen, fulfils }) }
  })
  return anchors.flatMap(({ row, level }) =>
    metric.result.kind === 'level'
      ? [anchorOf(context, { row, object, found: level })]
      : steps.map((_, index) =>
          anchorOf(context, { row, object, found: level, own: { step: index + 1 } }),
        ),
  )
}

interface Attempt {
  readonly row: Row
  /** In its time, its own among them. */
  readonly rows: readonly Row[]
  readonly fulfils: (row: Row, step: number) => boolean
}

/** Instant by instant: first all that rows of the instant fulfil, in the best of ways, then whether one of them ends the attempt. */
function levelOf({ steps, rules }: FunnelMetric, { row, rows, fulfils }: Attempt): number {
  if (rules.includes('any_order')) {
    const isLater = (each: Row): boolean => !rules.includes('increasing') || at(each)! > at(row)!
    return steps.filter(
      (_, index) => index === 0 || rows.some((each) => isLater(each) && fulfils(each, index + 1)),
    ).length
  }
  const instants = [...new Set(rows.map((each) => at(each)!))].toSorted((a, b) => (a < b ? -1 : 1))
  let level = 1
  for (const instant of instants) {
    const present = rows.filter((each) => at(each) === instant)
    const isFirst = instant === at(row)
    const entered = level
    const most = (reached: number, used: readonly Row[]): number => {
      if (reached === steps.length) return reached
      if (rules.includes('increasing') && (isFirst || reached > entered)) return reached
      const next = present.filter(
        (each) => fulfils(each, reached + 1) && !(rules.includes('once') && used.includes(each)),
      )
      return Math.max(reached, ...next.map((each) => most(reached + 1, [...used, each])))
    }
    level = most(level, isFirst ? [row] : [])
    if (isFirst) continue
    const does = (each: Row, from: number, to: number): boolean => {
      for (let step = from; step <= to; step++) if (fulfils(each, step)) return true
      return false
    }
    const ends = present.some((each) => {
      if (does(each, entered + 1, level)) return false
      if (rules.includes('no_repeat') && does(each, 1, entered)) return true
      const allowed = rules.includes('reentry') ? 1 : entered
      return rules.includes('no_other') && !does(each, allowed, entered)
    })
    if (ends) break
  }
  return level
}

function entries(
  context: Context,
  metric: Of<'retention'>,
  { object, question }: { readonly object: Cell; readonly question: FollowedQuestion },
): readonly Anchor[] {
  const { grain } = metric
  const { periodOf, after, endOf, nameOf } = periodsOf(context, grain)
  const back = chosenOf(context, metric.back, { object }).map(periodOf)
  const firsts = new Map<number, Row>()
  for (const row of chosenOf(context, metric.start, { object }).toSorted(compareRows)) {
    const period = periodOf(row)
    if (period !== undefined && !firsts.has(period)) firsts.set(period, row)
  }
  const known = question.to ?? new Date().toISOString().slice(0, 10)
  return [...firsts].flatMap(([start, row]) => {
    const anchors: Anchor[] = []
    for (let age = 0; (endOf(after(start, age)) ?? known) < known; age++) {
      if (metric.at !== undefined && metric.at !== age) continue
      const period = after(start, age)
      const isBack = back.some(
        (each) =>
          each !== undefined && (metric.counting === 'rolling' ? each >= period : each === period),
      )
      const own = { cohort: nameOf(start), age }
      anchors.push(anchorOf(context, { row, object, own, found: isBack ? 1 : 0 }))
    }
    return anchors
  })
}

/** Periods as numbers in order: of the calendar's own their places, else their first days. */
interface Periods {
  readonly periodOf: (row: Row) => number | undefined
  readonly after: (period: number, count: number) => number
  readonly nameOf: (period: number) => Cell
  readonly firstDay: (period: number) => string | undefined
  /** The last day. */
  readonly endOf: (period: number) => string | undefined
}

function periodsOf(context: Context, grain: string): Periods {
  const { zone } = context.model
  const dayOfNumber = (period: number): string => new Date(period).toISOString().slice(0, 10)
  if (grain !== 'tide')
    return {
      periodOf: (row) => Date.parse(calendar(grain, at(row), zone) as string),
      after: (period, count) => Date.parse(periodAfter(grain, dayOfNumber(period), count)),
      nameOf: dayOfNumber,
      firstDay: dayOfNumber,
      endOf: (period) => periodAfter('day', periodAfter(grain, dayOfNumber(period), 1), -1),
    }
  const days = (context.dataset.get('obj.shop_day') ?? []).filter((row) => row[grain] !== null)
  const tides = [...Map.groupBy(days, (row) => row[grain]!)].map(([name, rows]) => ({
    name,
    days: rows.map((row) => row['date'] as string).toSorted(),
  }))
  const order = tides.toSorted((a, b) => (a.days[0]! < b.days[0]! ? -1 : 1))
  return {
    periodOf: (row) => {
      const place = order.findIndex((tide) => tide.days.includes(dayOf(row, zone)!))
      return place === -1 ? undefined : place
    },
    after: (period, count) => period + count,
    nameOf: (period) => order[period]!.name,
    firstDay: (period) => order[period]?.days[0],
    endOf: (period) => order[period]?.days.at(-1),
  }
}

export function periodAfter(grain: string, day: string, count: number): string {
  const [year, month, date] = day.split('-').map(Number) as [number, number, number]
  const days = { day: 1, week: 7 }[grain] ?? 0
  const months = { month: 1, quarter: 3, year: 12 }[grain] ?? 0
  return new Date(Date.UTC(year, month - 1 + months * count, date + days * count))
    .toISOString()
    .slice(0, 10)
}

function states(context: Context, metric: Of<'lifecycle'>, object: Cell): readonly Anchor[] {
  const { grain, state } = metric
  const { periodOf, after, nameOf, firstDay } = periodsOf(context, grain)
  const rows = chosenOf(context, metric.choice, { object }).toSorted(compareRows)
  const active = [...new Set(rows.map(periodOf))]
    .filter((period) => period !== undefined)
    .toSorted((a, b) => a - b)
  const anchor = (row: Row, period: number): readonly Anchor[] => {
    const day = firstDay(period)
    return day === undefined
      ? []
      : [{ ...anchorOf(context, { row, object, own: { [grain]: nameOf(period) } }), day }]
  }
  if (state === 'dormant') {
    return active.flatMap((period) =>
      active.includes(after(period, 1))
        ? []
        : anchor(
            rows.findLast((row) => periodOf(row) === period)!,
            after(period, 1),
          ),
    )
  }
  return active.flatMap((period, index) => {
    const wasBefore = active.some((other) => after(other, 1) === period)
    const is = index === 0 ? 'new' : wasBefore ? 'returning' : 'resurrected'
    return is === state
      ? anchor(
          rows.find((row) => periodOf(row) === period)!,
          period,
        )
      : []
  })
}

interface Valued {
  readonly question: FollowedQuestion
  readonly keys: readonly Cell[]
  readonly anchors: readonly Anchor[]
}

function valueOf(context: Context, metric: FollowedMetric, valued: Valued): Cell {
  const { anchors } = valued
  const found = anchors.reduce((sum, anchor) => sum + anchor.found, 0)
  const share = (part: number, whole: number): Cell => (whole === 0 ? null : part / whole)
  switch (metric.kind) {
    case 'conversion':
      return metric.result === 'count' ? found : share(found, anchors.length)
    case 'retention':
      return metric.result === 'actors' ? found : share(found, anchors.length)
    case 'lifecycle':
      return anchors.length
    case 'funnel':
      return funnelValue(metric, valued)
    case 'stickiness': {
      const { periodOf } = periodsOf(context, metric.grain)
      const pairs = anchors.map(({ row, object }) => [object, periodOf(row)])
      const active = new Set(anchors.map(({ object }) => object))
      const length = active.size === 0 ? 0 : lengthOf(context, metric.grain, valued)
      return share(new Set(pairs.map(cellsText)).size, active.size * length)
    }
  }
}

function funnelValue({ result, steps }: FunnelMetric, { question, anchors }: Valued): Cell {
  if (result.kind === 'level')
    return anchors.length === 0 ? null : Math.max(...anchors.map(({ found }) => found))
  const isByStep = question.by.includes('step')
  const reaching = (step: (anchor: Anchor) => number): number =>
    new Set(anchors.filter((each) => each.found >= step(each)).map(({ object }) => object)).size
  const own = (anchor: Anchor): number => anchor.own['step'] as number
  const part = reaching(isByStep ? own : () => Math.min(result.step, steps.length))
  if (result.kind === 'actors') return part
  const whole = reaching(() => result.from)
  return whole === 0 ? null : part / whole
}

/** How many periods of the grain there are in the group's finest period, or in the range. */
function lengthOf(context: Context, grain: string, { question, keys }: Valued): number {
  const finest = ['tide', 'season', 'day', 'week', 'month', 'quarter', 'year'].find((word) =>
    question.by.includes(word),
  )
  const period = finest === undefined ? undefined : keys[question.by.indexOf(finest)]!
  const days = context.dataset.get('obj.shop_day') ?? []
  const wordOf = (word: string, day: string): Cell =>
    word === 'tide' || word === 'season'
      ? (days.find((row) => row['date'] === day)?.[word] ?? null)
      : calendar(word, day, 'UTC')
  const isOwn = finest === 'tide' || finest === 'season'
  // Days of no period are none.
  if (isOwn && period === null) return 0
  const start = finest === undefined ? question.from! : isOwn ? '2011-10-01' : (period as string)
  const end =
    finest === undefined ? question.to! : isOwn ? '2012-01-01' : periodAfter(finest, start, 1)
  const seen = new Set<Cell>()
  for (let day = start; day < end; day = periodAfter('day', day, 1))
    if (finest === undefined || wordOf(finest, day) === period) seen.add(wordOf(grain, day))
  seen.delete(null)
  return seen.size
}

/** What the metrics mean that look at other times or over other groups: cumulative, balance, offset, total, calendar. Loops over periods and rows in memory. */
import type { Formula, MetricModel, Offset, Predicate } from '../../src/model/model.ts'
import {
  back,
  beginOfSeason,
  endsOf,
  firstHour,
  grains,
  isShort,
  isTime,
  mean,
  periodsBetween,
  seasonsLater,
  wordAt,
  unitOf,
} from './reference-time.ts'
import { calendar, holds } from './reference-row.ts'
import type { Context } from './reference-row.ts'
import { compute, divide, groupsOf, metricOf, metricValue, rowsOf, takenOf } from './reference.ts'
import type { MeasureMetric, ReferenceQuestion } from './reference.ts'
import { cellsText, dayOf } from './rows.ts'
import type { Cell, Row } from './rows.ts'

export type TimedQuestion = Pick<ReferenceQuestion, 'by' | 'from' | 'to'> & {
  /** Names no time. */
  readonly where?: Predicate
  /** Names nothing but times. */
  readonly whereTime?: Predicate
  readonly shownOn?: (day: string) => string | null
  /** The other way: the day that a day shows. */
  readonly showing?: (day: string) => string | null
  readonly run?: Run
}

/** A run of time: the rows whose unit is in it count, and nothing else of the question is about time. */
interface Run {
  readonly unit: string
  readonly isIn: (time: Cell) => boolean
}

/** Values by groups. */
export type Table = Map<string, { readonly keys: readonly Cell[]; readonly value: Cell }>

export function evaluateTimed(
  context: Context,
  name: string,
  question: TimedQuestion,
): readonly (readonly Cell[])[] {
  const table = tableOf(context, name, question)
  if (question.by.length === 0 && table.size === 0) return [[missing(context, name, true)]]
  return [...table.values()].map(({ keys, value }) => [...keys, value])
}

function tableOf(context: Context, name: string, question: TimedQuestion): Table {
  const metric = metricOf(context.model, name)
  const { fill } = metric
  const plain =
    metric.calendar === true
      ? everyPeriod(context, unfilled(context, metric, question), question)
      : unfilled(context, metric, question)
  if (fill === undefined) return plain
  return new Map([...plain].map(([key, { keys, value }]) => [key, { keys, value: value ?? fill }]))
}

function unfilled(context: Context, metric: MetricModel, question: TimedQuestion): Table {
  switch (metric.kind) {
    case 'aggregate':
      return metric.balance === undefined
        ? plainTable(context, metric.name, question)
        : balance(context, metric, question)
    case 'object_aggregate':
      return plainTable(context, metric.name, question)
    case 'ratio':
      return formulaTable(
        context,
        {
          kind: 'binary',
          operator: '/',
          left: { kind: 'metric', name: metric.numerator },
          right: { kind: 'metric', name: metric.denominator },
        },
        question,
      )
    case 'formula':
      return formulaTable(context, metric.formula, question)
    case 'cumulative':
      return cumulative(context, metric, question)
    default:
      throw new Error(`the reference does not answer metrics of kind ${metric.kind} here`)
  }
}

function whole(
  { model }: Context,
  { by, from, to, shownOn, where, whereTime, run }: TimedQuestion,
): Omit<ReferenceQuestion, 'metrics'> {
  const operands = [where, whereTime].filter((each) => each !== undefined)
  const isCounted = ({ occurred_at: at }: Row): boolean =>
    at === undefined || run!.isIn(calendar(run!.unit, at as bigint | null, model.zone))
  return {
    by,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(shownOn === undefined ? {} : { shownOn }),
    ...(operands.length === 0 ? {} : { where: { kind: 'and', operands } }),
    ...(run === undefined ? {} : { isCounted }),
  }
}

/** Groups that have a row of the metric's own. */
function plainTable(context: Context, name: string, question: TimedQuestion): Table {
  const groups = groupsOf(context, { ...whole(context, question), metrics: [name] })
  return new Map(
    [...groups].map(([key, group]) => [
      key,
      { keys: group.keys, value: metricValue(context, {}, name, group) },
    ]),
  )
}

/** What a group has that is not in the metric's table; `isWhole`: the only one, which every metric over rows has, at whatever time. */
export function missing(context: Context, name: string, isWhole: boolean = false): Cell {
  const metric = metricOf(context.model, name)
  const own = (): Cell => {
    // Its groups are those of the calendar.
    if (metric.calendar === true && !isWhole) return null
    switch (metric.kind) {
      case 'aggregate': {
        if (metric.balance?.kind === 'average') return null
        const { take } = metric.selection
        if (take.kind !== 'aggregate') return null
        return takenOf(context, {
          rootId: metric.selection.activity,
          take,
          rows: [],
          isFilled: false,
        })
      }
      case 'object_aggregate':
        return takenOf(context, { rootId: metric.object, take: metric, rows: [], isFilled: false })
      case 'ratio':
        return divide(
          missing(context, metric.numerator, isWhole),
          missing(context, metric.denominator, isWhole),
        )
      case 'formula':
        return compute(metric.formula, (other, { offset, total }) =>
          isWhole || (offset === undefined && total === undefined)
            ? missing(context, other, isWhole)
            : null,
        )
      default:
        return null
    }
  }
  const value = own()
  return value ?? metric.fill ?? null
}

type Operand = Extract<Formula, { readonly kind: 'metric' }>

function formulaTable(context: Context, formula: Formula, question: TimedQuestion): Table {
  const operands: Operand[] = []
  const visit = (each: Formula): void => {
    if (each.kind === 'metric') operands.push(each)
    if (each.kind === 'binary') [each.left, each.right].forEach(visit)
  }
  visit(formula)
  const tables = new Map(
    operands.map((each) => [JSON.stringify(each), operandTable(context, each, question)]),
  )
  const result: Table = new Map()
  for (const [key, { keys }] of [...tables.values()].flatMap((table) => [...table])) {
    const value = compute(formula, (name, operand) => {
      const found = tables.get(JSON.stringify(operand))!.get(key)
      if (found !== undefined) return found.value
      const isWhole = question.by.length === 0 && question.run === undefined
      return isWhole || (operand.offset === undefined && operand.total === undefined)
        ? missing(context, name, isWhole)
        : null
    })
    result.set(key, { keys, value })
  }
  return result
}

function operandTable(context: Context, operand: Operand, question: TimedQuestion): Table {
  const { name, offset: by, total } = operand
  if (total !== undefined) {
    const kept = question.by.filter((text) => total.includes(text))
    const rest: Operand = { kind: 'metric', name, ...(by === undefined ? {} : { offset: by }) }
    const each = operandTable(context, rest, question)
    const all = operandTable(context, rest, { ...question, by: kept })
    return new Map(
      [...each].map(([key, { keys }]) => {
        const own = keys.filter((_, at) => kept.includes(question.by[at]!))
        return [key, { keys, value: all.get(cellsText(own))?.value ?? null }]
      }),
    )
  }
  if (by === undefined) return tableOf(context, name, question)
  const { run } = question
  return run !== undefined
    ? tableOf(context, name, { ...question, run: movedRun(context, run, by) })
    : offsetTable(context, { name, by }, question)
}

function everyPeriod(context: Context, table: Table, question: TimedQuestion): Table {
  const { by, whereTime } = question
  const times = by.flatMap((text, at) => (isTime(text) ? [at] : []))
  const words = times.map((at) => by[at]!)
  if (!words.some((word) => grains.includes(word) || word === 'season')) return table
  const unit = unitOf(words, 'year')
  const begins = by.flatMap((text, at) => (grains.includes(text) ? [at] : []))
  const beginOf = (keys: readonly Cell[]): Cell =>
    begins.map((at) => keys[at]!).reduce((a, b) => (a === null || (b !== null && b > a) ? b : a))
  const ends = endsOf(
    context,
    { unit, question },
    begins.length === 0
      ? (context.dataset.get('obj.shop_day') ?? []).map((row) => row['date']!)
      : [...table.values()].map(({ keys }) => beginOf(keys)),
  )
  const named = (predicate: Predicate): readonly string[] =>
    'operands' in predicate
      ? predicate.operands.flatMap(named)
      : 'operand' in predicate
        ? named(predicate.operand)
        : [predicate.path]
  // A condition on what is grouped by is asked of the added groups too.
  const again = [question.where, whereTime].filter(
    (each) => each !== undefined && named(each).every((text) => by.includes(text)),
  )
  const result: Table = new Map(table)
  for (const period of periodsBetween(context, unit, ends)) {
    const keys = by.map((text) => (isTime(text) ? wordAt(context, text, period) : null))
    // A day that the project's calendar does not have lies in no season.
    if (by.some((text, at) => text === 'season' && keys[at] === null)) continue
    const isThere = [...table.values()].some((other) =>
      times.every((each) => other.keys[each] === keys[each]),
    )
    const isMet = again.every((each) => holds(each!, (text) => keys[by.indexOf(text)]!) === true)
    if (!isThere && isMet) result.set(cellsText(keys), { keys, value: null })
  }
  return result
}

function offsetTable(
  context: Context,
  { name, by: offset }: { readonly name: string; readonly by: Offset },
  question: TimedQuestion,
): Table {
  const { zone } = context.model
  const { by, where, whereTime } = question
  const words = by.filter(isTime)
  const unit = unitOf(words, 'year')
  const others = by.filter((text) => !isTime(text))
  const isWithin = question.shownOn !== undefined
  if (offset.kind === 'back' && (isWithin || isMoved(words, unit, offset.grain))) {
    const { count, grain } = offset
    const later = (day: string, times: number): string | null =>
      grain === 'season' ? seasonsLater(context, day, times) : back(day, -times, grain)
    const [outer = same, within = same] = [question.shownOn, question.showing]
    return tableOf(context, name, {
      ...question,
      shownOn: (day) => andThen(later(day, count), outer),
      showing: (day) => andThen(within(day), (shown) => later(shown, -count)),
    })
  }
  const inner = tableOf(context, name, {
    by: [...others, unit],
    ...(where === undefined ? {} : { where }),
    // A run of time goes on until there.
    ...(question.to === undefined ? {} : { to: question.to }),
  })
  const sourceOf = (period: string | bigint): Cell => {
    if (offset.kind === 'to_start') {
      const start = calendar(offset.grain, period, zone)
      return isShort(unit)
        ? firstHour(context, start as string)
        : calendar(unit, start as string, zone)
    }
    return isShort(unit)
      ? (period as bigint) - BigInt(offset.count) * 3_600_000_000n
      : calendar(unit, back(period as string, offset.count, offset.grain), zone)
  }
  const sources = [...inner.values()].map(({ keys }) => keys.at(-1)!)
  const known = sources.filter((cell) => cell !== null)
  // Far enough to see everything that is looked at.
  const wide = known.flatMap((cell) =>
    isShort(unit)
      ? [cell, (cell as bigint) + 40n * 86_400_000_000n]
      : [cell, back(cell as string, -4, 'year')],
  )
  const result: Table = new Map()
  for (const period of periodsBetween(context, unit, endsOf(context, { unit, question }, wide))) {
    if (
      whereTime !== undefined &&
      holds(whereTime, (text) => wordAt(context, text, period)) !== true
    )
      continue
    for (const { keys: found, value } of inner.values()) {
      if (found.at(-1) !== sourceOf(period)) continue
      const rest = found.slice(0, -1)
      const keys = by.map((text) =>
        isTime(text) ? wordAt(context, text, period) : rest[others.indexOf(text)]!,
      )
      result.set(cellsText(keys), { keys, value })
    }
  }
  return result
}

function same(day: string): string {
  return day
}

function andThen(day: string | null, next: (day: string) => string | null): string | null {
  return day === null ? null : next(day)
}

/** Whether no period of the question stands in the place of another, because it does not lie in one period of the offset: then rows move instead. */
function isMoved(words: readonly string[], unit: string, grain: string): boolean {
  if (isShort(unit) || isShort(grain)) return false
  if (grain === 'season') return true
  if (!words.includes(unit)) return true
  if (unit === grain || unit === 'day') return false
  if (unit === 'week' || grain === 'week') return true
  return grains.indexOf(grain) < grains.indexOf(unit)
}

type Aggregate = Extract<MetricModel, { readonly kind: 'aggregate' }>

function balance(context: Context, metric: Aggregate, question: TimedQuestion): Table {
  const plain = { ...metric, balance: undefined } as unknown as MeasureMetric
  const { selection } = metric
  const take = selection.take as Parameters<typeof takenOf>[1]['take']
  const value = (rows: readonly Row[]): Cell =>
    takenOf(context, { rootId: selection.activity, take, rows, isFilled: false })
  const { by } = question
  const grain = grains.toReversed().find((each) => by.includes(each))
  const same = [...(grain === undefined ? [] : [grain]), ...metric.balance!.per]
  const rows = rowsOf(context, { ...whole(context, question), by: [...by, ...same] }, plain)
  const groups = new Map<string, { keys: readonly Cell[]; rows: Row[] }>()
  const edges = new Map<string, bigint>()
  const isBetter = (left: bigint, right: bigint): boolean =>
    metric.balance!.kind === 'first' ? left < right : left > right
  for (const { row, keys } of rows) {
    const at = row['occurred_at'] as bigint | null
    const edge = edges.get(cellsText(keys.slice(by.length)))
    if (at !== null && (edge === undefined || isBetter(at, edge)))
      edges.set(cellsText(keys.slice(by.length)), at)
  }
  for (const { row, keys } of rows) {
    const isKept =
      metric.balance!.kind === 'average' ||
      row['occurred_at'] === edges.get(cellsText(keys.slice(by.length)))
    if (!isKept) continue
    const own = keys.slice(0, by.length)
    const group = groups.get(cellsText(own)) ?? { keys: own, rows: [] }
    groups.set(cellsText(own), group)
    group.rows.push(row)
  }
  if (metric.balance!.kind !== 'average')
    return new Map(
      [...groups].map(([key, group]) => [key, { keys: group.keys, value: value(group.rows) }]),
    )
  return new Map(
    [...groups].map(([key, group]) => {
      const days = Map.groupBy(group.rows, (row) => dayOf(row, context.model.zone))
      return [key, { keys: group.keys, value: mean([...days.values()].map(value)) }]
    }),
  )
}

/** The rows that show in the run. */
function movedRun(context: Context, { unit, isIn }: Run, by: Offset): Run {
  if (by.kind !== 'back') throw new Error('a run begins at no other period')
  const shownOn = (time: Cell): Cell =>
    typeof time === 'string'
      ? by.grain === 'season'
        ? seasonsLater(context, time, by.count)
        : back(time, -by.count, by.grain)
      : (time as bigint) + BigInt(by.count) * 3_600_000_000n
  return { unit, isIn: (time) => time !== null && isIn(shownOn(time)) }
}

type Cumulative = Extract<MetricModel, { readonly kind: 'cumulative' }>

function cumulative(context: Context, metric: Cumulative, question: TimedQuestion): Table {
  const { zone } = context.model
  const { by, where, whereTime, to, shownOn = same, showing = same } = question
  const words = by.filter(isTime)
  const unit = unitOf(words, 'day')
  const others = by.filter((text) => !isTime(text))
  const tableIn = (isIn: Run['isIn']): Table =>
    tableOf(context, metric.metric, {
      by: others,
      ...(where === undefined ? {} : { where }),
      run: { unit, isIn },
    })
  const isIn = isInRun(context, metric)
  const times = shownTimes(tableIn, { to, zone, shownOn })
  const ends = endsOf(context, { unit, question }, times)
  const all = periodsBetween(context, unit, ends)
  const points = words.length === 0 ? all.slice(-1) : all
  const runs = points.flatMap((point) => {
    if (
      whereTime !== undefined &&
      holds(whereTime, (text) => wordAt(context, text, point)) !== true
    )
      return []
    const end = typeof point === 'string' ? showing(point) : point
    if (end === null) return []
    return [...tableIn((time) => isIn(time, end)).values()].map(({ keys, value }) => ({
      keys: by.map((text) =>
        isTime(text) ? wordAt(context, text, point) : keys[others.indexOf(text)]!,
      ),
      value,
    }))
  })
  const byGroup = Map.groupBy(runs, ({ keys }) => cellsText(keys))
  return new Map(
    [...byGroup].map(([key, found]) => {
      const values = found.map(({ value }) => value)
      const value =
        metric.across === 'average'
          ? mean(values)
          : metric.across === 'first'
            ? values[0]!
            : values.at(-1)!
      return [key, { keys: found[0]!.keys, value }]
    }),
  )
}

/** The times at which a row shows that counts. */
function shownTimes(
  tableIn: (isIn: Run['isIn']) => Table,
  {
    to,
    zone,
    shownOn,
  }: {
    readonly to: string | undefined
    readonly zone: string
    readonly shownOn: (day: string) => string | null
  },
): readonly Cell[] {
  const seen = new Set<Cell>()
  tableIn((time) => {
    if (time !== null) seen.add(time)
    return false
  })
  return [...seen].flatMap((time) => {
    const shown = typeof time === 'string' ? shownOn(time) : time
    return (to === undefined || calendar('day', shown as string, zone)! < to) &&
      tableIn((other) => other === time).size > 0
      ? [shown]
      : []
  })
}

function isInRun(
  context: Context,
  { over }: Cumulative,
): (time: Cell, point: string | bigint) => boolean {
  const { zone } = context.model
  const length = over.kind === 'window' ? over.length : undefined
  const isBegun = (time: string | bigint, point: string | bigint): boolean => {
    if (over.kind === 'all_time') return true
    if (length === undefined) {
      const { grain } = over as { readonly grain: string }
      if (grain !== 'season') return calendar(grain, time, zone) === calendar(grain, point, zone)
      const first = beginOfSeason(context, calendar('day', point, zone) as string)
      return first !== null && (calendar('day', time, zone) as string) >= first
    }
    return typeof point === 'bigint'
      ? (time as bigint) > point - BigInt(length.count) * 3_600_000_000n
      : (time as string) > back(point, length.count, length.unit)
  }
  return (time, point) => time !== null && time <= point && isBegun(time as string, point)
}

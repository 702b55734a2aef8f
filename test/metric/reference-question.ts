/** What the parts of a question mean that put groups together: having, compare, totals, top, combinations. Written over the plain reference. */
import type { Predicate } from '../../src/model/model.ts'
import type { Top } from '../../src/metric/metric.ts'
import { calendar, compareCells, valueAt } from './reference-row.ts'
import type { Context } from './reference-row.ts'
import { divide, evaluate, metricOf } from './reference.ts'
import type { ReferenceQuestion } from './reference.ts'
import { back, periodsBetween } from './reference-time.ts'
import { missing } from './reference-timed.ts'
import { cellsText } from './rows.ts'
import type { Cell, Row } from './rows.ts'

export interface PartsQuestion {
  readonly metrics: readonly string[]
  readonly by: readonly string[]
  readonly from?: string
  readonly to?: string
  readonly where?: Predicate
  readonly having?: { readonly metric: string; readonly above: number }
  readonly compare?: 'previous' | `${number} ${string}`
  readonly totals?: readonly (readonly string[])[]
  readonly top?: Top
}

type Rows = readonly (readonly Cell[])[]
/** How the metrics of one group after another are found. */
export type Answering = (question: ReferenceQuestion) => Rows

/** Rows in no order; with totals their last cell says of which dimensions. */
export function evaluateParts(
  { model, dataset }: Context,
  question: PartsQuestion,
  answer: Answering = (asked) => evaluate(model, dataset, asked),
): Rows {
  const context = { model, dataset, answer }
  const { by, top, having, totals } = question
  let rows = compared(context, question)
  if (top !== undefined) {
    const at = by.indexOf(top.dimension)
    const values = topValues(context, question, top)
    const isTop = (cell: Cell): boolean => values.some((value) => value === cell)
    const left = rows.filter((row) => !isTop(row[at]!))
    rows = rows.filter((row) => isTop(row[at]!))
    if (top.others === true && left.length > 0) {
      const rest = by.filter((text) => text !== top.dimension)
      const others = compared(context, {
        ...question,
        by: rest,
        without: rowsWhere(context, (row) =>
          isTop(valueAt(context, purchases(context), row, top.dimension)),
        ),
      })
      const name = isText(top.dimension) ? 'others' : null
      rows = [...rows, ...others.map((row) => row.toSpliced(at, 0, name))]
    }
  }
  if (having !== undefined) {
    const at = by.length + columnsOf(question).indexOf(having.metric)
    rows = rows.filter((row) => row[at] !== null && Number(row[at]) > having.above)
  }
  if (totals === undefined) return rows
  const more = totals.flatMap((kept) =>
    compared(context, { ...question, by: kept }).map((row) => [
      ...by.map((text) => (kept.includes(text) ? row[kept.indexOf(text)]! : null)),
      ...row.slice(kept.length),
      kept.join(','),
    ]),
  )
  return [...rows.map((row) => [...row, null]), ...more]
}

export function isText(dimension: string): boolean {
  return ['status', 'member.country'].includes(dimension)
}

export function columnsOf({ metrics, compare }: PartsQuestion): readonly string[] {
  return compare === undefined
    ? metrics
    : metrics.flatMap((name) => [
        name,
        `${name}__before`,
        `${name}__change`,
        `${name}__change_rate`,
      ])
}

function purchases({ model }: Context): Context['model']['tables'][number] {
  return model.tables.find(({ id }) => id === 'act.purchase')!
}

function rowsWhere({ dataset }: Context, test: (row: Row) => boolean): ReadonlySet<Row> {
  return new Set((dataset.get('act.purchase') ?? []).filter(test))
}

function topValues(context: Answered, question: PartsQuestion, top: Top): readonly Cell[] {
  const isLeast = top.metric.startsWith('-')
  const { from, to, where } = question
  const rows = context.answer({
    metrics: [top.metric.replace('-', '')],
    by: [top.dimension],
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(where === undefined ? {} : { where }),
  })
  const order = (left: Cell, right: Cell, isDown: boolean): number => {
    if (left === null || right === null) return left === right ? 0 : left === null ? 1 : -1
    return isDown ? -compareCells(left, right) : compareCells(left, right)
  }
  return rows
    .toSorted((a, b) => order(a[1]!, b[1]!, !isLeast) || order(a[0]!, b[0]!, false))
    .slice(0, top.count)
    .map(([value]) => value!)
}

type Plain = Omit<PartsQuestion, 'having' | 'totals' | 'top'> & {
  readonly without?: ReadonlySet<Row>
}

type Answered = Context & { readonly answer: Answering }

function compared(context: Answered, question: Plain): Rows {
  const { metrics, by, from, to, where, compare, without } = question
  const range = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
  const ask = (others: { from?: string; to?: string }): Rows =>
    context.answer({
      metrics,
      by,
      ...others,
      ...(where === undefined ? {} : { where }),
      ...(without === undefined ? {} : { isCounted: (row: Row) => !without.has(row) }),
    })
  const own = ask(range)
  if (compare === undefined) return own
  const [count, grain] = backOf(compare, range)
  const moved = ask(movedRange(range, count, grain))
  const at = by.findIndex((text) => ['day', 'week', 'month'].includes(text))
  const before =
    at === -1 ? moved : movedGroups(context, moved, { at, unit: by[at]!, range, count, grain })
  const groups = new Map<
    string,
    { keys: readonly Cell[]; own?: readonly Cell[]; before?: readonly Cell[] }
  >()
  const add = (row: readonly Cell[], side: 'own' | 'before'): void => {
    const keys = row.slice(0, by.length)
    const text = cellsText(keys)
    groups.set(text, { ...(groups.get(text) ?? { keys }), [side]: row.slice(by.length) })
  }
  own.forEach((row) => add(row, 'own'))
  before.forEach((row) => add(row, 'before'))
  return [...groups.values()].map((group) => [
    ...group.keys,
    ...metrics.flatMap((name, place) => {
      const missing = missingOf(context, name)
      const now = group.own === undefined ? missing : group.own[place]!
      const then = group.before === undefined ? missing : group.before[place]!
      const change =
        now === null || then === null
          ? null
          : typeof now === 'number' && typeof then === 'number'
            ? now - then
            : String(Number((Number(now) - Number(then)).toFixed(9)))
      return [now, then, change, divide(change, then)]
    }),
  ])
}

/** What a group has of a metric that has no row in it. */
function missingOf(context: Context, name: string): Cell {
  const metric = metricOf(context.model, name)
  const { result } = metric as { readonly result?: unknown }
  if (result === 'count' || (metric.kind === 'funnel' && metric.result.kind === 'actors')) return 0
  return missing(context, name)
}

function backOf(
  compare: string,
  range: { readonly from?: string; readonly to?: string },
): readonly [number, string] {
  if (compare !== 'previous') {
    const [count, grain] = compare.split(' ') as [string, string]
    return [Number(count), grain.replace(/s$/, '')]
  }
  const [from, to] = [range.from!, range.to!]
  const month = (day: string): number => Number(day.slice(0, 4)) * 12 + Number(day.slice(5, 7))
  return from.endsWith('-01') && to.endsWith('-01')
    ? [month(to) - month(from), 'month']
    : [(Date.parse(to) - Date.parse(from)) / 86_400_000, 'day']
}

function movedRange(
  { from, to }: { readonly from?: string; readonly to?: string },
  count: number,
  grain: string,
): { from?: string; to?: string } {
  const next = (day: string, days: number): string =>
    new Date(Date.parse(day) + days * 86_400_000).toISOString().slice(0, 10)
  const ends =
    to === undefined ? [] : [back(to, count, grain), next(back(next(to, -1), count, grain), 1)]
  return {
    ...(from === undefined ? {} : { from: back(from, count, grain) }),
    ...(to === undefined ? {} : { to: ends.toSorted().at(-1)! }),
  }
}

interface Moving {
  readonly at: number
  readonly unit: string
  readonly range: { readonly from?: string; readonly to?: string }
  readonly count: number
  readonly grain: string
}

/** Each period shows the groups of the one in whose place it stands. */
function movedGroups(
  context: Context,
  rows: Rows,
  { at, unit, range, count, grain }: Moving,
): Rows {
  const known = rows
    .map((row) => row[at]!)
    .filter((cell) => cell !== null)
    .toSorted((a, b) => (a < b ? -1 : 1)) as string[]
  const { zone } = context.model
  const first = range.from === undefined ? known[0] : (calendar(unit, range.from, zone) as string)
  const last =
    range.to === undefined
      ? known.at(-1) && back(known.at(-1)!, -4, 'year')
      : new Date(Date.parse(range.to) - 86_400_000).toISOString().slice(0, 10)
  const periods = periodsBetween(context, unit, { first: first ?? null, last: last ?? null })
  return periods.flatMap((period) => {
    const source = calendar(unit, back(period as string, count, grain), zone)
    return rows.filter((row) => row[at] === source).map((row) => row.with(at, period))
  })
}

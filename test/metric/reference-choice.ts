/** What a choice of activities means, step by step over rows in memory, as `RowChoice` says it. */
import type { Bound, Duration, Predicate, RowChoice } from '../../src/model/model.ts'
import { calendar, holds, valueAt } from './reference-row.ts'
import type { Context } from './reference-row.ts'
import { back } from './reference-time.ts'
import { cellsText } from './rows.ts'
import type { Cell, Row } from './rows.ts'

/** The chosen rows of every object in its whole history; undefined when every row counts that meets the filter. */
export function chosenRows(context: Context, choice: RowChoice): ReadonlySet<Row> | undefined {
  const parts = [choice.of, choice.window, choice.within, choice.same, choice.keep, choice.per]
  if (choice.selector.kind === 'all' && parts.every((part) => part === undefined)) return undefined
  const column = referenceOf(context, choice)
  const rows = context.dataset.get(choice.activity) ?? []
  const objects = new Set(rows.flatMap((row) => row[column] ?? []))
  return new Set([...objects].flatMap((object) => chosenOf(context, choice, { object })))
}

export interface Viewer {
  readonly object: Cell
  /** The instant at which an attribute is asked. */
  readonly instant?: bigint
  /** The row from which a related column is seen, of an activity. */
  readonly base?: { readonly row: Row; readonly choice: RowChoice }
}

/** The rows that count for one object, in order. */
export function chosenOf(context: Context, choice: RowChoice, viewer: Viewer): readonly Row[] {
  const column = referenceOf(context, choice)
  const history = (context.dataset.get(choice.activity) ?? [])
    .filter((row) => row[column] === viewer.object && at(row) !== null)
    .filter((row) => viewer.instant === undefined || at(row)! <= viewer.instant)
    .filter((row) => meets(context, choice, { row, predicate: choice.filter }))
    .toSorted(compareRows)
  const histories = new Map<string, Row[]>()
  for (const row of history) {
    const key = choice.per === undefined ? '' : cellsText(see(context, choice, row)(choice.per))
    histories.set(key, [...(histories.get(key) ?? []), row])
  }
  return [...histories.values()].flatMap((rows) => ofOneHistory(context, choice, { viewer, rows }))
}

function ofOneHistory(
  context: Context,
  choice: RowChoice,
  { viewer, rows }: { readonly viewer: Viewer; readonly rows: readonly Row[] },
): readonly Row[] {
  const { base } = viewer
  const from = instantOf(context, choice.window?.from, viewer)
  const to = instantOf(context, choice.window?.to, viewer)
  const bound = choice.window?.from ?? choice.window?.to
  const anchor =
    bound?.at.kind === 'chosen'
      ? { row: choice.window?.from === undefined ? to.row : from.row, choice: bound.at.choice }
      : base
  const counts = (row: Row): boolean => {
    const instant = at(row)!
    if (choice.window === undefined && base !== undefined && instant > at(base.row)!) return false
    if (choice.window?.from !== undefined) {
      if (from.instant === undefined) return false
      if (instant < from.instant || (instant === from.instant && !choice.window.from.inclusive))
        return false
    }
    if (choice.window?.to !== undefined && to.isOpen !== true) {
      if (to.instant === undefined) return false
      if (instant > to.instant || (instant === to.instant && !choice.window.to.inclusive))
        return false
    }
    if (choice.within !== undefined) {
      const asked = base === undefined ? viewer.instant : at(base.row)!
      const end = choice.window === undefined ? asked : to.instant
      if (from.instant !== undefined) {
        if (instant >= later(context, from.instant, choice.within)) return false
      } else if (end === undefined || later(context, instant, choice.within) <= end) return false
    }
    for (const pair of choice.same ?? []) {
      if (anchor?.row === undefined) return false
      const own = see(context, choice, row)(pair.path)
      if (own === null || own !== see(context, anchor.choice, anchor.row)(pair.anchor)) return false
    }
    return meets(context, choice, { row, predicate: choice.keep })
  }
  const { selector } = choice
  if (selector.kind === 'nth' && selector.counted === 'history')
    return rows.slice(selector.n - 1, selector.n).filter(counts)
  const kept = rows.filter(counts)
  if (selector.kind === 'all') return kept
  if (selector.kind === 'last') return kept.slice(-1)
  return kept.slice(selector.kind === 'nth' ? selector.n - 1 : 0).slice(0, 1)
}

function instantOf(
  context: Context,
  bound: Bound | undefined,
  viewer: Viewer,
): {
  readonly instant?: bigint | undefined
  readonly row?: Row | undefined
  readonly isOpen?: boolean
} {
  switch (bound?.at.kind) {
    case 'fixed':
      return { instant: BigInt(Date.parse(bound.at.instant)) * 1000n }
    case 'instant':
      return { instant: viewer.base === undefined ? viewer.instant : at(viewer.base.row)! }
    case 'row':
      return { instant: at(viewer.base!.row)! }
    case 'next': {
      const { row, choice } = viewer.base!
      const rows = chosenOf(
        context,
        { activity: choice.activity, selector: { kind: 'all' } },
        { object: viewer.object },
      )
      const next = rows[rows.indexOf(row) + 1]
      return next === undefined ? { isOpen: true } : { instant: at(next)! }
    }
    case 'chosen': {
      const [row] = chosenOf(context, bound.at.choice, viewer)
      return row === undefined ? {} : { row, instant: at(row)! }
    }
    default:
      return {}
  }
}

export function referenceOf({ model }: Context, choice: RowChoice): string {
  const activity = model.tables.find((table) => table.id === choice.activity)!
  return choice.of ?? (activity.kind === 'activity' ? activity.actor : '')
}

function see(context: Context, choice: RowChoice, row: Row): (path: string) => Cell {
  const root = context.model.tables.find((table) => table.id === choice.activity)!
  return (text) => {
    const [path, compared] = text.split('#') as [string, string?]
    const value = valueAt(context, root, row, path)
    return compared === undefined ? value : context.ofObject!(compared, value)
  }
}

function meets(
  context: Context,
  choice: RowChoice,
  { row, predicate }: { readonly row: Row; readonly predicate: Predicate | undefined },
): boolean {
  return predicate === undefined || holds(predicate, see(context, choice, row)) === true
}

export function at(row: Row): bigint | null {
  return row['occurred_at'] as bigint | null
}

export function compareRows(left: Row, right: Row): number {
  const [a, b] = [at(left)!, at(right)!]
  return a < b ? -1 : a > b ? 1 : Number(left['id']) - Number(right['id'])
}

/** Days and longer keep the time on the clock. */
export function later(
  { model: { zone } }: Context,
  instant: bigint,
  { count, unit }: Duration,
): bigint {
  const hour = 3_600_000_000n
  const lengths: Readonly<Record<string, bigint>> = {
    second: hour / 3600n,
    minute: hour / 60n,
    hour,
  }
  const length = lengths[unit]
  if (length !== undefined) return instant + BigInt(count) * length
  const day = calendar('day', instant, zone) as string
  const then = back(day, -count, unit)
  const about = instant + BigInt(Date.parse(then) - Date.parse(day)) * 1000n
  const hourOf = (at: bigint): number => calendar('hour_of_day', at, zone) as number
  const changed = (hourOf(instant) - hourOf(about) + 36) % 24
  return about + BigInt(changed - 12) * hour
}

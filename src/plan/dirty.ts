/**
 * Sets of partitions that are to be rebuilt. For tables by day a set is a list of half-open day ranges (the days that exist are not known
 * beforehand) and perhaps the unknown day; for others, partition keys or all. The text form is what State keeps as `pending`.
 */
import type { Day } from '../base/time.ts'
import { addDays } from '../base/time.ts'
import type { PartitionKey } from '../lake/lake.ts'

export type Dirty =
  | { readonly kind: 'none' }
  | { readonly kind: 'all' }
  | { readonly kind: 'keys'; readonly keys: ReadonlySet<PartitionKey> }
  | { readonly kind: 'days'; readonly ranges: readonly DayRange[]; readonly unknown: boolean }

/** Half-open; undefined is without end. */
export interface DayRange {
  readonly from: Day | undefined
  readonly to: Day | undefined
}

export const unknownDay = 'day=unknown'

export function isEmpty(dirty: Dirty): boolean {
  if (dirty.kind === 'keys') return dirty.keys.size === 0
  if (dirty.kind === 'days') return dirty.ranges.length === 0 && !dirty.unknown
  return dirty.kind === 'none'
}

export function union(left: Dirty, right: Dirty): Dirty {
  if (left.kind === 'all' || right.kind === 'all') return { kind: 'all' }
  if (isEmpty(left)) return right
  if (isEmpty(right)) return left
  if (left.kind === 'keys' && right.kind === 'keys')
    return { kind: 'keys', keys: new Set([...left.keys, ...right.keys]) }
  if (left.kind === 'days' && right.kind === 'days') {
    return {
      kind: 'days',
      ranges: mergeRanges([...left.ranges, ...right.ranges]),
      unknown: left.unknown || right.unknown,
    }
  }
  return { kind: 'all' }
}

/** What of a set by day lies within [from, to), and what remains outside. The unknown day is built with an unlimited range only. */
export function splitByRange(
  dirty: Dirty,
  range: DayRange,
): { readonly inside: Dirty; readonly outside: Dirty } {
  if (dirty.kind !== 'days' && dirty.kind !== 'all')
    return { inside: dirty, outside: { kind: 'none' } }
  if (range.from === undefined && range.to === undefined)
    return { inside: dirty, outside: { kind: 'none' } }
  const ranges = dirty.kind === 'all' ? [{ from: undefined, to: undefined }] : dirty.ranges
  const unknown = dirty.kind === 'all' || dirty.unknown
  const inside = ranges.map((each) => intersect(each, range)).filter(isRange)
  const outside = ranges.flatMap((each) => [
    range.from === undefined ? undefined : intersect(each, { from: undefined, to: range.from }),
    range.to === undefined ? undefined : intersect(each, { from: range.to, to: undefined }),
  ])
  return {
    inside: { kind: 'days', ranges: inside, unknown: false },
    outside: { kind: 'days', ranges: mergeRanges(outside.filter(isRange)), unknown },
  }
}

/** Whether the set holds this partition. */
export function holds(dirty: Dirty, partition: PartitionKey): boolean {
  if (dirty.kind === 'all') return true
  if (dirty.kind === 'keys') return dirty.keys.has(partition)
  if (dirty.kind === 'none') return false
  if (partition === unknownDay) return dirty.unknown
  const day = partition.slice('day='.length)
  return dirty.ranges.some(
    (range) =>
      (range.from === undefined || range.from <= day) && (range.to === undefined || day < range.to),
  )
}

export function daySet(days: Iterable<PartitionKey>): Dirty {
  const ranges: DayRange[] = []
  let unknown = false
  for (const key of days) {
    if (key === unknownDay) unknown = true
    else ranges.push({ from: key.slice('day='.length), to: addDays(key.slice('day='.length), 1) })
  }
  return { kind: 'days', ranges: mergeRanges(ranges), unknown }
}

export function formatDirty(dirty: Dirty): readonly string[] {
  if (dirty.kind === 'none') return []
  if (dirty.kind === 'all') return ['*']
  if (dirty.kind === 'keys') return [...dirty.keys].toSorted()
  const ranges = dirty.ranges.map((range) =>
    range.from !== undefined && range.to === addDays(range.from, 1)
      ? `day=${range.from}`
      : `day=${range.from ?? ''}..${range.to ?? ''}`,
  )
  return dirty.unknown ? [...ranges, unknownDay] : ranges
}

export function parseDirty(texts: readonly string[], byDay: boolean): Dirty {
  if (texts.includes('*')) return { kind: 'all' }
  if (texts.length === 0) return { kind: 'none' }
  if (!byDay) return { kind: 'keys', keys: new Set(texts) }
  const ranges: DayRange[] = []
  for (const text of texts) {
    if (text === unknownDay) continue
    const [from, to] = text.slice('day='.length).split('..') as [string, string?]
    ranges.push(
      to === undefined
        ? { from, to: addDays(from, 1) }
        : { from: from === '' ? undefined : from, to: to === '' ? undefined : to },
    )
  }
  return { kind: 'days', ranges: mergeRanges(ranges), unknown: texts.includes(unknownDay) }
}

function intersect(left: DayRange, right: DayRange): DayRange | undefined {
  const from =
    left.from === undefined
      ? right.from
      : right.from === undefined || left.from > right.from
        ? left.from
        : right.from
  const to =
    left.to === undefined
      ? right.to
      : right.to === undefined || left.to < right.to
        ? left.to
        : right.to
  return from !== undefined && to !== undefined && from >= to ? undefined : { from, to }
}

function isRange(range: DayRange | undefined): range is DayRange {
  return range !== undefined
}

/** Sorted, without overlap, neighbours joined. */
function mergeRanges(ranges: readonly DayRange[]): readonly DayRange[] {
  const merged: DayRange[] = []
  for (const range of ranges.toSorted((left, right) =>
    (left.from ?? '').localeCompare(right.from ?? ''),
  )) {
    const last = merged.at(-1)
    if (last !== undefined && (last.to === undefined || (range.from ?? '') <= last.to)) {
      const to =
        last.to === undefined || range.to === undefined
          ? undefined
          : last.to > range.to
            ? last.to
            : range.to
      merged[merged.length - 1] = { from: last.from, to }
    } else merged.push(range)
  }
  return merged
}

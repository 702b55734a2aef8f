/** What of a task is stale: follows from the change journal and the task's own record, never from clocks or files. */
import { addDays, localDay } from '../base/time.ts'
import type { PartitionSpec } from '../lake/lake.ts'
import type { JournalEntry, TaskRecord } from '../state/state.ts'
import { daySet, isEmpty, parseDirty, union } from './dirty.ts'
import type { Dirty } from './dirty.ts'
import { nextPeriod, periodStart } from './period.ts'
import type { Period } from './period.ts'
import type { PartitionMapping, Task } from './task.ts'

export interface Staleness {
  readonly dirty: Dirty
  /** In words, for `maru plan`. */
  readonly reasons: readonly string[]
  /** New events, and nothing else, make the task stale, and it follows them: what they bring or touch brings it up to date. */
  readonly follows: boolean
  /** Of a merged table: something that is attached to its rows changed, so days may read otherwise whose rows stay. */
  readonly readsOtherwise: boolean
}

export interface StaleQuestion {
  readonly task: Task
  readonly record: TaskRecord | undefined
  /** Entries of the task's inputs; those consumed already may be among them. */
  readonly journal: readonly JournalEntry[]
  readonly zone: string
  readonly full?: boolean
  /** Whether it is known which events the stored rows were made of. */
  readonly knowsTaken?: boolean
}

export function staleness(question: StaleQuestion): Staleness {
  const { task, record, journal, zone } = question
  if (question.full === true) return whole('a full rebuild is asked for')
  if (record === undefined) return whole('never built')
  if (record.version !== task.version) return whole('its definition changed')
  const pending = parseDirty(record.pending, task.partition.kind === 'day')
  const reasons = isEmpty(pending) ? [] : ['left over from an earlier run']
  let dirty = pending
  const changedInputs: string[] = []
  const otherwise: string[] = []
  const attached = new Set(task.attached?.joins.map((join) => join.table))
  for (const input of task.inputs) {
    const consumed = record.consumed[input.id] ?? (input.mapping === 'attached' ? 0 : undefined)
    if (consumed === undefined) return whole(`${input.id} was never read`)
    const entries = journal.filter(
      (entry) =>
        entry.tableId === input.id &&
        entry.sequence > consumed &&
        (entry.attached !== true || input.attached === true),
    )
    if (attached.has(input.id) && entries.length > 0) otherwise.push(input.id)
    const changed = affected(entries, { ...input, partition: task.partition, zone })
    if (isEmpty(changed)) continue
    dirty = union(dirty, changed)
    changedInputs.push(input.id)
  }
  const follows =
    question.knowsTaken === true &&
    isEmpty(pending) &&
    changedInputs.length > 0 &&
    changedInputs.every((id) => isFollowed(task, id))
  return {
    dirty,
    reasons: [
      ...reasons,
      ...changedInputs.map((id) => changeText(task, id, follows)),
      ...otherwise
        .filter((id) => !changedInputs.includes(id))
        .map((id) => `${id} changed, which is read with the rows`),
    ],
    follows,
    readsOtherwise: otherwise.length > 0,
  }
}

function whole(reason: string): Staleness {
  return { dirty: { kind: 'all' }, reasons: [reason], follows: false, readsOtherwise: true }
}

/** Whether new events of this input are looked at alone. */
export function isFollowed({ following }: Task, id: string): boolean {
  return following !== undefined && following.kind !== 'rebuild' && following.events.includes(id)
}

function changeText(task: Task, id: string, follows: boolean): string {
  if (follows)
    return task.following?.kind === 'append'
      ? `${id} has new rows, which are appended`
      : `${id} has new rows; what they touch is made again`
  return task.following?.kind === 'rebuild'
    ? `${id} changed; new rows are not appended, as ${task.following.because}`
    : `${id} changed`
}

/** In place of a partition in the journal: all that the table ever had. */
export const everyPartition = '*'

/** Instants beyond any reading: an entry that says that nothing changed in which version holds when. */
export const never = '9223372036854775807'

export function affected(
  entries: readonly JournalEntry[],
  edge: {
    readonly mapping: PartitionMapping
    readonly reference?: string
    readonly period?: Period
    readonly partition: PartitionSpec
    readonly zone: string
  },
): Dirty {
  if (entries.length === 0) return { kind: 'none' }
  switch (edge.mapping) {
    case 'all':
      return { kind: 'all' }
    case 'attached':
    case 'told':
      return { kind: 'none' }
    case 'same_bucket':
    case 'same_day': {
      const keys = entries.map((entry) => entry.partition)
      // `everyPartition`, or an entry of before the input was split in this way.
      if (!keys.every((key) => key.startsWith(`${edge.partition.kind}=`))) return { kind: 'all' }
      return edge.mapping === 'same_day' ? daySet(keys) : { kind: 'keys', keys: new Set(keys) }
    }
    case 'same_period': {
      const keys = entries.map((entry) => entry.partition)
      if (!keys.every((key) => key.startsWith('day='))) return { kind: 'all' }
      return inPeriods(daySet(keys), edge.period!)
    }
    case 'key_buckets': {
      const buckets = entries.map((entry) => entry.buckets?.[edge.reference ?? ''])
      if (buckets.includes(undefined)) return { kind: 'all' }
      return { kind: 'keys', keys: new Set(buckets.flat().map((bucket) => `bucket=${bucket}`)) }
    }
    case 'from_instant': {
      if (entries.some((entry) => entry.from === undefined)) return { kind: 'all' }
      const instants = entries
        .filter((entry) => entry.from !== never)
        .map((entry) => BigInt(entry.from!))
      if (instants.length === 0) return { kind: 'none' }
      const earliest = instants.reduce((least, instant) => (instant < least ? instant : least))
      return {
        kind: 'days',
        ranges: [{ from: localDay(earliest, edge.zone), to: undefined }],
        unknown: false,
      }
    }
  }
}

/** What a rebuild of these partitions upstream may change here: for planning ahead, before contents are known. */
export function affectedBy(
  dirty: Dirty,
  { mapping, period }: { readonly mapping: PartitionMapping; readonly period?: Period },
): Dirty {
  if (isEmpty(dirty) || mapping === 'attached') return { kind: 'none' }
  if (mapping === 'same_period') return inPeriods(dirty, period!)
  return mapping === 'same_day' || mapping === 'same_bucket' ? dirty : { kind: 'all' }
}

/** The periods, by their first days, that hold days of the set. */
function inPeriods(dirty: Dirty, period: Period): Dirty {
  if (dirty.kind !== 'days') return isEmpty(dirty) ? dirty : { kind: 'all' }
  return {
    kind: 'days',
    ranges: dirty.ranges.map(({ from, to }) => ({
      from: from === undefined ? undefined : periodStart(period, from),
      to: to === undefined ? undefined : nextPeriod(period, addDays(to, -1)),
    })),
    unknown: dirty.unknown,
  }
}

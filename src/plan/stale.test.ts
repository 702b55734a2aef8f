import { deepEqual, equal } from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { JournalEntry, TaskRecord } from '../state/state.ts'
import { formatDirty } from './dirty.ts'
import { affected, never, staleness } from './stale.ts'
import type { Task } from './task.ts'

const entry = (
  tableId: string,
  sequence: number,
  partition: string,
  from?: string,
): JournalEntry => ({
  tableId,
  sequence,
  partition,
  snapshotId: '1',
  ...(from === undefined ? {} : { from }),
})

/** 2011-03-01T20:00:00Z is the second of March in Seoul. */
const evening = (BigInt(Date.parse('2011-03-01T20:00:00Z')) * 1000n).toString()

const merged = {
  id: 'merged.purchase',
  partition: { kind: 'day', column: 'day' },
  inputs: [
    { id: 'act.purchase', mapping: 'same_day' },
    { id: 'obj_attr.member.habit', mapping: 'from_instant' },
  ],
  version: 'v1',
} as unknown as Task

const record: TaskRecord = {
  taskId: merged.id,
  version: 'v1',
  consumed: { 'act.purchase': 10, 'obj_attr.member.habit': 10 },
  pending: [],
  definition: '{}',
  finishedAtMs: 0,
}

describe('what is stale', () => {
  it('is nothing when no input changed since', () => {
    const { dirty, reasons } = staleness({
      task: merged,
      record,
      journal: [entry('act.purchase', 10, 'day=2011-03-01')],
      zone: 'Asia/Seoul',
    })
    deepEqual([formatDirty(dirty), reasons], [[], []])
  })

  it('is the same day of an activity, and every day from a version’s instant on, as local days', () => {
    const journal = [
      entry('act.purchase', 11, 'day=2011-02-27'),
      entry('obj_attr.member.habit', 12, 'bucket=3', evening),
    ]
    const { dirty } = staleness({ task: merged, record, journal, zone: 'Asia/Seoul' })
    deepEqual(formatDirty(dirty), ['day=2011-02-27', 'day=2011-03-02..'])
  })

  it('is nothing when values of versions changed but not which version held when', () => {
    const { dirty } = staleness({
      task: merged,
      record,
      journal: [entry('obj_attr.member.habit', 12, 'bucket=3', never)],
      zone: 'Asia/Seoul',
    })
    equal(formatDirty(dirty).length, 0)
  })

  it('is everything when never built, when the definition changed, or when an input is new', () => {
    const ask = (task: Task, known: TaskRecord | undefined): readonly string[] =>
      formatDirty(staleness({ task, record: known, journal: [], zone: 'UTC' }).dirty)
    deepEqual(ask(merged, undefined), ['*'])
    deepEqual(ask({ ...merged, version: 'v2' }, record), ['*'])
    deepEqual(ask(merged, { ...record, consumed: { 'act.purchase': 10 } }), ['*'])
  })

  it('includes what an earlier run left over', () => {
    const { dirty } = staleness({
      task: merged,
      record: { ...record, pending: ['day=2011-01-01..2011-02-01'] },
      journal: [entry('act.purchase', 11, 'day=2011-01-31')],
      zone: 'UTC',
    })
    deepEqual(formatDirty(dirty), ['day=2011-01-01..2011-02-01'])
  })

  it('is the buckets of the keys whose activities changed, and all where that is not said', () => {
    const edge = {
      mapping: 'key_buckets' as const,
      reference: 'member',
      partition: { kind: 'bucket', column: 'id', count: 8 } as const,
      zone: 'UTC',
    }
    const said = { ...entry('act.purchase', 1, 'day=2011-03-01'), buckets: { member: [3, 5] } }
    deepEqual(formatDirty(affected([said], edge)), ['bucket=3', 'bucket=5'])
    deepEqual(formatDirty(affected([said, entry('act.purchase', 2, '*')], edge)), ['*'])
  })

  it('goes from a bucket to the same bucket only where that is proven', () => {
    const edge = { partition: { kind: 'bucket', column: 'id', count: 8 } as const, zone: 'UTC' }
    deepEqual(
      formatDirty(
        affected([entry('obj.member', 1, 'bucket=3')], { ...edge, mapping: 'same_bucket' }),
      ),
      ['bucket=3'],
    )
    deepEqual(
      formatDirty(affected([entry('obj.member', 1, 'bucket=3')], { ...edge, mapping: 'all' })),
      ['*'],
    )
  })

  describe('of an activity that follows events', () => {
    const activity = {
      id: 'act.view',
      partition: { kind: 'day', column: 'day' },
      inputs: [
        { id: 'obj.member', mapping: 'all' },
        { id: 'raw.event.viewed', mapping: 'same_day' },
      ],
      following: { kind: 'append', events: ['raw.event.viewed'], keyTellsEvent: true },
      version: 'v1',
    } as unknown as Task
    const built: TaskRecord = {
      ...record,
      taskId: activity.id,
      consumed: { 'obj.member': 10, 'raw.event.viewed': 10 },
    }
    const landed = [entry('raw.event.viewed', 11, 'day=2011-03-01')]
    const appends = (other: Partial<Parameters<typeof staleness>[0]>): boolean =>
      staleness({
        task: activity,
        record: built,
        journal: landed,
        zone: 'UTC',
        knowsTaken: true,
        ...other,
      }).follows

    it('is what is appended, when events alone are new and it is known which were taken', () => {
      equal(appends({}), true)
      equal(appends({ knowsTaken: false }), false)
      equal(appends({ full: true }), false)
      equal(appends({ journal: [] }), false)
      equal(appends({ record: undefined }), false)
      equal(appends({ record: { ...built, version: 'v0' } }), false)
      equal(appends({ record: { ...built, pending: ['day=2011-02-01'] } }), false)
      equal(appends({ journal: [...landed, entry('obj.member', 12, 'bucket=1')] }), false)
    })
  })
})

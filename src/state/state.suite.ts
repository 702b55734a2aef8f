/** What every State adapter promises, as tests (contention.suite.ts holds those with several processes). */
import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import fc from 'fast-check'
import { isMaruError } from '../base/errors.ts'
import type {
  JournalEntry,
  Lease,
  PartitionChange,
  PartitionRecord,
  Publication,
  RunRecord,
  State,
  TaskUpdate,
} from './state.ts'

/** One set of records, opened as often as wanted: each opening stands for another process. */
export interface Records {
  open(options?: { readonly now?: () => number }): Promise<State>
  remove(): Promise<void>
}

const table = 'act.purchase'

export function describeState(adapter: string, make: () => Promise<Records>): void {
  describe(`State on ${adapter}`, () => {
    let records: Records
    let state: State
    let nowMs: number
    const now = (): number => nowMs

    beforeEach(async () => {
      nowMs = 1_000_000
      records = await make()
      state = await records.open({ now })
    })
    afterEach(async () => {
      await state.close()
      await records.remove()
    })

    describe('pointers', () => {
      it('are absent until something is published', async () => {
        equal(await state.pointer(table), undefined)
        deepEqual(await state.pointers(), [])
      })

      it('start at version 1 and grow by one with each swap', async () => {
        equal(await state.publish(swap(undefined, 'a')), 'published')
        deepEqual(await state.pointer(table), { tableId: table, metadata: 'a', version: 1 })
        equal(await state.publish(swap('a', 'b')), 'published')
        deepEqual(await state.pointers(), [{ tableId: table, metadata: 'b', version: 2 }])
      })

      it('refuse a swap from another metadata than the current one, and write nothing of it', async () => {
        await state.publish(swap(undefined, 'a'))
        const refused: Publication = {
          ...swap('stale', 'c'),
          changes: [{ partition: 'day=2011-01-05' }],
          partitions: new Map([['day=2011-01-05', { fingerprint: 'f', rows: 1 }]]),
          task: taskUpdate(table),
          values: new Map([['scope', new Map([['name', 'value']])]]),
        }
        equal(await state.publish(refused), 'conflict')
        equal((await state.pointer(table))?.metadata, 'a')
        equal(await state.journalEnd(), 0)
        equal((await state.partitions(table)).size, 0)
        equal(await state.task(table), undefined)
        equal((await state.values('scope')).size, 0)
      })

      it('refuse to create a table that is there, and to swap one that is not', async () => {
        equal(await state.publish(swap('a', 'b')), 'conflict')
        await state.publish(swap(undefined, 'a'))
        equal(await state.publish(swap(undefined, 'b')), 'conflict')
      })

      it('are seen by other openings as soon as the call returned', async () => {
        const other = await records.open()
        await state.publish(swap(undefined, 'a'))
        equal((await other.pointer(table))?.metadata, 'a')
        await other.close()
      })

      it('let exactly one of many swaps from the same metadata through', async () => {
        const other = await records.open()
        await state.publish(swap(undefined, 'a'))
        const outcomes = await Promise.all(
          Array.from({ length: 20 }, (_, index) =>
            (index % 2 === 0 ? state : other).publish(swap('a', `b${index}`)),
          ),
        )
        equal(outcomes.filter((outcome) => outcome === 'published').length, 1)
        equal((await state.pointer(table))?.version, 2)
        await other.close()
      })

      it('take part in no publication of changes without them', async () => {
        await rejects(state.publish({ changes: [{ partition: '' }] }), isBug)
        await rejects(state.publish({ partitions: new Map([['', null]]) }), isBug)
        await rejects(state.publish(swap('a', 'a')), isBug)
      })

      it('stay where they are when changes name their table', async () => {
        await state.publish(swap(undefined, 'a'))
        await state.publish({ changes: [{ tableId: table, partition: '', attached: true }] })
        deepEqual(await state.pointer(table), { tableId: table, metadata: 'a', version: 1 })
        deepEqual(await state.journal([table], 0), [
          { sequence: 1, tableId: table, snapshotId: '', partition: '', attached: true },
        ])
      })
    })

    describe('drop', () => {
      it('forgets pointer, partitions and task of the table, and keeps the journal and other tables', async () => {
        const partitions = new Map([['', { fingerprint: 'f', rows: 1 }]])
        await state.publish({
          ...swap(undefined, 'a'),
          changes: [{ partition: '' }],
          partitions,
          task: taskUpdate(table),
        })
        await state.publish({
          ...swap(undefined, 'x', 'obj.member'),
          partitions,
          task: taskUpdate('obj.member'),
        })
        equal(await state.drop(table, 'a'), 'published')
        equal(await state.pointer(table), undefined)
        equal((await state.partitions(table)).size, 0)
        equal(await state.task(table), undefined)
        equal((await state.journal([table], 0)).length, 1)
        equal((await state.partitions('obj.member')).size, 1)
        equal((await state.task('obj.member'))?.taskId, 'obj.member')
      })

      it('is refused when the pointer has moved or is not there', async () => {
        equal(await state.drop(table, 'a'), 'conflict')
        await state.publish(swap(undefined, 'a'))
        await state.publish(swap('a', 'b'))
        equal(await state.drop(table, 'a'), 'conflict')
        equal((await state.pointer(table))?.metadata, 'b')
      })

      it('leaves the name free to be created again, with sequences that go on', async () => {
        await state.publish({ ...swap(undefined, 'a'), changes: [{ partition: '' }] })
        await state.drop(table, 'a')
        equal(
          await state.publish({ ...swap(undefined, 'b'), changes: [{ partition: '' }] }),
          'published',
        )
        deepEqual(
          (await state.journal([table], 0)).map((entry) => entry.sequence),
          [1, 2],
        )
      })
    })

    describe('journal', () => {
      it('keeps the snapshot, the partition, the earliest instant and the buckets of each change, oldest first', async () => {
        await state.publish({
          ...swap(undefined, 'a', table, '9223372036854775807'),
          changes: [
            { partition: 'day=2011-01-05' },
            { partition: 'bucket=3', from: '-62135596800000000' },
            { partition: 'day=2011-01-06', buckets: { member: [0, 3], product: [] } },
          ],
        })
        const expected: JournalEntry[] = [
          {
            sequence: 1,
            tableId: table,
            snapshotId: '9223372036854775807',
            partition: 'day=2011-01-05',
          },
          {
            sequence: 2,
            tableId: table,
            snapshotId: '9223372036854775807',
            partition: 'bucket=3',
            from: '-62135596800000000',
          },
          {
            sequence: 3,
            tableId: table,
            snapshotId: '9223372036854775807',
            partition: 'day=2011-01-06',
            buckets: { member: [0, 3], product: [] },
          },
        ]
        deepEqual(await state.journal([table], 0), expected)
        equal(await state.journalEnd(), 3)
      })

      it('gives the entries of the named tables after a sequence, in the order of the commits', async () => {
        for (const [index, id] of ['obj.a', 'obj.b', 'obj.c'].entries()) {
          await state.publish({
            ...swap(undefined, `m${index}`, id),
            changes: [{ partition: 'bucket=0' }, { partition: 'bucket=1' }],
          })
        }
        const entries = await state.journal(['obj.c', 'obj.a', 'obj.a', 'obj.unknown'], 1)
        deepEqual(
          entries.map((entry) => [entry.sequence, entry.tableId]),
          [
            [2, 'obj.a'],
            [5, 'obj.c'],
            [6, 'obj.c'],
          ],
        )
        deepEqual(await state.journal([], 0), [])
        deepEqual(await state.journal(['obj.a'], 2), [])
      })

      it('takes thousands of tables in one question', async () => {
        await state.publish({ ...swap(undefined, 'a', 'obj.t39999'), changes: [{ partition: '' }] })
        const ids = Array.from({ length: 40_000 }, (_, index) => `obj.t${index}`)
        equal((await state.journal(ids, 0)).length, 1)
      })

      it('stays as it is when a commit changed no content', async () => {
        await state.publish({ ...swap(undefined, 'a'), changes: [{ partition: '' }] })
        await state.publish(swap('a', 'compacted'))
        equal(await state.journalEnd(), 1)
      })
    })

    describe('partitions', () => {
      it('are set, replaced and removed by key', async () => {
        await state.publish({
          ...swap(undefined, 'a'),
          partitions: new Map([
            ['x', { fingerprint: '1', rows: 1 }],
            ['y', { fingerprint: '2', rows: 2 ** 40 }],
          ]),
        })
        await state.publish({
          ...swap('a', 'b'),
          partitions: new Map([
            ['x', { fingerprint: '3', rows: 0 }],
            ['y', null],
            ['z', null],
          ]),
        })
        deepEqual(await state.partitions(table), new Map([['x', { fingerprint: '3', rows: 0 }]]))
        deepEqual(await state.rowCounts(), new Map([[table, 0]]))
      })
    })

    describe('tasks', () => {
      it('remember what was built and consumed, with the time', async () => {
        const update = {
          ...taskUpdate(table),
          consumed: { 'raw.shop.orders': 7, 'obj.member': 0 },
          pending: ['day=2011-01-05', '*'],
        }
        equal(await state.publish({ task: update }), 'published')
        deepEqual(await state.task(table), { ...update, finishedAtMs: nowMs })
        nowMs += 5
        await state.publish({ task: { ...update, pending: [] } })
        deepEqual(await state.tasks(), [{ ...update, pending: [], finishedAtMs: nowMs }])
      })
    })

    describe('values', () => {
      it('are set and removed within their scope', async () => {
        await state.publish({
          values: new Map([
            [
              's',
              new Map([
                ['a', '1'],
                ['b', '2'],
              ]),
            ],
            ['t', new Map([['a', '3']])],
          ]),
        })
        await state.publish({
          values: new Map([
            [
              's',
              new Map([
                ['a', null],
                ['b', '4'],
                ['c', null],
              ]),
            ],
          ]),
        })
        deepEqual(await state.values('s'), new Map([['b', '4']]))
        deepEqual(await state.values('t'), new Map([['a', '3']]))
        deepEqual(await state.values('u'), new Map())
      })
    })

    describe('runs', () => {
      it('are given newest first, with the newest record of each', async () => {
        const first: RunRecord = { runId: 'r1', startedAtMs: 1, status: 'running', tasks: [] }
        const second: RunRecord = { runId: 'r2', startedAtMs: 2, status: 'running', tasks: [] }
        const outcome = {
          taskId: table,
          status: 'failed',
          partitionsBuilt: 1,
          partitionsPublished: 0,
          rows: 2,
          durationMs: 1.5,
          error: 'why',
        } as const
        const ended: RunRecord = { ...first, finishedAtMs: 3, status: 'failed', tasks: [outcome] }
        for (const run of [first, second, ended]) await state.recordRun(run)
        deepEqual(await state.runs(10), [second, ended])
        deepEqual(await state.runs(1), [second])
      })
    })

    describeLeases(() => ({ state, records, now, pass: (durationMs) => (nowMs += durationMs) }))
    describeAgainstModel(make)

    it('keeps everything when closed and opened again', async () => {
      const publication: Publication = {
        ...swap(undefined, 'a'),
        changes: [{ partition: '' }],
        partitions: new Map([['', { fingerprint: 'f', rows: 1 }]]),
        task: taskUpdate(table),
        values: new Map([['s', new Map([['n', 'v']])]]),
      }
      await state.publish(publication)
      const lease = await state.acquireLease('run', 'me', 1_000)
      const before = await everything(state)
      await state.close()
      state = await records.open({ now })
      deepEqual(await everything(state), before)
      deepEqual(await state.leaseHolder('run'), lease)
    })

    it('may be closed twice', async () => {
      await state.close()
      await state.close()
    })
  })
}

interface LeaseWorld {
  readonly state: State
  readonly records: Records
  readonly now: () => number
  readonly pass: (durationMs: number) => void
}

function describeLeases(world: () => LeaseWorld): void {
  describe('leases', () => {
    it('are held by one owner until released', async () => {
      const { state, records, now } = world()
      const other = await records.open({ now })
      const lease = await state.acquireLease('run', 'a', 1_000)
      deepEqual(lease, { name: 'run', owner: 'a', token: 1, expiresAtMs: now() + 1_000 })
      equal(await other.acquireLease('run', 'b', 1_000), undefined)
      equal(
        await state.acquireLease('run', 'a', 1_000),
        undefined,
        'the holder gets no second one either',
      )
      deepEqual(await other.leaseHolder('run'), lease)
      await state.releaseLease(lease)
      equal(await other.leaseHolder('run'), undefined)
      ok(await other.acquireLease('run', 'b', 1_000))
      await other.close()
    })

    it('run out at their time, not before', async () => {
      const { state, pass } = world()
      await state.acquireLease('run', 'a', 1_000)
      pass(999)
      equal((await state.leaseHolder('run'))?.owner, 'a')
      equal(await state.acquireLease('run', 'b', 1_000), undefined)
      pass(1)
      equal(await state.leaseHolder('run'), undefined)
      equal((await state.acquireLease('run', 'b', 1_000))?.owner, 'b')
    })

    it('have tokens that never repeat, even after release, over all names', async () => {
      const { state } = world()
      const tokens: number[] = []
      for (const name of ['run', 'run', 'compact', 'run']) {
        const lease = await held(state, name, 'a')
        tokens.push(lease.token)
        await state.releaseLease(lease)
      }
      deepEqual(
        tokens,
        tokens.toSorted((left, right) => left - right),
      )
      equal(new Set(tokens).size, tokens.length)
    })

    it('are prolonged by their holder only', async () => {
      const { state, now, pass } = world()
      const stale = await held(state, 'run', 'a')
      pass(500)
      equal(await state.renewLease(stale, 1_000), true)
      equal((await state.leaseHolder('run'))?.expiresAtMs, now() + 1_000)
      pass(1_000)
      const current = await held(state, 'run', 'b')
      equal(await state.renewLease(stale, 1_000), false)
      await state.releaseLease(stale)
      deepEqual(await state.leaseHolder('run'), current, 'a stale holder cannot release it')
    })

    it('let their holder publish, and refuse everyone whose lease was taken, released or has run out', async () => {
      const { state, pass } = world()
      const first = await held(state, 'run', 'a')
      equal(await state.publish({ ...swap(undefined, 'a'), lease: first }), 'published')
      pass(1_000)
      equal(await state.publish({ ...swap('a', 'b'), lease: first }), 'fenced', 'run out')
      const second = await held(state, 'run', 'b')
      equal(await state.publish({ ...swap('a', 'b'), lease: first }), 'fenced', 'taken')
      equal(
        await state.publish({ ...swap('a', 'b'), lease: { ...first, owner: 'b' } }),
        'fenced',
        'an older token of the same owner',
      )
      equal(await state.publish({ ...swap('a', 'b'), lease: second }), 'published')
      await state.releaseLease(second)
      equal(await state.publish({ ...swap('b', 'c'), lease: second }), 'fenced', 'released')
      equal((await state.pointer(table))?.metadata, 'b')
    })
  })
}

/** A plain reading of the port's text: what the records hold after a list of publications. */
class ExpectedRecords {
  readonly pointers = new Map<string, { metadata: string; version: number }>()
  readonly journal: JournalEntry[] = []
  readonly partitions = new Map<string, Map<string, string>>()

  publish(publication: Publication): 'published' | 'conflict' {
    const { pointer, changes = [], partitions = new Map() } = publication
    if (pointer === undefined) return 'published'
    const current = this.pointers.get(pointer.tableId)
    if (current?.metadata !== pointer.expectedMetadata) return 'conflict'
    this.pointers.set(pointer.tableId, {
      metadata: pointer.metadata,
      version: (current?.version ?? 0) + 1,
    })
    for (const change of changes) {
      this.journal.push({
        sequence: this.journal.length + 1,
        tableId: pointer.tableId,
        snapshotId: pointer.snapshotId ?? '',
        ...change,
      })
    }
    const kept = this.partitions.get(pointer.tableId) ?? new Map<string, string>()
    for (const [key, record] of partitions) {
      if (record === null) kept.delete(key)
      else kept.set(key, record.fingerprint)
    }
    this.partitions.set(pointer.tableId, kept)
    return 'published'
  }
}

/** One publication; `stale` ones expect another metadata than the current one. */
interface Step {
  readonly tableId: string
  readonly opening: 0 | 1
  readonly stale: boolean
  readonly changes: readonly PartitionChange[]
  readonly partitions: readonly (readonly [string, PartitionRecord | null])[]
}

function describeAgainstModel(make: () => Promise<Records>): void {
  const tableIds = ['obj.a', 'obj.b']
  const keys = fc.constantFrom('', 'bucket=1', 'day=2011-01-05')
  const step: fc.Arbitrary<Step> = fc.record({
    tableId: fc.constantFrom(...tableIds),
    opening: fc.constantFrom(0 as const, 1 as const),
    stale: fc.boolean(),
    changes: fc.array(fc.record({ partition: keys }), { maxLength: 3 }),
    partitions: fc.array(
      fc.tuple(
        keys,
        fc.option<PartitionRecord>(fc.record({ fingerprint: fc.string(), rows: fc.nat() })),
      ),
      { maxLength: 3 },
    ),
  })

  const check = async (records: Records, steps: readonly Step[]): Promise<void> => {
    const openings = [await records.open(), await records.open()] as const
    const expected = new ExpectedRecords()
    for (const [index, step] of steps.entries()) {
      const metadata = `m${index}`
      const current = expected.pointers.get(step.tableId)?.metadata
      const publication: Publication = {
        ...swap(
          step.stale ? `${current ?? 'none'}-stale` : current,
          metadata,
          step.tableId,
          metadata,
        ),
        changes: step.changes,
        partitions: new Map(step.partitions),
      }
      equal(await openings[step.opening].publish(publication), expected.publish(publication))
    }
    const [state, other] = openings
    deepEqual(await state.journal(tableIds, 0), expected.journal)
    for (const id of tableIds) {
      const pointer = expected.pointers.get(id)
      deepEqual(await other.pointer(id), pointer && { tableId: id, ...pointer })
      const fingerprints = [...(await state.partitions(id))].map(
        ([key, record]) => [key, record.fingerprint] as const,
      )
      deepEqual(new Map(fingerprints), expected.partitions.get(id) ?? new Map())
    }
    for (const opening of openings) await opening.close()
  }

  it('agrees with a plain reading of its promises after any publications from two openings', async () => {
    const property = fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 12 }),
      async (steps) => {
        const records = await make()
        try {
          await check(records, steps)
        } finally {
          await records.remove()
        }
      },
    )
    await fc.assert(property, { seed: 20_110_105, numRuns: 30 })
  })
}

async function everything(state: State): Promise<unknown> {
  return [
    await state.pointers(),
    await state.journal([table], 0),
    await state.partitions(table),
    await state.tasks(),
    await state.values('s'),
  ]
}

async function held(state: State, name: string, owner: string): Promise<Lease> {
  const lease = await state.acquireLease(name, owner, 1_000)
  ok(lease, `${owner} gets the lease ${name}`)
  return lease
}

function swap(
  expectedMetadata: string | undefined,
  metadata: string,
  tableId: string = table,
  snapshotId?: string,
): Publication {
  return {
    pointer: {
      tableId,
      expectedMetadata,
      metadata,
      ...(snapshotId !== undefined && { snapshotId }),
    },
  }
}

function taskUpdate(taskId: string): TaskUpdate {
  return { taskId, version: 'v', consumed: {}, pending: [], definition: 'd' }
}

function isBug(error: unknown): boolean {
  return isMaruError(error) && error.code === 'BUG'
}

/**
 * What every State adapter promises when several processes write and are killed: acknowledged swaps stay, none is doubled,
 * sequences are dense in commit order, and a stale lease holder is refused. `contend` is what each process does.
 */
import { deepEqual, equal, ok } from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { describe, it } from 'node:test'
import { sleep } from '../base/bounded.ts'
import type { JournalEntry, State } from './state.ts'

const contended = 'act.contended'
const leased = 'act.leased'
const leaseMs = 30

/** Publishes until the process is killed; `report` must have handed its line over before it returns. */
export async function contend(
  state: State,
  name: string,
  report: (line: string) => void,
): Promise<void> {
  for (let step = 0; ; step++) {
    await publishBySwap(state, `${name}/${step}`, report)
    if (step % 3 === 0) await publishUnderLease(state, name, { overstay: step % 6 === 0, report })
  }
}

/** A metadata name says which version it makes (`7/p2/15`), so that a lost or doubled swap shows in the journal. */
async function publishBySwap(
  state: State,
  name: string,
  report: (line: string) => void,
): Promise<void> {
  for (;;) {
    const current = await state.pointer(contended)
    const version = (current?.version ?? 0) + 1
    const metadata = `${version}/${name}`
    const partition = `bucket=${version % 3}`
    // Time for others to come in between.
    await sleep(Math.random() * 3)
    const outcome = await state.publish({
      pointer: {
        tableId: contended,
        expectedMetadata: current?.metadata,
        metadata,
        snapshotId: metadata,
      },
      changes: [{ partition }],
      partitions: new Map([[partition, { fingerprint: metadata, rows: version }]]),
      task: { taskId: contended, version: metadata, consumed: {}, pending: [], definition: '' },
    })
    report(outcome === 'published' ? `swapped ${metadata}` : 'conflict')
    if (outcome === 'published') return
  }
}

interface LeaseVisit {
  /** Publish only after the lease has run out, as a process does that was stopped for a while. */
  readonly overstay: boolean
  readonly report: (line: string) => void
}

async function publishUnderLease(state: State, name: string, visit: LeaseVisit): Promise<void> {
  const lease = await state.acquireLease('slot', name, leaseMs)
  if (lease === undefined) return
  if (visit.overstay) await sleep(leaseMs * 1.5)
  const current = await state.pointer(leased)
  const metadata = `${(current?.version ?? 0) + 1}/${name}`
  const outcome = await state.publish({
    lease,
    pointer: {
      tableId: leased,
      expectedMetadata: current?.metadata,
      metadata,
      snapshotId: String(lease.token),
    },
    changes: [{ partition: name }],
  })
  if (visit.overstay && outcome !== 'fenced') visit.report(`unfenced ${outcome}`)
  else visit.report(outcome === 'published' ? `leased ${metadata}` : outcome)
  await state.releaseLease(lease)
}

export interface ContentionWorld {
  /** Starts a process that calls `contend` on the shared records and reports on its standard output. */
  start(name: string): ChildProcess
  open(): Promise<State>
  remove(): Promise<void>
}

export function describeContention(adapter: string, make: () => Promise<ContentionWorld>): void {
  describe(`State on ${adapter} under four processes`, () => {
    it(
      'keeps its promises when they are killed at random moments',
      { timeout: 120_000 },
      async () => {
        const world = await make()
        try {
          const reports = await killRepeatedly(world, { processes: 4, kills: 6, seed: 20_110_105 })
          const state = await world.open()
          await verify(state, reports)
          await state.close()
        } finally {
          await world.remove()
        }
      },
    )
  })
}

interface Reports {
  readonly lines: string[]
  kills: number
}

async function killRepeatedly(
  world: ContentionWorld,
  options: { readonly processes: number; readonly kills: number; readonly seed: number },
): Promise<Reports> {
  const reports: Reports = { lines: [], kills: 0 }
  const random = randomNumbers(options.seed)
  let started = 0
  const start = (): Contender => new Contender(world.start(`p${started++}`), reports.lines)
  const running = Array.from({ length: options.processes }, start)
  try {
    while (reports.kills < options.kills) {
      const index = Math.floor(random() * running.length)
      await running[index]!.atWork
      await sleep(random() * 80)
      await running[index]!.kill()
      reports.kills++
      running[index] = start()
    }
    for (const contender of running) await contender.atWork
    const deadlineMs = performance.now() + 20_000
    while (!sawEverything(reports) && performance.now() < deadlineMs) await sleep(10)
  } finally {
    for (const contender of running) await contender.kill()
    reports.kills += running.length
  }
  return reports
}

/** Whether what `verify` wants to see has happened; on a busy machine it takes its time. */
function sawEverything(reports: Reports): boolean {
  return (
    reports.lines.length > 100 &&
    reports.lines.includes('conflict') &&
    reports.lines.includes('fenced')
  )
}

class Contender {
  /** Fulfilled with the first line that the process reports. */
  readonly atWork: Promise<unknown>
  private readonly child: ChildProcess
  private readonly closed: Promise<unknown>

  constructor(child: ChildProcess, lines: string[]) {
    this.child = child
    this.closed = once(child, 'close')
    const output = createInterface({ input: child.stdout! })
    output.on('line', (line) => lines.push(line))
    const endedEarly = this.closed.then(() =>
      Promise.reject(new Error('a contender ended before its first report')),
    )
    this.atWork = Promise.race([once(output, 'line'), endedEarly])
    // Awaited only for those that are waited for.
    this.atWork.catch(() => {})
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.closed
  }
}

async function verify(state: State, reports: Reports): Promise<void> {
  const of = (kind: string): string[] =>
    reports.lines
      .filter((line) => line.startsWith(`${kind} `))
      .map((line) => line.slice(kind.length + 1))
  deepEqual(of('unfenced'), [], 'nobody published under a lease that had run out')
  ok(reports.lines.includes('conflict'), 'the processes met')
  ok(reports.lines.includes('fenced'), 'a stale holder was refused')

  const journal = await state.journal([contended, leased], 0)
  deepEqual(
    journal.map((entry) => entry.sequence),
    journal.map((_, index) => index + 1),
    'sequences are dense',
  )
  equal(await state.journalEnd(), journal.length)

  const swaps = journal.filter((entry) => entry.tableId === contended)
  await verifySwaps(state, swaps)
  const lost = of('swapped').filter(
    (metadata) => !swaps.some((entry) => entry.snapshotId === metadata),
  )
  deepEqual(lost, [], 'every acknowledged swap is there')

  const underLease = journal.filter((entry) => entry.tableId === leased)
  equal((await state.pointer(leased))?.version ?? 0, underLease.length)
  const unacknowledged = journal.length - of('swapped').length - of('leased').length
  ok(
    unacknowledged >= 0 && unacknowledged <= reports.kills,
    `${unacknowledged} unacknowledged after ${reports.kills} kills`,
  )
  verifyLeases(underLease)
}

async function verifySwaps(state: State, swaps: readonly JournalEntry[]): Promise<void> {
  deepEqual(
    swaps.map((entry) => Number.parseInt(entry.snapshotId, 10)),
    swaps.map((_, index) => index + 1),
    'each swap follows the one before',
  )
  const last = swaps.at(-1)
  ok(last)
  deepEqual(await state.pointer(contended), {
    tableId: contended,
    metadata: last.snapshotId,
    version: swaps.length,
  })
  equal(
    (await state.task(contended))?.version,
    last.snapshotId,
    'the task record is of the last publication',
  )
  const newest = new Map(swaps.map((entry) => [entry.partition, entry.snapshotId]))
  const fingerprints = [...(await state.partitions(contended))].map(
    ([key, record]) => [key, record.fingerprint] as const,
  )
  deepEqual(
    new Map(fingerprints),
    newest,
    'fingerprints agree with the last publication of each partition',
  )
}

/** Each token belongs to one owner, and once a newer token has published, no older one does. */
function verifyLeases(entries: readonly JournalEntry[]): void {
  const tokens = entries.map((entry) => Number(entry.snapshotId))
  deepEqual(
    tokens,
    tokens.toSorted((left, right) => left - right),
    'tokens grow in commit order',
  )
  const holders = Map.groupBy(entries, (entry) => entry.snapshotId)
  for (const [token, held] of holders) {
    equal(new Set(held.map((entry) => entry.partition)).size, 1, `token ${token} had one owner`)
  }
}

/** The minimal standard generator: numbers in [0, 1) that the seed decides. */
function randomNumbers(seed: number): () => number {
  let current = seed
  return () => {
    current = (current * 48_271) % 2_147_483_647
    return current / 2_147_483_647
  }
}

/** One run at a time: the lease under which every task publishes. */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { MaruError } from '../base/errors.ts'
import { isProcessAlive } from '../base/processes.ts'
import type { Lease, State } from '../state/state.ts'

const leaseName = 'run'
const leaseDurationMs = 30_000

/** Holds the lease while `work` goes on; `lost` aborts when another took it. Throws RUN_IN_PROGRESS when another run holds it. */
export async function withRunLease<T>(
  state: State,
  work: (lease: Lease, lost: AbortSignal) => Promise<T>,
): Promise<T> {
  const lease = await acquire(state)
  const lost = new AbortController()
  const renewal = setInterval(() => {
    state.renewLease(lease, leaseDurationMs).then(
      (held) => (held ? undefined : lost.abort()),
      // A renewal that fails is tried again at the next turn; publishing checks the lease in any case.
      () => undefined,
    )
  }, leaseDurationMs / 3)
  try {
    return await work(lease, lost.signal)
  } finally {
    clearInterval(renewal)
    await state.releaseLease(lease)
  }
}

/** A run that was killed on this machine gives its lease up at once; elsewhere it runs out by itself. */
async function acquire(state: State): Promise<Lease> {
  const owner = `${hostname()} ${process.pid} ${randomUUID()}`
  const lease = await state.acquireLease(leaseName, owner, leaseDurationMs)
  if (lease !== undefined) return lease
  const holder = await state.leaseHolder(leaseName)
  const [host, pid] = holder?.owner.split(' ') ?? []
  if (holder !== undefined && host === hostname() && !isProcessAlive(Number(pid))) {
    await state.releaseLease(holder)
    const taken = await state.acquireLease(leaseName, owner, leaseDurationMs)
    if (taken !== undefined) return taken
  }
  const who = pid === undefined ? '' : ` (process ${pid} on ${host})`
  throw new MaruError('RUN_IN_PROGRESS', `another run is working on this project${who}`, {
    hint: 'wait for it to end, then run again',
    retry: 'later',
  })
}

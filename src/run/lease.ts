/** One run at a time: the lease under which every task publishes. */
import { holdLease } from '../state/lease.ts'
import type { Lease, State } from '../state/state.ts'

/** Holds the lease while `work` goes on; `lost` aborts when another took it. Throws RUN_IN_PROGRESS when another run holds it. */
export async function withRunLease<T>(
  state: State,
  work: (lease: Lease, lost: AbortSignal) => Promise<T>,
): Promise<T> {
  const held = await holdLease(state, {
    name: 'run',
    holder: 'another run',
    hint: 'wait for it to end, then run again',
  })
  try {
    return await work(held.lease, held.lost)
  } finally {
    await held.release()
  }
}

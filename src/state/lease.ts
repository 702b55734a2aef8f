/** Work that one process at a time may do: it holds a lease while it goes on, and a holder that was killed on this machine gives it up at once. */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { sleep } from '../base/bounded.ts'
import { MaruError } from '../base/errors.ts'
import { isProcessAlive } from '../base/processes.ts'
import type { Lease, State } from './state.ts'

export interface LeaseOptions {
  readonly name: string
  /** Who holds it, for people: `another run`. */
  readonly holder: string
  /** What to do when it is held. */
  readonly hint: string
  /** How long to wait for a holder that may be gone; default: not at all. */
  readonly waitMs?: number
  /** A holder elsewhere that was killed keeps it as long. Default 30 s. */
  readonly durationMs?: number
}

export interface HeldLease {
  readonly lease: Lease
  /** Aborts when another took it. */
  readonly lost: AbortSignal
  release(): Promise<void>
}

/** After so long without a renewal a lease is anybody's. */
export const leaseDurationMs = 30_000
const askEveryMs = 200

/** Renewed until it is released. Throws RUN_IN_PROGRESS when another holds it. */
export async function holdLease(state: State, options: LeaseOptions): Promise<HeldLease> {
  const durationMs = options.durationMs ?? leaseDurationMs
  const lease = await acquire(state, { ...options, durationMs })
  const lost = new AbortController()
  const renewal = setInterval(() => {
    state.renewLease(lease, durationMs).then(
      (held) => (held ? undefined : lost.abort()),
      // A renewal that fails is tried again at the next turn; publishing checks the lease in any case.
      () => undefined,
    )
  }, durationMs / 3)
  return {
    lease,
    lost: lost.signal,
    release: async () => {
      clearInterval(renewal)
      await state.releaseLease(lease)
    },
  }
}

async function acquire(
  state: State,
  options: LeaseOptions & { readonly durationMs: number },
): Promise<Lease> {
  const { name, durationMs } = options
  const owner = `${hostname()} ${process.pid} ${randomUUID()}`
  const endsAtMs = performance.now() + (options.waitMs ?? 0)
  for (;;) {
    const lease = await state.acquireLease(name, owner, durationMs)
    if (lease !== undefined) return lease
    const holder = await state.leaseHolder(name)
    // Given up since it was asked for, or by its end here.
    if (holder === undefined) continue
    const [host, pid] = holder.owner.split(' ')
    if (host === hostname() && !isProcessAlive(Number(pid))) {
      await state.releaseLease(holder)
      continue
    }
    if (performance.now() >= endsAtMs) {
      throw new MaruError(
        'RUN_IN_PROGRESS',
        `${options.holder} is working on this project (process ${pid} on ${host})`,
        { hint: options.hint, retry: 'later' },
      )
    }
    await sleep(askEveryMs)
  }
}

/** Adds up beside the engine: while threads work on one batch of dimensions, the engine codes the next. The rows are in memory that all share. */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { assert } from '../../base/errors.ts'
import type { NumberColumn } from '../../engine/engine.ts'
import { addUp } from './add-up.ts'
import type { AddUpRequest } from './add-up.ts'

const threadsMax = 4
/** Rows times dimensions below which a thread would cost more than it saves. */
const smallCells = 5_000_000

export class Threads {
  readonly #workers: Worker[] = []
  /** The request before: a thread has one at a time. */
  #last: Promise<unknown> = Promise.resolve()

  /** The columns come in parts, in no order. Requests wait for each other. */
  async addUp(request: AddUpRequest): Promise<readonly (readonly NumberColumn[])[]> {
    const costs = request.packs.map((pack) => costOf(request, pack.length))
    if (costs.reduce((sum, cost) => sum + cost, 0) < smallCells) return [addUp(request)]
    const shares = share(request.packs, costs, Math.min(threadsMax, availableParallelism()))
    const added = this.#last.then(() =>
      Promise.all(shares.map((packs, thread) => ask(this.#worker(thread), { ...request, packs }))),
    )
    // Whether the one before failed is its own caller's matter.
    this.#last = added.catch(() => undefined)
    return await added
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()))
  }

  #worker(thread: number): Worker {
    const script = import.meta.url.replace(/threads(\.[jt]s)$/, 'add-up-thread$1')
    return (this.#workers[thread] ??= new Worker(new URL(script)))
  }
}

function costOf({ rows, loose }: AddUpRequest, dimensions: number): number {
  return rows.rows + dimensions * loose.reduce((sum, each) => sum + each.rows.rows, 0)
}

/** Each pack to whoever has least: they come largest first. */
function share<T>(
  packs: readonly T[],
  costs: readonly number[],
  count: number,
): readonly (readonly T[])[] {
  const shares = Array.from({ length: count }, () => ({ cost: 0, packs: [] as T[] }))
  for (const [at, pack] of packs.entries()) {
    const least = shares.reduce((left, right) => (right.cost < left.cost ? right : left))
    least.cost += costs[at]!
    least.packs.push(pack)
  }
  return shares.map((each) => each.packs).filter((each) => each.length > 0)
}

function ask(worker: Worker, request: AddUpRequest): Promise<readonly NumberColumn[]> {
  return new Promise((resolve, reject) => {
    const settle = (settled: () => void): void => {
      worker.off('message', onMessage)
      worker.off('error', onError)
      worker.off('exit', onExit)
      settled()
    }
    const onMessage = (columns: readonly NumberColumn[]): void => settle(() => resolve(columns))
    const onError = (error: Error): void => settle(() => reject(error))
    const onExit = (): void => settle(() => reject(new Error('the thread ended')))
    assert(worker.listenerCount('message') === 0, 'a thread has one request at a time')
    worker.on('message', onMessage)
    worker.on('error', onError)
    worker.on('exit', onExit)
    worker.postMessage(request)
  })
}

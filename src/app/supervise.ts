/** Keeps a child process running: one that ends is started again, later each time; one that is stopped may finish its work first. */
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'

export interface SuperviseOptions {
  readonly entry: URL
  /** Goes to the child as JSON in its first argument. */
  readonly argument: object
  /** How long a stopped child may take until it is killed, default 30 s. */
  readonly drainMs?: number
  /** Each line of its standard output. */
  readonly onLine?: (line: string) => void
  /** Told of each end that was not asked for. */
  readonly onEnd?: (how: { readonly code: number | null; readonly againInMs: number }) => void
}

export interface Supervised {
  readonly pid: number | undefined
  /** Asks with SIGTERM; resolves when the child is gone and none follows. */
  stop(): Promise<void>
}

const againMsMin = 200
const againMsMax = 30_000
// A child that ran so long was well: the next start is at once again.
const wellMs = 60_000
const drainMsDefault = 30_000

export function supervise(options: SuperviseOptions): Supervised {
  let child: ChildProcess | undefined
  let timer: NodeJS.Timeout | undefined
  let againMs = againMsMin
  let isStopping = false
  const gone = Promise.withResolvers<void>()
  const start = (): void => {
    const startedAtMs = performance.now()
    child = fork(options.entry, [JSON.stringify(options.argument)], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    })
    createInterface(child.stdout!).on('line', (line) => options.onLine?.(line))
    const ended = (code: number | null): void => {
      child = undefined
      if (isStopping) return gone.resolve()
      if (performance.now() - startedAtMs > wellMs) againMs = againMsMin
      options.onEnd?.({ code, againInMs: againMs })
      timer = setTimeout(start, againMs)
      againMs = Math.min(againMsMax, againMs * 2)
    }
    child.once('exit', ended)
    child.once('error', () => child?.pid === undefined && ended(null))
  }
  start()
  return {
    get pid() {
      return child?.pid
    },
    stop: async () => {
      isStopping = true
      clearTimeout(timer)
      if (child === undefined) return
      child.kill('SIGTERM')
      const killer = setTimeout(() => child?.kill('SIGKILL'), options.drainMs ?? drainMsDefault)
      await gone.promise
      clearTimeout(killer)
    },
  }
}

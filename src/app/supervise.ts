/** Keeps a child process running: one that ends is started again, later each time; one that is stopped may finish its work first. */
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { getCompileCacheDir } from 'node:module'
import { createInterface } from 'node:readline'

export interface SuperviseOptions {
  readonly entry: URL
  /** Of Node, for the child. */
  readonly nodeOptions?: readonly string[]
  /** Goes to the child as JSON in its first argument; asked for at each start. */
  readonly argument: () => object
  /** Set for a child that has work to finish at a stop: how long it may take until it is killed, and one that has just died is started once more for it. Else 30 s. */
  readonly drainMs?: number
  /** Each line of its standard output. */
  readonly onLine?: (line: string) => void
  /** Told of each end that was not asked for. */
  readonly onEnd?: (how: { readonly code: number | null; readonly againInMs: number }) => void
}

export interface Supervised {
  readonly pid: number | undefined
  /** Asks by the message `stop`, which waits for a child that has only begun; resolves when the child is gone and none follows. */
  stop(): Promise<void>
}

const againMsMin = 200
const againMsMax = 30_000
// A child that ran so long was well: the next start is at once again.
const wellMs = 60_000
const drainMsDefault = 30_000

/** The child need not compile again what is compiled already. */
function childEnvironment(): NodeJS.ProcessEnv {
  // oxlint-disable-next-line node/no-process-env -- handed on as it is
  const { env } = process
  const folder = getCompileCacheDir()
  return folder === undefined ? env : { ...env, NODE_COMPILE_CACHE: folder }
}

export function supervise(options: SuperviseOptions): Supervised {
  let child: ChildProcess | undefined
  let timer: NodeJS.Timeout | undefined
  let againMs = againMsMin
  let isStopping = false
  const gone = Promise.withResolvers<void>()
  const start = (): void => {
    const startedAtMs = performance.now()
    child = fork(options.entry, [JSON.stringify(options.argument())], {
      execArgv: [...process.execArgv, ...(options.nodeOptions ?? [])],
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
      // A terminal sends Ctrl-C to all of a group, and here each has its turn.
      detached: true,
      env: childEnvironment(),
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
      if (child === undefined && options.drainMs !== undefined) start()
      if (child === undefined) return
      // A child that is ending by itself hears no more, and that is as good.
      child.send('stop', () => undefined)
      const killer = setTimeout(() => child?.kill('SIGKILL'), options.drainMs ?? drainMsDefault)
      await gone.promise
      clearTimeout(killer)
    },
  }
}

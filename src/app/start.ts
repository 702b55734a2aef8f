/** Runs the collectors of a project until it is stopped: their settings follow the project, a process that dies is started again, a stop lets them finish. */
import { dirname, join } from 'node:path'
import { MaruError } from '../base/errors.ts'
import { loadConfig } from '../project/project.ts'
import { files, openState } from './adapters.ts'
import { supervise } from './supervise.ts'
import type { Supervised } from './supervise.ts'
import { watchCatalog } from './watch-catalog.ts'

export interface StartOptions {
  readonly folder: string
  readonly host: string
  /** One line for each thing that whoever watches should know. */
  readonly say: (line: string) => void
  readonly onError: (error: unknown) => void
}

export interface Started {
  readonly port: number
  /** Accepts no more, syncs, and ends the processes. */
  stop(): Promise<void>
}

const listenMs = 30_000

/** Resolves when every process listens. */
export async function startCollectors(options: StartOptions): Promise<Started> {
  const { folder, say, onError } = options
  const config = await loadConfig(folder)
  const { collect } = config
  if (collect === undefined)
    throw new MaruError('USAGE', 'nobody sends events to this project', {
      hint: 'name who sends: collect: { sources: { web: {} } }',
      where: { file: 'maru.config.ts' },
    })
  const home = join(dirname(config.statePath), 'collect')
  const settingsPath = join(home, 'settings.json')
  const state = await openState(config.statePath)
  const children: Supervised[] = []
  const closers: (() => Promise<void>)[] = [() => state.close()]
  const stop = async (): Promise<void> => {
    await Promise.all(children.map((child) => child.stop()))
    // oxlint-disable-next-line no-await-in-loop -- what was opened last closes first
    for (const close of closers.splice(0).toReversed()) await close()
  }
  try {
    const watch = await watchCatalog({
      folder,
      state,
      files,
      settingsPath,
      onChange: ({ events }) => say(`catalog of ${events.length} events is live`),
      onRefused: (reasons) => say(`catalog waits for the next start: ${reasons.join('; ')}`),
      onError,
    })
    closers.push(() => watch.close())
    let { port } = collect
    // The first decides the port where any will do; the others share it.
    for (let index = 1; index <= collect.processes; index++) {
      const place = { home, settingsPath, name: String(index - 1), host: options.host, port }
      // oxlint-disable-next-line no-await-in-loop
      port = await startCollector(place, children, say)
    }
    return { port, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

interface CollectorPlace {
  readonly home: string
  readonly settingsPath: string
  readonly name: string
  readonly host: string
  readonly port: number
}

/** The port that it listens on. */
async function startCollector(
  place: CollectorPlace,
  children: Supervised[],
  say: (line: string) => void,
): Promise<number> {
  const { home, name, ...rest } = place
  const listening = Promise.withResolvers<number>()
  const timer = setTimeout(
    () =>
      listening.reject(
        new MaruError(
          'COLLECT_PORT',
          `collector ${name} does not listen after ${listenMs / 1_000} s`,
          {
            hint: 'its own messages stand above',
          },
        ),
      ),
    listenMs,
  )
  children.push(
    supervise({
      entry: new URL(import.meta.url.replace(/start(\.[jt]s)$/, 'collect-process$1')),
      argument: {
        ...rest,
        name,
        reusePort: true,
        logFolder: join(home, 'log'),
        duplicatesFolder: join(home, 'duplicates'),
      },
      onLine: (line) => listening.resolve((JSON.parse(line) as { readonly port: number }).port),
      onEnd: ({ code, againInMs }) =>
        say(`collector ${name} ended (${code ?? 'killed'}); it starts again in ${againInMs} ms`),
    }),
  )
  return await listening.promise.finally(() => clearTimeout(timer))
}

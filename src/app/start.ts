/**
 * Runs a project until it is stopped: collectors take events, the landing brings them to the lake, runs bring what reads them up to date. Settings follow the
 * project; a process that dies is started again; a stop lets each finish, in the order of the data.
 */
import { dirname, join } from 'node:path'
import { formatError, MaruError } from '../base/errors.ts'
import { loadConfig } from '../project/project.ts'
import type { ResolvedCollect, ResolvedConfig } from '../project/project.ts'
import { files, openState } from './adapters.ts'
import { endedBy } from './child.ts'
import type { LandProcessOptions } from './land-process.ts'
import type { RunLine, RunProcessOptions } from './run-process.ts'
import { holdLease } from '../state/lease.ts'
import { supervise } from './supervise.ts'
import type { Supervised } from './supervise.ts'
import { watchCatalog } from './watch-catalog.ts'

export const startParts = ['collect', 'land', 'run'] as const
export type StartPart = (typeof startParts)[number]

export interface StartOptions {
  readonly folder: string
  readonly host: string
  /** Instead of the configured one; 0: any. */
  readonly port?: number
  /** Absent: all. */
  readonly only?: StartPart
  /** One line for each thing that whoever watches should know. */
  readonly say: (line: string) => void
  readonly onError: (error: unknown) => void
}

export interface Started {
  /** Absent when nothing collects. */
  readonly port?: number
  /** Accepts no more, lands what is in the log, runs a last time, and ends the processes. */
  stop(): Promise<void>
}

const readyMs = 30_000
const drainMs = 120_000

/** Resolves when every collector listens and the landing is at work. */
export async function startProject(options: StartOptions): Promise<Started> {
  const { folder, say, onError } = options
  const config = await loadConfig(folder)
  const { collect } = config
  const parts = partsOf(config, options.only)
  const home = join(dirname(config.statePath), 'collect')
  const settingsPath = join(home, 'settings.json')
  const state = await openState(config.statePath)
  const collectors: Supervised[] = []
  const behind: Supervised[] = []
  const closers: (() => Promise<void>)[] = [() => state.close()]
  const stop = async (): Promise<void> => {
    await Promise.all(collectors.map((child) => child.stop()))
    // Each ends when it has done what the one before left to it.
    // oxlint-disable-next-line no-await-in-loop
    for (const child of behind) await child.stop()
    // oxlint-disable-next-line no-await-in-loop -- what was opened last closes first
    for (const close of closers.splice(0).toReversed()) await close()
  }
  try {
    for (const part of parts) {
      // oxlint-disable-next-line no-await-in-loop
      const held = await holdLease(state, {
        name: `start ${part}`,
        holder: `another maru start (${part})`,
        hint: 'stop it first, or start the parts that it does not run with --only',
      })
      closers.push(() => held.release())
    }
    if (collect !== undefined) {
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
    }
    const place = { home, settingsPath, host: options.host, say }
    const landing = parts.includes('land') ? startLander(place, config, behind) : undefined
    if (parts.includes('run')) startRunner({ folder, statePath: config.statePath, say }, behind)
    const [port] = await Promise.all([
      collect !== undefined && parts.includes('collect')
        ? startCollectors({ ...place, port: options.port ?? collect.port }, collect, collectors)
        : undefined,
      landing,
    ])
    return port === undefined ? { stop } : { port, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Those of the asked-for ones that have work here: without events only runs, of databases with an interval. */
function partsOf(
  { collect, sources }: ResolvedConfig,
  only: StartPart | undefined,
): readonly StartPart[] {
  const hasInterval = Object.values(sources).some(({ everyMs }) => everyMs !== undefined)
  const possible = collect !== undefined ? startParts : hasInterval ? (['run'] as const) : []
  const parts = possible.filter((part) => only === undefined || part === only)
  if (parts.length > 0) return parts
  throw new MaruError('USAGE', 'nobody sends events to this project', {
    hint: "name who sends: collect: { sources: { web: {} } }; or a database to read again and again: postgres({ url, every: '10 minutes' })",
    where: { file: 'maru.config.ts' },
  })
}

interface Place {
  readonly home: string
  readonly settingsPath: string
  readonly host: string
  readonly say: (line: string) => void
}

/** The first decides the port where any will do; the others share it. */
async function startCollectors(
  place: Place & { readonly port: number },
  { processes }: Pick<ResolvedCollect, 'processes'>,
  children: Supervised[],
): Promise<number> {
  let { port } = place
  for (let index = 0; index < processes; index++) {
    // oxlint-disable-next-line no-await-in-loop
    port = await startCollector(
      { ...place, name: String(index), port, reusePort: processes > 1 },
      children,
    )
  }
  return port
}

/** The port that it listens on. */
async function startCollector(
  place: Place & { readonly name: string; readonly port: number; readonly reusePort: boolean },
  children: Supervised[],
): Promise<number> {
  const { home, say, name, ...rest } = place
  let { port } = place
  const onTold = (told: { readonly port: number }): void => {
    // The next start takes the same, where any would have done at first.
    port = told.port
    listening.resolve(port)
  }
  const listening = Promise.withResolvers<number>()
  children.push(
    supervise({
      entry: entryOf('collect'),
      // What is young lives for milliseconds: looking through it less often costs some memory, and helpers for it would take the time of other processes.
      nodeOptions: ['--max-semi-space-size=16', '--no-parallel-scavenge'],
      argument: () => ({
        ...rest,
        port,
        name,
        logFolder: join(home, 'log'),
        duplicatesFolder: join(home, 'duplicates'),
      }),
      onLine: linesOf<{ readonly port: number }>(onTold, { say, onEnded: listening.reject }),
      onEnd: sayEnd(`collector ${name}`, say),
    }),
  )
  return await within(`collector ${name} does not listen`, listening.promise)
}

async function startLander(
  { home, settingsPath, say }: Place,
  config: ResolvedConfig,
  children: Supervised[],
): Promise<void> {
  const kafka = config.collect?.log
  const argument = (): LandProcessOptions => ({
    settingsPath,
    logFolder: join(home, 'log'),
    workFolder: join(home, 'land'),
    statePath: config.statePath,
    lakeFolder: config.lakeFolder,
    zone: config.zone,
    ...(kafka === undefined ? {} : { kafka }),
  })
  const working = Promise.withResolvers<void>()
  let refused = 0
  const onTold = ({ quarantined }: { readonly quarantined: number }): void => {
    working.resolve()
    if (quarantined > refused) say(`${quarantined} events refused so far: see raw.quarantine`)
    refused = quarantined
  }
  const onLine = linesOf(onTold, { say, onEnded: working.reject })
  children.push(
    supervise({ entry: entryOf('land'), argument, drainMs, onLine, onEnd: sayEnd('landing', say) }),
  )
  await within('the landing does not begin', working.promise)
}

function startRunner(
  { say, ...options }: RunProcessOptions & Pick<Place, 'say'>,
  children: Supervised[],
): void {
  const onTold = (told: RunLine): void => {
    if (told.kind === 'run') for (const failure of told.failed) say(`run failed: ${failure}`)
    else if (told.kind === 'edited') say('runs follow the edited project')
    else say(`runs wait for an edit: ${told.reason}`)
  }
  const onLine = linesOf(onTold, { say })
  children.push(
    supervise({
      entry: entryOf('run'),
      argument: () => options,
      drainMs,
      onLine,
      onEnd: sayEnd('runs', say),
    }),
  )
}

/** Lines of a child. An error that ends it is said, or goes to whoever waits for its first word when starting again cannot help. */
function linesOf<Told>(
  onTold: (told: Told) => void,
  { say, onEnded }: Pick<Place, 'say'> & { readonly onEnded?: (error: MaruError) => void },
): (line: string) => void {
  let isFirst = true
  return (line) => {
    const error = endedBy(line)
    if (error === undefined) onTold(JSON.parse(line) as Told)
    else if (isFirst && onEnded !== undefined && error.retry === 'never') onEnded(error)
    else say(formatError(error))
    isFirst &&= error !== undefined
  }
}

function entryOf(name: string): URL {
  return new URL(import.meta.url.replace(/start(\.[jt]s)$/, `${name}-process$1`))
}

function sayEnd(
  what: string,
  say: Place['say'],
): (how: { readonly code: number | null; readonly againInMs: number }) => void {
  return ({ code, againInMs }) =>
    say(`${what} ended (${code ?? 'killed'}); it starts again in ${againInMs} ms`)
}

async function within<T>(what: string, promise: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(
    () =>
      late.reject(
        new MaruError('COLLECT_PORT', `${what} after ${readyMs / 1_000} s`, {
          hint: 'its own messages stand above',
        }),
      ),
    readyMs,
  )
  return await Promise.race([promise, late.promise]).finally(() => clearTimeout(timer))
}

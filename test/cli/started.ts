/** `maru start` as a process of its own, with what it says and the processes that belong to it. */
import { execFileSync, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { isProcessAlive } from '../../src/base/processes.ts'
import { until } from '../run/event-project.ts'
import { maruCommand } from './run-maru.ts'

export interface StartedMaru {
  readonly pid: number
  /** 0 when nothing collects. */
  readonly port: number
  /** Lines of both outputs so far. */
  readonly said: readonly string[]
  /** Processes that it started and that live now, by the name of their file: `collect-process`. */
  children(): ReadonlyMap<string, number>
  /** Signals (SIGINT as a terminal does: to all of the group) and waits for its end; the code, or null after a kill. Every process that it was seen with must be gone then. */
  stop(signal?: 'SIGTERM' | 'SIGINT' | 'SIGKILL'): Promise<number | null>
}

/** A test that ends early takes them along; what they started ends by itself then. */
const living = new Set<ChildProcess>()
const killAll = (): void => living.forEach((child) => child.kill('SIGKILL'))
process.once('exit', killAll)
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    killAll()
    process.exit(1)
  })

/** Resolves when it says that it is at work. */
export async function startMaru(folder: string, ...args: readonly string[]): Promise<StartedMaru> {
  const child = spawn(process.execPath, [maruCommand, 'start', ...args], {
    cwd: folder,
    detached: true,
  })
  living.add(child)
  const ended = once(child, 'exit') as Promise<[number | null]>
  void ended.then(() => living.delete(child))
  const said: string[] = []
  const isReady = (line: string): boolean => /^events: |is at work$/.test(line)
  for (const stream of [child.stdout, child.stderr])
    createInterface(stream).on('line', (line) => said.push(line))
  const pids = new Set<number>()
  const children = (): ReadonlyMap<string, number> => {
    const found = childrenOf(child.pid!)
    for (const pid of found.values()) pids.add(pid)
    return found
  }
  await until(
    () => said.some(isReady) || child.exitCode !== null || child.signalCode !== null,
    `maru start is ready; said: ${said.join('\n')}`,
  )
  if (!said.some(isReady)) throw new Error(`maru start ended: ${said.join('\n')}`)
  children()
  return {
    pid: child.pid!,
    port: Number(/:(\d+)\/v1\/events$/.exec(said.find(isReady)!)?.[1] ?? 0),
    said,
    children,
    stop: async (signal = 'SIGTERM') => {
      children()
      if (child.exitCode === null && child.signalCode === null)
        process.kill(signal === 'SIGINT' ? -child.pid! : child.pid!, signal)
      const [code] = await ended
      await until(() => ![...pids].some(isProcessAlive), 'all processes of maru start are gone')
      return code
    },
  }
}

function childrenOf(parent: number): ReadonlyMap<string, number> {
  const listed = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' })
  return new Map(
    listed.split('\n').flatMap((line): [string, number][] => {
      const [, pid, ppid, args] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? []
      const name = /(\w+-process)\.ts/.exec(args ?? '')?.[1]
      return Number(ppid) === parent && name !== undefined ? [[name, Number(pid)]] : []
    }),
  )
}

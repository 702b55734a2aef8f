/**
 * The run process: `node run-process.ts` with its options as JSON in the first argument. Keeps up to date what reads events, whenever events landed, and what reads
 * databases that have an interval, when it is over; all of it at the start and after an edit of the project. One run at a time; other tables stay as `maru run`
 * left them. Says lines of JSON. SIGTERM: a last run over what landed, then it ends.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { formatError, isMaruError } from '../base/errors.ts'
import { openState } from './adapters.ts'
import type { App } from './app.ts'
import { Due } from './due.ts'
import { followProject } from './follow-project.ts'

export interface RunProcessOptions {
  readonly folder: string
  readonly statePath: string
}

export type RunLine =
  /** What one run came to. */
  | {
      readonly kind: 'run'
      readonly published: number
      readonly rows: number
      readonly failed: readonly string[]
      readonly durationMs: number
    }
  /** An edit holds from now on. */
  | { readonly kind: 'edited' }
  /** An edit does not hold: why. */
  | { readonly kind: 'refused'; readonly reason: string }

const lookEveryMs = 200
const lookAtFilesEveryMs = 500
const againMs = 2_000

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? '{}') as RunProcessOptions)

async function main({ folder, statePath }: RunProcessOptions): Promise<void> {
  const stopping = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopping.abort())
  // A parent that died without a word would leave this process behind.
  process.once('disconnect', () => stopping.abort())
  const project = followProject({
    folder,
    onRefused: (error) => say({ kind: 'refused', reason: formatError(error) }),
  })
  const state = await openState(statePath)
  let due = new Due(state, [])
  let lookedAtMs = -Infinity
  for (;;) {
    // Asked before the look: what landed before the stop is in the last run.
    const isLast = stopping.signal.aborted
    if (!isLast && performance.now() - lookedAtMs >= lookAtFilesEveryMs) {
      const isEdit = project.current !== undefined
      if (await project.look()) {
        if (isEdit) say({ kind: 'edited' })
        due = new Due(state, await project.current!.schedule())
      }
      lookedAtMs = performance.now()
    }
    if (project.current !== undefined) {
      const pending = await due.next(isLast)
      if (pending !== undefined) {
        if (await runOnce(project.current, pending.tables)) pending.done()
        else await pause(againMs)
      }
    }
    if (isLast) break
    await pause(lookEveryMs)
  }
  await project.close()
  await state.close()
  process.exit(0)

  async function pause(ms: number): Promise<void> {
    // An abort ends the pause early; that is all that it says here.
    await wait(ms, undefined, { signal: stopping.signal }).catch(() => undefined)
  }
}

/** Whether it came to its end; one that another run kept out, or that a full disk ended, is tried again. */
async function runOnce(app: App, after: readonly string[]): Promise<boolean> {
  try {
    const { tasks, startedAtMs, finishedAtMs } = await app.run({ ids: [], after })
    const published = tasks.filter(({ status }) => status === 'published')
    say({
      kind: 'run',
      published: published.length,
      rows: published.reduce((total, { rows }) => total + rows, 0),
      failed: tasks.flatMap(({ taskId, status, error }) =>
        status === 'failed' ? [`${taskId}: ${error}`] : [],
      ),
      durationMs: (finishedAtMs ?? startedAtMs) - startedAtMs,
    })
    return true
  } catch (error) {
    if (!isMaruError(error) || error.code !== 'RUN_IN_PROGRESS')
      process.stderr.write(`maru: ${formatError(error)}\n`)
    return false
  }
}

function say(line: RunLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

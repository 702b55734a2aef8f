/**
 * The run process: `node run-process.ts` with its options as JSON in the first argument. Keeps up to date what reads events, whenever events landed, and what reads
 * databases that have an interval, when it is over; all of it at the start and after an edit of the project. One run at a time; other tables stay as `maru run`
 * left them. Says lines of JSON. SIGTERM: a last run over what landed, then it ends.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { formatError, isMaruError } from '../base/errors.ts'
import { openState } from './adapters.ts'
import { runChild } from './child.ts'
import type { Child } from './child.ts'
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

if (import.meta.main) await runChild(keepUpToDate)

async function keepUpToDate({
  options: { folder, statePath },
  stopping,
  say: sayLine,
  onError,
}: Child<RunProcessOptions>): Promise<void> {
  const say = (line: RunLine): void => sayLine(line)
  const project = followProject({
    folder,
    onRefused: (error) => say({ kind: 'refused', reason: formatError(error) }),
  })
  const state = await openState(statePath)
  let due = new Due(state, [])
  let lookedAtMs = -Infinity
  let lastTriesLeft = 20
  for (;;) {
    // Asked before the look: what landed before the stop is in the last run.
    const isLast = stopping.aborted
    const isEdit = project.current !== undefined
    // A process that is stopped as soon as it began still has its last run to make.
    if (!(isLast && isEdit) && performance.now() - lookedAtMs >= lookAtFilesEveryMs) {
      if (await project.look()) {
        if (isEdit) say({ kind: 'edited' })
        due = new Due(state, await project.current!.schedule())
      }
      lookedAtMs = performance.now()
    }
    const app = project.current
    const pending = await due.next(isLast)
    if (app === undefined || pending === undefined) {
      if (isLast) break
      await pause(lookEveryMs)
    } else if (await runOnce(app, pending.tables)) {
      pending.done()
      // What landed during the run need not wait for the next look.
      if (isLast) break
    } else {
      if (isLast && lastTriesLeft-- === 0) break
      await wait(againMs)
    }
  }
  await project.close()
  await state.close()

  async function pause(ms: number): Promise<void> {
    // An abort ends the pause early; that is all that it says here.
    await wait(ms, undefined, { signal: stopping }).catch(() => undefined)
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
      if (!isMaruError(error) || error.code !== 'RUN_IN_PROGRESS') onError(error)
      return false
    }
  }
}

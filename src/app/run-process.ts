/**
 * The run process: `node run-process.ts` with its options as JSON in the first argument. Brings what reads events up to date, again whenever events landed, one
 * run at a time; says a line of JSON after each. Tables of other sources stay as `maru run` left them. SIGTERM: a last run over what landed, then it ends.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { formatError, isMaruError } from '../base/errors.ts'
import { collectedTables } from '../model/collected.ts'
import { openState } from './adapters.ts'
import { openApp } from './open.ts'

export interface RunProcessOptions {
  readonly folder: string
  readonly statePath: string
}

/** What one run came to. */
export interface RunLine {
  readonly published: number
  readonly rows: number
  readonly failed: readonly string[]
  readonly durationMs: number
}

const lookEveryMs = 200
const againMs = 2_000

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? '{}') as RunProcessOptions)

async function main({ folder, statePath }: RunProcessOptions): Promise<void> {
  const stopping = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopping.abort())
  // A parent that died without a word would leave this process behind.
  process.once('disconnect', () => stopping.abort())
  const app = openApp({ folder })
  const state = await openState(statePath)
  const { events } = collectedTables
  let ranTo: number | undefined
  for (;;) {
    // Asked before the look: what landed before the stop is in the last run.
    const isLast = stopping.signal.aborted
    const landed = ranTo === undefined ? [] : await state.journal([events], ranTo)
    if (ranTo === undefined || landed.length > 0) {
      const end = await state.journalEnd()
      if (await runOnce()) ranTo = end
      else await pause(againMs)
    }
    if (isLast) break
    await pause(lookEveryMs)
  }
  await app.close()
  await state.close()
  process.exit(0)

  /** Whether it came to its end; one that another run kept out, or that a full disk ended, is tried again. */
  async function runOnce(): Promise<boolean> {
    try {
      const { tasks, startedAtMs, finishedAtMs } = await app.run({ ids: [], after: [events] })
      const published = tasks.filter(({ status }) => status === 'published')
      const line: RunLine = {
        published: published.length,
        rows: published.reduce((total, { rows }) => total + rows, 0),
        failed: tasks.flatMap(({ taskId, status, error }) =>
          status === 'failed' ? [`${taskId}: ${error}`] : [],
        ),
        durationMs: (finishedAtMs ?? startedAtMs) - startedAtMs,
      }
      process.stdout.write(`${JSON.stringify(line)}\n`)
      return true
    } catch (error) {
      if (!isMaruError(error) || error.code !== 'RUN_IN_PROGRESS')
        process.stderr.write(`maru: ${formatError(error)}\n`)
      return false
    }
  }

  async function pause(ms: number): Promise<void> {
    // An abort ends the pause early; that is all that it says here.
    await wait(ms, undefined, { signal: stopping.signal }).catch(() => undefined)
  }
}

/**
 * Carries a plan out: every stale task in order, several at a time, under one lease. A task that fails blocks only what reads it. Each task publishes in
 * one commit of its own, so a run can be killed anywhere and run again.
 */
import { randomUUID } from 'node:crypto'
import { formatError, MaruError } from '../base/errors.ts'
import { closure, order } from '../plan/plan.ts'
import type { DayRange, Node, Task } from '../plan/plan.ts'
import type { Lease, RunRecord, TaskOutcome } from '../state/state.ts'
import { buildTask } from './build-task.ts'
import type { Attempt, RunContext } from './context.ts'
import { withRunLease } from './lease.ts'
import { loadTask, prepareEvents } from './load-task.ts'
import type { Published } from './publish.ts'
import { temporaryFolder } from './session.ts'

export { recoverState } from './recover.ts'
export type { Recovered } from './recover.ts'
export { compactTables } from './upkeep.ts'
export type { CompactedTable } from './upkeep.ts'
export { readStaleness } from './staleness.ts'
export type { TaskStaleness } from './staleness.ts'
export { bindTable } from './stored-table.ts'
export { loadScope } from './load-task.ts'
export type { RunContext } from './context.ts'

export interface RunRequest {
  /** Empty: all. Otherwise these and all that they read. */
  readonly ids: readonly string[]
  /** Only these, not what they read: that stays as it is. */
  readonly alone?: boolean
  readonly range: DayRange
  readonly full: boolean
  readonly onProgress?: (progress: RunProgress) => void
  readonly signal?: AbortSignal
}

export type RunProgress =
  | {
      readonly kind: 'started'
      readonly taskId: string
      readonly done: number
      readonly total: number
    }
  | {
      readonly kind: 'finished'
      readonly taskId: string
      readonly done: number
      readonly total: number
      readonly outcome: TaskOutcome
    }

/** Throws RUN_IN_PROGRESS when another run holds the project; failures of tasks are in the record. */
export async function runTasks(context: RunContext, request: RunRequest): Promise<RunRecord> {
  return await withRunLease(context.state, async (lease, lost) => {
    // What a killed run left behind belongs to nobody now.
    await context.files.removeFolder(temporaryFolder(context))
    const signal = request.signal === undefined ? lost : AbortSignal.any([lost, request.signal])
    return await runUnderLease(context, request, { lease, signal })
  })
}

async function runUnderLease(
  context: RunContext,
  request: RunRequest,
  held: { readonly lease: Lease; readonly signal: AbortSignal },
): Promise<RunRecord> {
  const started = { runId: randomUUID(), startedAtMs: context.now() }
  await context.state.recordRun({ ...started, status: 'running', tasks: [] })
  const asked = new Set(request.ids)
  const chosen = chooseTasks(context.tasks, request.ids).filter(
    ({ id }) => request.alone !== true || asked.has(id),
  )
  const outcomes = await new Scheduler(context, request, held).runAll(chosen)
  const failed = outcomes.some(
    (outcome) => outcome.status === 'failed' || outcome.status === 'blocked',
  )
  const record: RunRecord = {
    ...started,
    finishedAtMs: context.now(),
    status: failed ? 'failed' : 'done',
    tasks: outcomes,
  }
  await context.state.recordRun(record)
  return record
}

/** The asked-for tasks with all that they read, in order. Throws NOT_FOUND for an id that is no task. */
export function chooseTasks(tasks: readonly Task[], ids: readonly string[]): readonly Task[] {
  const byId = new Map(tasks.map((task) => [task.id, task]))
  for (const id of ids) {
    if (!byId.has(id))
      throw new MaruError('NOT_FOUND', `there is no task "${id}"`, {
        hint: 'maru list shows every id',
      })
  }
  const nodes = tasks.map(nodeOf)
  const wanted = ids.length === 0 ? undefined : closure(nodes, ids)
  return order(nodes)
    .filter((id) => wanted === undefined || wanted.has(id))
    .map((id) => byId.get(id)!)
}

function nodeOf(task: Task): Node {
  return { id: task.id, after: task.inputs.map((input) => input.id), preferAfter: task.references }
}

/** Starts each task when all that come before it are through, at most `concurrency` at a time. */
class Scheduler {
  readonly #context: RunContext
  readonly #request: RunRequest
  readonly #held: { readonly lease: Lease; readonly signal: AbortSignal }
  readonly #outcomes = new Map<string, TaskOutcome>()

  constructor(
    context: RunContext,
    request: RunRequest,
    held: { readonly lease: Lease; readonly signal: AbortSignal },
  ) {
    this.#context = context
    this.#request = request
    this.#held = held
  }

  async runAll(tasks: readonly Task[]): Promise<readonly TaskOutcome[]> {
    const place = new Map(tasks.map((task, index) => [task.id, index]))
    const waiting = [...tasks]
    const running = new Map<string, Promise<void>>()
    const isDone = (task: Task): boolean =>
      needsOf(task).every(
        (id) => this.#outcomes.has(id) || !place.has(id) || place.get(id)! > place.get(task.id)!,
      )
    while (waiting.length > 0 || running.size > 0) {
      for (let index = 0; index < waiting.length && running.size < this.#context.concurrency;) {
        const task = waiting[index]!
        if (!isDone(task)) {
          index++
          continue
        }
        waiting.splice(index, 1)
        const total = tasks.length
        const work = this.#runOne(task, total).finally(() => running.delete(task.id))
        running.set(task.id, work)
      }
      if (running.size > 0) await Promise.race(running.values())
    }
    return tasks.map((task) => this.#outcomes.get(task.id)!)
  }

  async #runOne(task: Task, total: number): Promise<void> {
    const startedAt = performance.now()
    this.#request.onProgress?.({
      kind: 'started',
      taskId: task.id,
      done: this.#outcomes.size,
      total,
    })
    const nothing = { taskId: task.id, partitionsBuilt: 0, partitionsPublished: 0, rows: 0 }
    let outcome: TaskOutcome
    const blocker = needsOf(task).find(
      (id) =>
        this.#outcomes.get(id)?.status === 'failed' || this.#outcomes.get(id)?.status === 'blocked',
    )
    if (blocker !== undefined)
      outcome = { ...nothing, status: 'blocked', durationMs: 0, error: `${blocker} failed` }
    else {
      try {
        if (this.#held.signal.aborted)
          throw new MaruError('STATE_FENCED', 'the run was stopped before this task', {
            hint: 'run again',
            retry: 'later',
          })
        const published = await attemptTask(
          { context: this.#context, task, lease: this.#held.lease, signal: this.#held.signal },
          this.#request,
        )
        const status =
          published === undefined || published.partitionsPublished === 0 ? 'unchanged' : 'published'
        outcome = { ...nothing, ...published, status, durationMs: performance.now() - startedAt }
      } catch (error) {
        outcome = {
          ...nothing,
          status: 'failed',
          durationMs: performance.now() - startedAt,
          error: formatError(error),
        }
      }
    }
    this.#outcomes.set(task.id, outcome)
    this.#request.onProgress?.({
      kind: 'finished',
      taskId: task.id,
      done: this.#outcomes.size,
      total,
      outcome,
    })
  }
}

function needsOf(task: Task): readonly string[] {
  return [...task.inputs.map((input) => input.id), ...task.references]
}

async function attemptTask(attempt: Attempt, request: RunRequest): Promise<Published | undefined> {
  switch (attempt.task.rows.kind) {
    case 'load':
      return await loadTask(attempt, { full: request.full })
    case 'events':
      return await prepareEvents(attempt)
    case 'view':
      return undefined
    case 'select':
    case 'versions':
    case 'indicators':
      return await buildTask(attempt, { range: request.range, full: request.full })
  }
}

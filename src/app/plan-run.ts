/** Says what a run would build and why, without building: what the journal makes stale now, and what rebuilding that may make stale further on. */
import type { Source } from '../ingest/source.ts'
import type { RawTableModel } from '../model/model.ts'
import {
  affectedBy,
  definitionChanges,
  formatDirty,
  isEmpty,
  splitByRange,
  union,
} from '../plan/plan.ts'
import type { Dirty, Task, TaskDefinition } from '../plan/plan.ts'
import { chooseTasks, loadScope, readStaleness } from '../run/run.ts'
import type { TaskStaleness } from '../run/run.ts'
import type { PlannedTask, RunOptions, RunPlan } from './app.ts'
import type { Parts } from './parts.ts'

interface PlanRequest {
  readonly options: RunOptions
  readonly sourceOf: (table: RawTableModel) => Promise<Source>
}

interface Prospect {
  readonly dirty: Dirty
  readonly reasons: readonly string[]
  readonly certain: boolean
  /** A source, or events of any day, that tell what changed only when they are read. */
  readonly unread?: boolean
}

/** Throws what a source throws when it cannot be asked. */
export async function planRun(parts: Parts, request: PlanRequest): Promise<RunPlan> {
  const tasks = chooseTasks(await parts.tasks(), request.options.ids)
  const prospects = new Map<string, Dirty>()
  const planned: PlannedTask[] = []
  for (const task of tasks) {
    const stale = await readStaleness(parts.state, task, {
      zone: parts.model.zone,
      full: request.options.full ?? false,
    })
    const prospect =
      task.rows.kind === 'load'
        ? await loadProspect(parts, request, { task, stale })
        : buildProspect(task, { stale, prospects, options: request.options })
    if (isEmpty(prospect.dirty) && prospect.unread !== true) continue
    // What a database holds is not known before its snapshot, and most often it is as it was.
    if (!isEmpty(prospect.dirty)) prospects.set(task.id, prospect.dirty)
    planned.push({
      id: task.id,
      partitions: partitionsOf(prospect),
      certain: prospect.certain,
      reasons: prospect.reasons,
      columns: changedColumns(task, stale),
    })
  }
  return { tasks: planned }
}

function partitionsOf({ dirty, unread }: Prospect): PlannedTask['partitions'] {
  if (unread === true) return 'unknown'
  return dirty.kind === 'all' ? 'all' : formatDirty(dirty)
}

async function loadProspect(
  parts: Parts,
  request: PlanRequest,
  { task, stale }: { readonly task: Task; readonly stale: TaskStaleness },
): Promise<Prospect> {
  if (!isEmpty(stale.dirty)) return { ...stale, certain: true }
  const table = task.table as RawTableModel
  const nothing: Prospect = { dirty: { kind: 'none' }, reasons: [], certain: true }
  if (table.origin.kind === 'database') {
    const reasons = [`a snapshot of ${table.origin.source} is taken; only what differs goes on`]
    return { ...nothing, reasons, certain: false, unread: true }
  }
  const source = await request.sourceOf(table)
  const detection = await source.detect(table, await parts.state.values(loadScope(task)))
  if (detection.kind !== 'files') return nothing
  const counts = [
    [detection.added.length, 'new'],
    [detection.replaced.length, 'changed'],
    [detection.removed.length, 'removed'],
  ] as const
  const words = counts
    .filter(([count]) => count > 0)
    .map(([count, word]) => `${count} ${word} ${count === 1 ? 'file' : 'files'}`)
  return words.length === 0
    ? nothing
    : { dirty: { kind: 'all' }, reasons: words, certain: false, unread: true }
}

function buildProspect(
  task: Task,
  known: {
    readonly stale: TaskStaleness
    readonly prospects: ReadonlyMap<string, Dirty>
    readonly options: RunOptions
  },
): Prospect {
  let { dirty } = known.stale
  const reasons = [...known.stale.reasons]
  let certain = true
  for (const input of task.inputs) {
    const upstream = known.prospects.get(input.id)
    if (upstream === undefined) continue
    const before = dirty
    const affected = affectedBy(upstream, input)
    if (isEmpty(affected)) continue
    dirty = union(dirty, affected)
    if (before.kind !== 'all') certain = false
    reasons.push(`${input.id} is to be rebuilt`)
  }
  if (task.partition.kind !== 'day') return { dirty, reasons, certain }
  const range = { from: known.options.from, to: known.options.to }
  const unread = known.stale.follows && dirty.kind === 'all'
  return { dirty: splitByRange(dirty, range).inside, reasons, certain, unread }
}

function changedColumns(task: Task, stale: TaskStaleness): PlannedTask['columns'] {
  if (stale.record === undefined || stale.record.version === task.version) return []
  return definitionChanges(JSON.parse(stale.record.definition) as TaskDefinition, task.definition)
}

import { MaruError } from '../base/errors.ts'
import { suggest } from '../base/nearest.ts'
import type { Model } from '../model/model.ts'
import type { Task } from '../plan/plan.ts'
import type { Parts } from './parts.ts'

/** Throws NOT_FOUND with the nearest id for one that names no table. */
export function requireTables(
  model: Model,
  tasks: readonly Pick<Task, 'id'>[],
  ids: readonly string[],
): void {
  const known = new Set(tasks.map((task) => task.id))
  for (const id of ids) {
    if (known.has(id)) continue
    const metric = model.metrics.find((each) => each.id === id || each.name === id)
    throw metric === undefined
      ? new MaruError('NOT_FOUND', `there is no table "${id}"`, {
          hint: suggest(
            id,
            model.tables.map((table) => table.id),
          ),
        })
      : new MaruError('NOT_FOUND', `${id} is a metric, not a table`, {
          hint: `a metric is computed when asked: maru metric ${metric.name}`,
        })
  }
}

/** What a run is about. Without names: everything declared, and those tables of states that were built once. */
export async function idsToRun(parts: Parts, ids: readonly string[]): Promise<readonly string[]> {
  const tasks = await parts.tasks()
  requireTables(parts.model, tasks, ids)
  if (ids.length > 0) return ids
  const built = new Set((await parts.state.tasks()).map((record) => record.taskId))
  return tasks
    .filter((task) => task.table.kind !== 'states' || built.has(task.id))
    .map(({ id }) => id)
}

/** Of the ids, the tables `after` and all that read them, directly or through others. */
export function idsAfter(
  tasks: readonly Task[],
  ids: readonly string[],
  after: readonly string[],
): readonly string[] {
  const reached = new Set(after)
  let sizeBefore = 0
  while (sizeBefore < reached.size) {
    sizeBefore = reached.size
    for (const task of tasks)
      if (task.inputs.some((input) => reached.has(input.id))) reached.add(task.id)
  }
  return ids.filter((id) => reached.has(id))
}

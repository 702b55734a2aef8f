/** What questions may be answered from without reading activities: the stored tables of today's definitions, and what of each is stale. */
import type { StoredFreshness } from '../metric/metric.ts'
import { affectedBy, union } from '../plan/plan.ts'
import type { Dirty, Task } from '../plan/plan.ts'
import { readStaleness } from '../run/run.ts'
import type { TaskRecord } from '../state/state.ts'
import type { Parts } from './parts.ts'

/** Reads again only when something was published since: a stored indicator is answered in milliseconds. */
export class StoredAnswersReader {
  #key = ''
  #freshness: StoredFreshness = new Map()

  async read(parts: Pick<Parts, 'state' | 'model' | 'tasks'>): Promise<StoredFreshness> {
    const { state } = parts
    const built = await state.tasks()
    const records = built.filter(({ taskId }) => isStored(taskId))
    if (records.length === 0) return new Map()
    const key = `${await state.journalEnd()} ${built.map(({ taskId, finishedAtMs }) => `${taskId} ${finishedAtMs}`).join(' ')}`
    if (key === this.#key) return this.#freshness
    const byId = new Map(records.map((record) => [record.taskId, record]))
    this.#freshness = await freshnessOf(parts, await parts.tasks(), byId)
    this.#key = key
    return this.#freshness
  }
}

/** The names of these tables are no class of declarations. */
export function isStored(id: string): boolean {
  return id.startsWith('state.') || id.startsWith('indicator.')
}

/**
 * Tables come after those that they are made of: what is stale there is stale here before any journal says so. So is what reads attributes, until the journal of
 * the rows to which they are attached tells of which days.
 */
async function freshnessOf(
  { state, model }: Pick<Parts, 'state' | 'model'>,
  tasks: readonly Task[],
  records: ReadonlyMap<string, TaskRecord>,
): Promise<StoredFreshness> {
  const freshness = new Map<string, Dirty>()
  const merged = tasks.filter((task) => task.attached !== undefined)
  const otherwise = new Set<string>()
  for (const task of merged)
    if ((await readStaleness(state, task, { zone: model.zone })).readsOtherwise)
      otherwise.add(task.id)
  for (const task of tasks) {
    if (task.table.kind !== 'states') continue
    if (records.get(task.id)?.version !== task.version) continue
    let { dirty } = await readStaleness(state, task, { zone: model.zone })
    for (const input of task.inputs.filter(({ id }) => isStored(id)))
      dirty = union(dirty, affectedBy(freshness.get(input.id) ?? { kind: 'all' }, input))
    if (task.inputs.some(({ id, attached }) => attached === true && otherwise.has(id)))
      dirty = { kind: 'all' }
    freshness.set(task.id, dirty)
  }
  return freshness
}

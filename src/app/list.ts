import type { Model } from '../model/model.ts'
import type { State } from '../state/state.ts'
import type { Listed } from './app.ts'
import { isStored } from './stored-answers.ts'

const undeclared = {
  kind: 'undeclared',
  description: 'its declaration was removed; nothing reads or renews it',
}
const stored = { kind: 'stored', description: 'kept so that questions need not read activities' }

/** Every table and metric with what State says of it, and tables that were built but are no longer declared; opens neither engine nor lake. */
export async function listProject(model: Model, state: State): Promise<readonly Listed[]> {
  const built = new Map((await state.tasks()).map((task) => [task.taskId, task]))
  const rows = await state.rowCounts()
  const tables = model.tables.map((table): Listed => {
    const record = built.get(table.id)
    const { id, kind, owner, description } = table
    if (record === undefined) return { id, kind, owner, description }
    return {
      id,
      kind,
      owner,
      description,
      rows: rows.get(id) ?? 0,
      builtAt: new Date(record.finishedAtMs).toISOString(),
    }
  })
  const metrics = model.metrics.map(({ id, owner, description }): Listed => ({
    id,
    kind: 'metric',
    owner,
    description,
  }))
  const declared = new Set(model.tables.map((table) => table.id))
  const left = [...built.values()]
    .filter((record) => !declared.has(record.taskId))
    .map((record): Listed => ({
      id: record.taskId,
      ...(isStored(record.taskId) ? stored : undeclared),
      owner: '',
      rows: rows.get(record.taskId) ?? 0,
      builtAt: new Date(record.finishedAtMs).toISOString(),
    }))
  return [...tables, ...metrics, ...left]
}

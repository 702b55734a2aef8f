/** Reads from State what planning needs to know of one task. */
import { staleness } from '../plan/plan.ts'
import type { Staleness, Task } from '../plan/plan.ts'
import type { State, TaskRecord } from '../state/state.ts'
import { readTaken } from './taken-events.ts'
import type { Taken } from './taken-events.ts'

export interface TaskStaleness extends Staleness {
  readonly record: TaskRecord | undefined
  /** The journal's end as it was before the task's inputs were looked at: what a publication may say it has consumed. */
  readonly journalEnd: number
  /** Whether there are entries that the task has not consumed, be they of consequence or not. */
  readonly hasUnread: boolean
  /** Of an activity that follows events: which are in its rows. */
  readonly taken?: Taken
}

export async function readStaleness(
  state: State,
  task: Task,
  options: { readonly zone: string; readonly full?: boolean },
): Promise<TaskStaleness> {
  const record = await state.task(task.id)
  const journalEnd = await state.journalEnd()
  const consumed = task.inputs.map((input) => record?.consumed[input.id] ?? 0)
  const ids = task.inputs.map((input) => input.id)
  const journal = ids.length === 0 ? [] : await state.journal(ids, Math.min(...consumed))
  const hasUnread =
    record !== undefined &&
    journal.some((entry) => entry.sequence > (record.consumed[entry.tableId] ?? 0))
  const taken = await readTaken(state, task, record)
  return {
    ...staleness({ task, record, journal, ...options, knowsTaken: taken !== undefined }),
    record,
    journalEnd,
    hasUnread,
    ...(taken === undefined ? {} : { taken }),
  }
}

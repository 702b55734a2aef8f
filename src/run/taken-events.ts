/**
 * Which collected events an activity's stored rows were made of: all of landings up to a number, but for days that are pending. Kept in State in the transaction
 * that publishes the rows. Landings are numbered in the order of their commits, and compaction keeps the numbers, so an event is new exactly when its number is higher.
 */
import { z } from 'zod'
import { stringifyJson } from '../base/json.ts'
import type { TableId } from '../model/model.ts'
import type { Task } from '../plan/plan.ts'
import type { Publication, State, TaskRecord } from '../state/state.ts'

export const takenScope = 'taken_events'

export interface Taken {
  /** Highest number of a landing that is in the rows. */
  readonly landing: number
  /** Of the table of events: numbers of another table say nothing. */
  readonly uuid: string
  /** What the task had consumed of the journal then: a publication that does not say what it took makes this void. */
  readonly journalEnd: number
}

const takenSchema: z.ZodType<Taken> = z.object({
  landing: z.number().int(),
  uuid: z.string(),
  journalEnd: z.number().int(),
})

/** undefined when it is not known: then nothing can be appended. */
export async function readTaken(
  state: State,
  task: Task,
  record: TaskRecord | undefined,
): Promise<Taken | undefined> {
  const events = followedEvents(task)
  if (events === undefined || record === undefined) return undefined
  const text = (await state.values(takenScope)).get(task.id)
  if (text === undefined) return undefined
  const taken = takenSchema.parse(JSON.parse(text))
  return taken.journalEnd === record.consumed[events] ? taken : undefined
}

export function takenValues(task: Task, taken: Taken): NonNullable<Publication['values']> {
  return new Map([[takenScope, new Map([[task.id, stringifyJson(taken)]])]])
}

/** `text` as it was kept before the journal began anew, of which `consumed` is. */
export function takenAnew(task: Task, text: string, consumed: TaskRecord['consumed']): string {
  const journalEnd = consumed[followedEvents(task) ?? ''] ?? 0
  return stringifyJson({ ...takenSchema.parse(JSON.parse(text)), journalEnd })
}

/** Of several inputs of events the first: all of them are read up to the same place. */
function followedEvents({ following }: Task): TableId | undefined {
  return following === undefined || following.kind === 'rebuild' ? undefined : following.events[0]
}

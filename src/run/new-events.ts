/** The events that an activity has not taken yet, as one moment of the table of events and of the journal says. */
import { assert } from '../base/errors.ts'
import type { Session } from '../engine/engine.ts'
import type { Lake, Table } from '../lake/lake.ts'
import { collectedTables, newEvents } from '../model/collected.ts'
import type { Attempt } from './context.ts'
import { readStaleness } from './staleness.ts'
import type { TaskStaleness } from './staleness.ts'
import type { Taken } from './taken-events.ts'

export interface PinnedStaleness {
  readonly stale: TaskStaleness
  /** The table of events with all that the journal tells of it, and no more. Absent: the task does not follow events, or there was no such moment. */
  readonly events?: Table
}

/** Landings commit about once a second, and a look takes milliseconds. */
const looksMax = 20

export async function pinEvents(
  { context, task }: Pick<Attempt, 'context' | 'task'>,
  options: { readonly full: boolean },
): Promise<PinnedStaleness> {
  const { lake, state, zone } = context
  const read = async (): Promise<TaskStaleness> =>
    await readStaleness(state, task, { zone, full: options.full })
  if (task.following === undefined || task.following.kind === 'rebuild')
    return { stale: await read() }
  let events = await lake.table(collectedTables.events)
  for (let look = 0; look < looksMax && events !== undefined; look++) {
    const stale = await read()
    const after = await lake.table(collectedTables.events)
    if (after?.metadata === events.metadata) {
      const follows = stale.follows && stale.taken?.uuid === events.uuid
      return { stale: { ...stale, follows }, events }
    }
    events = after
  }
  return { stale: { ...(await read()), follows: false } }
}

/** Binds the new ones of the table, and says what is taken once their rows are published. */
export async function bindNewEvents(
  session: Session,
  lake: Lake,
  { stale, events }: { readonly stale: TaskStaleness; readonly events: Table },
): Promise<Taken> {
  const before = stale.taken?.uuid === events.uuid ? stale.taken.landing : 0
  const files = 'files_of_new_events'
  const filters = [{ column: 'landing', lower: BigInt(before + 1) }]
  await session.bindScan(files, await lake.scan(events, { filters }))
  await session.bindView(newEvents, `select * from ${files} where landing > ${before}`)
  const { rows } = await session.query(`select max(landing) from ${newEvents}`)
  const landing = rows[0]?.[0] ?? before
  assert(typeof landing === 'number', 'a landing has a number')
  return { landing, uuid: events.uuid, journalEnd: stale.journalEnd }
}

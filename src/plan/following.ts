/** How an activity or people over collected events are kept up to date as events land. */
import type { Binding } from '../engine/engine.ts'
import { collectedTables } from '../model/collected.ts'
import type { TableId, TableModel } from '../model/model.ts'
import type { Following, TaskInput } from './task.ts'

/** What tells an event from all others: the landing lets no second one of these in. */
const identity = ['source', 'id'] as const

/** undefined for what is no activity over collected events, nor people. */
export function followingOf(
  table: TableModel,
  inputs: readonly TaskInput[],
  known: {
    readonly byId: ReadonlyMap<TableId, TableModel>
    readonly binding: Binding | undefined
  },
): Following | undefined {
  if (table.kind === 'object' && table.touches !== undefined)
    return { kind: 'touch', events: [collectedTables.events], touches: table.touches }
  if (table.kind !== 'activity') return undefined
  const events = inputs.map(({ id }) => id).filter((id) => isOfEvents(id, known.byId))
  if (events.length === 0) return undefined
  const lineage = known.binding?.lineage
  const addsUp = lineage?.additive?.some(
    (set) => set.length === events.length && events.every((id) => set.includes(id)),
  )
  if (addsUp !== true)
    return { kind: 'rebuild', because: 'its SELECT does not look at each event alone' }
  const key = lineage?.columns.find(({ output }) => output === table.key)?.sources ?? []
  const holds = (id: TableId, column: string): boolean =>
    key.some((source) => source.table === id && source.column === column)
  return {
    kind: 'append',
    events,
    keyTellsEvent: events.every((id) => identity.every((column) => holds(id, column))),
  }
}

function isOfEvents(id: TableId, byId: ReadonlyMap<TableId, TableModel>): boolean {
  return id === collectedTables.events || byId.get(id)?.kind === 'raw_event'
}

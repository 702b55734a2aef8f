/** The two tables that the collector fills, whatever the catalog says: every accepted event, and every refused one. Entries of the catalog are typed views of the first. */
import type { CollectedModel, ColumnModel, ColumnType } from './model.ts'

export const collectedTables = { events: 'raw.event', quarantine: 'raw.quarantine' } as const

/** Names under which a session sees the events that a task has not taken yet, and the keys that they touch. */
export const newEvents = 'new_events'
export const touchedKeys = 'touched_keys'

export const eventLogColumns: readonly ColumnModel[] = [
  column(
    'landing',
    'integer',
    'the commit that brought the row here: its time in milliseconds since 1970; grows',
    true,
  ),
  column('source', 'text', 'who sent it: the source whose write key was used', true),
  column('id', 'text', 'identity of the message, given by who sent it; once per source', true),
  column(
    'event',
    'text',
    'name as sent; for page, screen, identify, alias and group the kind',
    true,
  ),
  column('kind', 'text', 'track, page, screen, identify, alias or group', true),
  column('occurred_at', 'timestamp', 'when it happened, by the clock of the collector', true),
  column('received_at', 'timestamp', 'when the collector received it', true),
  column('original_at', 'timestamp', 'when it happened, by the clock of the sender'),
  column('sent_at', 'timestamp', 'when it was sent, by the clock of the sender'),
  column('time_flag', 'text', 'why occurred_at is not what the sender said: clamped, or no_time'),
  column('anonymous_id', 'text', 'the visitor before anyone knew who it was'),
  column('member_id', 'text', 'the member, where known'),
  column('previous_id', 'text', 'alias: the id that became member_id'),
  column('actor', 'text', 'who did it, as sent: member:ID, else anonymous:ID'),
  column(
    'partition',
    'integer',
    'lane of the log: rows of one actor share one, but for hot ones',
    true,
  ),
  column('bot', 'text', 'why it is thought to be a program; null for people'),
  column('address', 'text', 'address of the sender, as far as the policy of the source keeps it'),
  column('user_agent', 'text', 'program of the sender'),
  column('properties', 'json', 'properties or traits as sent', true),
  column('context', 'json', 'context as sent', true),
  column(
    'schema_version',
    'text',
    'version of the catalog entry that judged it; null for what needs none',
  ),
  column('quarantine_id', 'text', 'the refused event that a replay brought back'),
  column('day', 'date', 'local day of occurred_at', true),
]

export const quarantineColumns: readonly ColumnModel[] = [
  column(
    'landing',
    'integer',
    'the commit that brought the row here: its time in milliseconds since 1970; grows',
    true,
  ),
  column('id', 'text', 'identity of the refusal', true),
  column('source', 'text', 'who sent it', true),
  column('message_id', 'text', 'identity of the message, where it could be read'),
  column('event', 'text', 'name as sent, where it could be read'),
  column('owner', 'text', 'owner of the catalog entry'),
  column('rule', 'text', 'which rule refused it', true),
  column('reason', 'text', 'what was wrong, with the value', true),
  column('schema_version', 'text', 'version of the catalog entry that judged; none without one'),
  column('received_at', 'timestamp', 'when the collector received it', true),
  column('dialect', 'text', 'how it was sent', true),
  column('request', 'json', 'what is needed to read the bytes again', true),
  column('bytes', 'text', 'the event as it came', true),
  column('day', 'date', 'local day of received_at', true),
]

// oxlint-disable-next-line max-params
function column(
  name: string,
  kind: Exclude<ColumnType['kind'], 'decimal' | 'list'>,
  description: string,
  required = false,
): ColumnModel {
  return { name, type: { kind }, description, required, tags: [] }
}

/** Both, for a project that catalogs events. */
export const collectedModels: readonly CollectedModel[] = [
  collected(
    collectedTables.events,
    'every accepted event as it was sent, once per source and id',
    eventLogColumns,
  ),
  collected(
    collectedTables.quarantine,
    'every refused event with its bytes and the rule that refused it',
    quarantineColumns,
  ),
]

function collected(
  id: string,
  description: string,
  columns: readonly ColumnModel[],
): CollectedModel {
  const place = { file: 'raw/event' }
  return { kind: 'collected', class: 'raw', id, place, owner: 'maru', description, columns }
}

/** The two tables that the landing fills: how their rows come out of a spool. */
import type { Lake, Table } from '../lake/lake.ts'
import { collectedTables, eventLogColumns, quarantineColumns } from '../model/collected.ts'
import type { ColumnModel } from '../model/model.ts'
import type { Spool } from './spool.ts'

export interface Target {
  readonly id: string
  readonly columns: readonly ColumnModel[]
  /** SQL over the spool that makes the rows. */
  readonly select: string
  readonly spool: Spool
}

export async function openCollected(lake: Lake, target: Target): Promise<Table> {
  return (
    (await lake.table(target.id)) ??
    (await lake.create({
      id: target.id,
      columns: target.columns.map(({ name, type, description }) => ({
        name,
        type,
        required: false,
        description,
      })),
      partition: { kind: 'day', column: 'day' },
      properties: { 'maru.task': target.id },
    }))
  )
}

/** Instants come as milliseconds in the spool; the local day is the session's. */
function target(
  { id, columns }: Pick<Target, 'id' | 'columns'>,
  spoolName: string,
  dayOf: string,
): Target {
  const spooled = columns.filter(({ name }) => name !== 'landing' && name !== 'day')
  const spoolColumns = spooled.map(({ name, type }) => ({
    name,
    type:
      type.kind === 'timestamp'
        ? ({ kind: 'integer' } as const)
        : type.kind === 'json'
          ? ({ kind: 'text' } as const)
          : type,
  }))
  const made = spooled.map(({ name, type }) =>
    type.kind === 'timestamp' ? `make_timestamptz(${name} * 1000) as ${name}` : name,
  )
  const select = `select ${made.join(', ')}, cast(make_timestamptz(${dayOf} * 1000) as date) as day from ${spoolName}`
  return { id, columns, select, spool: { name: spoolName, columns: spoolColumns } }
}

export const eventTarget: Target = target(
  { id: collectedTables.events, columns: eventLogColumns },
  'spooled_events',
  'occurred_at',
)
export const quarantineTarget: Target = target(
  { id: collectedTables.quarantine, columns: quarantineColumns },
  'spooled_refusals',
  'received_at',
)

/**
 * The days of a merged table whose rows read otherwise because of what is attached to them: a corrected attribute, an object that came. Its rows stay as they are, so
 * the table's journal tells it apart. What of the attached tables changed the lake says, by the files that came and went since the last look; which rows it is
 * attached to, the very joins that attach it.
 */
import { assert } from '../base/errors.ts'
import type { Session } from '../engine/engine.ts'
import type { PartitionKey, Scan, ScanFilter } from '../lake/lake.ts'
import { everyPartition, holds, made, unknownDay } from '../plan/plan.ts'
import type { AttachedJoin, Dirty } from '../plan/plan.ts'
import type { PartitionChange, Publication } from '../state/state.ts'
import type { Attempt } from './context.ts'
import { formerSnapshots, scanSnapshot, snapshotValues } from './read-snapshots.ts'
import { filesWithout } from './stored-table.ts'

export const attachedScope = 'attached_snapshots'
const rowsStaying = 'rows_staying'

export interface AttachedChanges {
  readonly changes: readonly PartitionChange[]
  /** Up to where the attached tables were looked at. */
  readonly values: NonNullable<Publication['values']>
}

/** `made` has the rows of `dirty`; `inputs` are the snapshots that were read. */
export async function attachedChanges(
  attempt: Attempt,
  session: Session,
  read: { readonly dirty: Dirty; readonly inputs: Readonly<Record<string, string>> },
): Promise<AttachedChanges> {
  const { task, context } = attempt
  const joins = task.attached?.joins ?? []
  const ids = [...new Set(joins.map(({ table }) => table))]
  const now = Object.fromEntries(ids.map((id) => [id, read.inputs[id] ?? '']))
  const values = snapshotValues(attachedScope, task.id, now)
  const former = (await formerSnapshots(context.state, attachedScope, task.id)) ?? {}
  const partitions = new Set<string>()
  for (const [at, id] of ids.entries()) {
    if (former[id] === now[id]) continue
    const name = `changed_${at}`
    const isKnown = await makeChanged(attempt, session, {
      id,
      name,
      snapshots: [former[id], now[id]!],
    })
    if (!isKnown) {
      partitions.add(everyPartition)
      continue
    }
    for (const join of joins.filter(({ table }) => table === id))
      for (const day of await daysOf(attempt, session, { join, changed: name, dirty: read.dirty }))
        partitions.add(day)
  }
  const tableId = task.id
  const changes = [...partitions]
    .toSorted()
    .map((partition) => ({ tableId, partition, attached: true as const }))
  return { changes, values }
}

interface ChangedTable {
  readonly id: string
  /** Of the table to make: the rows that came or went, with what joins name of them. */
  readonly name: string
  /** Before and now; '' is a table without rows. */
  readonly snapshots: readonly [string | undefined, string]
}

/**
 * False when it cannot be told. A version keeps its number while its beginning lives, and when it was recorded while its values do: that a later one ends it changes
 * no reading at its own instants.
 */
async function makeChanged(
  { context, task }: Attempt,
  session: Session,
  { id, name, snapshots }: ChangedTable,
): Promise<boolean> {
  const table = await context.lake.table(id)
  if (table === undefined) return false
  const scanOf = async (snapshot: string | undefined): Promise<Scan | undefined> =>
    snapshot === ''
      ? { table, schema: table.schema, files: [], filesTotal: 0 }
      : await scanSnapshot(context.lake, table, snapshot)
  const before = await scanOf(snapshots[0])
  const now = await scanOf(snapshots[1])
  if (before === undefined || now === undefined) return false
  const of = context.tasks.find((each) => each.id === id)?.table
  assert(of?.kind === 'object' || of?.kind === 'attributes', `${task.id} attaches attributes`)
  await session.bindScan('rows_came', { ...now, files: filesWithout(now.files, before.files) })
  await session.bindScan('rows_gone', { ...now, files: filesWithout(before.files, now.files) })
  const without = (rows: string, others: string): string =>
    of.history
      ? `select * from ${rows} as these where not exists (select 1 from ${others} as those where those.version = these.version and those.recorded_at = these.recorded_at)`
      : `select * from (select * from ${rows} except select * from ${others}) as these`
  const columns = [of.key, ...(of.history ? ['valid_from', 'valid_to', 'version'] : [])].join(', ')
  await session.run(`create or replace temp table ${name} as
select distinct ${columns} from (${without('rows_came', 'rows_gone')}) as each_row
union select distinct ${columns} from (${without('rows_gone', 'rows_came')}) as each_row`)
  return true
}

/** The days of rows to which one of the changed rows is or was attached. */
async function daysOf(
  { context, task }: Attempt,
  session: Session,
  of: { readonly join: AttachedJoin; readonly changed: string; readonly dirty: Dirty },
): Promise<readonly PartitionKey[]> {
  const { join, changed, dirty } = of
  const filters = await filtersOf(session, join, changed)
  const table = await context.lake.table(task.id)
  if (filters === undefined) return []
  if (table === undefined) await session.bindEmpty(rowsStaying, task.columns)
  else {
    const scan = await context.lake.scan(table, { filters })
    const files = scan.files.filter(({ partition }) => !holds(dirty, partition))
    await session.bindScan(rowsStaying, { ...scan, files })
  }
  const columns = task.columns.map(({ name }) => name).join(', ')
  const { alias, joins } = task.attached!
  const before = joinsBefore(joins, join).map(
    (each) => `left join ${each.table} as ${each.alias} on ${each.condition}`,
  )
  const { rows } = await session.query(`select distinct ${alias}.day
from (select ${columns} from ${rowsStaying} union all select ${columns} from ${made}) as ${alias}
${before.join('\n')}
join ${changed} as ${join.alias} on ${join.condition}`)
  return rows.map(([day]) => (day === null ? unknownDay : `day=${String(day)}`))
}

/** Those that the join's condition goes by. */
function joinsBefore(
  joins: readonly AttachedJoin[],
  { alias, condition }: AttachedJoin,
): readonly AttachedJoin[] {
  const needed = joins.filter(
    (each) => each.alias !== alias && condition.includes(`${each.alias}.`),
  )
  return [...needed.flatMap((each) => joinsBefore(joins, each)), ...needed].filter(
    (each, at, all) => all.indexOf(each) === at,
  )
}

/** Files without any of the keys or versions need not be opened; undefined: there are none of these. */
async function filtersOf(
  session: Session,
  { equals }: AttachedJoin,
  changed: string,
): Promise<readonly ScanFilter[] | undefined> {
  const column = equals?.table ?? '1'
  const { rows } = await session.query(
    `select count(*), min(${column}), max(${column}) from ${changed}`,
  )
  const [count, lower, upper] = rows[0]!
  if (count === 0) return undefined
  if (equals === undefined || !isWhole(lower) || !isWhole(upper)) return []
  return [{ column: equals.row, lower: BigInt(lower), upper: BigInt(upper) }]
}

function isWhole(value: unknown): value is number | bigint {
  return typeof value === 'bigint' || Number.isSafeInteger(value)
}

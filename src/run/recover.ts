/**
 * Reads Maru's records back from the lake when State is lost: pointers from the newest metadata, fingerprints from the rows, and from the snapshots' summaries
 * what each task had built of which inputs. What cannot be told counts as stale; a rebuild that comes out the same publishes nothing.
 */
import { stringifyJson } from '../base/json.ts'
import type { Table } from '../lake/lake.ts'
import { everyPartition, isFollowed } from '../plan/plan.ts'
import type { Task } from '../plan/plan.ts'
import { collectedTables } from '../model/collected.ts'
import type { Publication } from '../state/state.ts'
import { attachedScope } from './attached-changes.ts'
import type { RunContext } from './context.ts'
import { contentColumns } from './publish.ts'
import { withSession } from './session.ts'
import { takenAnew, takenScope } from './taken-events.ts'
import { numbersGiven, versionScope } from './versions.ts'

export interface Recovered {
  readonly id: string
  readonly rows: number
  /** Whether the task need not be run again. */
  readonly upToDate: boolean
}

/** The tables of these tasks that lie in the lake without a pointer. Others are left as they are. */
export async function recoverState(context: RunContext): Promise<readonly Recovered[]> {
  const known = new Set((await context.state.pointers()).map((pointer) => pointer.tableId))
  const found = new Map((await context.lake.findTables()).map((table) => [table.id, table]))
  const recovered: Recovered[] = []
  for (const task of context.tasks) {
    const table = found.get(task.id)
    if (table === undefined || known.has(task.id)) continue
    recovered.push(await recoverTable(context, task, table))
  }
  // Only now is the journal's end known behind every table's entry.
  const journalEnd = await context.state.journalEnd()
  return await Promise.all(
    recovered.map(async (each) => {
      const task = context.tasks.find((candidate) => candidate.id === each.id)!
      const records = recordsFrom(context, task, { found, journalEnd })
      if (records !== undefined) await context.state.publish(records)
      return { ...each, upToDate: records !== undefined && isAllRead(records, journalEnd) }
    }),
  )
}

async function recoverTable(context: RunContext, task: Task, table: Table): Promise<Recovered> {
  return await withSession({ context }, async (session) => {
    const stored = 'stored_rows'
    await session.bindScan(stored, await context.lake.scan(table))
    const partitions = await session.fingerprint(
      `select * from ${stored}`,
      contentColumns(task).filter((name) =>
        table.schema.fields.some((field) => field.name === name),
      ),
      table.partition,
    )
    const values =
      task.rows.kind === 'versions'
        ? new Map([[versionScope(task), await numbersGiven(session, task, stored)]])
        : undefined
    await context.state.publish({
      pointer: { tableId: task.id, expectedMetadata: undefined, metadata: table.metadata },
      changes: [
        { partition: everyPartition },
        // Nothing is stored under a view, so nothing else would tell of its rows.
        ...(task.id === collectedTables.events ? context.tasks.filter(isView) : []).map(
          ({ id }) => ({ tableId: id, partition: everyPartition }),
        ),
      ],
      partitions,
      ...(values === undefined ? {} : { values }),
    })
    const rows = [...partitions.values()].reduce((sum, record) => sum + record.rows, 0)
    return { id: task.id, rows, upToDate: false }
  })
}

type Records = Required<Pick<Publication, 'task' | 'values'>>

/**
 * What the task's last publication says of it: what it read whole and has not changed since is consumed, and what it can look at again by itself (new events, what is
 * attached) is not. undefined when it was of another definition or of other older inputs, or when it cannot be told. Loads ask their source again.
 */
function recordsFrom(
  context: RunContext,
  task: Task,
  lake: { readonly found: ReadonlyMap<string, Table>; readonly journalEnd: number },
): Records | undefined {
  if (task.rows.kind === 'load' || task.rows.kind === 'events' || task.rows.kind === 'view')
    return undefined
  const built = lake.found
    .get(task.id)
    ?.snapshots.findLast((snapshot) => snapshot.operation !== 'replace')
  if (built?.summary['maru.version'] !== task.version) return undefined
  const read = parseRecord(built.summary['maru.inputs'])
  const kept = parseRecord(built.summary['maru.values'])
  const views = new Set(context.tasks.filter(isView).map(({ id }) => id))
  const consumed: Record<string, number> = {}
  for (const { id, mapping } of task.inputs) {
    const table = lake.found.get(views.has(id) ? collectedTables.events : id)
    const looksAgain =
      (mapping === 'attached' && kept[attachedScope] !== undefined) ||
      (isFollowed(task, id) && kept[takenScope] !== undefined)
    if (table !== undefined && contentUnchangedSince(table, read[id]))
      consumed[id] = lake.journalEnd
    else if (looksAgain) consumed[id] = 0
    else return undefined
  }
  const values = Object.entries(kept).map(([scope, text]) => {
    const own = scope === takenScope ? takenAnew(task, text, consumed) : text
    return [scope, new Map([[task.id, own]])] as const
  })
  return {
    task: {
      taskId: task.id,
      version: task.version,
      consumed,
      pending: JSON.parse(built.summary['maru.pending'] ?? '["*"]') as readonly string[],
      definition: stringifyJson(task.definition),
    },
    values: new Map(values),
  }
}

function isAllRead({ task }: Records, journalEnd: number): boolean {
  return Object.values(task.consumed).every((end) => end === journalEnd)
}

/** Compaction (`replace`) leaves the content as it was. */
function contentUnchangedSince(table: Table, snapshotId: string | undefined): boolean {
  const index = table.snapshots.findIndex((snapshot) => String(snapshot.id) === snapshotId)
  return (
    index !== -1 &&
    table.snapshots.slice(index + 1).every((snapshot) => snapshot.operation === 'replace')
  )
}

function isView(task: Task): boolean {
  return task.rows.kind === 'view'
}

function parseRecord(text = '{}'): Readonly<Record<string, string>> {
  return JSON.parse(text) as Readonly<Record<string, string>>
}

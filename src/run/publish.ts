/**
 * Publishes the rows of `made`: partitions whose content is as before are left alone, the others are staged and replaced in one commit, together with
 * the journal, the fingerprints and what the task has consumed. Until that commit nothing is visible; after it all is.
 */
import { MaruError, isMaruError } from '../base/errors.ts'
import { stringifyJson } from '../base/json.ts'
import { addFingerprints, subtractFingerprints } from '../engine/engine.ts'
import type { Session } from '../engine/engine.ts'
import type { PartitionKey, Table } from '../lake/lake.ts'
import { everyPartition, formatDirty, holds, made } from '../plan/plan.ts'
import type { Dirty, Task } from '../plan/plan.ts'
import type { PartitionChange, PartitionRecord, Publication, TaskUpdate } from '../state/state.ts'
import { changedBuckets } from './changed-keys.ts'
import type { Attempt } from './context.ts'
import { partitionCondition } from './partition-condition.ts'
import { declaredColumns, hasDeclaredColumns, openTable } from './stored-table.ts'

export interface Built {
  readonly session: Session
  /** The partitions that `made` was made for; those of them without rows in `made` are to go. */
  readonly dirty: Dirty
  readonly update: TaskUpdate
  /** `made` comes to the rows that are there; absent: it takes the place of `dirty`, or of some rows within. */
  readonly appends?: boolean
  /** SELECTs of the stored rows of `dirty`: those in whose place `made` comes, and those that stay beside it. */
  readonly within?: { readonly replaced: string; readonly staying: string }
  /** The snapshot read of each input table; a load has none. */
  readonly inputs?: Readonly<Record<string, string>>
  readonly values?: Publication['values']
  /** Of a merged table: partitions whose rows read otherwise, be they the same or not. */
  readonly attached?: readonly PartitionChange[]
  /** Earliest affected instant by partition; undefined when any reading may differ. */
  readonly from?: (
    changed: ReadonlySet<PartitionKey>,
  ) => Promise<ReadonlyMap<PartitionKey, string> | undefined>
}

export interface Published {
  readonly partitionsBuilt: number
  readonly partitionsPublished: number
  /** In the partitions built. */
  readonly rows: number
}

/** Not content: given by Maru, not by the inputs. */
const notContent = new Set(['version', 'recorded_at'])

/** The columns by which two builds of a partition are compared. */
export function contentColumns(task: Task): readonly string[] {
  return task.columns.map((column) => column.name).filter((name) => !notContent.has(name))
}

export async function publish(attempt: Attempt, built: Built): Promise<Published> {
  const { context, task, lease } = attempt
  const table = await declaredTable(attempt)
  const { fresh, after, changed, gone } = await compare(attempt, built)
  const touched = new Set([...changed, ...gone])
  const rows = [...fresh.values()].reduce((sum, record) => sum + record.rows, 0)
  const counted = {
    partitionsBuilt: after === fresh ? fresh.size + gone.size : after.size,
    partitionsPublished: touched.size,
    rows,
  }
  const common = {
    lease,
    task: built.update,
    ...(built.values === undefined ? {} : { values: built.values }),
  }
  const isFirst = table.current === undefined
  const attached = (built.attached ?? []).filter(({ partition }) => !touched.has(partition))
  if (touched.size === 0 && !isFirst) {
    await publishRecords(attempt, { ...common, changes: attached })
    return counted
  }
  const files = await stage(attempt, built, {
    table,
    changed,
    isAll:
      built.within === undefined
        ? changed.size === fresh.size
        : built.dirty.kind === 'keys' && [...built.dirty.keys].every((key) => touched.has(key)),
  })
  const changes = isFirst
    ? firstChange
    : [...(await changesOf(attempt, built, touched)), ...attached]
  const records = new Map<PartitionKey, PartitionRecord | null>([
    ...[...changed].map((key) => [key, after.get(key)!] as const),
    ...[...gone].map((key) => [key, null] as const),
  ])
  await context.lake.commit(
    table,
    built.appends === true
      ? { kind: 'append', files }
      : { kind: 'replace', partitions: touched, files },
    {
      summary: summaryOf(task, built, touched),
      publication: { ...common, changes, partitions: records },
    },
  )
  return counted
}

type Records = ReadonlyMap<PartitionKey, PartitionRecord>

interface Compared {
  /** Of the rows made. */
  readonly fresh: Records
  /** Of the partitions once they are published. */
  readonly after: Records
  readonly changed: ReadonlySet<PartitionKey>
  readonly gone: ReadonlySet<PartitionKey>
}

async function compare({ context, task }: Attempt, built: Built): Promise<Compared> {
  const before = await context.state.partitions(task.id)
  const fingerprint = (sql: string): ReturnType<Session['fingerprint']> =>
    built.session.fingerprint(sql, contentColumns(task), task.partition)
  const fresh = await fingerprint(`select * from ${made}`)
  const after =
    built.within === undefined && built.appends !== true
      ? fresh
      : sums(before, {
          come: fresh,
          go: built.within === undefined ? new Map() : await fingerprint(built.within.replaced),
        })
  const differs = (key: PartitionKey, record: PartitionRecord): boolean =>
    before.get(key)?.fingerprint !== record.fingerprint || before.get(key)?.rows !== record.rows
  const changed = new Set(
    [...after]
      .filter(([key, record]) => record.rows > 0 && differs(key, record))
      .map(([key]) => key),
  )
  const gone = new Set(
    [...before.keys()].filter((key) =>
      after === fresh ? holds(built.dirty, key) && !fresh.has(key) : after.get(key)?.rows === 0,
    ),
  )
  return { fresh, after, changed, gone }
}

const noRows: PartitionRecord = { fingerprint: '0'.repeat(32), rows: 0 }

/** Of the partitions that rows come to or go from, without a look at the rows that stay. */
function sums(
  before: Records,
  { come, go }: { readonly come: Records; readonly go: Records },
): Records {
  return new Map(
    [...new Set([...come.keys(), ...go.keys()])].map((key) => {
      const stored = before.get(key) ?? noRows
      const added = come.get(key) ?? noRows
      const removed = go.get(key) ?? noRows
      const kept = subtractFingerprints(stored.fingerprint, removed.fingerprint)
      return [
        key,
        {
          fingerprint: addFingerprints(kept, added.fingerprint),
          rows: stored.rows - removed.rows + added.rows,
        },
      ]
    }),
  )
}

/** A table that begins may follow one that was dropped, whose partitions nobody remembers. */
const firstChange: readonly PartitionChange[] = [{ partition: everyPartition }]

async function changesOf(
  attempt: Attempt,
  built: Built,
  touched: ReadonlySet<PartitionKey>,
): Promise<readonly PartitionChange[]> {
  const from = await built.from?.(touched)
  const buckets = await changedBuckets(attempt, built.session, {
    touched,
    appends: built.appends === true,
  })
  return [...touched].toSorted().map((partition) => {
    const instant = from?.get(partition)
    return {
      partition,
      ...(instant === undefined ? {} : { from: instant }),
      ...(buckets === undefined ? {} : { buckets }),
    }
  })
}

/** Writes the task's records alone: nothing came out different. */
export async function publishRecords(
  { context, task, lease }: Attempt,
  records: Pick<Publication, 'task' | 'values' | 'changes'>,
): Promise<void> {
  const outcome = await context.state.publish({ lease, ...records })
  if (outcome === 'published') return
  throw new MaruError(
    'STATE_FENCED',
    `${task.id}: another run took over before this one could publish`,
    { hint: 'nothing was published; run again', retry: 'later' },
  )
}

/** Only changed partitions are written; their files are synced by the commit. */
async function stage(
  attempt: Attempt,
  built: Built,
  target: {
    readonly table: Table
    readonly changed: ReadonlySet<PartitionKey>
    readonly isAll: boolean
  },
): ReturnType<Session['stage']> {
  const { task, context } = attempt
  if (target.changed.size === 0) return []
  const condition = target.isAll ? '' : partitionCondition(built.session, task, target.changed)
  const columns = task.columns.map((column) => column.name).join(', ')
  const rows =
    built.within === undefined
      ? made
      : `(select ${columns} from ${made} union all select ${columns} from (${built.within.staying}) as staying) as rows_of_both`
  return await built.session.stage({
    sql: `select ${columns} from ${rows}${condition}`,
    schema: target.table.schema,
    partition: task.partition,
    dataFolder: await context.lake.dataFolder(target.table),
    sort: sortOf(task),
    ...(task.rows.kind === 'indicators' ? { pieceRows: indicatorPieceRows } : {}),
  })
}

/** An indicator is a few thousand neighbouring rows. */
const indicatorPieceRows = 32_768

/** The order of rows within a file. */
export function sortOf(task: Task): readonly string[] {
  if (task.rows.kind === 'indicators') return ['dimension', 'value']
  const names = new Set(task.columns.map((column) => column.name))
  const key = task.partition.kind === 'bucket' ? [task.partition.column] : []
  return [...key, ...['valid_from', 'occurred_at'].filter((name) => names.has(name))]
}

/**
 * The table with the declared columns. Where the format cannot change them so (another type), the table begins anew: a changed definition makes every
 * partition stale, so nothing is lost that is not being remade.
 */
async function declaredTable({ context, task, lease }: Attempt): Promise<Table> {
  const table = await openTable(context.lake, task)
  if (hasDeclaredColumns(table, task)) return table
  try {
    return await context.lake.commit(
      table,
      { kind: 'schema', columns: declaredColumns(task) },
      { publication: { lease } },
    )
  } catch (error) {
    if (!isMaruError(error) || error.code !== 'LAKE_SCHEMA') throw error
    await context.lake.drop(table)
    return await openTable(context.lake, task)
  }
}

/** Enough to rebuild the run state from the lake. */
function summaryOf(
  task: Task,
  built: Built,
  touched: ReadonlySet<PartitionKey>,
): Readonly<Record<string, string>> {
  return {
    task: task.id,
    version: task.version,
    partitions: [...touched].toSorted().join(','),
    inputs: stringifyJson(built.inputs ?? {}),
    values: stringifyJson(ownValues(task, built.values)),
    pending: stringifyJson(built.update.pending),
    built: formatDirty(built.dirty).join(','),
  }
}

/** By scope, what is kept of the task itself. */
function ownValues(
  task: Task,
  values: Publication['values'],
): Readonly<Record<string, string | null>> {
  return Object.fromEntries(
    [...(values ?? [])].flatMap(([scope, entries]) => {
      const own = entries.get(task.id)
      return own === undefined ? [] : [[scope, own]]
    }),
  )
}

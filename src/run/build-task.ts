/** One attempt at one task that reads the lake: bind, make the stale rows, check, publish. */
import { stringifyJson } from '../base/json.ts'
import type { Session } from '../engine/engine.ts'
import type { PartitionKey, ScanFile } from '../lake/lake.ts'
import {
  formatDirty,
  holds,
  isEmpty,
  made,
  periodStart,
  rest,
  splitByRange,
  storedName,
  unknownDay,
} from '../plan/plan.ts'
import type { DayRange, Dirty, Period, Task, TaskInput } from '../plan/plan.ts'
import type { TaskUpdate } from '../state/state.ts'
import { checkRows } from './check-rows.ts'
import type { Attempt } from './context.ts'
import { makeIndicators } from './indicators.ts'
import { publish, publishRecords } from './publish.ts'
import type { Published } from './publish.ts'
import { withSession } from './session.ts'
import { readStaleness } from './staleness.ts'
import { bindTable } from './stored-table.ts'
import { numberVersions } from './versions.ts'

export interface BuildOptions {
  readonly range: DayRange
  readonly full: boolean
}

/** undefined when nothing is stale in the range. */
export async function buildTask(
  attempt: Attempt,
  options: BuildOptions,
): Promise<Published | undefined> {
  const { context, task } = attempt
  const stale = await readStaleness(context.state, task, { zone: context.zone, full: options.full })
  const whole =
    task.partition.kind === 'day'
      ? splitByRange(stale.dirty, options.range)
      : { inside: stale.dirty, outside: { kind: 'none' as const } }
  const update = updateOf(task, { pending: whole.outside, journalEnd: stale.journalEnd })
  if (isEmpty(whole.inside)) {
    // Entries of no consequence are consumed too, or they would be read again at every run.
    const isBuilt = stale.record?.version === task.version
    if (stale.hasUnread && isBuilt) await publishRecords(attempt, { task: update })
    return undefined
  }
  return await withSession(attempt, async (session) => {
    const inputs = await bindInputs(attempt, session, whole.inside)
    await bindRest(attempt, session, whole.inside)
    const sql = `select * from (\n${task.rows.sql}\n) as every_row${dirtyCondition(session, task, whole.inside)}`
    if (task.rows.kind === 'versions') {
      const numbered = await numberVersions(attempt, session, { sql, dirty: whole.inside })
      await checkRows(attempt, session)
      return await publish(attempt, {
        session,
        dirty: whole.inside,
        update,
        inputs,
        values: new Map([[numbered.scope, numbered.next]]),
        from: numbered.from,
      })
    }
    if (task.rows.kind === 'indicators') await makeIndicators(session, task, mergedRows(attempt))
    else await session.run(`create temp table ${made} as ${sql}`)
    await checkRows(attempt, session)
    return await publish(attempt, { session, dirty: whole.inside, update, inputs })
  })
}

export function updateOf(
  task: Task,
  after: { readonly pending: Dirty; readonly journalEnd: number },
): TaskUpdate {
  return {
    taskId: task.id,
    version: task.version,
    consumed: Object.fromEntries(task.inputs.map((input) => [input.id, after.journalEnd])),
    pending: formatDirty(after.pending),
    definition: stringifyJson(task.definition),
  }
}

/** The snapshot read of each input. */
async function bindInputs(
  attempt: Attempt,
  session: Session,
  dirty: Dirty,
): Promise<Readonly<Record<string, string>>> {
  const { context, task } = attempt
  const byId = new Map(context.tasks.map((each) => [each.id, each]))
  const snapshots: Record<string, string> = {}
  for (const input of task.inputs) {
    const scan = await bindTable(session, context.lake, {
      task: byId.get(input.id)!,
      ...keepOf(input, dirty),
    })
    snapshots[input.id] = String(scan?.table.current?.id ?? '')
  }
  for (const id of task.references) {
    if (snapshots[id] === undefined) await bindTable(session, context.lake, { task: byId.get(id)! })
  }
  return snapshots
}

/** Only the files that can hold rows of the stale partitions. */
function keepOf(input: TaskInput, dirty: Dirty): { readonly keep?: (file: ScanFile) => boolean } {
  return input.mapping === 'same_day' || input.mapping === 'same_bucket'
    ? { keep: (file) => holds(dirty, file.partition) }
    : input.mapping === 'same_period'
      ? { keep: (file) => holds(dirty, periodOf(file.partition, input.period!)) }
      : {}
}

/** Indicators read the merged rows first. */
function mergedRows({ context, task }: Attempt): string {
  return storedName(context.tasks.find((each) => each.id === task.inputs[0]!.id)!.table)
}

function periodOf(partition: PartitionKey, period: Period): PartitionKey {
  return partition === unknownDay
    ? partition
    : `day=${periodStart(period, partition.slice('day='.length))}`
}

/** `rest`: the stored rows that this attempt does not remake. */
export async function bindRest(attempt: Attempt, session: Session, dirty: Dirty): Promise<void> {
  const { context, task } = attempt
  if (dirty.kind === 'all') await session.bindEmpty(rest, task.columns)
  else
    await bindTable(session, context.lake, {
      task,
      as: rest,
      keep: (file) => !holds(dirty, file.partition),
    })
}

function dirtyCondition(session: Session, task: Task, dirty: Dirty): string {
  if (dirty.kind === 'keys') {
    if (task.partition.kind !== 'bucket') return ''
    const { column, count } = task.partition
    const numbers = [...dirty.keys].map((key) => key.slice('bucket='.length))
    return ` where ${session.bucketExpression(column, task.columns.find((each) => each.name === column)!.type, count)} in (${numbers.join(', ')})`
  }
  if (dirty.kind !== 'days') return ''
  const ranges = dirty.ranges.map((range) => {
    const ends = [
      range.from === undefined ? undefined : `day >= date '${range.from}'`,
      range.to === undefined ? undefined : `day < date '${range.to}'`,
    ]
    return ends.filter((end) => end !== undefined).join(' and ') || 'day is not null'
  })
  return ` where ${[...ranges.map((range) => `(${range})`), ...(dirty.unknown ? ['day is null'] : [])].join(' or ')}`
}

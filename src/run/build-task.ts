/** One attempt at one task that reads the lake: bind, make the stale rows, check, publish. */
import { join } from 'node:path'
import { assert } from '../base/errors.ts'
import { stringifyJson } from '../base/json.ts'
import type { Session } from '../engine/engine.ts'
import { chooseMerges, mergeFiles } from '../engine/merge-files.ts'
import type { PartitionKey, ScanFile, Table } from '../lake/lake.ts'
import { collectedTables, newEvents, touchedKeys } from '../model/collected.ts'
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
import type { Publication, TaskUpdate } from '../state/state.ts'
import { isOfObjects, remakeChanged, activitySnapshots } from './changed-objects.ts'
import { checkRows } from './check-rows.ts'
import { attachedChanges } from './attached-changes.ts'
import type { Attempt } from './context.ts'
import { makeIndicators } from './indicators/indicators.ts'
import type { CodesFolder } from './indicators/kept-codes.ts'
import { bindNewEvents, pinEvents } from './new-events.ts'
import { partitionCondition } from './partition-condition.ts'
import { partitionsOfKeys, publishVersions } from './publish-versions.ts'
import { publish, publishRecords, sortOf } from './publish.ts'
import type { Published } from './publish.ts'
import { withSession } from './session.ts'
import { bindTable } from './stored-table.ts'
import { takenValues } from './taken-events.ts'

export interface BuildOptions {
  readonly range: DayRange
  readonly full: boolean
}

/** undefined when nothing is stale in the range. */
export async function buildTask(
  attempt: Attempt,
  options: BuildOptions,
): Promise<Published | undefined> {
  const { task } = attempt
  const { stale, events } = await pinEvents(attempt, options)
  const whole =
    task.partition.kind === 'day'
      ? splitByRange(stale.dirty, options.range)
      : { inside: stale.dirty, outside: { kind: 'none' as const } }
  const update = updateOf(task, { pending: whole.outside, journalEnd: stale.journalEnd })
  if (isEmpty(whole.inside) && !stale.readsOtherwise) {
    // Entries of no consequence are consumed too, or they would be read again at every run.
    const isBuilt = stale.record?.version === task.version
    if (stale.hasUnread && isBuilt) await publishRecords(attempt, { task: update })
    return undefined
  }
  return await withSession(attempt, async (session) => {
    if (isOfObjects(task, stale)) {
      const remade = await remakeChanged(attempt, session, update)
      if (remade !== undefined) return remade.published
    }
    const taken =
      events === undefined
        ? undefined
        : await bindNewEvents(session, attempt.context.lake, { stale, events })
    const work: Work = {
      dirty: whole.inside,
      update,
      ...(events === undefined ? {} : { events }),
      ...(taken === undefined ? {} : { values: takenValues(task, taken) }),
    }
    if (!stale.follows || !isEmpty(whole.outside)) return await rebuildRows(attempt, session, work)
    return task.following?.kind === 'touch'
      ? await remakeTouched(attempt, session, work)
      : await appendRows(attempt, session, work)
  })
}

interface Work {
  readonly dirty: Dirty
  readonly update: TaskUpdate
  /** The table of events as it is to be read, of a task that follows them. */
  readonly events?: Table
  readonly values?: Publication['values']
}

async function rebuildRows(attempt: Attempt, session: Session, work: Work): Promise<Published> {
  const { task } = attempt
  const { dirty } = work
  const inputs = await bindInputs(attempt, session, work)
  const values = new Map([...(work.values ?? []), ...activitySnapshots(task, inputs)])
  await bindRest(attempt, session, dirty)
  const sql = `select * from (\n${task.rows.sql}\n) as every_row${dirtyCondition(session, task, dirty)}`
  if (task.rows.kind === 'versions')
    return await publishVersions(attempt, { ...work, values, session, inputs, sql })
  if (task.rows.kind === 'indicators')
    await makeIndicators(session, {
      task,
      rows: mergedRows(attempt),
      codes: codesFolder(attempt, inputs),
    })
  else await session.run(`create temp table ${made} as ${sql}`)
  await checkRows(attempt, session)
  if (task.attached === undefined)
    return await publish(attempt, { ...work, values, session, inputs })
  const { changes, values: looked } = await attachedChanges(attempt, session, { dirty, inputs })
  for (const [scope, entries] of looked) values.set(scope, entries)
  return await publish(attempt, { ...work, values, session, inputs, attached: changes })
}

/** The versions of the keys that new events touch, made of the events needed for that; those of other keys stay as they are stored. */
async function remakeTouched(
  attempt: Attempt,
  session: Session,
  work: Work,
): Promise<Published | undefined> {
  const { task } = attempt
  const { following } = task
  const { key } = task.rows
  assert(following?.kind === 'touch' && key !== undefined, `${task.id} says what events touch`)
  const inputs = await bindInputs(attempt, session, work)
  await session.run(`create temp table ${touchedKeys} as ${following.touches.keys}`)
  const dirty = await partitionsOfKeys(session, task, `select ${key} from ${touchedKeys}`)
  if (isEmpty(dirty)) {
    const { update, values } = work
    await publishRecords(attempt, { task: update, ...(values === undefined ? {} : { values }) })
    return undefined
  }
  await session.run(`create temp table needed_events as ${following.touches.events}`)
  await session.unbind(collectedTables.events)
  await session.bindView(collectedTables.events, 'select * from needed_events')
  await bindRest(attempt, session, dirty)
  const isTouched = `${key} in (select ${key} from ${touchedKeys})`
  return await publishVersions(attempt, {
    ...work,
    session,
    dirty,
    inputs,
    sql: `select * from (\n${task.rows.sql}\n) as every_row where ${isTouched}`,
    only: isTouched,
  })
}

/**
 * The rows of new events, beside those that are there. Of the stored rows at most the keys are read: where the key tells the event, the landing has seen
 * to it that it is new.
 */
async function appendRows(attempt: Attempt, session: Session, work: Work): Promise<Published> {
  const { context, task } = attempt
  const { following } = task
  assert(following?.kind === 'append', `${task.id} follows events`)
  const inputs = await bindInputs(attempt, session, { ...work, onlyNew: true })
  if (following.keyTellsEvent) await session.bindEmpty(rest, task.columns)
  else await bindTable(session, context.lake, { task, as: rest })
  await session.run(`create temp table ${made} as ${task.rows.sql}`)
  await checkRows(attempt, session)
  const published = await publish(attempt, { ...work, session, inputs, appends: true })
  await mergeAppended(attempt, session)
  return published
}

/** A day to which rows are appended has fewer files of each size. */
const appendedFilesMin = 10

async function mergeAppended({ context, task }: Attempt, session: Session): Promise<void> {
  const { lake } = context
  const table = await lake.table(task.id)
  if (table === undefined) return
  const scan = await lake.scan(table)
  const groups = chooseMerges(scan, { filesMin: appendedFilesMin, tiered: true })
  if (groups.length > 0) await mergeFiles({ lake, session }, scan, { groups, sort: sortOf(task) })
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
  work: Pick<Work, 'dirty' | 'events'> & { readonly onlyNew?: boolean },
): Promise<Readonly<Record<string, string>>> {
  const { context, task } = attempt
  const byId = new Map(context.tasks.map((each) => [each.id, each]))
  const ofEvents = task.inputs.filter(({ id }) => readsEvents(byId.get(id)!))
  // Views share the one table under them, so only what every one of them can do without is left out.
  const keepOfEvents = ofEvents.map((input) => keepOf(input, work.dirty))
  const snapshots: Record<string, string> = {}
  for (const input of task.inputs) {
    const each = byId.get(input.id)!
    const isOfEvents = readsEvents(each)
    if (isOfEvents && work.onlyNew === true) {
      await session.bindView(collectedTables.events, `select * from ${newEvents}`)
      if (each.rows.kind === 'view') await session.bindView(each.id, each.rows.sql)
      snapshots[input.id] = String(work.events?.current?.id ?? '')
      continue
    }
    const keep = isOfEvents ? commonKeep(keepOfEvents) : keepOf(input, work.dirty)
    const scan = await bindTable(session, context.lake, {
      task: each,
      ...(keep === undefined ? {} : { keep }),
      ...(isOfEvents && work.events !== undefined ? { table: work.events } : {}),
    })
    snapshots[input.id] = String(scan?.table.current?.id ?? '')
  }
  for (const id of task.references) {
    if (snapshots[id] === undefined) await bindTable(session, context.lake, { task: byId.get(id)! })
  }
  return snapshots
}

function readsEvents(task: Task): boolean {
  return task.rows.kind === 'view' || task.id === collectedTables.events
}

type Keep = (file: ScanFile) => boolean

function commonKeep(keeps: readonly (Keep | undefined)[]): Keep | undefined {
  if (keeps.includes(undefined)) return undefined
  return (file) => keeps.some((keep) => keep!(file))
}

/** Only the files that can hold rows of the stale partitions. */
function keepOf(input: TaskInput, dirty: Dirty): Keep | undefined {
  if (input.mapping === 'same_day' || input.mapping === 'same_bucket')
    return (file) => holds(dirty, file.partition)
  if (input.mapping === 'same_period')
    return (file) => holds(dirty, periodOf(file.partition, input.period!))
  return undefined
}

/** `inputs`: the snapshot read of each table. */
function codesFolder({ context }: Attempt, inputs: Readonly<Record<string, string>>): CodesFolder {
  return {
    files: context.files,
    folder: join(context.workFolder, 'cache', 'codes'),
    engineVersion: context.engine.version,
    scanOf: async (id) => {
      const table = await context.lake.table(id)
      const snapshotId = inputs[id] ?? ''
      if (table === undefined || snapshotId === '') return undefined
      return await context.lake.scan(table, { snapshotId: BigInt(snapshotId) })
    },
  }
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
    return task.partition.kind === 'bucket' ? partitionCondition(session, task, dirty.keys) : ''
  }
  if (isEmpty(dirty)) return ' where false'
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

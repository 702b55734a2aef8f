/**
 * Attributes derived from activities, made anew for those objects alone whose activities changed. Which these are the lake says: a row that came, went or changed
 * is in a file that the activity has and did not have when it was read last, or had and has no more. A row in both is one that only moved.
 */
import type { Session } from '../engine/engine.ts'
import type { Scan, ScanFile } from '../lake/lake.ts'
import { isEmpty } from '../plan/plan.ts'
import type { Task, TaskInput } from '../plan/plan.ts'
import type { Publication, TaskUpdate } from '../state/state.ts'
import type { Attempt } from './context.ts'
import { partitionsOfKeys, publishVersions } from './publish-versions.ts'
import { publishRecords } from './publish.ts'
import type { Published } from './publish.ts'
import type { TaskStaleness } from './staleness.ts'
import { formerSnapshots, scanSnapshot, snapshotValues } from './read-snapshots.ts'
import { bindTable, filesWithout } from './stored-table.ts'

const scope = 'read_snapshots'
const changedKeys = 'changed_keys'

/** The snapshots of activities that a publication was made of, for the next to compare with. */
export function activitySnapshots(
  task: Task,
  inputs: Readonly<Record<string, string>>,
): NonNullable<Publication['values']> {
  const read = task.inputs.filter(isByKey).map(({ id }) => [id, inputs[id] ?? ''] as const)
  return read.length === 0 ? new Map() : snapshotValues(scope, task.id, Object.fromEntries(read))
}

function isByKey(input: TaskInput): boolean {
  return input.mapping === 'key_buckets'
}

interface ReadActivity {
  readonly id: string
  readonly reference: string
  readonly now: Scan
  /** Files that are there now and were not, and the other way round. */
  readonly came: readonly ScanFile[]
  readonly gone: readonly ScanFile[]
}

/** Whether nothing but activities of some objects made the task stale. */
export function isOfObjects(task: Task, stale: TaskStaleness): boolean {
  return (
    task.rows.kind === 'versions' &&
    task.inputs.some(isByKey) &&
    stale.dirty.kind === 'keys' &&
    stale.record?.pending.length === 0
  )
}

/** undefined when it cannot be told which objects these are. */
export async function remakeChanged(
  attempt: Attempt,
  session: Session,
  update: TaskUpdate,
): Promise<{ readonly published: Published | undefined } | undefined> {
  const { context, task } = attempt
  const { key } = task.rows
  const activities = await readActivities(attempt)
  if (activities === undefined || key === undefined) return undefined
  const selects: string[] = []
  for (const [index, { reference, now, came, gone }] of activities.entries()) {
    await session.bindScan(`rows_${index}`, now)
    await session.bindScan(`came_${index}`, { ...now, files: came })
    await session.bindScan(`gone_${index}`, { ...now, files: gone })
    const without = (rows: string, others: string): string =>
      `select ${reference} as ${key} from (select * from ${rows}_${index} except select * from ${others}_${index}) as ${rows}_alone`
    selects.push(without('came', 'gone'), without('gone', 'came'))
  }
  await session.run(
    `create table ${changedKeys} as select distinct ${key} from (\n${selects.join('\nunion all ')}\n) as moved where ${key} is not null`,
  )
  const inputs = Object.fromEntries(
    activities.map(({ id, now }) => [id, String(now.table.current?.id ?? '')]),
  )
  const values = activitySnapshots(task, inputs)
  const dirty = await partitionsOfKeys(session, task, `select ${key} from ${changedKeys}`)
  if (isEmpty(dirty)) {
    await publishRecords(attempt, { task: update, values })
    return { published: undefined }
  }
  const isChanged = (column: string): string => `${column} in (select ${key} from ${changedKeys})`
  for (const [index, { id, reference }] of activities.entries())
    await session.bindView(id, `select * from rows_${index} where ${isChanged(reference)}`)
  const others = [
    ...task.inputs.filter((input) => !isByKey(input)).map(({ id }) => id),
    ...task.references,
  ]
  for (const id of new Set(others)) {
    const scan = await bindTable(session, context.lake, {
      task: context.tasks.find((each) => each.id === id)!,
    })
    inputs[id] = String(scan?.table.current?.id ?? '')
  }
  const published = await publishVersions(attempt, {
    session,
    sql: task.rows.sql,
    dirty,
    only: isChanged(key),
    update,
    inputs,
    values,
  })
  return { published }
}

async function readActivities({
  context,
  task,
}: Attempt): Promise<readonly ReadActivity[] | undefined> {
  const { lake, state } = context
  const former = await formerSnapshots(state, scope, task.id)
  if (former === undefined) return undefined
  const activities: ReadActivity[] = []
  for (const { id, reference } of task.inputs.filter(isByKey)) {
    const table = await lake.table(id)
    const before = table && (await scanSnapshot(lake, table, former[id]))
    if (table === undefined || before === undefined || reference === undefined) return undefined
    const now = await lake.scan(table)
    activities.push({
      id,
      reference,
      now,
      came: filesWithout(now.files, before.files),
      gone: filesWithout(before.files, now.files),
    })
  }
  return activities
}

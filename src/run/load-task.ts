/**
 * One attempt at one raw table: ask the source what there is, read it, and publish what differs. A database table is read whole and only the partitions
 * whose content differs are replaced, so an equal snapshot changes nothing. For files, the partitions that new, changed or removed files touch are remade
 * from the stored rows of the other files and the new rows.
 */
import type { Session } from '../engine/engine.ts'
import type { Detection } from '../ingest/source.ts'
import { filledColumns } from '../model/model.ts'
import type { RawTableModel } from '../model/model.ts'
import { daySet, holds, incoming, literal, made, unknownDay } from '../plan/plan.ts'
import type { Dirty, Task } from '../plan/plan.ts'
import { checkRows } from './check-rows.ts'
import { bindRest, updateOf } from './build-task.ts'
import type { Attempt } from './context.ts'
import { publish, publishRecords } from './publish.ts'
import type { Published } from './publish.ts'
import { withSession } from './session.ts'
import { bindTable, openTable } from './stored-table.ts'

const fresh = 'fresh'
const stored = 'stored_rows'

/** undefined when there is nothing new. */
export async function loadTask(
  attempt: Attempt,
  options: { readonly full: boolean },
): Promise<Published | undefined> {
  const { context, task } = attempt
  const table = task.table as RawTableModel
  const record = await context.state.task(task.id)
  const anew = options.full || record?.version !== task.version
  const scope = loadScope(task)
  const known = await context.state.values(scope)
  const source = await context.sourceOf(table)
  const detection = await source.detect(table, anew ? new Map() : known)
  if (detection.kind === 'nothing' && !anew) return undefined
  return await withSession(attempt, async (session, folder) => {
    if (detection.kind !== 'nothing') {
      await source.read(table, detection, {
        session,
        name: incoming,
        folder,
        ...(attempt.signal === undefined ? {} : { signal: attempt.signal }),
      })
      await session.run(`create temp view ${fresh} as ${task.rows.sql}`)
    } else await session.bindEmpty(fresh, task.columns)
    const dirty = await makeRows(attempt, session, { detection, anew })
    await bindRest(attempt, session, dirty)
    await checkRows(attempt, session)
    const update = updateOf(task, { pending: { kind: 'none' }, journalEnd: 0 })
    return await publish(attempt, {
      session,
      dirty,
      update,
      values: new Map([[scope, marksOf(detection, { known, anew })]]),
    })
  })
}

/** An event table is filled by the collector; here it only comes to exist, so that what reads it can bind. */
export async function prepareEvents(attempt: Attempt): Promise<undefined> {
  const { context, task } = attempt
  await openTable(context.lake, task)
  const record = await context.state.task(task.id)
  if (record?.version !== task.version)
    await publishRecords(attempt, {
      task: updateOf(task, { pending: { kind: 'none' }, journalEnd: 0 }),
    })
  return undefined
}

export function loadScope(task: Task): string {
  return `ingest/${task.id}`
}

/** Makes `made` and says which partitions it stands for. */
async function makeRows(
  attempt: Attempt,
  session: Session,
  load: { readonly detection: Detection; readonly anew: boolean },
): Promise<Dirty> {
  const { context, task } = attempt
  if (load.anew || load.detection.kind !== 'files') {
    await session.run(`create temp table ${made} as select * from ${fresh}`)
    return { kind: 'all' }
  }
  await bindTable(session, context.lake, { task, as: stored })
  const outdated = [...load.detection.replaced, ...load.detection.removed].map((file) =>
    literal(file, { kind: 'text' }),
  )
  const isOutdated =
    outdated.length === 0 ? 'false' : `${filledColumns.sourceFile} in (${outdated.join(', ')})`
  const dirty = await touchedPartitions(session, task, isOutdated)
  await bindTable(session, context.lake, {
    task,
    as: stored,
    keep: (file) => holds(dirty, file.partition),
  })
  const columns = task.columns.map((column) => column.name).join(', ')
  await session.run(`create temp table ${made} as
select ${columns} from ${fresh}
union all
select ${columns} from ${stored} where not (${isOutdated})`)
  return dirty
}

async function touchedPartitions(session: Session, task: Task, isOutdated: string): Promise<Dirty> {
  if (task.partition.kind !== 'day') return { kind: 'all' }
  const days = await session.query(
    `select day from ${fresh} union select day from ${stored} where ${isOutdated}`,
  )
  return daySet(days.rows.map(([day]) => (day === null ? unknownDay : `day=${String(day)}`)))
}

function marksOf(
  detection: Detection,
  before: { readonly known: ReadonlyMap<string, string>; readonly anew: boolean },
): ReadonlyMap<string, string | null> {
  const marks = new Map<string, string | null>(
    before.anew ? [...before.known.keys()].map((key) => [key, null]) : [],
  )
  if (detection.kind !== 'nothing') for (const [key, mark] of detection.marks) marks.set(key, mark)
  return marks
}

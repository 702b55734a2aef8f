/**
 * Which keys' activities a publication changes, as buckets of the objects referred to: what is derived from an object's activities is stale for those
 * objects only. Found by comparing the rows to be published with the stored ones, so a row that went or moved counts for the object that had it. Appended rows
 * are all new.
 */
import type { Session } from '../engine/engine.ts'
import type { PartitionKey } from '../lake/lake.ts'
import { made } from '../plan/plan.ts'
import type { StoredColumn } from '../plan/plan.ts'
import type { PartitionChange } from '../state/state.ts'
import type { Attempt } from './context.ts'
import { partitionCondition } from './partition-condition.ts'
import { bindTable } from './stored-table.ts'

/** Beyond so many partitions nearly every bucket is touched, and comparing costs more than it saves. */
const partitionsMax = 31

const before = 'rows_before'

/** undefined for what is no activity, or where looking does not pay: then any key may have changed. */
export async function changedBuckets(
  attempt: Attempt,
  session: Session,
  { touched, appends }: { readonly touched: ReadonlySet<PartitionKey>; readonly appends: boolean },
): Promise<PartitionChange['buckets']> {
  const { task, context } = attempt
  const references = referencesOf(attempt)
  if (references.length === 0 || (!appends && touched.size > partitionsMax)) return undefined
  if (appends) await session.bindEmpty(before, task.columns)
  else
    await bindTable(session, context.lake, {
      task,
      as: before,
      keep: (file) => touched.has(file.partition),
    })
  const columns = task.columns.map((column) => column.name).join(', ')
  const now = `select ${columns} from ${made}${partitionCondition(session, task, touched)}`
  const then = `select ${columns} from ${before}`
  const each = references.map(
    ({ column, count }) =>
      `select '${column.name}' as reference, ${session.bucketExpression(column.name, column.type, count)} as bucket from moved where ${column.name} is not null`,
  )
  const found = await session.query(`with moved as (
  (${now} except ${then})
  union all
  (${then} except ${now})
)
select distinct reference, bucket from (${each.join(' union all ')}) as touched`)
  const buckets = new Map(references.map(({ column }) => [column.name, [] as number[]]))
  for (const [reference, bucket] of found.rows) buckets.get(String(reference))?.push(Number(bucket))
  return Object.fromEntries(
    [...buckets].map(([name, list]) => [name, list.toSorted((left, right) => left - right)]),
  )
}

interface BucketedReference {
  readonly column: StoredColumn
  readonly count: number
}

/** The activity's references to objects that are split by their key. */
function referencesOf({ task, context }: Attempt): readonly BucketedReference[] {
  if (task.table.kind !== 'activity') return []
  return task.table.columns.flatMap((declared) => {
    const partition = context.tasks.find((each) => each.id === declared.refers)?.partition
    const column = task.columns.find((each) => each.name === declared.name)
    return partition?.kind === 'bucket' && column !== undefined
      ? [{ column, count: partition.count }]
      : []
  })
}

import type { Session } from '../engine/engine.ts'
import type { PartitionKey } from '../lake/lake.ts'
import type { Task } from '../plan/plan.ts'

/** ` where …` that keeps the rows of these partitions. */
export function partitionCondition(
  session: Session,
  task: Task,
  partitions: ReadonlySet<PartitionKey>,
): string {
  const { partition } = task
  if (partition.kind === 'none') return ''
  const values = [...partitions].map((key) => key.slice(key.indexOf('=') + 1))
  if (partition.kind === 'bucket')
    return ` where ${bucketSql(session, task, partition)} in (${values.join(', ')})`
  const days = values.filter((value) => value !== 'unknown').map((day) => `date '${day}'`)
  const known = days.length === 0 ? 'false' : `${partition.column} in (${days.join(', ')})`
  return values.includes('unknown')
    ? ` where ${known} or ${partition.column} is null`
    : ` where ${known}`
}

/** The number of the bucket in which a row of the task lies; `alias` is the row's, where it has one. */
export function bucketSql(
  session: Session,
  task: Task,
  {
    column,
    count,
    alias,
  }: { readonly column: string; readonly count: number; readonly alias?: string },
): string {
  const { type } = task.columns.find(({ name }) => name === column)!
  return session.bucketExpression(alias === undefined ? column : `${alias}.${column}`, type, count)
}

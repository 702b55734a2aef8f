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
  if (partition.kind === 'bucket') {
    const type = task.columns.find((column) => column.name === partition.column)!.type
    return ` where ${session.bucketExpression(partition.column, type, partition.count)} in (${values.join(', ')})`
  }
  const days = values.filter((value) => value !== 'unknown').map((day) => `date '${day}'`)
  const known = days.length === 0 ? 'false' : `${partition.column} in (${days.join(', ')})`
  return values.includes('unknown')
    ? ` where ${known} or ${partition.column} is null`
    : ` where ${known}`
}

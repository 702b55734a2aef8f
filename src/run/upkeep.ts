/** Keeps reading fast as history grows: many small files of a partition become few, old snapshots and orphan files go. Content stays, so nothing becomes stale. */
import { chooseMerges, mergeFiles } from '../engine/merge-files.ts'
import type { Table } from '../lake/lake.ts'
import type { Task } from '../plan/plan.ts'
import type { RunContext } from './context.ts'
import { withSession } from './session.ts'

export interface CompactedTable {
  readonly id: string
  readonly filesBefore: number
  readonly filesAfter: number
  readonly snapshotsRemoved: number
  readonly orphansRemoved: number
}

export interface UpkeepRules {
  readonly keepSnapshots: number
  readonly snapshotAgeMs: number
  readonly orphanAgeMs: number
}

export async function compactTables(
  context: RunContext,
  tasks: readonly Task[],
  rules: UpkeepRules,
): Promise<readonly CompactedTable[]> {
  const orphans = await context.lake.removeOrphans(rules.orphanAgeMs)
  const compacted: CompactedTable[] = []
  for (const task of tasks) {
    const table = await context.lake.table(task.id)
    if (table === undefined) continue
    const before = (await context.lake.scan(table)).filesTotal
    const merged = await mergeSmallFiles(context, table)
    const expired = await context.lake.expire(merged, {
      keepCount: rules.keepSnapshots,
      olderThanMs: rules.snapshotAgeMs,
    })
    const after = (await context.lake.scan(expired.table)).filesTotal
    const orphansRemoved = orphans.filter((path) => path.startsWith(table.folder)).length
    compacted.push({
      id: task.id,
      filesBefore: before,
      filesAfter: after,
      snapshotsRemoved: expired.removedSnapshots,
      orphansRemoved,
    })
  }
  return compacted
}

async function mergeSmallFiles(context: RunContext, table: Table): Promise<Table> {
  const scan = await context.lake.scan(table)
  const groups = chooseMerges(scan, { filesMin: 2 })
  if (groups.length === 0) return table
  return await withSession({ context }, (session) =>
    mergeFiles({ lake: context.lake, session }, scan, { groups }),
  )
}

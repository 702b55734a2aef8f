/** Keeps reading fast as history grows: many small files of a partition become few, old snapshots and orphan files go. Content stays, so nothing becomes stale. */
import type { DataFile, PartitionKey, ScanFile, Table } from '../lake/lake.ts'
import { isMaruError } from '../base/errors.ts'
import type { Task } from '../plan/plan.ts'
import type { RunContext } from './context.ts'
import { withSession } from './session.ts'
import { partitionCondition } from './partition-condition.ts'

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

/** A file of this size is left alone. */
const largeFileBytes = 64 * 1024 * 1024

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
    const merged = await mergeFiles(context, task, table)
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

/** Another writer may take the files away meanwhile; then there is nothing to merge any more. */
async function mergeFiles(context: RunContext, task: Task, table: Table): Promise<Table> {
  const scan = await context.lake.scan(table)
  const groups = smallFiles(scan.files)
  if (groups.size === 0) return table
  const removed = new Set<string>()
  const files: DataFile[] = []
  await withSession({ context }, async (session) => {
    for (const [partition, small] of groups) {
      await session.bindScan('small_files', { ...scan, files: small })
      const condition = partitionCondition(session, task, new Set([partition]))
      files.push(
        ...(await session.stage({
          sql: `select * from small_files${condition}`,
          schema: table.schema,
          partition: table.partition,
          dataFolder: await context.lake.dataFolder(table),
        })),
      )
      for (const file of small) removed.add(file.path.slice(table.folder.length + 1))
    }
  })
  try {
    return await context.lake.commit(
      table,
      { kind: 'rewrite', removed, files },
      { summary: { task: task.id, upkeep: 'compaction' } },
    )
  } catch (error) {
    if (isMaruError(error) && error.code === 'LAKE_CONFLICT')
      return (await context.lake.table(task.id)) ?? table
    throw error
  }
}

function smallFiles(files: readonly ScanFile[]): ReadonlyMap<PartitionKey, readonly ScanFile[]> {
  const groups = new Map<PartitionKey, ScanFile[]>()
  for (const file of files) {
    if (file.sizeBytes >= largeFileBytes) continue
    const group = groups.get(file.partition)
    if (group === undefined) groups.set(file.partition, [file])
    else group.push(file)
  }
  return new Map([...groups].filter(([, group]) => group.length > 1))
}

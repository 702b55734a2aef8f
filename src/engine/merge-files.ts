/** Merges small files of a table: rows stay as they are, so nothing becomes stale, and readers that planned before go on from the old files. */
import { isMaruError } from '../base/errors.ts'
import type { DataFile, Lake, Scan, ScanFile, Table } from '../lake/lake.ts'
import type { Session } from './engine.ts'

export interface MergeRule {
  /** So many are merged into one; fewer are left. */
  readonly filesMin: number
  /** Only files of about one size are merged with each other, so that a row is written again a few times, not at every merge. */
  readonly tiered?: boolean
}

/** Files of one partition that are to become one. */
export type MergeGroup = readonly ScanFile[]

/** A file of this size is left alone. */
const largeFileBytes = 64 * 1024 * 1024
/** Below it size is that of the format more than of the rows. */
const smallestTierBytes = 128 * 1024

export function chooseMerges(scan: Scan, rule: MergeRule): readonly MergeGroup[] {
  const small = scan.files.filter((file) => file.sizeBytes < largeFileBytes)
  const groups = Map.groupBy(small, ({ partition, sizeBytes }) =>
    rule.tiered === true ? `${tierOf(sizeBytes)} ${partition}` : partition,
  )
  return [...groups.values()].filter((group) => group.length >= rule.filesMin)
}

function tierOf(bytes: number): number {
  return Math.max(0, Math.floor(Math.log10(bytes / smallestTierBytes)) + 1)
}

/** One commit. Another writer may take the files away meanwhile; then there is nothing to merge any more. */
export async function mergeFiles(
  at: { readonly lake: Lake; readonly session: Session },
  scan: Scan,
  merge: { readonly groups: readonly MergeGroup[]; readonly sort?: readonly string[] },
): Promise<Table> {
  const { lake, session } = at
  const { table } = scan
  const { groups, sort = [] } = merge
  const removed = new Set<string>()
  const files: DataFile[] = []
  for (const group of groups) {
    await session.bindScan('small_files', { ...scan, files: group })
    files.push(
      ...(await session.stage({
        sql: 'select * from small_files',
        schema: table.schema,
        partition: table.partition,
        dataFolder: await lake.dataFolder(table),
        sort,
      })),
    )
    for (const file of group) removed.add(file.path.slice(table.folder.length + 1))
  }
  try {
    return await lake.commit(
      table,
      { kind: 'rewrite', removed, files },
      { summary: { task: table.id, upkeep: 'compaction' } },
    )
  } catch (error) {
    if (isMaruError(error) && error.code === 'LAKE_CONFLICT')
      return (await lake.table(table.id)) ?? table
    throw error
  }
}

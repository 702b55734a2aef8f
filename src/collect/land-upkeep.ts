/**
 * Behind the landing: a commit every second makes many small files, which are merged here while the landing goes on. Merging moves rows and changes none, so it
 * needs no lease, and a run, a `maru compact` or the landing itself may commit meanwhile.
 */
import { join } from 'node:path'
import { sleep } from '../base/bounded.ts'
import type { Files } from '../base/files.ts'
import type { Engine } from '../engine/engine.ts'
import { chooseMerges, mergeFiles } from '../engine/merge-files.ts'
import type { Lake } from '../lake/lake.ts'
import { collectedTables } from '../model/collected.ts'

export interface UpkeepRules {
  /** Between two looks for small files to merge. Default 10,000. */
  readonly upkeepEveryMs?: number
}

export interface UpkeepOptions extends UpkeepRules {
  readonly lake: Lake
  readonly engine: Engine
  readonly files: Files
  readonly zone: string
  /** Absolute folder for spilling. */
  readonly workFolder: string
  readonly onError: (error: unknown) => void
  readonly signal: AbortSignal
}

/** A partition has fewer files of each size. */
const filesMin = 10
const memoryLimitBytes = 512 * 1024 * 1024
const orphansEveryMs = 3_600_000
const orphanAgeMs = 3 * 24 * 3_600_000

/** Until the signal aborts; a failure is told and tried again. */
export async function keepUp(options: UpkeepOptions): Promise<void> {
  const { signal, lake } = options
  let orphansAt = performance.now() + orphansEveryMs
  while (!signal.aborted) {
    try {
      for (const id of [collectedTables.events, collectedTables.quarantine])
        await mergeSmallFiles(options, id)
      if (performance.now() >= orphansAt) {
        await lake.removeOrphans(orphanAgeMs)
        orphansAt = performance.now() + orphansEveryMs
      }
    } catch (error) {
      options.onError(error)
    }
    await sleep(options.upkeepEveryMs ?? 10_000, signal).catch(() => undefined)
  }
}

async function mergeSmallFiles(options: UpkeepOptions, id: string): Promise<void> {
  const { lake, engine, files, zone, workFolder } = options
  const table = await lake.table(id)
  if (table === undefined) return
  const scan = await lake.scan(table)
  const groups = chooseMerges(scan, { filesMin, tiered: true })
  if (groups.length === 0) return
  const temporaryFolder = join(workFolder, 'merge')
  await files.makeFolder(temporaryFolder)
  // One thread: the landing goes first.
  const session = await engine.open({ zone, temporaryFolder, memoryLimitBytes, threads: 1 })
  try {
    // By landing: rows that came together are looked for together.
    await mergeFiles({ lake, session }, scan, { groups, sort: ['landing'] })
  } finally {
    await session.close()
  }
}

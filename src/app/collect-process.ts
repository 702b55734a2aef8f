/**
 * One collector process: `node collect-process.ts` with its options as JSON in the first argument. Says one line of JSON when it listens. SIGTERM: takes nothing new,
 * answers what is at work, syncs, ends. The log failing ends it with 1: whoever watches it starts it again, and what was acknowledged is read back.
 */
import { join } from 'node:path'
import type { Files } from '../base/files.ts'
import { nodeFiles } from '../base/node-files.ts'
import {
  decodeRequest,
  eachEventId,
  openDuplicates,
  followSettings,
  startCollector,
} from '../collect/collect.ts'
import type { Duplicates } from '../collect/collect.ts'
import { openSegmentLog } from '../collect/log/segment-log.ts'
import { openSegmentReader } from '../collect/log/segment-reader.ts'
import { runChild } from './child.ts'
import type { Child } from './child.ts'

export interface CollectProcessOptions {
  readonly settingsPath: string
  /** Holds the log directories of all processes. */
  readonly logFolder: string
  /** Holds what each process knows of ids. */
  readonly duplicatesFolder: string
  /** This process's directory: `0`, `1`. */
  readonly name: string
  readonly host: string
  readonly port: number
  readonly reusePort: boolean
}

const readBytesMax = 8 * 1024 * 1024

// A record is a copy of some kilobytes: from a pool it costs far less than by itself.
Buffer.poolSize = 1024 * 1024

if (import.meta.main) await runChild(collect)

export async function collect(
  { options, stopped, say, onError, fail }: Child<CollectProcessOptions>,
  files: Files = nodeFiles,
): Promise<void> {
  const settings = await followSettings({ files: nodeFiles, path: options.settingsPath, onError })
  const log = await openSegmentLog({ folder: join(options.logFolder, options.name), files })
  const duplicates = await openDuplicates({
    folder: join(options.duplicatesFolder, options.name),
    files,
    onError,
  })
  await rememberTail(options, duplicates)
  const collector = await startCollector({
    settings: () => settings.current(),
    log,
    duplicates,
    host: options.host,
    port: options.port,
    reusePort: options.reusePort,
    onError,
    onFailed: fail,
  })
  say({ port: collector.port })
  await stopped
  settings.close()
  await collector.close()
  await log.close()
  await duplicates.close()
}

/** Ids that were taken in but not yet kept when the process ended: the log has them. */
async function rememberTail(options: CollectProcessOptions, duplicates: Duplicates): Promise<void> {
  const { logFolder, name } = options
  const reader = await openSegmentReader({ folder: logFolder })
  const sinceMs = duplicates.coveredUntilMs
  try {
    let position = await reader.since(name, sinceMs)
    for (let isMore = position !== undefined; isMore;) {
      const batch = await reader.read(name, { position, bytesMax: readBytesMax })
      for (const { bytes } of batch.records) {
        const record = decodeRequest(bytes)
        if (record.receivedAtMs < sinceMs) continue
        for (const id of eachEventId(record)) duplicates.add(record.source, id, record.receivedAtMs)
      }
      position = batch.position
      isMore = !batch.atEnd
    }
  } finally {
    await reader.close()
  }
}

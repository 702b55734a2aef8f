/**
 * The commit protocol: everything a metadata file names is written and synced, then the metadata file, then its folder; the swap of the
 * pointer is the commit. Another writer's swap in between is a conflict: the step is made again from the newest metadata.
 */
import { randomInt, randomUUID } from 'node:crypto'
import path from 'node:path'
import { sleep } from '../base/bounded.ts'
import { MaruError } from '../base/errors.ts'
import type { Publication } from '../state/state.ts'
import { encodeMetadata } from './metadata.ts'
import type { MetadataLogEntry, TableMetadata } from './metadata.ts'
import { isCorrupt, loadCurrent, rememberMetadata } from './store.ts'
import type { LakeStore, Loaded } from './store.ts'
import { inTable, tablePaths } from './table-paths.ts'
import type { Table } from './table.ts'

/** What a step makes of the newest metadata. Times and logs are filled in when it is written. */
export interface NextMetadata {
  readonly metadata: TableMetadata
  /** The snapshot that the journal entries belong to. */
  readonly snapshotId?: bigint
}

export interface PublishOptions {
  /** undefined: there is nothing to change, and only the rest of the publication is written. */
  readonly step: (current: Loaded) => Promise<NextMetadata | undefined>
  readonly publication: Omit<Publication, 'pointer'> | undefined
}

/** Throws LAKE_CONFLICT when the table was dropped or other writers win too often, STATE_FENCED when the lease was lost. */
export async function publishNext(
  store: LakeStore,
  table: Table,
  options: PublishOptions,
): Promise<Loaded> {
  for (let attempt = 1; ; attempt++) {
    const current = await loadSame(store, table)
    const next = await nextOrMoved(store, { table, current, options })
    if (next !== 'moved') {
      const published = await tryPublish(store, {
        table,
        current,
        next,
        publication: options.publication,
      })
      if (published !== undefined) return published
    }
    if (attempt >= store.rules.commitAttemptsMax) {
      throw new MaruError(
        'LAKE_CONFLICT',
        `${table.id} was changed by other writers at each of ${attempt} attempts`,
        {
          hint: 'try again when fewer processes write to the table',
          retry: 'later',
        },
      )
    }
    // Full jitter: writers that met once do not meet again at the same moment.
    await sleep(randomInt(1, Math.min(5 * 2 ** Math.min(attempt, 8), 500)))
  }
}

async function loadSame(store: LakeStore, table: Table): Promise<Loaded> {
  const current = await loadCurrent(store, table.id)
  if (current?.metadata.uuid === table.uuid) return current
  throw new MaruError(
    'LAKE_CONFLICT',
    `${table.id} was ${current === undefined ? 'dropped' : 'dropped and made anew'} by another writer`,
    {
      hint: 'load the table again',
      retry: 'now',
    },
  )
}

interface StepRequest {
  readonly table: Table
  readonly current: Loaded
  readonly options: PublishOptions
}

/** The step may read files of a snapshot that expires meanwhile; then the pointer has moved, and that is a conflict like any other. */
async function nextOrMoved(
  store: LakeStore,
  request: StepRequest,
): Promise<NextMetadata | undefined | 'moved'> {
  try {
    return await request.options.step(request.current)
  } catch (error) {
    const pointer = await store.state.pointer(request.table.id)
    if (isCorrupt(error) && pointer?.metadata !== request.current.path) return 'moved'
    throw error
  }
}

interface Attempt {
  readonly table: Table
  readonly current: Loaded
  readonly next: NextMetadata | undefined
  readonly publication: Omit<Publication, 'pointer'> | undefined
}

/** undefined on conflict. */
async function tryPublish(store: LakeStore, attempt: Attempt): Promise<Loaded | undefined> {
  const { table, current, next, publication } = attempt
  if (next === undefined) {
    if (publication !== undefined) refuseFenced(table, await store.state.publish(publication))
    return current
  }
  const written = await writeMetadata(store, current, next.metadata)
  const outcome = await store.state.publish({
    ...publication,
    pointer: {
      tableId: table.id,
      expectedMetadata: current.path,
      metadata: written.path,
      ...(next.snapshotId === undefined ? {} : { snapshotId: String(next.snapshotId) }),
    },
  })
  if (outcome === 'published') {
    await removeQuietly(store, current.folder, droppedFromLog(current, written.metadata))
    return written
  }
  await removeQuietly(store, current.folder, [
    tablePaths(current.folder).relative(`/${written.path}`),
  ])
  refuseFenced(table, outcome)
  return undefined
}

function refuseFenced(table: Table, outcome: 'published' | 'conflict' | 'fenced'): void {
  if (outcome !== 'fenced') return
  throw new MaruError(
    'STATE_FENCED',
    `${table.id}: the lease was lost to another process before the commit`,
    {
      hint: 'run again; the other process may have done the work',
      retry: 'later',
    },
  )
}

async function writeMetadata(
  store: LakeStore,
  current: Loaded,
  next: TableMetadata,
): Promise<Loaded> {
  const version = Number.parseInt(path.basename(current.path), 10) + 1
  const name = metadataName(version)
  const relative = path.join(path.dirname(current.path), name)
  const absolute = path.join(store.folder, relative)
  const before: MetadataLogEntry = {
    file: path.join(store.folder, current.path),
    atMs: current.metadata.lastUpdatedMs,
  }
  const metadata: TableMetadata = {
    ...next,
    location: current.folder,
    metadataLog: [...current.metadata.metadataLog, before].slice(-store.rules.metadataLog),
  }
  await store.files.writeNew(absolute, encodeMetadata(metadata))
  await store.files.syncFolder(path.dirname(absolute))
  rememberMetadata(store, absolute, metadata)
  return { path: relative, metadata, folder: current.folder }
}

export function metadataName(version: number): string {
  return `${String(version).padStart(5, '0')}-${randomUUID()}.metadata.json`
}

function droppedFromLog(current: Loaded, next: TableMetadata): string[] {
  const paths = tablePaths(current.folder)
  const kept = new Set(next.metadataLog.map((entry) => paths.relative(entry.file)))
  return current.metadata.metadataLog
    .map((entry) => paths.relative(entry.file))
    .filter((file) => !kept.has(file))
}

/** Removes files that nothing names. What cannot be removed now is an orphan, which upkeep removes; the commit stands either way. */
export async function removeQuietly(
  store: LakeStore,
  folder: string,
  relativePaths: Iterable<string>,
): Promise<number> {
  let removed = 0
  for (const relative of relativePaths) {
    try {
      await store.files.remove(inTable(folder, relative))
      removed++
    } catch {
      continue
    }
  }
  return removed
}

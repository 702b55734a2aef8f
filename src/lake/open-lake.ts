/** Opens a lake over a folder: all that others do with tables. */
import { randomUUID } from 'node:crypto'
import path from 'node:path'
import { MaruError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import type { State } from '../state/state.ts'
import { commitChange } from './commit.ts'
import { encodeMetadata } from './metadata.ts'
import type { TableMetadata } from './metadata.ts'
import { metadataName } from './publish.ts'
import { defaultRules } from './rules.ts'
import type { LakeRules } from './rules.ts'
import { planScan } from './scan.ts'
import { findTables } from './find-tables.ts'
import { firstSchema } from './schema-change.ts'
import { loadCurrent, newCaches, tableOf } from './store.ts'
import type { LakeStore } from './store.ts'
import { tableFolderName } from './table-paths.ts'
import type { Lake, Table, TableDefinition } from './table.ts'
import { expireSnapshots, removeOrphans } from './upkeep.ts'

export type { LakeRules } from './rules.ts'

export interface LakeOptions {
  /** Created with the first table. */
  readonly folder: string
  readonly state: State
  readonly files: Files
  /** Those not given have their defaults (rules.ts). */
  readonly rules?: Partial<LakeRules>
  /** Milliseconds since 1970; for tests of time travel and expiry. */
  readonly now?: () => number
}

export function openLake(options: LakeOptions): Lake {
  const store: LakeStore = {
    folder: path.resolve(options.folder),
    state: options.state,
    files: options.files,
    rules: { ...defaultRules, ...options.rules },
    now: options.now ?? Date.now,
    caches: newCaches(),
  }
  return {
    folder: store.folder,
    table: (id) => currentTable(store, id),
    create: (definition) => createTable(store, definition),
    commit: (table, change, commitOptions = {}) =>
      commitChange(store, table, { change, options: commitOptions }),
    scan: (table, scanOptions = {}) => planScan(store, table, scanOptions),
    expire: (table, rule) => expireSnapshots(store, table, rule),
    findTables: () => findTables(store),
    removeOrphans: (olderThanMs) => removeOrphans(store, olderThanMs),
    drop: (table) => dropTable(store, table),
    dataFolder: (table) => dataFolder(store, table),
  }
}

async function currentTable(store: LakeStore, id: string): Promise<Table | undefined> {
  const loaded = await loadCurrent(store, id)
  return loaded === undefined ? undefined : tableOf(id, loaded)
}

async function createTable(store: LakeStore, definition: TableDefinition): Promise<Table> {
  const existing = await currentTable(store, definition.id)
  if (existing !== undefined) return existing
  const uuid = randomUUID()
  const name = tableFolderName(definition.id, uuid)
  const folder = path.join(store.folder, name)
  const metadata = firstMetadata(definition, { uuid, location: folder, nowMs: store.now() })
  const file = path.join(name, 'metadata', metadataName(0))
  await store.files.makeFolder(path.join(folder, 'metadata'))
  await store.files.writeNew(path.join(store.folder, file), encodeMetadata(metadata))
  await store.files.syncFolder(path.join(folder, 'metadata'))
  const outcome = await store.state.publish({
    pointer: { tableId: definition.id, expectedMetadata: undefined, metadata: file },
  })
  if (outcome === 'published') return tableOf(definition.id, { path: file, metadata, folder })
  await store.files.removeFolder(folder)
  const winner = await currentTable(store, definition.id)
  if (winner !== undefined) return winner
  throw new MaruError(
    'LAKE_CONFLICT',
    `${definition.id} was made and dropped by another writer meanwhile`,
    {
      hint: 'create it again',
      retry: 'now',
    },
  )
}

function firstMetadata(
  definition: TableDefinition,
  where: { readonly uuid: string; readonly location: string; readonly nowMs: number },
): TableMetadata {
  const { schema, lastColumnId } = firstSchema(definition.columns, definition.partition)
  return {
    uuid: where.uuid,
    location: where.location,
    lastSequenceNumber: 0,
    lastUpdatedMs: where.nowMs,
    lastColumnId,
    currentSchemaId: schema.id,
    schemas: [schema],
    partition: definition.partition,
    properties: {
      'write.format.default': 'parquet',
      'write.parquet.compression-codec': 'zstd',
      'maru.table-id': definition.id,
      ...definition.properties,
    },
    currentSnapshotId: undefined,
    snapshots: [],
    snapshotLog: [],
    metadataLog: [],
  }
}

/** The files stay for readers that have planned already; `removeOrphans` takes the folder when it is old enough. */
async function dropTable(store: LakeStore, table: Table): Promise<void> {
  const outcome = await store.state.drop(table.id, table.metadata)
  if (outcome === 'published') return
  throw new MaruError(
    'LAKE_CONFLICT',
    `${table.id} was changed by another writer since it was loaded`,
    {
      hint: 'load the table again, then drop it',
      retry: 'now',
    },
  )
}

async function dataFolder(store: LakeStore, table: Table): Promise<string> {
  const folder = path.join(table.folder, 'data')
  await store.files.makeFolder(folder)
  return folder
}

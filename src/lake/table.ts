/** What a table is to the rest of Maru: plain data, and the interface of the lake. Others import it from `lake.ts`. */
import type { ColumnType } from '../model/model.ts'
import type { Publication } from '../state/state.ts'

/** A column in the table with its Iceberg field id, which never changes while name and position may. */
export interface Field {
  readonly id: number
  readonly name: string
  readonly type: ColumnType
  readonly required: boolean
  readonly description?: string
  /** Field id of a list's element. */
  readonly elementId?: number
}

export interface Schema {
  readonly id: number
  readonly fields: readonly Field[]
}

/** How a table is split. `identity` by a filled date column (`day`) or `bucket[count]` of a key column, or not at all. */
export type PartitionSpec =
  | { readonly kind: 'none' }
  | { readonly kind: 'day'; readonly column: string }
  | { readonly kind: 'bucket'; readonly column: string; readonly count: number }

/** The text form of a partition: `day=2011-01-05`, `day=unknown`, `bucket=3`, `` for an unpartitioned table. */
export type PartitionKey = string

/** A data file already written and synced by an engine, with what Iceberg keeps of it. */
export interface DataFile {
  /** Relative to the table folder: `data/day=2011-01-05/<uuid>.parquet`. */
  readonly path: string
  readonly partition: PartitionKey
  readonly rows: number
  readonly sizeBytes: number
  /** By field id. */
  readonly columns: ReadonlyMap<number, ColumnStatistics>
}

export interface ColumnStatistics {
  readonly sizeBytes: number
  readonly valueCount: number
  readonly nullCount: number
  /** Absent when unknown, not comparable, or NaN is among the values. Instants and dates as numbers of Iceberg (micros, days); decimals unscaled. */
  readonly lower?: Bound
  readonly upper?: Bound
}

export type Bound = string | bigint | number | boolean

export interface Snapshot {
  readonly id: bigint
  readonly parentId: bigint | undefined
  readonly sequenceNumber: number
  readonly committedAtMs: number
  readonly operation: 'append' | 'replace' | 'overwrite' | 'delete'
  /** Iceberg totals, and under `maru.` the task, its version, partitions and inputs. */
  readonly summary: Readonly<Record<string, string>>
  readonly schemaId: number
}

/** A table as one metadata file says. Immutable: reload to see later commits. */
export interface Table {
  readonly id: string
  readonly uuid: string
  /** Absolute path of the table folder. */
  readonly folder: string
  /** Path of the metadata file relative to the lake folder: the pointer's value. */
  readonly metadata: string
  readonly schema: Schema
  readonly partition: PartitionSpec
  readonly properties: Readonly<Record<string, string>>
  readonly current: Snapshot | undefined
  /** Oldest first. */
  readonly snapshots: readonly Snapshot[]
}

export interface TableDefinition {
  readonly id: string
  readonly columns: readonly {
    readonly name: string
    readonly type: ColumnType
    readonly required: boolean
    readonly description?: string
  }[]
  readonly partition: PartitionSpec
  readonly properties?: Readonly<Record<string, string>>
}

/** What a read opens. */
export interface Scan {
  readonly table: Table
  readonly schema: Schema
  readonly files: readonly ScanFile[]
  /** Files of the snapshot before pruning. */
  readonly filesTotal: number
}

export interface ScanFile {
  /** Absolute path or URL. */
  readonly path: string
  readonly partition: PartitionKey
  readonly rows: number
  readonly sizeBytes: number
}

export interface ScanOptions {
  readonly snapshotId?: bigint
  /** The snapshot that was current then. */
  readonly asOfMs?: number
  /** Keep files that may hold rows with all of these. */
  readonly filters?: readonly ScanFilter[]
  /** Only these partitions. */
  readonly partitions?: ReadonlySet<PartitionKey>
}

/** Bounds as in ColumnStatistics; either end may be open. Both ends included. */
export interface ScanFilter {
  readonly column: string
  readonly lower?: Bound
  readonly upper?: Bound
}

/**
 * A change to a table. `replace` removes all files of the named partitions and adds the given ones; `overwrite` removes every file;
 * `rewrite` (compaction) swaps exactly these files for others with the same rows and fails with LAKE_CONFLICT when one is gone.
 */
export type Change =
  | { readonly kind: 'append'; readonly files: readonly DataFile[] }
  | {
      readonly kind: 'replace'
      readonly partitions: ReadonlySet<PartitionKey>
      readonly files: readonly DataFile[]
    }
  | { readonly kind: 'overwrite'; readonly files: readonly DataFile[] }
  | {
      readonly kind: 'rewrite'
      readonly removed: ReadonlySet<string>
      readonly files: readonly DataFile[]
    }
  | { readonly kind: 'schema'; readonly columns: TableDefinition['columns'] }

export interface CommitOptions {
  /** Summary entries, prefixed `maru.` in the snapshot. */
  readonly summary?: Readonly<Record<string, string>>
  /** Everything else to be written in the transaction that swaps the pointer; `pointer` is the lake's to fill. */
  readonly publication?: Omit<Publication, 'pointer'>
}

export interface Lake {
  readonly folder: string
  /** undefined when there is no such table. */
  table(id: string): Promise<Table | undefined>
  /**
   * Creates the table with its first metadata file and no snapshot; returns the existing one when another writer was first.
   * Bucket and day columns must be among the columns (day: date) or a key (bucket).
   */
  create(definition: TableDefinition): Promise<Table>
  /**
   * Commits, retrying on conflict with other writers from the newest metadata (bounded, jittered) while the change still applies.
   * Throws LAKE_CONFLICT when it no longer does, STATE_FENCED when the lease in the publication was lost. Returns the new table.
   */
  commit(table: Table, change: Change, options?: CommitOptions): Promise<Table>
  /** Plans a read from the manifests; LAKE_NO_SNAPSHOT when the asked-for snapshot is gone. A table without snapshot has no files. */
  scan(table: Table, options?: ScanOptions): Promise<Scan>
  /** Removes snapshots beyond the rule (the current one stays) and the files only they needed. Journal is untouched. */
  expire(
    table: Table,
    rule: { readonly keepCount: number; readonly olderThanMs: number },
  ): Promise<{
    readonly table: Table
    readonly removedSnapshots: number
    readonly removedFiles: number
  }>
  /** The tables that lie in the folder, as their own files say, whether State knows them or not. For recovery. */
  findTables(): Promise<readonly Table[]>
  /** Removes files in the table folder that no snapshot names and that are older than the age; also folders of dropped tables. Returns paths. */
  removeOrphans(olderThanMs: number): Promise<readonly string[]>
  drop(table: Table): Promise<void>
  /** A fresh absolute path prefix for staging data files of the table: `<folder>/data`. The folder exists and is synced. */
  dataFolder(table: Table): Promise<string>
}

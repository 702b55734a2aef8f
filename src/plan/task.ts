/** A task is one table to be made: its rows' SQL, its partitions, what it reads and how partitions of an input map to its own. Plain data. */
import type { ColumnType, TableId, TableModel } from '../model/model.ts'
import type { PartitionSpec } from '../lake/lake.ts'

export interface Task {
  readonly id: TableId
  readonly table: TableModel
  /** The columns as stored, in order. */
  readonly columns: readonly StoredColumn[]
  readonly partition: PartitionSpec
  readonly rows: Rows
  readonly inputs: readonly TaskInput[]
  /** Tables that the checks read; they are built first, but their changes make nothing stale. */
  readonly references: readonly TableId[]
  readonly checks: readonly Check[]
  /** Hash of all that changes the result. */
  readonly version: string
  /** What a later plan compares with, by column. */
  readonly definition: TaskDefinition
}

export interface StoredColumn {
  readonly name: string
  readonly type: ColumnType
  readonly required: boolean
  readonly description: string
}

/**
 * How rows are made. `load`: from a source; `select` runs over the view `incoming`. `select`: over the inputs by their ids.
 * `versions`: over the inputs, one row per version without `version` and `recorded_at`, which the run carries over or gives anew.
 * `events`: the collector's table, made empty here.
 */
export interface Rows {
  readonly kind: 'load' | 'select' | 'versions' | 'events'
  /** One SELECT in the portable subset. */
  readonly sql: string
  /** versions: the object's key column. */
  readonly key?: string
}

export interface TaskInput {
  readonly id: TableId
  readonly mapping: PartitionMapping
  /** key_buckets: the activity's column that holds the object's key. */
  readonly reference?: string
}

/**
 * Which partitions of the task a changed partition of the input can change. `same_day`, `same_bucket`: the one of the same value (proven from the
 * bound plan). `key_buckets`: those of the keys whose activities changed. `from_instant`: the days from the journal entry's instant on. `all`: every one.
 */
export type PartitionMapping = 'same_day' | 'same_bucket' | 'key_buckets' | 'from_instant' | 'all'

/** A SELECT over `made`, `rest` and the reference tables by id, of the rows that break the rule. */
export interface Check {
  readonly name: string
  readonly describes: string
  readonly sql: string
}

export interface TaskDefinition {
  readonly sql: string
  readonly columns: readonly {
    readonly name: string
    readonly type: string
    readonly expression: string
  }[]
  /** Hash of what decides which rows there are. */
  readonly rows: string
  readonly inputs: readonly string[]
  readonly partition: string
  readonly zone: string
  readonly engine: string
}

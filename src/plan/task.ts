/** A task is one table to be made: its rows' SQL, its partitions, what it reads and how partitions of an input map to its own. Plain data. */
import type { Place } from '../base/errors.ts'
import type { ColumnType, TableId, TableModel, TouchesModel } from '../model/model.ts'
import type { PartitionSpec } from '../lake/lake.ts'
import type { Period } from './period.ts'

export interface Task {
  readonly id: TableId
  readonly table: TableModel | StatesTable
  /** The columns as stored, in order. */
  readonly columns: readonly StoredColumn[]
  readonly partition: PartitionSpec
  readonly rows: Rows
  readonly inputs: readonly TaskInput[]
  /** Of a merged table: what is joined to its rows when they are read. */
  readonly attached?: AttachedRows
  /** Activities and people over collected events. */
  readonly following?: Following
  /** Tables that the checks read; they are built first, but their changes make nothing stale. */
  readonly references: readonly TableId[]
  readonly checks: readonly Check[]
  /** Hash of all that changes the result. */
  readonly version: string
  /** What a later plan compares with, by column. */
  readonly definition: TaskDefinition
}

/** How a merged row comes by the attributes that are attached to it, whoever reads it. */
export interface AttachedRows {
  /** Of the row. */
  readonly alias: string
  /** In order: a condition names the row, its own alias and those before. */
  readonly joins: readonly AttachedJoin[]
}

export interface AttachedJoin {
  readonly table: TableId
  readonly alias: string
  readonly condition: string
  /** The column of the row that is as this column of the table; absent: the row tells by way of another join. */
  readonly equals?: { readonly row: string; readonly table: string }
}

/**
 * `append`: new rows of `events` alone give the new rows of the activity, as the bound plan proves. `rebuild`: partitions with new rows are made again.
 */
export type Following =
  | {
      readonly kind: 'append'
      /** The inputs that are the table of all events, or typed views of it. */
      readonly events: readonly TableId[]
      /** Source and id of the event flow into the activity's key, so that a new event has a new key. */
      readonly keyTellsEvent: boolean
    }
  /** What new events touch is made again, of the events needed for that: as the model says. */
  | {
      readonly kind: 'touch'
      readonly events: readonly TableId[]
      readonly touches: TouchesModel
    }
  | { readonly kind: 'rebuild'; readonly because: string }

/** A table that no file declares: states of metrics, kept so that questions need not read activities. */
export interface StatesTable {
  readonly kind: 'states'
  readonly id: TableId
  readonly place: Place
  readonly description: string
  /** For people: what one row is. */
  readonly grain: string
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
 * `events`: a table of the collector, made empty here.
 * `view`: typed rows of one event over the collector's table; nothing is stored. `indicators`: many groupings of the inputs, as `indicators` says.
 */
export interface Rows {
  readonly kind: 'load' | 'select' | 'versions' | 'events' | 'view' | 'indicators'
  /** One SELECT in the portable subset. */
  readonly sql: string
  /** versions: the object's key column. */
  readonly key?: string
  readonly indicators?: IndicatorPlan
}

/** All dimensions of one activity's states, period by period; see `run/indicators/`. The rows are (day, dimension, value, states). */
export interface IndicatorPlan {
  /** Columns that add up over any rows: `merged` is the SQL that makes one of several; `any` is whether one is true. */
  readonly states: readonly {
    readonly name: string
    readonly kind: 'sum' | 'count' | 'min' | 'max' | 'any'
    readonly type: ColumnType
    readonly merged: string
  }[]
  /** Exact counts of different values of the column `entity`, where `flag` is true (always when absent). */
  readonly distincts: readonly {
    readonly name: string
    readonly entity: string
    readonly flag?: string
  }[]
  readonly references: readonly IndicatorReference[]
  /** Dimensions that no reference has: a SELECT of value and all states each, over inputs restricted to one period by `$where`. */
  readonly others: readonly { readonly dimension: string; readonly sql: string }[]
}

/** Dimensions reached over one reference column of the activity. */
export interface IndicatorReference {
  /** The input with the states by the reference's key and versions. */
  readonly table: TableId
  /** By entity: the input in which each row is one entity, with the reference's key and versions. */
  readonly entities: Readonly<Record<string, TableId>>
  readonly groups: readonly IndicatorGroup[]
}

/** Dimensions that follow from one column of the states. */
export interface IndicatorGroup {
  /** The key or version column. */
  readonly column: string
  /** Alias under which the joins see the states' rows. */
  readonly alias: string
  readonly parts: readonly IndicatorPart[]
}

/** Dimensions that are joined in the same way. */
export interface IndicatorPart {
  /** Left joins, none of which changes how many rows there are. */
  readonly joins: string
  /** The one table whose columns the dimensions are, and its column that has the group's values, each once; absent when they lie behind several joins. */
  readonly stored?: { readonly table: TableId; readonly key: string }
  readonly dimensions: readonly {
    readonly dimension: string
    readonly sql: string
    readonly column: string
    readonly type: ColumnType
  }[]
}

export interface TaskInput {
  readonly id: TableId
  readonly mapping: PartitionMapping
  /** key_buckets: the activity's column that holds the object's key. */
  readonly reference?: string
  /** same_period: the period of the task's partitions. */
  readonly period?: Period
  /** Of a merged table: what is attached to its rows is read too. */
  readonly attached?: true
}

/**
 * Which partitions of the task a changed partition of the input can change. `same_day`, `same_bucket`: the one of the same value (proven from the
 * bound plan). `same_period`: the period that holds the day. `key_buckets`: those of the keys whose activities changed. `from_instant`: the days from the journal entry's instant on. `attached`: none,
 * as it is joined when the rows are read; days whose rows read otherwise now are found by the run, for the table's journal. `told`: those that the journal of the rows
 * to which it is attached tells. `all`: every one.
 */
export type PartitionMapping =
  | 'same_day'
  | 'same_period'
  | 'same_bucket'
  | 'key_buckets'
  | 'from_instant'
  | 'attached'
  | 'told'
  | 'all'

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

/**
 * The Model: everything a project declares, checked, resolved and serialisable. It is made once from the
 * declarations (`buildModel`) and is all that the rest of Maru knows of a project; nobody else reads declarations.
 * Plain readonly data with a `kind`, no functions, no cycles: `JSON.stringify(model)` is whole.
 */
import type { Place } from '../base/errors.ts'
import { nestedChoices, pathsOfChoice } from './algebra.ts'
import type { MetricModel, Predicate, RowChoice, Scalar, Selection, TableId } from './algebra.ts'

export * from './algebra.ts'

export type TableClass = 'raw' | 'obj' | 'act' | 'obj_attr' | 'merged'

export const tableClasses: readonly TableClass[] = ['raw', 'obj', 'act', 'obj_attr', 'merged']

/** A column's type. A `timestamp` is an instant in UTC microseconds; `local_timestamp` is a wall clock without a zone; `json` is text that holds JSON. */
export type ColumnType =
  | {
      readonly kind:
        | 'text'
        | 'integer'
        | 'number'
        | 'boolean'
        | 'timestamp'
        | 'local_timestamp'
        | 'date'
        | 'time'
        | 'uuid'
        | 'bytes'
        | 'json'
    }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'list'; readonly of: ColumnType }

export interface ColumnModel {
  readonly name: string
  readonly type: ColumnType
  readonly description: string
  readonly unit?: string
  /** Null is refused by the checks. */
  readonly required: boolean
  /** The object whose key the column holds. */
  readonly refers?: TableId
  /** `allowed`: a key that names no object is kept and reads as unknown; absent: the checks refuse it. */
  readonly orphans?: 'allowed'
  /** What the attribute is for an object of which no version holds yet: 0 for counts of activities, false for `any`, `key` for its key; absent: unknown. */
  readonly absent?: 0 | false | 'key'
  /** Ascending cuts of a number. The column then has a dimension `<path>.bucket`: see `bucketTexts`. */
  readonly buckets?: readonly number[]
  /** Words that access rules and the catalog use, for example `personal`. */
  readonly tags: readonly string[]
}

interface TableBase {
  readonly id: TableId
  readonly class: TableClass
  /** Relative to the project folder. */
  readonly place: Place
  readonly owner: string
  readonly description: string
  /** Declared columns in order, then those that Maru fills (see `filledColumns`). */
  readonly columns: readonly ColumnModel[]
}

/** How a raw table's rows come in. */
export type RawOrigin =
  | {
      readonly kind: 'files'
      readonly format: 'csv' | 'ndjson' | 'parquet'
      readonly globs: readonly string[]
      readonly csv?: CsvOptions
      readonly names?: Readonly<Record<string, string>>
    }
  | {
      readonly kind: 'database'
      readonly source: string
      readonly schema: string
      readonly table: string
      readonly names?: Readonly<Record<string, string>>
    }

/** `names` (above) maps a column to the field of the file, or the column of the database, that holds it, where the two differ. */
export interface CsvOptions {
  readonly delimiter?: string
  readonly header?: boolean
  readonly quote?: string
  /** Texts that mean null; an unquoted empty field is always null. */
  readonly nulls?: readonly string[]
  readonly encoding?: 'utf-8' | 'latin-1' | 'utf-16'
  /** strptime format of timestamps, when not ISO 8601. */
  readonly timestampFormat?: string
  readonly dateFormat?: string
  /** Skip space runs between fields: for files aligned by blanks. */
  readonly collapseSpaces?: boolean
}

export interface RawTableModel extends TableBase {
  readonly kind: 'raw_table'
  readonly origin: RawOrigin
  /** Names of the columns that identify a row, when there are such. */
  readonly key: readonly string[]
  /** A timestamp or date column by whose local day the table is partitioned. */
  readonly by?: string
}

/** One entry of the event catalog. */
export interface RawEventModel extends TableBase {
  readonly kind: 'raw_event'
  /** The event's name as clients send it. */
  readonly event: string
  /** Names of the declared properties among the columns. */
  readonly properties: readonly string[]
  readonly example: Readonly<Record<string, unknown>>
}

/** What the collector fills, whatever the catalog says: `raw.event`, `raw.quarantine` (see collected.ts). Entries of the catalog are typed views of the first. */
export interface CollectedModel extends TableBase {
  readonly kind: 'collected'
}

export interface ObjectModel extends TableBase {
  readonly kind: 'object'
  readonly key: string
  /** With history the transform yields one row per version: the key, `valid_from` and the attributes. */
  readonly history: boolean
  readonly sql: SqlModel
  readonly calendar?: CalendarModel
  /** Of an object over events. */
  readonly touches?: TouchesModel
}

/** How to make again only what new events touch. Texts of Maru itself, over all events and the new ones. */
export interface TouchesModel {
  /** SELECT of the keys whose rows may come out otherwise, once the new events are among all. */
  readonly keys: string
  /** SELECT of the events by which the rows of those keys, named `touched_keys`, can be made. */
  readonly events: string
}

/**
 * An object whose rows are days of a calendar of the project's own. Each of `grains` is a grain as `month` is one, by its name and after a date or an instant
 * (`alien_week`, `member.joined_at.alien_week`): the column's value in the row whose `day` is the local day; unknown where there is no row.
 * A value is a period; periods follow one another in the order of their first days.
 */
export interface CalendarModel {
  /** A date column, with one row per date. */
  readonly day: string
  readonly grains: readonly string[]
}

export interface ActivityModel extends TableBase {
  readonly kind: 'activity'
  readonly key: string
  /** The sentence: `{member} bought {product}`. */
  readonly says: string
  readonly actor: string
  readonly targets: readonly string[]
  readonly sql: SqlModel
  readonly checks: readonly CheckModel[]
}

/** One version group of an object's attributes: from SQL, or derived from activities. */
export interface AttributesModel extends TableBase {
  readonly kind: 'attributes'
  readonly object: TableId
  /** The object's key under its own name, the first column; it has no `refers` of its own. */
  readonly key: string
  /** As in ColumnModel, for the key. */
  readonly orphans?: 'allowed'
  /** `sql` yields the key, `valid_from` (when `history`) and the attributes; `derived` is one selection per attribute and always has history. */
  readonly history: boolean
  readonly from:
    | { readonly kind: 'sql'; readonly sql: SqlModel }
    | { readonly kind: 'derived'; readonly attributes: readonly DerivedAttribute[] }
}

export interface DerivedAttribute {
  readonly name: string
  readonly selection: Selection
}

/**
 * An activity with the attributes of its actor and targets as they were then. One exists for every activity. `columns` are the activity's and
 * `day`; version keys and attached columns are listed apart.
 */
export interface MergedModel extends TableBase {
  readonly kind: 'merged'
  readonly activity: TableId
  /** Version groups to attach by version key, one per reference column and group with history. */
  readonly versions: readonly MergedVersion[]
  /** What the wide reading of the table offers beyond the activity's own columns. */
  readonly attached: readonly AttachedColumn[]
  /** Columns computed when asked: what the actor's activities are, seen from each row. A question names them like columns of the activity. */
  readonly related?: readonly RelatedColumn[]
  /** Whether a file of the project overrides the derived declaration. */
  readonly declared: boolean
}

export interface MergedVersion {
  /** The physical column: `member__habit_version`. */
  readonly column: string
  /** The reference column of the activity. */
  readonly reference: string
  /** The object or attributes table with history. */
  readonly group: TableId
}

/** `member__country` = attribute `country` of `obj.member`, reached by the reference columns in `path`. */
export interface AttachedColumn {
  readonly column: string
  readonly path: readonly string[]
  readonly table: TableId
  readonly attribute: string
}

/**
 * One value per row of the activity: the selection at (actor, the row). It never changes how many rows there are. `column` has the name, type and texts;
 * `absent` is what it is where nothing is selected.
 */
export interface RelatedColumn {
  readonly column: ColumnModel
  readonly selection: Selection
}

export type TableModel =
  | RawTableModel
  | RawEventModel
  | CollectedModel
  | ObjectModel
  | ActivityModel
  | AttributesModel
  | MergedModel

/** A declared check beyond those that the columns imply: the predicate holds on every row. */
export interface CheckModel {
  readonly name: string
  readonly predicate: Predicate
}

/** A SQL text with references still as ids. `parts` alternate freely. */
export interface SqlModel {
  readonly parts: readonly SqlPart[]
  /** Indexes in `parts` of the template's own text; what stands between came from `${…}`. Absent: every other part, from the first. */
  readonly chunks?: readonly number[]
  /** Of the opening back tick. */
  readonly place: Place
}

export type SqlPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'table'; readonly id: TableId }
  | { readonly kind: 'value'; readonly value: Scalar }

export interface Model {
  readonly formatVersion: 1
  /** IANA name; a day is a local day here. */
  readonly zone: string
  readonly currency?: string
  /** Sorted by id. */
  readonly tables: readonly TableModel[]
  /** Sorted by id. */
  readonly metrics: readonly MetricModel[]
}

/** Columns that Maru adds to what the author declares, by kind of table; their names are reserved. */
export const filledColumns = {
  /** activities, merged, raw tables with `by`: the local day, which is also the partition. */
  day: 'day',
  /** objects and attributes with history: the half-open interval and when Maru first saw the version. */
  validFrom: 'valid_from',
  validTo: 'valid_to',
  recordedAt: 'recorded_at',
  /** objects and attributes with history: the dense integer key of the version, unique in the table. */
  version: 'version',
  /** objects, attributes and database tables: the partition, a hash of the key. */
  bucket: 'bucket',
  /** raw tables of files: which file the row came from. */
  sourceFile: 'source_file',
} as const

/** The columns of a table as SQL sees them: a merged table is seen wide, with what it attaches described as where it comes from. */
export function visibleColumns(
  table: TableModel,
  tables: ReadonlyMap<TableId, TableModel>,
): readonly ColumnModel[] {
  if (table.kind !== 'merged') return table.columns
  const own = new Set(table.columns.map((column) => column.name))
  const attached = table.attached.flatMap((each): ColumnModel[] => {
    const column = tables
      .get(each.table)
      ?.columns.find((candidate) => candidate.name === each.attribute)
    return column === undefined || own.has(each.column) ? [] : [{ ...column, name: each.column }]
  })
  return [...table.columns, ...attached]
}

/**
 * The dimension `<path>.bucket` of a column with cuts, as text in the order of the numbers: with cuts 0 and 10 it is `1: below 0`, `2: 0 to below 10`, `3: from 10`;
 * the place is padded with zeros to the width of the last. An unknown number is in no bucket.
 */
export function bucketTexts(cuts: readonly number[]): readonly string[] {
  const width = String(cuts.length + 1).length
  return [...cuts, undefined].map((end, at) => {
    const start = cuts[at - 1]
    const range =
      start === undefined
        ? `below ${end}`
        : end === undefined
          ? `from ${start}`
          : `${start} to below ${end}`
    return `${String(at + 1).padStart(width, '0')}: ${range}`
  })
}

/**
 * Every table that a selection reads: its activity, its anchors' activities, and the objects and attributes that its paths lead to. What `same` reads of the
 * anchor's row is among these when the anchor is chosen; in a related column the base row is the caller's.
 */
export function tablesOfSelection(
  selection: Selection,
  tables: ReadonlyMap<TableId, TableModel>,
): ReadonlySet<TableId> {
  const read = new Set<TableId>()
  for (const choice of nestedChoices(selection)) {
    read.add(choice.activity)
    const paths = [...pathsOfChoice(choice), ...anchorPaths(selection, choice)]
    for (const path of paths) addTablesOfPath(read, { tables, from: choice.activity, path })
  }
  if (selection.take.column !== undefined)
    addTablesOfPath(read, { tables, from: selection.activity, path: selection.take.column })
  return read
}

/** The paths by which `same` of another choice reads the row that this one chooses. */
function anchorPaths(root: RowChoice, anchor: RowChoice): readonly string[] {
  return nestedChoices(root).flatMap(({ window, same }) => {
    const at = (window?.from ?? window?.to)?.at
    return at?.kind === 'chosen' && at.choice === anchor
      ? (same ?? []).map((pair) => pair.anchor)
      : []
  })
}

interface Walk {
  readonly tables: ReadonlyMap<TableId, TableModel>
  readonly from: TableId
  readonly path: string
}

function addTablesOfPath(read: Set<TableId>, { tables, from, path }: Walk): void {
  let holders = [tables.get(from)]
  for (const name of path.replace(/@.*$/, '').split('.')) {
    const holder = holders.find((table) => table?.columns.some((column) => column.name === name))
    if (holder === undefined) return
    read.add(holder.id)
    const refers = holder.columns.find((column) => column.name === name)?.refers
    if (refers === undefined) return
    holders = [...tables.values()].filter(
      (table) => table.id === refers || (table.kind === 'attributes' && table.object === refers),
    )
  }
}

/**
 * Port: where raw rows come from. A source brings a table's rows into the engine as something that can be selected from; the caller stages
 * and commits them. Change capture will be a second method here (`changes(position)`), with the position kept in the same publication.
 *
 * Promises (source.suite.ts): a snapshot is consistent (one instant for all tables read through one open source); a failure in the middle
 * leaves nothing behind but files in the given folder; SOURCE_UNREACHABLE (retry later) apart from SOURCE_CHANGED and SOURCE_BAD_ROW (retry never).
 */
import { filledColumns } from '../model/model.ts'
import type { ColumnModel, ColumnType, RawTableModel } from '../model/model.ts'
import type { Session } from '../engine/engine.ts'

export interface Source {
  /**
   * What there is to load of this table, given what is loaded already (values of scope `ingest/<table>`; empty: load all anew).
   * SOURCE_MISSING when what the declaration names is not there.
   */
  detect(table: RawTableModel, loaded: ReadonlyMap<string, string>): Promise<Detection>
  /**
   * Makes the detected rows readable in the session as the named temporary table with the declared columns and types, and `source_file` for files;
   * spools in `folder`. The rows are those that the detection's marks stand for, else it fails and nothing is to be published.
   */
  read(
    table: RawTableModel,
    detection: Detection,
    into: {
      readonly session: Session
      readonly name: string
      readonly folder: string
      readonly signal?: AbortSignal
    },
  ): Promise<void>
  /** The source's own description of its tables, for `maru pull`. */
  describe(): Promise<readonly SourceTable[]>
  close(): Promise<void>
}

/** `nothing`: all is loaded. `whole`: the rows replace what the table holds. `files`: these files' rows are added, `replaced` files' rows go first. */
export type Detection =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'whole'; readonly marks: ReadonlyMap<string, string | null> }
  | {
      readonly kind: 'files'
      readonly added: readonly string[]
      readonly replaced: readonly string[]
      readonly removed: readonly string[]
      readonly marks: ReadonlyMap<string, string | null>
    }

export interface SourceTable {
  readonly schema: string
  readonly name: string
  readonly description?: string
  readonly key: readonly string[]
  readonly columns: readonly SourceColumn[]
}

export interface SourceColumn {
  readonly name: string
  /** The source's own type name: `numeric(12,2)`. */
  readonly nativeType: string
  readonly type: ColumnType
  readonly required: boolean
  readonly description?: string
  /** Table and column that a foreign key names. */
  readonly refers?: { readonly schema: string; readonly table: string; readonly column: string }
}

/** The columns that a source fills: those declared, with the name that each has in the file or the database. */
export function declaredColumns(
  table: RawTableModel,
): readonly (Pick<ColumnModel, 'name' | 'type'> & { readonly field: string })[] {
  const { origin } = table
  const names = origin.names ?? {}
  const isFilled = (name: string): boolean =>
    (name === filledColumns.day && table.by !== undefined) ||
    (name === filledColumns.sourceFile && origin.kind === 'files')
  return table.columns
    .filter((column) => !isFilled(column.name))
    .map(({ name, type }) => ({ name, type, field: names[name] ?? name }))
}

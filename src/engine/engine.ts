/**
 * Port: an engine runs SQL. It sees tables by their ids (`act.purchase`, `raw.shop.orders`), bound per session to data files, empty
 * columns or other SQL; returns rows; or stages rows as Parquet files with statistics for the lake to commit.
 *
 * Promises (engine.suite.ts):
 * - Sessions are isolated: what one binds, another does not see.
 * - The session zone is the project's: casts between text, date and instants use it.
 * - Staged files are zstd Parquet with Iceberg field ids; they are NOT yet synced: the caller syncs files and folders.
 * - A failed statement leaves no staged file behind that is not reported; leftovers are orphans for upkeep.
 * - SQL_BIND with the position in the text for what does not bind; ENGINE_MEMORY, DISK_FULL, SOURCE_BAD_ROW apart from ENGINE_FAILED.
 */
import { isMaruError } from '../base/errors.ts'
import type { ColumnType, ColumnModel, CsvOptions } from '../model/model.ts'
import type {
  Bound,
  ColumnStatistics,
  DataFile,
  PartitionSpec,
  Scan,
  Schema,
} from '../lake/lake.ts'

export interface Engine {
  readonly can: EngineCapabilities
  /** Part of every task's version: results may differ between engines of different version. */
  readonly version: string
  open(options: SessionOptions): Promise<Session>
  close(): Promise<void>
}

export interface EngineCapabilities {
  readonly asOfJoin: boolean
  /** Files of these formats can be read as sources. */
  readonly formats: readonly ('csv' | 'ndjson' | 'parquet')[]
}

export interface SessionOptions {
  readonly zone: string
  readonly memoryLimitBytes?: number
  readonly threads?: number
  /** Where the engine may spill. */
  readonly temporaryFolder?: string
  /** For text of users: no SQL of the session reads a file outside these folders or writes one, and none changes a setting. Absent: no limit. */
  readonly readFolders?: readonly string[]
}

export interface Session {
  /** An empty table of this shape, for binding without data. */
  bindEmpty(id: string, columns: readonly Pick<ColumnModel, 'name' | 'type'>[]): Promise<void>
  /** The rows of a planned scan. Columns are found by field id; one that a file lacks reads as null. */
  bindScan(id: string, scan: Scan): Promise<void>
  /** A view; `sql` may name what is bound already. */
  bindView(id: string, sql: string): Promise<void>
  unbind(id: string): Promise<void>
  /**
   * Makes the rows of files from outside the temporary table `name`: all of them, or none and SOURCE_BAD_ROW with file, line, column, value, what was
   * expected and how many rows are so. A value is never rounded or cut to fit: see `SourceFiles`.
   */
  readFiles(name: string, request: SourceFiles): Promise<void>

  /** Runs one SELECT and returns all rows, at most `rowsMax` (then `truncated`). */
  query(
    sql: string,
    options?: { readonly rowsMax?: number; readonly signal?: AbortSignal },
  ): Promise<Result>
  /**
   * Columns of numbers of one SELECT, some rows at a time, for arithmetic outside of the engine: unsigned integers and `double`; 64 bits come as two numbers, the lower
   * half first. No value may be null. The arrays are the engine's: what is kept is copied in `take`.
   */
  readNumbers(
    sql: string,
    take: (columns: readonly NumberColumn[], rows: number) => void,
  ): Promise<void>
  /** Adds rows to a temporary table whose columns are of the arrays' types. */
  appendNumbers(table: string, columns: readonly NumberColumn[]): Promise<void>
  /** Adds rows to a table of texts and integers that `bindEmpty` made; `columns`: all of its names, in its order. What half a character is becomes U+FFFD. */
  appendRows(id: string, columns: readonly string[], rows: readonly RowToAppend[]): Promise<void>
  /** Runs a statement for its effect in this session (temporary tables). Not for user text. */
  run(sql: string): Promise<void>
  /** Writes the rows of one SELECT as data files split by the partition, one or more files each, and returns them with statistics. */
  stage(request: StageRequest): Promise<readonly DataFile[]>
  /** Order-independent content hash and row count by partition, over `columns` of the SELECT. Hashes of disjoint rows add up: see `addFingerprints`. */
  fingerprint(
    sql: string,
    columns: readonly string[],
    partition: PartitionSpec,
  ): Promise<ReadonlyMap<string, { readonly fingerprint: string; readonly rows: number }>>
  /** Binds one SELECT without running it. */
  bind(sql: string): Promise<Binding>
  /** SQL for the bucket number (Iceberg's murmur3 rule) of a column of this type. */
  bucketExpression(column: string, type: ColumnType, count: number): string
  /** SQL of an unsigned 64-bit hash of a value; equal values have equal hashes within the session. Null has one too. */
  hashExpression(sql: string): string
  close(): Promise<void>
}

/** `utinyint`, `usmallint`, `uinteger`, `double`. */
export type NumberColumn = Uint8Array | Uint16Array | Uint32Array | Float64Array

/** Of columns by their names: texts, safe integers; absent is null. */
export type RowToAppend = Readonly<Record<string, string | number | null>>

/**
 * Files of rows. Texts (CSV fields, JSON scalars) are cast strictly: an integer may end in `.0`; a decimal may not have more digits than its scale;
 * instants without an offset are local times of the session's zone, and lie in the years 1 to 9999; bytes are hex, with or without `\x`; a list is a JSON array.
 */
export interface SourceFiles {
  readonly format: 'csv' | 'ndjson' | 'parquet'
  readonly files: readonly SourceFile[]
  /** `field`: the name in the file, where it is not the column's. */
  readonly columns: readonly {
    readonly name: string
    readonly type: ColumnType
    readonly field?: string
  }[]
  readonly csv?: Omit<CsvOptions, 'header' | 'encoding' | 'collapseSpaces'>
  /** A text column to fill with the label of each row's file. */
  readonly labelColumn?: string
}

export interface SourceFile {
  /** Absolute. UTF-8 and not compressed, unless Parquet. */
  readonly path: string
  /** What errors and `labelColumn` call it. */
  readonly label: string
  /** CSV: names of the fields in this file's order. */
  readonly fields?: readonly string[]
  /** CSV: the first record is a header, to be skipped. */
  readonly header?: boolean
  /** The number of its first line in the file that it was cut from; 1 when whole. */
  readonly firstLine?: number
  /** Written by a source on the way: errors name no line. */
  readonly isSpool?: boolean
}

export interface StageRequest {
  readonly sql: string
  readonly schema: Schema
  readonly partition: PartitionSpec
  /** Absolute folder, `<table>/data`; paths in the answer are relative to its parent. */
  readonly dataFolder: string
  readonly sort?: readonly string[]
  /** Where readers look for few neighbouring rows: files are read in pieces of about so many. */
  readonly pieceRows?: number
}

export interface Result {
  readonly columns: readonly { readonly name: string; readonly type: ColumnType }[]
  /**
   * Values by type: text, uuid, json → string; integer → number when safe, else bigint; decimal → string of digits; number → number;
   * timestamp → ISO 8601 with `Z` and microseconds when there are any; local_timestamp → the same without `Z`; date → YYYY-MM-DD;
   * bytes → hex text; list → array; null → null.
   */
  readonly rows: readonly (readonly Value[])[]
  readonly truncated: boolean
}

export type Value = string | number | bigint | boolean | null | readonly Value[]

/** What a SELECT is, as the engine's own binder says. */
export interface Binding {
  readonly columns: readonly { readonly name: string; readonly type: ColumnType }[]
  /** Tables read, as ids. */
  readonly tables: readonly string[]
  readonly lineage: Lineage
  /** Every syntax element, function and type the text uses, by the portable subset's names; `offset` counts characters from 0. */
  readonly constructs: readonly {
    readonly kind: 'syntax' | 'function' | 'type'
    readonly name: string
    readonly offset?: number
  }[]
}

export interface Lineage {
  /** Like `expression`, of all that decides which rows there are: joins, filters, groups, limits. */
  readonly rows?: string
  /** For each output column, the source columns that flow into it. */
  readonly columns: readonly ColumnLineage[]
  /** Source columns that decide which rows there are or their order. */
  readonly uses: readonly {
    readonly table: string
    readonly column: string
    readonly kind: 'filter' | 'join' | 'group' | 'order'
  }[]
  /** Bounds that every row read of the table meets, where plain comparisons with constants say so: a reader may leave other files closed. Absent: not looked for. */
  readonly bounds?: readonly {
    readonly table: string
    readonly column: string
    readonly lower?: Bound
    readonly upper?: Bound
  }[]
  /**
   * Source columns c such that every output row is made only of rows of c's table that share one value of c, namely the value in the
   * output column `output`: the proof that a partition of the input by c maps to the same partition of the output.
   */
  readonly preserved: readonly {
    readonly table: string
    readonly column: string
    readonly output: string
  }[]
  /** The same of the local day in `zone` of an instant c: all rows share it, and the date column `output` holds it, or the instant `output` lies in it. */
  readonly preservedDays?: readonly {
    readonly table: string
    readonly column: string
    readonly zone: string
    readonly output: string
  }[]
  /**
   * Sets of tables over whose rows the SELECT adds up: its rows for A and B together are those for A and those for B, all other tables as they are. The proof
   * that new rows alone give the new rows of the result. Absent: not looked for.
   */
  readonly additive?: readonly (readonly string[])[]
}

export interface ColumnLineage {
  readonly output: string
  /** A text that is equal exactly when the column is computed in the same way from the same source columns (aliases and layout left out). */
  readonly expression?: string
  readonly sources: readonly {
    readonly table: string
    readonly column: string
    readonly kind: 'identity' | 'transform' | 'aggregate' | 'window'
  }[]
}

/** The fingerprint of the rows of both: 128 bits as hex, two sums modulo 2^64. */
export function addFingerprints(left: string, right: string): string {
  return combineFingerprints(left, right, 1n)
}

/** The fingerprint of the rows of the first without those of the second, which are among them. */
export function subtractFingerprints(all: string, part: string): string {
  return combineFingerprints(all, part, -1n)
}

function combineFingerprints(left: string, right: string, sign: 1n | -1n): string {
  const half = (text: string, from: number): bigint => BigInt(`0x${text.slice(from, from + 16)}`)
  return [0, 16]
    .map((from) => BigInt.asUintN(64, half(left, from) + sign * half(right, from)))
    .map((sum) => sum.toString(16).padStart(16, '0'))
    .join('')
}

/** The cause of a SQL_BIND error: where in the text the fault is, in characters from 0. */
export interface BindFault {
  readonly kind: 'bind_fault'
  readonly offset?: number
}

/** The place of the fault that `bind`, `query` or `bindView` refused; undefined when the engine does not say. */
export function bindErrorOffset(error: unknown): number | undefined {
  const cause = isMaruError(error) ? error.cause : undefined
  if (
    typeof cause !== 'object' ||
    cause === null ||
    !('kind' in cause) ||
    cause.kind !== 'bind_fault'
  )
    return undefined
  return (cause as BindFault).offset
}

export type { ColumnStatistics }

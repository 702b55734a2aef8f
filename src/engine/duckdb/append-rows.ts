/** Rows of this process into a table of the session: without a file between, that would be written, read and parsed. */
import { randomUUID } from 'node:crypto'
import type { DuckDBAppender, DuckDBConnection } from '@duckdb/node-api'
import type { RowToAppend } from '../engine.ts'
import type { DuckdbApi } from './api.ts'
import { quoteName, quoteText } from './names.ts'

/** Rows of a vector. */
const vectorRowsMax = 2048

export interface AppendRows {
  readonly api: DuckdbApi
  readonly connection: DuckDBConnection
  readonly table: string
  /** Names of the table's columns, in its order. */
  readonly columns: readonly string[]
  readonly rows: readonly RowToAppend[]
}

export async function appendRows(append: AppendRows): Promise<void> {
  const zeros: Zeros = { mark: randomUUID(), columns: new Set() }
  const appender = await append.connection.createAppender(append.table)
  try {
    appendVectors(appender, append, zeros)
    appender.flushSync()
  } finally {
    appender.closeSync()
  }
  const mark = quoteText(zeros.mark)
  for (const column of [...zeros.columns].map(quoteName))
    await append.connection.run(
      `update ${quoteName(append.table)} set ${column} = replace(${column}, ${mark}, chr(0)) where contains(${column}, ${mark})`,
    )
}

/** The package cuts a text at a zero character; a mark stands for it on the way. */
interface Zeros {
  readonly mark: string
  readonly columns: Set<string>
}

function appendVectors(
  appender: DuckDBAppender,
  { api, columns, rows }: AppendRows,
  zeros: Zeros,
): void {
  // One for all: a new one would take new memory each time.
  const chunk = api.DuckDBDataChunk.create(columns.map((_, at) => appender.columnType(at)))
  for (let from = 0; from < rows.length; from += vectorRowsMax) {
    const part = rows.slice(from, from + vectorRowsMax)
    chunk.reset()
    chunk.rowCount = part.length
    for (const [at, column] of columns.entries())
      chunk.setColumnValues(
        at,
        part.map((row) => valueOf(row[column], column, zeros)),
      )
    appender.appendDataChunk(chunk)
  }
}

function valueOf(
  value: RowToAppend[string] | undefined,
  column: string,
  zeros: Zeros,
): string | bigint | null {
  if (typeof value === 'number') return BigInt(value)
  if (value?.includes('\0') !== true) return value ?? null
  zeros.columns.add(column)
  return value.replaceAll('\0', zeros.mark)
}

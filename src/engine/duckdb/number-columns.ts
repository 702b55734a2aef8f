/** Columns of numbers between the engine and typed arrays, whole vectors at a time: a value by itself would cost more than what is done with it. */
import type {
  DuckDBConnection,
  DuckDBPreparedStatement,
  DuckDBType,
  DuckDBVector,
} from '@duckdb/node-api'
import { assert } from '../../base/errors.ts'
import type { NumberColumn } from '../engine.ts'
import type { DuckdbApi } from './api.ts'

/** Rows of a vector. */
const rowsMax = 2048

export async function readNumberColumns(
  prepared: DuckDBPreparedStatement,
  take: (columns: readonly NumberColumn[], rows: number) => void,
): Promise<void> {
  const result = await prepared.stream()
  const count = result.columnCount
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop
    const chunk = await result.fetchChunk()
    if (chunk === null || chunk.rowCount === 0) return
    const columns = Array.from({ length: count }, (_, at) => numbersOf(chunk.getColumnVector(at)))
    take(columns, chunk.rowCount)
  }
}

export async function appendNumberColumns(
  to: {
    readonly api: DuckdbApi
    readonly connection: DuckDBConnection
    readonly table: string
  },
  columns: readonly NumberColumn[],
): Promise<void> {
  const { api, connection, table } = to
  const types = columns.map((column) => typeOf(api, column))
  const rows = columns[0]?.length ?? 0
  const appender = await connection.createAppender(table)
  try {
    // One for all: a new one would take new memory each time.
    const chunk = api.DuckDBDataChunk.create(types)
    for (let from = 0; from < rows; from += rowsMax) {
      chunk.reset()
      chunk.rowCount = Math.min(rowsMax, rows - from)
      for (const [at, column] of columns.entries()) {
        const vector = chunk.getColumnVector(at)
        numbersOf(vector).set(column.subarray(from, from + chunk.rowCount))
        vector.flush()
      }
      appender.appendDataChunk(chunk)
    }
    appender.flushSync()
  } finally {
    appender.closeSync()
  }
}

/** The package's vectors of numbers hold them in one array, which its types keep to themselves. */
function numbersOf(vector: DuckDBVector): NumberColumn {
  const { items } = vector as unknown as { readonly items: unknown }
  // Two halves of 32 bits, the lower first: arithmetic on 64 bits is slow here.
  if (items instanceof BigUint64Array)
    return new Uint32Array(items.buffer, items.byteOffset, items.length * 2)
  assert(
    items instanceof Float64Array ||
      items instanceof Uint32Array ||
      items instanceof Uint16Array ||
      items instanceof Uint8Array,
    `${vector.type.toString()} is no column of numbers`,
  )
  return items
}

function typeOf(api: DuckdbApi, column: NumberColumn): DuckDBType {
  if (column instanceof Float64Array) return api.DOUBLE
  if (column instanceof Uint32Array) return api.UINTEGER
  return column instanceof Uint16Array ? api.USMALLINT : api.UTINYINT
}

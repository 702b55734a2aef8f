/** Rows of a prepared SELECT, read in pieces and no further than asked for. */
import type { DuckDBPreparedStatement } from '@duckdb/node-api'
import type { Result, Value } from '../engine.ts'
import { columnType } from './types.ts'
import { converterOf, type Convert } from './values.ts'

export async function fetchRows(
  prepared: DuckDBPreparedStatement,
  rowsMax: number = Number.POSITIVE_INFINITY,
): Promise<Result> {
  const result = await prepared.stream()
  const types = result.columnTypes()
  const columns = result
    .columnNames()
    .map((name, index) => ({ name, type: columnType(types[index]!) }))
  const converters = types.map(converterOf)
  const rows: Value[][] = []
  // One row more than asked for tells whether there are more.
  while (rows.length <= rowsMax) {
    // oxlint-disable-next-line no-await-in-loop
    const chunk = await result.fetchChunk()
    if (chunk === null || chunk.rowCount === 0) break
    appendChunk(rows, chunk, converters)
  }
  const truncated = rows.length > rowsMax
  if (truncated) rows.length = rowsMax
  return { columns, rows, truncated }
}

type Chunk = NonNullable<
  Awaited<ReturnType<Awaited<ReturnType<DuckDBPreparedStatement['stream']>>['fetchChunk']>>
>

function appendChunk(rows: Value[][], chunk: Chunk, converters: readonly Convert[]): void {
  const first = rows.length
  for (let row = 0; row < chunk.rowCount; row++)
    rows.push(Array.from<Value>({ length: converters.length }))
  for (const [column, convert] of converters.entries()) {
    const vector = chunk.getColumnVector(column)
    for (let row = 0; row < chunk.rowCount; row++) {
      const value = vector.getItem(row)
      rows[first + row]![column] = value === null ? null : convert(value)
    }
  }
}

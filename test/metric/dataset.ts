/** Small tables in memory, and the same tables in DuckDB under the names that compiled questions read. */
import { after, before } from 'node:test'
import { sqlType } from '../../src/model/column-type.ts'
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api'
import {
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBInstance,
  DuckDBListValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
} from '@duckdb/node-api'
import type { ColumnType, Model, TableModel } from '../../src/model/model.ts'
import { groupsOf } from './build-model.ts'
import { versionAt } from './reference-row.ts'
import { cellsText, dayOf } from './rows.ts'
import type { Cell, Dataset, Row } from './rows.ts'

/** Within `describe`: a DuckDB in memory with what ids resolve to, from before its tests until after them. */
export function useMemory(take: (connection: DuckDBConnection) => void): void {
  let close = (): void => undefined
  before(async () => {
    const instance = await DuckDBInstance.create(':memory:')
    const connection = await instance.connect()
    close = () => {
      connection.closeSync()
      instance.closeSync()
    }
    for (const name of ['raw', 'obj', 'act', 'obj_attr', 'merged', 'stored'])
      await connection.run(`attach ':memory:' as ${name}`)
    take(connection)
  })
  after(() => close())
}

export async function load(
  connection: DuckDBConnection,
  model: Model,
  dataset: Dataset,
): Promise<void> {
  await connection.run(`set TimeZone = '${model.zone}'`)
  const statements: string[] = []
  for (const table of model.tables) {
    if (table.kind === 'object' || table.kind === 'attributes')
      statements.push(tableSql(table.id, table.columns, dataset.get(table.id) ?? []))
    if (table.kind !== 'merged') continue
    const columns = [
      ...table.columns,
      ...table.versions.map(({ column }) => ({ name: column, type: { kind: 'integer' } as const })),
    ]
    statements.push(
      tableSql(table.id.replace('merged.', 'stored.'), columns, storedRows(model, dataset, table)),
    )
  }
  await connection.run(statements.join(';\n'))
}

/** Activity rows with their local day and the versions that held. */
function storedRows(
  model: Model,
  dataset: Dataset,
  merged: Extract<TableModel, { kind: 'merged' }>,
): readonly Row[] {
  const activity = model.tables.find((table) => table.id === merged.activity)!
  return (dataset.get(merged.activity) ?? []).map((row) => {
    const stored: Record<string, Cell> = { ...row, day: dayOf(row, model.zone) }
    for (const { column, reference, group } of merged.versions) {
      const refers = activity.columns.find((candidate) => candidate.name === reference)!.refers
      const table = groupsOf(refers, model.tables).find((candidate) => candidate.id === group)!
      const version = versionAt(dataset.get(group) ?? [], {
        keyColumn: table.key,
        key: row[reference] ?? null,
        instant: row['occurred_at'] as bigint | null,
      })
      stored[column] = version?.['version'] ?? null
    }
    return stored
  })
}

function tableSql(
  id: string,
  columns: readonly { readonly name: string; readonly type: ColumnType }[],
  rows: readonly Row[],
): string {
  const names = columns.map(({ name }) => name)
  const schema =
    id.split('.').length === 3
      ? `create schema if not exists ${id.slice(0, id.lastIndexOf('.'))};\n`
      : ''
  const shape = `${schema}create or replace table ${id} (${columns.map(({ name, type }) => `${name} ${sqlType(type)}`).join(', ')})`
  if (rows.length === 0) return shape
  const values = rows.map(
    (row) => `(${columns.map(({ name, type }) => cellSql(row[name] ?? null, type)).join(', ')})`,
  )
  return `${shape};\ninsert into ${id} (${names.join(', ')}) values ${values.join(',\n')}`
}

function cellSql(cell: Cell, type: ColumnType): string {
  if (cell === null) return 'null'
  if (type.kind === 'timestamp') return `make_timestamptz(${String(cell)})`
  return typeof cell === 'string' ? `'${cell.replaceAll("'", "''")}'` : String(cell)
}

/** Rows of a SELECT as cells. */
export async function query(
  connection: DuckDBConnection,
  sql: string,
): Promise<readonly (readonly Cell[])[]> {
  const result = await connection.runAndReadAll(sql)
  return result.getRows().map((row) => row.map(cellOf))
}

function cellOf(value: DuckDBValue): Cell {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number') return value
  if (typeof value === 'bigint') return Number(value)
  if (value instanceof DuckDBDateValue) return value.toString()
  if (value instanceof DuckDBDecimalValue) return value.toString()
  if (value instanceof DuckDBTimestampTZValue) return value.micros
  if (value instanceof DuckDBTimestampValue) return value.toString()
  if (value instanceof DuckDBListValue) return cellsText(value.items.map(cellOf))
  return String(value)
}

/** Writes real Parquet files with statistics for tests of the lake, with DuckDB alone, and reads them back as texts. */
import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import type { DuckDBConnection } from '@duckdb/node-api'
import { bucketOf } from '../../src/lake/lake.ts'
import type { Bound, ColumnStatistics, DataFile, Field, Scan, Table } from '../../src/lake/lake.ts'
import { dayNumber } from '../../src/base/time.ts'
import type { ColumnType } from '../../src/model/model.ts'

export async function openDuckdb(): Promise<DuckDBConnection> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  const connection = await instance.connect()
  await connection.run(`set timezone = 'UTC'`)
  return connection
}

export type Texts = readonly (string | null)[]

/** Rows as texts, sorted, so that row lists of different engines compare. */
export function sorted(rows: readonly Texts[]): Texts[] {
  return rows.toSorted((left, right) => JSON.stringify(left).localeCompare(JSON.stringify(right)))
}

export async function rowsOf(connection: DuckDBConnection, sql: string): Promise<Texts[]> {
  const result = await connection.runAndReadAll(sql)
  return result
    .getRowsJson()
    .map((row) => row.map((value) => (typeof value === 'string' ? value : null)))
}

const sqlNames = {
  text: 'varchar',
  integer: 'bigint',
  number: 'double',
  boolean: 'boolean',
  timestamp: 'timestamptz',
  local_timestamp: 'timestamp',
  date: 'date',
  time: 'time',
  uuid: 'uuid',
  bytes: 'blob',
  json: 'varchar',
} as const

export function sqlType(type: ColumnType): string {
  if (type.kind === 'decimal') return `decimal(${type.precision}, ${type.scale})`
  return type.kind === 'list' ? `${sqlType(type.of)}[]` : sqlNames[type.kind]
}

/** The same texts as canonical.py. */
function canonicalSql(field: Field): string {
  const { name, type } = field
  if (type.kind === 'timestamp' || type.kind === 'local_timestamp')
    return `strftime(${name}, '%Y-%m-%d %H:%M:%S.%f')`
  if (type.kind === 'time') return `strftime(date '2000-01-01' + ${name}, '%H:%M:%S.%f')`
  if (type.kind === 'bytes') return `hex(${name})`
  if (type.kind === 'list') return `replace(${name}::varchar, 'NULL', 'null')`
  return `${name}::varchar`
}

export async function textsOf(
  connection: DuckDBConnection,
  from: string,
  fields: readonly Field[],
): Promise<Texts[]> {
  return sorted(
    await rowsOf(connection, `select ${fields.map(canonicalSql).join(', ')} from ${from}`),
  )
}

/** What DuckDB reads of a planned scan, column by field id. */
export async function readScan(connection: DuckDBConnection, scan: Scan): Promise<Texts[]> {
  if (scan.files.length === 0) return []
  const files = scan.files.map((file) => `'${file.path}'`).join(', ')
  const columns = scan.schema.fields.map(
    (field) =>
      `${field.id}: {name: '${field.name}', type: '${sqlType(field.type)}', default_value: null}`,
  )
  return textsOf(
    connection,
    `read_parquet([${files}], schema = map {${columns.join(', ')}})`,
    scan.schema.fields,
  )
}

/** Splits the rows of a DuckDB table by the lake table's partition and writes a file for each. Not synced, as an engine would leave them. */
export async function stageRows(
  connection: DuckDBConnection,
  table: Table,
  from: string,
): Promise<DataFile[]> {
  const parts = await partitionsOf(connection, table, from)
  const files: DataFile[] = []
  for (const [partition, condition] of parts) {
    const relative = path.join('data', partition, `${randomUUID()}.parquet`)
    await mkdir(path.join(table.folder, path.dirname(relative)), { recursive: true })
    files.push(
      await writeFile(connection, {
        table,
        partition,
        relative,
        sql: `select ${columnList(table)} from ${from} where ${condition}`,
      }),
    )
  }
  return files
}

function columnList(table: Table): string {
  return table.schema.fields
    .map((field) => `${field.name}::${sqlType(field.type)} as ${field.name}`)
    .join(', ')
}

async function partitionsOf(
  connection: DuckDBConnection,
  table: Table,
  from: string,
): Promise<Map<string, string>> {
  const { partition } = table
  if (partition.kind === 'none') return new Map([['', 'true']])
  const values = (
    await rowsOf(connection, `select distinct ${partition.column}::varchar from ${from}`)
  ).map((row) => row[0] ?? null)
  if (partition.kind === 'day') {
    return new Map(
      values.map((day) =>
        day === null
          ? ['day=unknown', `${partition.column} is null`]
          : [`day=${day}`, `${partition.column} = '${day}'`],
      ),
    )
  }
  const { type } = table.schema.fields.find((field) => field.name === partition.column)!
  const keys = new Map<string, string[]>()
  for (const value of values) {
    const bucket =
      value === null
        ? 'unknown'
        : bucketOf(type.kind === 'integer' ? BigInt(value) : value, type, partition.count)
    keys.set(`bucket=${bucket}`, [
      ...(keys.get(`bucket=${bucket}`) ?? []),
      value === null ? 'null' : `'${value}'`,
    ])
  }
  return new Map(
    [...keys].map(([key, list]) => [
      key,
      `${partition.column}::varchar in (${list.join(', ')}) ${list[0] === 'null' ? `or ${partition.column} is null` : ''}`,
    ]),
  )
}

interface WriteRequest {
  readonly table: Table
  readonly partition: string
  readonly relative: string
  readonly sql: string
}

async function writeFile(connection: DuckDBConnection, request: WriteRequest): Promise<DataFile> {
  const { table, partition, relative, sql } = request
  const ids = table.schema.fields.map((field) =>
    field.elementId === undefined
      ? `${field.name}: ${field.id}`
      : `${field.name}: {__duckdb_field_id: ${field.id}, element: ${field.elementId}}`,
  )
  const result = await connection.runAndReadAll(
    `copy (${sql}) to '${path.join(table.folder, relative)}' (format parquet, compression zstd, return_stats, field_ids {${ids.join(', ')}})`,
  )
  const row = result.getRowObjectsJson()[0]!
  return {
    path: relative,
    partition,
    rows: Number(row['count']),
    sizeBytes: Number(row['file_size_bytes']),
    columns: statisticsOf(row['column_statistics'] as unknown as Entries<Entries<string>>, table),
  }
}

type Entries<T> = readonly { readonly key: string; readonly value: T }[]

function statisticsOf(
  entries: Entries<Entries<string>>,
  table: Table,
): Map<number, ColumnStatistics> {
  const statistics = new Map<number, ColumnStatistics>()
  for (const { key, value } of entries) {
    const texts = new Map(value.map((entry) => [entry.key, entry.value]))
    const field = table.schema.fields.find((candidate) => key === `"${candidate.name}"`)
    const list = table.schema.fields.find((candidate) => key === `"${candidate.name}"."element"`)
    const [min, max] = [texts.get('min'), texts.get('max')]
    const bounded =
      field !== undefined &&
      min !== undefined &&
      max !== undefined &&
      texts.get('has_nan') !== 'true'
    statistics.set(field?.id ?? list!.elementId!, {
      sizeBytes: Number(texts.get('column_size_bytes')),
      valueCount: Number(texts.get('num_values')),
      nullCount: Number(texts.get('null_count')),
      ...(bounded ? boundsOf(min, max, field.type) : {}),
    })
  }
  return statistics
}

function boundsOf(
  min: string,
  max: string,
  type: ColumnType,
): { readonly lower: Bound; readonly upper: Bound } | undefined {
  const convert = (text: string): Bound | undefined => {
    if (type.kind === 'integer') return BigInt(text)
    if (type.kind === 'number') return Number(text)
    if (type.kind === 'text' || type.kind === 'json') return text
    if (type.kind === 'boolean') return text === '1'
    if (type.kind === 'date') return dayNumber(text)
    if (type.kind === 'timestamp' || type.kind === 'local_timestamp')
      return micros(text.replace(/\+00$/, ''))
    if (type.kind === 'decimal') return BigInt(text.replace('.', ''))
    return undefined
  }
  const [lower, upper] = [convert(min), convert(max)]
  return lower === undefined || upper === undefined ? undefined : { lower, upper }
}

function micros(text: string): bigint {
  const [seconds, fraction = ''] = text.split('.')
  return (
    BigInt(Date.parse(`${seconds!.replace(' ', 'T')}Z`)) * 1000n + BigInt(fraction.padEnd(6, '0'))
  )
}

/** Rows as texts, one text for each value whichever engine read it (canonical.py has the other half). */
import type { Session } from '../../src/engine/engine.ts'
import type { Field, Scan } from '../../src/lake/lake.ts'
import type { ColumnType } from '../../src/model/model.ts'

export type Texts = readonly (string | null)[]

/** Sorted, so that row lists of different engines compare. */
export function sorted(rows: readonly Texts[]): Texts[] {
  return rows.toSorted((left, right) => JSON.stringify(left).localeCompare(JSON.stringify(right)))
}

/** The rows of a SELECT with these columns, each as declared. */
export async function textsOf(
  session: Session,
  sql: string,
  fields: readonly Field[],
): Promise<Texts[]> {
  const columns = fields.map((field) => textSql(field.name, field.type))
  const { rows } = await session.query(`select ${columns.join(', ')} from (${sql})`)
  return sorted(rows.map((row) => row.map((value) => (typeof value === 'string' ? value : null))))
}

/** What Maru's engine reads of a planned scan. */
export async function readScan(session: Session, scan: Scan): Promise<Texts[]> {
  const { id } = scan.table
  await session.bindScan(id, scan)
  const rows = await textsOf(session, `select * from ${id}`, scan.schema.fields)
  await session.unbind(id)
  return rows
}

const sqlNames: Readonly<Record<Exclude<ColumnType['kind'], 'decimal' | 'list'>, string>> = {
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
}

function sqlType(type: ColumnType): string {
  if (type.kind === 'decimal') return `decimal(${type.precision}, ${type.scale})`
  return type.kind === 'list' ? `${sqlType(type.of)}[]` : sqlNames[type.kind]
}

function textSql(name: string, type: ColumnType): string {
  const value = `${name}::${sqlType(type)}`
  if (type.kind === 'timestamp')
    return `strftime(timezone('UTC', ${value}), '%Y-%m-%d %H:%M:%S.%f')`
  if (type.kind === 'local_timestamp') return `strftime(${value}, '%Y-%m-%d %H:%M:%S.%f')`
  if (type.kind === 'time') return `strftime(date '2000-01-01' + ${value}, '%H:%M:%S.%f')`
  if (type.kind === 'bytes') return `hex(${value})`
  if (type.kind === 'list') return `replace((${value})::varchar, 'NULL', 'null')`
  return `(${value})::varchar`
}

/**
 * Files of rows into a temporary table, strictly. Everything is read as text and cast by `strictCast`; the first value that cannot be cast
 * stops the statement, and only then the files are read again to say where it is (`bad-row.ts`), so that good files pay for one reading.
 *
 * Each CSV file is read by one thread (files are shared among threads): DuckDB's way of splitting one file takes lines inside quoted fields
 * for records. It also ends a damaged gzip file silently, so files come here unpacked.
 */
import type { SourceFile, SourceFiles } from '../engine.ts'
import { MaruError, assert } from '../../base/errors.ts'
import { explainBadRow } from './bad-row.ts'
import { checkedValues, readValues } from './read-texts.ts'
import type { FileGroup, SqlConnection } from './read-texts.ts'
import { quoteName, quoteText } from './names.ts'
import { sqlType } from './types.ts'

const filesPerStatementMax = 500

export type { SqlConnection }

/** See `Session.readFiles`. */
export async function readFiles(
  connection: SqlConnection,
  name: string,
  request: SourceFiles,
): Promise<void> {
  const columns = request.columns.map(
    (column) => `${quoteName(column.name)} ${sqlType(column.type)}`,
  )
  if (request.labelColumn !== undefined) columns.push(`${quoteName(request.labelColumn)} varchar`)
  await connection.run(`create or replace temp table ${quoteName(name)} (${columns.join(', ')})`)
  try {
    for (const group of await groupFiles(connection, request))
      await insertGroup(connection, name, { request, group })
  } catch (error) {
    await connection.run(`drop table if exists temp.${quoteName(name)}`)
    throw error
  }
}

async function insertGroup(
  connection: SqlConnection,
  name: string,
  read: { readonly request: SourceFiles; readonly group: FileGroup },
): Promise<void> {
  const { request, group } = read
  const values = checkedValues(request, group).map(({ value, isBad }, index) =>
    isBad === undefined
      ? value
      : `case when ${isBad} then error('bad value: ' || t${index}::varchar) else ${value} end`,
  )
  const label = request.labelColumn === undefined ? [] : ['labels.label']
  const labels = group.files.map((file) => `(${quoteText(file.path)}, ${quoteText(file.label)})`)
  const join =
    request.labelColumn === undefined
      ? ''
      : `join (values ${labels.join(', ')}) as labels(path, label) on labels.path = read.filename`
  try {
    await connection.run(
      `insert into temp.${quoteName(name)} select ${[...values, ...label].join(', ')} from (${readValues(request, group)}) as read ${join}`,
    )
  } catch (error) {
    throw await explainBadRow(connection, { request, group, error })
  }
}

async function groupFiles(
  connection: SqlConnection,
  request: SourceFiles,
): Promise<readonly FileGroup[]> {
  const groups = new Map<
    string,
    { readonly fields: FileGroup['fields']; readonly files: SourceFile[] }[]
  >()
  for (const file of request.files) {
    const fields = await fieldsOf(connection, request, file)
    const key = JSON.stringify([file.header === true, fields])
    const same = groups.get(key) ?? []
    groups.set(key, same)
    const last = same.at(-1)
    if (last !== undefined && last.files.length < filesPerStatementMax) last.files.push(file)
    else same.push({ fields, files: [file] })
  }
  return [...groups.values()].flat()
}

async function fieldsOf(
  connection: SqlConnection,
  request: SourceFiles,
  file: SourceFile,
): Promise<FileGroup['fields']> {
  if (request.format === 'ndjson') return []
  if (request.format === 'csv') {
    assert(file.fields !== undefined, 'a CSV file comes with the names of its fields')
    return file.fields.map((name) => ({ name, type: 'varchar' }))
  }
  try {
    const rows = await connection.rows(
      `describe select * from read_parquet(${quoteText(file.path)})`,
    )
    return rows.map((row) => ({ name: String(row[0]), type: String(row[1]) }))
  } catch (error) {
    throw new MaruError('SOURCE_BAD_ROW', `${file.label} is not a Parquet file`, {
      hint: 'write the file again, or correct `format`',
      cause: error,
    })
  }
}

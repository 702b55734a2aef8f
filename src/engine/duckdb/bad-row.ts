/** Finds the first row of a file that cannot be read as asked, and says so: file, line, column, value, what was expected, how many there are. */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { SourceFile, SourceFiles } from '../engine.ts'
import { CsvRecordScanner } from '../../base/csv-records.ts'
import { MaruError, isMaruError, messageOf } from '../../base/errors.ts'
import { checkedValues, readValues } from './read-texts.ts'
import type { FileGroup, SqlConnection } from './read-texts.ts'
import { describeType } from './strict-cast.ts'

interface FailedRead {
  readonly request: SourceFiles
  readonly group: FileGroup
  readonly error: unknown
}

interface BadRow {
  readonly line: number
  readonly problem: string
  readonly count: number
}

const valueLengthMax = 80

/** The error to throw for a reading that failed: SOURCE_BAD_ROW, or the same error when the rows are not its cause. */
export async function explainBadRow(
  connection: SqlConnection,
  failed: FailedRead,
): Promise<unknown> {
  const message = messageOf(failed.error)
  if (isMaruError(failed.error) || !/^(Invalid Input|Conversion|Invalid) Error/.test(message))
    return failed.error
  let first: { readonly file: SourceFile; readonly bad: BadRow } | undefined
  let count = 0
  for (const file of failed.group.files) {
    if (first !== undefined && file.label !== first.file.label) continue
    const alone = { ...failed, group: { ...failed.group, files: [file] } }
    // Where looking closer fails as well, the engine's own words say most.
    const bad = await findBadRow(connection, alone).catch(() => undefined)
    if (bad === undefined) continue
    first ??= { file, bad }
    count += bad.count
  }
  if (first !== undefined) return badRowError(first.file, { ...first.bad, count })
  const labels = [...new Set(failed.group.files.map((file) => file.label))]
  const words = message.replace(/^[A-Z][\w ]*Error: /, '').split('\n')[0] ?? message
  const place = failed.group.files.length === 1 ? '' : `${labels.slice(0, 3).join(', ')}: `
  return new MaruError('SOURCE_BAD_ROW', `${place}${words}; nothing was loaded`, {
    hint: 'write the files again, each in one piece and as the declaration says',
    cause: failed.error,
  })
}

function badRowError(file: SourceFile, bad: BadRow): MaruError {
  const line = bad.line + (file.firstLine ?? 1) - 1
  const place = file.isSpool === true ? file.label : `${file.label} line ${line}`
  const count =
    bad.count === 1 ? 'the only such row found' : `the first of ${bad.count} such rows found`
  return new MaruError(
    'SOURCE_BAD_ROW',
    `${place}: ${bad.problem} (${count}); nothing was loaded`,
    {
      hint: 'correct it at the source, or declare the column as text and cast it in SQL',
    },
  )
}

function findBadRow(connection: SqlConnection, failed: FailedRead): Promise<BadRow | undefined> {
  if (failed.request.format === 'csv') return findBadCsvRow(connection, failed)
  return failed.request.format === 'ndjson'
    ? findBadJsonRow(connection, failed)
    : findBadValue(connection, failed, ', file_row_number = true')
}

async function findBadCsvRow(
  connection: SqlConnection,
  failed: FailedRead,
): Promise<BadRow | undefined> {
  const file = failed.group.files[0]!
  const mixedLine = await mixedLineEnd(file, failed.request)
  if (mixedLine !== undefined)
    return {
      line: mixedLine,
      problem: 'the line ends otherwise (\\n, \\r\\n) than those before',
      count: 1,
    }
  const rejects =
    ", store_rejects = true, rejects_table = 'maru_rejects', rejects_scan = 'maru_reject_scans'"
  try {
    const bad = await findBadValue(connection, failed, rejects)
    const [reject] = await connection.rows(
      `select min(line_byte_position), arg_min(error_type, line_byte_position)::varchar, arg_min(error_message, line_byte_position),
        arg_min(csv_line, line_byte_position), count(distinct line_byte_position) from maru_rejects`,
    )
    const count = Number(reject?.[4] ?? 0) + (bad?.count ?? 0)
    if (reject?.[0] !== null && reject?.[0] !== undefined) {
      const line = await lineAtByte(file.path, Number(reject[0]) - 1)
      return { line, problem: describeReject(reject, failed), count }
    }
    if (bad === undefined) return undefined
    return { ...bad, line: await lineOfRecord(file, failed, bad.line) }
  } finally {
    await connection.run('drop table if exists maru_rejects')
    await connection.run('drop table if exists maru_reject_scans')
  }
}

function describeReject(reject: readonly unknown[], failed: FailedRead): string {
  const fields = failed.group.fields.length
  const text = shown(reject[3])
  const found = /Found: (\d+)/.exec(String(reject[2]))?.[1]
  switch (String(reject[1])) {
    case 'MISSING COLUMNS':
    case 'TOO MANY COLUMNS':
      return `expected ${fields} fields, found ${found ?? 'others'} in ${text}`
    case 'UNQUOTED VALUE':
      return `a quoted field is not closed properly in ${text}`
    case 'INVALID ENCODING':
      return 'the bytes are not utf-8 text; set `encoding` in the declaration if the file has another one'
    default:
      return `${String(reject[2]).split('\n')[0]} in ${text}`
  }
}

/** `line` of the answer counts rows from 1. */
async function findBadValue(
  connection: SqlConnection,
  failed: FailedRead,
  options: string,
): Promise<BadRow | undefined> {
  const { request, group } = failed
  const flags = checkedValues(request, group).map(
    ({ isBad }, index) => `(${isBad ?? 'false'}) as b${index}`,
  )
  const found = request.columns.map(
    (_, index) => `min(n) filter (b${index}), arg_min(t${index}::varchar, n) filter (b${index})`,
  )
  const any = request.columns.map((_, index) => `b${index}`).join(' or ')
  const [row] = await connection.rows(
    `select count(*) filter (${any}), ${found.join(', ')} from (select *, ${flags.join(', ')} from
      (select *, row_number() over () as n from (${readValues(request, group, options)})))`,
  )
  const first = request.columns
    .map((column, index) => ({ column, n: row?.[1 + 2 * index], value: row?.[2 + 2 * index] }))
    .filter((candidate) => candidate.n !== null && candidate.n !== undefined)
    .toSorted((left, right) => Number(left.n) - Number(right.n))[0]
  if (first === undefined) return undefined
  const expected = describeType(first.column.type, request.csv)
  const name = first.column.field ?? first.column.name
  const of = name === first.column.name ? '' : ` (field "${name}")`
  return {
    line: Number(first.n),
    count: Number(row?.[0]),
    problem: `column "${first.column.name}"${of} holds ${shown(first.value)}, expected ${expected}`,
  }
}

async function findBadJsonRow(
  connection: SqlConnection,
  failed: FailedRead,
): Promise<BadRow | undefined> {
  const file = failed.group.files[0]!
  const lines = createInterface({ input: createReadStream(file.path), crlfDelay: Infinity })
  const lineOfRow: number[] = []
  let line = 0
  let first: BadRow | undefined
  let suspect: BadRow | undefined
  for await (const text of lines) {
    line++
    if (text.trim() === '') continue
    lineOfRow.push(line)
    if (isJsonObject(text)) {
      if (isSuspectText(text))
        suspect ??= {
          line,
          problem: `the text is not well-formed Unicode in ${shown(text)}`,
          count: 1,
        }
      continue
    }
    first = {
      line: first?.line ?? line,
      problem: first?.problem ?? `expected a JSON object, found ${shown(text)}`,
      count: (first?.count ?? 0) + 1,
    }
  }
  if (first !== undefined || suspect !== undefined) return first ?? suspect
  const bad = await findBadValue(connection, failed, '')
  return bad === undefined ? undefined : { ...bad, line: lineOfRow[bad.line - 1] ?? bad.line }
}

/** The replacement for bytes that are no text, or half of a character's escape (which alone stays an escape when written again). */
function isSuspectText(text: string): boolean {
  return text.includes('\uFFFD') || /\\ud[89a-f]/.test(JSON.stringify(JSON.parse(text)))
}

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch {
    // That it is not JSON is the answer.
    return false
  }
}

function shown(value: unknown): string {
  const text = String(value)
  return JSON.stringify(text.length > valueLengthMax ? `${text.slice(0, valueLengthMax)}…` : text)
}

async function lineAtByte(path: string, byte: number): Promise<number> {
  let line = 1
  if (byte <= 0) return line
  for await (const chunk of createReadStream(path, { end: byte - 1 })) {
    for (const value of chunk as Buffer) if (value === 10) line++
  }
  return line
}

/** The line on which the record with this number (from 1, after the header) begins. */
async function lineOfRecord(file: SourceFile, failed: FailedRead, number: number): Promise<number> {
  const scanner = scannerFor(failed.request, failed.group.fields.length === 1)
  let left = number + (file.header === true ? 1 : 0)
  for await (const chunk of createReadStream(file.path)) {
    for (let offset = 0; offset !== -1;) {
      offset = scanner.nextRecord(chunk as Buffer, offset)
      if (offset !== -1 && --left === 0) return scanner.recordLine
    }
  }
  return scanner.recordLine
}

/** The first record whose line end is not like the first one's; DuckDB takes only one kind in a file. */
async function mixedLineEnd(file: SourceFile, request: SourceFiles): Promise<number | undefined> {
  const scanner = scannerFor(request)
  let first: boolean | undefined
  let before = 0
  for await (const bytes of createReadStream(file.path)) {
    const chunk = bytes as Buffer
    for (
      let offset = scanner.nextRecord(chunk, 0);
      offset !== -1;
      offset = scanner.nextRecord(chunk, offset)
    ) {
      const hasReturn = (offset === 1 ? before : chunk[offset - 2]) === 13
      first ??= hasReturn
      if (first !== hasReturn) return scanner.recordLine
    }
    before = chunk.at(-1) ?? 0
  }
  return undefined
}

function scannerFor(request: SourceFiles, blankIsRecord = false): CsvRecordScanner {
  const { delimiter = ',', quote = '"' } = request.csv ?? {}
  return new CsvRecordScanner({ delimiter, quote }, blankIsRecord)
}

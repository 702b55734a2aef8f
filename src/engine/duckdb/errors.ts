/** What DuckDB says, as an error that tells the next step. */
import { MaruError, messageOf } from '../../base/errors.ts'
import { nearest, suggest } from '../../base/nearest.ts'
import type { BindFault } from '../engine.ts'

/** A failure while running. Text that is not an error of binding keeps the engine's own words. */
export function engineError(error: unknown): MaruError {
  const text = messageOf(error)
  const message = cleaned(text)
  if (/No space left on device|disk is full/i.test(text)) {
    return new MaruError('DISK_FULL', message, {
      hint: 'free some space, or set the temporary folder to another disk, and run again',
      retry: 'later',
      cause: error,
    })
  }
  if (/^Out of Memory Error|bad_alloc|max_temp_directory_size/i.test(text)) {
    return new MaruError('ENGINE_MEMORY', message, {
      hint: 'give the engine more memory or a temporary folder with more space, or read fewer rows at once',
      retry: 'later',
      cause: error,
    })
  }
  if (readsFile.test(text)) {
    const refusal = fileRefusal(text)
    return new MaruError('SQL_BIND', refusal.message, { hint: refusal.hint, cause: error })
  }
  // What the binding says of a text without any statement.
  if (text === 'Error in native callback') return bindErrorOf(new Error('there is no statement'))
  if (
    /^(?:Failed to extract statements: )?(?:Binder|Catalog|Parser|Not implemented) Error/.test(text)
  )
    return bindErrorOf(error)
  if (
    /\.parquet/.test(text) &&
    /(No files found|No such file|Cannot open file|magic bytes|too small to be a Parquet)/i.test(
      text,
    )
  ) {
    return new MaruError('LAKE_CORRUPT', message, {
      hint: 'a data file of the table is missing or damaged; rebuild the table with `maru run --full`',
      cause: error,
    })
  }
  return new MaruError('ENGINE_FAILED', message, {
    hint: hintOf(text),
    cause: error,
  })
}

function hintOf(text: string): string {
  if (text.includes('prepared statement parameters'))
    return 'write the value into the text: it takes no parameters'
  if (text.startsWith('Conversion Error'))
    return 'a value does not fit its type: use try_cast, or filter such rows'
  if (text.startsWith('Out of Range Error'))
    return 'a result is too large for its type: cast to a wider one first'
  return 'run the statement with `maru query` to look closer'
}

/** A thrown error of preparing; the position is where the engine's caret points. */
function bindErrorOf(error: unknown): MaruError {
  return new MaruError('SQL_BIND', cleaned(messageOf(error)), {
    hint: 'correct the SQL; `maru check` shows the place',
    cause: error,
  })
}

/** What `json_serialize_sql` and `json_serialize_plan` answer for a text that does not bind. */
export interface SerializedError {
  readonly error: true
  readonly error_type?: string
  readonly error_subtype?: string
  readonly error_message?: string
  readonly position?: string
  readonly candidates?: string
  readonly name?: string
  readonly type?: string
  /** How many statements the text holds, where it is more than one. */
  readonly statements?: number
}

export function bindError(
  fault: SerializedError,
  sql: string,
  tableIds: Iterable<string>,
): MaruError {
  const offset =
    fault.position === undefined
      ? undefined
      : placeOf(fault.error_type, sql, Number(fault.position))
  const { message, hint } = explain(fault, { sql, offset, tableIds })
  const cause: BindFault = { kind: 'bind_fault', ...(offset === undefined ? {} : { offset }) }
  return new MaruError('SQL_BIND', message, { hint, cause })
}

interface FaultPlace {
  readonly sql: string
  readonly offset: number | undefined
  readonly tableIds: Iterable<string>
}

function explain(
  fault: SerializedError,
  place: FaultPlace,
): { readonly message: string; readonly hint: string } {
  const { sql, offset } = place
  const text = fault.error_message ?? 'the SQL does not bind'
  const candidates =
    fault.candidates === undefined || fault.candidates === '' ? [] : fault.candidates.split(',')
  if (fault.error_subtype === 'COLUMN_NOT_FOUND') {
    const name = fault.name ?? ''
    const near = candidates.map((candidate) => candidate.trim().replaceAll('"', ''))
    return {
      message: `there is no column "${name}"`,
      hint: columnHint(name, near),
    }
  }
  const withoutSchema = /Table with name "([^"]+)" does not exist because schema/.exec(text)?.[1]
  if (
    withoutSchema !== undefined ||
    (fault.error_subtype === 'MISSING_ENTRY' && fault.type === 'Table')
  ) {
    const name = writtenName(sql, withoutSchema ?? fault.name ?? '', offset)
    return { message: `there is no table ${name}`, hint: suggest(name, place.tableIds) }
  }
  if (/Only SELECT statements can be serialized/i.test(text))
    return notOneSelect(sql, fault.statements ?? 1)
  if (readsFile.test(text)) return fileRefusal(text)
  const [first = text, ...rest] = cleaned(text).split('\n')
  const more =
    candidates.length > 0
      ? `Candidates: ${candidates.slice(0, 6).join(', ')}`
      : rest.join(' ').trim()
  return { message: first, hint: more === '' ? 'correct the SQL' : more }
}

/** The engine names only columns that are like the missing one, never all. */
function columnHint(name: string, near: readonly string[]): string {
  const match = nearest(name, near)
  if (match !== undefined) return `Did you mean "${match}"?`
  if (near.length === 0) return 'name a column of the tables after "from"'
  return `The nearest are ${near.slice(0, 8).join(', ')}.`
}

/** A table's name as the text has it: of three parts the engine names the last two. */
function writtenName(sql: string, name: string, offset: number | undefined): string {
  const words = [...sql.matchAll(/(?:"[^"]+"|\w+)(?:\.(?:"[^"]+"|\w+))*/g)]
  const holding = words.find(
    (word) => offset !== undefined && word.index <= offset && offset < word.index + word[0].length,
  )
  const ending = words.find((word) => `.${word[0].replaceAll('"', '')}`.endsWith(`.${name}`))
  return (holding?.[0] ?? ending?.[0] ?? name).replaceAll('"', '')
}

/** A session that is kept to folders says the first; the second is said of CSV files, which a plan cannot name. */
const readsFile = /file system operations are disabled|CSVReaderSerialize/i

function fileRefusal(text: string): { readonly message: string; readonly hint: string } {
  const file = /Cannot access file "([^"]*)"/.exec(text)?.[1]
  return {
    message: `SQL may not read ${file === undefined ? 'files' : `the file ${file}`}: it reads tables`,
    hint: 'name tables by their ids; declare a raw table with `files` to take a file in',
  }
}

function notOneSelect(
  sql: string,
  statements: number,
): { readonly message: string; readonly hint: string } {
  const message = 'this is not one SELECT statement'
  if (statements > 1)
    return { message: `${message} but ${statements}`, hint: 'write one select at a time' }
  const word = /^(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*([a-z]+)/i.exec(sql)?.[1]?.toLowerCase()
  if (sql.trim() === '') return { message: 'there is no statement', hint: 'write a select' }
  if (word !== undefined && !readingWords.has(word))
    return {
      message: `${message}: ${word} does not ask, it changes something`,
      hint: 'write a single select; tables change by declarations and `maru run` alone',
    }
  return {
    message,
    hint: 'write a single select; a pivot must list its values: `pivot … on x in (1, 2)`',
  }
}

/** What a text that only reads begins with. */
const readingWords = new Set(
  'select with from values table pivot unpivot describe show summarize explain'.split(' '),
)

/** Without the kind in front, the excerpt with the caret, and the session's own catalog names. */
function cleaned(text: string): string {
  return text
    .replace(/^Failed to extract statements: /, '')
    .replace(/^[A-Z][A-Za-z ]* Error: /, '')
    .replace(/\n+Possible solutions:[\s\S]*$/, '')
    .replace(/\n+LINE \d+:[\s\S]*$/, '')
    .replaceAll(/\b(raw|obj|act|obj_attr|merged|stored)\.main\./g, '$1.')
    .replaceAll(/\bmemory\.main\./g, '')
    .trim()
}

/** The parser counts characters, the binder bytes. */
function placeOf(kind: string | undefined, sql: string, position: number): number | undefined {
  if (kind !== 'parser') return characterOffset(sql, position)
  return Array.from(sql).slice(0, position).join('').length
}

/** The engine counts bytes of UTF-8, the port characters (UTF-16 units, as an editor does). */
export function characterOffset(sql: string, byteOffset: number): number | undefined {
  if (!Number.isSafeInteger(byteOffset)) return undefined
  let bytes = 0
  let index = 0
  while (index < sql.length && bytes < byteOffset) {
    const code = sql.codePointAt(index)!
    bytes += code < 0x80 ? 1 : code < 0x8_00 ? 2 : code < 0x1_00_00 ? 3 : 4
    index += code < 0x1_00_00 ? 1 : 2
  }
  return index
}

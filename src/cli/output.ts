/** Prints data on standard output: as a table for people, JSON (one document) or CSV for programs. */
import { stringifyJson } from '../base/json.ts'

export const formats = ['table', 'json', 'csv'] as const
export type Format = (typeof formats)[number]

export type Cell = string | number | bigint | boolean | null | undefined | readonly Cell[]

export interface Rows {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly Cell[])[]
}

/**
 * JSON: an array of objects, one a row, keyed by column; whole numbers beyond 2^53, NaN and infinities as texts, so that no reader changes them.
 * CSV: RFC 4180 with plain line feeds; null is empty, the empty text is `""`.
 */
export function printRows({ columns, rows }: Rows, format: Format): void {
  if (format === 'json') printJson(objectsOf({ columns, rows }))
  else if (format === 'csv')
    write([columns, ...rows].map((row) => row.map(csvField).join(',')).join('\n') + '\n')
  else write(tableText(columns, rows))
}

export function objectsOf({ columns, rows }: Rows): readonly object[] {
  const keys = distinctNames(columns)
  return rows.map((row) =>
    Object.fromEntries(keys.map((key, index) => [key, jsonCell(row[index])])),
  )
}

function jsonCell(cell: Cell): unknown {
  if (typeof cell === 'bigint') return cell.toString()
  if (typeof cell === 'number' && !Number.isFinite(cell)) return String(cell)
  return Array.isArray(cell) ? cell.map(jsonCell) : (cell ?? null)
}

/** An object keeps one value a key, so the second column of a name is called `name_2`. */
function distinctNames(columns: readonly string[]): readonly string[] {
  const taken = new Set<string>()
  return columns.map((column) => {
    let name = column
    for (let number = 2; taken.has(name) || (name !== column && columns.includes(name)); number++)
      name = `${column}_${number}`
    taken.add(name)
    return name
  })
}

export function printJson(value: unknown): void {
  write(`${stringifyJson(value, 2)}\n`)
}

export function write(text: string): void {
  process.stdout.write(text)
}

function csvField(cell: Cell): string {
  if (cell === null || cell === undefined) return ''
  if (cell === '') return '""'
  const text = typeof cell === 'object' ? stringifyJson(cell) : String(cell)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

const cellWidthMax = 60

function tableText(columns: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const texts = rows.map((row) => columns.map((_, index) => cellText(row[index])))
  const isNumeric = columns.map(
    (_, index) =>
      rows.length > 0 &&
      rows.every((row) => isNumber(row[index])) &&
      rows.some((row) => row[index] !== null && row[index] !== undefined),
  )
  const widths = columns.map((column, index) =>
    Math.max(width(column), ...texts.map((row) => width(row[index]!))),
  )
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, index) =>
        isNumeric[index] === true
          ? ' '.repeat(widths[index]! - width(cell)) + cell
          : cell + ' '.repeat(widths[index]! - width(cell)),
      )
      .join('  ')
      .trimEnd()
  return `${[line(columns), widths.map((each) => '─'.repeat(each)).join('  '), ...texts.map(line)].join('\n')}\n`
}

function isNumber(cell: Cell): boolean {
  return (
    cell === null ||
    cell === undefined ||
    typeof cell === 'number' ||
    typeof cell === 'bigint' ||
    (typeof cell === 'string' && /^-?\d+(\.\d+)?$/.test(cell))
  )
}

function cellText(cell: Cell): string {
  if (cell === null || cell === undefined) return '·'
  const text = (typeof cell === 'object' ? stringifyJson(cell) : String(cell)).replaceAll(
    /\s+/g,
    ' ',
  )
  return text.length > cellWidthMax ? `${text.slice(0, cellWidthMax - 1)}…` : text
}

/** Columns of a terminal: East Asian wide characters take two. */
function width(text: string): number {
  let columns = 0
  for (const character of text)
    columns +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u.test(
        character,
      )
        ? 2
        : 1
  return columns
}

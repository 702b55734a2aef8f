/** Comparing answers: integers, decimals and texts exactly, floating point within rounding. */
import type { ColumnType } from '../../src/model/model.ts'
import type { Cell } from './rows.ts'

export function isSameCell(left: Cell, right: Cell, type: ColumnType): boolean {
  if (left === null || right === null) return left === right
  if (type.kind === 'number') {
    const [a, b] = [Number(left), Number(right)]
    return Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b))
  }
  if (type.kind === 'json') return entriesText(left) === entriesText(right)
  if (type.kind === 'decimal') return digits(left) === digits(right)
  return String(left) === String(right)
}

/** The entries of a map, in order; floating point is rounded. */
function entriesText(cell: Cell): string {
  const entries = Object.entries(JSON.parse(String(cell)) as Readonly<Record<string, unknown>>)
  return JSON.stringify(
    entries.map(([key, value]) => [
      key,
      typeof value === 'number' ? Number(value.toPrecision(12)) : value,
    ]),
  )
}

/** `12.50` and `12.5` are one decimal; zeros at the end say nothing. */
function digits(cell: Cell): string {
  const text = String(cell)
  const trimmed = text.includes('.') ? text.replace(/\.?0+$/, '') : text
  return trimmed === '-0' ? '0' : trimmed
}

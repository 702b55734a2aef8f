/** Tables in memory. */
import { localDay } from '../../src/base/time.ts'

/** Instants are UTC microseconds (bigint), dates texts, decimals texts of digits, integers and numbers numbers. */
export type Cell = string | number | bigint | boolean | null
export type Row = Readonly<Record<string, Cell>>

/** Rows by table id; objects and attributes with history have `valid_from`, `valid_to` (null while it holds) and `version`. */
export type Dataset = ReadonlyMap<string, readonly Row[]>

/** The local day of an activity's row. */
export function dayOf(row: Row, zone: string): string | null {
  const instant = row['occurred_at'] as bigint | null
  return instant === null ? null : localDay(instant, zone)
}

/** JSON of cells, instants among them. */
export function cellsText(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'bigint' ? `${item}n` : item,
  )
}

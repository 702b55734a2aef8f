/** What a selection takes of the rows that it chose: one value, or as JSON text one for each value of its `per`. */
import type { Selection } from '../../src/model/model.ts'
import { valueAt } from './reference-row.ts'
import type { Context } from './reference-row.ts'
import { takenOf } from './reference.ts'
import type { Cell, Row } from './rows.ts'

export function takenBy(context: Context, selection: Selection, rows: readonly Row[]): Cell {
  const { activity, per, map } = selection
  if (map !== true) return valueOf(context, selection, rows)
  const root = context.model.tables.find((table) => table.id === activity)!
  const parts = Map.groupBy(rows, (row) => valueAt(context, root, row, per!))
  const entries = [...parts].flatMap(([key, own]) =>
    key === null ? [] : [[String(key), jsonOf(valueOf(context, selection, own))]],
  )
  if (entries.length === 0) return null
  return JSON.stringify(Object.fromEntries(entries.toSorted(([a], [b]) => (a! < b! ? -1 : 1))))
}

function valueOf(context: Context, selection: Selection, rows: readonly Row[]): Cell {
  const { take, activity: rootId } = selection
  if (take.kind === 'aggregate') {
    // Of one object's activities it is exact.
    const isAbout = take.aggregate === 'approximate_percentile'
    const exact = isAbout ? ({ ...take, aggregate: 'percentile' } as const) : take
    return takenOf(context, { rootId, take: exact, rows, isFilled: false })
  }
  const root = context.model.tables.find((table) => table.id === rootId)!
  return rows[0] === undefined ? null : valueAt(context, root, rows[0], take.column)
}

/** Digits are a decimal, and an instant has no fraction of a second here. */
function jsonOf(cell: Cell): unknown {
  if (typeof cell === 'bigint')
    return new Date(Number(cell / 1000n)).toISOString().replace('.000Z', 'Z')
  return typeof cell === 'string' && /^-?\d+(\.\d+)?$/.test(cell) ? Number(cell) : cell
}

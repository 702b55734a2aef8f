/** Groups of many dimensions as columns: those of the table `groups`, in its order. */
import type { NumberColumn } from '../../engine/engine.ts'
import type { Groups, StateRows } from './accumulate.ts'
import type { CodedDimension } from './codes.ts'
import { countEntities } from './count-entities.ts'
import type { Counted } from './entities.ts'

export interface MadeGroups {
  readonly dimension: CodedDimension
  readonly groups: Groups
}

/** Dimension, code, slots, to which the counts of entities with several versions are added, and words of what is known. */
export function groupColumns(
  made: readonly MadeGroups[],
  by: {
    readonly rows: StateRows
    readonly loose: readonly Counted[]
    /** The slot of each count. */
    readonly counted: ReadonlyMap<string, number>
  },
): readonly NumberColumn[] {
  const { rows, loose } = by
  const codes = made.map(({ groups }) => codesOf(groups))
  const count = codes.reduce((sum, each) => sum + each.length, 0)
  const numbers = new Uint16Array(count)
  const all = new Uint32Array(count)
  let at = 0
  for (const [index, present] of codes.entries()) {
    numbers.fill(made[index]!.dimension.number, at, at + present.length)
    all.set(present, at)
    at += present.length
  }
  const slots = Array.from({ length: rows.slots }, () => new Float64Array(count))
  const words = Array.from({ length: rows.words }, () => new Uint32Array(count))
  at = 0
  for (const [index, { groups }] of made.entries()) {
    spread(groups.values, codes[index]!, { into: slots, at })
    spread(groups.known, codes[index]!, { into: words, at })
    at += codes[index]!.length
  }
  const dimensions = made.map(({ dimension }) => dimension)
  for (const { distincts, rows: entities } of loose) {
    let to = 0
    const counted = countEntities(entities, dimensions, distincts.length)
    for (const [index, found] of counted.entries()) {
      const present = codes[index]!
      for (const [bit, { name }] of distincts.entries()) {
        const slot = slots[by.counted.get(name)!]!
        for (let row = 0; row < present.length; row++)
          slot[to + row] = slot[to + row]! + found[present[row]! * distincts.length + bit]!
      }
      to += present.length
    }
  }
  return [numbers, all, ...slots, ...words]
}

/** Rows of groups as columns. */
function spread(
  values: NumberColumn,
  codes: Uint32Array,
  { into, at }: { readonly into: readonly NumberColumn[]; readonly at: number },
): void {
  const width = into.length
  for (let row = 0; row < codes.length; row++) {
    const from = codes[row]! * width
    for (let column = 0; column < width; column++) into[column]![at + row] = values[from + column]!
  }
}

/** Of the groups that have rows. */
function codesOf({ rows }: Groups): Uint32Array {
  const codes = new Uint32Array(rows.reduce((sum, each) => (each === 0 ? sum : sum + 1), 0))
  let at = 0
  for (let code = 0; code < rows.length; code++) if (rows[code] !== 0) codes[at++] = code
  return codes
}

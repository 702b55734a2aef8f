/** Groups of many dimensions as columns: those of the table `groups`, in its order. */
import type { NumberColumn } from '../../engine/engine.ts'
import type { IndicatorPlan } from '../../plan/plan.ts'
import { countEntities } from './accumulate.ts'
import type { Groups, StateRows } from './accumulate.ts'
import type { CodedDimension } from './codes.ts'
import type { LooseRows } from './entities.ts'

export interface MadeGroups {
  readonly dimension: CodedDimension
  readonly groups: Groups
}

/** Dimension, code, slots, words of what is known, and the counts of entities with several versions. */
export function groupColumns(
  made: readonly MadeGroups[],
  by: {
    readonly rows: StateRows
    readonly loose: readonly LooseRows[]
    readonly distincts: IndicatorPlan['distincts']
  },
): readonly NumberColumn[] {
  const { rows, loose } = by
  const codes = made.map(({ groups }) => codesOf(groups))
  const count = codes.reduce((sum, each) => sum + each.length, 0)
  const column = <T extends NumberColumn>(
    into: T,
    take: (each: MadeGroups) => {
      readonly values: NumberColumn
      readonly step: number
      readonly first: number
    },
  ): T => {
    let to = 0
    for (const [at, each] of made.entries()) {
      const { values, step, first } = take(each)
      const present = codes[at]!
      for (let row = 0; row < present.length; row++)
        into[to + row] = values[present[row]! * step + first]!
      to += present.length
    }
    return into
  }
  const counted = new Map<string, NumberColumn>()
  for (const { distincts, rows: entities } of loose) {
    const step = distincts.length
    const values = new Map(
      made.map((each) => [each, countEntities(entities, each.dimension, step)]),
    )
    for (const [first, { name }] of distincts.entries())
      counted.set(
        name,
        column(new Float64Array(count), (each) => ({ values: values.get(each)!, step, first })),
      )
  }
  const numbers = new Uint16Array(count)
  const all = new Uint32Array(count)
  let at = 0
  for (const [index, present] of codes.entries()) {
    numbers.fill(made[index]!.dimension.number, at, at + present.length)
    all.set(present, at)
    at += present.length
  }
  return [
    numbers,
    all,
    ...Array.from({ length: rows.slots }, (_, first) =>
      column(new Float64Array(count), ({ groups }) => ({
        values: groups.values,
        step: rows.slots,
        first,
      })),
    ),
    ...Array.from({ length: rows.words }, (_, first) =>
      column(new Uint32Array(count), ({ groups }) => ({
        values: groups.known,
        step: rows.words,
        first,
      })),
    ),
    ...by.distincts.map(({ name }) => counted.get(name) ?? new Float64Array(count)),
  ]
}

/** Of the groups that have rows. */
function codesOf({ rows }: Groups): Uint32Array {
  const codes = new Uint32Array(rows.reduce((sum, each) => (each === 0 ? sum : sum + 1), 0))
  let at = 0
  for (let code = 0; code < rows.length; code++) if (rows[code] !== 0) codes[at++] = code
  return codes
}

/**
 * The proof that a result adds up: sets of tables such that the result for rows A and B together is the result for A and the one for B, all other tables as
 * they are. It holds for one set at a time: a join adds up over either side, and not over both at once. All rules are conservative.
 */
import type { Facts } from './partition-facts.ts'

export type Additive = readonly ReadonlySet<string>[]

export const notAdditive: Additive = []

/** More than a query that people write has. */
const setsMax = 8

interface Part {
  readonly additive: Additive
  /** Has an entry for every table read. */
  readonly facts: Facts
}

/** Every part gives its rows of its own tables; one that reads none of the set would give its rows twice. */
export function unionAdditive(parts: readonly Part[]): Additive {
  const [first, ...others] = parts
  if (first === undefined) return notAdditive
  return others.reduce(addParts, first).additive
}

function addParts(left: Part, right: Part): Part {
  const sets = left.additive.flatMap((own) =>
    right.additive
      .filter((other) => isOnlyIn(own, other, right) && isOnlyIn(other, own, left))
      .map((other) => new Set([...own, ...other])),
  )
  return {
    additive: sets.slice(0, setsMax),
    facts: new Map([...left.facts, ...right.facts]),
  }
}

/** Whether of the tables the part reads only those that it adds up over. */
function isOnlyIn(
  tables: ReadonlySet<string>,
  over: ReadonlySet<string>,
  { facts }: Part,
): boolean {
  return [...tables].every((table) => over.has(table) || !facts.has(table))
}

const leftKinds: ReadonlySet<string> = new Set(['INNER', 'LEFT', 'SINGLE', 'SEMI', 'ANTI', 'MARK'])
const rightKinds: ReadonlySet<string> = new Set(['INNER', 'RIGHT', 'RIGHT_SEMI', 'RIGHT_ANTI'])
const joins: ReadonlySet<string> = new Set([
  'LOGICAL_COMPARISON_JOIN',
  'LOGICAL_DELIM_JOIN',
  'LOGICAL_ANY_JOIN',
  'LOGICAL_CROSS_PRODUCT',
])

/** A row of the one side meets the same rows of the other, whatever else is on its side. The nearest row of an as-of join depends on all others. */
export function joinAdditive(
  left: Part,
  right: Part,
  join: { readonly type: string; readonly kind: string },
): Additive {
  const apart = (side: Part, other: Part): Additive =>
    side.additive.filter((set) => [...set].every((table) => !other.facts.has(table)))
  const isAsOf = join.type === 'LOGICAL_ASOF_JOIN'
  if (!isAsOf && !joins.has(join.type)) return notAdditive
  return [
    ...(leftKinds.has(join.kind) ? apart(left, right) : []),
    ...(rightKinds.has(join.kind) && !isAsOf ? apart(right, left) : []),
  ].slice(0, setsMax)
}

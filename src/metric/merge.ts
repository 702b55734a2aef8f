/** Groups of several parts as one row for each group. */
import { MaruError } from '../base/errors.ts'
import type { Part } from './inquiry.ts'
import { unionArm } from './leg-sql.ts'
import type { State } from './state.ts'

export interface Grouped {
  readonly groups: string
  readonly states: readonly State[]
}

export interface Merge {
  /** Begins the names of the CTEs. */
  readonly prefix: string
  readonly keys: readonly string[]
  /** CTEs between the union and the groups: given the union's name and its states, they end with the name that they return. */
  readonly between?: (union: string, states: readonly State[]) => Between
}

export interface Between {
  readonly ctes: readonly string[]
  readonly rows: string
}

/** Groups of all parts one under the other, then one row for each: a null-safe full join in the SQL of every engine. */
export function mergedGroups(
  parts: readonly Grouped[],
  { prefix, keys, between }: Merge,
): { readonly ctes: readonly string[]; readonly groups: string } {
  const states = parts.flatMap((part) => part.states)
  const arms = parts.map((part) => unionArm(part, keys, states))
  const union = `${prefix}group__every`
  const more = between?.(union, states) ?? { ctes: [], rows: union }
  const merged = [...keys, ...states.map((state) => `max(${state.name}) as ${state.name}`)]
  const groupBy = keys.length === 0 ? '' : `\n  group by ${keys.join(', ')}`
  return {
    ctes: [
      `${union} as (\n${arms.join('\n  union all\n')}\n)`,
      ...more.ctes,
      `${prefix}group__one as (\n  select ${merged.join(', ')}\n  from ${more.rows}${groupBy}\n)`,
    ],
    groups: `${prefix}group__one`,
  }
}

/** Groups of several parts must mean the same. */
export function refuseMixedTypes(parts: readonly Pick<Part, 'dimensions' | 'rootId'>[]): void {
  const [first, ...others] = parts
  for (const [at, dimension] of first!.dimensions.entries()) {
    const other = others.find((part) => part.dimensions[at]!.type.kind !== dimension.type.kind)
    if (other === undefined) continue
    throw new MaruError(
      'METRIC_ILLEGAL',
      `"${dimension.text}" is ${dimension.type.kind} for ${first!.rootId} but ${other.dimensions[at]!.type.kind} for ${other.rootId}`,
      { hint: 'ask for the metrics apart, or name a dimension that both share' },
    )
  }
}

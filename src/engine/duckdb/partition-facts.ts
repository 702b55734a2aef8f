/**
 * The proof that a partition of an input maps to one partition of the output. A fact (table, column, position) says: every row of the
 * intermediate result is made only of rows of that table that share one value of the column, and the value stands at the position
 * (rows made of no row of the table satisfy it). When a table is scanned several times, a fact holds for all its scans.
 * Every table read has an entry; an entry without facts means that nothing is proven. All rules are conservative.
 */
import type { PlanCondition, PlanExpression } from './plan-json.ts'

/** Column names (or local days of them, see `dayOf`) by position. */
export type TableFacts = ReadonlyMap<number, readonly string[]>
export type Facts = ReadonlyMap<string, TableFacts>

export const noFacts: Facts = new Map()
const nothing: TableFacts = new Map()

/** The local day of a timestamp column, as if it were a column. At the position of an instant: it lies in that day. */
function dayOf(column: string, zone: string): string {
  return `day\u0000${zone}\u0000${column}`
}

export function parseDayOf(
  fact: string,
): { readonly column: string; readonly zone: string } | undefined {
  const [mark, zone, column] = fact.split('\u0000')
  return mark === 'day' && zone !== undefined && column !== undefined ? { column, zone } : undefined
}

export function scanFacts(table: string, columns: readonly (string | undefined)[]): Facts {
  const facts = new Map<number, readonly string[]>()
  for (const [position, column] of columns.entries())
    if (column !== undefined) facts.set(position, [column])
  return new Map([[table, facts]])
}

/** Nothing is proven any more about the tables of these results. */
export function tainted(...parts: readonly Facts[]): Facts {
  return new Map(
    parts.flatMap((facts) => [...facts.keys()].map((table) => [table, nothing] as const)),
  )
}

function mapTables(facts: Facts, change: (own: TableFacts) => TableFacts): Facts {
  return new Map([...facts].map(([table, own]) => [table, change(own)] as const))
}

/** The facts at `positions[i]` move to i; undefined leaves a hole. */
export function project(facts: Facts, positions: readonly (number | undefined)[]): Facts {
  return mapTables(facts, (own) => {
    const moved = new Map<number, readonly string[]>()
    for (const [to, from] of positions.entries()) {
      const held = from === undefined ? undefined : own.get(from)
      if (held !== undefined) moved.set(to, held)
    }
    return moved
  })
}

/** Facts of a computed row: references keep them, and the local day of an instant holds the fact of that day. */
export function projectExpressions(
  facts: Facts,
  expressions: readonly PlanExpression[],
  zone: string,
): Facts {
  return mapTables(facts, (own) => {
    const moved = new Map<number, readonly string[]>()
    for (const [to, expression] of expressions.entries()) {
      const held = factsOfExpression(expression, own, zone)
      if (held.length > 0) moved.set(to, held)
    }
    return moved
  })
}

function factsOfExpression(
  expression: PlanExpression,
  own: TableFacts,
  zone: string,
): readonly string[] {
  if (expression.expression_class === 'BOUND_REF') return own.get(expression.index!) ?? []
  const day = localDayOf(expression, zone)
  if (day === undefined) return []
  return (own.get(day.position) ?? [])
    .map((fact) => ({ fact, known: parseDayOf(fact) }))
    .filter(({ known }) => known === undefined || known.zone === day.zone)
    .map(({ fact, known }) => (known === undefined ? dayOf(fact, day.zone) : fact))
}

/** `cast(timezone('Asia/Seoul', c) as date)`, or `cast(c as date)` of an instant, which is the day in the session's zone. */
function localDayOf(
  expression: PlanExpression,
  zone: string,
): { readonly position: number; readonly zone: string } | undefined {
  const child = expression.child
  if (
    expression.expression_class !== 'BOUND_CAST' ||
    expression.return_type?.id !== 'DATE' ||
    child === undefined
  )
    return undefined
  if (child.expression_class === 'BOUND_REF') {
    return child.return_type?.id === 'TIMESTAMP WITH TIME ZONE'
      ? { position: child.index!, zone }
      : undefined
  }
  const [zoneArgument, instant] = child.children ?? []
  const named = zoneArgument?.value?.value
  if (
    child.name !== 'timezone' ||
    typeof named !== 'string' ||
    instant?.expression_class !== 'BOUND_REF'
  )
    return undefined
  return instant.return_type?.id === 'TIMESTAMP WITH TIME ZONE'
    ? { position: instant.index!, zone: named }
    : undefined
}

/** Keeps facts of columns on whose equality all of the row's company is decided: each list of `deciding` holds the column. */
export function keepDecided(
  facts: Facts,
  deciding: readonly (readonly PlanExpression[])[],
  zone: string,
): Facts {
  return mapTables(facts, (own) => {
    const sets = deciding.map(
      (list) => new Set(list.flatMap((expression) => factsOfExpression(expression, own, zone))),
    )
    const decided = (fact: string): boolean =>
      sets.every((set) => set.has(fact) || set.has(parseDayOf(fact)?.column ?? ''))
    return filterFacts(own, decided)
  })
}

function filterFacts(own: TableFacts, keep: (fact: string) => boolean): TableFacts {
  const kept = new Map<number, readonly string[]>()
  for (const [position, held] of own) {
    const left = held.filter(keep)
    if (left.length > 0) kept.set(position, left)
  }
  return kept
}

/**
 * Groups: positions of group columns that stand in every grouping set, then those of aggregates that pick one of the group's values: it shares with all
 * others what the group decides, be it only their local day.
 */
export function groupFacts(
  facts: Facts,
  groups: readonly PlanExpression[],
  options: {
    readonly zone: string
    readonly sets: readonly (readonly number[])[]
    readonly aggregates: readonly PlanExpression[]
  },
): Facts {
  const always = groups.map((_, index) => options.sets.every((set) => set.includes(index)))
  return mapTables(facts, (own) => {
    const result = new Map<number, readonly string[]>()
    const set = (position: number, held: readonly string[]): void => {
      if (held.length > 0) result.set(position, held)
    }
    for (const [index, group] of groups.entries())
      if (always[index] === true) set(index, factsOfExpression(group, own, options.zone))
    const decided = new Set([...result.values()].flat())
    for (const [index, aggregate] of options.aggregates.entries())
      set(groups.length + index, pickedFacts(aggregate, own, decided))
    return result
  })
}

const picking: ReadonlySet<string> = new Set(['min', 'max', 'any_value', 'arbitrary', 'first'])

function pickedFacts(
  { name, children, filter }: PlanExpression,
  own: TableFacts,
  decided: ReadonlySet<string>,
): readonly string[] {
  const [value, ...others] = children ?? []
  // With a filter it may pick nothing.
  if (!picking.has(name ?? '') || (filter ?? null) !== null || others.length > 0) return []
  if (value?.expression_class !== 'BOUND_REF') return []
  return (own.get(value.index!) ?? []).flatMap((fact) =>
    decided.has(fact) || decided.has(parseDayOf(fact)?.column ?? '')
      ? [fact]
      : [...decided].filter((day) => parseDayOf(day)?.column === fact),
  )
}

/** Rows come from either side, each position from the same position. */
export function unionFacts(left: Facts, right: Facts): Facts {
  return combine(left, right)
}

/** Tables of one side keep their facts; of a table on both sides only what both prove at the same position. */
function combine(left: Facts, right: Facts): Facts {
  const result = new Map(left)
  for (const [table, own] of right) {
    const other = result.get(table)
    result.set(table, other === undefined ? own : intersect(other, own))
  }
  return result
}

function intersect(left: TableFacts, right: TableFacts): TableFacts {
  const both = new Map<number, readonly string[]>()
  for (const [position, held] of left) {
    const other = right.get(position)
    const shared = other === undefined ? [] : held.filter((fact) => other.includes(fact))
    if (shared.length > 0) both.set(position, shared)
  }
  return both
}

export interface JoinShape {
  readonly kind: string
  /** Columns of the left side; positions of the right side start there. */
  readonly leftWidth: number
  readonly equalities: readonly (readonly [left: number, right: number])[]
  readonly asOf: boolean
}

/** Pairs of columns that are equal in every pair of rows joined. */
export function equalitiesOf(conditions: readonly PlanCondition[]): (readonly [number, number])[] {
  const pairs: (readonly [number, number])[] = []
  for (const { left, right, comparison } of conditions) {
    if (comparison !== 'COMPARE_EQUAL' && comparison !== 'COMPARE_NOT_DISTINCT_FROM') continue
    if (left?.expression_class === 'BOUND_REF' && right?.expression_class === 'BOUND_REF')
      pairs.push([left.index!, right.index!])
  }
  return pairs
}

/** Facts over the columns of both sides, left first. */
export function joinFacts(left: Facts, right: Facts, join: JoinShape): Facts {
  const { kind, leftWidth, equalities } = join
  const shift = (own: TableFacts): TableFacts =>
    new Map([...own].map(([position, held]) => [position + leftWidth, held]))
  const across = (own: TableFacts, from: 0 | 1, base: TableFacts): TableFacts =>
    withEqual(own, base, { equalities, from, leftWidth })
  switch (kind) {
    case 'INNER': {
      const leftAll = mapTables(left, (own) => across(own, 0, own))
      // The nearest earlier row is chosen among rows that agree in the equal columns, so others of the right side's columns prove nothing.
      const rightAll = mapTables(right, (own) => {
        const usable = join.asOf
          ? filterFacts(own, (fact) => equalities.some(([, at]) => own.get(at)?.includes(fact)))
          : own
        return across(usable, 1, shift(usable))
      })
      return combine(leftAll, rightAll)
    }
    case 'LEFT':
    case 'SINGLE':
    case 'SEMI':
    case 'ANTI':
      // Whether a right row is there decides about the output, so only rows equal to a left column are known.
      return combine(
        left,
        mapTables(right, (own) => across(own, 1, nothing)),
      )
    case 'RIGHT':
      return combine(
        mapTables(left, (own) => across(own, 0, nothing)),
        mapTables(right, shift),
      )
    case 'MARK':
      // `in` is null when any right value is null: all right rows decide about every left row.
      return combine(left, tainted(right))
    default:
      return tainted(left, right)
  }
}

function withEqual(
  own: TableFacts,
  base: TableFacts,
  side: {
    readonly equalities: JoinShape['equalities']
    readonly from: 0 | 1
    readonly leftWidth: number
  },
): TableFacts {
  if (side.equalities.length === 0) return base
  const result = new Map(base)
  for (const pair of side.equalities) {
    const held = own.get(pair[side.from])
    if (held === undefined) continue
    const target = side.from === 1 ? pair[0] : pair[1] + side.leftWidth
    result.set(target, [...new Set([...(result.get(target) ?? []), ...held])])
  }
  return result
}

/** A filter `a = b` makes both positions hold the same value. */
export function filterEqualities(facts: Facts, expressions: readonly PlanExpression[]): Facts {
  const pairs = equalitiesOf(
    expressions
      .filter((expression) => expression.expression_class === 'BOUND_COMPARISON')
      .map(({ left, right, type }) => ({
        ...(left === undefined ? {} : { left }),
        ...(right === undefined ? {} : { right }),
        comparison: type,
      })),
  )
  if (pairs.length === 0) return facts
  return mapTables(facts, (own) => {
    const forward = withEqual(own, own, { equalities: pairs, from: 1, leftWidth: 0 })
    return withEqual(own, forward, { equalities: pairs, from: 0, leftWidth: 0 })
  })
}

/** What every operator of the plan works with. */
import type { Lineage } from '../engine.ts'
import type { Additive } from './additive.ts'
import { flowOf, noColumn, shortened, sourceKey, type Column, type Inputs } from './column-flow.ts'
import { project, type Facts } from './partition-facts.ts'
import type { PlanExpression, PlanNode } from './plan-json.ts'

export type UseKind = Lineage['uses'][number]['kind']

/** The result of an operator. `rest` stands for columns that are not listed (of operators unknown here). */
export interface Relation {
  readonly columns: readonly Column[]
  readonly rest?: Column
  readonly facts: Facts
  readonly additive: Additive
  /** A text that is equal exactly when the rows are chosen in the same way. */
  readonly rows: string
}

export interface LineageWalk {
  readonly evaluate: (node: PlanNode) => Relation
  readonly zone: string
  readonly uses: Set<string>
  /** Bodies of common table expressions by index, and how often each was read. */
  readonly expressions: Map<number, { readonly relation: Relation; reads: number }>
  /** Columns that enclosing correlated joins hand to their right side, innermost last. */
  readonly correlated: (readonly Column[])[]
  readonly relationByIndex: Map<number, Relation>
  readonly scans: Map<string, number>
}

export function recordUses(walk: LineageWalk, kind: UseKind, columns: readonly Column[]): void {
  for (const column of columns)
    for (const key of column.sources.keys()) walk.uses.add(`${kind} ${key}`)
}

export function inputsOf(walk: LineageWalk, relation: Pick<Relation, 'columns' | 'rest'>): Inputs {
  return {
    at: (index) => relation.columns[index] ?? relation.rest ?? noColumn,
    bound: (tableIndex, columnIndex) => {
      const known = walk.relationByIndex.get(tableIndex)
      return known?.columns[columnIndex] ?? known?.rest ?? noColumn
    },
  }
}

/** The flows of several expressions. */
export function flowsOf(
  inputs: Inputs,
  expressions: readonly PlanExpression[],
  rank: number = 0,
): Column[] {
  return expressions.map((expression) => flowOf(expression, inputs, rank))
}

export function rowsText(word: string, ...parts: readonly string[]): string {
  return shortened(`${word}(${parts.join('; ')})`)
}

export function textsOf(columns: readonly Column[]): string {
  return columns.map((column) => column.text).join(', ')
}

/** A scanned column; a second scan of a table differs from the first in its text. */
export function sourceColumn(
  scan: { readonly table: string; readonly ordinal: number },
  column: string,
): Column {
  const name = scan.ordinal === 1 ? scan.table : `${scan.table}#${scan.ordinal}`
  return { sources: new Map([[sourceKey(scan.table, column), 0]]), text: `${name}.${column}` }
}

/** Only the columns at these positions; all when there is no such list. */
export function picked(relation: Relation, positions: readonly number[] | undefined): Relation {
  if (positions === undefined || positions.length === 0) return relation
  return {
    ...relation,
    columns: positions.map((position) => relation.columns[position] ?? relation.rest ?? noColumn),
    facts: project(relation.facts, positions),
  }
}

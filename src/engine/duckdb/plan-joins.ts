/** Joins of the bound plan. */
import { joinAdditive } from './additive.ts'
import { flowOf, mergedFlow, noColumn, raised, type Column } from './column-flow.ts'
import { equalitiesOf, joinFacts, tainted, type Facts } from './partition-facts.ts'
import type { PlanNode } from './plan-json.ts'
import {
  flowsOf,
  inputsOf,
  picked,
  recordUses,
  rowsText,
  type LineageWalk,
  type Relation,
} from './relation.ts'

export function evaluateJoin(node: PlanNode, walk: LineageWalk): Relation {
  const [leftNode, rightNode] = node.children as readonly [PlanNode, PlanNode]
  const correlated = node.duplicate_eliminated_columns ?? []
  const left = evaluateLeft(node, leftNode, walk)
  if (correlated.length > 0) walk.correlated.push(flowsOf(inputsOf(walk, left), correlated))
  const right = walk.evaluate(rightNode)
  if (correlated.length > 0) walk.correlated.pop()

  const kind = node.join_type ?? 'INNER'
  const sides: Sides = { left, right, width: left.columns.length }
  const conditions = conditionFlows(node, walk, sides)
  if (kind !== 'MARK') recordUses(walk, 'join', conditions)
  return {
    columns: joinedColumns(node, { ...sides, kind, conditions }),
    facts: factsOf(node, kind, sides),
    additive: joinAdditive(left, right, { type: node.type, kind }),
    rows: rowsText(`${node.type} ${kind}`, left.rows, right.rows, conditionsText(node, conditions)),
    ...(left.rest === undefined && right.rest === undefined
      ? {}
      : { rest: mergedFlow([left.rest ?? noColumn, right.rest ?? noColumn], 1) }),
  }
}

interface Sides {
  readonly left: Relation
  readonly right: Relation
  readonly width: number
}

/**
 * For `from t, unnest(t.tags)` the binder numbers the rows of t with a window that nobody wrote, only to find them again:
 * it decides nothing.
 */
function evaluateLeft(node: PlanNode, leftNode: PlanNode, walk: LineageWalk): Relation {
  const [numbering, ...others] = (leftNode.expressions ?? []) as readonly {
    readonly type?: string
    readonly query_location?: number
  }[]
  const madeByBinder =
    node.type === 'LOGICAL_DELIM_JOIN' &&
    leftNode.type === 'LOGICAL_WINDOW' &&
    others.length === 0 &&
    numbering?.type === 'WINDOW_ROW_NUMBER' &&
    (numbering.query_location ?? 0) > Number.MAX_SAFE_INTEGER
  if (!madeByBinder) return walk.evaluate(leftNode)
  const numbered = walk.evaluate(leftNode.children[0]!)
  return { ...numbered, columns: [...numbered.columns, noColumn] }
}

function conditionFlows(node: PlanNode, walk: LineageWalk, sides: Sides): Column[] {
  const both = inputsOf(walk, { columns: [...sides.left.columns, ...sides.right.columns] })
  const onLeft = inputsOf(walk, sides.left)
  const onRight = inputsOf(walk, sides.right)
  const flows: Column[] = []
  for (const { left, right } of node.conditions ?? []) {
    if (left !== undefined) flows.push(flowOf(left, onLeft, 0))
    if (right !== undefined) flows.push(flowOf(right, onRight, 0))
  }
  for (const whole of [node.condition, node.predicate]) {
    if (whole !== undefined && whole !== null) flows.push(flowOf(whole, both, 0))
  }
  return flows
}

function conditionsText(node: PlanNode, flows: readonly Column[]): string {
  const comparisons = (node.conditions ?? []).map((condition) => condition.comparison ?? '')
  return [...comparisons, ...flows.map((flow) => flow.text)].join(', ')
}

function joinedColumns(
  node: PlanNode,
  join: Sides & { readonly kind: string; readonly conditions: readonly Column[] },
): readonly Column[] {
  const left = picked(join.left, node.left_projection_map).columns
  if (join.kind === 'SEMI' || join.kind === 'ANTI') return left
  if (join.kind === 'RIGHT_SEMI' || join.kind === 'RIGHT_ANTI') return join.right.columns
  if (join.kind === 'MARK') {
    const found = mergedFlow(join.conditions, 1)
    return [
      ...left,
      { sources: raised(found.sources, 1), text: rowsText('in', join.right.rows, found.text) },
    ]
  }
  const right = picked(join.right, node.right_projection_map).columns
  if (join.kind === 'INNER') return [...left, ...right]
  // A column that may be filled with null is another one than the same column of an inner join.
  const optional = (columns: readonly Column[], word: string): Column[] =>
    columns.map((column) => ({
      sources: column.sources,
      text: rowsText(
        word,
        column.text,
        join.right.rows,
        join.conditions.map((flow) => flow.text).join(', '),
      ),
    }))
  return [
    ...(join.kind === 'LEFT' || join.kind === 'SINGLE' ? left : optional(left, join.kind)),
    ...optional(right, join.kind),
  ]
}

function factsOf(node: PlanNode, kind: string, sides: Sides): Facts {
  const mapped =
    (node.left_projection_map?.length ?? 0) + (node.right_projection_map?.length ?? 0) > 0
  const isKnown =
    node.type !== 'LOGICAL_POSITIONAL_JOIN' && sides.left.rest === undefined && !mapped
  if (!isKnown) return tainted(sides.left.facts, sides.right.facts)
  return joinFacts(sides.left.facts, sides.right.facts, {
    kind,
    leftWidth: sides.width,
    equalities: equalitiesOf(node.conditions ?? []),
    asOf: node.type === 'LOGICAL_ASOF_JOIN',
  })
}

/** One function per kind of operator of the bound plan: its inputs' columns and facts become its own. */
import { notAdditive, unionAdditive } from './additive.ts'
import { flowOf, mergedFlow, noColumn, raised, type Column } from './column-flow.ts'
import { idOf } from './names.ts'
import {
  filterEqualities,
  groupFacts,
  keepDecided,
  noFacts,
  project,
  projectExpressions,
  scanFacts,
  tainted,
  unionFacts,
} from './partition-facts.ts'
import type { PlanExpression, PlanNode } from './plan-json.ts'
import { evaluateJoin } from './plan-joins.ts'
import {
  flowsOf,
  inputsOf,
  picked,
  recordUses,
  rowsText,
  sourceColumn,
  textsOf,
  type LineageWalk,
  type Relation,
} from './relation.ts'

type Operator = (node: PlanNode, walk: LineageWalk) => Relation

export function evaluate(node: PlanNode, walk: LineageWalk): Relation {
  const relation = (operators.get(node.type) ?? unknownOperator)(node, walk)
  if (node.table_index !== undefined) walk.relationByIndex.set(node.table_index, relation)
  return relation
}

const aggregateRank = 2
const windowRank = 3

function expressionsOf(node: PlanNode): readonly PlanExpression[] {
  return (node.expressions ?? []) as readonly PlanExpression[]
}

function onlyChild(node: PlanNode, walk: LineageWalk): Relation {
  const child = node.children[0]
  return child === undefined ? emptyRelation : evaluate(child, walk)
}

const emptyRelation: Relation = {
  columns: [],
  facts: noFacts,
  additive: notAdditive,
  rows: 'none',
}

function scan(node: PlanNode, walk: LineageWalk): Relation {
  const { catalog, schema, table } = node.function_data ?? {}
  if (catalog === undefined || schema === undefined || table === undefined)
    return tableFunction(node, walk)
  const id = idOf({ catalog, schema, table })
  const ordinal = (walk.scans.get(id) ?? 0) + 1
  walk.scans.set(id, ordinal)
  const read = (node.column_indexes ?? []).map(({ index }) => node.names?.[index])
  const shown =
    (node.projection_ids?.length ?? 0) > 0 ? node.projection_ids!.map((index) => read[index]) : read
  return {
    columns: shown.map((name) =>
      name === undefined ? noColumn : sourceColumn({ table: id, ordinal }, name),
    ),
    facts: scanFacts(id, shown),
    additive: [new Set([id])],
    rows: ordinal === 1 ? id : `${id}#${ordinal}`,
  }
}

/** `unnest(t.tags)`, `range(t.n)`: the function's columns, then those of the input that are handed through. */
function tableFunction(node: PlanNode, walk: LineageWalk): Relation {
  const child = onlyChild(node, walk)
  const handed = node.projected_input ?? []
  const arguments_ = child.columns.filter((_, index) => !handed.includes(index))
  const made = mergedFlow(arguments_, 1)
  const name = node.name ?? node.type
  const own = (node.column_indexes ?? []).map(({ index }) => ({
    sources: made.sources,
    text: `${name}(${made.text})[${index}]`,
  }))
  const positions = [...own.map(() => undefined), ...handed]
  return {
    columns: [...own, ...handed.map((index) => child.columns[index] ?? child.rest ?? noColumn)],
    facts: project(child.facts, positions),
    additive: child.additive,
    rows: rowsText(name, child.rows, made.text),
  }
}

function projection(node: PlanNode, walk: LineageWalk): Relation {
  const child = onlyChild(node, walk)
  const expressions = expressionsOf(node)
  return {
    columns: flowsOf(inputsOf(walk, child), expressions),
    facts: projectExpressions(child.facts, expressions, walk.zone),
    additive: child.additive,
    rows: child.rows,
  }
}

function filter(node: PlanNode, walk: LineageWalk): Relation {
  const child = onlyChild(node, walk)
  const expressions = expressionsOf(node)
  const conditions = flowsOf(inputsOf(walk, child), expressions)
  recordUses(walk, 'filter', conditions)
  const filtered: Relation = {
    ...child,
    facts: filterEqualities(child.facts, expressions),
    rows: rowsText(
      'filter',
      child.rows,
      conditions
        .map((condition) => condition.text)
        .toSorted()
        .join(', '),
    ),
  }
  return picked(filtered, node.projection_map)
}

function aggregate(node: PlanNode, walk: LineageWalk): Relation {
  const child = onlyChild(node, walk)
  const groupExpressions = node.groups ?? []
  const groups = flowsOf(inputsOf(walk, child), groupExpressions)
  const sets = node.grouping_sets ?? []
  // The binder's own guard of a scalar subquery: `first` of its only row is that row.
  const guard = groups.length === 0 && (node.groupings_index ?? 0) > Number.MAX_SAFE_INTEGER
  recordUses(walk, 'group', groups)
  const made = flowsOf(inputsOf(walk, child), expressionsOf(node), guard ? 0 : aggregateRank)
  const columns = guard ? [child.columns[0] ?? made[0] ?? noColumn, ...made.slice(1)] : made
  const grouping = (node.grouping_functions ?? []).map((list) =>
    mergedFlow(
      list.map((index) => groups[index] ?? noColumn),
      1,
    ),
  )
  const setsText = sets.length > 1 ? JSON.stringify(sets) : ''
  return {
    columns: [...groups, ...columns, ...grouping],
    facts: groupFacts(child.facts, groupExpressions, {
      zone: walk.zone,
      sets,
      aggregates: expressionsOf(node),
    }),
    additive: notAdditive,
    rows: guard
      ? rowsText('single', child.rows)
      : rowsText('group', child.rows, textsOf(groups), setsText),
  }
}

function window(node: PlanNode, walk: LineageWalk): Relation {
  const child = onlyChild(node, walk)
  const expressions = expressionsOf(node)
  const partitions = expressions.map((expression) => expression.partitions ?? [])
  return {
    ...child,
    columns: [...child.columns, ...flowsOf(inputsOf(walk, child), expressions, windowRank)],
    facts: keepDecided(child.facts, partitions, walk.zone),
    additive: notAdditive,
  }
}

function distinct(node: PlanNode, walk: LineageWalk): Relation {
  const child = onlyChild(node, walk)
  const targets = node.distinct_targets ?? []
  const flows = flowsOf(inputsOf(walk, child), targets)
  const orders = flowsOf(
    inputsOf(walk, child),
    (node.order_by?.orders ?? []).map((order) => order.expression),
  )
  recordUses(walk, 'group', flows)
  recordUses(walk, 'order', orders)
  return {
    ...child,
    facts: keepDecided(child.facts, [targets], walk.zone),
    additive: notAdditive,
    rows: rowsText('distinct', child.rows, textsOf(flows), textsOf(orders)),
  }
}

function order(node: PlanNode, walk: LineageWalk): Relation {
  const child = onlyChild(node, walk)
  const orders = node.orders ?? []
  const flows = flowsOf(
    inputsOf(walk, child),
    orders.map((each) => each.expression),
  )
  recordUses(walk, 'order', flows)
  const text = orders
    .map((each, index) => `${flows[index]!.text} ${each.type} ${each.null_order ?? ''}`)
    .join(', ')
  return picked({ ...child, rows: rowsText('order', child.rows, text) }, node.projections)
}

function limit(node: PlanNode, walk: LineageWalk): Relation {
  const child = onlyChild(node, walk)
  return {
    ...child,
    facts: tainted(child.facts),
    additive: notAdditive,
    rows: rowsText(
      'limit',
      child.rows,
      JSON.stringify([node.limit_val, node.offset_val, node.sample_options]),
    ),
  }
}

function unnest(node: PlanNode, walk: LineageWalk): Relation {
  const child = onlyChild(node, walk)
  const made = flowsOf(inputsOf(walk, child), expressionsOf(node), 1)
  return {
    ...child,
    columns: [...child.columns, ...made],
    rows: rowsText('unnest', child.rows, textsOf(made)),
  }
}

function union(node: PlanNode, walk: LineageWalk): Relation {
  const parts = node.children.map((child) => evaluate(child, walk))
  const width = node.column_count ?? Math.max(0, ...parts.map((part) => part.columns.length))
  const columns = Array.from({ length: width }, (_, index) =>
    mergedFlow(
      parts.map((part) => part.columns[index] ?? part.rest ?? noColumn),
      0,
    ),
  )
  const facts = parts.map((part) => part.facts)
  return {
    columns,
    facts: facts.reduce(unionFacts, noFacts),
    additive: unionAdditive(parts),
    rows: rowsText('union', ...parts.map((part) => part.rows)),
  }
}

/** `except` and `intersect`: the left side's rows, chosen by all columns of both sides. */
function difference(node: PlanNode, walk: LineageWalk): Relation {
  const parts = node.children.map((child) => evaluate(child, walk))
  for (const part of parts) recordUses(walk, 'filter', part.columns)
  return {
    columns: parts[0]?.columns ?? [],
    facts: parts.map((part) => part.facts).reduce(unionFacts, noFacts),
    additive: notAdditive,
    rows: rowsText(node.type, String(node.setop_all ?? false), ...parts.map((part) => part.rows)),
  }
}

function materialized(node: PlanNode, walk: LineageWalk): Relation {
  const relation = evaluate(node.children[0]!, walk)
  walk.expressions.set(node.table_index!, { relation, reads: 0 })
  return evaluate(node.children[1]!, walk)
}

const recursionsMax = 20

/** Repeats the recursive part until no new source appears. Each level's rows build on all earlier ones, so nothing is proven. */
function recursive(node: PlanNode, walk: LineageWalk): Relation {
  const start = evaluate(node.children[0]!, walk)
  let columns = start.columns
  let step = emptyRelation
  for (let round = 0; round < recursionsMax; round++) {
    walk.expressions.set(node.table_index!, {
      relation: { ...start, columns, facts: tainted(start.facts), additive: notAdditive },
      reads: 0,
    })
    step = evaluate(node.children[1]!, walk)
    const next = columns.map((column, index) => ({
      ...column,
      sources: mergedFlow([column, step.columns[index] ?? noColumn], 0).sources,
    }))
    const grown = next.some((column, index) => !sameSources(column, columns[index]!))
    columns = next
    if (!grown) break
  }
  const text = rowsText('recursive', start.rows, step.rows, textsOf(step.columns))
  return {
    columns: columns.map((column, index) => ({
      sources: column.sources,
      text: rowsText(`${index}`, column.text, text),
    })),
    facts: tainted(start.facts, step.facts),
    additive: notAdditive,
    rows: text,
  }
}

function sameSources(left: Column, right: Column): boolean {
  return (
    left.sources.size === right.sources.size &&
    [...left.sources].every(([key, rank]) => right.sources.get(key) === rank)
  )
}

function expressionRead(node: PlanNode, walk: LineageWalk): Relation {
  const known = walk.expressions.get(node.cte_index!)
  if (known === undefined) return emptyRelation
  known.reads++
  if (known.reads === 1) return known.relation
  const reads = known.reads
  const renamed = (column: Column): Column => ({
    sources: column.sources,
    text: rowsText(`read ${reads}`, column.text),
  })
  return {
    ...known.relation,
    columns: known.relation.columns.map(renamed),
    rows: rowsText(`read ${reads}`, known.relation.rows),
  }
}

function correlatedRead(node: PlanNode, walk: LineageWalk): Relation {
  const width = node.chunk_types?.length
  const columns =
    walk.correlated.findLast((frame) => width === undefined || frame.length === width) ??
    walk.correlated.at(-1) ??
    []
  return { columns, facts: noFacts, additive: notAdditive, rows: 'outer' }
}

/** `values (…), (…)`: rows of expressions. */
function expressionList(node: PlanNode, walk: LineageWalk): Relation {
  const child = onlyChild(node, walk)
  const rows = (node.expressions ?? []) as readonly (readonly PlanExpression[])[]
  const inputs = inputsOf(walk, child)
  const columns = (rows[0] ?? []).map((_, index) =>
    mergedFlow(
      rows.map((row) => flowOf(row[index]!, inputs, 0)),
      1,
    ),
  )
  return {
    columns,
    facts: child.facts,
    additive: child.additive,
    rows: rowsText('values', String(rows.length), textsOf(columns)),
  }
}

function unknownOperator(node: PlanNode, walk: LineageWalk): Relation {
  const parts = node.children.map((child) => evaluate(child, walk))
  const all = parts.flatMap((part) => [
    ...part.columns,
    ...(part.rest === undefined ? [] : [part.rest]),
  ])
  const rest = mergedFlow(all, 1)
  return {
    columns: [],
    rest: { sources: raised(rest.sources, 1), text: rowsText(node.type, rest.text) },
    facts: tainted(...parts.map((part) => part.facts)),
    additive: notAdditive,
    rows: rowsText(node.type, ...parts.map((part) => part.rows)),
  }
}

const operators: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ['LOGICAL_GET', scan],
  ['LOGICAL_PROJECTION', projection],
  ['LOGICAL_FILTER', filter],
  ['LOGICAL_AGGREGATE_AND_GROUP_BY', aggregate],
  ['LOGICAL_WINDOW', window],
  ['LOGICAL_DISTINCT', distinct],
  ['LOGICAL_ORDER_BY', order],
  ['LOGICAL_LIMIT', limit],
  ['LOGICAL_SAMPLE', limit],
  ['LOGICAL_UNNEST', unnest],
  ['LOGICAL_UNION', union],
  ['LOGICAL_EXCEPT', difference],
  ['LOGICAL_INTERSECT', difference],
  ['LOGICAL_MATERIALIZED_CTE', materialized],
  ['LOGICAL_RECURSIVE_CTE', recursive],
  ['LOGICAL_CTE_REF', expressionRead],
  ['LOGICAL_DELIM_GET', correlatedRead],
  ['LOGICAL_EXPRESSION_GET', expressionList],
  ['LOGICAL_DUMMY_SCAN', () => ({ ...emptyRelation, rows: 'one' })],
  ['LOGICAL_EMPTY_RESULT', () => emptyRelation],
  ['LOGICAL_CHUNK_GET', () => emptyRelation],
  ['LOGICAL_COMPARISON_JOIN', evaluateJoin],
  ['LOGICAL_DELIM_JOIN', evaluateJoin],
  ['LOGICAL_ASOF_JOIN', evaluateJoin],
  ['LOGICAL_ANY_JOIN', evaluateJoin],
  ['LOGICAL_CROSS_PRODUCT', evaluateJoin],
  ['LOGICAL_DEPENDENT_JOIN', evaluateJoin],
  ['LOGICAL_POSITIONAL_JOIN', evaluateJoin],
])

/** What a text uses, from the parser's own syntax tree: syntax elements, functions and types, by the names of the portable subset. */
import type { Binding } from '../engine.ts'
import { characterOffset } from './errors.ts'

type Construct = Binding['constructs'][number]

/** A node of the tree, as `json_serialize_sql` writes it. */
type TreeNode = Readonly<Record<string, unknown>>

export interface SqlTree {
  readonly constructs: readonly Construct[]
  /** Tables named in the text, as ids, common table expressions left out. */
  readonly tables: readonly string[]
}

interface TreeWalk {
  readonly sql: string
  readonly found: Map<string, Construct>
  readonly functions: Construct[]
  readonly tables: Set<string>
  readonly isByteText: boolean
}

export function readTree(tree: unknown, sql: string): SqlTree {
  const walk: TreeWalk = {
    sql,
    found: new Map(),
    functions: [],
    tables: new Set(),
    isByteText: Buffer.byteLength(sql) === sql.length,
  }
  visit(tree, walk, new Set())
  return {
    constructs: [...walk.found.values(), ...walk.functions],
    tables: [...walk.tables].toSorted(),
  }
}

function offsetOf(node: TreeNode, walk: TreeWalk): number | undefined {
  const location = node['query_location']
  if (typeof location !== 'number' || location > walk.sql.length * 3) return undefined
  return walk.isByteText ? location : characterOffset(walk.sql, location)
}

/** The first place of a syntax element is enough. */
function syntax(walk: TreeWalk, name: string, node: TreeNode): void {
  const known = walk.found.get(name)
  if (known?.offset !== undefined) return
  const offset = offsetOf(node, walk)
  if (known !== undefined && offset === undefined) return
  walk.found.set(name, { kind: 'syntax', name, ...(offset === undefined ? {} : { offset }) })
}

function isNode(value: unknown): value is TreeNode {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** `expressions` are the names of common table expressions in scope. */
function visit(value: unknown, walk: TreeWalk, expressions: ReadonlySet<string>): void {
  if (Array.isArray(value)) {
    for (const item of value) visit(item, walk, expressions)
    return
  }
  if (!isNode(value)) return
  const scope = scopeOf(value, walk, expressions)
  const rule = typeof value['class'] === 'string' ? expressionRules[value['class']] : undefined
  const name = value['type']
  ;(rule ?? (typeof name === 'string' ? nodeRules[name] : undefined))?.(value, walk, scope)
  for (const [field, item] of Object.entries(value)) {
    if (typeof item === 'object' && item !== null && field !== 'value') visit(item, walk, scope)
    // The values of pairs (common table expressions, replace lists) are nodes too, but a constant's value is not.
    else if (field === 'value' && value['class'] !== 'CONSTANT') visit(item, walk, scope)
  }
  if (value['class'] !== 'CONSTANT' && isNode(value['value'])) visit(value['value'], walk, scope)
}

function scopeOf(
  node: TreeNode,
  walk: TreeWalk,
  expressions: ReadonlySet<string>,
): ReadonlySet<string> {
  const map = isNode(node['cte_map']) ? listOf(node['cte_map']['map']) : []
  const names = map.flatMap((entry) =>
    isNode(entry) && typeof entry['key'] === 'string' ? [entry['key'].toLowerCase()] : [],
  )
  if (typeof node['cte_name'] === 'string') names.push(node['cte_name'].toLowerCase())
  if (names.length === 0) return expressions
  if (map.length > 0) syntax(walk, 'cte', node)
  return new Set([...expressions, ...names])
}

type Rule = (node: TreeNode, walk: TreeWalk, expressions: ReadonlySet<string>) => void

function named(name: string): Rule {
  return (node, walk) => syntax(walk, name, node)
}

const nodeRules: Readonly<Record<string, Rule>> = {
  SELECT_NODE: selectNode,
  SET_OPERATION_NODE: (node, walk) => {
    const kind = String(node['setop_type']).toLowerCase().replaceAll('_', ' ')
    syntax(walk, node['setop_all'] === true ? `${kind} all` : kind, node)
  },
  RECURSIVE_CTE_NODE: named('recursive cte'),
  BASE_TABLE: baseTable,
  JOIN: join,
  SUBQUERY: named('subquery'),
  TABLE_FUNCTION: named('table function'),
  EXPRESSION_LIST: named('values'),
  PIVOT: (node, walk) =>
    syntax(walk, listOf(node['unpivot_names']).length > 0 ? 'unpivot' : 'pivot', node),
  SHOW_REF: named('describe'),
  DISTINCT_MODIFIER: (node, walk) =>
    syntax(walk, listOf(node['distinct_on_targets']).length > 0 ? 'distinct on' : 'distinct', node),
  LIMIT_MODIFIER: (node, walk) => {
    if (isNode(node['limit'])) syntax(walk, 'limit', node['limit'])
    if (isNode(node['offset'])) syntax(walk, 'offset', node['offset'])
  },
  LIMIT_PERCENT_MODIFIER: (node, walk) =>
    syntax(walk, 'limit percent', isNode(node['limit']) ? node['limit'] : node),
}

function selectNode(node: TreeNode, walk: TreeWalk): void {
  const list = listOf(node['select_list']).filter(isNode)
  const from = isNode(node['from_table']) ? node['from_table'] : undefined
  const first = list[0]
  syntax(walk, 'select', node)
  if (from !== undefined && from['type'] !== 'EMPTY') syntax(walk, 'from', from)
  if (first !== undefined && from !== undefined && beginsWithFrom(first, from, walk))
    syntax(walk, 'from first', from)
  if (isNode(node['where_clause'])) syntax(walk, 'where', node['where_clause'])
  groupClauses(node, walk)
  if (isNode(node['having'])) syntax(walk, 'having', node['having'])
  if (isNode(node['qualify'])) syntax(walk, 'qualify', node['qualify'])
  if (isNode(node['sample']) || (isNode(from) && isNode(from['sample'])))
    syntax(walk, 'sample', from ?? node)
  for (const modifier of listOf(node['modifiers']))
    if (isNode(modifier) && modifier['type'] === 'ORDER_MODIFIER') orderClause(modifier, walk)
}

function beginsWithFrom(first: TreeNode, from: TreeNode, walk: TreeWalk): boolean {
  if (
    from['type'] === 'EXPRESSION_LIST' ||
    from['type'] === 'SHOW_REF' ||
    from['type'] === 'PIVOT' ||
    from['type'] === 'EMPTY'
  )
    return false
  const select = offsetOf(first, walk)
  const table =
    offsetOf(from, walk) ?? (isNode(from['left']) ? offsetOf(from['left'], walk) : undefined)
  // The star that nobody wrote stands at 0, where no written one can.
  if (select === undefined || select === 0) return first['type'] === 'STAR'
  return table !== undefined && table < select
}

function groupClauses(node: TreeNode, walk: TreeWalk): void {
  const groups = listOf(node['group_expressions'])
  if (node['aggregate_handling'] === 'FORCE_AGGREGATES') syntax(walk, 'group by all', node)
  if (groups.length === 0) return
  syntax(walk, 'group by', groups.find(isNode) ?? node)
  if (listOf(node['group_sets']).length > 1)
    syntax(walk, groupingWord(walk.sql), groups.find(isNode) ?? node)
}

/** The tree holds the sets written out; the word stands in the text only. */
function groupingWord(sql: string): string {
  return /\brollup\s*\(/i.test(sql) ? 'rollup' : /\bcube\s*\(/i.test(sql) ? 'cube' : 'grouping sets'
}

function orderClause(modifier: TreeNode, walk: TreeWalk): void {
  for (const order of listOf(modifier['orders']).filter(isNode)) {
    const expression = isNode(order['expression']) ? order['expression'] : order
    syntax(walk, expression['type'] === 'STAR' ? 'order by all' : 'order by', expression)
    if (order['null_order'] === 'NULLS FIRST') syntax(walk, 'nulls first', expression)
    if (order['null_order'] === 'NULLS LAST') syntax(walk, 'nulls last', expression)
  }
}

function baseTable(node: TreeNode, walk: TreeWalk, expressions: ReadonlySet<string>): void {
  const parts = [node['catalog_name'], node['schema_name'], node['table_name']].filter(
    (part): part is string => typeof part === 'string' && part !== '',
  )
  if (parts.length === 1 && expressions.has(parts[0]!.toLowerCase())) return
  walk.tables.add(
    parts.length === 3 && parts[1] === 'main' ? `${parts[0]}.${parts[2]}` : parts.join('.'),
  )
  if (isNode(node['at_clause'])) syntax(walk, 'time travel', node)
}

function join(node: TreeNode, walk: TreeWalk): void {
  const kind = String(node['ref_type'])
  const place = isNode(node['right']) ? node['right'] : node
  const type = String(node['join_type']).toLowerCase()
  if (kind === 'CROSS') syntax(walk, 'cross join', place)
  else syntax(walk, kind === 'REGULAR' ? `${type} join` : `${kind.toLowerCase()} join`, place)
  if (listOf(node['using_columns']).length > 0) syntax(walk, 'using', place)
}

const expressionRules: Readonly<Record<string, Rule>> = {
  STAR: starNode,
  FUNCTION: functionNode,
  WINDOW: windowNode,
  LAMBDA: (node, walk) => {
    if (!walk.found.has('list comprehension')) syntax(walk, 'lambda', node)
  },
  CAST: castNode,
  CASE: named('case'),
  BETWEEN: named('between'),
  PARAMETER: named('parameter'),
  COLLATE: named('collate'),
  POSITIONAL_REFERENCE: named('positional reference'),
  CONJUNCTION: (node, walk) => syntax(walk, node['type'] === 'CONJUNCTION_OR' ? 'or' : 'and', node),
  COMPARISON: (node, walk) =>
    syntax(walk, comparisonNames[String(node['type'])] ?? 'comparison', node),
  OPERATOR: (node, walk) => {
    const type = String(node['type'])
    syntax(
      walk,
      operatorNames[type] ??
        type
          .toLowerCase()
          .replace(/^operator_/, '')
          .replaceAll('_', ' '),
      node,
    )
  },
  SUBQUERY: (node, walk) =>
    syntax(walk, subqueryNames[String(node['subquery_type'])] ?? 'subquery', node),
  COLUMN_REF: (node, walk) => {
    const [name, ...others] = listOf(node['column_names'])
    if (others.length === 0 && typeof name === 'string' && valueNames.has(name.toLowerCase()))
      call(walk, name.toLowerCase(), node)
    syntax(walk, 'column reference', node)
  },
  CONSTANT: named('constant'),
}

/** Functions that are written without parentheses. */
const valueNames = new Set([
  'current_date',
  'current_timestamp',
  'current_time',
  'localtime',
  'localtimestamp',
  'current_user',
  'current_schema',
])

const comparisonNames: Readonly<Record<string, string>> = {
  COMPARE_DISTINCT_FROM: 'is distinct from',
  COMPARE_NOT_DISTINCT_FROM: 'is not distinct from',
}

const operatorNames: Readonly<Record<string, string>> = {
  OPERATOR_NOT: 'not',
  OPERATOR_IS_NULL: 'is null',
  OPERATOR_IS_NOT_NULL: 'is not null',
  OPERATOR_COALESCE: 'coalesce',
  COMPARE_IN: 'in',
  COMPARE_NOT_IN: 'in',
  ARRAY_EXTRACT: 'list access',
  ARRAY_SLICE: 'slice',
  STRUCT_EXTRACT: 'struct access',
  ARRAY_CONSTRUCTOR: 'list literal',
}

const subqueryNames: Readonly<Record<string, string>> = {
  SCALAR: 'scalar subquery',
  EXISTS: 'exists',
  NOT_EXISTS: 'exists',
  ANY: 'in subquery',
  NOT_ANY: 'in subquery',
}

function starNode(node: TreeNode, walk: TreeWalk): void {
  if (node['columns'] === true) {
    // `order by all` is written as this star without a place.
    if (offsetOf(node, walk) !== undefined || isNode(node['expr'])) syntax(walk, 'columns()', node)
    return
  }
  syntax(walk, 'star', node)
  if (listOf(node['exclude_list']).length > 0 || listOf(node['qualified_exclude_list']).length > 0)
    syntax(walk, 'exclude', node)
  if (listOf(node['replace_list']).length > 0) syntax(walk, 'replace', node)
  if (listOf(node['rename_list']).length > 0) syntax(walk, 'rename', node)
}

/** The parser writes literals as calls in schema `main`, which no author writes. */
const literalNames: Readonly<Record<string, string>> = {
  list_value: 'list literal',
  struct_pack: 'struct literal',
  row: 'struct literal',
  map: 'map literal',
  list_apply: 'list comprehension',
}

function functionNode(node: TreeNode, walk: TreeWalk): void {
  const name = String(node['function_name'])
  const written = node['schema'] === 'main' ? literalNames[name] : undefined
  if (written !== undefined) {
    syntax(walk, written, node)
    return
  }
  if (name === 'list_filter' && node['schema'] === 'main' && walk.found.has('list comprehension'))
    return
  if (name === 'timezone' && node['schema'] === 'main') syntax(walk, 'at time zone', node)
  const pattern = patternName(name, node, walk)
  if (pattern !== undefined) syntax(walk, pattern, node)
  if (/^to_\w+s$/.test(name) && isIntervalLiteral(node, walk))
    syntax(walk, 'interval literal', node)
  if (
    isNode(listOf(node['children'])[0]) &&
    node['is_operator'] === true &&
    (listOf(node['children'])[0] as TreeNode)['type'] === 'STAR'
  )
    syntax(walk, 'star like', node)
  call(walk, name, node)
  if (node['distinct'] === true) syntax(walk, 'distinct aggregate', node)
  if (isNode(node['filter'])) syntax(walk, 'filter', node)
  if (isNode(node['order_bys']) && listOf(node['order_bys']['orders']).length > 0)
    syntax(walk, 'ordered aggregate', node)
  if (name === 'unnest') syntax(walk, 'unnest', node)
}

function patternName(name: string, node: TreeNode, walk: TreeWalk): string | undefined {
  if (name === '~~~') return 'glob'
  if (name !== 'regexp_full_match') return undefined
  const offset = offsetOf(node, walk)
  const written = offset === undefined ? '' : walk.sql.slice(offset, offset + 24)
  return /^(not\s+)?similar\b/i.test(written) || offset === undefined ? 'similar to' : undefined
}

/** `interval 3 day` comes as `to_days(…)` whose place is the number. */
function isIntervalLiteral(node: TreeNode, walk: TreeWalk): boolean {
  const offset = offsetOf(node, walk)
  return offset !== undefined && !/^to_/i.test(walk.sql.slice(offset, offset + 3))
}

function call(walk: TreeWalk, name: string, node: TreeNode): void {
  const offset = offsetOf(node, walk)
  walk.functions.push({ kind: 'function', name, ...(offset === undefined ? {} : { offset }) })
}

function windowNode(node: TreeNode, walk: TreeWalk): void {
  syntax(walk, 'window', node)
  call(walk, String(node['function_name']), node)
  if (node['ignore_nulls'] === true) syntax(walk, 'ignore nulls', node)
  if (node['distinct'] === true) syntax(walk, 'distinct aggregate', node)
  if (isNode(node['filter_expr'])) syntax(walk, 'filter', node)
  if (node['exclude_clause'] !== 'NO_OTHER') syntax(walk, 'window exclude', node)
  const frame = `${String(node['start'])} ${String(node['end'])}`
  if (frame.includes('GROUPS')) syntax(walk, 'groups frame', node)
  else if (frame !== 'UNBOUNDED_PRECEDING CURRENT_ROW_RANGE') syntax(walk, 'window frame', node)
}

function castNode(node: TreeNode, walk: TreeWalk): void {
  const type = isNode(node['cast_type']) ? node['cast_type'] : {}
  const name = typeName(type)
  const child = isNode(node['child']) ? node['child'] : undefined
  if (name === 'interval' && child?.['class'] === 'CONSTANT') syntax(walk, 'interval literal', node)
  else syntax(walk, node['try_cast'] === true ? 'try cast' : 'cast', node)
  const offset = offsetOf(node, walk)
  walk.functions.push({ kind: 'type', name, ...(offset === undefined ? {} : { offset }) })
}

function typeName(type: TreeNode): string {
  const id = String(type['id'])
  const info = isNode(type['type_info']) ? type['type_info'] : {}
  // A type that the parser does not know itself (json, or a wrong name) is looked up when binding.
  if (id === 'UNBOUND' || id === 'USER') return unboundName(info).toLowerCase()
  return id === 'VARCHAR' && info['alias'] === 'JSON' ? 'json' : id.toLowerCase()
}

function unboundName(info: TreeNode): string {
  for (const field of ['user_type_name', 'name', 'type_name'])
    if (typeof info[field] === 'string') return info[field]
  const expression = info['expr']
  if (isNode(expression) && typeof expression['type_name'] === 'string')
    return expression['type_name']
  return 'unknown'
}

/** What a column of an intermediate result is made of, and a text that is equal exactly when it is computed in the same way. */
import { contentHash } from '../../base/hash.ts'
import type { PlanExpression } from './plan-json.ts'

/** How a source column comes in, the strongest of several: identity < transform < aggregate < window. */
export type FlowKind = 'identity' | 'transform' | 'aggregate' | 'window'

export const flowKinds: readonly FlowKind[] = ['identity', 'transform', 'aggregate', 'window']

/** Rank in `flowKinds` by source column (see `sourceKey`). */
export type Sources = ReadonlyMap<string, number>

export interface Column {
  readonly sources: Sources
  readonly text: string
}

const noSources: Sources = new Map()
export const noColumn: Column = { sources: noSources, text: '' }

/** Table and column in one text; a name cannot hold the separator. */
export function sourceKey(table: string, column: string): string {
  return `${table}\u0000${column}`
}

export function splitKey(key: string): { readonly table: string; readonly column: string } {
  const at = key.indexOf('\u0000')
  return { table: key.slice(0, at), column: key.slice(at + 1) }
}

/** Where references of an expression point. */
export interface Inputs {
  at(index: number): Column
  /** For references by operator that the plan leaves unresolved below lateral table functions. */
  bound(tableIndex: number, columnIndex: number): Column
}

/** Everything that the expression reads and how; `rank` is the least kind that a computation here gives. */
export function flowOf(expression: PlanExpression, inputs: Inputs, rank: number): Column {
  const direct = referenced(expression, inputs)
  if (direct !== undefined)
    return rank <= 1 ? direct : { sources: raised(direct.sources, rank), text: direct.text }
  const sources = new Map<string, number>()
  const text = textOf(expression, { inputs, sources, rank: Math.max(rank, 1) })
  return { sources, text: shortened(text) }
}

function referenced(expression: PlanExpression, inputs: Inputs): Column | undefined {
  if (expression.expression_class === 'BOUND_REF') return inputs.at(expression.index!)
  if (expression.expression_class !== 'BOUND_COLUMN_REF') return undefined
  return inputs.bound(expression.binding!.table_index, expression.binding!.column_index)
}

/** The flow of several together. */
export function mergedFlow(columns: readonly Column[], rank: number): Column {
  const sources = new Map<string, number>()
  for (const column of columns) addSources(sources, column.sources, rank)
  return { sources, text: shortened(columns.map((column) => column.text).join(', ')) }
}

export function raised(sources: Sources, rank: number): Sources {
  const result = new Map<string, number>()
  addSources(result, sources, rank)
  return result
}

function addSources(into: Map<string, number>, sources: Sources, rank: number): void {
  for (const [key, own] of sources) {
    const strongest = Math.max(own, rank)
    const known = into.get(key)
    if (known === undefined || known < strongest) into.set(key, strongest)
  }
}

interface Walk {
  readonly inputs: Inputs
  readonly sources: Map<string, number>
  readonly rank: number
}

/** Fields that name, place or repeat, but do not compute. */
const silentFields = new Set([
  'expression_class',
  'alias',
  'query_location',
  'arguments',
  'original_arguments',
  'catalog_name',
  'schema_name',
  'has_serialize',
  'is_operator',
  'type_info',
  'bind_info',
  'extension_info',
])

function textOf(value: unknown, walk: Walk): string {
  if (Array.isArray(value)) return value.map((item) => textOf(item, walk)).join(',')
  if (typeof value !== 'object' || value === null) return String(value)
  const expression = value as PlanExpression
  if (expression.expression_class !== undefined) {
    const direct = referenced(expression, walk.inputs)
    if (direct !== undefined) {
      addSources(walk.sources, direct.sources, walk.rank)
      return direct.text
    }
  }
  return fieldsText(value, walk)
}

function fieldsText(value: object, walk: Walk): string {
  const parts: string[] = []
  const isCast = (value as PlanExpression).expression_class === 'BOUND_CAST'
  for (const [field, item] of Object.entries(value) as [string, unknown][]) {
    if (item === null || item === '' || item === false || silentFields.has(field)) continue
    if (Array.isArray(item) && item.length === 0) continue
    if (field === 'return_type' && !isCast) continue
    // A lambda's own references count its parameters, not the operator's inputs; what it captures stands among the children.
    parts.push(
      field === 'function_data' || field === 'return_type'
        ? JSON.stringify(item)
        : textOf(item, walk),
    )
  }
  return `(${parts.join(' ')})`
}

const textLengthMax = 240

/** Keeps texts of deep expressions short and still different when they differ. */
export function shortened(text: string): string {
  return text.length <= textLengthMax ? text : `#${contentHash(text)}`
}

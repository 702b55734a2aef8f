/**
 * What a builder returns: an object whose columns are direct properties and whose meaning lies under one global symbol.
 * The symbol is global because two copies of the package can meet in one process; nothing is kept in a registry.
 * Builders never refuse: a declaration that makes no sense is kept as it is, so that `buildModel` reports every fault at once.
 */
import type { Place } from '../base/errors.ts'
import type {
  Aggregate,
  AsOf,
  ColumnType,
  CsvOptions,
  FunnelRule,
  LifecycleState,
  Percentile,
  Scalar,
  TouchesModel,
} from './model.ts'

export const definition: unique symbol = Symbol.for('maru.definition')

/** The public face of every definition; the rest of what lies under the symbol is `DefinitionData`. */
export interface Defined<Kind extends string> {
  readonly [definition]: { readonly kind: Kind }
}

/** What follows the name of the faulty thing in a message, and the next step. */
export interface OptionFault {
  readonly name: string
  readonly fault: string
  readonly hint: string
}

export interface WithFaults {
  readonly optionFaults?: readonly OptionFault[]
}

export interface ColumnSpec extends WithFaults {
  readonly type:
    | ColumnType
    | { readonly kind: 'key'; readonly of: ColumnType }
    | { readonly kind: 'reference'; readonly target: unknown }
  /** Undefined on a reference: the object's own description. */
  readonly description: string | undefined
  readonly unit?: string
  readonly required?: boolean
  readonly tags?: readonly string[]
  /** The name in the file or the database, where it differs. */
  readonly field?: string
  /** Of a reference: keys that name no object are kept. */
  readonly orphans?: 'allowed'
  /** An object of which no version holds reads as its key. */
  readonly absent?: 'key'
  readonly buckets?: readonly number[]
}

export interface ColumnData {
  readonly kind: 'column'
  readonly spec: ColumnSpec
  /** The table that the column belongs to; absent until a table takes it. */
  readonly owner?: object
  readonly name?: string
}

/** A property that was asked for and is not there: kept, so that the message can name it and what is near. */
export interface MissingData {
  readonly kind: 'missing'
  readonly owner: object
  readonly name: string
}

export interface PathData {
  readonly kind: 'path'
  readonly columns: readonly unknown[]
  readonly asOf?: AsOf
}

/** `metricOf(purchases, member.id)`, what a condition compares. */
export interface MetricOfData {
  readonly kind: 'metric_of'
  readonly metric: unknown
  readonly to: unknown
}

export type Test =
  | {
      readonly kind: 'compare'
      readonly subject: unknown
      readonly operator: '=' | '!=' | '<' | '<=' | '>' | '>='
      readonly value: unknown
    }
  | { readonly kind: 'in'; readonly subject: unknown; readonly values: unknown }
  | { readonly kind: 'like'; readonly subject: unknown; readonly pattern: unknown }
  | { readonly kind: 'unknown'; readonly subject: unknown }
  | { readonly kind: 'and' | 'or'; readonly operands: readonly unknown[] }
  | { readonly kind: 'not'; readonly operand: unknown }

export interface ConditionData {
  readonly kind: 'condition'
  readonly test: Test
}

export type SqlPartData =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'reference'; readonly to: unknown }
  /** A table that no file declares. */
  | { readonly kind: 'table'; readonly id: string }
  | { readonly kind: 'value'; readonly value: Scalar }

export interface SqlData {
  readonly kind: 'sql'
  readonly parts: readonly SqlPartData[]
  /** Indexes in `parts` of the literal's own text. */
  readonly chunks: readonly number[]
  readonly place: Place
}

interface TableData extends WithFaults {
  readonly place: Place
  readonly owner?: string
  readonly description?: string
  readonly columns: Readonly<Record<string, unknown>>
}

export interface RawTableData extends TableData {
  readonly kind: 'raw_table'
  readonly by?: string
  readonly from?: string
}

export interface SourceData extends WithFaults {
  readonly kind: 'source'
  readonly place: Place
  readonly owner?: string
  readonly from?: string
  readonly tables: Readonly<Record<string, unknown>>
}

export interface FilesData extends TableData {
  readonly kind: 'files'
  readonly path: string | readonly string[]
  readonly format: 'csv' | 'ndjson' | 'parquet'
  readonly csv?: CsvOptions
  readonly by?: string
}

export interface EventData extends TableData {
  readonly kind: 'event'
  readonly name: string
  readonly example?: Readonly<Record<string, unknown>>
}

export interface ObjectData extends TableData {
  readonly kind: 'object'
  readonly history?: boolean
  readonly calendar?: { readonly day?: unknown; readonly grains?: unknown }
  readonly touches?: TouchesModel
  readonly sql: unknown
}

export interface ActivityData extends TableData {
  readonly kind: 'activity'
  readonly says: string
  readonly by: string
  readonly to?: readonly string[]
  /** Called by `buildModel` with the activity itself, so that a fault in it is reported with the others. */
  readonly checks?: (row: object) => unknown
  readonly sql: unknown
}

export interface AttributesData extends TableData {
  readonly kind: 'attributes'
  readonly object: unknown
  readonly history?: boolean
  readonly sql?: unknown
  /** Derived attributes by name; then there is no `sql`. */
  readonly derived?: Readonly<Record<string, unknown>>
  readonly describe?: Readonly<Record<string, string | undefined>>
  readonly buckets?: Readonly<Record<string, readonly number[] | undefined>>
  /** As in ColumnSpec, for the object's key. */
  readonly orphans?: 'allowed'
}

export interface MergedData extends WithFaults {
  readonly kind: 'merged'
  readonly place: Place
  readonly activity: unknown
  readonly owner?: string
  readonly description?: string
  readonly groups?: readonly unknown[]
  readonly related?: Readonly<Record<string, unknown>>
}

export type Selector =
  | { readonly kind: 'all' | 'first' | 'last' }
  | { readonly kind: 'nth'; readonly n: number; readonly counted?: 'history' }

export interface BoundData {
  /** An activity (its row that is looked from), a chosen row, or an instant as text. */
  readonly at: unknown
  readonly inclusive: boolean
  /** Of an activity: the row after the one that is looked from. */
  readonly next?: true
}

/** What narrows which activities are seen, the same for rows and for aggregates. */
export interface ChoiceData extends WithFaults {
  readonly of?: unknown
  readonly filter?: unknown
  readonly window?: { readonly from?: BoundData; readonly to?: BoundData }
  readonly within?: string
  readonly same?: readonly (readonly [unknown, unknown])[]
  readonly keep?: unknown
  readonly per?: unknown
}

/** `first(purchase)` before a column is taken. */
export interface RowData {
  readonly kind: 'row'
  readonly activity: unknown
  readonly selector: Selector
  readonly choice: ChoiceData
}

export interface SelectionData {
  readonly kind: 'selection'
  readonly row: RowData
  readonly column: string
}

export interface MetricOptions {
  readonly description?: string
  readonly owner?: string
  readonly unit?: string
  readonly synonyms?: readonly string[]
  readonly direction?: 'up' | 'down'
  /** Stands for an unknown value of a group. */
  readonly fill?: number
  /** By a time grain, every period of the range has a group. */
  readonly calendar?: true
}

export interface AggregateData {
  readonly kind: 'aggregate'
  readonly place: Place
  readonly aggregate: Aggregate
  /** The table or the chosen rows of a count, the column, path or chosen row's column of the others. */
  readonly of: unknown
  readonly choice: ChoiceData
  /** Apart for each value of the choice's `per`. */
  readonly map?: true
  readonly percentile?: Percentile
  readonly balance?: {
    readonly kind: 'first' | 'last' | 'average'
    readonly per: readonly unknown[]
  }
  readonly options: MetricOptions
}

export interface RatioData {
  readonly kind: 'ratio'
  readonly place: Place
  readonly numerator: unknown
  readonly denominator: unknown
  readonly options: MetricOptions
}

export interface FormulaData {
  readonly kind: 'formula'
  readonly place: Place
  readonly texts: readonly string[]
  readonly holes: readonly unknown[]
  readonly options: MetricOptions
}

/** `offset(sales, '1 year')`, `total(sales)`: an input of a formula. */
export interface OperandData {
  readonly kind: 'operand'
  readonly metric: unknown
  readonly offset?: string | { readonly to: string }
  readonly total?: readonly string[]
}

interface ShapedData {
  readonly place: Place
  readonly options: MetricOptions
}

export interface CumulativeData extends ShapedData {
  readonly kind: 'cumulative'
  readonly metric: unknown
  readonly window?: string
  readonly toDate?: string
  readonly across?: 'first' | 'last' | 'average'
}

export interface ConversionData extends ShapedData {
  readonly kind: 'conversion'
  readonly base: unknown
  readonly conversion: unknown
  readonly within?: string
  readonly result?: 'rate' | 'count'
}

export interface FunnelData extends ShapedData {
  readonly kind: 'funnel'
  readonly steps: readonly unknown[]
  readonly within?: string
  readonly rules?: readonly FunnelRule[]
  readonly result?: 'level' | { readonly step: number; readonly from?: number }
}

export interface RetentionData extends ShapedData {
  readonly kind: 'retention'
  readonly start: unknown
  readonly back: unknown
  readonly grain: string
  readonly counting?: 'recurring' | 'rolling'
  readonly result?: 'actors' | 'rate'
  readonly at?: number
}

export interface LifecycleData extends ShapedData {
  readonly kind: 'lifecycle'
  readonly rows: unknown
  readonly state: LifecycleState
  readonly grain: string
}

export interface StickinessData extends ShapedData {
  readonly kind: 'stickiness'
  readonly rows: unknown
  readonly grain: string
}

export type TableDefinitionData =
  | RawTableData
  | FilesData
  | EventData
  | ObjectData
  | ActivityData
  | AttributesData
export type ShapedMetricData =
  | CumulativeData
  | ConversionData
  | FunnelData
  | RetentionData
  | LifecycleData
  | StickinessData
export type MetricData = AggregateData | RatioData | FormulaData | ShapedMetricData

export const metricKinds: ReadonlySet<string> = new Set<MetricData['kind']>([
  'aggregate',
  'ratio',
  'formula',
  'cumulative',
  'conversion',
  'funnel',
  'retention',
  'lifecycle',
  'stickiness',
])

export function isMetric(data: DefinitionData | undefined): data is MetricData {
  return data !== undefined && metricKinds.has(data.kind)
}

export type DefinitionData =
  | ColumnData
  | MissingData
  | PathData
  | MetricOfData
  | OperandData
  | ConditionData
  | SqlData
  | SourceData
  | TableDefinitionData
  | MergedData
  | RowData
  | SelectionData
  | MetricData

/** What lies under the symbol; undefined for anything that no builder made. */
export function definitionOf(value: unknown): DefinitionData | undefined {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined
  return (value as { readonly [definition]?: DefinitionData })[definition]
}

/** Puts data under the symbol without showing it among the object's keys. */
export function define<T extends object>(target: T, data: DefinitionData): T {
  return Object.defineProperty(target, definition, { value: data, enumerable: false })
}

/** Leaves out what is undefined, so that optional properties are absent. */
export function present<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const kept: Record<string, unknown> = {}
  for (const [name, item] of Object.entries(value)) if (item !== undefined) kept[name] = item
  return kept as { [K in keyof T]: Exclude<T[K], undefined> }
}

/** A short name for what was found where something else was expected. */
export function describeValue(value: unknown): string {
  const kind = definitionOf(value)?.kind
  if (kind !== undefined) return kindNames[kind]
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'function')
    return value.name === '' ? 'a function' : `the function ${value.name}`
  if (typeof value === 'string') return `the text ${JSON.stringify(value.slice(0, 40))}`
  if (typeof value === 'object') return 'a plain object'
  return `the ${typeof value} ${String(value as number | bigint | boolean | symbol)}`
}

const kindNames: Readonly<Record<DefinitionData['kind'], string>> = {
  column: 'a column',
  missing: 'a column that is not there',
  path: 'a path',
  metric_of: 'a metric of objects',
  operand: 'an input of a formula',
  condition: 'a condition',
  sql: 'a sql text',
  source: 'a source',
  raw_table: 'a raw table',
  files: 'a raw table of files',
  event: 'an event',
  object: 'an object',
  activity: 'an activity',
  attributes: 'attributes',
  merged: 'a merged table',
  row: 'a selected row',
  selection: 'a selection',
  aggregate: 'a metric',
  ratio: 'a metric',
  formula: 'a metric',
  cumulative: 'a metric',
  conversion: 'a metric',
  funnel: 'a metric',
  retention: 'a metric',
  lifecycle: 'a metric',
  stickiness: 'a metric',
}

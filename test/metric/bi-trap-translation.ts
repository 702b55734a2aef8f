/**
 * A case of the BI traps as a Maru model, rows and a question, by rules that know no case:
 * - A table that another refers to is an object, every other table an activity; a relation is a reference column named like the object.
 * - A row that the root cannot reach counts nowhere: metrics over tables behind a one-to-many relation ask that the root is known.
 * - Groups of the root without rows elsewhere stay: a hidden count of the root takes part when the question's names can be reached from it.
 */
import type { DuckDBConnection } from '@duckdb/node-api'
import { localDay } from '../../src/base/time.ts'
import { addDays } from '../../src/base/time.ts'
import type { Formula, Model, Percentile, Predicate } from '../../src/model/model.ts'
import { filledColumns } from '../../src/model/model.ts'
import { nameFault } from '../../src/model/sql-names.ts'
import type { MetricQuestion } from '../../src/metric/metric.ts'
import { modelOf } from './build-model.ts'
import type { MetricSketch } from './build-model.ts'
import { query } from './dataset.ts'
import type { Cell, Dataset, Row } from './rows.ts'

export interface TrapCase {
  readonly name: string
  readonly root: string
  readonly tables: Readonly<Record<string, TrapTable>>
  readonly relations: readonly {
    readonly from: string
    readonly to: string
    readonly on: readonly (readonly [string, string])[]
    readonly cardinality: 'one_to_many' | 'many_to_one'
  }[]
  readonly derived_dimensions?: readonly {
    readonly name: string
    readonly table: string
    readonly expr: string
  }[]
  readonly question: TrapQuestion
  readonly expected: {
    readonly columns?: readonly string[]
    readonly rows?: readonly (readonly Cell[])[]
    readonly refuse?: true
  }
  readonly null_for_zero?: readonly string[]
  readonly optional_rows?: readonly (readonly Cell[])[]
  readonly may_refuse?: boolean
  readonly may_answer?: boolean
}

interface TrapTable {
  readonly columns: readonly {
    readonly name: string
    readonly type: 'integer' | 'double' | 'string' | 'timestamp'
  }[]
  readonly rows: readonly (readonly Cell[])[]
}

interface TrapQuestion {
  readonly metrics: readonly TrapMetric[]
  readonly unasked_metrics?: readonly TrapMetric[]
  readonly dimensions: readonly {
    readonly table: string
    readonly column: string
    readonly grain?: string
  }[]
  readonly filter?: TrapFilter
  readonly time_range?: {
    readonly table: string
    readonly column: string
    readonly start: string
    readonly end: string
    readonly end_inclusive: boolean
  }
  readonly declared_grain?: { readonly column: string; readonly smallest_grain: string }
  readonly order_by?: readonly { readonly column: string; readonly direction: string }[]
  readonly limit?: number
}

interface TrapMetric {
  readonly name: string
  readonly table?: string
  readonly agg?: string
  readonly column?: string
  readonly where?: TrapComparison
  readonly expr?: string
}

interface TrapComparison {
  readonly table: string
  readonly column: string
  readonly op: string
  readonly value: string | number
}

type TrapFilter =
  | TrapComparison
  | { readonly and: readonly TrapFilter[] }
  | { readonly or: readonly TrapFilter[] }

/** What a model of Maru cannot say. */
export class NotExpressible extends Error {}

export interface Translated {
  readonly model: Model
  readonly dataset: Dataset
  readonly question: MetricQuestion
  /** Metrics at the end that the case did not ask for. */
  readonly hidden: number
}

interface Reference {
  /** The many side. */
  readonly from: string
  readonly column: string
  readonly foreignKey: string
  /** The one side. */
  readonly to: string
  readonly key: string
}

interface Translation {
  readonly trap: TrapCase
  readonly references: readonly Reference[]
  /** Rows with derived columns, by table. */
  readonly tables: ReadonlyMap<string, TableRows>
}

interface TableRows {
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  readonly rows: readonly (readonly Cell[])[]
}

export async function translate(connection: DuckDBConnection, trap: TrapCase): Promise<Translated> {
  const references = trap.relations.map((relation): Reference => {
    const [pair] = relation.on
    const isForward = relation.cardinality === 'many_to_one'
    const [from, to] = isForward ? [relation.from, relation.to] : [relation.to, relation.from]
    const [foreignKey, key] = isForward ? pair! : [pair![1], pair![0]]
    const isTaken = trap.tables[from]!.columns.some((column) => column.name === to)
    return { from, to, foreignKey, key, column: isTaken ? `${safe(to)}_reference` : safe(to) }
  })
  const tables = new Map<string, TableRows>()
  for (const name of Object.keys(trap.tables))
    tables.set(name, await deriveColumns(connection, trap, name))
  const translation = { trap, references, tables }
  const { metrics, question, hidden } = translateQuestion(translation)
  return { ...modelAndRows(translation, metrics), question, hidden }
}

/** Names that Maru refuses, or fills itself, get another. */
function safe(name: string): string {
  const isFilled =
    Object.values<string>(filledColumns).includes(name) || name === 'id' || name === 'occurred_at'
  return isFilled || nameFault(name) !== undefined ? `${name}_name` : name
}

/** Dimensions by expression are what an author writes into the transform. */
async function deriveColumns(
  connection: DuckDBConnection,
  trap: TrapCase,
  name: string,
): Promise<TableRows> {
  const table = trap.tables[name]!
  const derived = (trap.derived_dimensions ?? []).filter((dimension) => dimension.table === name)
  if (derived.length === 0) return table
  const types = { integer: 'bigint', double: 'double', string: 'varchar', timestamp: 'timestamp' }
  const columns = table.columns.map((column) => `"${column.name}" ${types[column.type]}`).join(', ')
  const rows = table.rows.map(
    (row) =>
      `(${row.map((cell) => (typeof cell === 'string' ? `'${cell}'` : String(cell))).join(', ')})`,
  )
  await connection.run(
    `create or replace temp table trap_source (${columns}); insert into trap_source values ${rows.join(', ')}`,
  )
  let select = 'select * from trap_source'
  for (const { name: column, expr } of derived) {
    const sql = expr.replace(/^(.+) if (.+) else (.+)$/, 'case when $2 then $1 else $3 end')
    select = `select *, ${sql} as "${column}" from (${select})`
  }
  const added = derived.map((dimension) => ({ name: dimension.name, type: 'string' }))
  return { columns: [...table.columns, ...added], rows: await query(connection, select) }
}

function modelAndRows(
  translation: Translation,
  metrics: Readonly<Record<string, MetricSketch>>,
): { model: Model; dataset: Dataset } {
  const objects: Record<string, { key: string; columns: Record<string, string> }> = {}
  const activities: Record<string, { columns: Record<string, string> }> = {}
  const dataset = new Map<string, readonly Row[]>()
  for (const [name, table] of translation.tables) {
    const references = translation.references.filter((reference) => reference.from === name)
    const key = keyOf(translation, name)
    const columns: Record<string, string> = {}
    for (const column of table.columns)
      if (column.name !== key) columns[safe(column.name)] = typeIn(translation, column)
    for (const reference of references) columns[reference.column] = `obj.${safe(reference.to)}`
    if (key === undefined) activities[`act.${safe(name)}`] = { columns }
    else objects[`obj.${safe(name)}`] = { key: safe(key), columns }
    const time = timeColumn(table)
    const rows = table.rows.map((cells, at): Row => {
      const row: Record<string, Cell> = {}
      for (const [column, { name: text, type }] of table.columns.entries()) {
        const cell = cells[column]!
        row[safe(text)] = type === 'timestamp' ? timeCell(translation, text, cell) : cell
      }
      for (const reference of references) row[reference.column] = row[safe(reference.foreignKey)]!
      if (key === undefined)
        Object.assign(row, {
          id: at,
          occurred_at: time === undefined ? 0n : micros(cells[time.at]!),
        })
      return row
    })
    dataset.set(key === undefined ? `act.${safe(name)}` : `obj.${safe(name)}`, rows)
  }
  return { model: modelOf({ zone: 'UTC', objects, activities, metrics }), dataset }
}

/** The key by which others refer to the table. */
function keyOf(translation: Translation, table: string): string | undefined {
  return translation.references.find((reference) => reference.to === table)?.key
}

function typeIn(
  translation: Translation,
  column: { readonly name: string; readonly type: string },
): string {
  if (column.type === 'timestamp') return hasDays(translation, column.name) ? 'date' : 'timestamp'
  return column.type === 'double' ? 'number' : column.type === 'string' ? 'text' : 'integer'
}

function hasDays(translation: Translation, column: string): boolean {
  return translation.trap.question.declared_grain?.column === column
}

function timeCell(translation: Translation, column: string, cell: Cell): Cell {
  if (cell === null) return null
  return hasDays(translation, column) ? localDay(micros(cell)!, 'UTC') : micros(cell)
}

function micros(cell: Cell): bigint | null {
  return cell === null ? null : BigInt(Date.parse(`${String(cell).replace(' ', 'T')}Z`)) * 1000n
}

function timeColumn(table: TableRows): { readonly at: number; readonly name: string } | undefined {
  const at = table.columns.findIndex((column) => column.type === 'timestamp')
  return at === -1 ? undefined : { at, name: table.columns[at]!.name }
}

interface TranslatedQuestion {
  readonly metrics: Readonly<Record<string, MetricSketch>>
  readonly question: MetricQuestion
  readonly hidden: number
}

function translateQuestion(translation: Translation): TranslatedQuestion {
  const { question, root } = translation.trap
  const metrics: Record<string, MetricSketch> = {}
  for (const metric of [...question.metrics, ...(question.unasked_metrics ?? [])]) {
    metrics[safe(metric.name)] =
      metric.expr === undefined
        ? aggregateOf(translation, metric, metrics)
        : formulaOf(translation, metric, metrics)
  }
  const asked = question.metrics.map((metric) => safe(metric.name))
  const isRootNeeded =
    question.dimensions.length > 0 &&
    isReachable(translation) &&
    !question.metrics.some((metric) => metric.table === root || metric.expr !== undefined)
  if (isRootNeeded)
    metrics['rows_of_the_root'] = aggregateOf(
      translation,
      {
        name: 'rows_of_the_root',
        table: root,
        agg: 'count',
      },
      metrics,
    )
  const range = question.time_range === undefined ? {} : rangeOf(translation, question.time_range)
  const where = question.filter === undefined ? range.where : filterText(question.filter)
  const order = question.order_by?.map(
    ({ column, direction }) => `${direction === 'desc' ? '-' : ''}${safe(column)}`,
  )
  return {
    metrics,
    hidden: isRootNeeded ? 1 : 0,
    question: {
      ...range,
      metrics: isRootNeeded ? [...asked, 'rows_of_the_root'] : asked,
      by: dimensionsOf(question),
      ...(where === undefined ? {} : { where }),
      ...(order === undefined ? {} : { order }),
      ...(question.limit === undefined ? {} : { limit: question.limit }),
    },
  }
}

function dimensionsOf(question: TrapQuestion): readonly string[] {
  return question.dimensions.map(
    ({ table, column, grain }) =>
      `${safe(table)}.${safe(column)}${grain === undefined ? '' : `.${grain}`}`,
  )
}

/** Whether every dimension and every name in the filter belongs to the root or to what it refers to. */
function isReachable(translation: Translation): boolean {
  const { question, root } = translation.trap
  const tables = [
    ...question.dimensions.map(({ table }) => table),
    ...filterTables(question.filter),
  ]
  return tables.every((table) => chain(translation, root, table) !== undefined)
}

function filterTables(filter: TrapFilter | undefined): readonly string[] {
  if (filter === undefined) return []
  if ('and' in filter) return filter.and.flatMap(filterTables)
  if ('or' in filter) return filter.or.flatMap(filterTables)
  return [filter.table]
}

/** The references from one table to another, from many to one. */
function chain(
  translation: Translation,
  from: string,
  to: string,
): readonly Reference[] | undefined {
  if (from === to) return []
  for (const reference of translation.references.filter((candidate) => candidate.from === from)) {
    const rest = chain(translation, reference.to, to)
    if (rest !== undefined) return [reference, ...rest]
  }
  return undefined
}

const aggregates: Readonly<
  Record<string, 'count' | 'sum' | 'average' | 'min' | 'max' | 'distinct' | 'percentile'>
> = {
  count: 'count',
  sum: 'sum',
  avg: 'average',
  min: 'min',
  max: 'max',
  count_distinct: 'distinct',
  median: 'percentile',
}

function aggregateOf(
  translation: Translation,
  metric: TrapMetric,
  metrics: Record<string, MetricSketch>,
): MetricSketch {
  const { trap } = translation
  const table = metric.table!
  const aggregate = aggregates[metric.agg!]
  if (aggregate === undefined) throw new NotExpressible(`there is no ${metric.agg}`)
  const referring = referringDimension(translation, table)
  if (referring !== undefined) return oncePerValue(metric, aggregate, referring)
  const toRoot = chain(translation, table, trap.root)
  const conditions: Predicate[] = []
  const fromRoot = toRoot === undefined ? chain(translation, trap.root, table) : undefined
  if (fromRoot !== undefined) {
    // Objects that the root refers to: only those that it reaches.
    if (trap.question.dimensions.length > 0 || fromRoot.length > 1)
      throw new NotExpressible('a metric over an object by a dimension of what refers to it')
    metrics['references'] = aggregateOf(
      translation,
      { name: 'references', table: trap.root, agg: 'count' },
      metrics,
    )
    const key = safe(fromRoot[0]!.key)
    conditions.push({
      kind: 'metric',
      metric: 'references',
      object: `obj.${safe(table)}`,
      path: key,
      operator: '>=',
      value: 1,
    })
  }
  if (toRoot !== undefined && toRoot.length > 0) {
    const path = [...toRoot.map((reference) => reference.column), safe(toRoot.at(-1)!.key)].join(
      '.',
    )
    conditions.push({ kind: 'not', operand: { kind: 'unknown', path } })
  }
  if (metric.where !== undefined) conditions.push(predicateOf(metric.where))
  return sketchOf(translation, table, {
    ...aggregation(aggregate),
    ...(metric.column === undefined ? {} : { column: safe(metric.column) }),
    ...(conditions.length === 0 ? {} : { filter: { kind: 'and', operands: conditions } }),
  })
}

interface ReferringDimension {
  readonly reference: Reference
  readonly column: string
}

/** The question's dimension, when it is a column of what refers to the object. */
function referringDimension(
  translation: Translation,
  object: string,
): ReferringDimension | undefined {
  const [dimension, ...more] = translation.trap.question.dimensions
  if (dimension === undefined || more.length > 0 || dimension.grain !== undefined) return undefined
  const way = chain(translation, dimension.table, object)
  return way?.length === 1 ? { reference: way[0]!, column: safe(dimension.column) } : undefined
}

/** An object by a value of what refers to it: of each object the first row with each value, so that it counts once in each group. */
function oncePerValue(
  metric: TrapMetric,
  aggregate: AggregateSketch['aggregate'],
  { reference, column }: ReferringDimension,
): MetricSketch {
  const taken = `${reference.column}.${safe(metric.column ?? reference.key)}`
  return {
    kind: 'aggregate',
    selection: {
      kind: 'selection',
      activity: `act.${safe(reference.from)}`,
      of: reference.column,
      selector: { kind: 'first' },
      per: column,
      ...(metric.where === undefined ? {} : { filter: predicateOf(metric.where) }),
      take: { kind: 'aggregate', column: taken, ...aggregation(aggregate) },
    },
  }
}

function aggregation(aggregate: AggregateSketch['aggregate']): AggregateSketch {
  return aggregate === 'percentile'
    ? { aggregate, percentile: { fraction: 0.5, kind: 'continuous' } }
    : { aggregate }
}

interface AggregateSketch {
  readonly aggregate: 'count' | 'sum' | 'average' | 'min' | 'max' | 'distinct' | 'percentile'
  readonly percentile?: Percentile
  readonly column?: string
  readonly filter?: Predicate
}

function sketchOf(translation: Translation, table: string, sketch: AggregateSketch): MetricSketch {
  if (keyOf(translation, table) !== undefined)
    return { kind: 'object_aggregate', object: `obj.${safe(table)}`, ...sketch }
  const { filter, ...take } = sketch
  return {
    kind: 'aggregate',
    selection: {
      kind: 'selection',
      activity: `act.${safe(table)}`,
      selector: { kind: 'all' },
      take: { kind: 'aggregate', ...take },
      ...(filter === undefined ? {} : { filter }),
    },
  }
}

function predicateOf(comparison: TrapComparison): Predicate {
  const path = `${safe(comparison.table)}.${safe(comparison.column)}`
  return { kind: 'compare', path, operator: comparison.op as '=', value: comparison.value }
}

/** `total_amount / order_count`, `sum(amount) in 2024-01-01..2024-01-31`. */
function formulaOf(
  translation: Translation,
  metric: TrapMetric,
  metrics: Record<string, MetricSketch>,
): MetricSketch {
  const names = [...Object.keys(metrics), safe(metric.name)]
  const period = /^(\w+)\((\w+)\) in (\S+)\.\.(\S+)$/.exec(metric.expr!)
  if (period !== null) {
    const { root } = translation.trap
    const time = timeColumn(translation.tables.get(root)!)!
    const [, aggregate, column, from, to] = period as unknown as [
      string,
      string,
      string,
      string,
      string,
    ]
    const between = [
      { kind: 'compare', path: safe(time.name), operator: '>=', value: from },
      { kind: 'compare', path: safe(time.name), operator: '<', value: addDays(to, 1) },
    ] as const
    return sketchOf(translation, root, {
      aggregate: aggregates[aggregate]!,
      column: safe(column),
      filter: { kind: 'and', operands: between },
    })
  }
  const operands = new Map<string, Formula>()
  const known = (name: string): string | undefined =>
    Object.keys(metrics).find((candidate) => candidate === name || candidate.endsWith(`_${name}`))
  const named = (formula: Formula): string => {
    operands.set(`operand_${operands.size}`, formula)
    return `operand_${operands.size - 1}`
  }
  addMeantMetrics(translation, metric.expr!, metrics)
  // An aggregate in words is a metric of its own, and "over" takes the value over fewer dimensions.
  const text = namedInTables(translation, metric.expr!, metrics)
    .replaceAll(/\b(\w+)\((\w+)\)/g, (whole, aggregate: string, column: string) => {
      const { root } = translation.trap
      if (aggregates[aggregate] === undefined) return whole
      const name = `${aggregate}_of_${safe(column)}`
      metrics[name] = aggregateOf(
        translation,
        { name, table: root, agg: aggregate, column },
        metrics,
      )
      return name
    })
    .replaceAll(
      /\(?(\w+) over all (?:groups|rows)(?: of the same (\w+))?\)?/g,
      (whole, name: string, column: string | undefined) => {
        const inner = metrics[name] === undefined ? known(name) : name
        if (inner === undefined) return whole
        const total = dimensionsOf(translation.trap.question).filter(
          (dimension) => column !== undefined && dimension.endsWith(`.${safe(column)}`),
        )
        return named({ kind: 'metric', name: inner, total })
      },
    )
  if (!/^[\w\s()*/+.-]+$/.test(text) || / over | accumulated |\w\(|\w \w/.test(text)) {
    throw new NotExpressible(`a formula has no "${text}"`)
  }
  const tokens = text.match(/\w+(?:\.\w+)?|[()*/+-]/g)!
  return {
    kind: 'formula',
    formula: parseSum({ tokens, at: 0, names: [...names, ...Object.keys(metrics)], operands }),
  }
}

/** `count(right rows)`, `sum(right.value)` and `coalesce(…, 0)` become metrics. */
function namedInTables(
  translation: Translation,
  text: string,
  metrics: Record<string, MetricSketch>,
): string {
  return text
    .replaceAll(
      /\b(\w+)\((\w+)(?:\.(\w+)| rows)\)/g,
      (whole, agg: string, table: string, column: string | undefined) => {
        if (aggregates[agg] === undefined || !translation.tables.has(table)) return whole
        const name = `${agg}_of_${safe(table)}_${column === undefined ? 'rows' : safe(column)}`
        const of = { name, table, agg, ...(column === undefined ? {} : { column }) }
        metrics[name] = aggregateOf(translation, of, metrics)
        return name
      },
    )
    .replaceAll(/\bcoalesce\((\w+), (\d+)\)/g, (whole, name: string, value: string) => {
      const inner = metrics[name]
      if (inner === undefined) return whole
      metrics[`filled_${name}`] = { ...inner, fill: Number(value) }
      return `filled_${name}`
    })
}

/** Names that a formula uses and no metric has: `…_count` counts the root's rows, `total` sums its only column of fractions. */
function addMeantMetrics(
  translation: Translation,
  text: string,
  metrics: Record<string, MetricSketch>,
): void {
  const { root } = translation.trap
  const isKnown = (name: string): boolean =>
    Object.keys(metrics).some((known) => known === name || known.endsWith(`_${name}`))
  const fractions = translation.tables.get(root)!.columns.filter(({ type }) => type === 'double')
  for (const [name] of text.matchAll(/\b(?:\w+_count|total)\b/g)) {
    if (isKnown(name)) continue
    const of = { name, table: root }
    if (name !== 'total') metrics[name] = aggregateOf(translation, { ...of, agg: 'count' }, metrics)
    else if (fractions.length === 1)
      metrics[name] = aggregateOf(
        translation,
        { ...of, agg: 'sum', column: fractions[0]!.name },
        metrics,
      )
  }
}

interface FormulaParser {
  readonly tokens: readonly string[]
  readonly names: readonly string[]
  readonly operands: ReadonlyMap<string, Formula>
  at: number
}

function parseSum(parser: FormulaParser): Formula {
  let left = parseProduct(parser)
  while (parser.tokens[parser.at] === '+' || parser.tokens[parser.at] === '-') {
    const operator = parser.tokens[parser.at++] as '+' | '-'
    left = { kind: 'binary', operator, left, right: parseProduct(parser) }
  }
  return left
}

function parseProduct(parser: FormulaParser): Formula {
  let left = parseOperand(parser)
  while (parser.tokens[parser.at] === '*' || parser.tokens[parser.at] === '/') {
    const operator = parser.tokens[parser.at++] as '*' | '/'
    left = { kind: 'binary', operator, left, right: parseOperand(parser) }
  }
  return left
}

function parseOperand(parser: FormulaParser): Formula {
  const token = parser.tokens[parser.at++]!
  if (token === '(') {
    const inside = parseSum(parser)
    parser.at++
    return inside
  }
  const operand = parser.operands.get(token)
  if (operand !== undefined) return operand
  if (/^\d/.test(token)) return { kind: 'number', value: Number(token) }
  const name = parser.names.find(
    (candidate) => candidate === token || candidate.endsWith(`_${token}`),
  )
  if (name === undefined) throw new NotExpressible(`a formula names metrics, not "${token}"`)
  return { kind: 'metric', name }
}

/** Ends of a range that are days are `from` and `to`; an end with a time is a condition. */
function rangeOf(
  translation: Translation,
  range: NonNullable<TrapQuestion['time_range']>,
): { from?: string; to?: string; where?: string } {
  if (timeColumn(translation.tables.get(range.table)!)?.name !== range.column)
    throw new NotExpressible('the range is over another time')
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(range.end)
  if (isDay)
    return { from: range.start, to: range.end_inclusive ? addDays(range.end, 1) : range.end }
  const operator = range.end_inclusive ? '<=' : '<'
  return { from: range.start, where: `${safe(range.column)} ${operator} '${range.end}'` }
}

function filterText(filter: TrapFilter): string {
  if ('and' in filter) return filter.and.map((part) => `(${filterText(part)})`).join(' and ')
  if ('or' in filter) return filter.or.map((part) => `(${filterText(part)})`).join(' or ')
  const value = typeof filter.value === 'number' ? String(filter.value) : `'${filter.value}'`
  return `${safe(filter.table)}.${safe(filter.column)} ${filter.op} ${value}`
}

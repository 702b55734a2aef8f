/** Conditions of declarations as predicates of the Model: columns become paths from one table, values are checked against types. */
import { keyNames, missingFault, objectOf, type Shapes } from './column-models.ts'
import {
  definitionOf,
  describeValue,
  type ColumnData,
  type MetricOfData,
  type MissingData,
  type Test,
} from './definition.ts'
import type { Fault, Subject, TableEntry } from './identify.ts'
import type { ColumnModel, ColumnType, Predicate, Scalar, TableId } from './model.ts'

/** From which table's rows a condition is seen, and who is told of faults. */
export interface Viewpoint {
  readonly shapes: Shapes
  readonly root: TableEntry
  readonly subject: Subject
  /** What the condition belongs to, for messages: `metric sales`. */
  readonly label: string
  /** Whether attributes may be reached through references. */
  readonly followsReferences: boolean
  /** Whether it is a metric's, which may read as of another time and compare metrics. */
  readonly isMetric?: boolean
}

export interface Reached {
  readonly path: string
  readonly column: ColumnModel
  /** Tables that the path reads besides the root. */
  readonly tables: readonly TableEntry[]
  /** Whether the column is its table's own key. */
  readonly isKey: boolean
  /** When it is an object's: the object. */
  readonly keyOf?: TableId
}

export function buildPredicate(view: Viewpoint, value: unknown): Predicate | undefined {
  const data = definitionOf(value)
  if (data?.kind !== 'condition') {
    return refuse(view, {
      code: 'MODEL_BAD_DECLARATION',
      message: `${view.label} has a condition that is ${describeValue(value)}`,
      hint: 'write purchase.amount.above(0), and(…), or(…), not(…)',
    })
  }
  return buildTest(view, data.test)
}

function buildTest(view: Viewpoint, test: Test): Predicate | undefined {
  switch (test.kind) {
    case 'and':
    case 'or': {
      const operands = test.operands.map((operand) => buildPredicate(view, operand))
      return operands.every((operand) => operand !== undefined)
        ? { kind: test.kind, operands }
        : undefined
    }
    case 'not': {
      const operand = buildPredicate(view, test.operand)
      return operand === undefined ? undefined : { kind: 'not', operand }
    }
    default:
      return buildComparison(view, test)
  }
}

function buildComparison(
  view: Viewpoint,
  test: Exclude<Test, { readonly kind: 'and' | 'or' | 'not' }>,
): Predicate | undefined {
  const subject = definitionOf(test.subject)
  if (subject?.kind === 'metric_of') return buildMetricCondition(view, test, subject)
  const reached = reach(view, test.subject)
  if (reached === undefined) return undefined
  const { path, column } = reached
  switch (test.kind) {
    case 'unknown':
      return { kind: 'unknown', path }
    case 'like':
      if (column.type.kind === 'text' && typeof test.pattern === 'string')
        return { kind: 'like', path, pattern: test.pattern }
      return refuse(view, {
        code: 'MODEL_TYPE',
        message: `${view.label} matches ${path} (${column.type.kind}) with a pattern`,
        hint: 'patterns are texts and match texts',
      })
    case 'in': {
      const values = Array.isArray(test.values)
        ? test.values.map((value: unknown) => comparedValue(view, reached, value))
        : []
      return values.every((value) => value !== undefined) ? { kind: 'in', path, values } : undefined
    }
    case 'compare': {
      const value = comparedValue(view, reached, test.value)
      return value === undefined
        ? undefined
        : { kind: 'compare', path, operator: test.operator, value }
    }
  }
}

function buildMetricCondition(
  view: Viewpoint,
  test: Test,
  data: MetricOfData,
): Predicate | undefined {
  const metric = view.shapes.book.metricOf.get(data.metric)
  if (view.isMetric !== true || metric === undefined) {
    const where = view.isMetric === true ? 'that no file of metric/ exports' : 'as a condition'
    return refuse(view, {
      code: view.isMetric === true ? 'MODEL_UNKNOWN_METRIC' : 'MODEL_LAYER',
      message: `${view.label} compares a metric ${where}`,
      hint: view.isMetric === true ? 'export it from metric/' : 'only metrics compare metrics',
    })
  }
  if (test.kind !== 'compare' || typeof test.value !== 'number' || !Number.isFinite(test.value)) {
    return refuse(view, {
      code: 'MODEL_TYPE',
      message: `${view.label} compares ${metric.id} with what is no number`,
      hint: 'write metricOf(purchases, member.id).above(3)',
    })
  }
  const reached = reach(view, data.to)
  if (reached === undefined) return undefined
  const object = reached.column.refers ?? reached.keyOf
  if (object === undefined) {
    return refuse(view, {
      code: 'MODEL_TYPE',
      message: `${view.label} compares ${metric.id} of ${reached.path}, which names no object`,
      hint: 'give a reference, or the key of the object',
    })
  }
  const { operator, value } = test
  return { kind: 'metric', metric: metric.name, object, path: reached.path, operator, value }
}

function comparedValue(
  view: Viewpoint,
  { path, column }: Reached,
  value: unknown,
): Scalar | undefined {
  if (value === null) {
    return refuse(view, {
      code: 'MODEL_BAD_DECLARATION',
      message: `${view.label} compares ${path} with null, which is never true`,
      hint: 'write isUnknown()',
    })
  }
  const scalar = plainScalar(value)
  if (scalar !== undefined && scalar !== null && fits(column.type, scalar)) return scalar
  const hint = typeHints[column.type.kind] ?? `values of ${column.type.kind} are not compared`
  return refuse(view, {
    code: 'MODEL_TYPE',
    message: `${view.label} compares ${path} (${column.type.kind}) with ${describeValue(value)}`,
    hint,
  })
}

/** A value that JSON keeps: big integers that fit become numbers. undefined for what is no finite scalar. */
export function plainScalar(value: unknown): Scalar | undefined {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined
  return value === 0 ? 0 : value
}

const typeHints: Readonly<Partial<Record<ColumnType['kind'], string>>> = {
  text: "write a text: 'paid'",
  uuid: 'write the UUID as text',
  integer: 'write an integer',
  decimal: "write a number, or '0.10' to keep its digits",
  number: 'write a number',
  boolean: 'write true or false',
  timestamp: "write '2011-01-05T09:30:00Z', or a local time without Z",
  local_timestamp: "write '2011-01-05T09:30:00'",
  date: "write '2011-01-05'",
  time: "write '09:30:00'",
}

function fits(type: ColumnType, value: string | number | bigint | boolean): boolean {
  switch (type.kind) {
    case 'text':
      return typeof value === 'string'
    case 'uuid':
      return typeof value === 'string' && /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(value)
    case 'integer':
      return typeof value === 'bigint' || Number.isInteger(value)
    case 'decimal':
      return (
        typeof value === 'bigint' ||
        typeof value === 'number' ||
        (typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value))
      )
    case 'number':
      return typeof value === 'number'
    case 'boolean':
      return typeof value === 'boolean'
    case 'timestamp':
    case 'local_timestamp':
      return (
        typeof value === 'string' &&
        /^\d{4}-\d{2}-\d{2}/.test(value) &&
        !Number.isNaN(Date.parse(value.replace(' ', 'T')))
      )
    case 'date':
      return (
        typeof value === 'string' &&
        /^\d{4}-\d{2}-\d{2}$/.test(value) &&
        new Date(`${value}T00:00:00Z`).toJSON()?.slice(0, 10) === value
      )
    case 'time':
      return typeof value === 'string' && /^\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?$/.test(value)
    case 'bytes':
    case 'json':
    case 'list':
      return false
  }
}

/** The path from the root to a column, or to the last of `via(…)`. */
export function reach(view: Viewpoint, subject: unknown): Reached | undefined {
  const data = definitionOf(subject)
  if (data?.kind === 'path') {
    const reached = reachVia(view, data.columns)
    if (reached === undefined || data.asOf === undefined || data.asOf === 'then') return reached
    if (view.isMetric === true) return { ...reached, path: `${reached.path}@${data.asOf}` }
    return refuse(view, {
      code: 'MODEL_LAYER',
      message: `${view.label} reads ${reached.path} as of ${data.asOf}`,
      hint: 'only metrics choose as of when; here attributes are read as of the activity',
    })
  }
  if (data?.kind === 'missing') return refuse(view, labelled(view, data))
  if (data?.kind !== 'column') {
    const message = `${view.label} names ${describeValue(subject)} where a column is needed`
    return refuse(view, {
      code: 'MODEL_BAD_DECLARATION',
      message,
      hint: `does ${view.root.id} have the column?`,
    })
  }
  return step(view, view.root, { data, before: [] })
}

function reachVia(view: Viewpoint, columns: readonly unknown[]): Reached | undefined {
  if (!view.followsReferences && columns.length > 1) {
    const message = `${view.label} follows a reference`
    return refuse(view, {
      code: 'MODEL_BAD_DECLARATION',
      message,
      hint: `here only the columns of ${view.root.id} itself can be compared`,
    })
  }
  let from: TableEntry | undefined = view.root
  let reached: Reached | undefined
  for (const value of columns) {
    const data = definitionOf(value)
    if (data?.kind === 'missing') return refuse(view, labelled(view, data))
    if (data?.kind !== 'column') {
      return refuse(view, {
        code: 'MODEL_BAD_DECLARATION',
        message: `${view.label} has a path through ${describeValue(value)}`,
        hint: 'write via(purchase.member, member.country)',
      })
    }
    if (from === undefined) {
      return refuse(view, {
        code: 'MODEL_BAD_DECLARATION',
        message: `${view.label} goes on behind ${reached!.path}, which refers to no object`,
        hint: 'only references are followed',
      })
    }
    reached = step(view, from, { data, before: reached === undefined ? [] : [reached] })
    if (reached === undefined) return undefined
    const refers: string | undefined = reached.column.refers
    from = refers === undefined ? undefined : view.shapes.book.tables.get(refers)
  }
  return reached
}

function labelled(view: Viewpoint, data: MissingData): Fault {
  const fault = missingFault(view.shapes, data)
  return { ...fault, message: `${view.label}: ${fault.message}` }
}

interface Step {
  readonly data: ColumnData
  /** The path so far: none or one. */
  readonly before: readonly Reached[]
}

function step(view: Viewpoint, from: TableEntry, { data, before }: Step): Reached | undefined {
  const home = homeOf(view.shapes, data.owner)
  if (home === undefined || data.name === undefined) {
    const message = `${view.label} names a column that belongs to no declared table`
    return refuse(view, {
      code: 'MODEL_UNKNOWN_TABLE',
      message,
      hint: 'take the column from a table: purchase.amount',
    })
  }
  const { table } = home
  if (home.root !== from) return refuse(view, wrongTable(view, from, `${table.id}.${data.name}`))
  const state = view.shapes.derive(table)
  const column = home.columns?.get(data.name)
  if (column === undefined && state === 'circle') {
    return refuse(view, {
      code: 'MODEL_CYCLE',
      message: `${view.label} reads ${table.id}.${data.name}, which is derived by way of it`,
      hint: 'take one of them out of the circle',
    })
  }
  // The column was left out because of a fault of its own, which is reported there.
  if (column === undefined) return undefined
  const path = [...before.map((one) => one.path), data.name].join('.')
  const tables = [...before.flatMap((one) => one.tables), ...(table === view.root ? [] : [table])]
  const isKey = keyNames(table)[0] === data.name
  const isObject = isKey && table.data.kind === 'object'
  return { path, column, tables, isKey, ...(isObject ? { keyOf: table.id } : {}) }
}

interface Home {
  /** The activity or object whose rows have the column. */
  readonly root: TableEntry
  /** The table that declares it. */
  readonly table: TableEntry
  readonly columns: ReadonlyMap<string, ColumnModel> | undefined
}

/** Whose rows a column is of: attributes are their object's, related columns their activity's. */
export function homeOf(shapes: Shapes, owner: object | undefined): Home | undefined {
  const merged = definitionOf(owner)
  if (merged?.kind === 'merged') {
    const root = shapes.book.tableOf.get(merged.activity)
    return root === undefined
      ? undefined
      : { root, table: root, columns: shapes.related.get(root.id)?.columns }
  }
  const table = shapes.book.tableOf.get(owner)
  if (table === undefined) return undefined
  const root = table.data.kind === 'attributes' ? objectOf(shapes.book, table.data) : table
  return root === undefined ? undefined : { root, table, columns: shapes.columns.get(table.id) }
}

function wrongTable(view: Viewpoint, from: TableEntry, column: string): Fault {
  const ways = [...(view.shapes.columns.get(from.id)?.values() ?? [])].filter(
    (one) => one.refers !== undefined && column.startsWith(`${one.refers}.`),
  )
  const name = from.id.split('.').at(-1)!
  const way = ways[0]
  const hint =
    way === undefined
      ? `compare a column of ${from.id}, or one that its references reach`
      : `write via(${name}.${way.name}, ${column.split('.').slice(1).join('.')})`
  return {
    code: 'MODEL_BAD_DECLARATION',
    message: `${view.label} compares ${column}, which is no column of ${from.id}`,
    hint,
  }
}

function refuse(view: Viewpoint, fault: Fault): undefined {
  view.shapes.book.report(view.subject, fault)
}

/** What is taken of activities, for derived attributes and for metrics: checked, typed and described. */
import { missingFault, type Shapes } from './column-models.ts'
import {
  definitionOf,
  describeValue,
  present,
  type AggregateData,
  type ColumnData,
  type MissingData,
  type SelectionData,
  type Selector,
} from './definition.ts'
import type { Fault, Subject, TableEntry } from './identify.ts'
import type { Aggregate, ColumnModel, ColumnType, Duration, Predicate, Selection } from './model.ts'
import { buildPredicate } from './predicates.ts'

export interface Request {
  readonly shapes: Shapes
  readonly subject: Subject
  /** For messages: `metric sales`, `the attribute "spent_1y"`. */
  readonly label: string
  readonly followsReferences: boolean
}

/** A selection with what its value is. */
export interface Taken {
  readonly table: TableEntry
  readonly selector: Selector
  readonly filter?: Predicate
  readonly within?: Duration
  readonly aggregate?: Aggregate
  readonly column?: ColumnModel
  readonly type: ColumnType
  readonly unit?: string
  readonly description: string
}

/** `first(purchase).amount` */
export function takeRow(request: Request, data: SelectionData): Taken | undefined {
  const { row } = data
  const table = tableOf(request, row.activity)
  if (table === undefined) return undefined
  const { selector } = row
  if (selector.kind === 'nth' && !(Number.isSafeInteger(selector.n) && selector.n >= 1)) {
    return refuse(request, {
      code: 'MODEL_BAD_DECLARATION',
      message: `${request.label} takes number ${selector.n} of ${table.id}`,
      hint: 'nth counts from 1',
    })
  }
  const column = request.shapes.columns.get(table.id)?.get(data.column)
  if (column === undefined)
    return refuse(
      request,
      labelled(request, { kind: 'missing', owner: table.object, name: data.column }),
    )
  const scope = buildScope(request, table, row)
  if (scope === undefined) return undefined
  const which = selector.kind === 'nth' ? `number ${selector.n}` : selector.kind
  const name = table.id.split('.').at(-1)!
  const description = `${column.description}, of the ${which} ${name}${withinText(scope.within)}`
  return {
    table,
    selector,
    ...scope,
    column,
    type: column.type,
    ...present({ unit: column.unit }),
    description,
  }
}

/** `sum(purchase.amount)` */
export function takeAggregate(request: Request, data: AggregateData): Taken | undefined {
  const given = definitionOf(data.of)
  const isCount = data.aggregate === 'count'
  if (given?.kind === 'missing') return refuse(request, labelled(request, given))
  if (!isCount && given?.kind !== 'column') {
    const message = `${request.label} takes the ${data.aggregate} of ${describeValue(data.of)}`
    return refuse(request, {
      code: 'MODEL_BAD_DECLARATION',
      message,
      hint: `write ${data.aggregate}(purchase.amount) with a column that the table has`,
    })
  }
  const table = tableOf(request, isCount ? data.of : (given as ColumnData).owner)
  if (table === undefined) return undefined
  const column = isCount
    ? undefined
    : request.shapes.columns.get(table.id)?.get((given as ColumnData).name ?? '')
  // A column with a fault of its own is missing here and reported there.
  if (!isCount && column === undefined) return undefined
  const type = resultType(data.aggregate, column?.type)
  if (column !== undefined && (type === undefined || isKeyLike(table, column, data.aggregate))) {
    const what = column.refers === undefined ? column.type.kind : 'a reference'
    const message = `${request.label} takes the ${data.aggregate} of ${table.id}.${column.name}, which is ${isKeyLike(table, column, data.aggregate) && column.refers === undefined ? 'a key' : what}`
    const hint =
      data.aggregate === 'min' || data.aggregate === 'max'
        ? 'min and max take numbers, dates and instants'
        : 'sum and average take numbers; distinct takes any column'
    return refuse(request, { code: 'MODEL_TYPE', message, hint })
  }
  const scope = buildScope(request, table, data)
  if (scope === undefined) return undefined
  const name = table.id.split('.').at(-1)!
  const what =
    column === undefined
      ? `${name}: ${table.data.description ?? ''}`
      : `${name}.${column.name}: ${column.description}`
  const unit =
    data.aggregate === 'count' || data.aggregate === 'distinct' ? undefined : column?.unit
  return {
    table,
    selector: { kind: 'all' },
    ...scope,
    aggregate: data.aggregate,
    ...present({ column, unit }),
    type: type ?? { kind: 'integer' },
    description: `${data.aggregate} of ${what}${withinText(scope.within)}`,
  }
}

function isKeyLike(table: TableEntry, column: ColumnModel, aggregate: Aggregate): boolean {
  if (aggregate === 'distinct') return false
  const data = definitionOf(table.data.columns[column.name])
  return column.refers !== undefined || (data?.kind === 'column' && data.spec.type.kind === 'key')
}

/** The type of an aggregate's value; undefined when the aggregate has no meaning for the column. */
function resultType(aggregate: Aggregate, column: ColumnType | undefined): ColumnType | undefined {
  if (aggregate === 'count' || aggregate === 'distinct') return { kind: 'integer' }
  if (column === undefined) return undefined
  const isNumeric =
    column.kind === 'integer' || column.kind === 'decimal' || column.kind === 'number'
  if (aggregate === 'min' || aggregate === 'max')
    return isNumeric || measurable.has(column.kind) ? column : undefined
  if (!isNumeric) return undefined
  if (aggregate === 'average') return { kind: 'number' }
  return column.kind === 'decimal'
    ? { kind: 'decimal', precision: 38, scale: column.scale }
    : column
}

const measurable: ReadonlySet<string> = new Set(['timestamp', 'local_timestamp', 'date', 'time'])

function labelled(request: Request, data: MissingData): Fault {
  const fault = missingFault(request.shapes, data)
  return { ...fault, message: `${request.label}: ${fault.message}` }
}

function tableOf(request: Request, value: unknown): TableEntry | undefined {
  const entry = request.shapes.book.tableOf.get(value)
  if (entry !== undefined) return entry
  const data = definitionOf(value)
  if (data?.kind === 'missing') return refuse(request, labelled(request, data))
  const isDefinition = data !== undefined
  return refuse(request, {
    code: isDefinition ? 'MODEL_UNKNOWN_TABLE' : 'MODEL_BAD_DECLARATION',
    message: isDefinition
      ? `${request.label} is of ${describeValue(value)} that no file declares`
      : `${request.label} is of ${describeValue(value)} where a table is needed`,
    hint: isDefinition
      ? 'export it by default from a file in the folder of its kind'
      : 'import the activity; two files cannot need each other here',
  })
}

interface Scope {
  readonly filter?: Predicate
  readonly within?: Duration
}

function buildScope(
  request: Request,
  root: TableEntry,
  data: { readonly filter?: unknown; readonly within?: string },
): Scope | undefined {
  const filter =
    data.filter === undefined ? undefined : buildPredicate({ ...request, root }, data.filter)
  if (data.filter !== undefined && filter === undefined) return undefined
  const within = data.within === undefined ? undefined : parseDuration(data.within)
  if (data.within !== undefined && within === undefined) {
    return refuse(request, {
      code: 'MODEL_BAD_DECLARATION',
      message: `${request.label} has the duration ${describeValue(data.within)}`,
      hint: "write '30 days' or '1 year': a whole number and a unit",
    })
  }
  return present({ filter, within })
}

/** `1 year`, `30 days`; undefined for anything else. */
function parseDuration(text: string): Duration | undefined {
  const match = /^([1-9]\d{0,5}) (second|minute|hour|day|week|month|year)s?$/.exec(String(text))
  return match === null
    ? undefined
    : { count: Number(match[1]), unit: match[2] as Duration['unit'] }
}

function withinText(within: Duration | undefined): string {
  return within === undefined
    ? ''
    : `, within ${within.count} ${within.unit}${within.count === 1 ? '' : 's'}`
}

/** The selection of the Model. */
export function selectionOf(taken: Taken): Selection {
  const { table, selector, filter, within, aggregate, column } = taken
  const take: Selection['take'] =
    aggregate === undefined
      ? { kind: 'column', column: column!.name }
      : { kind: 'aggregate', aggregate, ...present({ column: column?.name }) }
  return { kind: 'selection', activity: table.id, selector, ...present({ filter, within }), take }
}

function refuse(request: Request, fault: Fault): undefined {
  request.shapes.book.report(request.subject, fault)
}

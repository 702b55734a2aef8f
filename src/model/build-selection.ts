/** What is taken of activities, for derived attributes, related columns and metrics: checked, typed and described. */
import {
  buildChoice,
  choiceText,
  refuse,
  tableOf,
  viewOf,
  whichText,
  type Request,
} from './build-choice.ts'
import { missingFault } from './column-models.ts'
import {
  definitionOf,
  describeValue,
  present,
  type AggregateData,
  type MissingData,
  type RowData,
  type SelectionData,
} from './definition.ts'
import type { Fault, TableEntry } from './identify.ts'
import type {
  Aggregate,
  ColumnModel,
  ColumnType,
  Percentile,
  RowChoice,
  Selection,
} from './model.ts'
import { homeOf, reach, type Reached } from './predicates.ts'

/** A selection with what its value is. */
export interface Taken {
  /** The activity, or the object. */
  readonly table: TableEntry
  readonly choice: RowChoice
  readonly aggregate?: Aggregate
  readonly percentile?: Percentile
  readonly map?: true
  readonly column?: ColumnModel
  readonly path?: string
  readonly type: ColumnType
  readonly unit?: string
  readonly description: string
}

/** `first(purchase).amount` */
export function takeRow(request: Request, data: SelectionData): Taken | undefined {
  const { row } = data
  const table = tableOf(request, row.activity)
  if (table === undefined) return undefined
  const choice = buildChoice(request, { table, ...row })
  if (choice === undefined) return undefined
  const column = request.shapes.columns.get(table.id)?.get(data.column)
  if (column === undefined)
    return refuse(
      request,
      labelled(request, { kind: 'missing', owner: table.object, name: data.column }),
    )
  if (choice.selector.kind === 'all') {
    return refuse(request, {
      code: 'MODEL_BAD_DECLARATION',
      message: `${request.label} takes ${data.column} of all rows of ${table.id}`,
      hint: 'choose one: first(…), last(…), nth(…, n), or aggregate: sum(…)',
    })
  }
  return {
    table,
    choice,
    column,
    path: column.name,
    ...present({ map: choice.per === undefined ? undefined : (true as const) }),
    type: choice.per === undefined ? column.type : { kind: 'json' },
    ...present({ unit: column.unit }),
    description: `${column.description}, of the ${whichText(choice)}${choiceText(choice)}`,
  }
}

/** What an aggregate is of: a table's rows, or values that they reach, perhaps of chosen rows only. */
interface Measured {
  readonly table: TableEntry
  readonly row?: RowData
  readonly reached?: Reached
}

/** `sum(purchase.amount)` */
export function takeAggregate(request: Request, data: AggregateData): Taken | undefined {
  const measured = measuredOf(request, data)
  if (measured === undefined) return undefined
  const { table, row, reached } = measured
  const column = reached?.column
  const type = resultType(data, column?.type)
  if (type === undefined || (reached !== undefined && isKeyLike(reached, data.aggregate)))
    return refuse(request, typeFault(request, data, measured))
  if (row !== undefined && Object.keys(data.choice).length > 0) {
    return refuse(request, {
      code: 'MODEL_BAD_DECLARATION',
      message: `${request.label} narrows the ${data.aggregate} of chosen rows`,
      hint: 'narrow the rows: count(first(purchase).where(…))',
    })
  }
  const { fraction } = data.percentile ?? { fraction: 0 }
  if (!(fraction >= 0 && fraction <= 1)) {
    return refuse(request, {
      code: 'MODEL_BAD_DECLARATION',
      message: `${request.label} takes the percentile ${describeValue(fraction)}`,
      hint: 'a fraction from 0 to 1: 0.5 is the median',
    })
  }
  const selector = row?.selector ?? ({ kind: 'all' } as const)
  const choice = buildChoice(request, { table, selector, choice: row?.choice ?? data.choice })
  if (choice === undefined) return undefined
  const unit = isCounting(data.aggregate) ? undefined : column?.unit
  return {
    table,
    choice,
    aggregate: data.aggregate,
    ...present({ column, unit, path: reached?.path, percentile: data.percentile, map: data.map }),
    type: data.map === true ? { kind: 'json' } : type,
    description: describeAggregate(data, measured, choice),
  }
}

function describeAggregate(data: AggregateData, measured: Measured, choice: RowChoice): string {
  const { table, row, reached } = measured
  const name = row === undefined ? table.id.split('.').at(-1)! : whichText(choice)
  const what =
    reached === undefined
      ? `${name}: ${table.data.description ?? ''}`
      : `${name}.${reached.path}: ${reached.column.description}`
  const number = data.percentile === undefined ? '' : ` ${data.percentile.fraction}`
  return `${data.aggregate.replaceAll('_', ' ')}${number} of ${what}${choiceText(choice)}`
}

/** Counts, which have neither the column's unit nor an unknown value. */
export function isCounting(aggregate: Aggregate | undefined): boolean {
  return (
    aggregate === 'count' ||
    aggregate === 'distinct' ||
    aggregate === 'approximate_distinct' ||
    aggregate === 'count_true'
  )
}

function measuredOf(request: Request, data: AggregateData): Measured | undefined {
  const given = definitionOf(data.of)
  if (given?.kind === 'missing') return refuse(request, labelled(request, given))
  if (data.aggregate === 'count' || data.aggregate === 'any') {
    const row = given?.kind === 'row' ? given : undefined
    const table = tableOf(request, row?.activity ?? data.of)
    return table === undefined ? undefined : { table, ...present({ row }) }
  }
  if (given?.kind === 'selection') {
    const table = tableOf(request, given.row.activity)
    const column = Object.entries((table?.object ?? {}) as Record<string, unknown>).find(
      ([name]) => name === given.column,
    )?.[1]
    if (table !== undefined && column === undefined)
      return refuse(
        request,
        labelled(request, { kind: 'missing', owner: table.object, name: given.column }),
      )
    const reached = table === undefined ? undefined : reach(viewOf(request, table), column)
    return table === undefined || reached === undefined
      ? undefined
      : { table, row: given.row, reached }
  }
  const first = given?.kind === 'path' ? definitionOf(given.columns[0]) : given
  if (first?.kind === 'missing') return refuse(request, labelled(request, first))
  if (first?.kind !== 'column') {
    return refuse(request, {
      code: 'MODEL_BAD_DECLARATION',
      message: `${request.label} takes the ${data.aggregate} of ${describeValue(data.of)}`,
      hint: `write ${data.aggregate}(purchase.amount) with a column that the table has`,
    })
  }
  const table = homeOf(request.shapes, first.owner)?.root ?? tableOf(request, first.owner)
  const reached = table === undefined ? undefined : reach(viewOf(request, table), data.of)
  return table === undefined || reached === undefined ? undefined : { table, reached }
}

function typeFault(request: Request, { aggregate }: AggregateData, measured: Measured): Fault {
  const { column, isKey, path } = measured.reached!
  const what = isKey ? 'a key' : column.refers === undefined ? column.type.kind : 'a reference'
  const hints: Partial<Record<Aggregate, string>> = {
    min: 'min and max take numbers, dates and instants',
    max: 'min and max take numbers, dates and instants',
    count_true: 'count_true takes a truth',
    percentile: 'percentiles take numbers',
    approximate_percentile: 'percentiles take numbers',
  }
  return {
    code: 'MODEL_TYPE',
    message: `${request.label} takes the ${aggregate} of ${measured.table.id}.${path}, which is ${what}`,
    hint: hints[aggregate] ?? 'sum and average take numbers; distinct takes any column',
  }
}

const takesKeys: ReadonlySet<Aggregate> = new Set([
  'distinct',
  'approximate_distinct',
  'first',
  'last',
  'collect',
  'collect_distinct',
])

function isKeyLike({ column, isKey }: Reached, aggregate: Aggregate): boolean {
  return !takesKeys.has(aggregate) && (column.refers !== undefined || isKey)
}

/** The type of an aggregate's value; undefined when the aggregate has no meaning for the column. */
function resultType(
  { aggregate, percentile }: AggregateData,
  column: ColumnType | undefined,
): ColumnType | undefined {
  if (aggregate === 'any') return { kind: 'boolean' }
  if (aggregate === 'count_true')
    return column?.kind === 'boolean' ? { kind: 'integer' } : undefined
  if (isCounting(aggregate)) return { kind: 'integer' }
  if (column === undefined) return undefined
  if (aggregate === 'first' || aggregate === 'last') return column
  if (aggregate === 'collect' || aggregate === 'collect_distinct')
    return { kind: 'list', of: column }
  const isNumeric =
    column.kind === 'integer' || column.kind === 'decimal' || column.kind === 'number'
  if (aggregate === 'min' || aggregate === 'max')
    return isNumeric || measurable.has(column.kind) ? column : undefined
  if (!isNumeric) return undefined
  if (aggregate === 'approximate_percentile') return { kind: 'number' }
  if (percentile?.kind === 'discrete') return column
  if (aggregate === 'average' || aggregate === 'percentile') return { kind: 'number' }
  return column.kind === 'decimal'
    ? { kind: 'decimal', precision: 38, scale: column.scale }
    : column
}

const measurable: ReadonlySet<string> = new Set(['timestamp', 'local_timestamp', 'date', 'time'])

function labelled(request: Request, data: MissingData): Fault {
  const fault = missingFault(request.shapes, data)
  return { ...fault, message: `${request.label}: ${fault.message}` }
}

/** The selection of the Model. */
export function selectionOf(taken: Taken): Selection {
  const { choice, aggregate, path, percentile, map } = taken
  const take: Selection['take'] =
    aggregate === undefined
      ? { kind: 'column', column: path! }
      : { kind: 'aggregate', aggregate, ...present({ column: path, percentile }) }
  return { kind: 'selection', ...choice, take, ...present({ map }) }
}

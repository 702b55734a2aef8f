/** What a table or metric is, from the Model and State: nothing here is written down twice. */
import { isMaruError, MaruError } from '../base/errors.ts'
import { suggest } from '../base/nearest.ts'
import type { Binding } from '../engine/engine.ts'
import { legalDimensions, neededDimensions, type LegalDimension } from '../metric/metric.ts'
import { typeText } from '../model/column-type.ts'
import { choicesOf, inputsOf, nestedChoices, visibleColumns } from '../model/model.ts'
import type { MetricModel, Model, TableModel } from '../model/model.ts'
import type { StatesTable, Task } from '../plan/plan.ts'
import { readStaleness } from '../run/run.ts'
import type { State } from '../state/state.ts'
import type { Shown } from './app.ts'

export interface ShowContext {
  readonly model: Model
  readonly bindings: ReadonlyMap<string, Binding>
  readonly tasks: readonly Task[]
  readonly state: State
}

/** `id` is a table's id, a metric's id, or a metric's name. */
export async function showId(context: ShowContext, id: string): Promise<Shown> {
  const table = context.model.tables.find((each) => each.id === id)
  if (table !== undefined) return await showTable(context, table)
  const metric = context.model.metrics.find((each) => each.id === id || each.name === id)
  if (metric !== undefined) return showMetric(context, metric)
  const stored = context.tasks.find((each) => each.id === id)
  if (stored?.table.kind === 'states') return await showStored(context, stored, stored.table)
  if ((await context.state.tasks()).some(({ taskId }) => taskId === id))
    throw new MaruError('NOT_FOUND', `the declaration of "${id}" was removed`, {
      hint: 'declare it again; until then nothing reads or renews what was built',
    })
  const known = [
    ...context.model.tables.map((each) => each.id),
    ...context.model.metrics.map((each) => each.id),
  ]
  throw new MaruError('NOT_FOUND', `there is no table or metric "${id}"`, {
    hint: suggest(id, known),
  })
}

async function showTable(context: ShowContext, table: TableModel): Promise<Shown> {
  const task = context.tasks.find((each) => each.id === table.id)!
  return {
    id: table.id,
    kind: table.kind,
    description: table.description,
    grain: grainOf(table),
    owner: table.owner,
    file: table.place.file,
    columns: columnsOf(context, table),
    freshness: await freshnessOf(context, task),
    upstream: task.inputs.map((input) => input.id),
    downstream: downstreamOf(context, table),
    example: `maru query "select * from ${table.id} limit 10"`,
  }
}

async function freshnessOf({ state, model }: ShowContext, task: Task): Promise<Shown['freshness']> {
  const { record, reasons } = await readStaleness(state, task, { zone: model.zone })
  const isFresh = reasons.length === 0
  const words = { state: isFresh ? 'up to date' : `stale: ${reasons.join('; ')}` }
  if (record === undefined) return words
  const partitions = await state.partitions(task.id)
  const rows = [...partitions.values()].reduce((sum, each) => sum + each.rows, 0)
  const builtAt = new Date(record.finishedAtMs).toISOString()
  return { builtAt, rows, partitions: partitions.size, ...words }
}

/** Tables that no file declares: kept so that questions need not read activities. */
async function showStored(
  context: ShowContext,
  task: Task,
  { id, description, grain }: StatesTable,
): Promise<Shown> {
  return {
    id,
    kind: 'stored',
    description,
    grain,
    owner: 'those of its metrics',
    file: 'none: it follows from the metrics',
    columns: task.columns.map(({ name, type, description }) => ({
      name,
      type: typeText(type),
      description,
      from: [],
    })),
    freshness: await freshnessOf(context, task),
    upstream: task.inputs.map((input) => input.id),
    downstream: readersOf(context, id),
    example: `maru run ${id}`,
  }
}

function columnsOf(context: ShowContext, table: TableModel): Shown['columns'] {
  const lineage = context.bindings.get(table.id)?.lineage
  const attached = new Map(
    table.kind === 'merged' ? table.attached.map((column) => [column.column, column]) : [],
  )
  const tables = new Map(context.model.tables.map((each) => [each.id, each]))
  return visibleColumns(table, tables).map((column) => {
    const sources = lineage?.columns.find((each) => each.output === column.name)?.sources ?? []
    const from = attached.get(column.name)
    return {
      name: column.name,
      type: typeText(column.type) + (column.unit === undefined ? '' : ` ${column.unit}`),
      description: column.description,
      from:
        from === undefined
          ? [...new Set(sources.map((source) => `${source.table}.${source.column}`))]
          : [`${from.table}.${from.attribute}`],
    }
  })
}

function readersOf({ tasks }: ShowContext, id: string): readonly string[] {
  return tasks.filter((task) => task.inputs.some((input) => input.id === id)).map((task) => task.id)
}

function downstreamOf(context: ShowContext, table: TableModel): readonly string[] {
  const tasks = readersOf(context, table.id)
  const metrics = context.model.metrics
    .filter((metric) => upstreamOf(metric).includes(table.id))
    .map((metric) => metric.id)
  return table.kind === 'activity' ? tasks : [...tasks, ...metrics]
}

function grainOf(table: TableModel): string {
  switch (table.kind) {
    case 'raw_table':
      return table.key.length === 0
        ? 'one row as the source has it'
        : `one row per ${table.key.join(', ')}`
    case 'raw_event':
      return `one row per event "${table.event}"`
    case 'collected':
      return table.id === 'raw.event' ? 'one row per event' : 'one row per refused event'
    case 'object':
      return table.history
        ? `one row per version of ${table.key}, held from valid_from to before valid_to`
        : `one row per ${table.key}`
    case 'attributes':
      return table.history
        ? `one row per version of the attributes of ${table.object}`
        : `one row per ${table.object}`
    case 'activity':
      return `one row per ${table.key}: ${table.says}`
    case 'merged':
      return `one row per row of ${table.activity}, with what its actor and targets were then`
  }
}

function showMetric(context: ShowContext, metric: MetricModel): Shown {
  const { dimensions, refusal } = dimensionsOf(context.model, metric)
  const paths = dimensions.filter((dimension) => dimension.path.includes('.'))
  // Words make groups that a person can read; keys and instants rarely do.
  const attribute = paths.find((dimension) => dimension.type.kind === 'text') ?? paths[0]
  const needed = refusal === undefined ? neededDimensions(context.model, metric.name) : []
  const by = [...needed, ...(attribute === undefined ? [] : [attribute.path])].join(',')
  return {
    id: metric.id,
    kind: 'metric',
    description: metric.description,
    grain:
      metric.unit === undefined ? 'one number per group' : `one number in ${metric.unit} per group`,
    owner: metric.owner,
    file: metric.place.file,
    columns: dimensions.map((dimension) => ({
      name: dimension.path,
      type: typeText(dimension.type),
      description: dimension.description,
      from: [],
    })),
    freshness: { state: refusal ?? 'computed when asked' },
    upstream: upstreamOf(metric),
    downstream: context.model.metrics
      .filter((each) => upstreamOf(each).includes(metric.id))
      .map((each) => each.id),
    example: `maru metric ${metric.name}${by === '' ? '' : ` --by ${by}`}`,
  }
}

/** A metric that is declared and not answered yet is shown with the reason, in place of dimensions. */
function dimensionsOf(
  model: Model,
  metric: MetricModel,
): { readonly dimensions: readonly LegalDimension[]; readonly refusal?: string } {
  try {
    return { dimensions: legalDimensions(model, metric.name) }
  } catch (error) {
    if (!isMaruError(error) || error.code !== 'METRIC_ILLEGAL') throw error
    return { dimensions: [], refusal: error.message }
  }
}

function upstreamOf(metric: MetricModel): readonly string[] {
  if (metric.kind === 'object_aggregate') return [metric.object]
  const activities = choicesOf(metric).flatMap(nestedChoices)
  const merged = activities.map(({ activity }) => activity.replace(/^act\./, 'merged.'))
  return [...new Set([...merged, ...inputsOf(metric).map((name) => `metric.${name}`)])]
}

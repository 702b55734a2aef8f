/** The tasks that make the tables of stored states: of the same kind as all others, so plan, run, staleness, upkeep and recovery work on them as they are. */
import { contentHash } from '../../base/hash.ts'
import { stringifyJson } from '../../base/json.ts'
import { sqlType } from '../../model/column-type.ts'
import { filledColumns } from '../../model/model.ts'
import type { ColumnType, Model, TableId } from '../../model/model.ts'
import { attach, attachAll } from '../../plan/attach.ts'
import type { Attachment } from '../../plan/attach.ts'
import { isWithin } from '../../plan/plan.ts'
import type {
  IndicatorPart,
  IndicatorPlan,
  IndicatorReference,
  Period,
  StoredColumn,
  Task,
  TaskInput,
} from '../../plan/plan.ts'
import { calendarSql } from '../calendar.ts'
import { stateSql } from '../state.ts'
import { flagColumns, joinLines, rowOf, rowsSql, stateColumns, storedMeasures } from './measures.ts'
import type { StateColumn, StoredMeasure } from './measures.ts'
import { statePeriods, storedTables } from './tables.ts'
import type { IndicatorTable, StateTable, StoredDimension } from './tables.ts'

const { day } = filledColumns
const integer: ColumnType = { kind: 'integer' }

/** One task for each table that can be kept. `engineVersion` is part of what defines a result, as for declared tables. */
export function stateTasks(
  model: Model,
  options: { readonly engineVersion: string },
): readonly Task[] {
  const { states, indicators } = storedTables(model)
  const context = { model, engineVersion: options.engineVersion }
  return [
    ...states.map((table) => stateTask(context, table)),
    ...indicators.map((table) => indicatorTask(context, table)),
  ]
}

interface Context {
  readonly model: Model
  readonly engineVersion: string
}

interface Draft {
  readonly table: StateTable | IndicatorTable
  readonly description: string
  readonly grain: string
  readonly columns: readonly StoredColumn[]
  readonly rows: Task['rows']
  readonly inputs: readonly TaskInput[]
  /** All that defines the rows, beyond columns and inputs. */
  readonly defines: string
}

function taskOf({ model, engineVersion }: Context, draft: Draft): Task {
  const { table, columns, rows, inputs, description, grain } = draft
  const version = contentHash(
    'states 1',
    model.zone,
    engineVersion,
    stringifyJson(columns),
    draft.defines,
  )
  return {
    id: table.id,
    table: { kind: 'states', id: table.id, place: { file: 'metric' }, description, grain },
    columns,
    partition: { kind: 'day', column: day },
    rows,
    inputs,
    references: [],
    checks: [],
    version,
    definition: {
      sql: draft.defines,
      columns: columns.map(({ name, type }) => ({
        name,
        type: stringifyJson(type),
        expression: '',
      })),
      rows: '',
      inputs: inputs.map((input) => input.id),
      partition: stringifyJson({ kind: 'day', column: day }),
      zone: model.zone,
      engine: engineVersion,
    },
  }
}

function column(name: string, type: ColumnType, description: string): StoredColumn {
  return { name, type, required: false, description }
}

function stateTask(context: Context, table: StateTable): Task {
  const { model } = context
  const states = statesOf(model, table)
  const mergedId = mergedOf(model, table.rootId)
  const finer = statePeriods[statePeriods.indexOf(table.period) - 1]
  const measures = keptMeasures(model, table)
  const rows = rowsSql({ model, rootId: table.rootId }, [day, ...table.kept], measures)
  const keys = table.kept.join(', ')
  const select = (from: string, made: (state: StateColumn) => string): string => {
    const items = states.map(
      (state) => `cast(${made(state)} as ${sqlType(state.type)}) as ${state.name}`,
    )
    const period = calendarSql(table.period, day, { kind: 'date' })
    return `select ${[`${period} as ${day}`, keys, ...items].join(',\n  ')}\nfrom ${from}\ngroup by ${period}, ${keys}`
  }
  const source = finer === undefined ? undefined : finerId(table, finer)
  const sql =
    source === undefined
      ? select(`(\n  ${rows.sql}\n) as each_row`, (state) => state.made)
      : select(source, (state) => state.merged)
  const inputs: readonly TaskInput[] =
    source === undefined
      ? [
          {
            id: mergedId,
            mapping: 'same_day',
            ...(rows.joins.length === 0 ? {} : { attached: true as const }),
          },
          ...attachedInputs(model, table.rootId, rows.joins),
        ]
      : [{ id: source, mapping: 'same_period', period: table.period }]
  return taskOf(context, {
    table,
    description: `${table.rootId} by ${table.reference}, a ${table.period} each`,
    grain: `one row per period and ${keys}`,
    columns: [
      column(day, { kind: 'date' }, `the first day of the ${table.period}`),
      ...table.kept.map((name) =>
        column(name, keptType(model, table.rootId, name), 'as in the activity'),
      ),
      ...states.map(({ name, type }) => column(name, type, 'a state of a metric')),
    ],
    rows: { kind: 'select', sql },
    inputs,
    // A coarser period is made of the finest, whose text says what the states are.
    defines: `${sql}\n${rows.sql}\n${states.map((state) => state.made).join('\n')}`,
  })
}

/** What is joined as the merged table joins it changes days that its journal tells; what is joined in another way may change any. */
function attachedInputs(
  model: Model,
  rootId: TableId,
  joins: Attachment['joins'],
): readonly TaskInput[] {
  const told = new Map(attachAll(model, rootId).joins.map((join) => [join.alias, join]))
  const ids = [...new Set(joins.map(({ table }) => table))]
  return ids.map((id): TaskInput => {
    const own = joins.filter(({ table }) => table === id)
    const isTold = own.every(({ alias, condition }) => told.get(alias)?.condition === condition)
    return { id, mapping: isTold ? 'told' : 'all' }
  })
}

function statesOf(model: Model, table: StateTable): readonly StateColumn[] {
  const measures = keptMeasures(model, table)
  return table.entity === undefined ? stateColumns(measures) : flagColumns(measures)
}

/** Indicators read the flags of every filter beside the states, also of one that only a distinct count of another reference has. */
function keptMeasures(model: Model, table: StateTable): readonly StoredMeasure[] {
  return table.entity === undefined ? storedMeasures(model, table.rootId) : table.measures
}

function finerId(table: StateTable, period: Period): TableId {
  return table.id.replace(`state.${table.period}.`, `state.${period}.`)
}

function keptType(model: Model, rootId: TableId, name: string): ColumnType {
  const activity = model.tables.find((table) => table.id === rootId)!
  return activity.columns.find((each) => each.name === name)?.type ?? integer
}

function mergedOf(model: Model, rootId: TableId): TableId {
  return model.tables.find((table) => table.kind === 'merged' && table.activity === rootId)!.id
}

function indicatorTask(context: Context, table: IndicatorTable): Task {
  const { model } = context
  const states = stateColumns(table.measures)
  const distincts = table.measures.filter((measure) => measure.entity !== undefined)
  const { plan, joins } = indicatorPlan(model, table)
  const mergedId = mergedOf(model, table.rootId)
  const own = rowsSql({ model, rootId: table.rootId }, [], table.measures)
  const read = plan.references.flatMap(({ table: id, entities }) => [
    id,
    ...Object.values(entities),
  ])
  return taskOf(context, {
    table,
    description: `every indicator of ${table.rootId}, a ${table.period} each`,
    grain: 'one row per period, dimension and value of it',
    columns: [
      column(day, { kind: 'date' }, `the first day of the ${table.period}`),
      column('dimension', { kind: 'text' }, 'its path; empty for the total'),
      column('value', { kind: 'text' }, 'its value as text; unknown when null'),
      ...states.map(({ name, type }) => column(name, type, 'a state of a metric')),
      ...distincts.map(({ states: [state] }) => column(state!.name, integer, 'an exact count')),
    ],
    rows: { kind: 'indicators', sql: '', indicators: plan },
    inputs: [
      { id: mergedId, mapping: 'same_period', period: table.period, attached: true },
      ...[...new Set(read)].map((id) => ({
        id,
        mapping: 'same_period' as const,
        period: table.period,
      })),
      ...attachedInputs(model, table.rootId, [...joins, ...own.joins]),
    ],
    defines: stringifyJson(plan),
  })
}

function indicatorPlan(
  model: Model,
  table: IndicatorTable,
): { readonly plan: IndicatorPlan; readonly joins: Attachment['joins'] } {
  const source = statePeriods.findLast((period) => isWithin(period, table.period))!
  const sources = storedTables(model).states.filter(
    ({ rootId, period }) => rootId === table.rootId && period === source,
  )
  const dimensions = [...table.dimensions.values()]
  const joins: Attachment['joins'][number][] = []
  const references = sources
    .filter((state) => state.entity === undefined)
    .map((state): IndicatorReference => {
      const own = dimensions.filter(({ from }) => from?.reference === state.reference)
      const columns = [...new Set(own.map(({ from }) => from!.column))]
      const entities = sources.filter(
        ({ reference, entity }) => reference === state.reference && entity !== undefined,
      )
      return {
        table: state.id,
        entities: Object.fromEntries([
          ...entities.map(({ entity, id }) => [entity!, id] as const),
          ...(state.measures.some((measure) => measure.entity === state.reference)
            ? [[state.reference, state.id] as const]
            : []),
        ]),
        groups: columns.map((name) => {
          const members = own.filter(({ from }) => from!.column === name)
          const parts = partsOf(model, table.rootId, members)
          joins.push(...parts.flatMap((part) => part.attachment.joins))
          return {
            column: name,
            alias: parts[0]!.attachment.root.alias,
            parts: parts.map(({ stored, attachment, members: dimensions }) => ({
              joins: joinLines(attachment).join('\n'),
              ...(stored === undefined ? {} : { stored }),
              dimensions: dimensions.map(({ text, type, path }, at) => ({
                dimension: text,
                sql: attachment.expressions[at]!,
                column: path.column.name,
                type,
              })),
            })),
          }
        }),
      }
    })
  const plan: IndicatorPlan = {
    states: stateColumns(table.measures).map(({ name, kind, type, merged }) => ({
      name,
      kind,
      type,
      merged: `cast(${merged} as ${sqlType(type)})`,
    })),
    distincts: table.measures.flatMap(({ states: [state], entity, flag }) =>
      entity === undefined
        ? []
        : [{ name: state!.name, entity, ...(flag === undefined ? {} : { flag }) }],
    ),
    references,
    others: othersOf(model, table, dimensions),
  }
  return { plan, joins }
}

interface DimensionPart {
  readonly stored: IndicatorPart['stored']
  readonly members: readonly StoredDimension[]
  readonly attachment: Attachment
}

/** Dimensions of one table that is joined by its key alone are a part of their own. */
function partsOf(
  model: Model,
  rootId: TableId,
  members: readonly StoredDimension[],
): readonly DimensionPart[] {
  const parts = new Map<string, { stored: IndicatorPart['stored']; members: StoredDimension[] }>()
  for (const member of members) {
    const { root, joins, expressions } = attach(model, rootId, [member.path])
    const [join] = joins
    const isStored =
      joins.length === 1 &&
      join!.equals !== undefined &&
      join!.condition ===
        `${join!.alias}.${join!.equals.table} = ${root.alias}.${join!.equals.row}` &&
      expressions[0] === `${join!.alias}.${member.path.column.name}`
    const stored = isStored ? { table: join!.table, key: join!.equals!.table } : undefined
    const part = parts.get(stored?.table ?? '') ?? { stored, members: [] }
    parts.set(stored?.table ?? '', part)
    part.members.push(member)
  }
  return [...parts.values()].map((part) => ({
    ...part,
    attachment: attach(
      model,
      rootId,
      part.members.map(({ path }) => path),
    ),
  }))
}

/** The total and the activity's own columns come straight from the rows: they are few. */
function othersOf(
  model: Model,
  table: IndicatorTable,
  dimensions: readonly StoredDimension[],
): IndicatorPlan['others'] {
  const states = [
    ...stateColumns(table.measures).map(
      ({ name, made, type }) => `cast(${made} as ${sqlType(type)}) as ${name}`,
    ),
    ...table.measures.flatMap((measure) =>
      measure.entity === undefined
        ? []
        : [`${stateSql(measure.states[0]!, rowOf(measure))} as ${measure.states[0]!.name}`],
    ),
  ]
  const own = dimensions.filter(({ from }) => from === undefined)
  const select = (name: string | undefined): string => {
    const { sql } = rowsSql(
      { model, rootId: table.rootId },
      [day, ...(name === undefined ? [] : [name])],
      table.measures,
    )
    const value = name === undefined ? 'cast(null as varchar)' : `cast(${name} as varchar)`
    const group = name === undefined ? '\nhaving count(*) > 0' : `\ngroup by ${name}`
    return `select ${[`${value} as value`, ...states].join(',\n  ')}\nfrom (\n  ${sql}\n) as each_row\nwhere $where${group}`
  }
  return [
    { dimension: '', sql: select(undefined) },
    ...own.map(({ text, path }) => ({ dimension: text, sql: select(path.column.name) })),
  ]
}

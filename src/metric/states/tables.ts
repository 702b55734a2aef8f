/**
 * The tables that can be kept for a model: states by period and object, and indicators by period and dimension. They follow from the model; which of them are
 * built is the project's choice. A table is plain data: the tasks that make it and the router that reads it both work from here.
 */
import type { ColumnType, Model, TableId } from '../../model/model.ts'
import { attach, pathText, reachablePaths } from '../../plan/attach.ts'
import type { AttributePath } from '../../plan/attach.ts'
import { periods } from '../../plan/plan.ts'
import type { Period } from '../../plan/plan.ts'
import { storedMeasures } from './measures.ts'
import type { StoredMeasure } from './measures.ts'

/** Periods by which states are kept; weeks and quarters are made of them. */
export const statePeriods: readonly StatePeriod[] = ['day', 'month', 'year']

export type StatePeriod = 'day' | 'month' | 'year'

/** Rows (day, key of the reference, its versions, perhaps an entity): states of all rows of the period that share them. */
export interface StateTable {
  readonly kind: 'states'
  readonly id: TableId
  readonly rootId: TableId
  readonly period: StatePeriod
  readonly reference: string
  readonly entity: string | undefined
  /** Columns of the stored merged table that the rows keep, without `day`. */
  readonly kept: readonly string[]
  readonly measures: readonly StoredMeasure[]
}

/** Rows (day, dimension, value): the finished states of one group of one period. `day` is the period's first. */
export interface IndicatorTable {
  readonly kind: 'indicators'
  readonly id: TableId
  readonly rootId: TableId
  readonly period: Period
  readonly measures: readonly StoredMeasure[]
  readonly dimensions: ReadonlyMap<string, StoredDimension>
}

export interface StoredDimension {
  readonly text: string
  readonly path: AttributePath
  readonly type: ColumnType
  /** The reference and the one column of its states from which the value follows; undefined for the activity's own columns. */
  readonly from: { readonly reference: string; readonly column: string } | undefined
}

export interface StoredTables {
  readonly states: readonly StateTable[]
  readonly indicators: readonly IndicatorTable[]
}

const cache = new WeakMap<Model, StoredTables>()

export function storedTables(model: Model): StoredTables {
  let tables = cache.get(model)
  if (tables === undefined) {
    const activities = model.tables.filter((table) => table.kind === 'activity')
    const each = activities.map((activity) => tablesOf(model, activity.id))
    tables = {
      states: each.flatMap((one) => one.states),
      indicators: each.flatMap((one) => one.indicators),
    }
    cache.set(model, tables)
  }
  return tables
}

function tablesOf(model: Model, rootId: TableId): StoredTables {
  const measures = storedMeasures(model, rootId)
  if (measures.length === 0) return { states: [], indicators: [] }
  const references = referencesOf(model, rootId)
  const entities = [...new Set(measures.flatMap((measure) => measure.entity ?? []))]
  const states = statePeriods.flatMap((period) =>
    references.flatMap((reference) => {
      const base = { kind: 'states' as const, rootId, period, reference }
      const name = `state.${period}.${nameOf(rootId)}__${reference}`
      const versions = versionsOf(model, rootId, reference)
      const own: StateTable = {
        ...base,
        id: name,
        entity: undefined,
        kept: [reference, ...versions],
        measures: measures.filter(({ entity }) => entity === undefined || entity === reference),
      }
      const others = entities
        .filter((entity) => entity !== reference)
        .map((entity): StateTable => ({
          ...base,
          id: `${name}__${entity}`,
          entity,
          kept: [reference, entity, ...versions],
          measures: measures.filter((measure) => measure.entity === entity),
        }))
      return [own, ...others]
    }),
  )
  const dimensions = storedDimensions(model, rootId, references)
  const indicators = periods.map((period): IndicatorTable => ({
    kind: 'indicators',
    id: `indicator.${period}.${nameOf(rootId)}`,
    rootId,
    period,
    measures,
    dimensions,
  }))
  return { states, indicators }
}

/** `shop_purchase` of `act.shop.purchase`. */
function nameOf(rootId: TableId): string {
  return rootId.split('.').slice(1).join('_')
}

/** The actor and the targets. */
function referencesOf(model: Model, rootId: TableId): readonly string[] {
  const activity = model.tables.find((table) => table.id === rootId)
  return activity?.kind === 'activity' ? [activity.actor, ...activity.targets] : []
}

function versionsOf(model: Model, rootId: TableId, reference: string): readonly string[] {
  const merged = model.tables.find((table) => table.kind === 'merged' && table.activity === rootId)
  return merged?.kind === 'merged'
    ? merged.versions.filter((each) => each.reference === reference).map((each) => each.column)
    : []
}

/** Types whose values people group by; the others have about as many values as there are rows. */
const groupable = new Set<ColumnType['kind']>(['text', 'integer', 'boolean', 'date', 'uuid'])

function storedDimensions(
  model: Model,
  rootId: TableId,
  references: readonly string[],
): ReadonlyMap<string, StoredDimension> {
  const activity = model.tables.find((table) => table.id === rootId)!
  const key = activity.kind === 'activity' ? activity.key : ''
  const found = new Map<string, StoredDimension>()
  for (const path of reachablePaths(model, rootId)) {
    const { type, name } = path.column
    if (!groupable.has(type.kind)) continue
    const text = pathText(path)
    if (path.references.length === 0) {
      if (name !== key && path.column.refers === undefined)
        found.set(text, { text, path, type, from: undefined })
      continue
    }
    const [reference] = path.references
    const [column, ...more] = attach(model, rootId, [path]).rootColumns
    if (!references.includes(reference!) || column === undefined || more.length > 0) continue
    const isKept = column === reference || versionsOf(model, rootId, reference!).includes(column)
    if (isKept) found.set(text, { text, path, type, from: { reference: reference!, column } })
  }
  return found
}

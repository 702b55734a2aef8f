/** Tables and metrics of a model by name, made once per model: a question must compile in about a millisecond. */
import type { ColumnModel, MetricModel, Model, TableId, TableModel } from '../model/model.ts'

/** A grain of a calendar of the project's own: a column of an object whose rows are days. */
export interface OwnGrain {
  readonly table: TableId
  readonly day: string
  readonly column: ColumnModel
  readonly history: boolean
}

export function ownGrain(model: Model, word: string): OwnGrain | undefined {
  return indexOf(model).grains.get(word)
}

/** By name. */
export function ownGrains(model: Model): readonly (readonly [string, OwnGrain])[] {
  return [...indexOf(model).grains]
}

/** The calendars whose grains the texts of dimensions end with. */
export function calendarsOf(model: Model, texts: readonly string[]): readonly TableId[] {
  const grains = texts.map((text) => ownGrain(model, text.replace(/@.*$/, '').split('.').at(-1)!))
  return [...new Set(grains.flatMap((grain) => grain?.table ?? []))]
}

interface ModelIndex {
  readonly grains: ReadonlyMap<string, OwnGrain>
  readonly tables: ReadonlyMap<TableId, TableModel>
  readonly metrics: ReadonlyMap<string, MetricModel>
}

const indexes = new WeakMap<Model, ModelIndex>()

export function tableById(model: Model, id: TableId): TableModel | undefined {
  return indexOf(model).tables.get(id)
}

/** By name or id. */
export function metricByName(model: Model, name: string): MetricModel | undefined {
  return indexOf(model).metrics.get(
    name.startsWith('metric.') ? name.slice('metric.'.length) : name,
  )
}

function indexOf(model: Model): ModelIndex {
  let index = indexes.get(model)
  if (index === undefined) {
    const grains = model.tables.flatMap((table) => {
      if (table.kind !== 'object' || table.calendar === undefined) return []
      const { id, calendar, columns, history } = table
      return calendar.grains.map((name): [string, OwnGrain] => {
        const column = columns.find((each) => each.name === name)!
        return [name, { table: id, day: calendar.day, column, history }]
      })
    })
    index = {
      grains: new Map(grains),
      tables: new Map(model.tables.map((table) => [table.id, table])),
      metrics: new Map(model.metrics.map((metric) => [metric.name, metric])),
    }
    indexes.set(model, index)
  }
  return index
}

/** `purchase` of `act.shop.purchase`. */
export function lastName(id: TableId): string {
  return id.slice(id.lastIndexOf('.') + 1)
}

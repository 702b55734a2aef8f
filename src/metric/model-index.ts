/** Tables and metrics of a model by name, made once per model: a question must compile in about a millisecond. */
import type { MetricModel, Model, TableId, TableModel } from '../model/model.ts'

interface ModelIndex {
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
    index = {
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

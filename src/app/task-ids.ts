import { MaruError } from '../base/errors.ts'
import { suggest } from '../base/nearest.ts'
import type { Model } from '../model/model.ts'

/** Throws NOT_FOUND with the nearest id for one that names no table. */
export function requireTables(model: Model, ids: readonly string[]): void {
  const known = new Set(model.tables.map((table) => table.id))
  for (const id of ids) {
    if (known.has(id)) continue
    const metric = model.metrics.find((each) => each.id === id || each.name === id)
    throw metric === undefined
      ? new MaruError('NOT_FOUND', `there is no table "${id}"`, { hint: suggest(id, known) })
      : new MaruError('NOT_FOUND', `${id} is a metric, not a table`, {
          hint: `a metric is computed when asked: maru metric ${metric.name}`,
        })
  }
}

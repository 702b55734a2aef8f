/** A metric as a condition on objects: it is computed per object over all time, and joined to the rows by the object's key. */
import { MaruError } from '../base/errors.ts'
import type { ColumnType, MetricCondition, Model, TableId } from '../model/model.ts'
import { bindLiteral } from './condition.ts'
import type { JoinedCondition } from './condition.ts'
import type { Dimension } from './dimension.ts'
import { literalOf } from './filter-language.ts'
import { askMetric, measuresOf } from './measure.ts'
import { tableById } from './model-index.ts'

/** What a condition needs of the compiler of questions, which itself is made of legs. */
export type CompileMetric = (
  model: Model,
  question: { readonly metrics: readonly string[]; readonly by: readonly string[] },
) => {
  readonly sql: string
  readonly reads: readonly { readonly table: string }[]
  readonly columns: readonly { readonly name: string; readonly type: ColumnType }[]
}

export interface MetricConditionRequest {
  readonly model: Model
  /** Of the leg, so that no other leg makes rows of the same name. */
  readonly name: string
  readonly condition: MetricCondition
  readonly compile: CompileMetric
}

/** `dimension` is the object's key. */
export function metricCondition(
  { model, name, condition, compile }: MetricConditionRequest,
  dimension: Dimension,
): JoinedCondition {
  const key = keyOf(model, condition)
  const { sql, columns, reads } = compile(model, { metrics: [condition.metric], by: [key] })
  const metric = columns[0]!
  const rows = `${name}_${condition.path.replaceAll('.', '__').replace('@', '__')}__${metric.name}`
  const compared = { ...dimension, text: metric.name, type: metric.type }
  const operator = condition.operator === '!=' ? '<>' : condition.operator
  return {
    kind: 'joined',
    dimension,
    rows,
    key,
    sql: `${rows}.${metric.name} ${operator} ${bindLiteral(literalOf(condition.value), compared).sql}`,
    ctes: [`${rows} as (\n${sql}\n)`],
    reads: reads.map(({ table }) => table),
  }
}

/** The column by which the metric's rows are of the object: its own key, or a reference, the actor first. */
function keyOf(model: Model, { metric, object }: MetricCondition): string {
  const roots = measuresOf(askMetric(model, metric).expression).map(({ rootId }) => rootId)
  const keys = new Set(roots.map((rootId) => referenceOf(model, rootId, object)))
  const [key] = keys
  if (key !== undefined && keys.size === 1) return key
  throw new MaruError(
    'METRIC_ILLEGAL',
    `the rows of "${metric}" do not refer to ${object} by one column`,
    { hint: `compare a metric whose rows all refer to ${object} by the same column` },
  )
}

function referenceOf(model: Model, rootId: TableId, object: TableId): string | undefined {
  const root = tableById(model, rootId)
  if (root?.kind === 'object') return root.id === object ? root.key : undefined
  if (root?.kind !== 'activity') return undefined
  return [root.actor, ...root.targets].find(
    (name) => root.columns.find((column) => column.name === name)?.refers === object,
  )
}

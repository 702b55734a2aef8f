/** A metric as a condition on objects: it is computed per object over all time, and joined to the rows by the object's key. */
import { assert, MaruError } from '../base/errors.ts'
import type { ColumnType, MetricCondition, Model, TableId } from '../model/model.ts'
import type { ChoiceRequest, ChosenRows, ComparedMetric } from '../plan/choice.ts'
import { chooseRelated } from '../plan/related.ts'
import { bindLiteral } from './condition.ts'
import type { JoinedCondition } from './condition.ts'
import { resolveDimension } from './dimension.ts'
import type { Dimension } from './dimension.ts'
import { literalOf } from './filter-language.ts'
import { metricByName, tableById } from './model-index.ts'

/** What a condition needs of the compiler of questions, which itself is made of legs: the metric by a column that is found from the activities or objects of its rows. */
export type CompileMetric = (
  model: Model,
  metric: string,
  keyOf: (rootIds: readonly TableId[]) => string,
) => {
  readonly sql: string
  /** The column. */
  readonly key: string
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
  const { sql, key, comparison, tables } = compareMetric({ model, compile }, condition, dimension)
  const rows = `${name}_${condition.path.replaceAll('.', '__').replace('@', '__')}__${condition.metric}`
  return {
    kind: 'joined',
    dimension,
    rows,
    key,
    sql: (object) => comparison(rows, object),
    ctes: [`${rows} as (\n${sql}\n)`],
    reads: tables,
  }
}

/** The metric of each object, and what the condition says of it. An object without rows is unknown, unless the metric has a `fill`. */
function compareMetric(
  { model, compile }: Pick<MetricConditionRequest, 'model' | 'compile'>,
  condition: MetricCondition,
  dimension: Dimension,
): ComparedMetric {
  const { sql, key, columns, reads } = compile(model, condition.metric, (rootIds) =>
    keyOf(model, condition, rootIds),
  )
  const metric = columns[0]!
  const compared = { ...dimension, text: metric.name, type: metric.type }
  const operator = condition.operator === '!=' ? '<>' : condition.operator
  const literal = bindLiteral(literalOf(condition.value), compared).sql
  const fill = metricByName(model, condition.metric)?.fill
  return {
    sql,
    key,
    comparison: (alias, object) => {
      const value = `${alias}.${metric.name}`
      // What is no object has no value either.
      const filled = `case when ${object} is not null then coalesce(${value}, ${fill}) end`
      return `${fill === undefined ? value : filled} ${operator} ${literal}`
    },
    tables: reads.map(({ table }) => table),
  }
}

/** Chooses activities for a metric: conditions may be on related columns, and on metrics of the objects that a path leads to. */
export function chooseForMetric(
  { model, compile }: { readonly model: Model; readonly compile: CompileMetric | undefined },
  request: Omit<ChoiceRequest, 'model'>,
): ChosenRows {
  if (compile === undefined) return chooseRelated({ ...request, model })
  return chooseRelated({
    ...request,
    model,
    compareMetric: (condition, activity) => {
      const dimension = resolveDimension(model, activity, condition.path)
      assert(dimension !== undefined, `${activity} has ${condition.path}`)
      return compareMetric({ model, compile }, condition, dimension)
    },
  })
}

/** The column by which the metric's rows are of the object: its own key, or a reference, the actor first. */
function keyOf(
  model: Model,
  { metric, object }: MetricCondition,
  rootIds: readonly TableId[],
): string {
  const keys = new Set(rootIds.map((rootId) => referenceOf(model, rootId, object)))
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

/** A predicate as SQL. Literals take the type of what they are compared with, so that no engine has to guess. */
import { MaruError } from '../base/errors.ts'
import { sqlType } from '../model/column-type.ts'
import type { ColumnType, MetricCondition, Predicate, Scalar } from '../model/model.ts'

export interface PathResolver {
  /** The SQL expression of a path. */
  readonly expression: (path: string) => string
  readonly type: (path: string) => ColumnType
  /** The SQL of a comparison with a metric; refused when absent. */
  readonly metric?: ((condition: MetricCondition) => string) | undefined
}

export function predicateSql(predicate: Predicate, paths: PathResolver): string {
  switch (predicate.kind) {
    case 'compare': {
      const operator = predicate.operator === '!=' ? '<>' : predicate.operator
      return `${paths.expression(predicate.path)} ${operator} ${literal(predicate.value, paths.type(predicate.path))}`
    }
    case 'in': {
      if (predicate.values.length === 0) return 'false'
      const values = predicate.values.map((value) => literal(value, paths.type(predicate.path)))
      return `${paths.expression(predicate.path)} in (${values.join(', ')})`
    }
    case 'like':
      return `${paths.expression(predicate.path)} like ${literal(predicate.pattern, { kind: 'text' })}`
    case 'unknown':
      return `${paths.expression(predicate.path)} is null`
    case 'metric':
      if (paths.metric !== undefined) return paths.metric(predicate)
      throw new MaruError(
        'METRIC_ILLEGAL',
        `the metric "${predicate.metric}" is a condition, which is not answered yet here`,
        { hint: 'declare a derived attribute and compare that' },
      )
    case 'not':
      return `not (${predicateSql(predicate.operand, paths)})`
    case 'and':
    case 'or': {
      if (predicate.operands.length === 0) return predicate.kind === 'and' ? 'true' : 'false'
      return predicate.operands
        .map((operand) => `(${predicateSql(operand, paths)})`)
        .join(` ${predicate.kind} `)
    }
  }
}

/** A scalar as a SQL literal of a column's type; both engines read the cast form alike. */
export function literal(value: Scalar, type: ColumnType): string {
  if (value === null) return 'null'
  if (typeof value === 'boolean') return String(value)
  if (typeof value === 'bigint') return value.toString()
  const quoted = `'${String(value).replaceAll("'", "''")}'`
  switch (type.kind) {
    case 'integer':
    case 'number':
      return typeof value === 'number'
        ? String(value)
        : `cast(${quoted} as ${type.kind === 'integer' ? 'bigint' : 'double'})`
    case 'decimal':
      return `cast(${quoted} as decimal(38, ${type.scale}))`
    case 'timestamp':
      return `cast(${quoted} as ${sqlType(type)})`
    case 'date':
      return `cast(${quoted} as date)`
    default:
      return quoted
  }
}

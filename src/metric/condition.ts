/** A condition bound to the rows of one activity or object: names resolved, literals checked against their columns, written as SQL. */
import { MaruError } from '../base/errors.ts'
import { dayNumber } from '../base/time.ts'
import type { Day } from '../base/time.ts'
import type { Bound, ScanFilter } from '../lake/lake.ts'
import { filledColumns } from '../model/model.ts'
import type { ColumnType, MetricCondition, TableId, TableModel } from '../model/model.ts'
import type { AttributePath } from '../plan/attach.ts'
import { dimensionSql, isValueItself } from './dimension.ts'
import type { Dimension } from './dimension.ts'
import type { CompareOperator, Condition, Literal, PathToken } from './filter-language.ts'

export type BoundCondition =
  | {
      readonly kind: 'compare'
      readonly dimension: Dimension
      readonly operator: CompareOperator
      readonly literal: BoundLiteral
    }
  | {
      readonly kind: 'in'
      readonly dimension: Dimension
      readonly literals: readonly BoundLiteral[]
    }
  | { readonly kind: 'like'; readonly dimension: Dimension; readonly pattern: BoundLiteral }
  | { readonly kind: 'unknown'; readonly dimension: Dimension }
  | {
      readonly kind: 'among'
      readonly dimension: Dimension
      readonly rows: string
      readonly column: string
    }
  | { readonly kind: 'and' | 'or'; readonly operands: readonly BoundCondition[] }
  | { readonly kind: 'not'; readonly operand: BoundCondition }
  | JoinedCondition

/** A condition on what other rows say of this one: `rows` has at most one row per `key`, which is joined to the dimension. */
export interface JoinedCondition {
  readonly kind: 'joined'
  readonly dimension: Dimension
  readonly rows: string
  readonly key: string
  /** Over the columns of `rows`, and what they are joined to. */
  readonly sql: (joined: string) => string
  /** What makes `rows`. */
  readonly ctes: readonly string[]
  readonly reads: readonly TableId[]
}

export interface BoundLiteral {
  readonly sql: string
  readonly text: string
}

/** `resolve` throws for a name that the rows do not have. */
export function bindCondition(
  condition: Condition,
  resolve: (path: PathToken) => Dimension,
  compareMetric: (condition: MetricCondition) => BoundCondition = refuseMetric,
): BoundCondition {
  switch (condition.kind) {
    case 'compare': {
      const dimension = resolve(condition.path)
      refuseUnordered(dimension, condition)
      return {
        kind: 'compare',
        dimension,
        operator: condition.operator,
        literal: bindLiteral(condition.literal, dimension),
      }
    }
    case 'in': {
      const dimension = resolve(condition.path)
      return {
        kind: 'in',
        dimension,
        literals: condition.literals.map((literal) => bindLiteral(literal, dimension)),
      }
    }
    case 'like': {
      const dimension = resolve(condition.path)
      if (dimension.type.kind !== 'text')
        throw wrongType(condition.pattern, dimension, '"like" is for texts')
      return { kind: 'like', dimension, pattern: bindLiteral(condition.pattern, dimension) }
    }
    case 'unknown':
      return { kind: 'unknown', dimension: resolve(condition.path) }
    case 'among':
      return { ...condition, dimension: resolve(condition.path) }
    case 'and':
    case 'or':
      return {
        kind: condition.kind,
        operands: condition.operands.map((operand) =>
          bindCondition(operand, resolve, compareMetric),
        ),
      }
    case 'not':
      return { kind: 'not', operand: bindCondition(condition.operand, resolve, compareMetric) }
    case 'metric':
      return compareMetric(condition)
  }
}

function refuseMetric({ metric, object }: MetricCondition): never {
  throw new MaruError(
    'METRIC_ILLEGAL',
    `the metric "${metric}" is a condition on ${object}, which is not answered yet here`,
    { hint: 'declare a derived attribute of the object and compare that' },
  )
}

export function conditionPaths(condition: BoundCondition): readonly AttributePath[] {
  return conditionDimensions(condition).map((dimension) => dimension.path)
}

export function conditionDimensions(condition: BoundCondition): readonly Dimension[] {
  switch (condition.kind) {
    case 'and':
    case 'or':
      return condition.operands.flatMap(conditionDimensions)
    case 'not':
      return conditionDimensions(condition.operand)
    case 'compare':
    case 'in':
    case 'like':
    case 'unknown':
    case 'among':
    case 'joined':
      return [condition.dimension]
  }
}

export function joinedConditions(condition: BoundCondition): readonly JoinedCondition[] {
  switch (condition.kind) {
    case 'and':
    case 'or':
      return condition.operands.flatMap(joinedConditions)
    case 'not':
      return joinedConditions(condition.operand)
    case 'joined':
      return [condition]
    default:
      return []
  }
}

export function conditionSql(
  condition: BoundCondition,
  expressionOf: (path: AttributePath) => string,
): string {
  const operandOf = (dimension: Dimension): string =>
    dimensionSql(dimension, expressionOf(dimension.path))
  switch (condition.kind) {
    case 'compare': {
      const operator = condition.operator === '!=' ? '<>' : condition.operator
      return `${operandOf(condition.dimension)} ${operator} ${condition.literal.sql}`
    }
    case 'in': {
      if (condition.literals.length === 0) return 'false'
      return `${operandOf(condition.dimension)} in (${condition.literals.map((literal) => literal.sql).join(', ')})`
    }
    case 'like':
      return `${operandOf(condition.dimension)} like ${condition.pattern.sql}`
    case 'unknown':
      return `${operandOf(condition.dimension)} is null`
    case 'among':
      return `exists (select 1 from ${condition.rows} where ${condition.rows}.${condition.column} is not distinct from ${operandOf(condition.dimension)})`
    case 'joined':
      return condition.sql(operandOf(condition.dimension))
    case 'and':
    case 'or': {
      if (condition.operands.length === 0) return condition.kind === 'and' ? 'true' : 'false'
      return condition.operands
        .map((operand) => enclosed(operand, expressionOf))
        .join(` ${condition.kind} `)
    }
    case 'not':
      return condition.operand.kind === 'unknown'
        ? `${operandOf(condition.operand.dimension)} is not null`
        : `not (${conditionSql(condition.operand, expressionOf)})`
  }
}

function enclosed(
  condition: BoundCondition,
  expressionOf: (path: AttributePath) => string,
): string {
  const sql = conditionSql(condition, expressionOf)
  return condition.kind === 'and' || condition.kind === 'or' ? `(${sql})` : sql
}

const orderedKinds = new Set<ColumnType['kind']>([
  'text',
  'integer',
  'decimal',
  'number',
  'timestamp',
  'local_timestamp',
  'date',
  'time',
])

function refuseUnordered(
  dimension: Dimension,
  condition: Extract<Condition, { kind: 'compare' }>,
): void {
  if (
    condition.operator === '=' ||
    condition.operator === '!=' ||
    orderedKinds.has(dimension.type.kind)
  )
    return
  throw wrongType(
    condition.literal,
    dimension,
    `a ${dimension.type.kind} has no order; compare it with = or !=`,
  )
}

export function bindLiteral(literal: Literal, dimension: Dimension): BoundLiteral {
  const { type } = dimension
  // A comparison with null is unknown in SQL, as in a declared predicate.
  if (literal.kind === 'null') return { sql: 'null', text: literal.text }
  switch (type.kind) {
    case 'text':
    case 'uuid':
      if (literal.kind === 'text') return { sql: quote(literal.text), text: literal.text }
      throw wrongType(literal, dimension, `write the text in quotes: '${literal.text}'`)
    case 'integer':
    case 'decimal':
    case 'number':
      return bindNumber(literal, dimension)
    case 'boolean':
      if (literal.kind === 'boolean') return { sql: literal.text, text: literal.text }
      throw wrongType(literal, dimension, 'write true or false')
    case 'date':
      if (literal.kind === 'text' && isDay(literal.text))
        return { sql: `date ${quote(literal.text)}`, text: literal.text }
      throw wrongType(literal, dimension, `write the whole day in quotes: '2011-03-31'`)
    case 'timestamp':
    case 'local_timestamp':
      return bindInstant(literal, dimension)
    case 'time':
      if (
        literal.kind === 'text' &&
        /^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?$/.test(literal.text)
      ) {
        return { sql: `cast(${quote(literal.text)} as time)`, text: literal.text }
      }
      throw wrongType(literal, dimension, `write the time in quotes: '18:30'`)
    case 'bytes':
    case 'json':
    case 'list':
      throw wrongType(literal, dimension, `a ${type.kind} can only be asked whether it is known`)
  }
}

function bindNumber(literal: Literal, dimension: Dimension): BoundLiteral {
  // Declarations may give a decimal as text, so that all its digits are kept.
  const isNumber =
    literal.kind === 'number' || (literal.kind === 'text' && literal.offset === undefined)
  const isDigits = /^-?\d+(\.\d+)?$/.test(literal.text)
  if (!isNumber || (literal.kind === 'text' && !isDigits)) {
    throw wrongType(literal, dimension, 'write the number without quotes: 10.5')
  }
  const isExact = isDigits && dimension.type.kind !== 'number'
  return {
    sql: isExact ? literal.text : `cast(${quote(literal.text)} as double)`,
    text: literal.text,
  }
}

const instantPattern =
  /^(\d{4}-\d{2}-\d{2})(?:[T ]([01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?(Z|[+-]\d{2}:?\d{2})?)?$/

function bindInstant(literal: Literal, dimension: Dimension): BoundLiteral {
  const match = literal.kind === 'text' ? instantPattern.exec(literal.text) : null
  const isLocal = dimension.type.kind === 'local_timestamp'
  if (match === null || !isDay(match[1]!) || (isLocal && match[3] !== undefined)) {
    throw wrongType(
      literal,
      dimension,
      `write a whole day or a time in quotes: '2011-03-31' or '2011-03-31 18:30:00'`,
    )
  }
  const text =
    literal.text.length === 10 ? `${literal.text} 00:00:00` : literal.text.replace('T', ' ')
  return {
    sql: `cast(${quote(text)} as ${isLocal ? 'timestamp' : 'timestamp with time zone'})`,
    text: literal.text,
  }
}

function wrongType(literal: Literal, dimension: Dimension, hint: string): MaruError {
  const at = literal.offset === undefined ? '' : ` at character ${literal.offset + 1}`
  const value = literal.kind === 'text' ? `'${literal.text}'` : literal.text
  return new MaruError(
    'METRIC_BAD_QUERY',
    `"${dimension.text}" holds ${typeName(dimension.type)} and cannot be compared with ${value}${at}`,
    { hint },
  )
}

const typeNames: Readonly<Record<ColumnType['kind'], string>> = {
  text: 'text',
  integer: 'integers',
  decimal: 'decimals',
  number: 'numbers',
  boolean: 'true or false',
  timestamp: 'instants',
  local_timestamp: 'local times',
  date: 'days',
  time: 'times of day',
  uuid: 'uuids',
  bytes: 'bytes',
  json: 'JSON',
  list: 'lists',
}

function typeName(type: ColumnType): string {
  return typeNames[type.kind]
}

function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false
  const date = new Date(`${text}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text)
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** What must hold of the root's stored columns for the condition to be true: files outside these bounds need not be read. */
export function pruningFilters(condition: BoundCondition, root: TableModel): readonly ScanFilter[] {
  if (condition.kind === 'and')
    return condition.operands.flatMap((operand) => pruningFilters(operand, root))
  if (condition.kind !== 'compare' && condition.kind !== 'in') return []
  const { path } = condition.dimension
  if (!isValueItself(condition.dimension) || path.references.length > 0 || path.table !== root.id)
    return []
  if (
    condition.kind === 'compare' &&
    root.kind === 'activity' &&
    path.column.name === 'occurred_at'
  ) {
    return dayFilter(condition.operator, condition.literal)
  }
  if (condition.kind === 'compare')
    return compareFilter(path, condition.operator, condition.literal)
  const bounds = condition.literals.map((literal) => boundOf(literal, path.column.type))
  if (bounds.length === 0 || bounds.includes(undefined)) return []
  const sorted = (bounds as Bound[]).toSorted((left, right) =>
    left < right ? -1 : left > right ? 1 : 0,
  )
  return [{ column: path.column.name, lower: sorted[0]!, upper: sorted.at(-1)! }]
}

function compareFilter(
  path: AttributePath,
  operator: CompareOperator,
  literal: BoundLiteral,
): readonly ScanFilter[] {
  const bound = boundOf(literal, path.column.type)
  return bound === undefined ? [] : filterOf(path.column.name, operator, bound)
}

function filterOf(column: string, operator: CompareOperator, bound: Bound): readonly ScanFilter[] {
  switch (operator) {
    case '=':
      return [{ column, lower: bound, upper: bound }]
    case '<':
    case '<=':
      return [{ column, upper: bound }]
    case '>':
    case '>=':
      return [{ column, lower: bound }]
    case '!=':
      return []
  }
}

/** An instant without a zone is local, so its day bounds the partition. */
function dayFilter(operator: CompareOperator, literal: BoundLiteral): readonly ScanFilter[] {
  if (literal.sql === 'null' || /(Z|[+-]\d{2}:?\d{2})$/.test(literal.text.slice(10))) return []
  return filterOf(filledColumns.day, operator, dayNumber(literal.text.slice(0, 10)))
}

function boundOf(literal: BoundLiteral, type: ColumnType): Bound | undefined {
  if (literal.sql === 'null') return undefined
  switch (type.kind) {
    case 'text':
      return literal.text
    case 'integer':
      return /^-?\d+$/.test(literal.text) ? BigInt(literal.text) : undefined
    case 'date':
      return dayNumber(literal.text)
    case 'decimal': {
      const [whole = '', fraction = ''] = literal.text.split('.')
      // A bound with more digits than the column keeps would have to be rounded.
      return /^-?\d+$/.test(whole) && fraction.length <= type.scale
        ? BigInt(whole + fraction.padEnd(type.scale, '0'))
        : undefined
    }
    default:
      return undefined
  }
}

/** Bounds of the partition for local days in [from, to). */
export function dayRangeFilters(from: Day | undefined, to: Day | undefined): readonly ScanFilter[] {
  if (from === undefined && to === undefined) return []
  return [
    {
      column: filledColumns.day,
      ...(from === undefined ? {} : { lower: dayNumber(from) }),
      ...(to === undefined ? {} : { upper: dayNumber(to) - 1 }),
    },
  ]
}

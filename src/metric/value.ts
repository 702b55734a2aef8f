/** The finished values: arithmetic over states, as SQL. */
import { MaruError } from '../base/errors.ts'
import { sqlType } from '../model/column-type.ts'
import type { ColumnType } from '../model/model.ts'
import type { Expression, Measure, Special } from './measure.ts'
import { numberValue } from './state.ts'
import type { State, Value } from './state.ts'

/** What the states of an inquiry are called, and what no row means there. */
export interface Finaliser {
  readonly statesOf: (measure: Measure) => readonly State[]
  readonly valueOf: (special: Special) => Value
  /** Sums over no rows are 0, not unknown. */
  readonly isFilled: boolean
  /** A count may be missing in a group that only another leg has. */
  readonly isJoined: boolean
}

/** The value of a metric over finished states. Division is in floating point and gives unknown where the divisor is 0. */
export function valueOf(expression: Expression, finaliser: Finaliser): Value {
  switch (expression.kind) {
    case 'measure':
      return measureValue(expression.measure, finaliser)
    case 'special':
      return finaliser.valueOf(expression.special)
    case 'number':
      return numberValue(expression.value)
    case 'fill':
      return filledValue(valueOf(expression.of, finaliser), expression.value)
    case 'binary':
      return binaryValue(expression, finaliser)
  }
}

function filledValue({ sql, type }: Value, value: number): Value {
  const { sql: text, type: own } = numberValue(value)
  if (type.kind === own.kind || (type.kind === 'decimal' && own.kind === 'integer'))
    return { sql: `coalesce(${sql}, ${text})`, type }
  const joined = arithmeticType('+', type, own)
  return { sql: `cast(coalesce(${sql}, ${text}) as ${sqlType(joined)})`, type: joined }
}

function measureValue(measure: Measure, finaliser: Finaliser): Value {
  const [first, second] = finaliser.statesOf(measure)
  switch (measure.aggregate) {
    case 'average':
      return {
        sql: `cast(${first!.name} as double) / nullif(${second!.name}, 0)`,
        type: { kind: 'number' },
        isCompound: true,
      }
    case 'any':
      return {
        sql: `coalesce(${first!.name}, 0) > 0`,
        type: { kind: 'boolean' },
        isCompound: true,
      }
    case 'count':
    case 'count_true':
    case 'distinct':
    case 'approximate_distinct':
      return {
        sql: finaliser.isFilled || finaliser.isJoined ? `coalesce(${first!.name}, 0)` : first!.name,
        type: first!.type,
      }
    case 'sum':
      return {
        sql: finaliser.isFilled ? `coalesce(${first!.name}, 0)` : first!.name,
        type: first!.type,
      }
    case 'min':
    case 'max':
    case 'first':
    case 'last':
    case 'percentile':
    case 'approximate_percentile':
    case 'collect':
    case 'collect_distinct':
      return { sql: first!.name, type: first!.type }
  }
}

function binaryValue(
  expression: Extract<Expression, { kind: 'binary' }>,
  finaliser: Finaliser,
): Value {
  const left = valueOf(expression.left, finaliser)
  const right = valueOf(expression.right, finaliser)
  const { operator } = expression
  if (operator === '/') {
    return {
      sql: `cast(${left.sql} as double) / nullif(cast(${right.sql} as double), 0)`,
      type: { kind: 'number' },
      isCompound: true,
    }
  }
  const type = arithmeticType(operator, left.type, right.type)
  const operand = (value: Value): string => {
    const sql = value.isCompound === true ? `(${value.sql})` : value.sql
    return type.kind === 'number' && value.type.kind !== 'number' ? `cast(${sql} as double)` : sql
  }
  const sql = `${operand(left)} ${operator} ${operand(right)}`
  return type.kind === 'decimal'
    ? { sql: `cast(${sql} as ${sqlType(type)})`, type }
    : { sql, type, isCompound: true }
}

function arithmeticType(
  operator: '+' | '-' | '*',
  left: ColumnType,
  right: ColumnType,
): ColumnType {
  for (const { kind } of [left, right]) {
    if (kind !== 'integer' && kind !== 'decimal' && kind !== 'number') {
      throw new MaruError('METRIC_BAD_QUERY', `a formula computes with ${kind}`, {
        hint: 'formulas are over numbers',
      })
    }
  }
  if (left.kind === 'integer' && right.kind === 'integer') return left
  if (left.kind === 'number' || right.kind === 'number') return { kind: 'number' }
  const scales = [left, right].map((type) => (type.kind === 'decimal' ? type.scale : 0))
  const scale = operator === '*' ? scales[0]! + scales[1]! : Math.max(...scales)
  return scale > 30 ? { kind: 'number' } : { kind: 'decimal', precision: 38, scale }
}

/** The mean of a metric's values. */
export function meanSql(metric: string, { sql, type }: Value): string {
  if (type.kind === 'integer' || type.kind === 'decimal' || type.kind === 'number')
    return `avg(cast(${sql} as double))`
  throw new MaruError('METRIC_BAD_QUERY', `metric "${metric}" takes the mean of ${type.kind}`, {
    hint: 'take the first or the last value instead of the average',
  })
}

/** A finaliser's states by the names that `statesOf` gives them. */
export function statesIn(states: readonly State[]): Finaliser['statesOf'] {
  return ({ metric }) =>
    states.filter(({ name }) => name.slice(0, name.lastIndexOf('__')) === metric)
}

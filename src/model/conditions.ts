/** Conditions on rows, written with columns: `purchase.amount.above(0)`, `via(purchase.member, member.country).is('France')`. */
import { define, type ConditionData, type Defined, type Test } from './definition.ts'

/** What a column of each kind is compared with; `never` where a comparison has no meaning. Decimals as text keep all their digits. */
export interface ColumnValue {
  key: string | number | bigint
  reference: string | number | bigint
  text: string
  integer: number | bigint
  decimal: number | bigint | string
  number: number
  boolean: boolean
  /** ISO 8601, with an offset or `Z`; without one it is a local time of the project's zone. */
  timestamp: string
  local_timestamp: string
  /** YYYY-MM-DD */
  date: string
  time: string
  uuid: string
  bytes: never
  json: never
  list: never
}

export type ColumnKind = keyof ColumnValue
export type OrderedKind =
  | 'integer'
  | 'decimal'
  | 'number'
  | 'timestamp'
  | 'local_timestamp'
  | 'date'
  | 'time'
  | 'text'

/** Values for `above`, `below` and their like. */
export type OrderedValue<Kind extends ColumnKind> = Kind extends OrderedKind
  ? ColumnValue[Kind]
  : never

export type Condition = Defined<'condition'>

/** A comparison with an unknown value is not true, and neither is its negation. */
export interface Comparable<Kind extends ColumnKind> {
  is(value: ColumnValue[Kind]): Condition
  isNot(value: ColumnValue[Kind]): Condition
  in(values: readonly ColumnValue[Kind][]): Condition
  above(value: OrderedValue<Kind>): Condition
  atLeast(value: OrderedValue<Kind>): Condition
  below(value: OrderedValue<Kind>): Condition
  atMost(value: OrderedValue<Kind>): Condition
  /** SQL's pattern: `%` any run of characters, `_` any one. */
  like(pattern: Kind extends 'text' ? string : never): Condition
  isUnknown(): Condition
}

function condition(test: Test): Condition {
  return define({}, { kind: 'condition', test } satisfies ConditionData) as Condition
}

/** The methods that columns and paths share, by prototype. */
export const comparisons: Comparable<ColumnKind> = {
  is(value) {
    return condition({ kind: 'compare', subject: this, operator: '=', value })
  },
  isNot(value) {
    return condition({ kind: 'compare', subject: this, operator: '!=', value })
  },
  in(values) {
    return condition({ kind: 'in', subject: this, values })
  },
  above(value) {
    return condition({ kind: 'compare', subject: this, operator: '>', value })
  },
  atLeast(value) {
    return condition({ kind: 'compare', subject: this, operator: '>=', value })
  },
  below(value) {
    return condition({ kind: 'compare', subject: this, operator: '<', value })
  },
  atMost(value) {
    return condition({ kind: 'compare', subject: this, operator: '<=', value })
  },
  like(pattern) {
    return condition({ kind: 'like', subject: this, pattern })
  },
  isUnknown() {
    return condition({ kind: 'unknown', subject: this })
  },
}

export function and(...operands: readonly Condition[]): Condition {
  return condition({ kind: 'and', operands })
}

export function or(...operands: readonly Condition[]): Condition {
  return condition({ kind: 'or', operands })
}

export function not(operand: Condition): Condition {
  return condition({ kind: 'not', operand })
}

/**
 * PostgreSQL's types as Maru's. Every value keeps all its digits and characters; a type without an exact counterpart is its text.
 * `numeric` without a precision becomes decimal(38, 9): a value with more digits is refused when read, never rounded.
 */
import type { ColumnType } from '../../model/model.ts'

/** A row of pg_type. */
export interface NativeType {
  readonly oid: number
  readonly name: string
  /** b base, c composite, d domain, e enum, p pseudo, r range, m multirange. */
  readonly kind: string
  readonly category: string
  readonly baseOid: number
  readonly baseModifier: number
  readonly elementOid: number
  readonly isBuiltIn: boolean
}

const simple: Readonly<Record<string, ColumnType>> = {
  int2: { kind: 'integer' },
  int4: { kind: 'integer' },
  int8: { kind: 'integer' },
  oid: { kind: 'integer' },
  float4: { kind: 'number' },
  float8: { kind: 'number' },
  bool: { kind: 'boolean' },
  timestamptz: { kind: 'timestamp' },
  timestamp: { kind: 'local_timestamp' },
  date: { kind: 'date' },
  time: { kind: 'time' },
  uuid: { kind: 'uuid' },
  bytea: { kind: 'bytes' },
  json: { kind: 'json' },
  jsonb: { kind: 'json' },
}

const text: ColumnType = { kind: 'text' }
const decimalDigitsMax = 38
const unconstrained: ColumnType = { kind: 'decimal', precision: decimalDigitsMax, scale: 9 }

/** A domain counts as what it is over. */
export function columnTypeOf(
  types: ReadonlyMap<number, NativeType>,
  oid: number,
  modifier: number,
): ColumnType {
  const type = types.get(oid)
  if (type === undefined) return text
  if (type.kind === 'd') {
    return columnTypeOf(
      types,
      type.baseOid,
      type.baseModifier === -1 ? modifier : type.baseModifier,
    )
  }
  if (type.category === 'A' && type.elementOid !== 0) {
    const of = columnTypeOf(types, type.elementOid, modifier)
    return of.kind === 'list' ? text : { kind: 'list', of }
  }
  if (!type.isBuiltIn) return text
  return type.name === 'numeric' ? decimalOf(modifier) : (simple[type.name] ?? text)
}

/** The type under domains has this name: char(n) is padded unless cast. */
export function baseNameOf(types: ReadonlyMap<number, NativeType>, oid: number): string {
  const type = types.get(oid)
  return type?.kind === 'd' ? baseNameOf(types, type.baseOid) : (type?.name ?? '')
}

/** The modifier holds precision and scale (11 bits, signed) above an offset of 4. */
function decimalOf(modifier: number): ColumnType {
  if (modifier < 4) return unconstrained
  const precision = ((modifier - 4) >> 16) & 0xffff
  const scale = (((modifier - 4) & 0x7ff) ^ 1024) - 1024
  // A negative scale rounds to tens or hundreds: whole numbers with that many more digits.
  const exact =
    scale < 0
      ? { precision: precision - scale, scale: 0 }
      : { precision: Math.max(precision, scale), scale }
  return exact.precision > decimalDigitsMax ? text : { kind: 'decimal', ...exact }
}

/** Whether a column of the source may be read into a declared type: all its values fit, or each is checked when it is cast. */
export function isReadableAs(source: ColumnType, declared: ColumnType): boolean {
  if (declared.kind === 'text' || source.kind === 'text') return true
  if (declared.kind === 'list')
    return source.kind === 'list' && isReadableAs(source.of, declared.of)
  if (declared.kind === 'decimal') {
    if (source.kind === 'integer') return true
    return source.kind === 'decimal' && (source === unconstrained || holds(declared, source))
  }
  if (declared.kind === 'number') return source.kind === 'number' || source.kind === 'integer'
  // A wall clock is taken as a local time of the project's zone.
  if (declared.kind === 'timestamp')
    return source.kind === 'timestamp' || source.kind === 'local_timestamp'
  return declared.kind === source.kind
}

type DecimalType = Extract<ColumnType, { kind: 'decimal' }>

function holds(declared: DecimalType, source: DecimalType): boolean {
  return (
    declared.scale >= source.scale &&
    declared.precision - declared.scale >= source.precision - source.scale
  )
}

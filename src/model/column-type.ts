/** A column's type in words: as SQL in the portable subset writes it, and as declarations and messages name it. */
import type { ColumnType } from './model.ts'

/** `timestamp with time zone` is plain `timestamp` on Spark, `varchar` is `string`: the translation maps them. */
export function sqlType(type: ColumnType): string {
  switch (type.kind) {
    case 'text':
    case 'json':
      return 'varchar'
    case 'integer':
      return 'bigint'
    case 'number':
      return 'double'
    case 'boolean':
    case 'date':
    case 'time':
    case 'uuid':
      return type.kind
    case 'timestamp':
      return 'timestamp with time zone'
    case 'local_timestamp':
      return 'timestamp'
    case 'bytes':
      return 'blob'
    case 'decimal':
      return `decimal(${type.precision}, ${type.scale})`
    case 'list':
      return `${sqlType(type.of)}[]`
  }
}

/** `decimal(18, 2)`, `list of text`. */
export function typeText(type: ColumnType): string {
  if (type.kind === 'decimal') return `decimal(${type.precision}, ${type.scale})`
  return type.kind === 'list' ? `list of ${typeText(type.of)}` : type.kind
}

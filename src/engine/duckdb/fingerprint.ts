/** The content of rows as a number that does not depend on their order: sums of two hashes of each row. */
import type { PartitionSpec } from '../../lake/lake.ts'
import { bucketSql } from './bucket.ts'
import { quoteName } from './names.ts'
import { typeIds } from './types.ts'
import type { ColumnType } from '../../model/model.ts'

export interface FingerprintColumn {
  readonly name: string
  readonly typeId: number
  readonly type: ColumnType
}

/** `outputs` are the columns of the SELECT; of them `columns` are hashed. The result: partition value, rows, two sums. */
export function fingerprintSql(
  sql: string,
  columns: readonly FingerprintColumn[],
  split: { readonly partition: PartitionSpec; readonly outputs: readonly FingerprintColumn[] },
): string {
  const values = columns.map((column) => hashed(column)).join(', ')
  const separator = values === '' ? '' : ', '
  // A constant in front changes how the columns' hashes are combined, so the second sum is another function of the row.
  return `select ${partitionText(split.partition, split.outputs)} as partition, count(*) as rows,
  sum(hash('maru'${separator}${values}))::varchar, sum(hash(${values}${separator}'maru'))::varchar
from (${sql}) as content group by 1`
}

/** Equal values in a narrower and a wider type hash alike, so that a table reads back with the fingerprint that its rows were made with. */
function hashed({ name, typeId }: FingerprintColumn): string {
  const quoted = quoteName(name)
  if (narrowIntegers.has(typeId)) return `${quoted}::bigint`
  if (typeId === typeIds.float) return `${quoted}::double`
  return typeId === typeIds.enum ? `${quoted}::varchar` : quoted
}

const narrowIntegers: ReadonlySet<number> = new Set([
  typeIds.tinyint,
  typeIds.smallint,
  typeIds.integer,
  typeIds.utinyint,
  typeIds.usmallint,
  typeIds.uinteger,
])

function partitionText(partition: PartitionSpec, outputs: readonly FingerprintColumn[]): string {
  if (partition.kind === 'none') return "''"
  const column = quoteName(partition.column)
  if (partition.kind === 'day') return `${column}::varchar`
  const type = outputs.find((output) => output.name === partition.column)?.type ?? {
    kind: 'integer',
  }
  return `(${bucketSql(column, type, partition.count)})::varchar`
}

/** 128 bits as hex: both sums modulo 2^64. */
export function fingerprintText(first: string, second: string): string {
  const part = (sum: string): string =>
    BigInt.asUintN(64, BigInt(sum)).toString(16).padStart(16, '0')
  return part(first) + part(second)
}

/** The COPY that writes a SELECT as partitioned Parquet files, and what it answers. */
import { dirname, join, relative, sep } from 'node:path'
import { randomUUID } from 'node:crypto'
import { assert } from '../../base/errors.ts'
import type { DataFile, Field, PartitionSpec } from '../../lake/lake.ts'
import { filledColumns } from '../../model/model.ts'
import type { StageRequest } from '../engine.ts'
import { bucketSql } from './bucket.ts'
import { quoteName, quoteText } from './names.ts'
import { columnStatistics, type TextStatistics } from './statistics.ts'
import { fileType } from './types.ts'

/** One row for each file, as RETURN_STATS gives them. */
export interface WrittenFile {
  readonly path: string
  readonly rows: number
  readonly sizeBytes: number
  readonly statistics: TextStatistics
  /** Of the partition column; null is a partition of its own, undefined without partitions. */
  readonly partitionValue: string | null | undefined
}

/** A COPY sorts its rows: beyond this many values, those of one bucket at a time, so that a wide table does not spill. */
const sortedValuesMax = 100_000_000
const wideColumnsMin = 50

/** The COPYs that write the rows: one, or one for each bucket. `countRows` is asked where it matters. */
export async function copySqls(
  request: StageRequest,
  countRows: () => Promise<number>,
): Promise<readonly string[]> {
  const { partition, schema } = request
  const width = schema.fields.length
  if (partition.kind !== 'bucket' || width < wideColumnsMin) return [copySql(request)]
  if ((await countRows()) * width <= sortedValuesMax) return [copySql(request)]
  return Array.from({ length: partition.count }, (_, bucket) => copySql(request, bucket))
}

/** Of all rows, or of those of one bucket. */
function copySql(request: StageRequest, bucket?: number): string {
  const { schema, partition } = request
  const split = splitOf(partition, schema.fields)
  const where = bucket === undefined ? '' : ` where coalesce(${split!.made!}, 0) = ${bucket}`
  const columns = schema.fields.map(
    (field) => `${quoteName(field.name)}::${fileType(field.type)} as ${quoteName(field.name)}`,
  )
  const made = split?.made === undefined ? [] : [`${split.made} as ${quoteName(split.column)}`]
  const order = [
    ...(split === undefined ? [] : [quoteName(split.column)]),
    ...(request.sort ?? []).map(quoteName),
  ]
  const options = [
    'format parquet',
    'compression zstd',
    'return_stats',
    ...(request.pieceRows === undefined ? [] : [`row_group_size ${request.pieceRows}`]),
    `field_ids ${fieldIds(schema.fields)}`,
    ...(split === undefined
      ? []
      : [
          `partition_by (${quoteName(split.column)})`,
          `write_partition_columns ${split.made === undefined}`,
          "filename_pattern '{uuidv7}'",
          'append true',
        ]),
  ]
  const target =
    split === undefined ? join(request.dataFolder, `${randomUUID()}.parquet`) : request.dataFolder
  return `copy (select ${[...columns, ...made].join(', ')} from (${request.sql}) as staged${where}${order.length === 0 ? '' : ` order by ${order.join(', ')}`}
) to ${quoteText(target)} (${options.join(', ')})`
}

interface Split {
  readonly column: string
  /** The expression of a column that only staging has. */
  readonly made?: string
}

function splitOf(partition: PartitionSpec, fields: readonly Field[]): Split | undefined {
  if (partition.kind === 'none') return undefined
  const field = fields.find((each) => each.name === partition.column)
  assert(field !== undefined, `the partition column ${partition.column} is in the schema`)
  if (partition.kind === 'day') return { column: partition.column }
  assert(
    !fields.some((each) => each.name === filledColumns.bucket),
    'no column of a table has the reserved name "bucket"',
  )
  return {
    column: filledColumns.bucket,
    made: bucketSql(quoteName(partition.column), field.type, partition.count),
  }
}

function fieldIds(fields: readonly Field[]): string {
  const ids = fields.map((field) => {
    const id =
      field.elementId === undefined
        ? String(field.id)
        : `{__duckdb_field_id: ${field.id}, element: ${field.elementId}}`
    return `${quoteName(field.name)}: ${id}`
  })
  return `{${ids.join(', ')}}`
}

export function partitionKey(partition: PartitionSpec, value: string | null | undefined): string {
  if (partition.kind === 'none') return ''
  return `${partition.kind}=${value ?? 'unknown'}`
}

export function dataFile(file: WrittenFile, request: StageRequest): DataFile {
  return {
    path: relative(dirname(request.dataFolder), file.path).split(sep).join('/'),
    partition: partitionKey(request.partition, file.partitionValue),
    rows: file.rows,
    sizeBytes: file.sizeBytes,
    columns: columnStatistics(request.schema.fields, file.statistics),
  }
}

type Pairs = readonly { readonly key: string; readonly value: unknown }[]

/** From a row of RETURN_STATS read as JSON: filename, count, file size, footer size, statistics, partition keys. */
export function writtenFile(row: readonly unknown[]): WrittenFile {
  const [path, rows, sizeBytes, , statistics, keys] = row as readonly [
    string,
    string,
    string,
    string,
    Pairs,
    Pairs | null,
  ]
  return {
    path,
    rows: Number(rows),
    sizeBytes: Number(sizeBytes),
    statistics: new Map(
      statistics.map(({ key, value }) => [
        key,
        new Map((value as Pairs).map((each) => [each.key, String(each.value)])),
      ]),
    ),
    partitionValue: keys?.[0] === undefined ? undefined : (keys[0].value as string | null),
  }
}

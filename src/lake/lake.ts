/**
 * The lake: Apache Iceberg (v2) tables in a folder. Engines write the data files; this folder owns metadata, commits,
 * planning of reads, and upkeep. The commit point is `State.publish`: a crash before it leaves only orphan files.
 */
export { openLake } from './open-lake.ts'
export type { LakeOptions, LakeRules } from './open-lake.ts'
export { bucketOf } from './bucket.ts'
export type {
  Bound,
  Change,
  ColumnStatistics,
  CommitOptions,
  DataFile,
  Field,
  Lake,
  PartitionKey,
  PartitionSpec,
  Scan,
  ScanFile,
  ScanFilter,
  ScanOptions,
  Schema,
  Snapshot,
  Table,
  TableDefinition,
} from './table.ts'

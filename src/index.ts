/** All that a project's declarations may import from `maru`. */
export { defineConfig, env, kafka, postgres } from './model/config-types.ts'
export type {
  CollectConfig,
  CollectSourceConfig,
  KafkaConfig,
  PostgresConfig,
  ProjectConfig,
  SourceConfig,
} from './model/config-types.ts'
export {
  boolean,
  bytes,
  date,
  decimal,
  integer,
  json,
  key,
  list,
  local_timestamp,
  number,
  refers,
  text,
  time,
  timestamp,
  uuid,
  via,
} from './model/columns.ts'
export type {
  Column,
  ColumnOptions,
  Columns,
  DecimalOptions,
  KeyOptions,
  NumericOptions,
  Path,
  Reached,
  ReferenceOptions,
} from './model/columns.ts'
export { and, not, or } from './model/conditions.ts'
export type { Comparable, Condition } from './model/conditions.ts'
export {
  activity,
  attributes,
  event,
  files,
  merged,
  object,
  source,
  table,
} from './model/tables.ts'
export type { Source, Table } from './model/tables.ts'
export { people } from './model/people.ts'
export type { PeopleColumns, PeopleSpec } from './model/people.ts'
export {
  all,
  any,
  approximate_distinct,
  approximate_percentile,
  average,
  collect,
  count,
  count_true,
  distinct,
  first,
  last,
  max,
  min,
  nth,
  percentile,
  sum,
} from './model/selections.ts'
export {
  conversion,
  cumulative,
  formula,
  funnel,
  lifecycle,
  metricOf,
  offset,
  ratio,
  retention,
  stickiness,
  total,
} from './model/metrics.ts'
export { family } from './model/families.ts'
export type {
  Aggregated,
  Anchor,
  Derived,
  DurationText,
  MetricOptions,
  Rows,
  Selected,
  SelectedPer,
  Selection,
} from './model/selections.ts'
export type { FormulaMetric, Metric, Operand, RowsOf } from './model/metrics.ts'
export type { FamilyOf } from './model/families.ts'
export { sql } from './model/sql-template.ts'
export type { Sql } from './model/sql-template.ts'
export type { Defined } from './model/definition.ts'

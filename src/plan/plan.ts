/** Face of planning: tasks from the model, their order, what is stale and why. Pure. */
export { compileTasks } from './compile.ts'
export type { CompileOptions } from './compile.ts'
export { made, rest } from './checks.ts'
export { affectedBy, everyPartition, isFollowed, never, staleness } from './stale.ts'
export type { Staleness } from './stale.ts'
export { daySet, formatDirty, holds, isEmpty, splitByRange, union, unknownDay } from './dirty.ts'
export type { DayRange, Dirty } from './dirty.ts'
export { closure, order } from './graph.ts'
export type { Node } from './graph.ts'
export { definitionChanges } from './explain.ts'
export type { ColumnChange } from './explain.ts'
export { incoming, rowsOf, storedColumns, storedName } from './rows.ts'
export { literal } from './predicate.ts'
export { isWithin, nextPeriod, periods, periodStart } from './period.ts'
export type { Period } from './period.ts'
export type {
  AttachedJoin,
  AttachedRows,
  Check,
  Following,
  IndicatorGroup,
  IndicatorPart,
  IndicatorPlan,
  IndicatorReference,
  PartitionMapping,
  StatesTable,
  StoredColumn,
  Task,
  TaskDefinition,
  TaskInput,
} from './task.ts'

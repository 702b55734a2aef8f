/** What changed between the definition that was built and the one at hand, by column. */
import type { TaskDefinition } from './task.ts'

export interface ColumnChange {
  readonly column: string
  readonly change: 'added' | 'removed' | 'type' | 'value' | 'rows'
  readonly detail?: string
}

/**
 * `value`: the column is computed in another way. `rows` (column `*`): other rows, or the same in other partitions, may come out. Where the bound plans cannot
 * tell, but the text differs, the answer is `rows`: unsure counts as affected.
 */
export function definitionChanges(
  before: TaskDefinition,
  after: TaskDefinition,
): readonly ColumnChange[] {
  const changes: ColumnChange[] = []
  const old = new Map(before.columns.map((column) => [column.name, column]))
  for (const column of after.columns) {
    const previous = old.get(column.name)
    if (previous === undefined) changes.push({ column: column.name, change: 'added' })
    else if (previous.type !== column.type)
      changes.push({
        column: column.name,
        change: 'type',
        detail: `${typeText(previous.type)} → ${typeText(column.type)}`,
      })
    else if (previous.expression !== column.expression)
      changes.push({ column: column.name, change: 'value' })
  }
  const kept = new Set(after.columns.map((column) => column.name))
  for (const column of before.columns)
    if (!kept.has(column.name)) changes.push({ column: column.name, change: 'removed' })
  const rows = rowChange(before, after)
  if (rows !== undefined) changes.push({ column: '*', change: 'rows', detail: rows })
  else if (changes.length === 0 && before.sql !== after.sql && after.rows === '')
    changes.push({ column: '*', change: 'rows', detail: 'the text changed' })
  return changes
}

function rowChange(before: TaskDefinition, after: TaskDefinition): string | undefined {
  if (before.engine !== after.engine)
    return `the engine changed from ${before.engine} to ${after.engine}`
  if (before.zone !== after.zone) return `the zone changed from ${before.zone} to ${after.zone}`
  if (before.partition !== after.partition) return 'the partitions changed'
  if (before.rows !== after.rows) return 'a join, filter or group changed'
  return undefined
}

function typeText(json: string): string {
  const type = JSON.parse(json) as { kind: string; precision?: number; scale?: number }
  return type.precision === undefined ? type.kind : `${type.kind}(${type.precision}, ${type.scale})`
}

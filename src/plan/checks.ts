/** The checks of a table as SELECTs over `made`, each returning the rows that break the rule. They run before anything is published. */
import { assert } from '../base/errors.ts'
import type { ColumnModel, Model, TableModel } from '../model/model.ts'
import { predicateSql } from './predicate.ts'
import type { Check } from './task.ts'

/** The names under which the checks see the rows to be published, and the stored rows of the partitions that are not rebuilt. */
export const made = 'made'
export const rest = 'rest'

export function checksOf(model: Model, table: TableModel): readonly Check[] {
  return [
    ...keyChecks(table),
    ...requiredChecks(table),
    ...referenceChecks(model, table),
    ...declaredChecks(table),
  ]
}

function keyChecks(table: TableModel): readonly Check[] {
  const key = uniqueColumns(table)
  if (key.length === 0) return []
  const unique: Check = {
    name: `${key.join('_and_')}_is_unique`,
    describes: `${key.join(', ')} is unique`,
    sql: duplicateSql(key),
  }
  return [
    ...key.map((name) => notNull(name)),
    unique,
    ...(table.kind === 'activity' ? [uniqueAcrossDays(table.key)] : []),
  ]
}

/** A key's partition follows from the key itself elsewhere; an activity's follows from its instant, so other days are looked at too. */
function uniqueAcrossDays(key: string): Check {
  return {
    name: `${key}_is_unique_across_days`,
    describes: `${key} is on one day only`,
    sql: `select ${made}.* from ${made} join ${rest} on ${rest}.${key} = ${made}.${key}`,
  }
}

function duplicateSql(key: readonly string[]): string {
  const joined = key.map((name) => `duplicate.${name} = ${made}.${name}`).join(' and ')
  return `select ${made}.* from ${made} join (select ${key.join(', ')} from ${made} group by ${key.join(', ')} having count(*) > 1) as duplicate on ${joined}`
}

/** What identifies a row; raw tables promise nothing beyond what their source declares. */
function uniqueColumns(table: TableModel): readonly string[] {
  switch (table.kind) {
    case 'object':
    case 'attributes':
      return table.history ? [table.key, 'valid_from'] : [table.key]
    case 'activity':
      return [table.key]
    case 'merged':
      return []
    case 'raw_table':
      return table.key
    case 'raw_event':
    case 'collected':
      return []
  }
}

function requiredChecks(table: TableModel): readonly Check[] {
  if (table.kind === 'merged' || table.kind === 'raw_event' || table.kind === 'collected') return []
  const key = new Set(uniqueColumns(table))
  const always = table.kind === 'activity' ? new Set(['occurred_at']) : new Set<string>()
  const filled = new Set(['version', 'recorded_at', 'valid_to', 'day'])
  return table.columns
    .filter(
      (column) =>
        (column.required || always.has(column.name)) &&
        !key.has(column.name) &&
        !filled.has(column.name),
    )
    .map((column) => notNull(column.name))
}

function notNull(name: string): Check {
  return {
    name: `${name}_is_known`,
    describes: `${name} is not null`,
    sql: `select * from ${made} where ${name} is null`,
  }
}

/** Every reference that is known names an object that exists. */
function referenceChecks(model: Model, table: TableModel): readonly Check[] {
  if (table.kind !== 'object' && table.kind !== 'activity' && table.kind !== 'attributes') return []
  const own: readonly Pick<ColumnModel, 'name' | 'refers' | 'orphans'>[] =
    table.kind === 'attributes'
      ? [
          {
            name: table.key,
            refers: table.object,
            ...(table.orphans === undefined ? {} : { orphans: table.orphans }),
          },
        ]
      : []
  return [...own, ...table.columns].flatMap((column) => {
    if (column.refers === undefined || column.orphans === 'allowed') return []
    const target = model.tables.find((each) => each.id === column.refers)
    assert(target?.kind === 'object', `${column.refers} is an object`)
    const existing =
      target.id === table.id
        ? `(select ${target.key} from ${made} union all select ${target.key} from ${rest}) as own`
        : target.id
    return [
      {
        name: `${column.name}_exists`,
        describes: `${column.name} names a row of ${target.id}`,
        sql: `select ${made}.* from ${made} left join (select distinct ${target.key} as existing_key from ${existing}) as existing on existing.existing_key = ${made}.${column.name} where ${made}.${column.name} is not null and existing.existing_key is null`,
      },
    ]
  })
}

/** A declared predicate that is false is a fault; one that is unknown is not. */
function declaredChecks(table: TableModel): readonly Check[] {
  if (table.kind !== 'activity') return []
  const paths = {
    expression: (path: string) => path,
    type: (path: string) => table.columns.find((column) => column.name === path)!.type,
  }
  return table.checks.map((check) => ({
    name: check.name,
    describes: check.name.replaceAll('_', ' '),
    sql: `select * from ${made} where not (${predicateSql(check.predicate, paths)})`,
  }))
}

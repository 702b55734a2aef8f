/** The SELECT that makes a table's rows, by kind of table; exactly the stored columns in order, cast to their declared types. */
import { assert } from '../base/errors.ts'
import { sqlType } from '../model/column-type.ts'
import { filledColumns } from '../model/model.ts'
import type {
  ActivityModel,
  AttributesModel,
  MergedModel,
  Model,
  ObjectModel,
  RawEventModel,
  RawTableModel,
  TableModel,
} from '../model/model.ts'
import { collectedTables } from '../model/collected.ts'
import { scalarLiteral, sqlText, storedId } from '../model/sql-names.ts'
import { derivedSelect } from './derived.ts'
import { heldAt } from './held-at.ts'
import type { Rows, StatesTable, StoredColumn } from './task.ts'

/** The name under which a load's rows from the source are seen. */
export const incoming = 'incoming'

export function storedColumns(table: TableModel): readonly StoredColumn[] {
  const columns = table.kind === 'merged' ? mergedColumns(table) : table.columns
  return columns.map(({ name, type, required, description }) => ({
    name,
    type,
    required,
    description,
  }))
}

export function rowsOf(model: Model, table: TableModel): Rows {
  switch (table.kind) {
    case 'raw_table':
      return { kind: 'load', sql: loadSelect(table) }
    case 'raw_event':
      return { kind: 'view', sql: eventSelect(table) }
    case 'collected':
      return { kind: 'events', sql: '' }
    case 'object':
      return table.history
        ? versions(table, sqlText(table.sql))
        : { kind: 'select', sql: castSelect(table, sqlText(table.sql)) }
    case 'activity':
      return { kind: 'select', sql: activitySelect(table) }
    case 'attributes': {
      if (table.from.kind === 'derived') return versions(table, derivedSelect(model, table))
      const sql = sqlText(table.from.sql)
      return table.history ? versions(table, sql) : { kind: 'select', sql: castSelect(table, sql) }
    }
    case 'merged':
      return { kind: 'select', sql: mergedSelect(model, table) }
  }
}

/** The events of one name, with their properties as declared. The judge took numbers and instants as texts too, hence the casts of texts. */
function eventSelect(table: RawEventModel): string {
  const properties = new Set(table.properties)
  const columns = table.columns.map(({ name, type }) => {
    if (!properties.has(name)) return name
    const path = `'$."${name}"'`
    if (type.kind === 'json') return `json_extract(properties, ${path})::varchar as ${name}`
    if (type.kind === 'list')
      return `try_cast(json_extract(properties, ${path}) as ${sqlType(type)}) as ${name}`
    return `try_cast(json_extract_string(properties, ${path}) as ${sqlType(type)}) as ${name}`
  })
  const name = scalarLiteral(table.event)
  return `select ${columns.join(', ')}\nfrom ${collectedTables.events}\nwhere event = ${name}`
}

function loadSelect(table: RawTableModel): string {
  const columns = table.columns.map((column) =>
    column.name === filledColumns.day ? `${localDay(table.by!)} as day` : column.name,
  )
  return `select ${columns.join(', ')}\nfrom ${incoming}`
}

function activitySelect(table: ActivityModel): string {
  const columns = table.columns.map((column) =>
    column.name === filledColumns.day
      ? `${localDay('made.occurred_at')} as day`
      : castColumn(column),
  )
  return `select ${columns.join(', ')}\nfrom (\n${sqlText(table.sql)}\n) as made`
}

function castSelect(table: ObjectModel | AttributesModel, sql: string): string {
  return `select ${table.columns.map(castColumn).join(', ')}\nfrom (\n${sql}\n) as made`
}

/**
 * Versions from rows of (key, valid_from, attributes): rows that say the same as the one before are dropped, and each holds until the next begins.
 * Two rows of one key at one instant are kept apart for the check to refuse.
 */
function versions(table: ObjectModel | AttributesModel, sql: string): Rows {
  const own = table.columns.filter((column) => !isFilledByVersions(column.name))
  const attributes = own.filter((column) => column.name !== table.key)
  const order = `partition by ${table.key} order by valid_from`
  const same = attributes.map(
    (column) => `${column.name} is not distinct from lag(${column.name}) over (${order})`,
  )
  const repeats = [
    `lag(valid_from) over (${order}) is not null`,
    `lag(valid_from) over (${order}) <> valid_from`,
    ...same,
  ].join('\n      and ')
  const text = `with made as (
${sql}
),
typed as (
  select ${own.map(castColumn).join(', ')}, cast(made.valid_from as ${sqlType({ kind: 'timestamp' })}) as valid_from
  from made
),
compared as (
  select ${[...own.map((column) => column.name), 'valid_from'].join(', ')},
    case when ${repeats} then 1 else 0 end as repeats
  from typed
)
select ${[...own.map((column) => column.name), 'valid_from'].join(', ')},
  lead(valid_from) over (${order}) as valid_to
from compared
where repeats = 0`
  return { kind: 'versions', sql: text, key: table.key }
}

function isFilledByVersions(name: string): boolean {
  return (
    name === filledColumns.validFrom ||
    name === filledColumns.validTo ||
    name === filledColumns.recordedAt ||
    name === filledColumns.version
  )
}

/** The activity's columns and the version of each group that held at the activity's instant. */
function mergedSelect(model: Model, table: MergedModel): string {
  const activity = model.tables.find((each) => each.id === table.activity)
  assert(activity?.kind === 'activity', `${table.activity} is an activity`)
  const columns = activity.columns.map((column) => `activity.${column.name}`)
  const joins = table.versions.map((version, index) => {
    const group = model.tables.find((each) => each.id === version.group)
    assert(
      group?.kind === 'object' || group?.kind === 'attributes',
      `${version.group} has versions`,
    )
    const name = `version_${index}`
    columns.push(`${name}.version as ${version.column}`)
    return `left join ${version.group} as ${name} on ${name}.${group.key} = activity.${version.reference}
  and ${heldAt(name, 'activity.occurred_at')}`
  })
  return [`select ${columns.join(', ')}`, `from ${activity.id} as activity`, ...joins].join('\n')
}

function mergedColumns(table: MergedModel): readonly StoredColumn[] {
  const attached = new Set(table.attached.map((column) => column.column))
  const versionColumns = new Set(table.versions.map((version) => version.column))
  const own = table.columns.filter(
    (column) => !attached.has(column.name) && !versionColumns.has(column.name),
  )
  return [
    ...own,
    ...table.versions.map((version) => ({
      name: version.column,
      type: { kind: 'integer' as const },
      required: false,
      description: `the version of ${version.group} that held for ${version.reference}`,
    })),
  ]
}

function castColumn(column: StoredColumn): string {
  return `cast(made.${column.name} as ${sqlType(column.type)}) as ${column.name}`
}

/** The session's zone is the project's, so a cast gives the local day. */
function localDay(expression: string): string {
  return `cast(${expression} as date)`
}

/** Where a table's rows are stored: merged tables are read wide under their own id and stored under another. */
export function storedName(table: TableModel | StatesTable): string {
  return table.kind === 'merged' ? storedId(table.id) : table.id
}

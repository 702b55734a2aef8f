/** Each declared table as the Model has it, by kind. */
import { suggest } from '../base/nearest.ts'
import { parseJson, stringifyJson } from '../base/json.ts'
import { messageOf } from '../base/errors.ts'
import { buildAttributes } from './build-attributes.ts'
import { buildSql } from './build-sql.ts'
import {
  hasHistory,
  isText,
  keyNames,
  refuse,
  unknownColumn,
  type Shapes,
} from './column-models.ts'
import {
  definitionOf,
  describeValue,
  present,
  type ActivityData,
  type EventData,
  type FilesData,
  type ObjectData,
  type RawTableData,
} from './definition.ts'
import { grains as builtInGrains } from './algebra.ts'
import { ownGrains } from './grains.ts'
import type { TableEntry } from './identify.ts'
import type {
  ActivityModel,
  CheckModel,
  ObjectModel,
  RawEventModel,
  RawTableModel,
  TableModel,
} from './model.ts'
import { optionProblems } from './options.ts'
import { buildPredicate } from './predicates.ts'
import { nameFault } from './sql-names.ts'
import { column, common } from './table-base.ts'
import { eventColumns } from './tables.ts'

/** undefined when a fault (reported) leaves nothing to go on with. */
export function buildTable(shapes: Shapes, entry: TableEntry): TableModel | undefined {
  const { data } = entry
  for (const fault of optionProblems(entry.id, data)) refuse(shapes, entry, fault)
  switch (data.kind) {
    case 'raw_table':
      return buildDatabaseTable(shapes, entry, data)
    case 'files':
      return buildFiles(shapes, entry, data)
    case 'event':
      return buildEvent(shapes, entry, data)
    case 'object':
      return buildObject(shapes, entry, data)
    case 'activity':
      return buildActivity(shapes, entry, data)
    case 'attributes':
      return buildAttributes(shapes, entry, data)
  }
}

/** Columns whose name in the source differs. */
function sourceNames(data: RawTableData | FilesData): {
  readonly names?: Readonly<Record<string, string>>
} {
  const names = Object.entries(data.columns).flatMap(([name, value]) => {
    const given = definitionOf(value)
    const field = given?.kind === 'column' ? given.spec.field : undefined
    return field === undefined || field === name ? [] : [[name, field] as const]
  })
  return names.length === 0 ? {} : { names: Object.fromEntries(names) }
}

function partitionBy(
  shapes: Shapes,
  entry: TableEntry,
  by: string | undefined,
): { readonly by?: string } {
  if (by === undefined) return {}
  const found = column(shapes, entry, by)
  if (found === undefined)
    refuse(shapes, entry, {
      ...unknownColumn(shapes, entry.id, by),
      message: `\`by\` of ${entry.id} names "${by}", which is no column`,
    })
  else if (found.type.kind !== 'timestamp' && found.type.kind !== 'date') {
    refuse(shapes, entry, {
      code: 'MODEL_TYPE',
      message: `\`by\` of ${entry.id} names "${by}", which is ${found.type.kind}`,
      hint: 'a table is partitioned by a timestamp or a date',
    })
  }
  return { by }
}

function buildDatabaseTable(shapes: Shapes, entry: TableEntry, data: RawTableData): RawTableModel {
  const from = entry.source?.from
  if (!isText(from))
    refuse(shapes, entry, {
      code: 'MODEL_BAD_DECLARATION',
      message: `the source of ${entry.id} has no \`from\``,
      hint: 'name one of `sources` in maru.config.ts',
    })
  const name = data.from ?? `public.${entry.id.split('.').at(-1)!}`
  const dot = name.indexOf('.')
  if (dot < 1 || dot === name.length - 1) {
    refuse(shapes, entry, {
      code: 'MODEL_BAD_DECLARATION',
      message: `\`from\` of ${entry.id} is "${name}"`,
      hint: `write schema and table: 'public.${name.replaceAll('.', '')}'`,
    })
  }
  const origin = {
    kind: 'database',
    source: from ?? '',
    schema: name.slice(0, dot),
    table: name.slice(dot + 1),
    ...sourceNames(data),
  } as const
  return {
    ...common(shapes, entry),
    class: 'raw',
    kind: 'raw_table',
    origin,
    key: keyNames(entry),
    ...partitionBy(shapes, entry, data.by),
  }
}

const formats: readonly string[] = ['csv', 'ndjson', 'parquet']

function buildFiles(shapes: Shapes, entry: TableEntry, data: FilesData): RawTableModel {
  const globs =
    typeof data.path === 'string' ? [data.path] : Array.isArray(data.path) ? data.path : []
  if (globs.length === 0 || !globs.every(isText)) {
    refuse(shapes, entry, {
      code: 'MODEL_BAD_DECLARATION',
      message: `${entry.id} has no path`,
      hint: "add path: 'data/*.csv', relative to the project folder",
    })
  }
  if (!formats.includes(data.format)) {
    refuse(shapes, entry, {
      code: 'MODEL_BAD_DECLARATION',
      message: `${entry.id} has the format ${describeValue(data.format)}`,
      hint: suggest(String(data.format), formats),
    })
  }
  if (data.csv !== undefined && data.format !== 'csv') {
    refuse(shapes, entry, {
      code: 'MODEL_BAD_DECLARATION',
      message: `${entry.id} has csv options, but its format is ${data.format}`,
      hint: 'leave `csv` out',
    })
  }
  const origin = {
    kind: 'files',
    format: data.format,
    globs,
    ...present({ csv: data.csv }),
    ...sourceNames(data),
  } as const
  return {
    ...common(shapes, entry),
    class: 'raw',
    kind: 'raw_table',
    origin,
    key: keyNames(entry),
    ...partitionBy(shapes, entry, data.by),
  }
}

function buildEvent(shapes: Shapes, entry: TableEntry, data: EventData): RawEventModel {
  const properties = Object.keys(data.columns).filter((name) => !(name in eventColumns))
  if (!isText(data.name))
    refuse(shapes, entry, {
      code: 'MODEL_MISSING_TEXT',
      message: `${entry.id} has no event name`,
      hint: "add name: 'product clicked', as clients send it",
    })
  const example = data.example ?? {}
  for (const name of Object.keys(example)) {
    if (!properties.includes(name))
      refuse(shapes, entry, {
        code: 'MODEL_UNKNOWN_COLUMN',
        message: `the example of ${entry.id} has "${name}", which is no property`,
        hint: suggest(name, properties),
      })
  }
  for (const name of properties) {
    if (
      column(shapes, entry, name)?.required === true &&
      !isGiven((example as Record<string, unknown>)[name])
    ) {
      refuse(shapes, entry, {
        code: 'MODEL_BAD_DECLARATION',
        message: `the example of ${entry.id} lacks "${name}", which is required`,
        hint: 'add it, so that the example is an event that is accepted',
      })
    }
  }
  return {
    ...common(shapes, entry),
    class: 'raw',
    kind: 'raw_event',
    event: data.name ?? '',
    properties,
    example: jsonValue(shapes, entry, example),
  }
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null
}

function jsonValue(
  shapes: Shapes,
  entry: TableEntry,
  example: object,
): Readonly<Record<string, unknown>> {
  try {
    return parseJson(stringifyJson(example)) as Readonly<Record<string, unknown>>
  } catch (error) {
    refuse(shapes, entry, {
      code: 'MODEL_BAD_DECLARATION',
      message: `the example of ${entry.id} cannot be written as JSON: ${messageOf(error).split('\n', 1)[0]}`,
      hint: 'use texts, numbers, booleans, lists and plain objects',
    })
    return {}
  }
}

function oneKey(shapes: Shapes, entry: TableEntry): string | undefined {
  const keys = keyNames(entry)
  if (keys.length === 1) return keys[0]
  const message =
    keys.length === 0
      ? `${entry.id} has no key`
      : `${entry.id} has ${keys.length} keys: ${keys.join(', ')}`
  const hint =
    keys.length === 0
      ? "add id: key('what it identifies')"
      : 'keep one; make a text of several parts in the transform'
  return refuse(shapes, entry, { code: 'MODEL_BAD_DECLARATION', message, hint })
}

function buildObject(shapes: Shapes, entry: TableEntry, data: ObjectData): ObjectModel | undefined {
  const base = common(shapes, entry)
  const key = oneKey(shapes, entry)
  const sql = buildSql(shapes, entry, data.sql)
  if (key === undefined || sql === undefined) return undefined
  const calendar = buildCalendar(shapes, entry, data)
  return {
    ...base,
    class: 'obj',
    kind: 'object',
    key,
    history: hasHistory(data),
    sql,
    ...present({ calendar, touches: data.touches }),
  }
}

function buildCalendar(
  shapes: Shapes,
  entry: TableEntry,
  { calendar, history }: ObjectData,
): ObjectModel['calendar'] {
  if (calendar === undefined) return undefined
  const columns = shapes.columns.get(entry.id)
  const { day } = calendar
  const grains: readonly unknown[] = Array.isArray(calendar.grains) ? calendar.grains : []
  const grain = grains.find(
    (name) => columns?.has(String(name)) !== true || String(name) === String(day),
  )
  const others = ownGrains(shapes.book)
  const taken = grains.find(
    (name) =>
      builtInGrains.some((one) => one === name) || others.filter((one) => one === name).length > 1,
  )
  const fault =
    columns?.get(String(day))?.type.kind !== 'date'
      ? 'has days that are no column of dates'
      : history === true
        ? 'has a history'
        : grains.length === 0
          ? 'has no grains'
          : grain !== undefined
            ? `has the grain ${describeValue(grain)}, which is no column beside the day`
            : taken !== undefined
              ? `has the grain ${describeValue(taken)}, which there is already`
              : undefined
  if (fault === undefined) return { day: String(day), grains: grains.map(String) }
  return refuse(shapes, entry, {
    code: 'MODEL_BAD_DECLARATION',
    message: `the calendar of ${entry.id} ${fault}`,
    hint: "write calendar: { day: 'date', grains: ['season'] } with columns of the object",
  })
}

function buildActivity(
  shapes: Shapes,
  entry: TableEntry,
  data: ActivityData,
): ActivityModel | undefined {
  const base = common(shapes, entry)
  const key = oneKey(shapes, entry)
  const sql = buildSql(shapes, entry, data.sql)
  checkInstant(shapes, entry)
  checkSentence(shapes, entry, data.says)
  const actor = checkReference(shapes, entry, { role: 'by', name: data.by })
  const targets = (data.to ?? []).flatMap(
    (name) => checkReference(shapes, entry, { role: 'to', name }) ?? [],
  )
  const checks = buildChecks(shapes, entry, data)
  if (key === undefined || sql === undefined || actor === undefined) return undefined
  return {
    ...base,
    class: 'act',
    kind: 'activity',
    key,
    says: data.says,
    actor,
    targets,
    sql,
    checks,
  }
}

function checkInstant(shapes: Shapes, entry: TableEntry): void {
  const found = column(shapes, entry, 'occurred_at')
  if (found?.type.kind === 'timestamp') return
  const message =
    found === undefined
      ? `${entry.id} has no column "occurred_at"`
      : `occurred_at of ${entry.id} is ${found.type.kind}, not timestamp`
  const hint = "an activity happens at an instant: add occurred_at: timestamp('when …')"
  refuse(shapes, entry, {
    code: found === undefined ? 'MODEL_BAD_DECLARATION' : 'MODEL_TYPE',
    message,
    hint,
  })
}

function checkSentence(shapes: Shapes, entry: TableEntry, says: unknown): void {
  if (!isText(says)) {
    refuse(shapes, entry, {
      code: 'MODEL_MISSING_TEXT',
      message: `${entry.id} has no sentence`,
      hint: "add says: '{member} bought {product}'",
    })
    return
  }
  for (const [, name] of says.matchAll(/\{([^{}]*)\}/g)) {
    if (column(shapes, entry, name) !== undefined) continue
    const fault = unknownColumn(shapes, entry.id, name!)
    refuse(shapes, entry, {
      ...fault,
      message: `\`says\` of ${entry.id} names "${name}", which is no column`,
    })
  }
}

interface Role {
  readonly role: 'by' | 'to'
  readonly name: unknown
}

function checkReference(
  shapes: Shapes,
  entry: TableEntry,
  { role, name }: Role,
): string | undefined {
  const references = [...shapes.columns.get(entry.id)!.values()]
    .filter((each) => each.refers !== undefined)
    .map((each) => each.name)
  if (!isText(name)) {
    const hint =
      references.length === 0
        ? "add the actor: member: refers(member), and by: 'member'"
        : `name the reference to who does it: ${references.join(', ')}`
    return refuse(shapes, entry, {
      code: 'MODEL_BAD_DECLARATION',
      message: `${entry.id} has no \`${role}\``,
      hint,
    })
  }
  const found = column(shapes, entry, name)
  if (found?.refers !== undefined) return name
  // A column that was left out because of its own fault is reported there.
  if (found === undefined && name in entry.data.columns) return undefined
  const what = found === undefined ? 'is no column' : `is ${found.type.kind}, not a reference`
  const code = found === undefined ? 'MODEL_UNKNOWN_COLUMN' : 'MODEL_TYPE'
  return refuse(shapes, entry, {
    code,
    message: `\`${role}\` of ${entry.id} names "${name}", which ${what}`,
    hint: suggest(name, references),
  })
}

function buildChecks(shapes: Shapes, entry: TableEntry, data: ActivityData): readonly CheckModel[] {
  if (data.checks === undefined) return []
  let given: unknown
  try {
    given = data.checks(entry.object)
  } catch (error) {
    refuse(shapes, entry, {
      code: 'MODEL_BAD_DECLARATION',
      message: `the checks of ${entry.id} cannot be made: ${messageOf(error).split('\n', 1)[0]}`,
      hint: 'does the activity have the column that they name?',
    })
    return []
  }
  return Object.entries(given ?? {}).flatMap(([name, condition]) => {
    const fault = nameFault(name)
    if (fault !== undefined) {
      refuse(shapes, entry, {
        code: 'MODEL_BAD_NAME',
        message: `the check name "${name}" ${fault.fault}`,
        hint: fault.hint,
      })
      return []
    }
    const view = {
      shapes,
      root: entry,
      subject: entry,
      label: `the check ${name}`,
      followsReferences: false,
    }
    const predicate = buildPredicate(view, condition)
    return predicate === undefined ? [] : [{ name, predicate }]
  })
}

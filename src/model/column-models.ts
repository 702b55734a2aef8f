/** The columns of every table: names, types and texts checked, references resolved, those that Maru fills added. */
import { suggest } from '../base/nearest.ts'
import {
  definitionOf,
  describeValue,
  present,
  type AttributesData,
  type MissingData,
  type ColumnSpec,
  type TableDefinitionData,
} from './definition.ts'
import type { Book, Fault, TableEntry } from './identify.ts'
import {
  filledColumns,
  type ColumnModel,
  type ColumnType,
  type DerivedAttribute,
  type RelatedColumn,
  type TableId,
} from './model.ts'
import { optionProblems } from './options.ts'
import { nameFault } from './sql-names.ts'
import { eventColumns } from './tables.ts'
import { selectedNames } from './selections.ts'

/** Columns of tables by id, in the order of the Model: declared, then filled. */
export interface Shapes {
  readonly book: Book
  readonly columns: Map<TableId, ReadonlyMap<string, ColumnModel>>
  /** Of attributes derived from activities. */
  readonly derived: Map<TableId, readonly DerivedAttribute[]>
  /** Adds the columns of attributes derived from activities, which others may read; says `circle` while it is at it. */
  readonly derive: (entry: TableEntry) => 'done' | 'circle'
  /** Related columns, by activity. */
  readonly related: Map<TableId, Related>
}

export interface Related {
  readonly columns: ReadonlyMap<string, ColumnModel>
  readonly selections: readonly RelatedColumn[]
}

/** Columns that Maru fills, by the kind of table; the author may not use the names. */
const reserved: Readonly<Record<TableDefinitionData['kind'], readonly string[]>> = {
  raw_table: [filledColumns.day, filledColumns.bucket, filledColumns.sourceFile],
  files: [filledColumns.day, filledColumns.bucket, filledColumns.sourceFile],
  event: Object.keys(eventColumns),
  object: [
    filledColumns.validFrom,
    filledColumns.validTo,
    filledColumns.recordedAt,
    filledColumns.version,
    filledColumns.bucket,
  ],
  attributes: [
    filledColumns.validFrom,
    filledColumns.validTo,
    filledColumns.recordedAt,
    filledColumns.version,
    filledColumns.bucket,
  ],
  activity: [filledColumns.day, filledColumns.bucket],
}

const jsNames: readonly string[] = ['constructor', 'prototype']

/** Checks and keeps the columns that authors write; derived attributes are added by `addDerivedColumns`. */
export function declareColumns(shapes: Shapes, entry: TableEntry): void {
  const columns = new Map<string, ColumnModel>()
  const { data } = entry
  if (data.kind === 'event')
    for (const [name, column] of Object.entries(eventColumns))
      columns.set(name, plainColumn(name, column))
  if (data.kind === 'attributes')
    addObjectKey(shapes, entry, data).forEach((column) => columns.set(column.name, column))
  for (const [name, value] of Object.entries(data.columns)) {
    const column = declaredColumn(shapes, entry, { name, value })
    if (column === undefined || !isNameFree(shapes, entry, name)) continue
    if (columns.has(name))
      refuse(shapes, entry, {
        code: 'MODEL_BAD_NAME',
        message: `the column "${name}" is the object's key, which attributes have anyway`,
        hint: 'leave it out of `columns`',
      })
    else columns.set(name, column)
  }
  shapes.columns.set(entry.id, columns)
}

export function refuse(shapes: Shapes, entry: TableEntry, fault: Fault): undefined {
  shapes.book.report(entry, fault)
}

/** Reports a name that no column of this kind of table may have. */
export function isNameFree(shapes: Shapes, entry: TableEntry, name: string): boolean {
  const fault = nameFault(name)
  if (fault !== undefined) {
    refuse(shapes, entry, {
      code: 'MODEL_BAD_NAME',
      message: `the column name "${name}" ${fault.fault}`,
      hint: fault.hint,
    })
    return false
  }
  const kind = entry.data.kind
  if (reserved[kind].includes(name)) {
    refuse(shapes, entry, {
      code: 'MODEL_BAD_NAME',
      message: `the column name "${name}" is filled by Maru`,
      hint: `choose another, for example "${name}_given"`,
    })
    return false
  }
  if (jsNames.includes(name) || (kind === 'activity' && selectedNames.includes(name))) {
    refuse(shapes, entry, {
      code: 'MODEL_BAD_NAME',
      message: `the column name "${name}" is used by the builders themselves`,
      hint: `choose another, for example "${name}_value"`,
    })
    return false
  }
  return true
}

interface Named {
  readonly name: string
  readonly value: unknown
}

function declaredColumn(
  shapes: Shapes,
  entry: TableEntry,
  { name, value }: Named,
): ColumnModel | undefined {
  const data = definitionOf(value)
  if (data?.kind !== 'column') {
    const hint = "write a column: text('what it says'), integer(…), refers(…)"
    return refuse(shapes, entry, {
      code: 'MODEL_BAD_DECLARATION',
      message: `the column "${name}" is ${describeValue(value)}`,
      hint,
    })
  }
  const { spec } = data
  const label = `the column "${name}"`
  for (const fault of optionProblems(label, spec)) refuse(shapes, entry, fault)
  if (spec.field !== undefined && entry.data.kind !== 'raw_table' && entry.data.kind !== 'files')
    refuse(shapes, entry, {
      code: 'MODEL_BAD_DECLARATION',
      message: `${label} has the option "field", which only columns of databases and files have`,
      hint: `leave it out; a transform renames: select ${spec.field} as ${name}`,
    })
  const cuts =
    spec.buckets === undefined || spec.type.kind === 'key' || spec.type.kind === 'reference'
      ? undefined
      : bucketsFault(spec.type, spec.buckets)
  if (cuts !== undefined)
    refuse(shapes, entry, {
      code: 'MODEL_BAD_DECLARATION',
      message: `the column "${name}" ${cuts.fault}`,
      hint: cuts.hint,
    })
  const typed =
    spec.type.kind === 'reference'
      ? referenceType(shapes, entry, { name, value: spec.type.target })
      : ownType(shapes, entry, name, spec.type)
  if (typed === undefined) return undefined
  const description = spec.description ?? typed.description
  if (!isText(description)) {
    refuse(shapes, entry, {
      code: 'MODEL_MISSING_TEXT',
      message: `the column "${name}" has no description`,
      hint: 'say in a few words what its values are',
    })
  }
  return {
    name,
    type: typed.type,
    description: description ?? '',
    ...present({
      unit: spec.unit,
      refers: typed.refers,
      orphans: spec.orphans,
      absent: spec.absent,
    }),
    required: spec.required ?? false,
    ...present({ buckets: spec.buckets }),
    tags: spec.tags ?? [],
  }
}

/** What is wrong with the cuts of a column, when something is. */
export function bucketsFault(
  type: ColumnType,
  cuts: unknown,
): { readonly fault: string; readonly hint: string } | undefined {
  if (type.kind !== 'integer' && type.kind !== 'decimal' && type.kind !== 'number')
    return { fault: `has buckets, but is ${type.kind}`, hint: 'only numbers are cut into buckets' }
  const isAscending =
    Array.isArray(cuts) &&
    cuts.length > 0 &&
    cuts.every((cut, at) => Number.isFinite(cut) && (at === 0 || cut > cuts[at - 1]))
  return isAscending
    ? undefined
    : { fault: 'has buckets that do not ascend', hint: 'write cuts: [1, 5, 10]' }
}

interface Typed {
  readonly type: ColumnType
  readonly refers?: TableId
  readonly description?: string | undefined
}

const typeKinds: readonly string[] = [
  'text',
  'integer',
  'number',
  'boolean',
  'timestamp',
  'local_timestamp',
  'date',
  'time',
  'uuid',
  'bytes',
  'json',
]

// The column's name, its table and its type have no one name together.
// oxlint-disable-next-line max-params
function ownType(
  shapes: Shapes,
  entry: TableEntry,
  name: string,
  type: Exclude<ColumnSpec['type'], { readonly kind: 'reference' }>,
): Typed {
  const plain = type.kind === 'key' ? type.of : type
  const fault = typeFault(plain)
  if (fault !== undefined)
    refuse(shapes, entry, {
      code: 'MODEL_BAD_DECLARATION',
      message: `the column "${name}" ${fault}`,
      hint: 'see the column builders in docs/reference/declarations.md',
    })
  return { type: plain }
}

function typeFault(type: ColumnType): string | undefined {
  if (type.kind === 'list') return typeFault(type.of)
  if (type.kind !== 'decimal')
    return typeKinds.includes(type.kind)
      ? undefined
      : 'is a list of something that is not a plain type'
  const { precision, scale } = type
  if (!Number.isInteger(precision) || precision < 1 || precision > 38)
    return `has precision ${precision}; it is 1 to 38`
  if (!Number.isInteger(scale) || scale < 0 || scale > precision)
    return `has scale ${scale}; it is 0 to the precision, ${precision}`
  return undefined
}

function referenceType(
  shapes: Shapes,
  entry: TableEntry,
  { name, value }: Named,
): Typed | undefined {
  if (entry.class === 'raw') {
    const hint = 'raw tables stand alone: write integer(…) or text(…); the object refers to it'
    return refuse(shapes, entry, {
      code: 'MODEL_LAYER',
      message: `the raw column "${name}" refers to an object`,
      hint,
    })
  }
  const target = resolveThunk(value)
  const data = definitionOf(target)
  if (data?.kind !== 'object') {
    const hint =
      data === undefined
        ? 'import the object; where two files need each other write refers(() => it)'
        : 'only objects are referred to'
    return refuse(shapes, entry, {
      code: 'MODEL_BAD_DECLARATION',
      message: `the column "${name}" refers to ${describeValue(target)}`,
      hint,
    })
  }
  const object = shapes.book.tableOf.get(target)
  if (object === undefined) {
    const hint = 'export it by default from a file under obj/'
    return refuse(shapes, entry, {
      code: 'MODEL_UNKNOWN_TABLE',
      message: `the column "${name}" refers to an object that no file declares`,
      hint,
    })
  }
  return {
    type: keyOf(object)?.type ?? { kind: 'integer' },
    refers: object.id,
    description: data.description,
  }
}

/** What a function given in place of a table returns; it may fail while files still need each other. */
export function resolveThunk(value: unknown): unknown {
  if (typeof value !== 'function' || definitionOf(value) !== undefined) return value
  try {
    return (value as () => unknown)()
  } catch {
    // The caller reports that nothing came, with the place.
    return undefined
  }
}

/** Name and type of the first key column, as declared. */
function keyOf(
  entry: TableEntry,
): { readonly name: string; readonly type: ColumnType } | undefined {
  for (const [name, value] of Object.entries(entry.data.columns)) {
    const data = definitionOf(value)
    if (data?.kind === 'column' && data.spec.type.kind === 'key')
      return { name, type: data.spec.type.of }
  }
  return undefined
}

export function keyNames(entry: TableEntry): readonly string[] {
  return Object.entries(entry.data.columns).flatMap(([name, value]) => {
    const data = definitionOf(value)
    return data?.kind === 'column' && data.spec.type.kind === 'key' ? [name] : []
  })
}

/** The object of an attributes declaration; undefined (and reported) when there is none. */
export function objectOf(book: Book, data: AttributesData): TableEntry | undefined {
  const entry = book.tableOf.get(resolveThunk(data.object))
  return entry?.data.kind === 'object' ? entry : undefined
}

function addObjectKey(
  shapes: Shapes,
  entry: TableEntry,
  data: AttributesData,
): readonly ColumnModel[] {
  const object = objectOf(shapes.book, data)
  if (object === undefined) {
    const given = resolveThunk(data.object)
    const isObject = definitionOf(given)?.kind === 'object'
    refuse(shapes, entry, {
      code: isObject ? 'MODEL_UNKNOWN_TABLE' : 'MODEL_BAD_DECLARATION',
      message: isObject
        ? 'the attributes belong to an object that no file declares'
        : `the attributes belong to ${describeValue(given)}, not to an object`,
      hint: isObject
        ? 'export it by default from a file under obj/'
        : 'write attributes(member, { … }) with an object from obj/',
    })
    return []
  }
  const key = keyOf(object)
  if (key === undefined) return []
  return [
    {
      ...key,
      description: object.data.description ?? '',
      required: true,
      tags: [],
    },
  ]
}

/** Appends the columns that Maru fills. */
export function fillColumns(shapes: Shapes, entry: TableEntry): void {
  const columns = shapes.columns.get(entry.id) as Map<string, ColumnModel>
  for (const column of filledFor(entry))
    if (!columns.has(column.name)) columns.set(column.name, column)
}

export function hasHistory(data: TableDefinitionData): boolean {
  if (data.kind === 'attributes') return data.derived !== undefined || data.history === true
  return data.kind === 'object' && data.history === true
}

function filledFor({ data }: TableEntry): readonly ColumnModel[] {
  const filled: ColumnModel[] = []
  if (data.kind === 'activity') filled.push(dayFilled('occurred_at'))
  if ((data.kind === 'files' || data.kind === 'raw_table') && data.by !== undefined)
    filled.push(dayFilled(data.by))
  if (data.kind === 'files')
    filled.push(filledColumn(filledColumns.sourceFile, 'text', 'the file that the row came from'))
  if (hasHistory(data)) filled.push(...historyColumns)
  return filled
}

export function dayFilled(by: string): ColumnModel {
  return filledColumn(filledColumns.day, 'date', `local day of ${by}`)
}

const historyColumns: readonly ColumnModel[] = [
  filledColumn(filledColumns.validFrom, 'timestamp', 'when the version began to hold'),
  filledColumn(
    filledColumns.validTo,
    'timestamp',
    'when the next version began; unknown while it holds',
  ),
  filledColumn(filledColumns.recordedAt, 'timestamp', 'when Maru first saw the version'),
  filledColumn(filledColumns.version, 'integer', 'number of the version, unique in the table'),
]

function filledColumn(
  name: string,
  kind: 'text' | 'date' | 'timestamp' | 'integer',
  description: string,
): ColumnModel {
  return { name, type: { kind }, description, required: false, tags: [] }
}

function plainColumn(name: string, value: unknown): ColumnModel {
  const { spec } = definitionOf(value) as { readonly spec: ColumnSpec }
  return {
    name,
    type: spec.type as ColumnType,
    description: spec.description ?? '',
    required: spec.required ?? false,
    tags: [],
  }
}

export function isText(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== ''
}

/** What was asked for and is not there, with the nearest that is. */
export function missingFault(shapes: Shapes, { owner, name }: MissingData): Fault {
  const data = definitionOf(owner)
  if (data?.kind === 'missing') return missingFault(shapes, data)
  const table = shapes.book.tableOf.get(owner)
  if (table !== undefined) return unknownColumn(shapes, table.id, name)
  if (data?.kind !== 'source') {
    const message = `${describeValue(owner)} that no file declares has no column "${name}"`
    return {
      code: 'MODEL_UNKNOWN_COLUMN',
      message,
      hint: 'export the table by default from a file in the folder of its kind',
    }
  }
  const known = [...shapes.book.tables.values()].find((entry) => entry.source === data)
  const id = known === undefined ? 'the source' : known.id.split('.').slice(0, -1).join('.')
  return {
    code: 'MODEL_UNKNOWN_TABLE',
    message: `${id} has no table "${name}"`,
    hint: suggest(name, Object.keys(data.tables)),
  }
}

/** `act.purchase has no column "amuont"` with the nearest. */
export function unknownColumn(shapes: Shapes, id: TableId, name: string): Fault {
  const names = [...(shapes.columns.get(id)?.keys() ?? [])]
  return {
    code: 'MODEL_UNKNOWN_COLUMN',
    message: `${id} has no column "${name}"`,
    hint: suggest(name, names),
  }
}

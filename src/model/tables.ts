/** Builders of tables: raw (`source`, `files`, `event`), `object`, `activity`, `attributes`, `merged`. */
import { callPlace } from './call-place.ts'
import {
  attachColumns,
  withMissing,
  text,
  timestamp,
  date,
  type Column,
  type Columns,
} from './columns.ts'
import type { ColumnKind, Condition } from './conditions.ts'
import {
  define,
  type definition,
  definitionOf,
  type ActivityData,
  type Defined,
  type TableDefinitionData,
} from './definition.ts'
import type { CsvOptions } from './model.ts'
import { readOptions, type Options } from './options.ts'
import type { Derived } from './selections.ts'
import type { Sql } from './sql-template.ts'

/** A declared table with its columns as properties. */
export type Table<Kind extends string, C extends Columns> = Readonly<C> & {
  readonly [definition]: { readonly kind: Kind }
}

/** The names of the columns of these kinds. */
export type NamesOf<C extends Columns, Kind extends ColumnKind> = {
  [Name in keyof C]: C[Name] extends Column<Kind> ? Name : never
}[keyof C] &
  string

export interface TableOptions<C extends Columns> {
  /** Partition by the local day of this column. */
  readonly by?: NoInfer<NamesOf<C, 'timestamp' | 'date'>>
  /** Schema and table in the database; `public.<name>` when absent. */
  readonly from?: string
}

const tableOptions: Options<TableOptions<Columns>> = { by: 'text', from: 'text' }

/** One table of a `source`. */
export function table<C extends Columns>(
  description: string,
  columns: C,
  options: TableOptions<C> = {},
): Table<'raw_table', C> {
  return finishTable({
    kind: 'raw_table',
    description,
    columns: plainRecord(columns),
    ...readOptions('table', options, tableOptions),
    place: callPlace(table),
  })
}

export interface SourceSpec<T> {
  readonly owner: string
  /** The name under `sources` in maru.config.ts. */
  readonly from: string
  readonly tables: T
}

const sourceOptions: Options<SourceSpec<unknown>> = { owner: 'any', from: 'any', tables: 'any' }

export type Source<T> = Readonly<T> & { readonly [definition]: { readonly kind: 'source' } }

/** The tables of a database: `raw/shop.ts` declares `raw.shop.<table>`. */
export function source<T extends Readonly<Record<string, Defined<'raw_table'>>>>(
  spec: SourceSpec<T>,
): Source<T> {
  const given = readOptions('source', spec, sourceOptions)
  const tables = plainRecord(given.tables)
  const result = withMissing({ ...tables }) as Source<T>
  return define(result, {
    ...given,
    kind: 'source',
    tables,
    place: callPlace(source),
  })
}

export interface FilesSpec<C extends Columns> {
  readonly owner: string
  readonly description: string
  /** Paths or globs, relative to the project folder. */
  readonly path: string | readonly string[]
  readonly format: 'csv' | 'ndjson' | 'parquet'
  readonly csv?: CsvOptions
  readonly by?: NoInfer<NamesOf<C, 'timestamp' | 'date'>>
  readonly columns: C
}

const csvOptions: Options<CsvOptions> = {
  delimiter: 'text',
  header: 'boolean',
  quote: 'text',
  nulls: 'texts',
  encoding: ['utf-8', 'latin-1', 'utf-16'],
  timestampFormat: 'text',
  dateFormat: 'text',
  collapseSpaces: 'boolean',
}

const filesOptions: Options<FilesSpec<Columns>> = {
  owner: 'any',
  description: 'any',
  path: 'any',
  format: 'any',
  csv: csvOptions,
  by: 'text',
  columns: 'any',
}

/** A raw table whose rows come from files. */
export function files<C extends Columns>(spec: FilesSpec<C>): Table<'raw_table', C> {
  const given = readOptions('files declaration', spec, filesOptions)
  return finishTable({
    ...given,
    kind: 'files',
    columns: plainRecord(given.columns),
    place: callPlace(files),
  })
}

export interface EventSpec<P extends Columns> {
  readonly owner: string
  readonly description: string
  /** The event's name as clients send it. */
  readonly name: string
  readonly properties: P
  readonly example: { readonly [Name in keyof P]?: unknown }
}

/** What every event has besides its properties. */
interface EventColumns {
  readonly id: Column<'text'>
  readonly occurred_at: Column<'timestamp'>
  readonly received_at: Column<'timestamp'>
  readonly anonymous_id: Column<'text'>
  readonly member_id: Column<'text'>
  readonly actor: Column<'text'>
  readonly source: Column<'text'>
  readonly bot: Column<'text'>
  readonly day: Column<'date'>
}

export const eventColumns: Readonly<Record<keyof EventColumns, Column>> = {
  id: text('identity of the event, given by who sent it', { required: true }),
  occurred_at: timestamp('when it happened'),
  received_at: timestamp('when Maru received it'),
  anonymous_id: text('the visitor before anyone knew who it was'),
  member_id: text('the member, where known'),
  actor: text('who did it, as sent: member:ID, else anonymous:ID'),
  source: text('who sent it'),
  bot: text('why it is thought to be a program; null for people'),
  day: date('local day of occurred_at'),
}

const eventOptions: Options<EventSpec<Columns>> = {
  owner: 'any',
  description: 'any',
  name: 'any',
  properties: 'any',
  example: 'record',
}

/** An entry of the event catalog. */
export function event<P extends Columns>(spec: EventSpec<P>): Table<'event', P & EventColumns> {
  const { properties, ...given } = readOptions('event', spec, eventOptions)
  const columns = plainRecord(properties)
  const result = attachColumns({ ...eventColumns, ...columns })
  return define(result, {
    ...given,
    kind: 'event',
    columns,
    place: callPlace(event),
  }) as Table<'event', P & EventColumns>
}

export interface ObjectSpec<C extends Columns> {
  readonly owner: string
  readonly description: string
  /** One row per version, with `valid_from` beside the columns. */
  readonly history?: boolean
  readonly columns: C
  /** The rows are days, and these columns the periods that they lie in: grains of their own, like `month`. */
  readonly calendar?: {
    readonly day: NoInfer<NamesOf<C, 'date'>>
    readonly grains: readonly NoInfer<keyof C & string>[]
  }
  readonly sql: Sql
}

const objectOptions: Options<ObjectSpec<Columns>> = {
  owner: 'any',
  description: 'any',
  history: 'boolean',
  columns: 'any',
  calendar: { day: 'any', grains: 'any' },
  sql: 'any',
}

/** A thing with an id. */
export function object<C extends Columns>(spec: ObjectSpec<C>): Table<'object', C> {
  const given = readOptions('object', spec, objectOptions)
  return finishTable({
    ...given,
    kind: 'object',
    columns: plainRecord(given.columns),
    place: callPlace(object),
  })
}

export interface ActivitySpec<C extends Columns> {
  /** The sentence, with columns in braces: `{member} bought {product}`. */
  readonly says: string
  readonly owner: string
  readonly description: string
  readonly columns: C
  /** The reference to who does it. */
  readonly by: NoInfer<NamesOf<C, 'reference'>>
  /** The references to what it is done to. */
  readonly to?: readonly NoInfer<NamesOf<C, 'reference'>>[]
  /** Conditions that hold on every row, by name. */
  readonly checks?: (row: NoInfer<C>) => Readonly<Record<string, Condition>>
  readonly sql: Sql
}

interface DayColumn {
  readonly day: Column<'date'>
}

const activityOptions: Options<ActivitySpec<Columns>> = {
  says: 'any',
  owner: 'any',
  description: 'any',
  columns: 'any',
  by: 'any',
  to: 'texts',
  checks: 'function',
  sql: 'any',
}

/** Something that an object did: when, who, to what, and its measures. */
export function activity<C extends Columns>(
  spec: ActivitySpec<C>,
): Table<'activity', C & DayColumn> {
  const given = readOptions('activity', spec, activityOptions)
  const columns = plainRecord(given.columns)
  const result = attachColumns({ ...columns, day: dayColumn }) as Table<'activity', C & DayColumn>
  // The row's type is the author's own here; buildModel hands in the activity itself.
  const checks = given.checks as ActivityData['checks']
  const data = { ...given, kind: 'activity', columns, checks, place: callPlace(activity) } as const
  return define(result, data as ActivityData)
}

const dayColumn: Column<'date'> = date('local day of occurred_at')

/** Attributes from SQL. */
export interface AttributesSpec<C extends Columns> {
  readonly history?: boolean
  readonly columns: C
  readonly sql: Sql
}

export interface AttributesTexts {
  /** The object's owner when absent. */
  readonly owner?: string
  readonly description?: string
  /** Rows whose key names no object are kept; the checks refuse them when absent. */
  readonly orphans?: 'allowed'
}

/** Of derived attributes; those from SQL have both at their columns. */
export interface AttributesOptions<Name extends string> extends AttributesTexts {
  /** Descriptions by attribute, where the one made from the selection does not do. */
  readonly describe?: { readonly [N in Name]?: string }
  /** Ascending cuts of attributes that are numbers: they then have the dimension `.bucket`. */
  readonly buckets?: { readonly [N in Name]?: readonly number[] }
}

const attributesTexts: Options<AttributesTexts> = {
  owner: 'any',
  description: 'any',
  orphans: ['allowed'],
}
const sqlOptions: Options<AttributesSpec<Columns> & AttributesTexts> = {
  ...attributesTexts,
  history: 'boolean',
  columns: 'any',
  sql: 'any',
}
const attributesOptions: Options<AttributesOptions<string>> = {
  ...attributesTexts,
  describe: 'record',
  buckets: 'record',
}

type DerivedColumns<A> = {
  readonly [Name in keyof A]: A[Name] extends Derived<infer Kind> ? Column<Kind> : never
}

type NamedObject = Defined<'object'>

/** Dated attributes of an object: derived from activities, or from SQL. */
export function attributes<C extends Columns>(
  object: NamedObject,
  spec: AttributesSpec<C>,
  options?: AttributesTexts,
): Table<'attributes', C>
export function attributes<A extends Readonly<Record<string, Derived>>>(
  object: NamedObject,
  derived: A,
  options?: AttributesOptions<keyof A & string>,
): Table<'attributes', DerivedColumns<A>>
export function attributes(
  object: NamedObject,
  given: object,
  options: AttributesOptions<string> = {},
): unknown {
  const place = callPlace(attributes)
  const spec = plainRecord(given)
  if (isSqlSpec(spec)) {
    const all = { ...options, ...spec } as AttributesSpec<Columns> & AttributesTexts
    return finishTable({
      ...readOptions('attributes declaration with SQL', all, sqlOptions),
      columns: plainRecord(spec['columns']),
      kind: 'attributes',
      object,
      place,
    })
  }
  const names = Object.fromEntries(Object.keys(spec).map((name) => [name, text('')]))
  return define(attachColumns(names), {
    ...readOptions('attributes declaration', options, attributesOptions),
    kind: 'attributes',
    object,
    place,
    columns: {},
    derived: spec,
  })
}

/** `columns` may also be the name of a derived attribute, then it holds a selection. */
function isSqlSpec(spec: Readonly<Record<string, unknown>>): boolean {
  return (
    definitionOf(spec['sql'])?.kind === 'sql' ||
    (spec['columns'] !== undefined && definitionOf(spec['columns']) === undefined)
  )
}

export interface MergedOptions<R> {
  readonly owner?: string
  readonly description?: string
  /** Attach only these version groups: objects with history and attributes. All when absent. */
  readonly groups?: readonly Defined<'object' | 'attributes'>[]
  /** Columns seen from each row of the activity: what its actor's activities were before or after it. */
  readonly related?: R
}

const mergedOptions: Options<MergedOptions<Record<never, never>>> = {
  owner: 'any',
  description: 'any',
  groups: 'list',
  related: 'record',
}

/** Overrides what Maru derives for an activity, and adds columns that are seen from each of its rows. */
export function merged<R extends Readonly<Record<string, Derived>> = Record<never, never>>(
  activity: Defined<'activity'>,
  options: MergedOptions<R> = {},
): Table<'merged', DerivedColumns<R>> {
  const given = readOptions('merged table', options, mergedOptions)
  const names = Object.keys(given.related ?? {}).map((name) => [name, text('')])
  return define(attachColumns(Object.fromEntries(names)), {
    ...given,
    kind: 'merged',
    activity,
    place: callPlace(merged),
  }) as Table<'merged', DerivedColumns<R>>
}

/** Makes a table of its definition: what every builder of tables returns. */
export function finishTable<T>(data: TableDefinitionData): T {
  return define(attachColumns(data.columns), data) as T
}

/** A record that any caller can be trusted to iterate; what is not one becomes empty and `buildModel` misses the columns. */
function plainRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

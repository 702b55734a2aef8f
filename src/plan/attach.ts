/**
 * Attributes at an activity, or at an object as it is now: which tables to join and how, for the paths that are named.
 *
 * The stored merged table holds a version key per reference and group with history, so the usual join is an equi-join on a dense integer.
 * What lies behind a second reference has no such key; it is joined by the key and the interval that holds the activity's instant.
 */
import { assert, MaruError } from '../base/errors.ts'
import { filledColumns } from '../model/model.ts'
import { storedId } from '../model/sql-names.ts'
import type {
  ActivityModel,
  AttributesModel,
  ColumnModel,
  MergedModel,
  Model,
  ObjectModel,
  Selection,
  TableId,
  TableModel,
} from '../model/model.ts'
import { heldAt } from './held-at.ts'

/** One column that a row of an activity or object reaches: over `references`, in `table`, as of then or now. */
export interface AttributePath {
  readonly references: readonly string[]
  readonly table: TableId
  readonly column: ColumnModel
  readonly now: boolean
  /** As of another instant of the row than its own. */
  readonly asOf?: RowInstant
  /** What a related column of the root is computed of. */
  readonly related?: Selection
}

/** An instant of each row of an activity. */
export interface RowInstant {
  /** Ends the names of joins; `@period_end` of a path is read so. */
  readonly name: 'end'
  /** SQL over `moment`, which is the root's column. */
  readonly sql: string
  readonly column: 'day' | 'occurred_at'
}

export interface Attachment {
  /** The table whose rows are asked about, with its alias. */
  readonly root: { readonly table: TableId; readonly alias: string }
  /** Left joins in order; none of them changes how many rows there are. */
  readonly joins: readonly {
    /** Or, of a related column, a query in parentheses. */
    readonly table: TableId
    readonly alias: string
    readonly condition: string
    /** The column of the root that the condition compares with this column of the table; absent where it goes by another join. */
    readonly equals?: { readonly row: string; readonly table: string }
  }[]
  /** The tables that the joins read. */
  readonly joined: readonly TableId[]
  /** A condition that the root's rows must meet: for an object with history, that the version holds now. */
  readonly condition: string | undefined
  /** The expression of each path, in the order asked for. */
  readonly expressions: readonly string[]
  /** Columns of the root from which the joins and expressions follow. */
  readonly rootColumns: ReadonlySet<string>
}

/** References are followed this far; deeper paths are not offered. */
const referencesMax = 3

/**
 * The column that a path names from `rootId`, an activity or an object, or undefined: `amount`, `member.country`, `product.brand.name`;
 * `@now` at the end asks for today's value. The root's own name may stand first: `purchase.amount`.
 */
export function resolvePath(
  model: Model,
  rootId: TableId,
  text: string,
): AttributePath | undefined {
  const now = text.endsWith('@now')
  const segments = (now ? text.slice(0, -'@now'.length) : text).split('.')
  const found = walk(model, rootId, segments)
  if (found !== undefined) return { ...found, now }
  const own = segments[0] === lastName(rootId) ? segments.slice(1) : []
  const ownFound = own.length === 0 ? undefined : walk(model, rootId, own)
  if (ownFound !== undefined) return { ...ownFound, now }
  const name = own.length === 0 ? segments : own
  return now || name.length > 1
    ? undefined
    : relatedPaths(model, rootId).find(({ column }) => column.name === name[0])
}

/** The columns of an activity that are computed when asked. */
export function relatedPaths(model: Model, rootId: TableId): readonly AttributePath[] {
  const related = indexOf(model).mergedByActivity.get(rootId)?.related ?? []
  return related.map(({ column, selection }) => ({
    references: [],
    table: rootId,
    column,
    now: false,
    related: selection,
  }))
}

/** Every path that a row of `rootId` reaches, its own columns first; without the columns that Maru fills. */
export function reachablePaths(model: Model, rootId: TableId): readonly AttributePath[] {
  const index = indexOf(model)
  let reached = index.reached.get(rootId)
  if (reached === undefined) {
    const paths: AttributePath[] = []
    collectPaths(model, { holder: rootId, rootId, references: [], seen: [rootId] }, paths)
    reached = paths
    index.reached.set(rootId, reached)
  }
  return reached
}

/** `product.brand.name` */
export function pathText(path: AttributePath): string {
  return (
    [...path.references, path.column.name].join('.') +
    (path.asOf ? '@period_end' : path.now ? '@now' : '')
  )
}

/**
 * The joins and expressions for `paths` from an activity or an object. Paths come from `resolvePath` or `reachablePaths` with the same root.
 */
export function attach(model: Model, rootId: TableId, paths: readonly AttributePath[]): Attachment {
  return attachTo(startJoins(model, rootId, 'merged'), paths)
}

/** Of all that a row of an activity reaches. */
export function attachAll(model: Model, activity: TableId): Attachment {
  const index = indexOf(model)
  let attachment = index.attached.get(activity)
  if (attachment === undefined) {
    attachment = attach(model, activity, reachablePaths(model, activity))
    index.attached.set(activity, attachment)
  }
  return attachment
}

/** As `attach`, from an activity's own rows, without the version keys of its merged table. */
export function attachToActivity(
  model: Model,
  rootId: TableId,
  paths: readonly AttributePath[],
): Attachment {
  return attachTo(startJoins(model, rootId, 'activity'), paths)
}

function attachTo(joins: Joins, paths: readonly AttributePath[]): Attachment {
  const rootId = joins.root.id
  const expressions = paths.map((path) => {
    if (path.related !== undefined) throw relatedFault(path.column)
    const value = `${joinTable(joins, path, path.table)}.${path.column.name}`
    return path.column.absent === 'key'
      ? `coalesce(${value}, ${keyExpression(joins, path)})`
      : value
  })
  for (const path of paths) {
    if (path.references.length === 0 && path.table === rootId)
      joins.rootColumns.add(path.column.name)
  }
  const root = joins.root
  const isVersioned = root.kind === 'object' && root.history
  return {
    root: { table: joins.rootTable, alias: joins.rootAlias },
    joins: [...joins.byAlias.values()],
    joined: joins.joined,
    condition: isVersioned ? `${joins.rootAlias}.${filledColumns.validTo} is null` : undefined,
    expressions,
    rootColumns: joins.rootColumns,
  }
}

/** Attributes are made of activities, and must not look forward. */
function relatedFault({ name }: ColumnModel): MaruError {
  return new MaruError('METRIC_ILLEGAL', `an attribute cannot read the related column "${name}"`, {
    hint: 'related columns are for metrics and questions; derive an attribute of the same activities',
  })
}

/** The merged table as people read it: the activity's columns, `day`, and `<reference>__<attribute>`; joins only what the named columns need. */
export function wideSelect(
  model: Model,
  mergedId: TableId,
  columns: readonly string[] | 'all',
): string {
  const merged = tableOf(model, mergedId)
  assert(merged.kind === 'merged', `${mergedId} is not a merged table`)
  const isWanted = (name: string): boolean => columns === 'all' || columns.includes(name)
  const names: string[] = []
  const paths: AttributePath[] = []
  for (const column of tableOf(model, merged.activity).columns) {
    if (!isWanted(column.name)) continue
    names.push(column.name)
    paths.push({ references: [], table: merged.activity, column, now: false })
  }
  for (const attached of merged.attached) {
    if (!isWanted(attached.column)) continue
    const column = columnOf(tableOf(model, attached.table), attached.attribute)
    assert(column !== undefined, `${attached.table} has no column ${attached.attribute}`)
    names.push(attached.column)
    paths.push({ references: attached.path, table: attached.table, column, now: false })
  }
  const attachment = attach(model, merged.activity, paths)
  const selected = attachment.expressions.map(
    (expression, at) => `  ${expression} as ${names[at]!}`,
  )
  // A text that names no column (`select count(*)`) still needs the rows.
  if (selected.length === 0)
    selected.push(`  ${attachment.root.alias}.${filledColumns.day} as ${filledColumns.day}`)
  return `select\n${selected.join(',\n')}\n${fromClause(attachment)}`
}

/** `from` and the joins, one a line. */
export function fromClause(attachment: Attachment): string {
  const joins = attachment.joins.map(
    (join) => `left join ${join.table} as ${join.alias} on ${join.condition}`,
  )
  return [`from ${attachment.root.table} as ${attachment.root.alias}`, ...joins].join('\n')
}

interface Joins {
  readonly model: Model
  readonly root: ActivityModel | ObjectModel
  readonly rootTable: TableId
  readonly rootAlias: string
  /** Of an activity. */
  readonly merged: MergedModel | undefined
  readonly byAlias: Map<string, Attachment['joins'][number]>
  readonly rootColumns: Set<string>
  readonly joined: TableId[]
}

function startJoins(model: Model, rootId: TableId, rows: 'merged' | 'activity'): Joins {
  const root = tableOf(model, rootId)
  assert(
    root.kind === 'activity' || root.kind === 'object',
    `${rootId} is neither an activity nor an object`,
  )
  const isMerged = root.kind === 'activity' && rows === 'merged'
  const merged = isMerged ? indexOf(model).mergedByActivity.get(rootId) : undefined
  assert(!isMerged || merged !== undefined, `${rootId} has no merged table`)
  return {
    model,
    root,
    rootTable: merged === undefined ? rootId : storedId(merged.id),
    // No column can be called so: `__` is Maru's.
    rootAlias: `${lastName(rootId)}__row`,
    merged,
    byAlias: new Map(),
    rootColumns: new Set(),
    joined: [],
  }
}

type Ask = Pick<AttributePath, 'references' | 'now' | 'asOf'>

/** The alias under which `table` is joined at the end of the references; adds the joins that are missing. */
function joinTable(joins: Joins, ask: Ask, table: TableId): string {
  if (ask.references.length === 0 && table === joins.root.id) return joins.rootAlias
  const isNow = ask.now || joins.root.kind === 'object'
  const as = ask.asOf?.name ?? (ask.now ? 'now' : undefined)
  const suffix = as !== undefined && joins.root.kind === 'activity' ? `__${as}` : ''
  const alias = `${[...ask.references, lastName(table)].join('__')}__row${suffix}`
  if (joins.byAlias.has(alias)) return alias
  const target = tableOf(joins.model, table)
  assert(target.kind === 'object' || target.kind === 'attributes', `${table} has no attributes`)
  joins.byAlias.set(alias, { table, alias, ...joinCondition(joins, ask, { target, alias, isNow }) })
  joins.joined.push(table)
  return alias
}

interface JoinTarget {
  readonly target: ObjectModel | AttributesModel
  readonly alias: string
  readonly isNow: boolean
}

function joinCondition(
  joins: Joins,
  ask: Ask,
  join: JoinTarget,
): Pick<Attachment['joins'][number], 'condition' | 'equals'> {
  const { target, alias, isNow } = join
  const version = versionColumn(joins, ask, target)
  if (version !== undefined && !isNow && ask.asOf === undefined) {
    joins.rootColumns.add(version)
    return {
      condition: `${alias}.${filledColumns.version} = ${joins.rootAlias}.${version}`,
      equals: { row: version, table: filledColumns.version },
    }
  }
  const isSameKey = `${alias}.${target.key} = ${keyExpression(joins, ask)}`
  const [reference, ...more] = ask.references
  const equals =
    reference === undefined || more.length > 0
      ? {}
      : { equals: { row: reference, table: target.key } }
  if (!target.history) return { condition: isSameKey, ...equals }
  if (isNow)
    return { condition: `${isSameKey} and ${alias}.${filledColumns.validTo} is null`, ...equals }
  const { column, sql } = ask.asOf ?? { column: 'occurred_at', sql: 'moment' }
  joins.rootColumns.add(column)
  const instant = sql.replaceAll('moment', `${joins.rootAlias}.${column}`)
  return { condition: `${isSameKey} and ${heldAt(alias, instant)}`, ...equals }
}

function versionColumn(
  joins: Joins,
  ask: Ask,
  target: ObjectModel | AttributesModel,
): string | undefined {
  if (ask.references.length !== 1 || !target.history) return undefined
  return joins.merged?.versions.find(
    (version) => version.reference === ask.references[0] && version.group === target.id,
  )?.column
}

/** The key of the object at the end of the references. */
function keyExpression(joins: Joins, ask: Ask): string {
  const last = ask.references.at(-1)
  if (ask.references.length < 2) joins.rootColumns.add(last ?? joins.root.key)
  if (last === undefined) return `${joins.rootAlias}.${joins.root.key}`
  const before = ask.references.slice(0, -1)
  const holder = walk(joins.model, joins.root.id, ask.references)
  assert(holder !== undefined, `${joins.root.id} has no path ${ask.references.join('.')}`)
  return `${joinTable(joins, { ...ask, references: before }, holder.table)}.${last}`
}

type Found = Omit<AttributePath, 'now'>

function walk(model: Model, rootId: TableId, segments: readonly string[]): Found | undefined {
  const references = segments.slice(0, -1)
  if (references.length > referencesMax) return undefined
  let holder: TableId | undefined = rootId
  for (const reference of references) {
    holder = columnsReached(model, rootId, holder).get(reference)?.column.refers
    if (holder === undefined) return undefined
  }
  const found = columnsReached(model, rootId, holder).get(segments.at(-1)!)
  return found === undefined ? undefined : { references, ...found }
}

interface HeldColumn {
  readonly table: TableId
  readonly column: ColumnModel
}

/** The columns of an activity or object by name, with those of the object's attributes declarations. */
function columnsReached(
  model: Model,
  rootId: TableId,
  holderId: TableId,
): ReadonlyMap<string, HeldColumn> {
  const index = indexOf(model)
  const merged = index.mergedByActivity.get(rootId)
  const only = merged?.declared === true ? merged : undefined
  const cacheKey = only === undefined ? holderId : `${only.id} ${holderId}`
  let columns = index.columns.get(cacheKey)
  if (columns === undefined) {
    columns = collectColumns(index, holderId, only)
    index.columns.set(cacheKey, columns)
  }
  return columns
}

/** A declared merged table offers only the version groups that it attaches; objects without history are none. */
function collectColumns(
  index: ModelIndex,
  holderId: TableId,
  only: MergedModel | undefined,
): ReadonlyMap<string, HeldColumn> {
  const columns = new Map<string, HeldColumn>()
  const holder = index.tables.get(holderId)
  if (holder === undefined) return columns
  const attached = only === undefined ? undefined : new Set(only.attached.map(({ table }) => table))
  for (const table of [holder, ...(index.attributesByObject.get(holderId) ?? [])]) {
    const isGroup = table.kind === 'attributes' || (table.kind === 'object' && table.history)
    if (isGroup && attached?.has(table.id) === false) continue
    const isFilled = filledIn(table)
    for (const column of table.columns) {
      const isRepeated = table.kind === 'attributes' && column.name === table.key
      if (isRepeated || isFilled(column.name) || columns.has(column.name)) continue
      columns.set(column.name, { table: table.id, column })
    }
  }
  return columns
}

const filledInVersions: ReadonlySet<string> = new Set([
  filledColumns.validFrom,
  filledColumns.validTo,
  filledColumns.recordedAt,
  filledColumns.version,
  filledColumns.bucket,
])

/** Bookkeeping of Maru is no attribute; an activity's `day` is a column that people ask about. */
function filledIn(table: TableModel): (column: string) => boolean {
  return table.kind === 'activity' ? () => false : (column) => filledInVersions.has(column)
}

interface Walk {
  readonly rootId: TableId
  readonly holder: TableId
  readonly references: readonly string[]
  /** Objects on the way, so that a circle of references ends. */
  readonly seen: readonly TableId[]
}

function collectPaths(model: Model, at: Walk, paths: AttributePath[]): void {
  const columns = [...columnsReached(model, at.rootId, at.holder).values()]
  for (const { table, column } of columns) {
    if (column.name !== filledColumns.day || at.references.length > 0)
      paths.push({ references: at.references, table, column, now: false })
  }
  if (at.references.length === referencesMax) return
  for (const { column } of columns) {
    const refers = column.refers
    if (refers === undefined || at.seen.includes(refers)) continue
    collectPaths(
      model,
      {
        ...at,
        holder: refers,
        references: [...at.references, column.name],
        seen: [...at.seen, refers],
      },
      paths,
    )
  }
}

interface ModelIndex {
  readonly tables: ReadonlyMap<TableId, TableModel>
  readonly mergedByActivity: ReadonlyMap<TableId, MergedModel>
  readonly attributesByObject: ReadonlyMap<TableId, readonly AttributesModel[]>
  readonly columns: Map<string, ReadonlyMap<string, HeldColumn>>
  readonly reached: Map<TableId, readonly AttributePath[]>
  readonly attached: Map<TableId, Attachment>
}

const indexes = new WeakMap<Model, ModelIndex>()

/** A model never changes, so what is derived from it is kept as long as the model lives. */
function indexOf(model: Model): ModelIndex {
  let index = indexes.get(model)
  if (index === undefined) {
    const attributesByObject = new Map<TableId, AttributesModel[]>()
    const mergedByActivity = new Map<TableId, MergedModel>()
    for (const table of model.tables) {
      if (table.kind === 'merged') mergedByActivity.set(table.activity, table)
      if (table.kind !== 'attributes') continue
      const groups = attributesByObject.get(table.object)
      if (groups === undefined) attributesByObject.set(table.object, [table])
      else groups.push(table)
    }
    const tables = new Map(model.tables.map((table) => [table.id, table]))
    index = {
      tables,
      mergedByActivity,
      attributesByObject,
      columns: new Map(),
      reached: new Map(),
      attached: new Map(),
    }
    indexes.set(model, index)
  }
  return index
}

function tableOf(model: Model, id: TableId): TableModel {
  const table = indexOf(model).tables.get(id)
  assert(table !== undefined, `${id} is not in the model`)
  return table
}

function columnOf(table: TableModel, name: string): ColumnModel | undefined {
  return table.columns.find((column) => column.name === name)
}

function lastName(id: TableId): string {
  return id.slice(id.lastIndexOf('.') + 1)
}

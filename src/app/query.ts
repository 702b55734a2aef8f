/** Reads for people: their SQL over ids, and compiled questions. Only the tables that a text can mean are bound, to the files that it can need. */
import type { Place } from '../base/errors.ts'
import { bindErrorOffset } from '../engine/engine.ts'
import type { Result, Session } from '../engine/engine.ts'
import type { CompiledQuestion } from '../metric/metric.ts'
import { MaruError, isMaruError } from '../base/errors.ts'
import { suggest } from '../base/nearest.ts'
import type { ScanFilter } from '../lake/lake.ts'
import { visibleColumns } from '../model/model.ts'
import { collectedTables } from '../model/collected.ts'
import type { MergedModel, Model, RawEventModel, TableModel } from '../model/model.ts'
import { wideSelect } from '../plan/attach.ts'
import { rowsOf, storedColumns, storedName } from '../plan/plan.ts'
import type { Task } from '../plan/plan.ts'
import { namedColumns } from './named-columns.ts'
import type { Parts } from './parts.ts'

export async function queryProject(parts: Parts, sql: string, rowsMax: number): Promise<Result> {
  const asked = await readText(parts, sql)
  const { named, states } = asked
  const session = await parts.session()
  try {
    const needed = await columnsNeeded(session, asked)
    for (const { id } of [...named, ...states]) await session.unbind(id)
    for (const { id } of states)
      await bind(parts, session, { id, as: id, filters: needed.filters(id) })
    for (const table of named) {
      if (table.kind === 'raw_event') await bindEvent(parts, session, table)
      else if (table.kind !== 'merged')
        await bind(parts, session, {
          id: table.id,
          as: table.id,
          filters: needed.filters(table.id),
        })
      else
        await bindWide(parts, session, {
          table,
          columns: needed.columns(table.id),
          filters: needed.filters(table.id),
        })
    }
    return await session.query(sql, { rowsMax })
  } catch (error) {
    throw explainFault(error, asked)
  } finally {
    await session.close()
  }
}

/** All rows when `rowsMax` is not given. */
export async function readQuestion(
  parts: Parts,
  compiled: CompiledQuestion,
  rowsMax?: number,
): Promise<Result> {
  const session = await parts.session()
  try {
    for (const read of compiled.reads)
      await bind(parts, session, {
        id: lakeId(parts.model, read.table),
        as: read.table,
        filters: read.filters,
        sql: compiled.sql,
      })
    return await session.query(compiled.sql, rowsMax === undefined ? {} : { rowsMax })
  } finally {
    await session.close()
  }
}

interface AskedText {
  readonly model: Model
  readonly sql: string
  /** Tables whose id stands anywhere in the text: more than it means at worst (in a comment), never less. */
  readonly named: readonly TableModel[]
  /** Those among them that no file declares. */
  readonly states: readonly Task[]
  /** What there could have been. */
  readonly ids: readonly string[]
}

async function readText({ model, tasks }: Parts, sql: string): Promise<AskedText> {
  const text = sql.toLowerCase().replaceAll('"', '')
  const words = new Set(
    text.match(/[a-z][a-z0-9_]*(?:\s*\.\s*[a-z][a-z0-9_]*)+/g)?.flatMap(prefixes),
  )
  const namesStates = [...words].some((word) => /^(?:state|indicator)\./.test(word))
  const stored = namesStates ? (await tasks()).filter(({ table }) => table.kind === 'states') : []
  return {
    model,
    sql,
    named: model.tables.filter((table) => words.has(table.id)),
    states: stored.filter(({ id }) => words.has(id)),
    ids: [...model.tables, ...stored].map(({ id }) => id),
  }
}

/** `act.purchase.amount` may be a column of `act.purchase`. */
function prefixes(name: string): readonly string[] {
  const parts = name.split('.').map((part) => part.trim())
  return [parts.slice(0, 2).join('.'), parts.slice(0, 3).join('.')]
}

interface Needed {
  readonly columns: (id: string) => readonly string[] | 'all'
  readonly filters: (id: string) => readonly ScanFilter[]
}

/** Binds the text on empty tables first: what it uses of a merged table decides which attributes are joined, and its bounds which files are opened. */
async function columnsNeeded(
  session: Session,
  { model, named, states, sql }: AskedText,
): Promise<Needed> {
  const tables = new Map(model.tables.map((table) => [table.id, table]))
  for (const table of named) await session.bindEmpty(table.id, visibleColumns(table, tables))
  for (const { id, columns } of states) await session.bindEmpty(id, columns)
  const { lineage, constructs } = await session.bind(sql)
  // A description names every column and uses none.
  const isDescription = constructs.some((construct) => construct.name === 'describe')
  const used = [...lineage.columns.flatMap((column) => column.sources), ...lineage.uses]
  return {
    columns: (id) =>
      isDescription
        ? 'all'
        : [...new Set(used.filter((use) => use.table === id).map((use) => use.column))],
    filters: (id) => (lineage.bounds ?? []).filter((bound) => bound.table === id),
  }
}

interface Reading {
  readonly id: string
  readonly as: string
  readonly filters: readonly ScanFilter[]
  /** The text that reads it, where that names all columns. */
  readonly sql?: string
}

/** Throws NOT_BUILT for a table that was never published: read as empty it would look like an answer. */
async function bind(parts: Parts, session: Session, reading: Reading): Promise<void> {
  const table = await parts.lake.table(reading.id)
  if (table?.current === undefined) {
    throw new MaruError('NOT_BUILT', `${reading.id} has never been built`, {
      hint: `maru run ${reading.id}`,
    })
  }
  const scan = await parts.lake.scan(table, { filters: reading.filters })
  await session.bindScan(
    reading.as,
    reading.sql === undefined ? scan : namedColumns(scan, reading.sql),
  )
}

/** Files that cannot hold the event stay closed; the engine leaves out the rest. */
async function bindEvent(parts: Parts, session: Session, table: RawEventModel): Promise<void> {
  const { events } = collectedTables
  const only = { column: 'event', lower: table.event, upper: table.event }
  await bind(parts, session, { id: events, as: events, filters: [only] })
  await session.bindView(table.id, rowsOf(parts.model, table).sql)
}

async function bindWide(
  parts: Parts,
  session: Session,
  wide: {
    readonly table: MergedModel
    readonly columns: readonly string[] | 'all'
    readonly filters: readonly ScanFilter[]
  },
): Promise<void> {
  const select = wideSelect(parts.model, wide.table.id, wide.columns)
  const own = new Set(storedColumns(wide.table).map((column) => column.name))
  await bind(parts, session, {
    id: wide.table.id,
    as: storedName(wide.table),
    filters: wide.filters.filter((filter) => own.has(filter.column)),
  })
  for (const id of tablesJoined(wide.table)) {
    if (select.includes(`join ${id} `)) await bind(parts, session, { id, as: id, filters: [] })
  }
  await session.bindView(wide.table.id, select)
}

function tablesJoined(table: MergedModel): ReadonlySet<string> {
  return new Set([
    ...table.attached.map((attached) => attached.table),
    ...table.versions.map((version) => version.group),
  ])
}

function lakeId(model: Model, name: string): string {
  return model.tables.find((table) => storedName(table) === name)?.id ?? name
}

/** An engine knows only what was bound; the model knows what there could have been. */
function explainFault(error: unknown, asked: AskedText): unknown {
  if (!isMaruError(error) || error.code !== 'SQL_BIND') return error
  const where = placeIn(asked.sql, bindErrorOffset(error))
  const place = where === undefined ? {} : { where }
  const table = /^there is no table (.*)$/.exec(error.message)?.[1] ?? longName(error, asked)
  if (table !== undefined) {
    const metric = asked.model.metrics.find((each) => each.id === table.toLowerCase())
    return new MaruError('MODEL_UNKNOWN_TABLE', `there is no table ${table}`, {
      hint:
        metric === undefined
          ? suggest(table, asked.ids)
          : `it is a metric, computed when asked: maru metric ${metric.name}`,
      ...place,
      cause: error,
    })
  }
  const hint = columnHint(error, columnsOf(asked))
  return new MaruError('SQL_BIND', error.message, {
    ...(hint === undefined ? {} : { hint }),
    ...place,
    cause: error,
  })
}

/** A name of three parts and more has a catalog for the engine, of which it speaks in words of its own. */
function longName(error: MaruError, { sql, ...asked }: AskedText): string | undefined {
  if (!/^Catalog "|NameListToString/.test(error.message)) return undefined
  const ids = new Set(asked.ids)
  const read = sql.matchAll(/\b(?:from|join)\s+([a-z]\w*(?:\.\w+){2,})/gi)
  return [...read].map(([, name]) => name!).find((name) => !ids.has(name.toLowerCase()))
}

function columnHint(error: MaruError, columns: ReadonlySet<string>): string | undefined {
  const column = /there is no column "([^"]*)"/.exec(error.message)?.[1]
  if (column !== undefined && error.hint?.startsWith('Did you mean') !== true)
    return suggest(column, columns)
  const [, field, reference] =
    /Cannot extract field '(\w+)' from expression "(\w+)"/.exec(error.message) ?? []
  const attribute = `${reference}__${field}`
  return columns.has(attribute) ? `its attribute is the column ${attribute}` : error.hint
}

function columnsOf(asked: AskedText): ReadonlySet<string> {
  const tables = new Map(asked.model.tables.map((table) => [table.id, table]))
  return new Set(
    [
      ...asked.named.flatMap((table) => visibleColumns(table, tables)),
      ...asked.states.flatMap(({ columns }) => columns),
    ].map((column) => column.name),
  )
}

function placeIn(sql: string, offset: number | undefined): Place | undefined {
  if (offset === undefined) return undefined
  const before = sql.slice(0, offset).split('\n')
  return { file: 'sql', line: before.length, column: before.at(-1)!.length + 1 }
}

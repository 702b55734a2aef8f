/**
 * PostgreSQL as a source. Each table is copied (COPY, as CSV) inside one snapshot of the database to parts in the given folder, and read from
 * there by the engine with strict casts. Texts are quoted and null is an unquoted \N, so '', '\N', quotes and line breaks come through as they are.
 */
import type pg from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import { mkdtemp, rm } from 'node:fs/promises'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { MaruError, assert } from '../../base/errors.ts'
import { suggest } from '../../base/nearest.ts'
import type { Session } from '../../engine/engine.ts'
import { typeText } from '../../model/column-type.ts'
import type { ColumnType, RawTableModel } from '../../model/model.ts'
import { declaredColumns } from '../source.ts'
import type { Source } from '../source.ts'
import { describeTable, describeTables, tableNames } from './postgres-catalog.ts'
import type { NativeColumn, NativeTable } from './postgres-catalog.ts'
import { PostgresSnapshot } from './postgres-snapshot.ts'
import type { PostgresAddress } from './postgres-snapshot.ts'
import { isReadableAs } from './postgres-types.ts'
import { PartWriter } from './text-parts.ts'
import type { TextPart } from './text-parts.ts'

const shape = { delimiter: ',', quote: '"' }
const nullText = '\\N'

/** Connects when first needed. All tables read through one open source are of one instant: that of the first use. */
export function openPostgresSource(address: PostgresAddress): Source {
  const snapshot = new PostgresSnapshot(address)
  return {
    // Whether an equal snapshot changes anything is seen when its rows are compared.
    detect: async () => ({ kind: 'whole', marks: new Map() }),
    read: async (table, _detection, into) => {
      const folder = await mkdtemp(path.join(into.folder, 'copy-'))
      try {
        const copied = await snapshot.use(
          async (client) =>
            await spool(client, {
              table,
              folder,
              reads: await readsOf(client, address.name, table),
            }),
          into.signal,
        )
        await readSpool(table, copied, { ...into, source: address.name })
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    },
    describe: () => snapshot.use((client) => describeTables(client)),
    close: () => snapshot.close(),
  }
}

interface Spooled {
  readonly parts: readonly TextPart[]
  /** As the server counted them. */
  readonly rows: number
}

async function readSpool(
  table: RawTableModel,
  copied: Spooled,
  into: { readonly session: Session; readonly name: string; readonly source: string },
): Promise<void> {
  const columns = declaredColumns(table)
  const origin = originOf(table)
  const label = `${origin.schema}.${origin.table} of "${into.source}"`
  const fields = columns.map((column) => column.field)
  await into.session.readFiles(into.name, {
    format: 'csv',
    files: copied.parts.map((part) => ({ path: part.path, label, fields, isSpool: true })),
    columns,
    csv: { ...shape, nulls: [nullText] },
  })
  const counted = await into.session.query(`select count(*) from ${into.name}`)
  const rows = Number(counted.rows[0]?.[0])
  assert(rows === copied.rows, `${label} sent ${copied.rows} rows, ${rows} were read`)
}

/** One column of the table as COPY writes it. */
interface ColumnRead {
  readonly expression: string
  readonly isQuoted: boolean
}

/** Throws when the table no longer has what the declaration says. */
async function readsOf(
  client: pg.Client,
  source: string,
  table: RawTableModel,
): Promise<readonly ColumnRead[]> {
  const origin = originOf(table)
  const native = await describeTable(client, origin.schema, origin.table)
  if (native === undefined) {
    const name = `${origin.schema}.${origin.table}`
    throw new MaruError(
      'SOURCE_MISSING',
      `the database "${source}" has no table ${name} (for ${table.id})`,
      {
        hint: `${suggest(name, await tableNames(client))} Correct the declaration, or write it anew: maru pull ${source} --replace`,
      },
    )
  }
  return declaredColumns(table).map((column) => readOf(column, native, { source, table }))
}

function readOf(
  column: { readonly field: string; readonly type: ColumnType },
  native: NativeTable,
  context: { readonly source: string; readonly table: RawTableModel },
): ColumnRead {
  const found = native.columns.find((candidate) => candidate.name === column.field)
  const place = `${native.schema}.${native.name}`
  const anew = `Correct the declaration of ${context.table.id}, or write it anew: maru pull ${context.source} --replace`
  if (found === undefined) {
    const near = suggest(
      column.field,
      native.columns.map((candidate) => candidate.name),
    )
    throw new MaruError(
      'SOURCE_CHANGED',
      `${place} of "${context.source}" has no column "${column.field}"`,
      { hint: `${near} ${anew}` },
    )
  }
  if (!isReadableAs(found.type, column.type)) {
    throw new MaruError(
      'SOURCE_CHANGED',
      `${place}.${found.name} of "${context.source}" is ${found.nativeType}, which cannot be read as the declared ${typeText(column.type)} without loss`,
      { hint: anew },
    )
  }
  return { expression: expressionOf(found, column.type), isQuoted: isQuoted(column.type) }
}

function expressionOf(column: NativeColumn, declared: ColumnType): string {
  const name = quoteName(column.name)
  // The elements' own texts, so that decimals and instants are not turned into JSON's numbers and forms.
  if (declared.kind === 'list') return `to_json(${name}::text[])`
  // char(n) comes padded with blanks that PostgreSQL itself does not count.
  return column.baseName === 'bpchar' ? `${name}::text` : name
}

function isQuoted(type: ColumnType): boolean {
  return type.kind === 'text' || type.kind === 'json' || type.kind === 'list'
}

async function spool(
  client: pg.Client,
  copy: {
    readonly table: RawTableModel
    readonly reads: readonly ColumnRead[]
    readonly folder: string
    readonly signal?: AbortSignal
  },
): Promise<Spooled> {
  const { schema, table } = originOf(copy.table)
  const columns = copy.reads.map((read, index) => `${read.expression} as c${index}`)
  const quoted = copy.reads.flatMap((read, index) => (read.isQuoted ? [`c${index}`] : []))
  const force = quoted.length === 0 ? '' : `, force_quote (${quoted.join(', ')})`
  const stream = client.query(
    copyTo(
      `copy (select ${columns.join(', ')} from ${quoteName(schema)}.${quoteName(table)}) to stdout (format csv, null '${nullText}'${force})`,
    ),
  )
  const writer = new PartWriter(path.join(copy.folder, 'table'), shape)
  try {
    await pipeline(stream, async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) await writer.write(chunk)
    })
    const parts = await writer.end()
    // The count comes with the end of the command, after that of the rows: any statement behind it waits for both.
    await client.query('select')
    return { parts, rows: stream.rowCount }
  } catch (error) {
    await writer.abandon()
    throw error
  }
}

function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function originOf(table: RawTableModel): Extract<RawTableModel['origin'], { kind: 'database' }> {
  if (table.origin.kind === 'database') return table.origin
  throw new MaruError('BUG', `${table.id} does not come from a database`, {
    hint: 'please report this',
  })
}

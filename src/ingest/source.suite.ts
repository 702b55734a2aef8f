/** What the tests of all sources share: a real session, raw tables written short, and the promises of the port. */
import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { it } from 'node:test'
import { formatError, isMaruError } from '../base/errors.ts'
import type { ErrorCode } from '../base/error-codes.ts'
import { openDuckdbEngine } from '../engine/duckdb/duckdb.ts'
import type { Session } from '../engine/engine.ts'
import type { ColumnType, RawOrigin, RawTableModel } from '../model/model.ts'
import type { Detection, Source } from './source.ts'

export interface Workbench {
  readonly session: Session
  /** For spools. */
  readonly folder: string
  /** Rows of one SELECT, each value as text. */
  texts(sql: string): Promise<readonly (readonly (string | null)[])[]>
  run(sql: string): Promise<void>
  close(): Promise<void>
}

export async function openWorkbench(zone = 'UTC'): Promise<Workbench> {
  const folder = await mkdtemp(path.join(tmpdir(), 'maru-source-'))
  const engine = await openDuckdbEngine()
  const session = await engine.open({ zone, temporaryFolder: folder })
  return {
    session,
    folder,
    texts: async (sql) =>
      (await session.query(`select columns(*)::varchar from (${sql})`)).rows as (string | null)[][],
    run: (sql) => session.run(sql),
    close: async () => {
      await engine.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export type ColumnTypes = Readonly<
  Record<string, ColumnType | Exclude<ColumnType['kind'], 'decimal' | 'list'>>
>

/** A raw table with these columns, and the one that Maru fills for files. */
export function rawTable(origin: RawOrigin, columns: ColumnTypes): RawTableModel {
  const column = (name: string, type: ColumnType): RawTableModel['columns'][number] => ({
    name,
    type,
    description: name,
    required: false,
    tags: [],
  })
  const declared = Object.entries(columns).map(([name, type]) =>
    column(name, typeof type === 'string' ? { kind: type } : type),
  )
  const filled = origin.kind === 'files' ? [column('source_file', { kind: 'text' })] : []
  return {
    kind: 'raw_table',
    id: 'raw.trial',
    class: 'raw',
    place: { file: 'raw/trial.ts' },
    owner: 'test',
    description: 'trial',
    columns: [...declared, ...filled],
    origin,
    key: [],
  }
}

/** Detects and reads the table anew as `incoming`. */
export async function readAll(
  source: Source,
  table: RawTableModel,
  bench: Workbench,
): Promise<Detection> {
  const detection = await source.detect(table, new Map())
  await source.read(table, detection, {
    session: bench.session,
    name: 'incoming',
    folder: bench.folder,
  })
  return detection
}

/** That the work fails with this code, that its line says all of these, and that it says what to do. Returns the line. */
export async function assertFails(
  work: Promise<unknown>,
  code: ErrorCode,
  ...says: readonly (string | RegExp)[]
): Promise<string> {
  const error: unknown = await work.then(
    () => assert.fail(`expected ${code}`),
    (reason: unknown) => reason,
  )
  const line = formatError(error)
  assert.ok(isMaruError(error) && error.code === code, `expected ${code}, got: ${line}`)
  assert.ok(error.hint !== undefined, `a hint in: ${line}`)
  for (const part of says)
    assert.ok(
      typeof part === 'string' ? line.includes(part) : part.test(line),
      `"${String(part)}" in: ${line}`,
    )
  return line
}

/** One source with a table of an integer `id` and a text `note` that holds `awkwardTexts`, in this order, ids from 1. */
export interface SourceWorld {
  readonly source: Source
  /** The table with these columns declared. */
  readonly table: (columns: ColumnTypes) => RawTableModel
  /** A table that the source does not have. */
  readonly missing: RawTableModel
}

export const awkwardTexts: readonly (string | null)[] = [
  'plain',
  '',
  null,
  '\\N',
  'NULL',
  '"',
  '""',
  'a "quoted" word',
  'line\nbreak',
  'line\r\nbreak',
  ',',
  'a,b\n"1","2"\n',
  ' blanks ',
  "it's",
  '\t',
  '\\',
  '한국어 🛍',
  '1',
  '\\.',
]

export function sourceSuite(open: () => SourceWorld): void {
  const withBench = async (
    work: (world: SourceWorld, bench: Workbench) => Promise<void>,
  ): Promise<void> => {
    const bench = await openWorkbench()
    try {
      await work(open(), bench)
    } finally {
      await bench.close()
    }
  }

  it('keeps every text as it is: empty and null, quotes, line breaks, what looks like null', () =>
    withBench(async ({ source, table }, bench) => {
      await readAll(source, table({ id: 'integer', note: 'text' }), bench)
      const rows = await bench.texts('select id, note from incoming order by id')
      assert.deepEqual(
        rows,
        awkwardTexts.map((note, index) => [String(index + 1), note]),
      )
    }))

  it('reads the columns that are declared, in any order', () =>
    withBench(async ({ source, table }, bench) => {
      await readAll(source, table({ note: 'text' }), bench)
      assert.deepEqual(await bench.texts('select count(note) from incoming'), [
        [String(awkwardTexts.length - 1)],
      ])
    }))

  it('loads nothing when one value is not what is declared, and says which and how many', () =>
    withBench(async ({ source, table }, bench) => {
      await assertFails(
        readAll(source, table({ id: 'integer', note: 'integer' }), bench),
        'SOURCE_BAD_ROW',
        '"note"',
        '"plain"',
        'an integer',
        `${awkwardTexts.length - 3} such rows`,
      )
      await assert.rejects(bench.texts('select * from incoming'), /there is no table/)
    }))

  it('names the nearest column when a declared one is gone', () =>
    withBench(async ({ source, table }, bench) => {
      await assertFails(
        readAll(source, table({ id: 'integer', notes: 'text' }), bench),
        'SOURCE_CHANGED',
        '"notes"',
        'Did you mean "note"?',
      )
    }))

  it('tells what is missing from what cannot be read', () =>
    withBench(async ({ source, missing }, bench) => {
      await assertFails(readAll(source, missing, bench), 'SOURCE_MISSING')
    }))

  it('stops when it is told to', () =>
    withBench(async ({ source, table }, bench) => {
      const declared = table({ id: 'integer', note: 'text' })
      const detection = await source.detect(declared, new Map())
      const signal = AbortSignal.abort(new Error('stop it'))
      await assert.rejects(
        source.read(declared, detection, {
          session: bench.session,
          name: 'incoming',
          folder: bench.folder,
          signal,
        }),
        /stop it/,
      )
    }))

  it('writes only into the folder that it is given', () =>
    withBench(async ({ source, table }, bench) => {
      // A place for temporary files of its own: others make theirs beside each other meanwhile.
      const temporary = await mkdtemp(path.join(tmpdir(), 'maru-source-alone-'))
      const usual = process.env['TMPDIR']
      process.env['TMPDIR'] = temporary
      try {
        await readAll(source, table({ id: 'integer', note: 'text' }), bench)
        assert.deepEqual(await readdir(temporary), [])
      } finally {
        if (usual === undefined) delete process.env['TMPDIR']
        else process.env['TMPDIR'] = usual
        await rm(temporary, { recursive: true })
      }
    }))
}

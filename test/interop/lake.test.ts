import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { nodeFiles } from '../../src/base/node-files.ts'
import { dayNumber } from '../../src/base/time.ts'
import { openDuckdbEngine } from '../../src/engine/duckdb/duckdb.ts'
import type { Engine, Session } from '../../src/engine/engine.ts'
import { openLake } from '../../src/lake/lake.ts'
import type {
  Change,
  Lake,
  PartitionSpec,
  ScanOptions,
  Table,
  TableDefinition,
} from '../../src/lake/lake.ts'
import type { ColumnType } from '../../src/model/model.ts'
import { openSqliteState } from '../../src/state/sqlite.ts'
import type { State } from '../../src/state/state.ts'
import { requirePart } from '../requirements.ts'
import { readScan, sorted, textsOf } from './texts.ts'
import type { Texts } from './texts.ts'

/** One table as it came out, and a question to ask of it. */
interface Case {
  readonly title: string
  readonly table: Table
  readonly columns: readonly string[]
  readonly rows: readonly Texts[]
  readonly snapshot?: string
  /** The same condition for the engines and for our own planning. */
  readonly filter?: string
  readonly scan?: ScanOptions
  /** What Spark says when it cannot read the table. */
  readonly sparkRefuses?: RegExp
}

interface Answer {
  readonly columns: readonly string[]
  readonly rows: readonly Texts[]
  readonly files?: number
  readonly error?: string
}

const column = (
  name: string,
  type: ColumnType['kind'] | ColumnType,
): TableDefinition['columns'][number] => ({
  name,
  type: typeof type === 'string' ? ({ kind: type } as ColumnType) : type,
  required: false,
  description: `the ${name}`,
})

const everyColumn = [
  column('id', 'integer'),
  column('name', 'text'),
  column('score', 'number'),
  column('flag', 'boolean'),
  column('happened_at', 'timestamp'),
  column('local_at', 'local_timestamp'),
  column('day', 'date'),
  column('uid', 'uuid'),
  column('raw', 'bytes'),
  column('note', 'json'),
  column('small', { kind: 'decimal', precision: 9, scale: 2 }),
  column('amount', { kind: 'decimal', precision: 18, scale: 3 }),
  column('large', { kind: 'decimal', precision: 38, scale: 6 }),
  column('tags', { kind: 'list', of: { kind: 'text' } }),
  column('numbers', { kind: 'list', of: { kind: 'integer' } }),
]

/** Rows of every type: nulls, both signs, the ends of ranges, texts longer than a bound. */
const everyRow = (from: number, to: number): string => `
  select i as id,
    case i % 7 when 0 then null when 1 then repeat('가방', 40) || i when 2 then '' else 'item ' || i end as name,
    case i % 11 when 0 then null when 1 then 'nan'::double when 2 then '-inf'::double else i / 8 end as score,
    case i % 3 when 0 then null else i % 2 = 0 end as flag,
    case i % 5 when 0 then null else make_timestamp(1294185600000000 + i * 7200000001)::timestamptz end as happened_at,
    case i % 5 when 1 then null else make_timestamp(-1294185600000000 + i * 3600000001) end as local_at,
    case i % 9 when 0 then null else date '2011-01-01' + (i % 4)::integer end as day,
    case i % 4 when 0 then null else ('00000000-0000-4000-8000-' || lpad(i::varchar, 12, '0'))::uuid end as uid,
    case i % 4 when 1 then null else encode('b' || i) end as raw,
    case i % 4 when 2 then null else '{"i": ' || i || '}' end as note,
    case i % 6 when 0 then null else (i - 20)::decimal(9, 2) / 4 end as small,
    case i % 6 when 1 then null else (i * 123456789.125 - 999)::decimal(18, 3) end as amount,
    case i % 6 when 2 then null else ((i - 20) * 10000000000000000000000000::decimal(38, 6)) end as large,
    case i % 4 when 3 then null when 0 then [] else ['a' || i, null, 'b'] end as tags,
    case i % 4 when 2 then null else [i, -i] end as numbers
  from range(${from}, ${to}) numbers(i)`

describe('tables that Maru writes', () => {
  let folder = ''
  let state: State
  let lake: Lake
  let engine: Engine
  let session: Session
  const cases: Case[] = []

  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'maru-interop-'))
    state = await openSqliteState({ path: path.join(folder, 'state.db'), files: nodeFiles })
    lake = openLake({
      folder: path.join(folder, 'a lake'),
      state,
      files: nodeFiles,
      rules: { manifestMergeCount: 3 },
    })
    engine = await openDuckdbEngine({ threads: 1 })
    session = await engine.open({ zone: 'Asia/Seoul' })
    await makeCases()
  })
  after(async () => {
    await engine.close()
    await state.close()
    await rm(folder, { recursive: true, force: true })
  })

  async function create(
    id: string,
    columns: TableDefinition['columns'],
    partition: PartitionSpec,
  ): Promise<Table> {
    return lake.create({ id, columns, partition })
  }

  async function commit(
    table: Table,
    sql: string,
    change: (append: Change & { kind: 'append' }) => Change = (append) => append,
  ): Promise<Table> {
    const dataFolder = await lake.dataFolder(table)
    const { schema, partition } = table
    const files = await session.stage({ sql, schema, partition, dataFolder })
    return lake.commit(table, change({ kind: 'append', files }))
  }

  async function addCase(
    title: string,
    table: Table,
    more: { sql: string } & Partial<Case>,
  ): Promise<void> {
    const { sql, ...rest } = more
    const columns = table.schema.fields.map((field) => field.name)
    cases.push({
      title,
      table,
      columns,
      rows: await textsOf(session, sql, table.schema.fields),
      ...rest,
    })
  }

  async function makeCases(): Promise<void> {
    await makeDayCases()
    await makeBucketCases()
    const whole = await create('raw.whole', everyColumn, { kind: 'none' })
    await addCase('a table without a snapshot', whole, { sql: `${everyRow(0, 0)}` })
    const sql = `select i as id, case i when 1 then null else time '23:59:59.999999' - to_microseconds(i * 1000001) end as opens_at from range(0, 4) numbers(i)`
    const opening = await commit(
      await create('raw.opening', [column('id', 'integer'), column('opens_at', 'time')], {
        kind: 'none',
      }),
      sql,
    )
    await addCase('a time of day', opening, { sql, sparkRefuses: /time/i })
    const emptied = await lake.commit(
      await commit(await create('raw.emptied', everyColumn, { kind: 'none' }), everyRow(0, 5)),
      { kind: 'overwrite', files: [] },
    )
    await addCase('a table that was emptied', emptied, { sql: everyRow(0, 0) })
    const filled = await commit(await commit(whole, everyRow(0, 30)), everyRow(30, 60))
    await addCase('a table that is not split', filled, { sql: everyRow(0, 60) })
    const bounded = {
      filter: 'amount > 4000000000',
      scan: { filters: [{ column: 'amount', lower: 4_000_000_000_000n }] },
    }
    await addCase('a decimal range', filled, {
      sql: `select * from (${everyRow(0, 60)}) where amount > 4000000000`,
      ...bounded,
    })
  }

  async function makeDayCases(): Promise<void> {
    let table = await create('act.every_type', everyColumn, { kind: 'day', column: 'day' })
    table = await commit(table, everyRow(0, 40))
    const first = table.current!.id
    table = await commit(table, everyRow(40, 80))
    await addCase('every type, split by day', table, { sql: everyRow(0, 80) })
    const third = {
      filter: `day = '2011-01-03'`,
      scan: {
        filters: [
          { column: 'day', lower: dayNumber('2011-01-03'), upper: dayNumber('2011-01-03') },
        ],
      },
    }
    await addCase('one day', table, {
      sql: `select * from (${everyRow(0, 80)}) where day = '2011-01-03'`,
      ...third,
    })
    await addCase('an unknown day', table, {
      sql: `select * from (${everyRow(0, 80)}) where day is null`,
      filter: 'day is null',
      scan: { partitions: new Set(['day=unknown']) },
    })
    await addCase('an earlier snapshot', table, { sql: everyRow(0, 40), snapshot: String(first) })
    const replacement = `select * replace (-id as id) from (${everyRow(0, 80)}) where day = '2011-01-02'`
    table = await commit(table, replacement, ({ files }) => ({
      kind: 'replace',
      partitions: new Set(['day=2011-01-02', 'day=2011-01-04']),
      files,
    }))
    const left = `select * from (${everyRow(0, 80)}) where day is null or day not in ('2011-01-02', '2011-01-04') union all ${replacement}`
    await addCase('after partitions were replaced', table, { sql: left })
    const wider = everyColumn.map((each) =>
      each.name === 'small' ? column('small', { kind: 'decimal', precision: 12, scale: 2 }) : each,
    )
    table = await lake.commit(table, {
      kind: 'schema',
      columns: [wider[0]!, column('grade', 'text'), ...wider.slice(1)],
    })
    table = await commit(table, `select *, 'gold' as grade from (${everyRow(80, 90)})`)
    const added = `select *, null as grade from (${left}) union all select *, 'gold' from (${everyRow(80, 90)})`
    await addCase('after a column was added and one widened', table, { sql: added })
    const scan = await lake.scan(table, { partitions: new Set(['day=2011-01-03']) })
    const removed = new Set(scan.files.map((file) => path.relative(table.folder, file.path)))
    table = await commit(
      table,
      `select * from (${added}) where day = '2011-01-03'`,
      ({ files }) => ({ kind: 'rewrite', removed, files }),
    )
    assert.ok(removed.size > 1)
    await addCase('after compaction', table, { sql: added })
  }

  async function makeBucketCases(): Promise<void> {
    for (const key of ['integer', 'text', 'uuid'] as const) {
      const columns = [column('id', key), column('country', 'text')]
      const value = {
        integer: 'i',
        text: `'member ' || i || ' 김'`,
        uuid: `('00000000-0000-4000-8000-' || lpad(i::varchar, 12, '0'))::uuid`,
      }[key]
      const sql = `select ${value} as id, 'c' || i % 3 as country from range(-20, 60) numbers(i) where ${key === 'uuid' ? 'i >= 0' : 'true'}`
      const table = await commit(
        await create(`obj.${key}_key`, columns, { kind: 'bucket', column: 'id', count: 4 }),
        sql,
      )
      await addCase(`split by a bucket of ${key}`, table, { sql })
      const one = {
        integer: 17n,
        text: 'member 17 김',
        uuid: '00000000-0000-4000-8000-000000000017',
      }[key]
      const literal = key === 'integer' ? '17' : `'${one}'`
      await addCase(`one key of ${key}`, table, {
        sql: `select * from (${sql}) where id::varchar = ${key === 'integer' ? `'17'` : literal}`,
        filter: `id = ${literal}`,
        scan: { filters: [{ column: 'id', lower: one, upper: one }] },
      })
    }
  }

  const jobs = (): string =>
    JSON.stringify(
      cases.map(({ table, snapshot, filter }) => ({
        metadata: path.join(lake.folder, table.metadata),
        snapshot,
        filter,
      })),
    )

  function check(answers: readonly Answer[], engine: 'pyiceberg' | 'spark'): void {
    assert.equal(answers.length, cases.length)
    for (const [index, { title, columns, rows, sparkRefuses }] of cases.entries()) {
      const answer = answers[index]!
      if (engine === 'spark' && sparkRefuses !== undefined) {
        assert.match(answer.error ?? '', sparkRefuses, title)
        continue
      }
      assert.equal(answer.error, undefined, title)
      assert.deepEqual(answer.columns, columns, title)
      assert.deepEqual(inOneForm(answer.rows, columns), inOneForm(rows, columns), title)
    }
  }

  it('are read by Maru with the rows that were written', async () => {
    for (const { title, table, snapshot, scan, filter, rows } of cases) {
      const planned = await lake.scan(table, {
        ...scan,
        ...(snapshot === undefined ? {} : { snapshotId: BigInt(snapshot) }),
      })
      const read = await readScan(session, planned)
      if (filter === undefined) assert.deepEqual(read, rows, title)
      else
        for (const row of rows)
          assert.ok(
            read.some((other) => JSON.stringify(other) === JSON.stringify(row)),
            title,
          )
    }
  })

  const pyiceberg = requirePart('pyiceberg')
  it(
    'are read by PyIceberg with the same rows and as few files',
    { skip: pyiceberg.skip },
    async () => {
      assert.ok(pyiceberg.skip === false)
      const answers = JSON.parse(
        await run(pyiceberg.program, ['read_pyiceberg.py'], jobs()),
      ) as Answer[]
      check(answers, 'pyiceberg')
      for (const [index, { title, table, scan, filter }] of cases.entries()) {
        if (filter === undefined) continue
        const ours = (await lake.scan(table, scan)).files.length
        assert.ok(
          ours <= answers[index]!.files!,
          `${title}: ${ours} files, PyIceberg ${answers[index]!.files}`,
        )
        assert.ok(ours < (await lake.scan(table)).files.length, title)
      }
    },
  )

  const spark = requirePart('spark')
  it(
    'are read by Spark, by the path of the metadata file, with the same rows',
    { skip: spark.skip, timeout: 180_000 },
    async () => {
      assert.ok(spark.skip === false)
      const output = path.join(folder, 'spark.json')
      await run(spark.program, ['read_spark.py', output, spark.files[2]!], jobs())
      check(JSON.parse(await readFile(output, 'utf8')) as Answer[], 'spark')
    },
  )
})

/** Doubles print differently (`1e+20`, `1.0`); as numbers they are one. */
function inOneForm(rows: readonly Texts[], columns: readonly string[]): Texts[] {
  const doubles = columns.indexOf('score')
  const oneForm = (text: string | null, index: number): string | null =>
    text === null || index !== doubles ? text : String(Number(text.replace('inf', 'Infinity')))
  return sorted(rows.map((row) => row.map(oneForm)))
}

async function run(program: string, args: readonly string[], input: string): Promise<string> {
  const child = execFile(program, [...args], {
    cwd: import.meta.dirname,
    maxBuffer: 1e8,
    timeout: 170_000,
  })
  const finished = Promise.withResolvers<string>()
  const texts = { out: '', error: '' }
  child.stdout!.on('data', (text: string) => (texts.out += text))
  child.stderr!.on('data', (text: string) => (texts.error += text))
  child.on('error', finished.reject)
  child.on('close', (code) =>
    code === 0 ? finished.resolve(texts.out) : finished.reject(new Error(texts.error.slice(-4000))),
  )
  child.stdin!.end(input)
  return finished.promise
}

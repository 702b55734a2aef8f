/** What every engine promises, as tests. */
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import fc from 'fast-check'
import { isMaruError } from '../base/errors.ts'
import { dayOfNumber, localDay } from '../base/time.ts'
import { bucketOf } from '../lake/lake.ts'
import type { Bound, DataFile, Field, PartitionSpec, Scan, Schema } from '../lake/lake.ts'
import type { ColumnType } from '../model/model.ts'
import {
  addFingerprints,
  bindErrorOffset,
  subtractFingerprints,
  type Engine,
  type Session,
  type Value,
} from './engine.ts'

const integer: ColumnType = { kind: 'integer' }
const text: ColumnType = { kind: 'text' }
const timestamp: ColumnType = { kind: 'timestamp' }

/** A table as it was committed: only what an engine looks at is meaningful. */
function scanOf(
  folder: string,
  fields: readonly Field[],
  files: readonly Pick<DataFile, 'path' | 'partition' | 'rows' | 'sizeBytes'>[],
): Scan {
  const schema: Schema = { id: 0, fields }
  return {
    table: {
      id: 'act.purchase',
      uuid: '',
      folder,
      metadata: '',
      schema,
      partition: { kind: 'none' },
      properties: {},
      current: undefined,
      snapshots: [],
    },
    schema,
    files: files.map((file) => ({ ...file, path: join(folder, file.path) })),
    filesTotal: files.length,
  }
}

function fieldsOf(types: Readonly<Record<string, ColumnType>>): Field[] {
  return Object.entries(types).map(([name, type], index) => ({
    id: index + 1,
    name,
    type,
    required: false,
    ...(type.kind === 'list' ? { elementId: 100 + index } : {}),
  }))
}

async function failure(work: Promise<unknown>): Promise<{
  readonly code: string
  readonly message: string
  readonly hint: string | undefined
  readonly offset: number | undefined
}> {
  try {
    await work
  } catch (error) {
    ok(isMaruError(error), `not an error of Maru: ${String(error)}`)
    return {
      code: error.code,
      message: error.message,
      hint: error.hint,
      offset: bindErrorOffset(error),
    }
  }
  throw new Error('it should have failed')
}

export function describeEngine(adapter: string, openEngine: () => Promise<Engine>): void {
  describe(`Engine on ${adapter}`, () => {
    let engine: Engine
    let session: Session
    let folder: string

    before(async () => {
      engine = await openEngine()
    })
    after(() => engine.close())
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'maru-engine-'))
      session = await engine.open({ zone: 'Asia/Seoul', temporaryFolder: folder })
    })
    afterEach(async () => {
      await session.close()
      await rm(folder, { recursive: true, force: true })
    })

    const rowsOf = async (sql: string): Promise<readonly (readonly Value[])[]> =>
      (await session.query(sql)).rows
    const valueOf = async (expression: string): Promise<Value> =>
      (await rowsOf(`select ${expression}`))[0]![0]!
    const stage = async (
      sql: string,
      fields: readonly Field[],
      options: { readonly partition?: PartitionSpec; readonly sort?: readonly string[] } = {},
    ): Promise<readonly DataFile[]> => {
      const dataFolder = join(folder, 'data')
      await mkdir(dataFolder, { recursive: true })
      return await session.stage({
        sql,
        schema: { id: 0, fields },
        partition: options.partition ?? { kind: 'none' },
        dataFolder,
        ...(options.sort === undefined ? {} : { sort: options.sort }),
      })
    }

    it('gives null for a division by zero, never infinity', async () => {
      deepEqual(await rowsOf('select 1 / 0, 1.0 / 0, cast(-1 as double) / 0, 5 % 0'), [
        [null, null, null, null],
      ])
    })

    describe('names', () => {
      it('finds tables by ids of two and three parts and names of one', async () => {
        await session.bindEmpty('act.purchase', [{ name: 'id', type: integer }])
        await session.bindEmpty('raw.shop.orders', [{ name: 'id', type: integer }])
        await session.bindView('obj_attr.member.habit', 'select 7 as id')
        await session.bindView('made', 'select orders.id from raw.shop.orders')
        deepEqual(
          await rowsOf(
            'select count(*), count(purchase.id), count(orders.id) from act.purchase join raw.shop.orders on purchase.id = orders.id',
          ),
          [[0, 0, 0]],
        )
        deepEqual(
          await rowsOf('select habit.id, (select count(*) from made) from obj_attr.member.habit'),
          [[7, 0]],
        )
      })

      it('takes a class that it has not seen before', async () => {
        await session.bindView('inside.one', 'select 1 as x')
        deepEqual(await rowsOf('select x from inside.one'), [[1]])
      })

      it('binds a name again with another shape, and forgets it', async () => {
        await session.bindEmpty('act.purchase', [{ name: 'id', type: integer }])
        await session.bindView('act.purchase', 'select 1 as a')
        await session.bindView('act.purchase', 'select 2 as b')
        await session.bindEmpty('act.purchase', [{ name: 'c', type: text }])
        deepEqual((await session.query('select * from act.purchase')).columns, [
          { name: 'c', type: text },
        ])
        await session.unbind('act.purchase')
        await session.unbind('act.purchase')
        equal((await failure(session.query('select * from act.purchase'))).code, 'SQL_BIND')
      })

      it('keeps what one session binds from the others', async () => {
        await session.bindView('act.purchase', 'select 1 as id')
        const other = await engine.open({ zone: 'UTC' })
        equal((await failure(other.query('select * from act.purchase'))).code, 'SQL_BIND')
        await other.close()
      })

      it('keeps the session usable after a view that does not bind', async () => {
        const error = await failure(session.bindView('act.purchase', 'select nothing from nowhere'))
        equal(error.code, 'SQL_BIND')
        deepEqual(await rowsOf('select 1'), [[1]])
      })
    })

    describe('query', () => {
      const cases: readonly (readonly [
        expression: string,
        type: ColumnType['kind'],
        value: Value,
      ])[] = [
        ["'가'", 'text', '가'],
        ['1', 'integer', 1],
        ['9007199254740991', 'integer', 9_007_199_254_740_991],
        ['9007199254740993', 'integer', 9_007_199_254_740_993n],
        ['-9223372036854775808', 'integer', -9_223_372_036_854_775_808n],
        ['1.50::decimal(18,2)', 'decimal', '1.50'],
        ['-0.05::decimal(4,2)', 'decimal', '-0.05'],
        [
          '12345678901234567890123456789012345.678::decimal(38,3)',
          'decimal',
          '12345678901234567890123456789012345.678',
        ],
        ['7::decimal(9,0)', 'decimal', '7'],
        ['(select sum(x) from range(3) as r(x))', 'decimal', '3'],
        ['1.5::double', 'number', 1.5],
        ["'nan'::double", 'number', Number.NaN],
        ["'-infinity'::double", 'number', Number.NEGATIVE_INFINITY],
        ['true', 'boolean', true],
        ["timestamptz '2011-01-03 17:26:00+09'", 'timestamp', '2011-01-03T08:26:00Z'],
        ["timestamptz '2011-01-03 08:26:00.000001+00'", 'timestamp', '2011-01-03T08:26:00.000001Z'],
        ["timestamptz '1960-12-31 23:59:59.5+00'", 'timestamp', '1960-12-31T23:59:59.500000Z'],
        ["timestamp '2011-01-03 08:26:00'", 'local_timestamp', '2011-01-03T08:26:00'],
        ["date '2011-01-03'", 'date', '2011-01-03'],
        ["date '0001-01-01'", 'date', '0001-01-01'],
        ["time '10:05:00'", 'time', '10:05:00'],
        [
          "uuid 'F79C3E09-677C-4BBD-A479-3F349CB785E7'",
          'uuid',
          'f79c3e09-677c-4bbd-a479-3f349cb785e7',
        ],
        ["'\\xAA\\x0F'::blob", 'bytes', 'aa0f'],
        [`'{"a": 1}'::json`, 'json', '{"a": 1}'],
        ['[1, null, 3]', 'list', [1, null, 3]],
        ['[[1.50::decimal(4,2)]]', 'list', [['1.50']]],
        ['null', 'integer', null],
        ['null::timestamptz', 'timestamp', null],
        ["interval '3 days'", 'text', '3 days'],
        ["{a: 1, b: [date '2011-01-03']}", 'json', '{"a":1,"b":["2011-01-03"]}'],
        ["map {'a': 1.5}", 'json', '[["a","1.5"]]'],
        ["'a'::enum('a', 'b')", 'text', 'a'],
        ['18446744073709551615::ubigint', 'decimal', '18446744073709551615'],
        ["timestamptz 'infinity'", 'timestamp', 'infinity'],
      ]
      for (const [expression, kind, value] of cases) {
        it(`gives ${expression} as ${kind}`, async () => {
          const result = await session.query(`select ${expression} as v`)
          equal(result.columns[0]!.type.kind, kind)
          deepEqual(result.rows, [[value]])
        })
      }

      it('casts between texts, days and instants in the zone of the session', async () => {
        equal(await valueOf("timestamptz '2011-01-03 23:30:00+00'::date"), '2011-01-04')
        equal(await valueOf("'2011-01-03 09:00:00'::timestamptz"), '2011-01-03T00:00:00Z')
      })

      it('cuts at rowsMax and says so', async () => {
        const cut = await session.query('select x from range(10000) as r(x) order by x', {
          rowsMax: 3000,
        })
        equal(cut.rows.length, 3000)
        equal(cut.truncated, true)
        deepEqual(cut.rows.at(-1), [2999])
        const whole = await session.query('select x from range(3000) as r(x)', { rowsMax: 3000 })
        deepEqual([whole.rows.length, whole.truncated], [3000, false])
        deepEqual((await session.query('select 1', { rowsMax: 0 })).truncated, true)
      })

      it('gives numbers as arrays and takes them back, more than one piece of them', async () => {
        const rows = 5_000
        const [numbers, shares] = [new Uint32Array(rows), new Float64Array(rows)]
        const halves = new Uint32Array(rows * 2)
        let at = 0
        await session.readNumbers(
          `select cast(n as uinteger), n / 8.0::double, cast(n as ubigint) * 4294967296 + 7 from range(${rows}) as numbers(n) order by n`,
          ([first, second, third], count) => {
            numbers.set(first!.subarray(0, count), at)
            shares.set(second!.subarray(0, count), at)
            halves.set(third!.subarray(0, count * 2), at * 2)
            at += count
          },
        )
        equal(at, rows)
        deepEqual(
          [numbers[4_999], shares[4_999], halves[9_998], halves[9_999]],
          [4_999, 624.875, 7, 4_999],
        )
        await session.run('create temp table taken (n uinteger, small usmallint, share double)')
        await session.appendNumbers('taken', [numbers, Uint16Array.from(numbers), shares])
        deepEqual(
          await rowsOf(
            'select count(*), cast(sum(n) as bigint), max(small), sum(share) from taken',
          ),
          [[rows, 12_497_500, 4_999, 1_562_187.5]],
        )
      })

      it('takes rows as they are, more than one piece of them', async () => {
        await session.bindEmpty('spool', [
          { name: 'id', type: text },
          { name: 'at', type: integer },
        ])
        const columns = ['id', 'at']
        const odd = ['', 'a\0b\0', '\ud800 half', `quotes ' " \\`, '한국어', '\0']
        await session.appendRows('spool', columns, [
          ...odd.map((id, at) => ({ id, at })),
          { id: null, at: null },
          { at: Number.MAX_SAFE_INTEGER },
        ])
        const many = Array.from({ length: 5_000 }, (_, at) => ({ id: `row ${at}`, at: -at }))
        await session.appendRows('spool', columns, many)
        const kept = await rowsOf('select id from spool where "at" between 1 and 5 order by "at"')
        deepEqual(
          kept.flat(),
          odd.slice(1).map((id) => id.toWellFormed()),
        )
        deepEqual(
          await rowsOf(
            `select count(*), count(id), min("at"), max("at"), count(*) filter (id = '') from spool`,
          ),
          [[5_008, 5_006, -4_999, Number.MAX_SAFE_INTEGER, 1]],
        )
      })

      it('hashes equal values alike, and unknown too', async () => {
        const hash = (sql: string): string => session.hashExpression(sql)
        deepEqual(
          await rowsOf(
            `select ${hash("'ab'")} = ${hash("'a' || 'b'")}, ${hash("'ab'")} = ${hash("'ba'")}, ${hash('cast(null as bigint)')} is null`,
          ),
          [[true, false, false]],
        )
      })

      it('refuses anything but one SELECT', async () => {
        await session.bindEmpty('act.purchase', [{ name: 'id', type: integer }])
        for (const sql of [
          'drop table act.purchase',
          'select 1; select 2',
          "set TimeZone = 'UTC'",
          '',
          "copy (select 1) to 'x.csv'",
        ]) {
          const error = await failure(session.query(sql))
          equal(error.code, 'SQL_BIND', sql)
        }
        deepEqual(await rowsOf('select count(*) from act.purchase'), [[0]])
      })

      it('stops when the signal aborts, and goes on with the next statement', async () => {
        const controller = new AbortController()
        const running = session.query(
          'select count(*) from range(1000000000) as a(x), range(1000000) as b(y) where (x * y) % 7 = 3',
          { signal: controller.signal },
        )
        setTimeout(() => controller.abort(new Error('enough')), 50)
        await rejects(running, /enough/)
        await rejects(session.query('select 1', { signal: controller.signal }), /enough/)
        deepEqual(await rowsOf('select 1'), [[1]])
      })

      it('runs statements that are started together one after another', async () => {
        const made = session.run('create temp table made as select 1 as x')
        const read = session.query('select x from made')
        const dropped = session.run('drop table made')
        await Promise.all([made, read, dropped])
        deepEqual((await read).rows, [[1]])
      })
    })

    describe('failures', () => {
      it('tells memory apart', async () => {
        const small = await engine.open({
          zone: 'UTC',
          memoryLimitBytes: 20_000_000,
          threads: 1,
          temporaryFolder: folder,
        })
        const error = await failure(
          small.query(
            "select length(string_agg(md5(x::varchar), ',')) from range(2000000) as r(x)",
          ),
        )
        equal(error.code, 'ENGINE_MEMORY')
        await small.close()
      })

      it(
        'tells a full disk apart',
        { skip: process.platform !== 'linux' && 'needs /dev/full' },
        async () => {
          const error = await failure(
            session.run("copy (select x from range(1000000) as r(x)) to '/dev/full' (format csv)"),
          )
          equal(error.code, 'DISK_FULL')
        },
      )

      it('tells values that do not fit apart from SQL that does not bind', async () => {
        equal(
          (await failure(session.query("select x::integer from (values ('1'), ('x')) as v(x)")))
            .code,
          'ENGINE_FAILED',
        )
        equal((await failure(session.query('select 1 +'))).code, 'SQL_BIND')
      })

      it('says which data file is damaged', async () => {
        await session.bindView('act.purchase', 'select 1 as id').catch(() => undefined)
        const scan = scanOf(folder, fieldsOf({ id: integer }), [
          { path: 'gone.parquet', partition: '', rows: 1, sizeBytes: 1 },
        ])
        const error = await failure(
          session
            .bindScan('act.purchase', scan)
            .then(() => session.query('select * from act.purchase')),
        )
        equal(error.code, 'LAKE_CORRUPT')
        ok(error.message.includes('gone.parquet'))
      })
    })

    describe('bind', () => {
      beforeEach(async () => {
        await session.bindEmpty('act.purchase', [
          { name: 'id', type: integer },
          { name: 'occurred_at', type: timestamp },
          { name: 'member', type: integer },
          { name: 'amount', type: { kind: 'decimal', precision: 18, scale: 2 } },
        ])
        await session.bindEmpty('raw.shop.orders', [{ name: 'id', type: integer }])
      })

      it('gives names, types and tables without running anything', async () => {
        const binding = await session.bind(
          'with x as (select * from act.purchase) select member, sum(amount) as spent, error(member::varchar)::varchar as never from x join raw.shop.orders o using (id) group by all',
        )
        deepEqual(binding.columns, [
          { name: 'member', type: integer },
          { name: 'spent', type: { kind: 'decimal', precision: 38, scale: 2 } },
          { name: 'never', type: text },
        ])
        deepEqual(binding.tables, ['act.purchase', 'raw.shop.orders'])
      })

      it('counts the place of a fault in characters', async () => {
        const cases: readonly (readonly [sql: string, fault: string])[] = [
          ["select '한글 이름 🙂', nothing from act.purchase", 'nothing'],
          ["select '한글' from act.purchas", 'act.purchas'],
          ["select '한글', sum(occurred_at) from act.purchase", 'sum'],
          ["select '한글' frm x", 'x'],
        ]
        for (const [sql, fault] of cases) {
          for (const error of [
            await failure(session.bind(sql)),
            await failure(session.query(sql)),
          ]) {
            equal(error.code, 'SQL_BIND')
            equal(error.offset, sql.indexOf(fault), sql)
          }
        }
      })

      it('names the nearest table and column', async () => {
        equal(
          (await failure(session.bind('select 1 from act.purchas'))).hint,
          'Did you mean "act.purchase"?',
        )
        equal(
          (await failure(session.bind('select amuont from act.purchase'))).hint,
          'Did you mean "amount"?',
        )
      })

      it('refuses anything but one SELECT', async () => {
        for (const sql of [
          'drop table act.purchase',
          'select 1; select 2',
          'create table act.other as select 1',
        ]) {
          equal((await failure(session.bind(sql))).code, 'SQL_BIND')
        }
      })
    })

    describe('stage', () => {
      const day: PartitionSpec = { kind: 'day', column: 'day' }

      it('writes nothing for no rows', async () => {
        const fields = fieldsOf({ id: integer, day: { kind: 'date' } })
        const nothing = "select 1 as id, date '2011-01-03' as day where false"
        deepEqual(await stage(nothing, fields), [])
        deepEqual(await stage(nothing, fields, { partition: day }), [])
        deepEqual(await readdir(join(folder, 'data')), [])
      })

      it('splits rows by day, unknown days apart, and tells where they are', async () => {
        const fields = fieldsOf({ id: integer, day: { kind: 'date' } })
        const files = await stage(
          "select * from (values (1, date '2011-01-05'), (2, date '2011-01-05'), (3, null), (4, date '2011-01-06')) as v(id, day)",
          fields,
          { partition: day },
        )
        deepEqual(files.map((file) => `${file.partition} ${file.rows}`).toSorted(), [
          'day=2011-01-05 2',
          'day=2011-01-06 1',
          'day=unknown 1',
        ])
        const known = files.find((file) => file.partition === 'day=2011-01-05')!
        ok(/^data\/day=2011-01-05\/[0-9a-f-]{36}\.parquet$/.test(known.path), known.path)
        await session.bindScan('act.purchase', scanOf(folder, fields, files))
        deepEqual(await rowsOf('select id, day from act.purchase order by id'), [
          [1, '2011-01-05'],
          [2, '2011-01-05'],
          [3, null],
          [4, '2011-01-06'],
        ])
      })

      it('splits rows by the bucket of the key and keeps the bucket out of the file', async () => {
        const fields = fieldsOf({ id: integer, name: text })
        const partition: PartitionSpec = { kind: 'bucket', column: 'id', count: 4 }
        const files = await stage(
          "select x as id, 'm' || x as name from range(100) as r(x)",
          fields,
          { partition, sort: ['id'] },
        )
        ok(files.length === 4)
        for (const file of files) {
          await session.bindScan('obj.member', scanOf(folder, fields, [file]))
          const rows = await rowsOf('select * from obj.member')
          equal(rows.length, file.rows)
          for (const [id, ...others] of rows) {
            equal(`bucket=${bucketOf(BigInt(Number(id)), integer, 4)}`, file.partition)
            equal(others.length, 1)
          }
        }
      })

      it('appends to a folder that holds files', async () => {
        const fields = fieldsOf({ id: integer })
        const first = await stage('select 1 as id', fields)
        const second = await stage('select 2 as id', fields)
        await session.bindScan('act.purchase', scanOf(folder, fields, [...first, ...second]))
        deepEqual(await rowsOf('select id from act.purchase order by id'), [[1], [2]])
      })

      it('writes two years of days at once, one file a day when rows are few', async () => {
        const fields = fieldsOf({ id: integer, occurred_at: timestamp, day: { kind: 'date' } })
        const sql = `select x as id, timestamptz '2011-01-01 00:00:00+09' + to_minutes(((x * 7919) % 1051200)::integer) as occurred_at, occurred_at::date as day
          from range(100000) as r(x)`
        const files = await stage(sql, fields, { partition: day, sort: ['occurred_at'] })
        equal(new Set(files.map((file) => file.partition)).size, 730)
        ok(files.length < 760, `${files.length} files`)
        equal(
          files.reduce((sum, file) => sum + file.rows, 0),
          100_000,
        )
      })

      it('keeps local days of both clock changes of London', async () => {
        const london = await engine.open({ zone: 'Europe/London' })
        const fields = fieldsOf({ instant: timestamp, day: { kind: 'date' } })
        const dataFolder = join(folder, 'data')
        await mkdir(dataFolder)
        const files = await london.stage({
          sql: `select instant, instant::date as day from (values (timestamptz '2011-03-26 23:59:59+00'), (timestamptz '2011-03-27 00:30:00+00'), (timestamptz '2011-03-27 22:59:59.999999+00'),
            (timestamptz '2011-03-27 23:00:00+00'), (timestamptz '2011-10-29 23:00:00+00'), (timestamptz '2011-10-30 23:59:59+00'), (timestamptz '2011-10-31 00:00:00+00')) as v(instant)`,
          schema: { id: 0, fields },
          partition: day,
          dataFolder,
        })
        for (const file of files) {
          const { lower, upper } = file.columns.get(1)!
          for (const bound of [lower, upper])
            equal(`day=${localDay(bound as bigint, 'Europe/London')}`, file.partition)
        }
        equal(files.length, 5)
        await london.close()
      })

      it('finds columns by field id: renamed, widened, added and dropped ones', async () => {
        const old = fieldsOf({
          id: integer,
          price: { kind: 'decimal', precision: 9, scale: 2 },
          gone: text,
          tags: { kind: 'list', of: text },
        })
        const files = await stage(
          "select 1 as id, 1.50 as price, 'x' as gone, ['a', null] as tags",
          old,
        )
        const fields: Field[] = [
          { ...old[3]!, name: 'labels' },
          {
            id: 2,
            name: 'amount',
            type: { kind: 'decimal', precision: 18, scale: 2 },
            required: false,
          },
          { id: 1, name: 'id', type: integer, required: false },
          { id: 50, name: 'gone', type: timestamp, required: false },
          {
            id: 51,
            name: 'more',
            type: { kind: 'list', of: integer },
            elementId: 52,
            required: false,
          },
        ]
        await session.bindScan('act.purchase', scanOf(folder, fields, files))
        const result = await session.query('select * from act.purchase')
        deepEqual(
          result.columns,
          fields.map(({ name, type }) => ({ name, type })),
        )
        deepEqual(result.rows, [[['a', null], '1.50', 1, null, null]])
        await session.bindScan('act.purchase', scanOf(folder, fields, []))
        deepEqual(await session.query('select * from act.purchase'), {
          columns: result.columns,
          rows: [],
          truncated: false,
        })
      })
    })

    describe('statistics', () => {
      const types: Readonly<Record<string, ColumnType>> = {
        integer_column: integer,
        text_column: text,
        number_column: { kind: 'number' },
        decimal_column: { kind: 'decimal', precision: 18, scale: 3 },
        wide_column: { kind: 'decimal', precision: 38, scale: 0 },
        boolean_column: { kind: 'boolean' },
        timestamp_column: timestamp,
        local_column: { kind: 'local_timestamp' },
        date_column: { kind: 'date' },
        time_column: { kind: 'time' },
        json_column: { kind: 'json' },
      }
      const fields = fieldsOf({
        ...types,
        uuid_column: { kind: 'uuid' },
        bytes_column: { kind: 'bytes' },
        list_column: { kind: 'list', of: text },
      })
      const idOf = (name: string): number => fields.find((field) => field.name === name)!.id

      it('gives bounds in numbers of Iceberg, and none where none compare', async () => {
        const [file] = await stage(
          `select 7 as integer_column, 'a' as text_column, -1.5 as number_column, 12.345 as decimal_column, 3 as wide_column, true as boolean_column,
          timestamptz '1900-01-01 00:00:00.000001+00' as timestamp_column, timestamp '2011-01-03 08:26:00' as local_column, date '1969-12-31' as date_column,
          time '00:00:01' as time_column, '{}' as json_column, uuid '00000000-0000-0000-0000-000000000001' as uuid_column, 'x'::blob as bytes_column, ['a', null] as list_column`,
          fields,
        )
        const lower = (name: string): Bound | undefined => file!.columns.get(idOf(name))!.lower
        equal(lower('integer_column'), 7n)
        equal(lower('number_column'), -1.5)
        equal(lower('decimal_column'), 12_345n)
        equal(lower('wide_column'), 3n)
        equal(lower('boolean_column'), true)
        equal(lower('timestamp_column'), -2_208_988_799_999_999n)
        equal(lower('local_column'), 1_294_043_160_000_000n)
        equal(lower('date_column'), -1)
        equal(lower('time_column'), 1_000_000n)
        equal(lower('text_column'), 'a')
        for (const name of ['uuid_column', 'bytes_column']) equal(lower(name), undefined)
        const element = file!.columns.get(fields.at(-1)!.elementId!)!
        deepEqual([element.valueCount, element.nullCount, element.lower], [2, 1, undefined])
        ok(file!.sizeBytes > 0 && file!.columns.get(1)!.sizeBytes > 0)
      })

      it('gives no bounds beside NaN, and orders the zeros', async () => {
        const number = fieldsOf({ x: { kind: 'number' } })
        const [withNan] = await stage(
          "select x from (values (1.0::double), ('nan'::double)) as v(x)",
          number,
        )
        equal(withNan!.columns.get(1)!.lower, undefined)
        const [zeros] = await stage('select 0.0::double as x', number)
        ok(Object.is(zeros!.columns.get(1)!.lower, -0))
        const [negative] = await stage('select -0.0::double as x', number)
        ok(Object.is(negative!.columns.get(1)!.upper, 0))
      })

      it('gives no bounds for instants that are not on the calendar', async () => {
        const [file] = await stage(
          "select instant from (values (timestamptz 'infinity'), (timestamptz '2011-01-03 00:00:00+00')) as v(instant)",
          fieldsOf({ instant: timestamp }),
        )
        equal(file!.columns.get(1)!.upper, undefined)
      })

      it('holds every value between the bounds and counts nulls, whatever the rows', async () => {
        const literal: Readonly<Record<string, fc.Arbitrary<string>>> = {
          integer_column: fc
            .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
            .map((value) => `(${value})::bigint`),
          text_column: fc
            .string({ unit: 'grapheme', maxLength: 60 })
            .map((value) => quoted(value.replaceAll('\0', ''))),
          number_column: fc
            .double({ noNaN: true, noDefaultInfinity: true })
            .map((value) => `'${value}'::double`),
          decimal_column: fc
            .bigInt({ min: -(10n ** 17n), max: 10n ** 17n })
            .map(
              (value) =>
                `${value / 1000n}.${String(value < 0n ? -value % 1000n : value % 1000n).padStart(3, '0')}::decimal(18,3)`,
            ),
          wide_column: fc
            .bigInt({ min: -(10n ** 37n), max: 10n ** 37n })
            .map((value) => `'${value}'::decimal(38,0)`),
          boolean_column: fc.boolean().map(String),
          timestamp_column: fc
            .bigInt({ min: -60_000_000_000_000_000n, max: 200_000_000_000_000_000n })
            .map((value) => `make_timestamptz(${value})`),
          local_column: fc
            .bigInt({ min: -60_000_000_000_000_000n, max: 200_000_000_000_000_000n })
            .map((value) => `make_timestamp(${value})`),
          date_column: fc
            .integer({ min: -700_000, max: 2_000_000 })
            .map((value) => `date '${dayOfNumber(0)}' + (${value})::integer`),
          time_column: fc
            .integer({ min: 0, max: 86_399_999 })
            .map((value) => `time '00:00:00' + to_milliseconds(${value})`),
          json_column: fc.jsonValue().map((value) => quoted(JSON.stringify(value))),
        }
        const numberOf: Readonly<Record<string, string>> = {
          timestamp_column: 'epoch_us(timestamp_column)',
          local_column: 'epoch_us(local_column)',
          date_column: `datediff('day', date '1970-01-01', date_column)`,
          time_column: 'epoch_us(time_column)',
          decimal_column: '(decimal_column::decimal(38,3) * 1000)::decimal(38,0)',
        }
        const names = Object.keys(types)
        const used = fieldsOf(types)
        const row = fc.tuple(
          ...names.map((name) => fc.option(literal[name]!, { nil: 'null', freq: 4 })),
        )
        await fc.assert(
          fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 12 }), async (rows) => {
            const sql = `select ${names.map((name, index) => `c${index}::${castName(types[name]!)} as ${name}`).join(', ')} from (values ${rows.map((each) => `(${each.join(', ')})`).join(', ')}) as v(${names.map((_name, index) => `c${index}`).join(', ')})`
            const [file] = await stage(sql, used)
            await session.bindScan('act.purchase', scanOf(folder, used, [file!]))
            const read = await rowsOf(
              `select ${names.map((name) => numberOf[name] ?? name).join(', ')} from act.purchase`,
            )
            equal(read.length, rows.length)
            deepEqual(
              (await session.query(`select * from act.purchase`)).rows,
              (await session.query(sql)).rows.map((each) => [...each]),
            )
            for (const index of names.keys()) {
              const statistics = file!.columns.get(index + 1)!
              equal(statistics.valueCount, rows.length)
              equal(statistics.nullCount, read.filter((each) => each[index] === null).length)
              for (const each of read)
                checkBetween(each[index]!, statistics.lower, statistics.upper)
            }
          }),
          { seed: 20_111, numRuns: 25 },
        )
      })
    })

    describe('buckets', () => {
      const hash = async (expression: string, type: ColumnType): Promise<Value> =>
        await valueOf(session.bucketExpression(expression, type, 2_147_483_647))
      it("follows Iceberg's rule on its own examples", async () => {
        const positive = (value: number): number => (value & 0x7f_ff_ff_ff) % 2_147_483_647
        equal(await hash('34', integer), positive(2_017_239_379))
        equal(await hash("'iceberg'", text), positive(1_210_000_089))
        equal(
          await hash("uuid 'f79c3e09-677c-4bbd-a479-3f349cb785e7'", { kind: 'uuid' }),
          positive(1_488_055_340),
        )
        equal(await hash("date '2017-11-16'", { kind: 'date' }), positive(-653_330_422))
        equal(
          await hash("timestamp '2017-11-16 22:31:08'", { kind: 'local_timestamp' }),
          positive(-2_047_944_441),
        )
        equal(
          await hash("timestamptz '2017-11-16 14:31:08-08'", timestamp),
          positive(-2_047_944_441),
        )
        equal(await hash("time '22:31:08'", { kind: 'time' }), positive(-662_762_989))
        equal(await hash('null', integer), null)
        equal(await hash('null', text), null)
      })

      it('agrees with the lake on any key', async () => {
        const check = async (
          type: ColumnType,
          values: readonly Bound[],
          written: (value: Bound) => string,
        ): Promise<void> => {
          const rows = await rowsOf(
            `select ${session.bucketExpression('x', type, 13)} from (values ${values.map((value, index) => `(${index}, ${written(value)})`).join(', ')}) as v(n, x) order by n`,
          )
          deepEqual(
            rows.map(([bucket]) => bucket),
            values.map((value) => bucketOf(value, type, 13)),
          )
        }
        const integers = fc.sample(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), {
          seed: 1,
          numRuns: 300,
        })
        await check(integer, integers, (value) => `(${String(value)})::bigint`)
        const texts = fc
          .sample(fc.string({ unit: 'binary', maxLength: 40 }), { seed: 2, numRuns: 300 })
          .map((value) => value.replaceAll('\0', ''))
        await check(text, [...texts, 'x'.repeat(5000), '가'.repeat(3000)], (value) =>
          quoted(String(value)),
        )
        const ids = fc.sample(fc.uuid(), { seed: 3, numRuns: 100 })
        await check({ kind: 'uuid' }, ids, (value) => `uuid '${String(value)}'`)
      })
    })

    describe('fingerprint', () => {
      const none: PartitionSpec = { kind: 'none' }
      const of = async (
        sql: string,
        columns: readonly string[] = ['a', 'b'],
        partition: PartitionSpec = none,
      ): ReturnType<Session['fingerprint']> => await session.fingerprint(sql, columns, partition)
      const single = async (values: string): Promise<string> =>
        (await of(`select * from (values ${values}) as v(a, b)`)).get('')!.fingerprint

      it('does not depend on the order of rows or on how they are made', async () => {
        const first = await single("(1, 'x'), (2, 'y'), (2, 'y')")
        equal(first, await single("(2, 'y'), (1, 'x'), (2, 'y')"))
        equal(
          first,
          (
            await of(
              "select 2 as a, 'y' as b union all select a, b from (select 1 as a, 'x' as b union all select 2, 'y') order by 1 desc",
            )
          ).get('')!.fingerprint,
        )
        ok(/^[0-9a-f]{32}$/.test(first))
      })

      it('adds up: of all rows it is the sum of those of their parts', async () => {
        const parts = await Promise.all(
          ["(1, 'x'), (2, 'y')", "(2, 'y')", "(null, 'z')"].map(single),
        )
        equal(
          parts.reduce(addFingerprints),
          await single("(1, 'x'), (2, 'y'), (2, 'y'), (null, 'z')"),
        )
        equal(
          subtractFingerprints(parts.reduce(addFingerprints), parts[0]!),
          await single("(2, 'y'), (null, 'z')"),
        )
      })

      it('differs when a value, a null, a column or the number of a row differs', async () => {
        const variants = await Promise.all(
          [
            "(1, 'x')",
            "(1, 'y')",
            '(1, null)',
            "(null, 'x')",
            "(1, 'x'), (1, 'x')",
            "(1, ''), (1, 'x')",
            "(0, 'x')",
            "(1, 'x'), (null, null)",
          ].map(single),
        )
        equal(new Set(variants).size, variants.length)
        const swapped = [
          await single('(1, 2)'),
          await single('(2, 1)'),
          await single('(1, 1), (2, 2)'),
          await single('(1, 2), (2, 1)'),
        ]
        equal(new Set(swapped).size, swapped.length)
      })

      it('is the same for rows read back as for the rows that were staged', async () => {
        const fields = fieldsOf({
          a: integer,
          b: { kind: 'decimal', precision: 18, scale: 2 },
          day: { kind: 'date' },
          tags: { kind: 'list', of: text },
        })
        const sql =
          "select x::integer as a, (x * 1.5)::decimal(18,2) as b, date '2011-01-01' + (x % 5)::integer as day, ['t' || x] as tags from range(2000) as r(x)"
        const partition: PartitionSpec = { kind: 'day', column: 'day' }
        const files = await stage(sql, fields, { partition })
        await session.bindScan('act.purchase', scanOf(folder, fields, files.toReversed()))
        const made = await of(sql, ['a', 'b', 'day', 'tags'], partition)
        deepEqual(
          await of('select * from act.purchase', ['a', 'b', 'day', 'tags'], partition),
          made,
        )
        deepEqual([...made.keys()].toSorted(), [
          'day=2011-01-01',
          'day=2011-01-02',
          'day=2011-01-03',
          'day=2011-01-04',
          'day=2011-01-05',
        ])
        equal(made.get('day=2011-01-01')!.rows, 400)
      })

      it('keys partitions as staging does', async () => {
        const fields = fieldsOf({ a: text })
        const partition: PartitionSpec = { kind: 'bucket', column: 'a', count: 3 }
        const sql = "select 'k' || x as a from range(50) as r(x)"
        const files = await stage(sql, fields, { partition })
        deepEqual(
          [...(await of(sql, ['a'], partition)).keys()].toSorted(),
          files.map((file) => file.partition).toSorted(),
        )
        deepEqual(
          [
            ...(
              await of('select null::date as day, 1 as a', ['a'], { kind: 'day', column: 'day' })
            ).keys(),
          ],
          ['day=unknown'],
        )
        deepEqual([...(await of('select 1 as a where false', ['a'])).keys()], [])
      })
    })

    it('refuses statements after it is closed', async () => {
      const closed = await engine.open({ zone: 'UTC' })
      await closed.close()
      await closed.close()
      equal((await failure(closed.query('select 1'))).code, 'BUG')
    })

    it('reads and writes no file outside the folders that it is kept to', async () => {
      const outside = join(folder, 'outside.csv')
      await writeFile(outside, 'a\n1\n')
      const kept = await engine.open({ zone: 'UTC', readFolders: [join(folder, 'lake')] })
      for (const text of [
        `select * from ${quoted(outside)}`,
        `select content from read_text(${quoted(outside)})`,
        `select * from glob(${quoted(join(folder, '*'))})`,
      ]) {
        const refusal = await failure(kept.query(text))
        equal(refusal.code, 'SQL_BIND')
        match(refusal.message, /may not read the file/)
      }
      await failure(kept.run('set enable_external_access = true'))
      await failure(kept.run(`copy (select 1) to ${quoted(join(folder, 'written.csv'))}`))
      ok(!(await readdir(folder)).includes('written.csv'))
      await kept.close()
    })

    it('gives its folder back when it closes', async () => {
      const spill = join(folder, 'spill')
      await mkdir(spill)
      const small = await engine.open({
        zone: 'UTC',
        memoryLimitBytes: 60_000_000,
        threads: 1,
        temporaryFolder: spill,
      })
      await small.query(
        'select count(*) from (select x, md5(x::varchar) as h from range(1500000) as r(x) order by h)',
      )
      await small.close()
      deepEqual(await readdir(spill), [])
      equal(dirname(spill), folder)
    })
  })
}

function quoted(value: string): string {
  return `'${value.replaceAll("'", "''")}'`
}

function castName(type: ColumnType): string {
  const names = {
    text: 'varchar',
    json: 'varchar',
    integer: 'bigint',
    number: 'double',
    timestamp: 'timestamptz',
    local_timestamp: 'timestamp',
  } as const
  if (type.kind === 'decimal') return `decimal(${type.precision}, ${type.scale})`
  return type.kind in names ? names[type.kind as keyof typeof names] : type.kind
}

/** Texts compare as UTF-8 bytes, all else as numbers. */
function checkBetween(value: Value, lower: Bound | undefined, upper: Bound | undefined): void {
  if (value === null) return
  ok(lower !== undefined && upper !== undefined, `bounds for ${String(value)}`)
  if (typeof lower === 'string') {
    ok(Buffer.compare(Buffer.from(String(value)), Buffer.from(lower)) >= 0)
    ok(Buffer.compare(Buffer.from(String(value)), Buffer.from(String(upper))) <= 0)
  } else if (typeof lower === 'bigint') {
    ok(
      BigInt(String(value)) >= lower && BigInt(String(value)) <= BigInt(upper),
      `${String(value)} between ${lower} and ${String(upper)}`,
    )
  } else ok(Number(value) >= Number(lower) && Number(value) <= Number(upper))
}

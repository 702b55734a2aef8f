import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { startPostgres } from '../../../test/postgres.ts'
import type { TestPostgres } from '../../../test/postgres.ts'
import { formatError } from '../../base/errors.ts'
import {
  assertFails,
  awkwardTexts,
  openWorkbench,
  rawTable,
  readAll,
  sourceSuite,
} from '../source.suite.ts'
import type { ColumnTypes, Workbench } from '../source.suite.ts'
import type { Source } from '../source.ts'
import { openPostgresSource } from './postgres.ts'

let server: TestPostgres
let url: string

const literal = (text: string | null): string =>
  text === null ? 'null' : `'${text.replaceAll("'", "''")}'`

/** Every kind of column, its type here, and values with what must come out (null: refused; absent second: the same). */
const everyType: readonly (readonly [
  string,
  string,
  ColumnTypes[string],
  readonly (readonly [string, string?])[],
])[] = [
  ['small', 'smallint', 'integer', [['-32768'], ['32767']]],
  ['int', 'integer', 'integer', [['-2147483648'], ['2147483647']]],
  ['big', 'bigint', 'integer', [['-9223372036854775808'], ['9223372036854775807']]],
  [
    'money12',
    'numeric(12, 2)',
    { kind: 'decimal', precision: 12, scale: 2 },
    [['9999999999.99'], ['-0.01']],
  ],
  [
    'wide',
    'numeric(38, 10)',
    { kind: 'decimal', precision: 38, scale: 10 },
    [['1234567890123456789012345678.0123456789']],
  ],
  ['hundreds', 'numeric(3, -2)', { kind: 'decimal', precision: 5, scale: 0 }, [['12345', '12300']]],
  ['tiny', 'numeric(2, 5)', { kind: 'decimal', precision: 5, scale: 5 }, [['0.00012', '.00012']]],
  [
    'free',
    'numeric',
    { kind: 'decimal', precision: 38, scale: 9 },
    [['1.5', '1.500000000'], ['12345678901234567890123456789.123456789']],
  ],
  ['huge', 'numeric(50, 20)', 'text', [['123456789012345678901234567890.12345678901234567890']]],
  ['real', 'real', 'number', [['0.1'], ['1e10', '10000000000.0']]],
  [
    'double',
    'double precision',
    'number',
    [
      ['0.1'],
      ['1.7976931348623157e308', '1.7976931348623157e+308'],
      ['NaN', 'nan'],
      ['-Infinity', '-inf'],
    ],
  ],
  ['flag', 'boolean', 'boolean', [['true'], ['false']]],
  ['body', 'text', 'text', awkwardTexts.filter((text) => text !== null).map((text) => [text])],
  ['name20', 'varchar(20)', 'text', [['x'], ['']]],
  [
    'code',
    'char(5)',
    'text',
    [
      ['KR', 'KR'],
      ['  ', ''],
    ],
  ],
  [
    'moment',
    'timestamptz',
    'timestamp',
    [
      ['0001-01-01 00:00:00+00'],
      ['2011-03-27 01:30:00.123456+09', '2011-03-26 16:30:00.123456+00'],
      ['9999-12-31 23:59:59.999999+00'],
      ['1900-01-01 00:00:00+00'],
    ],
  ],
  [
    'wall',
    'timestamp',
    'local_timestamp',
    [['2011-03-27 01:30:00'], ['0001-01-01 00:00:00'], ['2011-03-27 01:30:00.5']],
  ],
  ['rounded', 'timestamptz(0)', 'timestamp', [['2011-03-27 01:30:00+00']]],
  ['day_of', 'date', 'date', [['0001-01-01'], ['9999-12-31'], ['2011-02-28']]],
  ['clock', 'time', 'time', [['00:00:00'], ['23:59:59.999999']]],
  ['clock_zone', 'timetz', 'text', [['10:00:00+09']]],
  ['uid', 'uuid', 'uuid', [['0190a0c0-0000-7000-8000-000000000000']]],
  [
    'raw_bytes',
    'bytea',
    'bytes',
    [
      ['\\x', ''],
      ['\\x00ff41', '\\x00\\xFFA'],
    ],
  ],
  ['doc', 'json', 'json', [['{"a" : 1.10}'], ['"text"'], ['null']]],
  [
    'docb',
    'jsonb',
    'json',
    [
      [
        '{"a": 12345678901234567890.123, "b": ["한", null, "\\""]}',
        '{"a": 12345678901234567890.123, "b": ["한", null, "\\""]}',
      ],
    ],
  ],
  ['state', 'order_state', 'text', [['placed'], ["it's"]]],
  ['email', 'email', 'text', [['a@b']]],
  ['price', 'price', { kind: 'decimal', precision: 10, scale: 2 }, [['12.50']]],
  [
    'ints',
    'integer[]',
    { kind: 'list', of: { kind: 'integer' } },
    [
      ['{1,2,NULL}', '[1, 2, NULL]'],
      ['{}', '[]'],
    ],
  ],
  [
    'words',
    'text[]',
    { kind: 'list', of: { kind: 'text' } },
    [['{"a,b","",NULL,"NULL","q\\"q","[["}', null!]],
  ],
  [
    'moneys',
    'numeric(20, 2)[]',
    { kind: 'list', of: { kind: 'decimal', precision: 20, scale: 2 } },
    [['{123456789012345678.01,NULL}', '[123456789012345678.01, NULL]']],
  ],
  [
    'times',
    'timestamptz[]',
    { kind: 'list', of: { kind: 'timestamp' } },
    [['{"2011-03-27 01:30:00+09"}', "['2011-03-26 16:30:00+00']"]],
  ],
  ['states', 'order_state[]', { kind: 'list', of: { kind: 'text' } }, [['{placed}', '[placed]']]],
  ['address', 'inet', 'text', [['10.0.0.1'], ['10.0.0.0/8']]],
  ['span', 'interval', 'text', [['1 year 2 days 3 hours', 'P1Y2DT3H']]],
  ['spot', 'point', 'text', [['(1,2)']]],
  ['during', 'int4range', 'text', [['[1,5)']]],
  ['object_id', 'oid', 'integer', [['4294967295']]],
]

const schemaSql = `
create type order_state as enum ('placed', 'it''s');
create domain email as text check (value like '%@%');
create domain price as numeric(10, 2);
create table every_type (id integer primary key, ${everyType.map(([name, native]) => `${name} ${native}`).join(', ')});
${everyType.map(([name, , , values], type) => values.map(([value], index) => `insert into every_type (id, ${name}) values (${type * 100 + index}, ${literal(value)});`).join('\n')).join('\n')}
create table walls as select id, wall, big from every_type where wall > '2000-01-01';
create table awkward (id integer, note text);
${awkwardTexts.map((text, index) => `insert into awkward values (${index + 1}, ${literal(text)});`).join('\n')}
create schema "Odd Schema";
create table "Odd Schema"."Odd ""Table""" ("Select" integer, "a b" text);
insert into "Odd Schema"."Odd ""Table""" values (1, 'x');
create table empty (id integer);
create table trouble (id integer, free numeric, moment timestamptz, wall timestamp, day_of date, clock time, grid integer[]);
create table counted as select n as id, 'row number ' || n as note from generate_series(1, 300000) n;
create role reader login password 'reader'; grant select on counted to reader;
`

before(async () => {
  server = await startPostgres()
  url = await server.createDatabase('shop', schemaSql)
})
after(() => server.stop())

function table(
  columns: ColumnTypes,
  name: string,
  names: Readonly<Record<string, string>> = {},
): ReturnType<typeof rawTable> {
  const [schema, relation] = name.includes('.')
    ? (name.split('.') as [string, string])
    : ['public', name]
  return rawTable({ kind: 'database', source: 'shop', schema, table: relation, names }, columns)
}

async function withSource(
  work: (source: Source, bench: Workbench) => Promise<void>,
  zone?: string,
): Promise<void> {
  const bench = await openWorkbench(zone)
  const source = openPostgresSource({ name: 'shop', url })
  try {
    await work(source, bench)
  } finally {
    await source.close()
    await bench.close()
  }
}

describe('PostgreSQL as a source', () => {
  let source: Source
  before(() => {
    source = openPostgresSource({ name: 'shop', url })
  })
  after(() => source.close())
  sourceSuite(() => ({
    source,
    table: (columns) => table(columns, 'awkward'),
    missing: table({ id: 'integer' }, 'awkwards'),
  }))
})

describe('types of PostgreSQL', () => {
  it('are described exactly', () =>
    withSource(async (source) => {
      const described = (await source.describe()).find(
        (candidate) => candidate.name === 'every_type',
      )!
      const types = new Map(described.columns.map((column) => [column.name, column.type]))
      for (const [name, , type] of everyType)
        assert.deepEqual(types.get(name), typeof type === 'string' ? { kind: type } : type, name)
      assert.deepEqual(described.key, ['id'])
    }))

  it('keep every value', () =>
    withSource(async (source, bench) => {
      const columns = Object.fromEntries(everyType.map(([name, , type]) => [name, type]))
      await readAll(source, table({ id: 'integer', ...columns }, 'every_type'), bench)
      for (const [index, [name, native, , values]] of everyType.entries()) {
        const rows = await bench.texts(
          `select ${name} from incoming where id between ${index * 100} and ${index * 100 + 99} order by id`,
        )
        if (name === 'words') continue
        assert.deepEqual(
          rows.map((row) => row[0]),
          values.map(([value, expected]) => expected ?? value),
          `${name} ${native}`,
        )
        const others = await bench.texts(
          `select count(${name}) from incoming where id not between ${index * 100} and ${index * 100 + 99}`,
        )
        assert.deepEqual(others, [['0']], `${name} is null elsewhere`)
      }
      const words = await bench.texts(`select unnest(words) from incoming where words is not null`)
      assert.deepEqual(
        words.map((row) => row[0]),
        ['a,b', '', null, 'NULL', 'q"q', '[['],
      )
    }))

  it('may be read as text, and wall clocks as instants of the zone', () =>
    withSource(async (source, bench) => {
      await readAll(
        source,
        table({ id: 'integer', wall: 'timestamp', big: 'text' }, 'walls'),
        bench,
      )
      assert.deepEqual(
        await bench.texts(
          `select wall from incoming where wall > '2000-01-01' order by id limit 1`,
        ),
        [['2011-03-27 01:30:00+09']],
      )
    }, 'Asia/Seoul'))

  it('are refused when a declared type would lose something', () =>
    withSource(async (source, bench) => {
      const cases: ColumnTypes = {
        money12: { kind: 'decimal', precision: 12, scale: 1 },
        big: 'boolean',
        moment: 'date',
        wide: 'number',
        ints: { kind: 'list', of: { kind: 'uuid' } },
      }
      for (const [name, type] of Object.entries(cases)) {
        await assertFails(
          readAll(source, table({ [name]: type }, 'every_type'), bench),
          'SOURCE_CHANGED',
          `public.every_type.${name}`,
          'maru pull shop',
        )
      }
      await readAll(
        source,
        table(
          { id: 'integer', money12: { kind: 'decimal', precision: 18, scale: 4 } },
          'every_type',
        ),
        bench,
      )
    }))

  const troubles: readonly (readonly [string, string, ColumnTypes[string]])[] = [
    ['free', '1.1234567891', { kind: 'decimal', precision: 38, scale: 9 }],
    ['free', 'NaN', { kind: 'decimal', precision: 38, scale: 9 }],
    ['free', 'Infinity', { kind: 'decimal', precision: 38, scale: 9 }],
    ['moment', 'infinity', 'timestamp'],
    ['moment', '0044-03-15 00:00:00+00 BC', 'timestamp'],
    ['moment', '10000-01-01 00:00:00+00', 'timestamp'],
    ['wall', '-infinity', 'local_timestamp'],
    ['day_of', 'infinity', 'date'],
    ['clock', '24:00:00', 'time'],
    ['grid', '{{1,2},{3,4}}', { kind: 'list', of: { kind: 'integer' } }],
  ]
  for (const [name, value, type] of troubles) {
    it(`refuse ${name} ${value} and say how many rows are so; as text it is kept`, async () => {
      await server.run(
        'shop',
        `truncate trouble; insert into trouble (id, ${name}) values (1, null), (2, '${value}'), (3, '${value}')`,
      )
      await withSource(async (source, bench) => {
        const line = await assertFails(
          readAll(source, table({ id: 'integer', [name]: type }, 'trouble'), bench),
          'SOURCE_BAD_ROW',
          'public.trouble of "shop"',
          `"${name}"`,
          '2 such rows',
          'as text',
        )
        assert.ok(!/ line \d/.test(line.replace('SOURCE', '')), line)
        await readAll(source, table({ id: 'integer', [name]: 'text' }, 'trouble'), bench)
        assert.deepEqual(await bench.texts(`select count(${name}) from incoming`), [['2']])
      })
    })
  }

  it('give back every text that was written (property)', () =>
    withSource(async (_source, bench) => {
      const field = fc
        .oneof(fc.string({ unit: 'grapheme' }), fc.stringMatching(/^["\n\r,\\N{}[\] a]*$/))
        .filter((text) => !text.includes('\0') && text.isWellFormed())
      const rows = fc.sample(
        fc.tuple(fc.option(field), fc.array(fc.option(field), { maxLength: 4 })),
        { seed: 7, numRuns: 400 },
      )
      const array = (texts: readonly (string | null)[]): string =>
        texts.length === 0 ? `'{}'` : `array[${texts.map(literal).join(', ')}]::text[]`
      await server.run(
        'shop',
        `create table any_text (id integer, a text, b text[]); insert into any_text values ${rows.map(([a, b], index) => `(${index}, ${literal(a)}, ${array(b)})`).join(', ')}`,
      )
      const source = openPostgresSource({ name: 'shop', url })
      await readAll(
        source,
        table({ id: 'integer', a: 'text', b: { kind: 'list', of: { kind: 'text' } } }, 'any_text'),
        bench,
      )
      await source.close()
      assert.deepEqual(
        await bench.texts('select a from incoming order by id'),
        rows.map(([a]) => [a]),
      )
      const elements = await bench.texts('select id, unnest(b) from incoming order by id')
      assert.deepEqual(
        elements,
        rows.flatMap(([, b], index) => b.map((text) => [String(index), text])),
      )
    }))
})

describe('a snapshot of PostgreSQL', () => {
  it('is of one instant for all tables of one open source, on every connection', () =>
    withSource(async (source, bench) => {
      await server.run(
        'shop',
        'create table left_side (n integer); create table right_side (n integer)',
      )
      await readAll(source, table({ n: 'integer' }, 'left_side'), bench)
      await server.run(
        'shop',
        'insert into left_side values (1); insert into right_side values (1)',
      )
      const benches = [await openWorkbench(), await openWorkbench(), await openWorkbench()]
      await Promise.all(
        benches.map((other, index) =>
          readAll(source, table({ n: 'integer' }, index === 1 ? 'left_side' : 'right_side'), other),
        ),
      )
      for (const other of benches) {
        assert.deepEqual(await other.texts('select count(*) from incoming'), [['0']])
        await other.close()
      }
      const again = openPostgresSource({ name: 'shop', url })
      await readAll(again, table({ n: 'integer' }, 'right_side'), bench)
      assert.deepEqual(await bench.texts('select count(*) from incoming'), [['1']])
      await again.close()
    }))

  it('goes on after a table that failed, and reads empty and oddly named tables', () =>
    withSource(async (source, bench) => {
      await assertFails(
        readAll(source, table({ id: 'integer' }, 'nothing_there'), bench),
        'SOURCE_MISSING',
        'public.nothing_there',
      )
      await readAll(source, table({ id: 'integer' }, 'empty'), bench)
      assert.deepEqual(await bench.texts('select count(*) from incoming'), [['0']])
      const names = { select_value: 'Select', a_b: 'a b' }
      await readAll(
        source,
        table({ select_value: 'integer', a_b: 'text' }, 'Odd Schema.Odd "Table"', names),
        bench,
      )
      assert.deepEqual(await bench.texts('select * from incoming'), [['1', 'x']])
    }))
})

describe('a PostgreSQL that cannot be reached', () => {
  const silent = (line: string): void =>
    assert.ok(!line.includes(server.password) && !line.includes('secret'), line)

  it('is told apart from what is wrong in it, without the password', async () => {
    const port = new URL(url).port
    for (const [wrong, says] of [
      [url.replace(`:${port}/`, ':1/'), 'cannot be reached'],
      [url.replace(server.password, 'secret-wrong'), 'refuses'],
      [url.replace('/shop', '/no_such'), 'refuses'],
      ['postgres://postgres:secret@no-such-host.invalid/shop', 'cannot be reached'],
    ] as const) {
      const source = openPostgresSource({ name: 'shop', url: wrong })
      silent(await assertFails(source.describe(), 'SOURCE_UNREACHABLE', says, '"shop"'))
      await source.close()
    }
    assert.throws(
      () => openPostgresSource({ name: 'shop', url: 'postgres//secret' }),
      (error) => (silent(formatError(error)), /PROJECT_CONFIG/.test(formatError(error))),
    )
  })

  it('says who may not read what', async () => {
    const bench = await openWorkbench()
    const source = openPostgresSource({
      name: 'shop',
      url: url.replace(`postgres:${server.password}`, 'reader:reader'),
    })
    await assertFails(
      readAll(source, table({ id: 'integer' }, 'empty'), bench),
      'SOURCE_UNREACHABLE',
      'permission denied',
      'grant',
    )
    await readAll(source, table({ id: 'integer' }, 'counted'), bench)
    await source.close()
    await bench.close()
  })

  it('leaves nothing when the connection is cut in the middle of a copy, and fails what comes after', () =>
    withSource(async (source, bench) => {
      const signal = AbortSignal.timeout(20_000)
      const declared = table({ id: 'integer', note: 'text' }, 'slow')
      await server.run(
        'shop',
        `create view slow as select id, note || case when id % 100000 = 0 then pg_sleep(1)::text else '' end as note from counted`,
      )
      const reading = readAll(source, declared, bench)
      const cut = async (): Promise<void> => {
        while (!signal.aborted) {
          const [row] = await server.texts(
            'shop',
            `select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = 'maru' and query like 'copy%' and state = 'active'`,
          )
          if (row?.[0] !== '0') return
        }
      }
      const [line] = await Promise.all([
        assertFails(reading, 'SOURCE_UNREACHABLE', '"shop"', 'run again'),
        cut(),
      ])
      silent(line)
      assert.deepEqual(await readdir(bench.folder), [])
      await assert.rejects(bench.texts('select * from incoming'), /there is no table/)
      await assertFails(
        readAll(source, table({ id: 'integer' }, 'counted'), bench),
        'SOURCE_UNREACHABLE',
        'lost',
      )
    }))

  it('stops in the middle of a copy when told to', () =>
    withSource(async (source, bench) => {
      const stop = new AbortController()
      const declared = table({ id: 'integer', note: 'text' }, 'slow')
      setTimeout(() => stop.abort(new Error('stop it')), 300)
      const reading = source.read(
        declared,
        { kind: 'whole', marks: new Map() },
        { session: bench.session, name: 'incoming', folder: bench.folder, signal: stop.signal },
      )
      await assert.rejects(reading, /stop it/)
      assert.deepEqual(await readdir(bench.folder), [])
    }))
})

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import type { CsvOptions } from '../../model/model.ts'
import {
  assertFails,
  awkwardTexts,
  openWorkbench,
  rawTable,
  readAll,
  sourceSuite,
} from '../source.suite.ts'
import type { ColumnTypes, Workbench } from '../source.suite.ts'
import type { Detection } from '../source.ts'
import { openFileSource } from './files.ts'
import { PartWriter } from './text-parts.ts'

let folder: string
let bench: Workbench
const dataFolder =
  process.env['MARU_DATA'] ?? path.resolve(import.meta.dirname, '../../../../shared/data')

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'maru-files-'))
})
after(() => rm(folder, { recursive: true, force: true }))
beforeEach(async () => {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder)
  bench = await openWorkbench('Asia/Seoul')
})
afterEach(() => bench.close())

const byFirst = (left: readonly (string | null)[], right: readonly (string | null)[]): number =>
  Number(left[0]) - Number(right[0])
const source = (): ReturnType<typeof openFileSource> => openFileSource({ projectFolder: folder })
const put = (name: string, content: string | Uint8Array): Promise<void> =>
  writeFile(path.join(folder, name), content)

function csv(
  columns: ColumnTypes,
  options: CsvOptions = {},
  globs: readonly string[] = ['*.csv*'],
): ReturnType<typeof rawTable> {
  return rawTable({ kind: 'files', format: 'csv', globs, csv: options }, columns)
}

const ndjson = (columns: ColumnTypes): ReturnType<typeof rawTable> =>
  rawTable({ kind: 'files', format: 'ndjson', globs: ['*.ndjson*'] }, columns)

async function rowsOf(
  table: ReturnType<typeof rawTable>,
): Promise<readonly (readonly (string | null)[])[]> {
  await readAll(source(), table, bench)
  return await bench.texts('select * exclude (source_file) from incoming')
}

const awkwardCsv = (): string => {
  const quoted = awkwardTexts.map((text) =>
    text === null ? '' : `"${text.replaceAll('"', '""')}"`,
  )
  return `note,id\n${quoted.map((text, index) => `${text},${index + 1}\n`).join('')}`
}

describe('a CSV file as a source', () => {
  beforeEach(() => put('a.csv', awkwardCsv()))
  sourceSuite(() => ({
    source: source(),
    table: (columns) => csv(columns),
    missing: csv({ id: 'integer' }, {}, ['none/*.csv']),
  }))
})

describe('a gzipped NDJSON file as a source', () => {
  beforeEach(() =>
    put(
      'a.ndjson.gz',
      gzipSync(
        awkwardTexts.map((note, index) => `${JSON.stringify({ note, id: index + 1 })}\n`).join(''),
      ),
    ),
  )
  // A field that no line has is null, so the shape of NDJSON cannot be seen to change.
  it('keeps every text as it is', async () => {
    const rows = await rowsOf(ndjson({ id: 'integer', note: 'text' }))
    assert.deepEqual(
      rows,
      awkwardTexts.map((note, index) => [String(index + 1), note]),
    )
  })
})

describe('detection of files', () => {
  const detect = async (loaded: ReadonlyMap<string, string>): Promise<Detection> =>
    source().detect(csv({ a: 'integer' }), loaded)
  const marksOf = (detection: Detection): Map<string, string> => {
    assert.equal(detection.kind, 'files')
    return new Map(
      detection.kind === 'files'
        ? [...detection.marks].flatMap(([key, mark]) =>
            mark === null ? [] : [[key, mark] as const],
          )
        : [],
    )
  }

  it('finds new files once, notices changed and removed ones, and reads only what is new', async () => {
    await put('1.csv', 'a\n1\n')
    await put('2.csv', 'a\n2\n')
    const loaded = marksOf(await detect(new Map()))
    assert.deepEqual([...loaded.keys()], ['1.csv', '2.csv'])
    assert.deepEqual(await detect(loaded), { kind: 'nothing' })

    await put('2.csv', 'a\n22\n')
    await put('3.csv', 'a\n3\n')
    await rm(path.join(folder, '1.csv'))
    const detection = await detect(loaded)
    assert.equal(detection.kind, 'files')
    if (detection.kind !== 'files') return
    assert.deepEqual(
      [detection.added, detection.replaced, detection.removed],
      [['3.csv'], ['2.csv'], ['1.csv']],
    )
    assert.equal(detection.marks.get('1.csv'), null)
    await source().read(csv({ a: 'integer' }), detection, {
      session: bench.session,
      name: 'incoming',
      folder: bench.folder,
    })
    assert.deepEqual(await bench.texts('select a, source_file from incoming order by a'), [
      ['3', '3.csv'],
      ['22', '2.csv'],
    ])
  })

  it('takes a file with another time but the same bytes as loaded', async () => {
    await put('1.csv', 'a\n1\n')
    const loaded = marksOf(await detect(new Map()))
    await utimes(path.join(folder, '1.csv'), 1_000_000_000, 1_000_000_000)
    assert.deepEqual(await detect(loaded), { kind: 'nothing' })
  })

  it('notices changed bytes of the same length', async () => {
    await put('1.csv', 'a\n1\n')
    const loaded = marksOf(await detect(new Map()))
    await put('1.csv', 'a\n2\n')
    await utimes(path.join(folder, '1.csv'), 1_000_000_000, 1_000_000_000)
    assert.equal((await detect(loaded)).kind, 'files')
  })

  it('refuses a file that changed between detection and reading', async () => {
    await put('1.csv', 'a\n1\n')
    const detection = await detect(new Map())
    await put('1.csv', 'a\n1\n2\n')
    const read = source().read(csv({ a: 'integer' }), detection, {
      session: bench.session,
      name: 'incoming',
      folder: bench.folder,
    })
    await assertFails(read, 'SOURCE_CHANGED', '1.csv', 'while it was read')
  })

  it('counts a file once that two globs find, and finds files in folders and by absolute path', async () => {
    await mkdir(path.join(folder, 'x/y'), { recursive: true })
    await put('x/y/1.csv', 'a\n1\n')
    await put('[odd].csv', 'a\n2\n')
    const globs = ['x/**/*.csv', path.join(folder, 'x/y/1.csv'), '[odd].csv']
    await readAll(source(), csv({ a: 'integer' }, {}, globs), bench)
    assert.deepEqual(await bench.texts('select a, source_file from incoming order by a'), [
      ['1', 'x/y/1.csv'],
      ['2', '[odd].csv'],
    ])
  })

  it('says which file is missing and how to set the folder', async () => {
    const detected = source().detect(csv({ a: 'integer' }, {}, ['data/*.csv']), new Map())
    await assertFails(
      detected,
      'SOURCE_MISSING',
      path.join(folder, 'data/*.csv'),
      'environment variable',
    )
  })
})

describe('forms of CSV', () => {
  it('reads each file by its own header, whatever the order of its fields', async () => {
    await put('1.csv', 'a,b\n1,x\n')
    await put('2.csv', '"b",c,"a"\r\ny,0,2\r\n')
    assert.deepEqual((await rowsOf(csv({ a: 'integer', b: 'text' }))).toSorted(byFirst), [
      ['1', 'x'],
      ['2', 'y'],
    ])
  })

  it('takes fields by position without a header, other delimiters and quotes, and texts for null', async () => {
    await put('1.csv', "1;'a;b';NA\n2;'NA';'it''s'\n3;;x\n")
    const rows = await rowsOf(
      csv(
        { a: 'integer', b: 'text', c: 'text' },
        { header: false, delimiter: ';', quote: "'", nulls: ['NA'] },
      ),
    )
    assert.deepEqual(rows, [
      ['1', 'a;b', null],
      ['2', 'NA', "it's"],
      ['3', null, 'x'],
    ])
  })

  it('maps fields to columns by name', async () => {
    await put('1.csv', '\uFEFFInvoice No,Select\n7,x\n')
    const names = { invoice_no: 'Invoice No', select_value: 'Select' }
    const table = rawTable(
      { kind: 'files', format: 'csv', globs: ['1.csv'], names },
      { invoice_no: 'integer', select_value: 'text' },
    )
    assert.deepEqual(await rowsOf(table), [['7', 'x']])
  })

  it('reads utf-16 in both byte orders, latin-1, gzip of several members, and fields aligned by blanks', async () => {
    const text = 'a,b\n1,é한\n'
    await put('1.csv', Buffer.from(`\uFEFF${text}`, 'utf16le'))
    await put('2.csv', Buffer.from(`\uFEFF${text}`, 'utf16le').swap16())
    assert.deepEqual(await rowsOf(csv({ a: 'integer', b: 'text' }, { encoding: 'utf-16' })), [
      ['1', 'é한'],
      ['1', 'é한'],
    ])
    await rm(path.join(folder, '2.csv'))
    await put('1.csv', Buffer.from('a,b\n1,é\n', 'latin1'))
    assert.deepEqual(await rowsOf(csv({ a: 'integer', b: 'text' }, { encoding: 'latin-1' })), [
      ['1', 'é'],
    ])
    await put('1.csv', '')
    await rename(path.join(folder, '1.csv'), path.join(folder, '1.csv.gz'))
    await put('1.csv.gz', Buffer.concat([gzipSync('a,b\n1,x\n'), gzipSync('2,y\n')]))
    assert.deepEqual(await rowsOf(csv({ a: 'integer', b: 'text' })), [
      ['1', 'x'],
      ['2', 'y'],
    ])
    await put('1.csv.gz', gzipSync('  a    b \n 1   2.50\n\n  22  3\n'))
    const aligned = csv(
      { a: 'integer', b: { kind: 'decimal', precision: 10, scale: 2 } },
      { collapseSpaces: true },
    )
    assert.deepEqual(await rowsOf(aligned), [
      ['1', '2.50'],
      ['22', '3.00'],
    ])
  })

  it('reads a large file in parts, with quoted line breaks, as if it were one', async () => {
    const count = 60_000
    const note = `${'long text, '.repeat(40)}\n"quoted"\n`
    const line = `"${note.replaceAll('"', '""')}"`
    await put(
      '1.csv',
      `id,note\n${Array.from({ length: count }, (_, index) => `${index},${line}\n`).join('')}`,
    )
    await readAll(source(), csv({ id: 'integer', note: 'text' }), bench)
    const sum = (count * (count - 1)) / 2
    assert.deepEqual(
      await bench.texts(
        'select count(*), sum(id), min(length(note)), max(length(note)) from incoming',
      ),
      [[String(count), String(sum), String(note.length), String(note.length)]],
    )
  })

  it('gives back every text that was written, whatever it holds (property)', async () => {
    const field = fc
      .oneof(fc.string({ unit: 'grapheme' }), fc.stringMatching(/^["\n\r,\\N a]*$/))
      .filter((text) => !text.includes('\0'))
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(field, fc.option(field)), { minLength: 1, maxLength: 20 }),
        async (rows) => {
          const write = (text: string | null): string =>
            text === null ? '' : `"${text.replaceAll('"', '""')}"`
          await put('1.csv', `a,b\n${rows.map(([a, b]) => `${write(a)},${write(b)}\n`).join('')}`)
          assert.deepEqual(
            await rowsOf(csv({ a: 'text', b: 'text' }, { nulls: ['NULL', '\\N'] })),
            rows,
          )
        },
      ),
      { seed: 20260101, numRuns: 60 },
    )
  })
})

describe('values of files', () => {
  const cases: readonly (readonly [
    ColumnTypes[string],
    readonly (readonly [string, string | null])[],
    readonly string[],
  ])[] = [
    [
      'integer',
      [
        ['1', '1'],
        [' -7 ', '-7'],
        ['17850.0', '17850'],
        ['9223372036854775807', '9223372036854775807'],
        ['', null],
      ],
      ['1.5', 'x', '9223372036854775808', '1e3', '0x1f', '1_000'],
    ],
    [
      { kind: 'decimal', precision: 6, scale: 2 },
      [
        ['1.5', '1.50'],
        ['-.25', '-0.25'],
        ['1.500', '1.50'],
        ['1e2', '100.00'],
        ['', null],
      ],
      ['1.255', '12345.00', 'NaN', '1.2.3', '.', '1.239e0', '1,5'],
    ],
    [
      'number',
      [
        ['1.5', '1.5'],
        ['1e3', '1000.0'],
      ],
      ['x', '1,5'],
    ],
    [
      'boolean',
      [
        ['true', 'true'],
        ['0', 'false'],
      ],
      ['maybe'],
    ],
    [
      'date',
      [
        ['2011-01-05', '2011-01-05'],
        ['2011-01-05 00:00:00', '2011-01-05'],
      ],
      ['2011-02-30', '2011-01-05 12:00', '05.01.2011', 'infinity'],
    ],
    [
      'timestamp',
      [
        ['2011-01-05 12:00:00', '2011-01-05 12:00:00+09'],
        ['2011-01-05T03:00:00.123456Z', '2011-01-05 12:00:00.123456+09'],
        ['2011-01-05', '2011-01-05 00:00:00+09'],
      ],
      [
        '2011-02-30 00:00',
        'infinity',
        '2011-01-05 12:00:00.1234567',
        '2011-01-05 25:00',
        '0044-03-15 BC',
      ],
    ],
    [
      'local_timestamp',
      [['2011-01-05 12:00:00', '2011-01-05 12:00:00']],
      ['2011-01-05 12:00:00+09', '2011-01-05T12:00:00Z'],
    ],
    ['time', [['12:30:00', '12:30:00']], ['24:00:00', '25:00', 'noon']],
    [
      'uuid',
      [['0190a0c0-0000-7000-8000-000000000000', '0190a0c0-0000-7000-8000-000000000000']],
      ['0190'],
    ],
    [
      'bytes',
      [
        ['\\x0aFf', '\\x0A\\xFF'],
        ['41', 'A'],
      ],
      ['0a0', 'zz'],
    ],
    ['json', [['{"a": [1]}', '{"a": [1]}']], ['{a}', '{"a":1} x']],
    [
      { kind: 'list', of: { kind: 'integer' } },
      [
        ['[1, 2, null]', '[1, 2, NULL]'],
        ['[]', '[]'],
      ],
      ['[1.5]', '1', '{}', '[[1]]', '[1'],
    ],
  ]
  for (const [type, good, bad] of cases) {
    const kind = typeof type === 'string' ? type : type.kind
    it(`casts ${kind} exactly, and refuses what would be rounded or cut`, async () => {
      const write = (text: string): string => `k,"${text.replaceAll('"', '""')}"\n`
      await put('1.csv', `k,v\n${good.map(([text]) => write(text)).join('')}`)
      assert.deepEqual(
        await rowsOf(csv({ v: type })),
        good.map(([, value]) => [value]),
      )
      for (const text of bad) {
        await put('1.csv', `k,v\n${good.map(([known]) => write(known)).join('')}${write(text)}`)
        await assertFails(
          rowsOf(csv({ v: type })),
          'SOURCE_BAD_ROW',
          `1.csv line ${good.length + 2}`,
          '"v"',
          JSON.stringify(text),
          'the only such row',
        )
      }
    })
  }

  it('reads times by the format that the declaration gives', async () => {
    await put('1.csv', 'd,t\n19970131,31/01/1997 13:05\n')
    const table = csv(
      { d: 'date', t: 'timestamp' },
      { dateFormat: '%Y%m%d', timestampFormat: '%d/%m/%Y %H:%M' },
    )
    assert.deepEqual(await rowsOf(table), [['1997-01-31', '1997-01-31 13:05:00+09']])
    await put('1.csv', 'd,t\n19970231,31/01/1997 13:05\n')
    await assertFails(rowsOf(table), 'SOURCE_BAD_ROW', 'line 2', '"19970231"', '%Y%m%d')
  })

  it('keeps a JSON number only while its digits are sure', async () => {
    const money: ColumnTypes = { v: { kind: 'decimal', precision: 38, scale: 9 } }
    await put(
      '1.ndjson',
      '{"v":1234567.25}\n\n{"v":"12345678901234567890.123456789"}\n{"v":null}\n{}\n{"v":100000.0}\n{"v":9007199254740993}\n',
    )
    assert.deepEqual(await rowsOf(ndjson(money)), [
      ['1234567.250000000'],
      ['12345678901234567890.123456789'],
      [null],
      [null],
      ['100000.000000000'],
      ['9007199254740993.000000000'],
    ])
    await put('1.ndjson', '{"v":1}\n{"v":12345678901234567890.5}\n')
    await assertFails(rowsOf(ndjson(money)), 'SOURCE_BAD_ROW', '1.ndjson line 2', 'as strings')
  })

  it('takes JSON lines with a byte order mark and Windows line ends', async () => {
    await put('1.ndjson', '\uFEFF{"a":1}\r\n{"a":2}\r\n')
    assert.deepEqual(await rowsOf(ndjson({ a: 'integer' })), [['1'], ['2']])
  })

  it('says the line in a file of one field, where a blank line is a null', async () => {
    await put('1.csv', 'a\n1\n\n2\nx\n')
    await assertFails(rowsOf(csv({ a: 'integer' })), 'SOURCE_BAD_ROW', '1.csv line 5')
  })

  it('takes nested JSON as JSON or lists', async () => {
    await put('1.ndjson', '{"a":{"b":[1]},"c":[1,2],"d":"x","e":"null"}\n')
    const rows = await rowsOf(
      ndjson({ a: 'json', c: { kind: 'list', of: { kind: 'integer' } }, d: 'json', e: 'text' }),
    )
    assert.deepEqual(rows, [['{"b":[1]}', '[1, 2]', '"x"', 'null']])
  })
})

describe('bad files', () => {
  const table = csv({ a: 'integer', b: 'text' })
  const cases: readonly (readonly [string, string | Uint8Array, readonly (string | RegExp)[]])[] = [
    [
      'a row with too many fields',
      'a,b\n1,x\n2,"y\nz"\n3,x,4\n5,x,6\n',
      ['1.csv line 5', 'expected 2 fields, found 3', '"3,x,4"', '2 such rows'],
    ],
    ['a row with too few fields', 'a,b\n1,x\n2\n', ['1.csv line 3', 'expected 2 fields, found 1']],
    ['text behind a quoted field', 'a,b\n1,"x"y\n', ['1.csv line 2', 'quoted field']],
    ['a quote that is never closed', 'a,b\n1,x\n2,"y\n3,z\n', ['1.csv line 3', 'quoted field']],
    [
      'bytes that are not utf-8',
      Buffer.concat([Buffer.from('a,b\n1,x\n2,'), Buffer.from([0xff, 0xfe]), Buffer.from('\n')]),
      ['1.csv line 3', 'not utf-8', 'encoding'],
    ],
    [
      'a line that ends otherwise than those before',
      'a,b\n1,"x\r\ny"\n2,z\r\n',
      ['1.csv line 4', 'line ends'],
    ],
    ['a line that is too long', `a,b\n1,${'x'.repeat(17_000_000)}\n`, ['1.csv line 2', 'size']],
    [
      'a wrong type behind quoted line breaks',
      'a,b\n1,"x\n\ny"\n\noops,z\n2,z\nalso,z\n',
      ['1.csv line 6', '"a"', '"oops"', 'an integer', '2 such rows'],
    ],
  ]
  for (const [what, content, says] of cases) {
    it(`says where there is ${what}, and loads nothing`, async () => {
      await put('0.csv', 'a,b\n1,good\n')
      await put('1.csv', content)
      await assertFails(rowsOf(table), 'SOURCE_BAD_ROW', ...says, 'nothing was loaded')
      await assert.rejects(bench.texts('select * from incoming'), /there is no table/)
    })
  }

  it('says the line of the whole file where it was read in parts', async () => {
    const good = Array.from(
      { length: 250_000 },
      (_, index) => `${index},"text of a row, with a\nline break ${index}"\n`,
    ).join('')
    await put('1.csv.gz', gzipSync(`a,b\n${good}x,y\n`, { level: 1 }))
    await assertFails(
      rowsOf(table),
      'SOURCE_BAD_ROW',
      '1.csv.gz line 500002',
      '"x"',
      'the only such row',
    )
  })

  it('refuses a header without a declared field, or with it twice, and an empty file', async () => {
    await put('1.csv', 'A,b\n1,x\n')
    await assertFails(rowsOf(table), 'SOURCE_CHANGED', '1.csv', '"a"', 'Did you mean "A"?')
    await put('1.csv', 'a,a,b\n1,2,x\n')
    await assertFails(rowsOf(table), 'SOURCE_CHANGED', '"a" 2 times')
    await put('1.csv', '')
    await assertFails(rowsOf(table), 'SOURCE_CHANGED', '"a"')
  })

  it('refuses a gzip file that was cut or damaged instead of loading a part', async () => {
    const whole = gzipSync(
      `a,b\n${Array.from({ length: 50_000 }, (_, index) => `${index},x\n`).join('')}`,
    )
    await put('1.csv.gz', whole.subarray(0, whole.length - 100))
    await assertFails(rowsOf(table), 'SOURCE_BAD_ROW', '1.csv.gz', 'not a whole gzip file')
    const damaged = Buffer.from(whole)
    damaged[damaged.length - 6]! ^= 0xff
    await put('1.csv.gz', damaged)
    await assertFails(rowsOf(table), 'SOURCE_BAD_ROW', '1.csv.gz', 'not a whole gzip file')
    await put('1.csv.gz', 'a,b\n1,x\n')
    await assertFails(rowsOf(table), 'SOURCE_BAD_ROW', '1.csv.gz', 'not a whole gzip file')
  })

  it('refuses an encoding that it does not know, and one that the file does not have', async () => {
    await put('1.csv', 'a,b\n1,x\n')
    await assertFails(
      rowsOf(csv({ a: 'integer' }, { encoding: 'euc-kr' as 'utf-8' })),
      'MODEL_BAD_DECLARATION',
      'euc-kr',
      'latin-1',
    )
    await put(
      '1.csv',
      Buffer.concat([Buffer.from('a,b\n', 'utf16le'), Buffer.from([0x00, 0xdc, 0x41])]),
    )
    await assertFails(
      rowsOf(csv({ a: 'integer' }, { encoding: 'utf-16' })),
      'SOURCE_BAD_ROW',
      '1.csv',
      'utf-16',
    )
  })

  it('says where a line is not a JSON object', async () => {
    for (const line of ['{"a":1', '[1]', '5', 'null', '{"a":1} {"a":2}']) {
      await put('1.ndjson', `{"a":1}\n\n${line}\n{"a":2}\n`)
      await assertFails(
        rowsOf(ndjson({ a: 'integer' })),
        'SOURCE_BAD_ROW',
        '1.ndjson line 3',
        JSON.stringify(line),
        'JSON object',
      )
    }
    await put('1.ndjson', Buffer.from('{"a":1}\n{"b":"\xff"}\n', 'latin1'))
    await assertFails(
      rowsOf(ndjson({ a: 'integer' })),
      'SOURCE_BAD_ROW',
      '1.ndjson line 2',
      'Unicode',
    )
    await put('1.ndjson', '{"a":1}\n{"b":"\\ud800"}\n')
    await assertFails(
      rowsOf(ndjson({ a: 'integer' })),
      'SOURCE_BAD_ROW',
      '1.ndjson line 2',
      'Unicode',
    )
    await put('1.ndjson', '{"a":1}\n\n{"a":"x"}\n')
    await assertFails(rowsOf(ndjson({ a: 'integer' })), 'SOURCE_BAD_ROW', '1.ndjson line 3', '"x"')
  })
})

describe('a spool that cannot be written', () => {
  it('is the disk, not the source', async () => {
    const shape = { delimiter: ',', quote: '"' }
    const writer = new PartWriter(path.join(folder, 'no such folder', 'part'), shape)
    await assertFails(writer.write(Buffer.from('a\n')), 'FILE_FAILED', 'no such folder')
  })
})

describe('Parquet as a source', () => {
  const parquet = (columns: ColumnTypes): ReturnType<typeof rawTable> =>
    rawTable({ kind: 'files', format: 'parquet', globs: ['*.parquet'] }, columns)
  const write = (name: string, sql: string): Promise<void> =>
    bench.run(`copy (${sql}) to '${path.join(folder, name)}' (format parquet)`)

  it('reads columns by name from files of different shape', async () => {
    await write(
      '1.parquet',
      `select 1 as id, 'x' as note, 1.5::double as price, timestamptz '2011-01-05 12:00:00+09' as at, [1, 2] as numbers`,
    )
    await write(
      '2.parquet',
      `select [3]::bigint[] as numbers, 2::bigint as id, null::varchar as note, 2.25::decimal(10, 3) as price, timestamp '2011-01-05 12:00:00' as at`,
    )
    const rows = await rowsOf(
      parquet({
        id: 'integer',
        note: 'text',
        price: { kind: 'decimal', precision: 18, scale: 2 },
        at: 'timestamp',
        numbers: { kind: 'list', of: { kind: 'integer' } },
      }),
    )
    assert.deepEqual(rows.toSorted(byFirst), [
      ['1', 'x', '1.50', '2011-01-05 12:00:00+09', '[1, 2]'],
      ['2', null, '2.25', '2011-01-05 12:00:00+09', '[3]'],
    ])
  })

  it('refuses to round, a missing column, and what is no Parquet file', async () => {
    await write('1.parquet', `select 1.239::double as price, 1 as id`)
    const price: ColumnTypes = { price: { kind: 'decimal', precision: 18, scale: 2 } }
    await assertFails(rowsOf(parquet(price)), 'SOURCE_BAD_ROW', '1.parquet', '"price"', '1.239')
    await assertFails(
      rowsOf(parquet({ prices: 'text' })),
      'SOURCE_CHANGED',
      '"prices"',
      'Did you mean "price"?',
    )
    await put('1.parquet', 'no parquet at all, but long enough to look')
    await assertFails(rowsOf(parquet(price)), 'SOURCE_BAD_ROW', '1.parquet', 'not a Parquet file')
  })
})

describe('real files', () => {
  const skip = existsSync(dataFolder)
    ? false
    : `no data in ${dataFolder}; set MARU_DATA to the folder of the data sets`
  it('loads three shops whole: totals as published', { skip }, async () => {
    const at = (name: string): readonly string[] => [path.join(dataFolder, name)]
    const money = { kind: 'decimal', precision: 18, scale: 3 } as const
    await readAll(
      source(),
      csv(
        { Quantity: 'integer', UnitPrice: money, InvoiceDate: 'timestamp', CustomerID: 'integer' },
        {},
        at('uci-online-retail/*.csv.gz'),
      ),
      bench,
    )
    assert.deepEqual(
      await bench.texts(
        'select count(*), round(sum("Quantity" * "UnitPrice"), 2), count(*) - count("CustomerID"), count(distinct source_file) from incoming',
      ),
      [['541909', '9747747.93', '135080', '13']],
    )
    const cdnow = csv(
      { customer_id: 'integer', date: 'date', number_of_cds: 'integer', dollar_value: money },
      { collapseSpaces: true, dateFormat: '%Y%m%d' },
      at('cdnow/CDNOW_master.txt.gz'),
    )
    await readAll(source(), cdnow, bench)
    assert.deepEqual(
      await bench.texts(
        'select count(*), sum(number_of_cds), sum(dollar_value)::decimal(18, 2), min(date), max(date) from incoming',
      ),
      [['69659', '167881', '2500315.63', '1997-01-01', '1998-06-30']],
    )
    await readAll(
      source(),
      csv(
        { sales_value: 'number', transaction_timestamp: 'timestamp' },
        {},
        at('complete-journey/transactions_sample.csv.gz'),
      ),
      bench,
    )
    assert.deepEqual(
      await bench.texts('select count(*), round(sum(sales_value), 2) from incoming'),
      [['75000', '233935.24']],
    )
    await readAll(
      source(),
      rawTable(
        { kind: 'files', format: 'ndjson', globs: at('otto-sample/train.jsonl') },
        { session: 'integer', events: 'json' },
      ),
      bench,
    )
    assert.deepEqual(
      await bench.texts('select count(*), sum(json_array_length(events)) from incoming'),
      [['20', '862']],
    )
  })
})

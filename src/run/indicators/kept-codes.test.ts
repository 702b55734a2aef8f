import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import { nodeFiles } from '../../base/node-files.ts'
import { openDuckdbEngine } from '../../engine/duckdb/duckdb.ts'
import type { Engine, Session } from '../../engine/engine.ts'
import type { Scan, ScanFile } from '../../lake/lake.ts'
import type { ColumnType } from '../../model/model.ts'
import type { IndicatorPart } from '../../plan/plan.ts'
import { openCoder } from './coders.ts'

const rows = `
select id, case when id % 7 <> 0 then 'value ' || id % 5 end as word, case when id % 3 <> 0 then id * id % 1000 - 500 end as number,
  case when id % 4 <> 0 then id % 2 = 0 end as truth, date '2026-01-01' + cast(id % 11 as integer) as day, 'only ' || id as own
from range(3000) as numbers(id)`
const columns: Readonly<Record<string, ColumnType>> = {
  id: { kind: 'integer' },
  word: { kind: 'text' },
  number: { kind: 'integer' },
  truth: { kind: 'boolean' },
  day: { kind: 'date' },
  own: { kind: 'text' },
}
const valuesMax = 2500
const names = Object.keys(columns).filter((name) => name !== 'id')
const dimensions = names.map((name) => ({
  dimension: `member.${name}`,
  sql: `member.${name}`,
  column: name,
  type: columns[name]!,
}))
const part: IndicatorPart = { joins: '', stored: { table: 'obj.member', key: 'id' }, dimensions }

describe('codes that are kept by data file', () => {
  let engine: Engine
  let session: Session
  let folder: string
  let files: readonly ScanFile[]
  before(async () => {
    engine = await openDuckdbEngine()
    session = await engine.open({ zone: 'Asia/Seoul' })
    // Keys of rows that the table does not have, and none, are unknown.
    await session.run(
      `create temp table keys as select key as id, row_number() over () - 1 as place from (select unnest([5, null, 2999, 4000, 17, 84, 0, 1500, 21]) as key)`,
    )
  })
  after(() => engine.close())
  beforeEach(async () => {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true })
    folder = await mkdtemp(join(tmpdir(), 'maru-codes-'))
    await mkdir(join(folder, 'data'))
    files = [...(await stage('id < 1000')), ...(await stage('id >= 1000'))]
  })
  after(() => rm(folder, { recursive: true, force: true }))

  const schema = {
    id: 0,
    fields: Object.entries(columns).map(([name, type], at) => ({
      id: at + 1,
      name,
      type,
      required: false,
    })),
  }

  async function stage(where: string): Promise<readonly ScanFile[]> {
    const staged = await session.stage({
      sql: `select * from (${rows}) as each_row where ${where}`,
      schema,
      partition: { kind: 'none' },
      dataFolder: join(folder, 'data'),
    })
    return staged.map((file) => ({ ...file, path: join(folder, file.path) }))
  }

  /** The values of the keys by name; undefined where there are too many. */
  async function read(): Promise<Readonly<Record<string, readonly (string | null)[] | undefined>>> {
    const coder = await openCoder(session, {
      group: { column: 'id', alias: 'member', parts: [part] },
      part,
      rows: 9,
      valuesMax,
      codes: {
        files: nodeFiles,
        folder: join(folder, 'codes'),
        engineVersion: 'test',
        scanOf: async () =>
          ({ table: undefined!, schema, files, filesTotal: files.length }) as Scan,
      },
    })
    const { coded, others } = await coder.code(dimensions, 'dictionary')
    const found = await session.query('select dimension, code, value from dictionary')
    const values = new Map(
      found.rows.map(([at, code, value]) => [[at, code].join(' '), String(value)]),
    )
    await coder.close()
    assert.equal(coded.length + others.length, dimensions.length)
    return Object.fromEntries(
      names.map((name, at) => {
        const each = coded.find(({ number }) => number === at)
        if (each === undefined) return [name, undefined]
        const { codes, low } = each
        const valueOf = (code: number): string | null => {
          if (code === 0) return null
          return low === undefined ? values.get(`${at} ${code}`)! : String(low + BigInt(code - 1))
        }
        return [name, Array.from(codes, valueOf)]
      }),
    )
  }

  /** As a join has it. */
  async function joined(): Promise<Awaited<ReturnType<typeof read>>> {
    const found = await session.query(
      `select ${names.map((name) => `cast(member.${name} as varchar)`).join(', ')} from keys left join (${rows}) as member on member.id = keys.id order by keys.place`,
    )
    return Object.fromEntries(
      names.map((name, at) => [
        name,
        name === 'own' ? undefined : found.rows.map((row) => row[at] as string | null),
      ]),
    )
  }

  async function keptFiles(): Promise<readonly string[]> {
    const all = await readdir(join(folder, 'codes'), { recursive: true, withFileTypes: true })
    return all.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name))
  }

  it('are the values that a join finds, in whichever file they are', async () => {
    assert.deepEqual(await read(), await joined())
    assert.equal((await keptFiles()).length, files.length)
  })

  it('are coded once, and of a table that changed for its new files alone', async () => {
    await read()
    const before = await keptFiles()
    const written = await Promise.all(before.map(async (path) => (await stat(path)).mtimeMs))
    assert.deepEqual(await read(), await joined())
    assert.deepEqual(
      await Promise.all(before.map(async (path) => (await stat(path)).mtimeMs)),
      written,
    )
    files = [files[0]!, ...(await stage('id >= 1000'))]
    assert.deepEqual(await read(), await joined())
    const after = await keptFiles()
    assert.equal(after.filter((path) => before.includes(path)).length, 1)
    assert.equal(after.length, 2, 'those of the file that is no longer read are gone')
  })

  it('are made again where what was kept is damaged', async () => {
    await read()
    const [path] = await keptFiles()
    const bytes = await readFile(path!)
    for (const at of [0, 20, bytes.length - 3]) {
      const damaged = Buffer.from(bytes)
      damaged[at]! ^= 0xff
      await writeFile(path!, damaged)
      assert.deepEqual(await read(), await joined())
      assert.notDeepEqual(await readFile(path!), damaged)
    }
    await writeFile(path!, bytes.subarray(0, bytes.length / 2))
    assert.deepEqual(await read(), await joined())
  })
})

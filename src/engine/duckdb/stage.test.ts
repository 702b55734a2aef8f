import { deepEqual, equal } from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import type { StageRequest } from '../engine.ts'
import { openDuckdbEngine } from './duckdb.ts'
import { copySqls } from './stage.ts'

it('writes pieces of as many rows as readers want to skip', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'maru-stage-'))
  const engine = await openDuckdbEngine()
  try {
    const session = await engine.open({ zone: 'UTC' })
    const [file] = await session.stage({
      sql: 'select x as id from range(10000) as r(x)',
      schema: {
        id: 0,
        fields: [{ id: 1, name: 'id', type: { kind: 'integer' }, required: false }],
      },
      partition: { kind: 'none' },
      dataFolder: folder,
      sort: ['id'],
      pieceRows: 4096,
    })
    const path = join(folder, '..', file!.path)
    const { rows } = await session.query(
      `select row_group_num_rows from parquet_metadata('${path}') order by row_group_id`,
    )
    deepEqual(rows, [[4096], [4096], [1808]])
  } finally {
    await engine.close()
    await rm(folder, { recursive: true, force: true })
  }
})

it('writes a wide table a bucket at a time, sorted within each', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'maru-stage-'))
  const engine = await openDuckdbEngine()
  try {
    const session = await engine.open({ zone: 'UTC' })
    const names = Array.from({ length: 60 }, (_, at) => `c_${at}`)
    const request: StageRequest = {
      sql: `select 2000 - x as id, ${names.map((name) => `x % 3 as ${name}`).join(', ')} from range(2000) as r(x)`,
      schema: {
        id: 0,
        fields: ['id', ...names].map((name, at) => ({
          id: at + 1,
          name,
          type: { kind: 'integer' },
          required: false,
        })),
      },
      partition: { kind: 'bucket', column: 'id', count: 4 },
      dataFolder: folder,
      sort: ['id'],
    }
    equal((await copySqls(request, async () => 1_000_000)).length, 1)
    const sqls = await copySqls(request, async () => 2_000_000)
    equal(sqls.length, 4)
    for (const sql of sqls) await session.run(sql)
    const { rows } = await session.query(
      `select count(distinct id), count(distinct filename), count(*) filter (before > id) from (
  select id, filename, lag(id) over (partition by filename order by file_row_number) as before
  from read_parquet('${folder}/*/*.parquet', filename = true, file_row_number = true)
) as each_row`,
    )
    deepEqual(rows, [[2000, 4, 0]])
  } finally {
    await engine.close()
    await rm(folder, { recursive: true, force: true })
  }
})

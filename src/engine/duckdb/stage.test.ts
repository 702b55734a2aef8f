import { deepEqual } from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { openDuckdbEngine } from './duckdb.ts'

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

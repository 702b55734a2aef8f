/** A database that goes away in the middle of a copy. */
import { strict as assert } from 'node:assert'
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { openApp } from '../../src/app/open.ts'
import type { TestProject } from '../../src/project/test-project.suite.ts'
import { makeTestProject } from '../../src/project/test-project.suite.ts'
import type { TestPostgres } from '../postgres.ts'
import { startPostgres } from '../postgres.ts'
import { assertDone, assertFailed, runOnce } from './bad-project.ts'

const rowCount = 60_000

const schema = `
  create table orders (id bigint primary key, note text);
  insert into orders select i, repeat(md5(i::text), 10) from generate_series(1, ${rowCount}) i;
`

/** Ends whoever copies, as soon as somebody does; tells whether there was one. */
const endCopy = `
  create or replace procedure end_copy() language plpgsql as $$
  begin
    for turn in 1..5000 loop
      perform pg_stat_clear_snapshot();
      perform pg_terminate_backend(pid) from pg_stat_progress_copy;
      if found then return; end if;
      perform pg_sleep(0.002);
    end loop;
    raise exception 'nobody copied';
  end $$;
`

describe('a database that goes away in the middle of a copy', () => {
  let postgres: TestPostgres
  let project: TestProject
  let url: string

  before(async () => {
    postgres = await startPostgres()
    url = await postgres.createDatabase('shop', schema + endCopy)
    project = makeTestProject()
    for (const folder of ['raw', 'obj', 'act', 'obj_attr', 'metric', 'data']) project.remove(folder)
    project.write(
      'maru.config.ts',
      `import { defineConfig, postgres } from 'maru'
export default defineConfig({ zone: 'UTC', sources: { shop: postgres({ url: ${JSON.stringify(url)} }) } })
`,
    )
    project.write(
      'raw/shop.ts',
      `import { key, source, table, text } from 'maru'
export default source({ owner: 'shop', from: 'shop',
  tables: { orders: table('orders', { id: key('order'), note: text('what was said') }) } })
`,
    )
    project.write(
      'obj/placed_order.ts',
      `import { key, object, sql, text } from 'maru'
import shop from '../raw/shop.ts'
export default object({ owner: 'shop', description: 'an order',
  columns: { id: key('order'), note: text('what was said') },
  sql: sql\`select id, note from \${shop.orders}\` })
`,
    )
  })

  after(async () => {
    project?.dispose()
    await postgres?.stop()
  })

  async function count(): Promise<unknown> {
    const app = openApp({ folder: project.folder })
    try {
      return (await app.query('select count(*), max(id) from obj.placed_order')).rows[0]
    } finally {
      await app.close()
    }
  }

  it('fails the table and what reads it, keeps no half of it, and loads it whole the next time', async () => {
    const [record] = await Promise.all([runOnce(project), postgres.run('shop', 'call end_copy()')])
    assertFailed(record, 'raw.shop.orders', /SOURCE_UNREACHABLE/)
    assert.ok(!JSON.stringify(record).includes(postgres.password))
    await assert.rejects(count(), { code: 'NOT_BUILT' })
    assert.deepEqual(leftBehind(), [])
    assertDone(await runOnce(project))
    assert.deepEqual(await count(), [rowCount, rowCount])
  })

  it('keeps the snapshot before, when the next one breaks off', async () => {
    await postgres.run('shop', `delete from orders where id > ${rowCount - 10}`)
    const [record] = await Promise.all([runOnce(project), postgres.run('shop', 'call end_copy()')])
    assertFailed(record, 'raw.shop.orders', /SOURCE_UNREACHABLE/)
    assert.deepEqual(await count(), [rowCount, rowCount])
    assertDone(await runOnce(project))
    assert.deepEqual(await count(), [rowCount - 10, rowCount - 10])
  })

  function leftBehind(): readonly string[] {
    return readdirSync(path.join(project.folder, '.maru'), {
      recursive: true,
      encoding: 'utf8',
    }).filter((name) => name.startsWith('temporary/run/') || name.endsWith('.parquet'))
  }
})

describe('a database that is not there at all', () => {
  it('is named without its password, and nothing else of the project suffers', async () => {
    const project = makeTestProject()
    try {
      project.edit(
        'maru.config.ts',
        "currency: 'EUR',",
        "currency: 'EUR', sources: { away: postgres({ url: 'postgres://me:secret-word@127.0.0.1:1/shop' }) },",
      )
      project.edit('maru.config.ts', 'defineConfig }', 'defineConfig, postgres }')
      project.write(
        'raw/away.ts',
        `import { key, source, table } from 'maru'
export default source({ owner: 'shop', from: 'away', tables: { orders: table('orders', { id: key('order') }) } })
`,
      )
      const record = await runOnce(project)
      const failed = record.tasks.filter((task) => task.status !== 'published')
      assert.deepEqual(
        failed.map((task) => [task.taskId, task.status]),
        [['raw.away.orders', 'failed']],
      )
      assert.match(failed[0]!.error!, /SOURCE_UNREACHABLE\] → \S/)
      assert.ok(!failed[0]!.error!.includes('secret-word'))
    } finally {
      project.dispose()
    }
  })
})

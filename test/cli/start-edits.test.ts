/** Edits while `maru start` runs: what holds is live without a restart, what does not is said and changes nothing; a database is read again by its interval. */
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { openApp } from '../../src/app/open.ts'
import { nodeFiles } from '../../src/base/node-files.ts'
import type { TestProject } from '../../src/project/test-project.suite.ts'
import { openSqliteState } from '../../src/state/sqlite.ts'
import type { State } from '../../src/state/state.ts'
import { startPostgres } from '../postgres.ts'
import type { TestPostgres } from '../postgres.ts'
import { countOf, eventKey, makeEventProject, sendEvents, until } from '../run/event-project.ts'
import { startMaru } from './started.ts'
import type { StartedMaru } from './started.ts'

const likes = `import { activity, key, refers, sql, timestamp } from 'maru'
import person from '../obj/person.ts'
import product_liked from '../raw/event/product_liked.ts'
export default activity({
  says: '{visitor} liked a product',
  owner: 'growth',
  description: 'a heart',
  columns: {
    id: key('message', { type: 'text' }),
    occurred_at: timestamp('when'),
    visitor: refers(person, 'who', { orphans: 'allowed' }),
  },
  by: 'visitor',
  sql: sql\`select id, occurred_at, actor as visitor from \${product_liked}\`,
})
`

describe('edits while maru start runs', () => {
  let project: TestProject
  let database: TestPostgres
  let maru: StartedMaru
  let state: State

  before(async () => {
    database = await startPostgres()
    const url = await database.createDatabase(
      'shop',
      "create table member (id int primary key, country text not null); insert into member values (1, 'KR')",
    )
    project = makeEventProject(
      `collect: { port: 0, sources: { web: { keys: '${eventKey}' } } }, sources: { shop: postgres({ url: '${url}', every: '1 second' }) }`,
    )
    project.write(
      'raw/shop.ts',
      `import { key, source, table, text } from 'maru'
export default source({ owner: 'shop', from: 'shop', tables: {
  member: table('members', { id: key('member'), country: text('where') }),
} })
`,
    )
    project.write(
      'obj/member.ts',
      `import { key, object, sql, text } from 'maru'
import shop from '../raw/shop.ts'
export default object({ owner: 'shop', description: 'a member',
  columns: { id: key('member'), country: text('where') },
  sql: sql\`select id, country from \${shop.member}\` })
`,
    )
    maru = await startMaru(project.folder)
    const path = `${project.folder}/.maru/state.db`
    state = await openSqliteState({ path, files: nodeFiles })
  })
  after(async () => {
    await maru?.stop()
    await state?.close()
    await database?.stop()
    project?.dispose()
  })

  /** Asked by a process that knows the project as it is now. */
  async function ask(sql: string): Promise<string> {
    const app = openApp({ folder: project.folder })
    try {
      const { rows } = await app.query(sql)
      return rows.map((row) => row.map(String).join(' ')).join('; ')
    } catch (error) {
      return String(error)
    } finally {
      await app.close()
    }
  }
  const answers = (sql: string, answer: string): Promise<void> =>
    until(async () => (await ask(sql)) === answer, `${sql} says ${answer}; ${maru.said.join('\n')}`)

  it('reads a database again when its interval is over', async () => {
    await answers('select id, country from obj.member order by id', '1 KR')
    await database.run(
      'shop',
      "insert into member values (2, 'JP'); update member set country = 'US' where id = 1",
    )
    await answers('select id, country from obj.member order by id', '1 US; 2 JP')
  })

  it('reads a database again where nobody sends events', async () => {
    const other = makeEventProject(
      `sources: { shop: postgres({ url: '${database.url('shop')}', every: '1 second' }) }`,
    )
    for (const folder of ['raw/event', 'obj', 'act', 'metric']) other.remove(folder)
    for (const file of ['raw/shop.ts', 'obj/member.ts'])
      other.write(file, readFileSync(path.join(project.folder, file), 'utf8'))
    const runs = await startMaru(other.folder)
    try {
      deepEqual([...runs.children().keys()], ['run-process'])
      const app = openApp({ folder: other.folder })
      await until(async () => (await countOf(app, 'obj.member')) === 2, 'the members')
      await app.close()
      equal(await runs.stop(), 0)
    } finally {
      other.dispose()
    }
  })

  it('takes a new event of the catalog and what reads it', async () => {
    await sendEvents(maru.port, [
      { id: 'v1', event: 'product viewed', anonymous_id: 'd1', properties: { product_id: 1 } },
    ])
    await answers('select count(*) from merged.product_view', '1')
    project.write(
      'raw/event/product_liked.ts',
      `import { event } from 'maru'
export default event({ owner: 'growth', description: 'a heart', name: 'product liked', properties: {}, example: {} })
`,
    )
    project.write('act/product_like.ts', likes)
    const liked = [{ id: 'l1', event: 'product liked', anonymous_id: 'd1' }]
    await until(
      () =>
        sendEvents(maru.port, liked).then(
          () => true,
          () => false,
        ),
      'the event is taken',
    )
    await answers('select count(*) from merged.product_like', '1')
    ok(maru.said.includes('runs follow the edited project'))
  })

  it('says what is wrong with an edit, goes on by the last good project, and follows again', async () => {
    const good = 'select id, occurred_at, actor as visitor'
    project.edit('act/product_like.ts', good, 'select id, occurred_at, nobody as visitor')
    await until(() => maru.said.some((line) => /runs wait/.test(line)), 'a word about the edit')
    match(
      maru.said.find((line) => /runs wait/.test(line))!,
      /act\/product_like\.ts.*nobody.*\[CHECK_FAILED\]/,
    )
    const before = await state.journalEnd()
    await sendEvents(maru.port, [
      { id: 'v2', event: 'product viewed', anonymous_id: 'd1', properties: { product_id: 1 } },
    ])
    await until(
      async () => (await state.journal(['merged.product_view'], before)).length > 0,
      'the view is in the metric by the last good project',
    )
    equal(maru.said.filter((line) => /runs wait/.test(line)).length, 1)
    project.edit('act/product_like.ts', 'nobody', 'actor')
    await answers('select count(*) from merged.product_view', '2')
  })
})

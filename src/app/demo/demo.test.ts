import { strict as assert } from 'node:assert'
import { spawnSync } from 'node:child_process'
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Client } from 'pg'
import { openApp } from '../open.ts'
import { demoProjectFolder, runDemo } from './demo.ts'
import type { DemoEvent } from './demo.ts'
import { startServer } from './postgres.ts'

const size = { members: 300, lines: 2000, years: 1, seed: 3 }
const root = path.resolve(import.meta.dirname, '../../..')

describe('the demo', () => {
  let folder: string
  let project: string

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'maru-demo-test-'))
    // As root the server runs as nobody, who must reach the folder.
    await chmod(folder, 0o755)
    project = path.join(folder, 'shop')
    await cp(demoProjectFolder(), project, {
      recursive: true,
      filter: (source) => path.basename(source) !== '.maru',
    })
    await mkdir(path.join(project, 'node_modules'))
    await symlink(root, path.join(project, 'node_modules', 'maru'))
  })

  after(async () => {
    await (await startServer(path.join(project, '.maru/demo'), 0)).stop()
    await rm(folder, { recursive: true, force: true })
  })

  async function run(keep: boolean, eventsMs = keep ? 1_000 : 0): Promise<readonly DemoEvent[]> {
    const events: DemoEvent[] = []
    await runDemo({
      size,
      keep,
      eventsMs,
      projectFolder: project,
      onEvent: (event) => events.push(event),
    })
    return events
  }

  it('answers with the numbers that the shop’s own database gives, and leaves PostgreSQL running with keep', async () => {
    const events = await run(true)
    const answers = events.filter((event) => event.kind === 'answer')
    const url = /postgres:\/\/\S+?\/shop/.exec(JSON.stringify(events.at(-1)))?.[0]
    const client = new Client({ connectionString: url })
    await client.connect()
    const ask = async (sql: string): Promise<unknown[][]> =>
      (await client.query<unknown[]>({ text: sql, rowMode: 'array' })).rows
    const lines = 'order_item i join orders o on o.id = i.order_id'
    const byYear =
      await ask(`select sum(i.quantity * i.price - i.discount) filter (where o.status = 'paid')::text, count(distinct o.id)::int,
      count(distinct o.member_id)::int from ${lines}`)
    const byGrade =
      await ask(`select g.grade, sum(i.quantity * i.price - i.discount) filter (where o.status = 'paid')::text, count(distinct o.member_id)::int
      from ${lines} join lateral (select grade from member_grade where member_id = o.member_id and since <= o.ordered_at order by since desc limit 1) g on true
      group by 1 order by sum(i.quantity * i.price - i.discount) filter (where o.status = 'paid') desc`)
    await client.end()
    assert.deepEqual(
      answers[0]?.result.rows.map((row) => row.slice(1, 4)),
      byYear,
    )
    assert.deepEqual(
      answers[2]?.result.rows.map((row) => row.slice(0, 3)),
      byGrade,
    )
    assert.equal(answers.length, 5)
    for (const { command } of answers) {
      const words = shellWords(command).slice(1)
      const { status, stderr } = spawnSync(
        process.execPath,
        [path.join(root, 'src/cli/maru.ts'), ...words, '--project', project],
        { encoding: 'utf8' },
      )
      assert.equal(status, 0, `${command}: ${stderr}`)
    }
  })

  it('has nothing to build the second time, and stops PostgreSQL', async () => {
    const events = await run(false)
    assert.ok(
      events.some(
        (event) => event.kind === 'done' && event.what === 'tables up to date, nothing to build',
      ),
    )
    assert.ok(!events.some((event) => event.kind === 'done' && event.what.startsWith('shop made')))
    await assert.rejects(readFile(path.join(project, '.maru/demo/postgres/postmaster.pid')), {
      code: 'ENOENT',
    })
  })

  it('refuses to run beside another demo, and takes over from one that was killed', async () => {
    const mark = path.join(project, '.maru/demo/running')
    await writeFile(mark, String(process.pid))
    await assert.rejects(run(false), { code: 'RUN_IN_PROGRESS', hint: /running/ })
    await writeFile(mark, '4194304')
    await run(false)
  })

  it('sends by the same key every time', async () => {
    await run(false, 200)
    const app = openApp({ folder: project })
    assert.deepEqual(
      (await app.keys.list()).map(({ id }) => id),
      ['web-1'],
    )
    await app.close()
  })
})

/** Words as a shell splits them, where only double quotes are used. */
function shellWords(command: string): readonly string[] {
  return [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')
}

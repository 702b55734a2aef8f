/** `maru start` as a user meets it: events are in metrics, parts can run alone, what dies comes back, a stop drains, and nothing is left over. */
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { App } from '../../src/app/app.ts'
import { openApp } from '../../src/app/open.ts'
import type { TestProject } from '../../src/project/test-project.suite.ts'
import { countOf, eventKey, makeEventProject, sendEvents, until } from '../run/event-project.ts'
import { runMaru } from './run-maru.ts'
import { startMaru } from './started.ts'
import type { StartedMaru } from './started.ts'

const viewed = (id: string): object => ({
  id,
  event: 'product viewed',
  anonymous_id: `device of ${id}`,
  properties: { product_id: 1 },
})

describe('maru start', () => {
  let project: TestProject
  let app: App
  const started: StartedMaru[] = []

  beforeEach(() => {
    project = makeEventProject()
    app = openApp({ folder: project.folder })
  })
  afterEach(async () => {
    await Promise.all(started.splice(0).map((maru) => maru.stop('SIGKILL')))
    await app.close()
    project.dispose()
  })

  async function start(...args: readonly string[]): Promise<StartedMaru> {
    const maru = await startMaru(project.folder, ...args)
    started.push(maru)
    return maru
  }

  it('brings a project that holds nothing to a metric, and ends with 0', async () => {
    project.edit('maru.config.ts', `{ keys: '${eventKey}' }`, '{}')
    const made = await runMaru(project.folder, 'keys', 'create', 'web')
    const key = made.stdout.trim().split(' ')[1]!
    const maru = await start()
    deepEqual([...maru.children().keys()].toSorted(), [
      'collect-process',
      'land-process',
      'run-process',
    ])
    await sendEvents(maru.port, [viewed('a'), viewed('b')], key)
    equal(await maru.stop(), 0)
    const asked = await runMaru(project.folder, 'metric', 'product_views', '--format', 'json')
    deepEqual(JSON.parse(asked.stdout), [{ product_views: 2 }])
    equal(maru.said.at(-1), 'stopped')
  })

  it('does one part alone: one takes, one lands, one runs', async () => {
    const collects = await start('--only', 'collect')
    deepEqual([...collects.children().keys()], ['collect-process'])
    await sendEvents(collects.port, [viewed('a')])
    equal(await countOf(app, 'raw.event'), 0)
    // Beside the first: the parts differ.
    const lands = await start('--only', 'land')
    await until(async () => (await countOf(app, 'raw.event')) === 1, 'the event landed')
    equal(await collects.stop(), 0)
    equal(await lands.stop(), 0)
    equal(await countOf(app, 'act.product_view'), 0)
    const runs = await start('--only', 'run')
    await until(async () => (await countOf(app, 'act.product_view')) === 1, 'the run')
    equal(await runs.stop(), 0)
  })

  it('starts again what was killed, says so, and loses nothing', async () => {
    const maru = await start()
    await sendEvents(maru.port, [viewed('before')])
    const names = ['collect-process', 'land-process', 'run-process']
    for (const pid of maru.children().values()) process.kill(pid, 'SIGKILL')
    await until(() => names.every((name) => maru.children().has(name)), 'all three are there again')
    for (const what of ['collector 0', 'landing', 'runs'])
      ok(maru.said.includes(`${what} ended (killed); it starts again in 200 ms`), what)
    await until(
      () => sendEvents(maru.port, [viewed('after')]).then(() => true, isUnreachable),
      'it takes events again',
    )
    equal(await maru.stop(), 0)
    deepEqual(await ids(), ['after', 'before'])
  })

  it('lands and runs all that it acknowledged when it is stopped under load, by Ctrl-C too', async () => {
    const maru = await start()
    const acknowledged: string[] = []
    let isSending = true
    const senders = Array.from({ length: 4 }, async (_, sender) => {
      for (let count = 0; isSending; count++) {
        const batch = Array.from({ length: 10 }, (_unused, index) => `${sender}-${count}-${index}`)
        // oxlint-disable-next-line no-await-in-loop
        const isTaken = await sendEvents(maru.port, batch.map(viewed)).then(
          () => true,
          () => false,
        )
        if (isTaken) acknowledged.push(...batch)
        else isSending = false
      }
    })
    await until(() => acknowledged.length > 500, 'some events')
    const code = await maru.stop('SIGINT')
    isSending = false
    await Promise.all(senders)
    equal(code, 0, maru.said.join('\n'))
    const built = new Set(await ids())
    deepEqual(
      acknowledged.filter((id) => !built.has(id)),
      [],
    )
    equal((await ids()).length, built.size)
  })

  it('refuses a second one in the same folder, and takes over from one that was killed', async () => {
    const maru = await start()
    const second = await runMaru(project.folder, 'start')
    equal(second.code, 1)
    match(
      second.stderr,
      /^maru: another maru start \(collect\) is working on this project \(process \d+ on .*\[RUN_IN_PROGRESS\] → stop it first.*\n$/,
    )
    await sendEvents(maru.port, [viewed('a')])
    equal(await maru.stop('SIGKILL'), null)
    const next = await start()
    await sendEvents(next.port, [viewed('b')])
    equal(await next.stop(), 0)
    deepEqual(await ids(), ['a', 'b'], [...maru.said, ...next.said].join('\n'))
  })

  it('says in one line that its port is taken, and leaves nothing behind', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as AddressInfo
    try {
      project.edit('maru.config.ts', 'port: 0', `port: ${port}`)
      const { code, stderr } = await runMaru(project.folder, 'start')
      equal(code, 1)
      match(
        stderr,
        new RegExp(
          `^maru: cannot listen on 127.0.0.1:${port}: .*EADDRINUSE.* \\[COLLECT_PORT\\] → stop what listens there.*\\n$`,
        ),
      )
    } finally {
      other.close()
    }
    project.edit('maru.config.ts', `port: ${port}`, 'port: 0')
    equal(await (await start()).stop(), 0)
  })

  /** Of the views that were built. */
  async function ids(): Promise<readonly string[]> {
    const { rows } = await app.query('select id from act.product_view order by id')
    return rows.map(([id]) => String(id))
  }
})

function isUnreachable(error: unknown): false {
  if (error instanceof TypeError) return false
  throw error
}

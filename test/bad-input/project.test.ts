/** Faults of the project and of its state: a declaration that throws, two runs at once, records of a newer Maru. */
import { strict as assert } from 'node:assert'
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { openApp } from '../../src/app/open.ts'
import type { TestProject } from '../../src/project/test-project.suite.ts'
import { makeTestProject } from '../../src/project/test-project.suite.ts'
import { maruCommand, runMaru } from '../cli/run-maru.ts'
import { assertDone, look, runOnce } from './bad-project.ts'

describe('a declaration that throws', () => {
  let project: TestProject

  before(() => {
    project = makeTestProject()
  })

  after(() => project.dispose())

  it('is named with its line, runs nothing, and harms nothing that was built', async () => {
    assertDone(await runOnce(project))
    const built = await look(project)
    project.edit(
      'metric/sales.ts',
      'export const members',
      "if (1 > 0) throw new Error('no such luck')\nexport const members",
    )
    const check = await runMaru(project.folder, 'check')
    assert.equal(check.code, 1)
    assert.match(
      check.stderr,
      /^metric\/sales\.ts:\d+(:\d+)?: .*no such luck.*\[PROJECT_LOAD\] → \S/m,
    )
    for (const words of [['run'], ['plan'], ['query', 'select 1'], ['list']]) {
      const refused = await runMaru(project.folder, ...words)
      assert.deepEqual([refused.code, refused.stdout], [1, ''], words.join(' '))
      assert.match(refused.stderr, /^maru: metric\/sales\.ts:.*no such luck[^\n]*\n$/)
    }
    project.edit('metric/sales.ts', "if (1 > 0) throw new Error('no such luck')\n", '')
    assert.deepEqual(await look(project), built)
    const again = await runOnce(project)
    assert.ok(again.tasks.every((task) => task.status === 'unchanged'))
  })
})

describe('two runs at once on one project', () => {
  let project: TestProject

  beforeEach(() => {
    project = makeTestProject()
  })

  afterEach(() => project.dispose())

  it('meet: the second says who works, changes nothing, and works when the first is through', async () => {
    const app = openApp({ folder: project.folder })
    let second: { readonly code: number | null; readonly stderr: string } | undefined
    const record = await app.run({
      ids: [],
      // The other process comes and goes while this one is inside its first task.
      onProgress: () => {
        if (second !== undefined) return
        const { status, stderr } = spawnSync(process.execPath, [maruCommand, 'run'], {
          cwd: project.folder,
          encoding: 'utf8',
        })
        second = { code: status, stderr }
      },
    })
    await app.close()
    assertDone(record)
    assert.equal(second?.code, 1)
    assert.match(second.stderr, new RegExp(`another run .*process ${process.pid}.*RUN_IN_PROGRESS`))
    const third = await runMaru(project.folder, 'run')
    assert.deepEqual([third.code, third.stderr], [0, ''])
    assert.match(third.stdout, /^0 published, 8 unchanged/)
  })

  it('started together give the tables of one run', async () => {
    const finished = await Promise.all(
      Array.from({ length: 3 }, () => runMaru(project.folder, 'run')),
    )
    assert.ok(finished.some((each) => each.code === 0))
    for (const each of finished)
      if (each.code !== 0) assert.match(each.stderr, /\[RUN_IN_PROGRESS\] → \S/)
    assertDone(await runOnce(project))
    const { sales } = await look(project)
    assert.deepEqual(sales, [['983.50', 9, 5]])
  })
})

describe('a state database of a newer Maru', () => {
  let project: TestProject

  before(() => {
    project = makeTestProject()
  })

  after(() => project.dispose())

  it('is left as it is, said so, and read again by the Maru that knows it', async () => {
    assertDone(await runOnce(project))
    const built = await look(project)
    const file = path.join(project.folder, '.maru/state.db')
    const version = pragma(file)
    pragma(file, version + 1)
    for (const words of [['run'], ['plan'], ['list'], ['query', 'select 1'], ['compact']]) {
      const refused = await runMaru(project.folder, ...words)
      assert.deepEqual([refused.code, refused.stdout], [1, ''], words.join(' '))
      assert.match(refused.stderr, /^maru: [^\n]*\[STATE_NEWER\] → \S[^\n]*\n$/)
    }
    assert.equal(pragma(file), version + 1)
    pragma(file, version)
    assert.deepEqual(await look(project), built)
  })
})

/** The number of the format; sets it when given. */
function pragma(file: string, version?: number): number {
  const database = new DatabaseSync(file)
  try {
    if (version !== undefined) database.exec(`pragma user_version = ${version}`)
    return Number(database.prepare('pragma user_version').get()!['user_version'])
  } finally {
    database.close()
  }
}

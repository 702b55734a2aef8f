import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, afterEach, describe, it } from 'node:test'
import { type MaruError, formatProblem } from '../base/errors.ts'
import { openDuckdbEngine } from '../engine/duckdb/duckdb.ts'
import type { Engine } from '../engine/engine.ts'
import { writeGeneratedProject } from '../../bench/project/generated-project.ts'
import { loadConfig, settingsOf } from './config.ts'
import { checkProject, findProject, initProject, loadChecked } from './project.ts'
import { makeTestProject, type TestProject } from './test-project.suite.ts'

const neverOpened = async (): Promise<Engine> => {
  throw new Error('the engine was opened')
}

let engine: Engine
let folder: string
before(async () => {
  engine = await openDuckdbEngine()
})
after(() => engine.close())
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'maru-project-test-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('finding a project', () => {
  it('takes the nearest folder upward with a configuration', () => {
    mkdirSync(join(folder, 'shop', 'act', 'deep'), { recursive: true })
    writeFileSync(join(folder, 'maru.config.ts'), '')
    writeFileSync(join(folder, 'shop', 'maru.config.ts'), '')
    assert.equal(findProject(join(folder, 'shop', 'act', 'deep')), join(folder, 'shop'))
    assert.equal(findProject(folder), folder)
  })

  it('says how to make one when there is none', () => {
    assert.throws(
      () => findProject(folder),
      (error: MaruError) => error.code === 'PROJECT_NOT_FOUND' && /maru init/.test(error.hint!),
    )
  })

  it('says to install when the project has no package', async () => {
    writeFileSync(join(folder, 'maru.config.ts'), "export default { zone: 'UTC' }\n")
    await assert.rejects(
      loadChecked(folder, neverOpened),
      (error: MaruError) =>
        error.code === 'PROJECT_NOT_INSTALLED' && /npm install/.test(error.hint!),
    )
  })
})

describe('the configuration', () => {
  it('resolves paths against the project folder and fills what is not said', async () => {
    writeFileSync(
      join(folder, 'maru.config.ts'),
      "export default { zone: 'Asia/Seoul', lake: '../lake', sources: { shop: { kind: 'postgres', url: 'postgres://h/d', every: '10 minutes' } } }\n",
    )
    assert.deepEqual(await loadConfig(folder), {
      zone: 'Asia/Seoul',
      buckets: 8,
      lakeFolder: join(folder, '..', 'lake'),
      statePath: join(folder, '.maru', 'state.db'),
      sources: { shop: { kind: 'postgres', url: 'postgres://h/d', everyMs: 600_000 } },
    })
    writeFileSync(
      join(folder, 'maru.config.ts'),
      "export default { zone: 'UTC', sources: { shop: { kind: 'postgres', url: 'u', every: '10 moons' } } }\n",
    )
    await assert.rejects(loadConfig(folder), {
      message: "sources.shop.every: is no interval, as '10 minutes'",
    })
  })

  it('fills the policies of who sends events, keeps keys out of what is stored, and names a wrong setting', async () => {
    const path = join(folder, 'maru.config.ts')
    const collect = (source: string, proxy = '::1'): void => {
      writeFileSync(
        path,
        `export default { zone: 'UTC', collect: { sources: { web: ${source} }, trustedProxies: ['10.0.0.0/8', '${proxy}'], log: { kind: 'kafka', brokers: ['b:9092'], topic: 'events' } } }\n`,
      )
      utimesSync(path, new Date(), new Date(Date.now() + 1_000 * ++edits))
    }
    let edits = 0
    collect("{ rate: 100, keys: 'first-secret-key-1, first-secret-key-2' }")
    const config = await loadConfig(folder)
    assert.deepEqual(config.collect, {
      port: 8780,
      processes: 1,
      sources: {
        web: {
          rate: 100,
          address: 'truncate',
          unknownProperties: 'keep',
          keys: ['first-secret-key-1', 'first-secret-key-2'],
        },
      },
      trustedProxies: ['10.0.0.0/8', '::1'],
      log: { kind: 'kafka', brokers: ['b:9092'], topic: 'events' },
    })
    assert.ok(!JSON.stringify(settingsOf(config, folder)).includes('secret'))
    collect("{ adress: 'keep' }")
    await assert.rejects(loadConfig(folder), {
      message: 'collect.sources.web.adress is not a setting',
      hint: 'Did you mean "address"?',
    })
    collect("{ keys: 'short' }")
    await assert.rejects(loadConfig(folder), (error: MaruError) => {
      return error.message.includes('16 characters') && !error.message.includes('short')
    })
    collect('{}', '10.0.0.0/33')
    await assert.rejects(loadConfig(folder), {
      message: 'collect.trustedProxies.1: is no address or network, as 10.0.0.0/8',
    })
  })

  it('sees an edit within the same process', async () => {
    const path = join(folder, 'maru.config.ts')
    writeFileSync(path, "export default { zone: 'Asia/Seoul' }\n")
    assert.equal((await loadConfig(folder)).zone, 'Asia/Seoul')
    writeFileSync(path, "export default { zone: 'Europe/London' }\n")
    utimesSync(path, new Date(), new Date(Date.now() + 5_000))
    assert.equal((await loadConfig(folder)).zone, 'Europe/London')
  })

  it('never shows a url in what it refuses', async () => {
    writeFileSync(
      join(folder, 'maru.config.ts'),
      "export default { zone: 'UTC', sources: { shop: { kind: 'mysql', url: 'mysql://u:secret@h/d', pool: 3 } } }\n",
    )
    await assert.rejects(
      loadConfig(folder),
      (error: MaruError) =>
        error.code === 'PROJECT_CONFIG' &&
        !`${error.message}${error.hint}${error.stack}`.includes('secret'),
    )
  })
})

describe('maru init', () => {
  it('makes a project that type-checks and has no problems', async () => {
    const result = await initProject(join(folder, 'my shop'), { zone: 'Asia/Seoul' })
    assert.equal(result.linked, true)
    execFileSync(
      process.execPath,
      [
        join(import.meta.dirname, '..', '..', 'node_modules', 'typescript', 'bin', 'tsc'),
        '-p',
        result.folder,
      ],
      { stdio: 'pipe' },
    )
    const checked = await checkProject(result.folder, engine)
    assert.deepEqual(checked.problems.map(formatProblem), [])
    assert.deepEqual([...checked.bindings.keys()].toSorted(), [
      'act.purchase',
      'obj.member',
      'obj.product',
    ])
    assert.ok(checked.model.tables.some((table) => table.id === 'merged.purchase'))
  })

  it('touches nothing in a folder that holds any of it', async () => {
    writeFileSync(join(folder, 'maru.config.ts'), 'mine')
    await assert.rejects(
      initProject(folder),
      (error: MaruError) =>
        error.code === 'PROJECT_EXISTS' && error.message.includes('maru.config.ts'),
    )
    assert.deepEqual(readdirSync(folder), ['maru.config.ts'])
  })
})

describe('the cache of maru check', () => {
  let project: TestProject
  beforeEach(() => {
    project = makeTestProject()
  })
  afterEach(() => project.dispose())
  const check = (): ReturnType<typeof checkProject> => checkProject(project.folder, engine)

  it('answers without an engine when nothing changed, with the same model and bindings', async () => {
    const cold = await check()
    const warm = await loadChecked(project.folder, neverOpened)
    assert.equal(cold.cached, false)
    assert.equal(warm.cached, true)
    assert.deepEqual(warm.model, cold.model)
    assert.deepEqual([...warm.bindings], [...cold.bindings])
    assert.deepEqual(
      { tasks: warm.tasks, settings: warm.settings, problems: warm.problems },
      { tasks: cold.tasks, settings: cold.settings, problems: cold.problems },
    )
  })

  it('binds nothing again after an edit that changes no SQL and no shape', async () => {
    await check()
    project.edit(
      'obj/member.ts',
      "description: 'a person with an account'",
      "description: 'somebody with an account'",
    )
    const checked = await check()
    assert.deepEqual({ cached: checked.cached, bound: checked.bound }, { cached: false, bound: 0 })
    assert.equal(
      checked.model.tables.find((table) => table.id === 'obj.member')!.description,
      'somebody with an account',
    )
  })

  it('binds only the task whose SQL changed', async () => {
    await check()
    project.edit('act/purchase.ts', 'quantity * price as amount', 'price * quantity as amount')
    assert.equal((await check()).bound, 1)
  })

  it('binds the readers of a table whose shape changed, and finds what that breaks', async () => {
    await check()
    project.edit('raw/order_line.ts', 'quantity: integer', 'pieces: integer')
    const checked = await check()
    assert.equal(checked.bound, 1)
    assert.match(
      checked.problems.map(formatProblem).join('\n'),
      /act\/purchase\.ts:\d+:\d+: .*quantity/,
    )
  })

  it('notices a file that came and a file that went', async () => {
    await check()
    project.write(
      'metric/more.ts',
      "import { sum } from 'maru'\nimport purchase from '../act/purchase.ts'\nexport const pieces = sum(purchase.quantity)\n",
    )
    assert.ok((await check()).model.metrics.some((metric) => metric.name === 'pieces'))
    project.remove('metric/more.ts')
    assert.ok(!(await check()).model.metrics.some((metric) => metric.name === 'pieces'))
  })

  it('notices an edit of a file outside the class folders that a declaration imports', async () => {
    project.write('shared/text.ts', "export const who = 'a person'\n")
    project.edit(
      'obj/member.ts',
      'import member from',
      "import { who } from '../shared/text.ts'\nimport member from",
    )
    project.edit('obj/member.ts', "description: 'a person with an account'", 'description: who')
    await check()
    assert.equal((await check()).cached, true)
    project.write('shared/text.ts', "export const who = 'somebody'\n")
    assert.equal(
      (await check()).model.tables.find((table) => table.id === 'obj.member')!.description,
      'somebody',
    )
  })

  it('notices an edit that keeps the size and puts the time back', async () => {
    await check()
    const path = join(project.folder, 'obj/member.ts')
    const { atime, mtime } = statSync(path)
    project.edit('obj/member.ts', 'a person with an account', 'a persom with an account')
    utimesSync(path, atime, mtime)
    assert.equal((await check()).cached, false)
  })

  it('stays true when only times change', async () => {
    await check()
    const path = join(project.folder, 'obj/member.ts')
    utimesSync(path, new Date(), new Date())
    assert.equal((await loadChecked(project.folder, neverOpened)).cached, true)
  })

  it('notices another value of an environment variable, and keeps none in clear', async () => {
    const variable = 'MARU_TEST_CHECK_CACHE'
    process.env[variable] = 'first-secret-value'
    try {
      project.edit('raw/product.ts', 'import { decimal,', 'import { decimal, env,')
      project.edit(
        'raw/product.ts',
        "path: 'data/product.csv'",
        `path: env('${variable}') === '' ? '' : 'data/product.csv'`,
      )
      await check()
      assert.equal((await check()).cached, true)
      const cache = join(project.folder, '.maru', 'cache', 'check')
      for (const name of readdirSync(cache))
        assert.ok(!readFileSync(join(cache, name), 'utf8').includes('secret-value'), name)
      process.env[variable] = 'second-secret-value'
      assert.equal((await check()).cached, false)
    } finally {
      delete process.env[variable]
    }
  })

  it('is not used in a copy of the folder, whose lake and records lie elsewhere, but nothing is bound again there', async () => {
    await check()
    const copy = join(folder, 'copy')
    cpSync(project.folder, copy, { recursive: true })
    const checked = await checkProject(copy, engine)
    assert.deepEqual({ cached: checked.cached, bound: checked.bound }, { cached: false, bound: 0 })
    assert.equal(checked.settings.statePath, join(copy, '.maru', 'state.db'))
    assert.equal((await loadChecked(copy, neverOpened)).cached, true)
  })

  it('is not used for another version of the engine', async () => {
    await check()
    const newer = {
      ...engine,
      version: `${engine.version}+1`,
      open: engine.open.bind(engine),
      close: engine.close.bind(engine),
    }
    const checked = await checkProject(project.folder, newer)
    assert.deepEqual(
      { cached: checked.cached, bound: checked.bound },
      { cached: false, bound: checked.tasks },
    )
  })

  it('is built anew when any of its files is damaged, and holds one generation', async () => {
    await check()
    const cache = join(project.folder, '.maru', 'cache', 'check')
    const names = readdirSync(cache)
    assert.equal(names.length, 3)
    for (const name of names) {
      const whole = readFileSync(join(cache, name), 'utf8')
      for (const damage of [whole.slice(0, whole.length / 2), whole.replace(/[a-z]/, 'q')]) {
        writeFileSync(join(cache, name), damage)
        const checked = await check()
        assert.equal(checked.cached, false, `${name} with ${damage.slice(0, 20)}`)
        assert.deepEqual(checked.problems, [])
      }
    }
    assert.equal((await check()).cached, true)
    project.edit('act/purchase.ts', 'quantity * price as amount', 'price * quantity as amount')
    await check()
    assert.equal(readdirSync(cache).length, 3)
  })

  it('does not depend on the order in which tasks are bound', async () => {
    const cold = await check()
    // Touch one task after the other, so that each is once bound alone.
    for (const [path, from] of [
      ['act/purchase.ts', 'select id, ordered_at'],
      ['obj/member.ts', 'select id, country'],
      ['obj/product.ts', 'select id, name'],
    ] as const) {
      project.edit(path, from, from.replace('select ', 'select  '))
      assert.equal((await check()).bound, 1)
    }
    const warm = await check()
    const shape = (checked: typeof cold): unknown =>
      [...checked.bindings].map(([id, binding]) => [
        id,
        binding.columns,
        binding.tables,
        binding.lineage,
      ])
    assert.deepEqual(shape(warm), shape(cold))
  })
})

describe('a large project', () => {
  it('checks without a problem, and warm without loading anything', async () => {
    const { tasks } = writeGeneratedProject(folder, 150)
    const cold = await checkProject(folder, engine)
    assert.deepEqual(cold.problems.map(formatProblem), [])
    assert.deepEqual({ tasks: cold.tasks, bound: cold.bound }, { tasks, bound: tasks })
    const start = performance.now()
    assert.equal((await loadChecked(folder, neverOpened)).cached, true)
    assert.ok(performance.now() - start < 1_000)
  })
})

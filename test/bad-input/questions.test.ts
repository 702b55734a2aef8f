/** Questions that nobody should ask, and some that are only large: each is an error that says what to do, or an answer that is right. */
import { strict as assert } from 'node:assert'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { App } from '../../src/app/app.ts'
import { openApp } from '../../src/app/open.ts'
import { isMaruError } from '../../src/base/errors.ts'
import { openDuckdbEngine } from '../../src/engine/duckdb/duckdb.ts'
import type { MetricQuestion } from '../../src/metric/metric.ts'
import { makeTestProject } from '../../src/project/test-project.suite.ts'
import type { TestProject } from '../../src/project/test-project.suite.ts'
import { runMaru } from '../cli/run-maru.ts'
import { assertDone, runOnce } from './bad-project.ts'

describe('questions', () => {
  let project: TestProject
  let app: App

  before(async () => {
    project = makeTestProject()
    project.write(
      'metric/hard.ts',
      `import { count, ratio } from 'maru'
import purchase from '../act/purchase.ts'
export const never_sold = count(purchase).where(purchase.quantity.above(1000))
export const all_lines = count(purchase)
export const impossible = ratio(all_lines, never_sold, { description: 'divides by nothing' })
`,
    )
    assertDone(await runOnce(project))
    app = openApp({ folder: project.folder })
  })

  after(async () => {
    await app.close()
    project.dispose()
  })

  async function rows(question: MetricQuestion): Promise<readonly (readonly unknown[])[]> {
    return (await app.metric(question)).result.rows
  }

  const refusals: readonly (readonly [string, MetricQuestion, string, RegExp])[] = [
    ['a metric that is not there', { metrics: ['salez'] }, 'MODEL_UNKNOWN_METRIC', /"sales"/],
    [
      'a dimension that is not there',
      { metrics: ['sales'], by: ['member.countri'] },
      'METRIC_BAD_QUERY',
      /member\.country/,
    ],
    [
      'a pair that does not go together',
      { metrics: ['members'], by: ['product.brand'] },
      'METRIC_ILLEGAL',
      /\S/,
    ],
    [
      'a condition of another type',
      { metrics: ['sales'], where: "quantity > 'many'" },
      'METRIC_BAD_QUERY',
      /\S/,
    ],
    ['a day that is none', { metrics: ['sales'], from: '2026-02-30' }, 'USAGE', /\S/],
    [
      'an end before the beginning',
      { metrics: ['sales'], from: '2026-02-01', to: '2026-01-01' },
      'METRIC_BAD_QUERY',
      /\S/,
    ],
  ]
  for (const [what, question, code, hint] of refusals)
    it(`refuse ${what}, and say what to do`, async () => {
      await assert.rejects(rows(question), (error) => {
        assert.ok(isMaruError(error), String(error))
        assert.equal(error.code, code)
        assert.match(`${error.message} ${error.hint ?? ''}`, hint)
        assert.ok((error.hint ?? '') !== '')
        return true
      })
    })

  it('divide by nothing into unknown, never infinity', async () => {
    assert.deepEqual(await rows({ metrics: ['never_sold', 'impossible'] }), [[0, null]])
    for (const row of await rows({ metrics: ['impossible'], by: ['member.country'] }))
      assert.equal(row[1], null)
  })

  it('have an answer for a time in which nothing happened', async () => {
    const empty = { from: '2031-01-01', to: '2031-02-01' }
    assert.deepEqual(await rows({ metrics: ['sales', 'all_lines'], ...empty }), [[null, 0]])
    assert.deepEqual(await rows({ metrics: ['sales'], by: ['member.country'], ...empty }), [])
  })

  it('take ten thousand values in a list', async () => {
    const names = Array.from({ length: 10_000 }, (_, at) => `X${at}`)
    const condition = (values: readonly string[]): string =>
      `member.country in (${values.map((value) => `'${value}'`).join(', ')})`
    const found = await rows({ metrics: ['sales'], where: condition(['KR', ...names, 'FR']) })
    assert.deepEqual(found, await rows({ metrics: ['sales'], where: condition(['KR', 'FR']) }))
    assert.notDeepEqual(found, await rows({ metrics: ['sales'] }))
  })

  it('give only the first groups of very many, and say so', async () => {
    const question = { metrics: ['all_lines'], by: ['id'] }
    const whole = (await app.metric(question)).result
    assert.equal(whole.truncated, false)
    const cut = (await app.metric(question, { rowsMax: 2 })).result
    assert.deepEqual([cut.rows, cut.truncated], [whole.rows.slice(0, 2), true])
  })

  it('are refused by the command line in one line', async () => {
    const asked = await runMaru(project.folder, 'metric', 'sales', '--where', "quantity = 'x'")
    assert.deepEqual([asked.code, asked.stdout], [1, ''])
    assert.match(asked.stderr, /^maru: [^\n]+ → \S[^\n]*\n$/)
  })
})

describe('a dimension of very many values', () => {
  it('is grouped on the disk when it does not fit in memory', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'maru-spill-'))
    const engine = await openDuckdbEngine({
      memoryLimitBytes: 128 * 1024 * 1024,
      threads: 2,
      temporaryFolder: folder,
    })
    try {
      const session = await engine.open({ zone: 'Asia/Seoul' })
      const { rows } = await session.query(
        `select count(*), cast(sum(lines) as bigint) from (select 'member number ' || n % 2000000 as member, count(*) as lines from range(2500000) as numbers(n) group by 1)`,
      )
      assert.deepEqual(rows, [[2_000_000, 2_500_000]])
    } finally {
      await engine.close()
    }
    assert.deepEqual(await readdir(folder), [])
    await rm(folder, { recursive: true })
  })
})

import { strict as assert } from 'node:assert'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { runMaru } from './run-maru.ts'

/** Metrics that have no value without a dimension of their own. */
const kept = `import { first, lifecycle, retention } from 'maru'
import purchase from '../act/purchase.ts'

export const kept = retention(first(purchase), purchase, { grain: 'month' })
export const woken = lifecycle(purchase, 'resurrected', { grain: 'month' })
`

type JsonRows = readonly Readonly<Record<string, unknown>>[]

describe('indicators', () => {
  let parent: string
  let project: string

  before(async () => {
    parent = await mkdtemp(path.join(tmpdir(), 'maru-indicators-'))
    project = path.join(parent, 'shop')
    assert.equal((await runMaru(parent, 'init', 'shop', '--zone', 'Asia/Seoul')).code, 0)
    await writeFile(path.join(project, 'metric/kept.ts'), kept)
    assert.equal((await runMaru(project, 'run')).code, 0)
  })
  after(() => rm(parent, { recursive: true, force: true }))

  async function json(...args: readonly string[]): Promise<JsonRows> {
    const { code, stdout, stderr } = await runMaru(project, ...args, '--format', 'json')
    assert.deepEqual([code, stderr], [0, ''], args.join(' '))
    return JSON.parse(stdout) as JsonRows
  }

  it('are as many as are listed, each with an id that a question answers', async () => {
    const counts = await json('indicators')
    const listed = await json('indicators', '--all')
    const refused = await json('indicators', '--refused')
    const sum = (name: string): number =>
      counts.reduce((total, row) => total + Number(row[name]), 0)
    assert.equal(listed.length, sum('indicators'))
    assert.equal(refused.length, sum('refused'))
    assert.ok(listed.every(({ description }) => description !== ''))
    assert.ok(refused.every(({ reason }) => reason !== ''))
    // Some of every metric: also of kinds whose rows do not add up.
    const ids = listed.filter((_, at) => at % 12 === 0).map(({ id }) => String(id))
    for (let at = 0; at < ids.length; at += 4)
      await Promise.all(
        ids.slice(at, at + 4).map(async (id) => {
          const asked = await runMaru(project, 'metric', id, '--limit', '3')
          assert.deepEqual([asked.code, asked.stderr], [0, ''], id)
        }),
      )
  })

  it('are asked with the dimension without which their metric has no value', async () => {
    const [first] = await json('metric', 'kept/member.id')
    assert.deepEqual(Object.keys(first!), ['member.id', 'age', 'kept'])
    const { code } = await runMaru(project, 'metric', 'woken/month')
    assert.equal(code, 0)
  })

  it('name the nearest metric, and filter by a part of the dimension', async () => {
    const { code, stderr } = await runMaru(project, 'indicators', 'salez')
    assert.equal(code, 1)
    assert.match(stderr, /MODEL_UNKNOWN_METRIC.*"sales"/)
    const listed = await json('indicators', 'sales', '--dimension', 'country')
    assert.ok(listed.length > 0)
    assert.ok(listed.every(({ id }) => /^sales\/.*country/.test(String(id))))
  })
})

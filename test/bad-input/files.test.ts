/** Broken files: a clear error, what was published stays, and the run after the repair works. */
import { strict as assert } from 'node:assert'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { formatError } from '../../src/base/errors.ts'
import { openApp } from '../../src/app/open.ts'
import type { TestProject } from '../../src/project/test-project.suite.ts'
import { makeTestProject } from '../../src/project/test-project.suite.ts'
import { assertDone, assertFailed, look, runOnce } from './bad-project.ts'
import type { Seen } from './bad-project.ts'

const goodLine = '13,109,2026-04-01 10:00:00,1,10,2,39.00\n'

interface BadFile {
  readonly what: string
  readonly file: string
  readonly task: string
  /** Makes the bad text of the good one. */
  readonly spoil: (good: Buffer) => Buffer
  readonly says: RegExp
}

const appended =
  (line: string): ((good: Buffer) => Buffer) =>
  (good) =>
    Buffer.concat([good, Buffer.from(line)])

const orderLines = { file: 'data/order_line.csv', task: 'raw.order_line' }
const place = 'data/order_line\\.csv line 14'

const badFiles: readonly BadFile[] = [
  {
    what: 'a row with a field too few',
    ...orderLines,
    spoil: appended('13,109,2026-04-01 10:00:00,1,10,2\n'),
    says: new RegExp(`${place}.*SOURCE_BAD_ROW`),
  },
  {
    what: 'a row with a field too many',
    ...orderLines,
    spoil: appended('13,109,2026-04-01 10:00:00,1,10,2,39.00,x\n'),
    says: new RegExp(`${place}.*SOURCE_BAD_ROW`),
  },
  {
    what: 'a quote that never ends',
    ...orderLines,
    spoil: appended('13,"109,2026-04-01 10:00:00,1,10,2,39.00\n'),
    says: /data\/order_line\.csv.*SOURCE_BAD_ROW/,
  },
  {
    what: 'a word where a number belongs',
    ...orderLines,
    spoil: appended('13,109,2026-04-01 10:00:00,1,10,two,39.00\n'),
    says: new RegExp(`${place}.*quantity.*two.*SOURCE_BAD_ROW`),
  },
  {
    what: 'a price with more digits than declared',
    ...orderLines,
    spoil: appended('13,109,2026-04-01 10:00:00,1,10,2,39.005\n'),
    says: new RegExp(`${place}.*price.*39\\.005.*SOURCE_BAD_ROW`),
  },
  {
    what: 'a day that no calendar has',
    ...orderLines,
    spoil: appended('13,109,2026-02-30 10:00:00,1,10,2,39.00\n'),
    says: new RegExp(`${place}.*ordered_at.*2026-02-30.*SOURCE_BAD_ROW`),
  },
  {
    what: 'bytes that are not UTF-8',
    file: 'data/product.csv',
    task: 'raw.product',
    spoil: (good) =>
      Buffer.concat([
        good,
        Buffer.from([0x31, 0x34, 0x2c, 0xff, 0xfe, 0x2c, 0x78, 0x2c, 0x31, 0x0a]),
      ]),
    says: /data\/product\.csv.*(UTF-8|encoding).*SOURCE_BAD_ROW/i,
  },
  {
    what: 'a header without a declared column',
    file: 'data/member.csv',
    task: 'raw.member',
    spoil: (good) => Buffer.from(good.toString('utf8').replace('country', 'land')),
    says: /country.*SOURCE_CHANGED/,
  },
]

describe('a file that is broken', () => {
  let project: TestProject
  let published: Seen

  before(async () => {
    project = makeTestProject()
    assertDone(await runOnce(project))
    published = await look(project)
  })

  after(() => project.dispose())

  for (const bad of badFiles)
    it(`${bad.what}: is named, publishes nothing, and is taken when corrected`, async () => {
      const file = path.join(project.folder, bad.file)
      const good = readFileSync(file)
      writeFileSync(file, bad.spoil(good))
      try {
        assertFailed(await runOnce(project), bad.task, bad.says)
        assert.deepEqual(await look(project), published)
      } finally {
        writeFileSync(file, good)
      }
      assertDone(await runOnce(project))
      assert.deepEqual((await look(project)).rows, published.rows)
    })

  it('missing: is named, publishes nothing, and is taken when it is back', async () => {
    const file = path.join(project.folder, 'data/member.csv')
    renameSync(file, `${file}.away`)
    try {
      assertFailed(await runOnce(project), 'raw.member', /data\/member\.csv.*SOURCE_MISSING/)
      assert.deepEqual((await look(project)).rows, published.rows)
    } finally {
      renameSync(`${file}.away`, file)
    }
    assertDone(await runOnce(project))
    assert.deepEqual((await look(project)).rows, published.rows)
  })

  it('of an encoding that is not known is a problem before anything is read', async () => {
    project.edit(
      'raw/member.ts',
      "format: 'csv',",
      "format: 'csv', csv: { encoding: 'klingon' as never },",
    )
    let refusal: string | undefined
    try {
      const record = await runOnce(project)
      refusal = record.tasks.find((task) => task.status === 'failed')?.error
    } catch (error) {
      refusal = formatError(error)
    }
    assert.match(refusal ?? 'no refusal', /klingon.*→ .*utf-8/)
    project.edit('raw/member.ts', " csv: { encoding: 'klingon' as never },", '')
    assertDone(await runOnce(project))
    assert.deepEqual((await look(project)).rows, published.rows)
  })

  it('and corrected in its last line brings that line in', async () => {
    const file = path.join(project.folder, 'data/order_line.csv')
    writeFileSync(file, Buffer.concat([readFileSync(file), Buffer.from(goodLine)]))
    assertDone(await runOnce(project))
    const app = openApp({ folder: project.folder })
    try {
      const { rows } = await app.query('select amount from act.purchase where id = 13')
      assert.deepEqual(rows, [['78.00']])
    } finally {
      await app.close()
    }
  })
})

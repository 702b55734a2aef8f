import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { isMaruError, messageOf } from '../base/errors.ts'
import { openTestLake, purchase, stage } from './test-lake.suite.ts'
import type { TestLake } from './test-lake.suite.ts'

const processes = 4
const commits = 25

/** A reader may be so slow that the snapshot it loaded has expired; it is told so, and loads again. */
function unlessExpired(error: unknown): undefined {
  assert.ok(isMaruError(error) && error.code === 'LAKE_NO_SNAPSHOT', messageOf(error))
}

describe('many writers of one table', () => {
  let test: TestLake
  before(async () => {
    test = await openTestLake()
  })
  after(() => test.close())

  it('of four processes commit every file once, while a reader sees whole commits only', async () => {
    let done = false
    const program = path.join(import.meta.dirname, 'concurrent-writer.suite.ts')
    const writers = Promise.all(
      Array.from({ length: processes }, (_, index) =>
        promisify(execFile)(process.execPath, [program, test.folder, `w${index}`, String(commits)]),
      ),
    ).finally(() => (done = true))
    let readings = 0
    let filesBefore = 0
    while (!done) {
      const table = await test.lake.table(purchase.id)
      // A new lake has no caches: it reads what other processes wrote and may meanwhile remove.
      const scan =
        table === undefined ? undefined : await test.again().scan(table).catch(unlessExpired)
      if (scan === undefined) continue
      assert.equal(String(scan.files.length), table?.current?.summary['total-data-files'] ?? '0')
      assert.ok(scan.files.length >= filesBefore)
      filesBefore = scan.files.length
      readings++
    }
    await writers
    assert.ok(readings > 0)
    const table = (await test.lake.table(purchase.id))!
    const scan = await test.again().scan(table)
    const contents = await Promise.all(scan.files.map((file) => readFile(file.path, 'utf8')))
    const wanted = Array.from(
      { length: processes * commits },
      (_, index) => `w${index % processes} ${Math.floor(index / processes)}`,
    )
    assert.deepEqual(contents.toSorted(), wanted.toSorted())
    assert.equal(table.current?.sequenceNumber, processes * commits)
    assert.equal(table.current?.summary['total-records'], String(processes * commits))
    const journal = await test.state.journal([purchase.id], 0)
    assert.deepEqual(journal.map((entry) => entry.from ?? '').toSorted(), wanted.toSorted())
    // Nothing that lost a race is left behind.
    assert.deepEqual(await test.lake.removeOrphans(-60_000), [])
  })

  it('in one process commit every file once', async () => {
    const table = await test.lake.create({ ...purchase, id: 'act.other' })
    await Promise.all(
      Array.from({ length: 10 }, async (_, index) => {
        const files = [await stage(table, { partition: `day=2012-01-${index + 10}`, rows: 1 })]
        await test.lake.commit(table, { kind: 'append', files })
      }),
    )
    assert.equal((await test.lake.scan((await test.lake.table('act.other'))!)).files.length, 10)
  })

  it('replacing the same partition from the same table: one wins, the others are told', async () => {
    const table = await test.lake.create({ ...purchase, id: 'act.contested' })
    const outcomes = await Promise.allSettled(
      Array.from({ length: 4 }, async () => {
        const files = [await stage(table, { partition: 'day=2012-01-01' })]
        return test.lake.commit(table, {
          kind: 'replace',
          partitions: new Set(['day=2012-01-01']),
          files,
        })
      }),
    )
    assert.equal(outcomes.filter((outcome) => outcome.status === 'fulfilled').length, 1)
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') assert.equal(outcome.reason.code, 'LAKE_CONFLICT')
    assert.equal((await test.lake.scan((await test.lake.table('act.contested'))!)).files.length, 1)
  })
})

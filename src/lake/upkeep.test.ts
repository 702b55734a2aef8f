import assert from 'node:assert/strict'
import { readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, describe, it } from 'node:test'
import fc from 'fast-check'
import type { LakeRules, Table } from './lake.ts'
import { mergeCandidates } from './manifest-tiers.ts'
import type { ManifestFile } from './manifest-list.ts'
import { defaultRules } from './rules.ts'
import { openTestLake, purchase, scannedPaths, stage } from './test-lake.suite.ts'
import type { TestLake } from './test-lake.suite.ts'

describe('upkeep of a table', () => {
  let test: TestLake
  afterEach(() => test.close())

  const day = (number: number): string => `day=2011-01-${String(number).padStart(2, '0')}`

  async function opened(rules: Partial<LakeRules> = {}, now?: () => number): Promise<Table> {
    test = await openTestLake({ rules, ...(now === undefined ? {} : { now }) })
    return test.lake.create(purchase)
  }

  async function replaced(table: Table, number: number): Promise<Table> {
    const files = [await stage(table, { partition: day(number) })]
    return test.lake.commit(table, { kind: 'replace', partitions: new Set([day(number)]), files })
  }

  async function filesIn(folder: string): Promise<string[]> {
    const names = await readdir(folder, { recursive: true, withFileTypes: true })
    return names
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name))
  }

  it('keeps as many snapshots as the rule says, and removes the files that only older ones needed', async () => {
    let table = await opened({ keepSnapshots: 3, keepSnapshotsMs: 0, metadataLog: 2 })
    for (let commit = 0; commit < 12; commit++) table = await replaced(table, 1 + (commit % 2))
    assert.equal(table.snapshots.length, 3)
    // Two live files, and one that the oldest kept snapshot still had before each of the two commits since.
    assert.equal((await filesIn(path.join(table.folder, 'data'))).length, 4)
    for (const snapshot of table.snapshots) {
      const scan = await test.again().scan(table, { snapshotId: snapshot.id })
      assert.equal(scan.files.length, 2)
      for (const file of scan.files) assert.ok((await stat(file.path)).isFile())
    }
    const metadata = (await readdir(path.join(table.folder, 'metadata'))).filter((name) =>
      name.endsWith('.json'),
    )
    assert.equal(metadata.length, 3)
    assert.deepEqual(await test.lake.removeOrphans(-60_000), [])
  })

  it('keeps the files that a read of the last minutes was planned from, however often commits come, up to a limit', async () => {
    let nowMs = 1_000_000
    const rules = { keepSnapshots: 2, keepSnapshotsMs: 10_000, snapshotsMax: 8 }
    let table = await opened(rules, () => nowMs)
    const commit = async (everyMs: number): Promise<void> => {
      nowMs += everyMs
      table = await replaced(table, 1)
    }
    for (let count = 0; count < 6; count++) await commit(1_000)
    assert.equal(table.snapshots.length, 6)
    for (let count = 0; count < 6; count++) await commit(100)
    assert.equal(table.snapshots.length, 8)
    for (const snapshot of table.snapshots) {
      const scan = await test.again().scan(table, { snapshotId: snapshot.id })
      for (const file of scan.files) assert.ok((await stat(file.path)).isFile())
    }
    for (let count = 0; count < 2; count++) await commit(20_000)
    assert.equal(table.snapshots.length, 2)
  })

  it('expires by number and age, keeps the current snapshot, and changes no rows', async () => {
    let nowMs = 1_000_000
    let table = await opened({}, () => nowMs)
    for (let commit = 0; commit < 5; commit++) {
      nowMs += 1000
      table = await replaced(table, 1)
    }
    const old = table
    const before = await scannedPaths(test.lake, table)
    const young = await test.lake.expire(table, { keepCount: 1, olderThanMs: 2500 })
    assert.equal(young.removedSnapshots, 2)
    const all = await test.lake.expire(young.table, { keepCount: 1, olderThanMs: -1 })
    assert.equal(all.removedSnapshots, 2)
    assert.equal(all.table.snapshots.length, 1)
    assert.equal(all.table.current?.id, table.current?.id)
    assert.deepEqual(await scannedPaths(test.again(), all.table), before)
    assert.equal((await filesIn(path.join(table.folder, 'data'))).length, 1)
    // Expiry makes nothing stale.
    assert.equal(await test.state.journalEnd(), 0)
    const again = await test.lake.expire(all.table, { keepCount: 0, olderThanMs: -1 })
    assert.deepEqual(
      [again.removedSnapshots, again.removedFiles, again.table.metadata],
      [0, 0, all.table.metadata],
    )
    await assert.rejects(test.again().scan(old, { snapshotId: old.snapshots[0]!.id }), {
      code: 'LAKE_NO_SNAPSHOT',
    })
    assert.deepEqual(await test.lake.removeOrphans(-60_000), [])
  })

  it('tells a reader of an old table object that its snapshot has expired, and serves it while it has not', async () => {
    const empty = await opened({ keepSnapshots: 3, keepSnapshotsMs: 0, metadataLog: 1 })
    const first = await replaced(empty, 1)
    let table = await replaced(await replaced(first, 1), 1)
    // The metadata file of the first commit is gone, its snapshot is not.
    assert.equal((await test.again().scan(first)).files.length, 1)
    table = await replaced(table, 1)
    await assert.rejects(test.again().scan(first), { code: 'LAKE_NO_SNAPSHOT' })
    await assert.rejects(test.again().scan(first, { snapshotId: first.current!.id }), {
      code: 'LAKE_NO_SNAPSHOT',
    })
    await test.lake.drop(table)
    await test.lake.removeOrphans(-60_000)
    await assert.rejects(test.again().scan(table), { code: 'LAKE_NO_SNAPSHOT' })
  })

  it('keeps few manifests after many commits, and loses no file in merging them', async () => {
    let table = await opened({
      keepSnapshots: 2,
      keepSnapshotsMs: 0,
      manifestMergeCount: 4,
      manifestFilesMax: 40,
    })
    const paths: string[] = []
    for (let commit = 0; commit < 90; commit++) {
      const file = await stage(table, { partition: day(1 + (commit % 5)) })
      paths.push(file.path)
      table = await test.lake.commit(table, { kind: 'append', files: [file] })
    }
    assert.deepEqual(await scannedPaths(test.again(), table), paths.toSorted())
    const manifests = (await readdir(path.join(table.folder, 'metadata'))).filter((name) =>
      name.endsWith('-m0.avro'),
    )
    assert.ok(manifests.length < 20, `${manifests.length} manifests`)
    const other = await replaced(table, 3)
    assert.equal((await scannedPaths(test.again(), other)).length, 90 - 18 + 1)
    assert.equal(other.current?.summary['total-records'], '730')
  })

  it('writes each file into manifests a few times, however many commits there are', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 400 }),
        (commits) => {
          let manifests: ManifestFile[] = []
          let written = 0
          for (const files of commits) {
            for (const group of mergeCandidates(manifests, defaultRules)) {
              const sum = group.reduce((total, manifest) => total + manifest.added.files, 0)
              written += sum
              manifests = [
                ...manifests.filter((manifest) => !group.includes(manifest)),
                manifestOf(sum),
              ]
            }
            manifests.push(manifestOf(files))
            written += files
          }
          const files = commits.reduce((sum, count) => sum + count, 0)
          assert.equal(
            manifests.reduce((sum, manifest) => sum + manifest.added.files, 0),
            files,
          )
          assert.ok(written <= 4 * files, `${written} entries written for ${files} files`)
          assert.ok(
            manifests.length <= 3 * 9 + files / 500 + 1,
            `${manifests.length} manifests for ${files} files`,
          )
        },
      ),
      { seed: 5, numRuns: 50 },
    )
  })
})

function manifestOf(files: number): ManifestFile {
  const none = { files: 0, rows: 0 }
  return {
    path: '',
    sizeBytes: 0,
    sequenceNumber: 1,
    minSequenceNumber: 1,
    addedSnapshotId: 1n,
    added: { files, rows: 0 },
    existing: none,
    deleted: none,
    partition: undefined,
  }
}

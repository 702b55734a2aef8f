import assert from 'node:assert/strict'
import { readFile, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { openLake } from './lake.ts'
import type { Table } from './lake.ts'
import { nodeFiles } from '../base/node-files.ts'
import { openTestLake, purchase, scannedPaths, stage } from './test-lake.suite.ts'
import type { TestLake } from './test-lake.suite.ts'

describe('a lake', () => {
  let test: TestLake
  beforeEach(async () => {
    test = await openTestLake()
  })
  afterEach(() => test.close())

  const day = (number: number): string => `day=2011-01-${String(number).padStart(2, '0')}`

  async function appended(table: Table, ...days: number[]): Promise<Table> {
    const files = await Promise.all(days.map((number) => stage(table, { partition: day(number) })))
    return test.lake.commit(table, { kind: 'append', files })
  }

  it('has no table until one is created, and creates it once', async () => {
    assert.equal(await test.lake.table('act.purchase'), undefined)
    const created = await test.lake.create(purchase)
    assert.equal(created.current, undefined)
    assert.deepEqual((await test.lake.scan(created)).files, [])
    const again = await test.again().create(purchase)
    assert.equal(again.uuid, created.uuid)
    assert.deepEqual(
      again.schema.fields.map((field) => [field.id, field.name]),
      [
        [1, 'id'],
        [2, 'amount'],
        [3, 'city'],
        [4, 'day'],
      ],
    )
    assert.deepEqual(again.schema, created.schema)
    assert.deepEqual(again.partition, purchase.partition)
  })

  it('appends files that any later reader sees', async () => {
    const table = await appended(await test.lake.create(purchase), 1, 2, 2)
    const other = test.again()
    const reloaded = await other.table('act.purchase')
    const scan = await other.scan(reloaded!)
    assert.equal(scan.filesTotal, 3)
    assert.deepEqual(scan.files.map((file) => file.partition).toSorted(), [day(1), day(2), day(2)])
    assert.equal(reloaded?.current?.summary['total-records'], '30')
    assert.equal(table.current?.id, reloaded?.current?.id)
  })

  it('opens only the files of the asked-for day', async () => {
    let table = await appended(await test.lake.create(purchase), 1, 2, 3)
    table = await appended(table, 3, 4)
    const dayNumber = 14_977
    const scan = await test
      .again()
      .scan(table, { filters: [{ column: 'day', lower: dayNumber, upper: dayNumber }] })
    assert.deepEqual(
      scan.files.map((file) => file.partition),
      [day(3), day(3)],
    )
    assert.equal(scan.filesTotal, 5)
    assert.deepEqual(
      await scannedPaths(test.lake, table, { partitions: new Set([day(3)]) }),
      scan.files.map((file) => path.relative(table.folder, file.path)).toSorted(),
    )
  })

  it('replaces the named partitions and leaves the others', async () => {
    const table = await appended(await test.lake.create(purchase), 1, 2, 3)
    const before = await scannedPaths(test.lake, table)
    const file = await stage(table, { partition: day(2), rows: 7 })
    const replaced = await test.lake.commit(table, {
      kind: 'replace',
      partitions: new Set([day(2), day(3)]),
      files: [file],
    })
    const kept = before.filter((each) => each.includes(day(1)))
    assert.deepEqual(await scannedPaths(test.lake, replaced), [...kept, file.path].toSorted())
    assert.equal(replaced.current?.operation, 'overwrite')
    assert.equal(replaced.current?.summary['total-records'], '17')
    assert.equal(replaced.current?.summary['deleted-data-files'], '2')
  })

  it('overwrites every file, also with none', async () => {
    const table = await appended(await test.lake.create(purchase), 1, 2)
    const empty = await test.lake.commit(table, { kind: 'overwrite', files: [] })
    assert.deepEqual(await scannedPaths(test.again(), empty), [])
    assert.equal(empty.current?.operation, 'delete')
    assert.equal(empty.current?.summary['total-data-files'], '0')
  })

  it('keeps null days apart as day=unknown', async () => {
    let table = await test.lake.create(purchase)
    const unknown = await stage(table, { partition: 'day=unknown' })
    table = await test.lake.commit(table, {
      kind: 'append',
      files: [unknown, await stage(table, { partition: day(1) })],
    })
    assert.deepEqual(
      await scannedPaths(test.again(), table, { partitions: new Set(['day=unknown']) }),
      [unknown.path],
    )
    const first = 14_975
    const days = await test.again().scan(table, { filters: [{ column: 'day', lower: first }] })
    assert.deepEqual(
      days.files.map((file) => file.partition),
      [day(1)],
    )
  })

  it('reads earlier snapshots by id and by time', async () => {
    const empty = await test.lake.create(purchase)
    const first = await appended(empty, 1)
    const second = await appended(first, 2)
    const lake = test.again()
    assert.equal((await lake.scan(second, { snapshotId: first.current!.id })).files.length, 1)
    assert.equal(
      (await lake.scan(second, { asOfMs: second.current!.committedAtMs })).files.length,
      2,
    )
    await assert.rejects(lake.scan(second, { asOfMs: empty.snapshots.length }), {
      code: 'LAKE_NO_SNAPSHOT',
    })
    await assert.rejects(lake.scan(second, { snapshotId: 7n }), { code: 'LAKE_NO_SNAPSHOT' })
  })

  it('records the summary and the rest of the publication with the snapshot', async () => {
    const table = await test.lake.create(purchase)
    const committed = await test.lake.commit(
      table,
      { kind: 'append', files: [await stage(table, { partition: day(1) })] },
      { summary: { task: 'act.purchase' }, publication: { changes: [{ partition: day(1) }] } },
    )
    assert.equal(committed.current?.summary['maru.task'], 'act.purchase')
    const [entry] = await test.state.journal(['act.purchase'], 0)
    assert.equal(entry?.partition, day(1))
    assert.equal(entry?.snapshotId, String(committed.current?.id))
  })

  it('refuses a commit whose lease was lost, and leaves no metadata of it', async () => {
    const table = await test.lake.create(purchase)
    const lost = await test.state.acquireLease('act.purchase', 'slow', 0)
    await test.state.acquireLease('act.purchase', 'fast', 60_000)
    const files = [await stage(table, { partition: day(1) })]
    await assert.rejects(
      test.lake.commit(table, { kind: 'append', files }, { publication: { lease: lost! } }),
      { code: 'STATE_FENCED' },
    )
    assert.deepEqual(await readdir(path.join(table.folder, 'metadata')), [
      path.basename(table.metadata),
    ])
  })

  it('appends to the newest table though the object is older', async () => {
    const old = await test.lake.create(purchase)
    await appended(old, 1)
    const both = await appended(old, 2)
    assert.equal((await test.lake.scan(both)).files.length, 2)
  })

  it('replaces from an older object only when nobody else changed the partition', async () => {
    const old = await appended(await test.lake.create(purchase), 1, 2)
    await test.lake.commit(old, {
      kind: 'replace',
      partitions: new Set([day(1)]),
      files: [await stage(old, { partition: day(1) })],
    })
    const file = await stage(old, { partition: day(2) })
    const replaced = await test.lake.commit(old, {
      kind: 'replace',
      partitions: new Set([day(2)]),
      files: [file],
    })
    assert.equal((await test.lake.scan(replaced)).files.length, 2)
    const late = { kind: 'replace', partitions: new Set([day(1)]), files: [] } as const
    await assert.rejects(test.lake.commit(old, late), { code: 'LAKE_CONFLICT' })
    await assert.rejects(test.lake.commit(old, { kind: 'overwrite', files: [] }), {
      code: 'LAKE_CONFLICT',
    })
  })

  it('compacts files whatever else is appended, and says so when one of them is gone', async () => {
    const table = await appended(await test.lake.create(purchase), 1, 1, 2)
    const small = (await scannedPaths(test.lake, table)).filter((file) => file.includes(day(1)))
    await appended(table, 1)
    const merged = await stage(table, { partition: day(1), rows: 20 })
    const change = { kind: 'rewrite', removed: new Set(small), files: [merged] } as const
    const compacted = await test.lake.commit(table, change)
    assert.equal(compacted.current?.operation, 'replace')
    assert.equal((await test.lake.scan(compacted)).files.length, 3)
    assert.equal(compacted.current?.summary['total-records'], '40')
    const again = { ...change, files: [await stage(table, { partition: day(1), rows: 20 })] }
    await assert.rejects(test.lake.commit(compacted, again), { code: 'LAKE_CONFLICT' })
    // A compaction changes no rows, so whoever loaded the table before may still replace the day.
    const replace = { kind: 'replace', partitions: new Set([day(2)]), files: [] } as const
    assert.equal((await test.lake.scan(await test.lake.commit(table, replace))).files.length, 2)
  })

  it('refuses a compaction that changes the number of rows', async () => {
    const table = await appended(await test.lake.create(purchase), 1)
    const removed = new Set(await scannedPaths(test.lake, table))
    const files = [await stage(table, { partition: day(1), rows: 9 })]
    await assert.rejects(test.lake.commit(table, { kind: 'rewrite', removed, files }), {
      code: 'BUG',
    })
  })

  it('adds, moves and drops columns without giving an id twice', async () => {
    const table = await appended(await test.lake.create(purchase), 1)
    const [id, amount, city, dayColumn] = purchase.columns
    const wider = { ...amount!, type: { kind: 'decimal', precision: 20, scale: 2 } as const }
    const tags = {
      name: 'tags',
      type: { kind: 'list', of: { kind: 'json' } } as const,
      required: true,
    }
    const changed = await test.lake.commit(table, {
      kind: 'schema',
      columns: [dayColumn!, tags, wider, id!],
    })
    assert.deepEqual(
      changed.schema.fields.map((field) => [field.name, field.id, field.required, field.elementId]),
      [
        ['day', 4, false, undefined],
        ['tags', 5, false, 6],
        ['amount', 2, false, undefined],
        ['id', 1, true, undefined],
      ],
    )
    const back = await test.lake.commit(changed, {
      kind: 'schema',
      columns: [id!, dayColumn!, city!, tags],
    })
    assert.equal(back.schema.fields.find((field) => field.name === 'city')?.id, 7)
    const reloaded = await test.again().table('act.purchase')
    assert.deepEqual(reloaded?.schema, back.schema)
    assert.deepEqual(
      (await test.again().scan(back, { snapshotId: table.current!.id })).schema,
      table.schema,
    )
    const same = await test.lake.commit(back, {
      kind: 'schema',
      columns: [id!, dayColumn!, city!, tags],
    })
    assert.equal(same.metadata, back.metadata)
  })

  it('refuses a column type that old files cannot be read as', async () => {
    const table = await appended(await test.lake.create(purchase), 1)
    const columns = purchase.columns.map((column) =>
      column.name === 'id' ? { ...column, type: { kind: 'text' } as const } : column,
    )
    await assert.rejects(test.lake.commit(table, { kind: 'schema', columns }), {
      code: 'LAKE_SCHEMA',
      message: /"id".*integer.*text/,
    })
    const without = purchase.columns.filter((column) => column.name !== 'day')
    await assert.rejects(test.lake.commit(table, { kind: 'schema', columns: without }), {
      code: 'LAKE_SCHEMA',
    })
    await assert.rejects(
      test.lake.create({
        ...purchase,
        id: 'act.other',
        partition: { kind: 'day', column: 'city' },
      }),
      { code: 'LAKE_SCHEMA' },
    )
  })

  it('forgets a dropped table, keeps its files for readers, and removes them as orphans', async () => {
    const table = await appended(await test.lake.create(purchase), 1)
    const scan = await test.lake.scan(table)
    await test.lake.drop(table)
    assert.equal(await test.lake.table('act.purchase'), undefined)
    assert.ok((await stat(scan.files[0]!.path)).isFile())
    assert.deepEqual(await test.lake.removeOrphans(60_000), [])
    assert.deepEqual(await test.lake.removeOrphans(-60_000), [table.folder])
    await assert.rejects(stat(table.folder), { code: 'ENOENT' })
    const anew = await test.lake.create(purchase)
    await assert.rejects(appended(table, 1), { code: 'LAKE_CONFLICT' })
    assert.notEqual(anew.uuid, table.uuid)
  })

  it('removes files that no snapshot names, but not young ones', async () => {
    const table = await appended(await test.lake.create(purchase), 1, 2)
    const [old, young] = [
      await stage(table, { partition: day(1) }),
      await stage(table, { partition: day(9) }),
    ]
    const longAgo = new Date(Date.now() - 3_600_000)
    for (const file of await scannedPaths(test.lake, table))
      await utimes(path.join(table.folder, file), longAgo, longAgo)
    await utimes(path.join(table.folder, old.path), longAgo, longAgo)
    assert.deepEqual(await test.again().removeOrphans(60_000), [path.join(table.folder, old.path)])
    assert.ok((await stat(path.join(table.folder, young.path))).isFile())
    assert.equal((await test.lake.scan(table)).files.length, 2)
    for (const file of await scannedPaths(test.lake, table))
      assert.ok((await stat(path.join(table.folder, file))).isFile())
  })

  it('names the missing or damaged file, or the feature that it does not read', async () => {
    const table = await appended(await test.lake.create(purchase), 1)
    const metadata = path.join(table.folder, 'metadata')
    for (const name of (await readdir(metadata)).filter(
      (each) => each.endsWith('.avro') || each === path.basename(table.metadata),
    )) {
      const file = path.join(metadata, name)
      const whole = await readFile(file)
      for (const damaged of [
        whole.subarray(0, whole.length / 2),
        withFlippedBit(whole),
        undefined,
      ]) {
        if (damaged === undefined) await rm(file)
        else await writeFile(file, damaged)
        const lake = test.again()
        const read = async (): Promise<unknown> => lake.scan((await lake.table('act.purchase'))!)
        // A flipped bit in JSON may be a different text that is still valid; everywhere else it is seen.
        if (damaged?.length === whole.length && name.endsWith('.json')) continue
        await assert.rejects(read, {
          code: 'LAKE_CORRUPT',
          message: new RegExp(name.replaceAll('.', '\\.')),
        })
      }
      await writeFile(file, whole)
    }
    await writeFile(
      path.join(test.lake.folder, table.metadata),
      (await readFile(path.join(test.lake.folder, table.metadata), 'utf8')).replace(
        '"format-version":2',
        '"format-version":3',
      ),
    )
    await assert.rejects(test.again().table('act.purchase'), {
      code: 'LAKE_UNSUPPORTED',
      message: /version 3/,
    })
  })

  it('is still read after the whole folder was moved', async () => {
    const table = await appended(await test.lake.create(purchase), 1)
    await rename(test.lake.folder, path.join(test.folder, 'moved'))
    const moved = openLake({
      folder: path.join(test.folder, 'moved'),
      state: test.state,
      files: nodeFiles,
    })
    const there = await moved.table('act.purchase')
    const more = await moved.commit(there!, {
      kind: 'append',
      files: [await stage(there!, { partition: day(2) })],
    })
    const scan = await moved.scan(more)
    assert.equal(scan.files.length, 2)
    for (const file of scan.files) assert.ok((await stat(file.path)).isFile())
    assert.equal(table.uuid, more.uuid)
  })
})

function withFlippedBit(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  // In the last third, which is compressed data and not the header's text.
  copy[Math.floor(copy.length * 0.9)]! ^= 0x10
  return copy
}

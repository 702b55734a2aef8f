import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { nodeFiles } from '../base/node-files.ts'
import { openDuplicates, type Duplicates, type DuplicatesOptions } from './duplicates.ts'
import { BloomFilter, fingerprintInto } from './fingerprint.ts'

const hourMs = 3_600_000
let root = ''
let folders = 0
before(() => (root = mkdtempSync(join(tmpdir(), 'maru-duplicates-'))))
after(() => rmSync(root, { recursive: true, force: true }))
const newFolder = (): string => join(root, String(folders++))

async function open(options: Partial<DuplicatesOptions> & { folder: string }): Promise<Duplicates> {
  return await openDuplicates({
    now: () => 0,
    onError: (error) => assert.fail(String(error)),
    ...options,
  })
}

describe('duplicates', () => {
  it('knows exactly the ids that a set knows, through windows, files and starts', async () => {
    const action = fc.oneof(
      { weight: 30, arbitrary: fc.tuple(fc.constant('add'), fc.nat(3), fc.nat(400)) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('restart'), fc.nat(3), fc.nat(400)) },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 100, maxLength: 300 }), async (actions) => {
        const folder = newFolder()
        const known = new Set<string>()
        let added = 0
        let duplicates = await open({ folder, windowIdsMax: 16 })
        for (const [what, source, id] of actions) {
          if (what === 'add') {
            assert.equal(duplicates.has(`s${source}`, `id-${id}`), known.has(`${source} ${id}`))
            duplicates.add(`s${source}`, `id-${id}`, id)
            assert.equal(duplicates.measures.forgotten, 0)
            if (++added % 12 === 0) while (duplicates.measures.waitingIds > 0) await turn()
            known.add(`${source} ${id}`)
          } else {
            await duplicates.close()
            duplicates = await open({ folder, windowIdsMax: 16 })
          }
        }
        await duplicates.close()
        const again = await open({ folder, windowIdsMax: 16 })
        for (let source = 0; source < 4; source++)
          for (let id = 0; id <= 400; id++)
            assert.equal(again.has(`s${source}`, `id-${id}`), known.has(`${source} ${id}`))
        await again.close()
      }),
      { seed: 6, numRuns: 20 },
    )
  })

  it('keeps what is in files through a crash, and says from when on the log must be added again', async () => {
    const folder = newFolder()
    const crashed = await open({ folder, windowIdsMax: 100 })
    for (let id = 0; id < 150; id++) crashed.add('web', `id-${id}`, 1_000_000 + id)
    while (crashed.coveredUntilMs === 0) await turn()
    const duplicates = await open({ folder, windowIdsMax: 100 })
    assert.ok(duplicates.has('web', 'id-99'))
    assert.ok(!duplicates.has('web', 'id-100'))
    assert.equal(duplicates.coveredUntilMs, 1_000_099 - 60_000)
    await duplicates.close()
    await crashed.close()
  })

  it('forgets what is older than a day, and only then', async () => {
    const folder = newFolder()
    let nowMs = 0
    const duplicates = await open({ folder, windowIdsMax: 1_000, now: () => nowMs })
    for (let hour = 0; hour <= 72; hour++) {
      nowMs = hour * hourMs
      duplicates.add('web', `id-${hour}`, nowMs)
      while (duplicates.measures.waitingIds > 0) await turn()
      for (let past = Math.max(0, hour - 24); past <= hour; past++)
        assert.ok(duplicates.has('web', `id-${past}`), `${past} at ${hour}`)
    }
    assert.ok(!duplicates.has('web', 'id-0'))
    assert.ok(!duplicates.has('web', 'id-40'))
    assert.ok(readdirSync(folder).length <= 32)
    await duplicates.close()
  })

  it('forgets nothing of a day because the clock jumps ahead, or back', async () => {
    const folder = newFolder()
    let nowMs = 0
    let duplicates = await open({ folder, now: () => nowMs })
    const add = async (name: string, hours: number, jumpHours: number): Promise<void> => {
      for (let hour = 0; hour < hours; hour++) {
        nowMs = (hour + jumpHours) * hourMs
        duplicates.add('web', `${name}-${hour}`, nowMs)
        while (duplicates.measures.waitingIds > 0) await turn()
      }
    }
    await add('before', 24, 0)
    await add('ahead', 5, 1_000)
    await duplicates.close()
    duplicates = await open({ folder, now: () => nowMs })
    await add('back', 5, 25)
    for (let hour = 0; hour < 24; hour++) assert.ok(duplicates.has('web', `before-${hour}`))
    for (let hour = 0; hour < 5; hour++) assert.ok(duplicates.has('web', `ahead-${hour}`))
    await duplicates.close()
  })

  it('says from when on a damaged file makes it add again, at each start, and keeps the others', async () => {
    const folder = newFolder()
    const atMs = 200_000
    const first = await open({ folder })
    first.add('web', 'a', atMs)
    await first.close()
    const [name] = readdirSync(folder)
    const bytes = readFileSync(join(folder, name!))
    bytes[0]! ^= 1
    writeFileSync(join(folder, '100000-150000-0b2f4a9e-1111-4222-8333-abcdefabcdef.ids'), bytes)
    writeFileSync(join(folder, 'x.ids.part'), 'x')
    for (let start = 0; start < 2; start++) {
      const again = await open({ folder })
      assert.ok(again.has('web', 'a'))
      assert.equal(again.measures.ids, 1)
      assert.equal(again.coveredUntilMs, 40_000)
      assert.equal(readdirSync(folder).length, 2)
      await again.close()
    }
    const later = await open({ folder, now: () => atMs + 24 * hourMs })
    assert.equal(later.coveredUntilMs, 140_000)
    assert.equal(readdirSync(folder).length, 1)
    await later.close()
  })

  it('says when an id was added, in memory and on disk, and waits until there is room', async () => {
    const folder = newFolder()
    const duplicates = await open({ folder, windowIdsMax: 10 })
    for (let id = 0; id < 95; id++) {
      await duplicates.room(1)
      duplicates.add('web', `id-${id}`, id)
    }
    assert.equal(duplicates.measures.forgotten, 0)
    assert.equal(duplicates.find('web', 'id-95'), undefined)
    for (let id = 0; id < 95; id++) {
      const { oldestMs, newestMs } = duplicates.find('web', `id-${id}`)!
      assert.ok(oldestMs <= id && id <= newestMs && newestMs - oldestMs < 10)
    }
    await duplicates.close()
  })

  it('goes on while the disk takes nothing, and counts what it could not keep', async () => {
    const errors: unknown[] = []
    const duplicates = await openDuplicates({
      folder: newFolder(),
      windowIdsMax: 10,
      files: { ...nodeFiles, writeNew: () => Promise.reject(new Error('no room')) },
      onError: (error) => errors.push(error),
      now: () => 0,
    })
    for (let id = 0; id < 25; id++) duplicates.add('web', `id-${id}`, id)
    while (errors.length === 0) await turn()
    for (let id = 0; id < 20; id++) assert.ok(duplicates.has('web', `id-${id}`))
    assert.equal(duplicates.measures.forgotten, 5)
    await Promise.race([duplicates.close(), new Promise((resolve) => setTimeout(resolve, 50))])
  })

  it('stays within its memory when there are more ids than it may keep', async () => {
    const duplicates = await open({ folder: newFolder(), windowIdsMax: 100, idsMax: 12_800 })
    for (let id = 0; id < 20_000; id++) {
      duplicates.add('web', `id-${id}`, id)
      while (duplicates.measures.waitingIds > 0) await turn()
    }
    // Eight filters of 1,600 ids and a window.
    assert.ok(duplicates.measures.memoryBytes <= 9 * 2_048)
    assert.ok(duplicates.measures.ids <= 12_900, String(duplicates.measures.ids))
    assert.ok(duplicates.measures.ids >= 11_200, String(duplicates.measures.ids))
    assert.ok(duplicates.has('web', 'id-19999') && !duplicates.has('web', 'id-0'))
    await duplicates.close()
  })
})

describe('fingerprints', () => {
  it('differ in both halves for ids that differ little', () => {
    const highs = new Set<number>()
    const lows = new Set<number>()
    const count = 100_000
    const into = { high: 0, low: 0 }
    for (let id = 0; id < count; id++) {
      const { high, low } = fingerprintInto(into, 'web', `node-next-1700000000000-${id}`)
      highs.add(high)
      lows.add(low)
    }
    // Of 100,000 of 2^32 about one pair is equal.
    assert.ok(highs.size > count - 10 && lows.size > count - 10)
    const one = { ...fingerprintInto(into, 'ab', 'c') }
    assert.notDeepEqual(one, { ...fingerprintInto(into, 'a', 'bc') })
  })

  it('are seldom in a full filter that they were not added to', () => {
    const filter = new BloomFilter(100_000)
    const into = { high: 0, low: 0 }
    for (let id = 0; id < 100_000; id++) {
      const { high, low } = fingerprintInto(into, 'web', `in-${id}`)
      filter.add(high, low)
      assert.ok(filter.has(high, low))
    }
    let found = 0
    for (let id = 0; id < 100_000; id++) {
      const { high, low } = fingerprintInto(into, 'web', `out-${id}`)
      if (filter.has(high, low)) found++
    }
    assert.ok(found < 3_000, `${found} of 100,000`)
  })
})

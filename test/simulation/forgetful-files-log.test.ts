import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { isMaruError, messageOf } from '../../src/base/errors.ts'
import { readOn, record, texts } from '../../src/collect/log.suite.ts'
import { openSegmentLog } from '../../src/collect/log/segment-log.ts'
import { openSegmentReader } from '../../src/collect/log/segment-reader.ts'
import { ForgetfulFiles } from './forgetful-files.ts'
import type { Faults, Survival } from './forgetful-files.ts'

interface World {
  /** Parent of the log folder, which is not there at first. */
  readonly root: string
  readonly folder: string
  readonly files: ForgetfulFiles
}

async function inWorld<T>(work: (world: World) => Promise<T>): Promise<T> {
  const outer = await mkdtemp(path.join(os.tmpdir(), 'maru-forgetful-log-'))
  const root = path.join(outer, 'root')
  try {
    await mkdir(root)
    const files = await ForgetfulFiles.over(root)
    return await work({ root, folder: path.join(root, 'one'), files })
  } finally {
    await rm(outer, { recursive: true, force: true })
  }
}

/** A process writes until something fails: what was acknowledged, and the error. Each text is a group; the third no longer fits the segment. */
async function write(
  { folder, files }: World,
  words: readonly string[],
): Promise<{ acknowledged: string[]; error?: unknown }> {
  const acknowledged: string[] = []
  let error: unknown
  const log = await openSegmentLog({ folder, files, segmentBytesMax: 60 }).catch(
    (thrown: unknown) => {
      error = thrown
    },
  )
  for (const word of words) {
    try {
      await log?.append([record(word)])
      if (log !== undefined) acknowledged.push(word)
    } catch (thrown) {
      error ??= thrown
    }
  }
  await log?.close().catch(() => undefined)
  return error === undefined ? { acknowledged } : { acknowledged, error }
}

async function readAll({ root }: World): Promise<string[]> {
  const reader = await openSegmentReader({ folder: root, name: 'reader' })
  try {
    return texts(await readOn(reader, new Map()))
  } finally {
    await reader.close()
  }
}

/** The machine after a power cut. No process of before lives, whatever its lock says. */
async function afterPowerCut(world: World, survival: Survival = 'nothing'): Promise<World> {
  await world.files.crash(survival)
  for (const name of await readdir(world.folder).catch(() => []))
    if (name.startsWith('lock-')) await rm(path.join(world.folder, name))
  return { ...world, files: await ForgetfulFiles.over(world.root) }
}

const words = ['first', 'second', 'third', 'fourth']

async function counted(): Promise<{ operations: number; syncs: number }> {
  return inWorld(async (world) => {
    world.files.inject({})
    await write(world, words)
    return { operations: world.files.operations, syncs: world.files.syncs }
  })
}

/** Repeatable: a throw of dice for each seed. */
function dice(seed: number): () => number {
  let state = seed * 2_654_435_761 + 1
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return state / 2_147_483_648
  }
}

describe('the log of segments on a disk that forgets', () => {
  it('keeps every acknowledged record through a power cut in any operation', async () => {
    const { operations } = await counted()
    ok(operations >= 12)
    for (let step = 1; step <= operations; step++) {
      for (const survival of ['nothing', { random: dice(step) }] as const) {
        await inWorld(async (world) => {
          world.files.inject({ crashAt: step })
          const { acknowledged } = await write(world, words)
          const later = await afterPowerCut(world, survival)
          deepEqual((await write(later, ['last'])).acknowledged, ['last'])
          const seen = await readAll(later)
          deepEqual(seen.slice(0, acknowledged.length), acknowledged)
          equal(seen.at(-1), 'last')
          // One group more may be there, the one of which nobody heard.
          ok(seen.length <= acknowledged.length + 2)
        })
      }
    }
  })

  it('needs every one of its syncs', async () => {
    const { syncs } = await counted()
    ok(syncs >= 7)
    for (let sync = 1; sync <= syncs; sync++) {
      ok(await losesWithout(sync), `nothing was lost without sync ${sync} of ${syncs}`)
    }
  })

  /** Whether a power cut after any of the groups loses one: later groups of the segment may make up for a sync. */
  async function losesWithout(sync: number): Promise<boolean> {
    for (let count = 1; count <= words.length; count++) {
      const lost = await inWorld(async (other) => {
        other.files.inject({ ignoreSync: sync })
        const { acknowledged } = await write(other, words.slice(0, count))
        const later = await afterPowerCut(other)
        const seen = await readAll(later).catch((error: unknown) => [messageOf(error)])
        return JSON.stringify(seen) !== JSON.stringify(acknowledged)
      })
      if (lost) return true
    }
    return false
  }

  it('needs the sync of what it cut off', async () => {
    const seenWith = async (faults: Faults): Promise<string> =>
      inWorld(async (world) => {
        // The crash is in the write of the second group, and half of that reaches the disk.
        world.files.inject({ crashAt: 6 })
        deepEqual((await write(world, words)).acknowledged, ['first'])
        const torn = await afterPowerCut(world, { random: () => 0.99 })
        torn.files.inject(faults)
        deepEqual((await write(torn, ['last'])).acknowledged, ['last'])
        const later = await afterPowerCut(torn)
        return readAll(later).then(String, (error: unknown) =>
          isMaruError(error) ? error.code : String(error),
        )
      })
    equal(await seenWith({}), 'first,last')
    // The sync of the folder's parent comes before it.
    equal(await seenWith({ ignoreSync: 2 }), 'LOG_CORRUPT')
  })

  it('refuses what a full disk has no room for, and goes on when there is room', async () => {
    const { operations } = await counted()
    for (let step = 3; step <= operations; step++) {
      await inWorld(async (world) => {
        world.files.inject({ failAt: { operation: step, code: 'ENOSPC' } })
        const { acknowledged, error } = await write(world, words)
        equal((error as { code?: string }).code, 'DISK_FULL')
        equal(acknowledged.length, words.length - 1)
        deepEqual(await acknowledgedOf(world, acknowledged), acknowledged)
        const later = await afterPowerCut(world)
        deepEqual(await acknowledgedOf(later, acknowledged), acknowledged)
      })
    }
  })

  it('stops at any other failure of a write or a sync, and loses nothing that it acknowledged', async () => {
    const { operations } = await counted()
    let stopped = 0
    for (let step = 3; step <= operations; step++) {
      await inWorld(async (world) => {
        world.files.inject({ failAt: { operation: step, code: 'EIO' } })
        const { acknowledged, error } = await write(world, words)
        ok(isMaruError(error))
        if (error.code === 'LOG_FAILED') {
          stopped++
          deepEqual(acknowledged, words.slice(0, acknowledged.length))
        } else {
          // A segment that could not be created refuses only the group it was for.
          equal(acknowledged.length, words.length - 1)
        }
        const later = await afterPowerCut(world)
        deepEqual(await acknowledgedOf(later, acknowledged), acknowledged)
      })
    }
    ok(stopped >= operations - 5)
  })

  /** What is read, without what was refused and may be there or not. */
  async function acknowledgedOf(world: World, acknowledged: readonly string[]): Promise<string[]> {
    return (await readAll(world)).filter((word) => acknowledged.includes(word))
  }

  it('takes all that gathers while a sync is slow into the next group', async () => {
    await inWorld(async (world) => {
      const log = await openSegmentLog({ folder: world.folder, files: world.files })
      await log.append([record('before')])
      world.files.inject({ delayMs: 500 })
      const startedAtMs = performance.now()
      const first = log.append([record('first')])
      await new Promise((resolve) => setTimeout(resolve, 20))
      const rest = Array.from({ length: 200 }, (_, index) => log.append([record(`${index}`)]))
      await Promise.all([first, ...rest])
      ok(performance.now() - startedAtMs < 3_000)
      equal(world.files.syncs, 2)
      ok(log.pressure.syncMs > 100)
      await log.close()
      equal((await readAll(world)).length, 202)
    })
  })

  it('remembers a new reader, so that nothing is removed that it needs', async () => {
    const removedWith = async (faults: Faults): Promise<boolean> =>
      inWorld(async (world) => {
        await write(world, words)
        const { root, files } = world
        const quick = await openSegmentReader({ folder: root, name: 'quick', files })
        const places = new Map<string, string>()
        await readOn(quick, places)
        await quick.release('one', places.get('one')!)
        await quick.close()
        // Its place may be forgotten, and then only more is kept; here it is not.
        await files.syncFolder(world.folder)
        files.inject(faults)
        const slow = await openSegmentReader({ folder: root, name: 'slow', files })
        await slow.read('one', { position: undefined, bytesMax: 1 })
        await slow.close()
        const later = await afterPowerCut(world)
        const retention = { keepMs: -1, keepBytes: 0 }
        const log = await openSegmentLog({ folder: later.folder, files: later.files, retention })
        await log.append([record('last')])
        await log.close()
        return (await readAll(later))[0] !== 'first'
      })
    equal(await removedWith({}), false)
    equal(await removedWith({ ignoreSync: 2 }), true)
  })

  it('fails to open when the disk fails, and lets go of the folder', async () => {
    await inWorld(async (world) => {
      await write(world, ['first'])
      world.files.inject({ failAt: { operation: 2, code: 'EIO' } })
      await rejects(openSegmentLog({ folder: world.folder, files: world.files }), {
        code: 'FILE_FAILED',
      })
      deepEqual((await write(world, ['second'])).acknowledged, ['second'])
    })
  })
})

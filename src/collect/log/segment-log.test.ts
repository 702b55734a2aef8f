import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import fc from 'fast-check'
import { describeLog, readOn, record, texts } from '../log.suite.ts'
import type { LogReader, LogWriter } from '../log.ts'
import { openSegmentLog } from './segment-log.ts'
import type { SegmentLogOptions } from './segment-log.ts'
import { openSegmentReader } from './segment-reader.ts'

async function temporaryFolder(): Promise<string> {
  return mkdtemp(path.join(os.tmpdir(), 'maru-log-'))
}

describeLog('segments', async () => {
  const parent = await temporaryFolder()
  const folder = path.join(parent, 'collector-1')
  return {
    write: (options) => openSegmentLog({ folder, segmentBytesMax: 20_000, ...options }),
    read: (name) => openSegmentReader({ folder: parent, name }),
    remove: () => rm(parent, { recursive: true }),
  }
})

describe('a log of segments', () => {
  let parent = ''
  let folder = ''
  const opened: (LogWriter | LogReader)[] = []

  beforeEach(async () => {
    parent = await temporaryFolder()
    folder = path.join(parent, 'one')
  })
  afterEach(async () => {
    for (const each of opened.splice(0)) await each.close()
    await rm(parent, { recursive: true })
  })

  const write = async (options: Partial<SegmentLogOptions> = {}): Promise<LogWriter> => {
    const writer = await openSegmentLog({ folder, ...options })
    opened.push(writer)
    return writer
  }
  const read = async (name = 'reader'): ReturnType<typeof openSegmentReader> => {
    const reader = await openSegmentReader({ folder: parent, name })
    opened.push(reader)
    return reader
  }
  const segments = async (): Promise<string[]> =>
    (await readdir(folder)).filter((name) => name.endsWith('.segment')).toSorted()
  const segment = async (index: number): Promise<string> =>
    path.join(folder, (await segments())[index]!)

  /** Each text is a group of its own, in one segment. */
  const writeGroups = async (...groups: readonly string[]): Promise<void> => {
    const writer = await openSegmentLog({ folder })
    for (const text of groups) await writer.append([record(text)])
    await writer.close()
  }

  it('has one writer', async () => {
    const writer = await write()
    await rejects(openSegmentLog({ folder }), { code: 'LOG_IN_USE' })
    await writer.close()
    await write()
  })

  it('is taken over from a writer that died, also when its process id was given again', async () => {
    await mkdir(folder)
    const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' })
    await once(child, 'exit')
    const bootId = '00000000-0000-0000-0000-000000000000'
    for (const owner of [`${child.pid} 1 ${bootId}`, `${process.pid} 1 ${bootId}`, '']) {
      await writeFile(path.join(folder, 'lock-3'), owner)
      const writer = await openSegmentLog({ folder })
      await writer.append([record(owner)])
      await writer.close()
    }
    deepEqual(
      (await readdir(folder)).filter((name) => name.startsWith('lock')),
      [],
    )
  })

  it('is taken over by one of several at once', async () => {
    await mkdir(folder)
    await writeFile(path.join(folder, 'lock-1'), '1 0 of an older boot')
    const tries = await Promise.allSettled(
      Array.from({ length: 8 }, () => openSegmentLog({ folder })),
    )
    const writers = tries.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
    opened.push(...writers)
    equal(writers.length, 1)
  })

  it('begins another segment when one is full, and at each opening', async () => {
    const writer = await write({ segmentBytesMax: 100 })
    for (const text of ['a', 'b', 'c']) await writer.append([record(text.repeat(60))])
    equal((await segments()).length, 3)
    await writer.close()
    await writeGroups('d')
    equal((await segments()).length, 4)
    deepEqual(
      texts(await readOn(await read(), new Map())).map((text) => text[0]),
      ['a', 'b', 'c', 'd'],
    )
  })

  it('cuts whatever a torn last write left, keeps all before it, and goes on after it', async () => {
    const groups = fc.array(
      fc.array(fc.string({ maxLength: 40 }), { minLength: 1, maxLength: 4 }),
      {
        minLength: 1,
        maxLength: 4,
      },
    )
    const damage = fc.record({
      keep: fc.double({ min: 0, max: 1, noNaN: true }),
      holeFrom: fc.double({ min: 0, max: 1, noNaN: true }),
      holeBytes: fc.nat(60),
    })
    await fc.assert(
      fc.asyncProperty(groups, damage, async (written, { keep, holeFrom, holeBytes }) => {
        await rm(folder, { recursive: true, force: true })
        const writer = await openSegmentLog({ folder })
        let durable = 0
        for (const [index, group] of written.entries()) {
          if (index === written.length - 1 && index > 0)
            durable = (await stat(await segment(0))).size
          await writer.append(group.map((text) => record(text)))
        }
        await writer.close()
        // Before any reopening a reader may have seen the last group whole.
        const places = new Map<string, string>()
        const early = await openSegmentReader({ folder: parent, name: 'early' })
        await readOn(early, places)
        const file = await segment(0)
        const bytes = await readFile(file)
        const torn = bytes.length - durable
        const hole = durable + Math.floor(holeFrom * torn)
        bytes.fill(0, hole, Math.min(hole + holeBytes, bytes.length))
        await writeFile(file, bytes.subarray(0, durable + Math.floor(keep * torn)))
        const before = await openSegmentReader({ folder: parent, name: 'before' })
        await readOn(before, new Map())
        await before.close()

        await writeGroups('after')
        const late = await openSegmentReader({ folder: parent, name: 'late' })
        const seen = texts(await readOn(late, new Map()))
        const kept = written.slice(0, -1).flat()
        const cut = seen.slice(kept.length, -1)
        deepEqual(seen.slice(0, kept.length), kept)
        deepEqual(cut, written.at(-1)!.slice(0, cut.length))
        equal(seen.at(-1), 'after')
        deepEqual(texts(await readOn(early, places)), ['after'])
        await late.close()
        await early.close()
      }),
      { seed: 6, numRuns: 60 },
    )
  })

  it('says which record is damaged when one that was durable is, and gives what lies before it', async () => {
    await writeGroups('first', 'second', 'third')
    const file = await segment(0)
    const bytes = await readFile(file)
    const at = bytes.indexOf('second')
    bytes.write('S', at)
    await writeFile(file, bytes)
    const message = new RegExp(`${path.basename(file)}.* byte ${at - 16} `)
    await rejects(openSegmentLog({ folder }), { code: 'LOG_CORRUPT', message })
    const reader = await read()
    const whole = await reader.read('one', { position: undefined, bytesMax: 1000 })
    deepEqual(texts(whole.records), ['first'])
    const damaged = reader.read('one', { position: whole.position, bytesMax: 1000 })
    await rejects(damaged, { code: 'LOG_CORRUPT', message })
  })

  it('takes a short segment that another follows as damaged', async () => {
    await writeGroups('first', 'second')
    await writeGroups('third')
    const file = await segment(0)
    await truncate(file, (await stat(file)).size - 1)
    await rejects(readOn(await read(), new Map()), { code: 'LOG_CORRUPT' })
  })

  it('never takes bytes inside a record for a record', async () => {
    await writeGroups('x', 'inner')
    const inner = await readFile(await segment(0))
    const writer = await openSegmentLog({ folder })
    await writer.append([record('before')])
    await writer.append([{ partition: 0, bytes: inner }])
    await writer.close()
    const file = await segment(1)
    await truncate(file, (await stat(file)).size - 1)
    const again = await openSegmentLog({ folder })
    await again.close()
    deepEqual(texts(await readOn(await read(), new Map())), ['x', 'inner', 'before'])
  })

  it('refuses a position of another log, and one that lies beyond all it has', async () => {
    await writeGroups('a')
    const reader = await read()
    const foreign = reader.read('one', { position: '42', bytesMax: 10 })
    await rejects(foreign, { code: 'LOG_CORRUPT' })
    const beyond = reader.read('one', { position: '7:0', bytesMax: 10 })
    await rejects(beyond, { code: 'LOG_EXPIRED', message: /does not have/ })
  })

  it('takes no place of a folder for one of another that was made in its stead', async () => {
    await writeGroups('long enough', 'b')
    const places = new Map<string, string>()
    await readOn(await read(), places)
    await rm(folder, { recursive: true })
    await writeGroups('c', 'd', 'e', 'f')
    const again = await read('again')
    const position = places.get('one')
    await rejects(again.read('one', { position, bytesMax: 1000 }), { code: 'LOG_EXPIRED' })
    deepEqual(texts(await readOn(again, new Map())), ['c', 'd', 'e', 'f'])
  })

  describe('keeps', () => {
    const small = { segmentBytesMax: 100 }
    const fill = async (options: Partial<SegmentLogOptions>, count: number): Promise<void> => {
      const writer = await openSegmentLog({ folder, ...small, ...options })
      for (let index = 0; index < count; index++)
        await writer.append([record(`${index}`.padEnd(80))])
      await writer.close()
    }
    const nothing = { keepMs: -1, keepBytes: 0 }
    const releaseAll = async (name: string): Promise<void> => {
      const reader = await read(name)
      const places = new Map<string, string>()
      await readOn(reader, places)
      await reader.release('one', places.get('one')!)
    }

    it('everything as long as no reader ever came', async () => {
      await fill({ retention: nothing }, 5)
      equal((await segments()).length, 5)
    })

    it('what one of its readers has not released', async () => {
      await fill({ retention: nothing }, 3)
      await (await read('slow')).read('one', { position: undefined, bytesMax: 1 })
      await releaseAll('quick')
      await fill({ retention: nothing }, 2)
      equal((await segments()).length, 5)
      await releaseAll('slow')
      await releaseAll('quick')
      await fill({ retention: nothing }, 1)
      equal((await segments()).length, 2)
    })

    it('what was released for the time and the size that are set', async () => {
      await fill({}, 5)
      await releaseAll('reader')
      await fill({ retention: { keepMs: 60_000, keepBytes: 10_000 } }, 1)
      equal((await segments()).length, 6)
      await releaseAll('reader')
      await fill({ retention: { keepMs: 60_000, keepBytes: 300 } }, 1)
      ok((await segments()).length <= 4)
    })

    it('no more than the hard limit, and tells the reader that it missed something', async () => {
      await fill({}, 1)
      const reader = await read()
      const { position } = await reader.read('one', { position: undefined, bytesMax: 1000 })
      await fill({ retention: { keepMs: 0, keepBytes: 0, bytesMax: 250 } }, 6)
      ok((await segments()).length <= 4)
      await rejects(reader.read('one', { position, bytesMax: 1000 }), { code: 'LOG_EXPIRED' })
      ok((await readOn(reader, new Map())).length > 0)
    })

    it('nothing for who only looks, nor for a reader in whose place another reads', async () => {
      await fill({}, 2)
      const looking = await openSegmentReader({ folder: parent })
      opened.push(looking)
      equal(texts(await readOn(looking, new Map())).length, 2)
      deepEqual(
        (await readdir(folder)).filter((name) => name.startsWith('reader-')),
        [],
      )
      await (await read('before')).read('one', { position: undefined, bytesMax: 1 })
      const after = await openSegmentReader({ folder: parent, name: 'after', replaces: 'before' })
      opened.push(after)
      const { position } = await after.read('one', { position: undefined, bytesMax: 1_000_000 })
      await after.release('one', position!)
      deepEqual(
        (await readdir(folder)).filter((name) => name.startsWith('reader-')),
        ['reader-after'],
      )
    })

    it('the time of its segments, so that a reader can begin with what was appended since', async () => {
      await fill({}, 3)
      const reader = await read()
      const [first, second, third] = await Promise.all([0, 1, 2].map(segment))
      for (const [at, name] of [first, second, third].entries()) await utimes(name!, at + 1, at + 1)
      const after = async (seconds: number): Promise<number> => {
        const position = await reader.since('one', seconds * 1_000)
        return texts(await readOn(reader, new Map([['one', position!]]))).length
      }
      deepEqual([await after(0), await after(1), await after(2), await after(9)], [3, 3, 2, 1])
      equal(await reader.since('two', 0), undefined)
    })

    it('the place that a reader released, for its next start', async () => {
      await fill({}, 2)
      equal(await (await read('new')).released('one'), undefined)
      await releaseAll('reader')
      const places = new Map([['one', (await (await read('reader')).released('one'))!]])
      await fill({}, 1)
      const seen = texts(await readOn(await read('reader'), places))
      deepEqual(
        seen.map((text) => text.trim()),
        ['0'],
      )
    })
  })

  it('is read while another process writes it, and keeps every acknowledged record through kills of that process', async () => {
    const kills = process.env['MARU_SOAK'] === '1' ? 300 : 8
    const acknowledged: string[] = []
    const seen: string[] = []
    const places = new Map<string, string>()
    const reader = await read()
    for (let round = 0; round < kills; round++) {
      const child = spawn(process.execPath, [
        path.join(import.meta.dirname, 'segment-writer.suite.ts'),
        folder,
        `${round}`,
      ])
      let printed = ''
      child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text))
      const failed: string[] = []
      child.stderr.setEncoding('utf8').on('data', (text: string) => failed.push(text))
      const exited = once(child, 'exit')
      await Promise.race([once(child.stdout, 'data'), exited])
      const until = performance.now() + ((round * 37) % 120)
      while (performance.now() < until) {
        const batch = await reader.read('one', { position: places.get('one'), bytesMax: 10_000 })
        seen.push(...texts(batch.records))
        if (batch.position !== undefined) places.set('one', batch.position)
        await reader.waitForMore({ timeoutMs: 5 })
      }
      child.kill('SIGKILL')
      await exited
      deepEqual(failed, [])
      acknowledged.push(...printed.split('\n').slice(0, -1))
    }
    await writeGroups('end')
    seen.push(...texts(await readOn(reader, places)))
    ok(acknowledged.length > kills)
    const times = new Map<string, number>()
    for (const text of seen) times.set(text, (times.get(text) ?? 0) + 1)
    deepEqual(
      acknowledged.filter((text) => times.get(text) !== 1),
      [],
    )
    equal(seen.at(-1), 'end')
    const again = texts(await readOn(await read('again'), new Map()))
    deepEqual(again, seen)
  })
})

/** What every log adapter promises, as tests. */
import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import fc from 'fast-check'
import type { LogPosition, LogReader, LogRecord, LogWriter } from './log.ts'

/** One log, opened as often as wanted: each opening stands for another process. */
export interface LogUnderTest {
  write(options?: { readonly waitingBytesMax?: number }): Promise<LogWriter>
  read(name: string): Promise<LogReader>
  remove(): Promise<void>
}

export const suitePartitions: number = 4

/** A reader's places in all sequences. */
export type Places = Map<string, LogPosition>

/** Everything after the places, which move on. Fails when there is no end. */
export async function readOn(
  reader: LogReader,
  places: Places,
  bytesMax: number = 1024 * 1024,
): Promise<LogRecord[]> {
  const records: LogRecord[] = []
  for (const sequence of await reader.sequences()) {
    for (let round = 0; ; round++) {
      ok(round < 100_000, `${sequence} has no end`)
      const batch = await reader.read(sequence, { position: places.get(sequence), bytesMax })
      records.push(...batch.records)
      if (batch.position !== undefined) places.set(sequence, batch.position)
      if (batch.atEnd) break
    }
  }
  return records
}

export function record(text: string, partition = 0): LogRecord {
  return { partition, bytes: Buffer.from(text) }
}

export function texts(records: readonly LogRecord[]): string[] {
  return records.map(({ bytes }) => Buffer.from(bytes).toString('utf8'))
}

/** What order the port promises: that of each partition. */
function byPartition(records: readonly LogRecord[]): string[][] {
  const lanes = Array.from({ length: suitePartitions }, (): string[] => [])
  for (const { partition, bytes } of records)
    lanes[partition]!.push(Buffer.from(bytes).toString('hex'))
  return lanes
}

export function describeLog(adapter: string, make: () => Promise<LogUnderTest>): void {
  describe(`Log on ${adapter}`, () => {
    let log: LogUnderTest
    let writer: LogWriter
    let reader: LogReader
    const places: Places = new Map()

    beforeEach(async () => {
      log = await make()
      writer = await log.write()
      reader = await log.read('first')
      places.clear()
    })
    afterEach(async () => {
      await writer.close()
      await reader.close()
      await log.remove()
    })

    it('holds nothing at first', async () => {
      deepEqual(await readOn(reader, places), [])
    })

    it('gives a record that came in two parts back as one, whatever is small or large of it', async () => {
      const large = 'large '.repeat(2_000)
      const given = [
        ['head', 'body'],
        ['', large],
        [large, 'body'],
        [large, ''],
        ['head', large],
      ] as const
      await writer.append(
        given.map(([head, body]) => ({ ...record(head), body: Buffer.from(body) })),
      )
      deepEqual(
        texts(await readOn(reader, places)),
        given.map(([head, body]) => head + body),
      )
    })

    it('gives records back whole and in order, empty and large ones too', async () => {
      const records = [
        record('one'),
        record('', 1),
        { partition: 2, bytes: Buffer.alloc(900_000, 'large') },
        record('two'),
        record('three', suitePartitions - 1),
      ]
      await writer.append(records.slice(0, 3))
      await writer.append(records.slice(3))
      deepEqual(byPartition(await readOn(reader, places)), byPartition(records))
    })

    it('goes on from a position, in the same reader and in another', async () => {
      await writer.append([record('a'), record('b')])
      deepEqual(texts(await readOn(reader, places)), ['a', 'b'])
      await writer.append([record('c')])
      deepEqual(texts(await readOn(reader, places)), ['c'])
      deepEqual(texts(await readOn(reader, places)), [])
      await writer.append([record('d')])
      const other = await log.read('first')
      deepEqual(texts(await readOn(other, places)), ['d'])
      await other.close()
    })

    it('lets every reader have a place of its own', async () => {
      await writer.append([record('a')])
      await readOn(reader, places)
      const other = await log.read('second')
      deepEqual(texts(await readOn(other, new Map())), ['a'])
      await other.close()
    })

    it('reads no more than was asked for, but one record at least', async () => {
      await writer.append(Array.from({ length: 10 }, (_, index) => record(`${index}`.repeat(500))))
      const seen: string[] = []
      for (let round = 0; round < 100 && seen.length < 10; round++) {
        for (const sequence of await reader.sequences()) {
          const position = places.get(sequence)
          const batch = await reader.read(sequence, { position, bytesMax: 100 })
          ok(batch.records.length <= 1, `${batch.records.length} records of 500 bytes at once`)
          seen.push(...texts(batch.records).map((text) => text.slice(0, 1)))
          if (batch.position !== undefined) places.set(sequence, batch.position)
        }
      }
      equal(seen.join(''), '0123456789')
    })

    it('loses none of many single records that are appended at once, and gives each once', async () => {
      const sent = Array.from({ length: 300 }, (_, index) => record(`${index}`, index % 2))
      await Promise.all(sent.map((one) => writer.append([one])))
      deepEqual(byPartition(await readOn(reader, places)), byPartition(sent))
    })

    it('says soon that there is more, and not before', async () => {
      await writer.append([record('a')])
      await readOn(reader, places)
      const startedAtMs = performance.now()
      await reader.waitForMore({ timeoutMs: 60 })
      ok(performance.now() - startedAtMs >= 55)
      const waiting = reader.waitForMore({ timeoutMs: 20_000 })
      await writer.append([record('b')])
      await waiting
      ok(performance.now() - startedAtMs < 5_000)
      deepEqual(texts(await readOn(reader, places)), ['b'])
    })

    it('does not wait when something came between reading and waiting', async () => {
      await readOn(reader, places)
      await writer.append([record('a')])
      const startedAtMs = performance.now()
      await reader.waitForMore({ timeoutMs: 20_000 })
      ok(performance.now() - startedAtMs < 5_000)
    })

    it('stops waiting when asked to', async () => {
      await readOn(reader, places)
      const stopping = new AbortController()
      const waiting = reader.waitForMore({ timeoutMs: 20_000, signal: stopping.signal })
      stopping.abort(new Error('enough'))
      await rejects(waiting, /enough/)
    })

    it('still gives what was released while it is kept', async () => {
      await writer.append([record('a')])
      await readOn(reader, places)
      for (const [sequence, position] of places) await reader.release(sequence, position)
      await writer.append([record('b')])
      deepEqual(texts(await readOn(reader, places)), ['b'])
    })

    it('refuses at once what would wait beyond its limit, and takes more when there is room', async () => {
      await writer.close()
      writer = await log.write({ waitingBytesMax: 10_000 })
      const first = writer.append([record('x'.repeat(9_000))])
      await rejects(writer.append([record('y'.repeat(2_000))]), {
        code: 'LOG_BUSY',
        retry: 'later',
      })
      ok(writer.pressure.waitingBytes >= 9_000)
      await first
      equal(writer.pressure.waitingBytes, 0)
      ok(writer.pressure.syncMs > 0)
      await writer.append([record('z')])
      equal((await readOn(reader, places)).length, 2)
    })

    it('takes one append that alone is larger than its limit', async () => {
      await writer.close()
      writer = await log.write({ waitingBytesMax: 10 })
      await writer.append([record('larger than the limit')])
      equal((await readOn(reader, places)).length, 1)
    })

    it('waits for what was appended when it closes', async () => {
      const appended = writer.append([record('a')])
      await writer.close()
      await appended
      writer = await log.write()
      await writer.append([record('b')])
      deepEqual(texts(await readOn(reader, places)), ['a', 'b'])
    })

    it('gives what was appended, however it was cut into appends and reads', async () => {
      const records = fc.array(
        fc.record({
          partition: fc.nat(suitePartitions - 1),
          bytes: fc.uint8Array({ maxLength: 3_000 }),
        }),
        { maxLength: 20 },
      )
      const appends = fc.array(records, { maxLength: 6 })
      const sent: LogRecord[] = []
      const seen: LogRecord[] = []
      await fc.assert(
        fc.asyncProperty(appends, fc.integer({ min: 1, max: 10_000 }), async (parts, bytesMax) => {
          await Promise.all(parts.map((part) => writer.append(part)))
          sent.push(...parts.flat())
          seen.push(...(await readOn(reader, places, bytesMax)))
          deepEqual(byPartition(seen), byPartition(sent))
        }),
        { seed: 6, numRuns: 25, endOnFailure: true },
      )
    })
  })
}

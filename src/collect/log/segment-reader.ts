/**
 * Reads the log directories below one folder, also those that other processes write at the moment. A record may be seen before it is durable: whoever is
 * told of it then, keeps one that its sender will send again.
 */
import path from 'node:path'
import { MaruError } from '../../base/errors.ts'
import { sleep } from '../../base/bounded.ts'
import type { Files } from '../../base/files.ts'
import { nodeFiles } from '../../base/node-files.ts'
import type { LogBatch, LogPosition, LogReader } from '../log.ts'
import { forgetReader, readReleased, writeReleased } from './released.ts'
import { SegmentFile, damaged, formatPlace, listSegments, parsePlace, placeIn } from './segment.ts'
import type { Place, Segment } from './segment.ts'

export interface SegmentReaderOptions {
  /** Holds the log directories, one for each collector process. */
  readonly folder: string
  /** Of this reader: retention keeps what it has not released. Letters, digits, `-` and `_`. Absent: it only looks, and retention does not wait for it. */
  readonly name?: string
  /** The reader in whose place this one reads from now on: retention no longer waits for it. */
  readonly replaces?: string
  readonly files?: Files
}

/** A reader that keeps its own place too, for who has no other store for it. */
export interface SegmentLogReader extends LogReader {
  /** What was given to `release` last. */
  released(sequence: string): Promise<LogPosition | undefined>
  /** A position before all that was appended at this time or later; undefined: the oldest. */
  since(sequence: string, atMs: number): Promise<LogPosition | undefined>
}

const pollMs = 20

export function openSegmentReader(options: SegmentReaderOptions): Promise<SegmentLogReader> {
  return Promise.resolve(new SegmentReader(options))
}

interface Tail {
  readonly segment: number
  readonly size: number
}

class SegmentReader implements SegmentLogReader {
  readonly log = 'local'
  readonly #folder: string
  readonly #name: string | undefined
  readonly #replaces: string | undefined
  readonly #files: Files
  /** The segment of each sequence that was read last. */
  readonly #open = new Map<string, SegmentFile>()
  /** Up to where each sequence was read when its end was reached. */
  readonly #tails = new Map<string, Tail>()
  readonly #registered = new Set<string>()

  constructor(options: SegmentReaderOptions) {
    this.#folder = options.folder
    this.#name = options.name
    this.#replaces = options.replaces
    this.#files = options.files ?? nodeFiles
  }

  async sequences(): Promise<readonly string[]> {
    const entries = await this.#files.list(this.#folder)
    return entries.filter((entry) => entry.isFolder).map((entry) => entry.name)
  }

  async read(
    sequence: string,
    options: { readonly position: LogPosition | undefined; readonly bytesMax: number },
  ): Promise<LogBatch> {
    await this.#register(sequence)
    const segments = await listSegments(this.#files, path.join(this.#folder, sequence))
    let place = startingPlace(sequence, segments, options.position)
    for (;;) {
      if (place === undefined) return { records: [], position: options.position, atEnd: true }
      const { segment, offset } = place
      const following = segments.find(({ number }) => number > segment)
      const current = segments.find(({ number }) => number === segment)!
      const file = await this.#file(sequence, current)
      const part = await file.read(offset, options.bytesMax)
      const { records } = part
      if (part.next === 'more') {
        return { records, position: formatPlace(placeIn(current, part.offset)), atEnd: false }
      }
      const isTorn = part.next === 'damaged'
      if (isTorn && (following !== undefined || (await file.isDamage(offset)))) {
        // A segment that another follows is whole, unless it was still being cut when it was read.
        if ((await file.read(offset, 1)).next === 'damaged') throw damaged(file.segment, offset)
        continue
      }
      if (following === undefined) {
        this.#tails.set(sequence, { segment, size: part.size })
        return { records, position: formatPlace(placeIn(current, part.offset)), atEnd: true }
      }
      place = placeIn(following, 0)
      if (records.length > 0) return { records, position: formatPlace(place), atEnd: false }
    }
  }

  async waitForMore(options: {
    readonly timeoutMs: number
    readonly signal?: AbortSignal
  }): Promise<void> {
    const endsAtMs = performance.now() + options.timeoutMs
    while (!(await this.#hasMore())) {
      const leftMs = endsAtMs - performance.now()
      if (leftMs <= 0) return
      await sleep(Math.min(pollMs, leftMs), options.signal)
    }
  }

  async release(sequence: string, position: LogPosition): Promise<void> {
    const reader = this.#name
    if (reader === undefined) return
    const folder = path.join(this.#folder, sequence)
    await writeReleased(this.#files, { folder, reader, place: parsePlace(position) })
    this.#registered.add(sequence)
  }

  async released(sequence: string): Promise<LogPosition | undefined> {
    if (this.#name === undefined) return undefined
    const place = await readReleased(this.#files, path.join(this.#folder, sequence), this.#name)
    return place === undefined || place.segment === 0 ? undefined : formatPlace(place)
  }

  async since(sequence: string, atMs: number): Promise<LogPosition | undefined> {
    const segments = await listSegments(this.#files, path.join(this.#folder, sequence))
    const first = segments.find(({ modifiedAtMs }) => modifiedAtMs >= atMs) ?? segments.at(-1)
    return first && formatPlace(placeIn(first, 0))
  }

  async close(): Promise<void> {
    const files = [...this.#open.values()]
    this.#open.clear()
    for (const file of files) await file.close()
  }

  /** Before the first read, so that retention waits for this reader from then on. */
  async #register(sequence: string): Promise<void> {
    const reader = this.#name
    if (reader === undefined || this.#registered.has(sequence)) return
    const folder = path.join(this.#folder, sequence)
    if ((await readReleased(this.#files, folder, reader)) === undefined) {
      const place = { segment: 0, offset: 0 }
      await writeReleased(this.#files, { folder, reader, place })
    }
    if (this.#replaces !== undefined) await forgetReader(this.#files, folder, this.#replaces)
    this.#registered.add(sequence)
  }

  async #file(sequence: string, segment: Segment): Promise<SegmentFile> {
    const open = this.#open.get(sequence)
    if (open?.segment.path === segment.path) return open
    await open?.close()
    this.#open.delete(sequence)
    const file = await SegmentFile.open(segment)
    this.#open.set(sequence, file)
    return file
  }

  async #hasMore(): Promise<boolean> {
    for (const sequence of await this.sequences()) {
      const segments = await listSegments(this.#files, path.join(this.#folder, sequence))
      const last = segments.at(-1)
      if (last === undefined) continue
      const tail = this.#tails.get(sequence)
      const size = (await this.#files.size(last.path)) ?? 0
      if (tail === undefined || last.number !== tail.segment || size > tail.size) return true
    }
    return false
  }
}

/** undefined when the log holds nothing yet. */
function startingPlace(
  sequence: string,
  segments: readonly Segment[],
  position: LogPosition | undefined,
): Place | undefined {
  const oldest = segments[0]
  if (oldest === undefined) return undefined
  if (position === undefined) return placeIn(oldest, 0)
  const place = parsePlace(position)
  const isThere = ({ number, seed }: Segment): boolean =>
    number === place.segment && (place.seed ?? seed) === seed
  if (segments.some(isThere)) return place
  const isGone = place.segment < oldest.number
  throw new MaruError(
    'LOG_EXPIRED',
    isGone
      ? `${sequence}: what follows the position ${position} was removed by retention`
      : `${sequence} does not have the position ${position}: segments are missing, or the folder was made anew`,
    {
      hint: 'raise the hard limit of the log, or restore the folder; go on from its oldest record',
    },
  )
}

/**
 * Segments of a log on disk: files of one folder, numbered in the order of their records. The name has the number and the seed of the checksums
 * (`0000000012-5f0c1a7e.segment`), and is durable before the first record is written, so that a file needs no header.
 *
 * A position is a segment's number and an offset in it. What was written at a place never changes once it may have been read: after a crash and after a
 * failed write the segment is cut to its whole frames and never written again, so a position may lie beyond its end and then means that end.
 */
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import path from 'node:path'
import { MaruError } from '../../base/errors.ts'
import type { Files } from '../../base/files.ts'
import { fileError } from '../../base/node-files.ts'
import type { LogPosition, LogRecord } from '../log.ts'
import { decodeFrame, holdsLaterGroup } from './frame.ts'

export interface Segment {
  readonly number: number
  readonly seed: number
  readonly path: string
  readonly modifiedAtMs: number
}

/** A place between two records: everything before it lies in earlier segments, or before `offset` in this one. */
export interface Place {
  readonly segment: number
  /** Of the segment: a folder that was made anew has other segments of the same numbers. Absent: of whichever is there. */
  readonly seed?: number
  readonly offset: number
}

export function segmentPath(folder: string, number: number, seed: number): string {
  const name = `${String(number).padStart(10, '0')}-${seed.toString(16).padStart(8, '0')}.segment`
  return path.join(folder, name)
}

/** In the order of their records. */
export async function listSegments(files: Files, folder: string): Promise<readonly Segment[]> {
  const segments: Segment[] = []
  for (const { name, modifiedAtMs } of await files.list(folder)) {
    const match = /^(\d{10})-([\da-f]{8})\.segment$/.exec(name)
    if (match === null) continue
    segments.push({
      number: Number(match[1]),
      seed: Number.parseInt(match[2]!, 16),
      path: path.join(folder, name),
      modifiedAtMs,
    })
  }
  return segments.toSorted((left, right) => left.number - right.number)
}

export function placeIn({ number, seed }: Segment, offset: number): Place {
  return { segment: number, seed, offset }
}

export function formatPlace({ segment, seed, offset }: Place): LogPosition {
  return `${segment}${seed === undefined ? '' : `-${seed.toString(16)}`}:${offset}`
}

export function parsePlace(position: LogPosition): Place {
  const match = /^(\d+)(?:-([\da-f]+))?:(\d+)$/.exec(position)
  if (match === null) {
    throw new MaruError('LOG_CORRUPT', `"${position}" is not a position in a log of segments`, {
      hint: 'it was given by another log; start from the oldest record, or from a position of this one',
    })
  }
  const [, segment, seed, offset] = match
  return {
    segment: Number(segment),
    ...(seed === undefined ? {} : { seed: Number.parseInt(seed, 16) }),
    offset: Number(offset),
  }
}

/** `end`: all that the segment holds was read. `damaged`: the frame at `offset` is not whole. */
export interface ReadFrames {
  readonly records: readonly LogRecord[]
  readonly offset: number
  readonly next: 'more' | 'end' | 'damaged'
  /** Of the file, when it was read. */
  readonly size: number
}

/** A segment that is open for reading. */
export class SegmentFile {
  readonly segment: Segment
  readonly #handle: FileHandle

  private constructor(segment: Segment, handle: FileHandle) {
    this.segment = segment
    this.#handle = handle
  }

  static async open(segment: Segment): Promise<SegmentFile> {
    try {
      return new SegmentFile(segment, await open(segment.path, 'r'))
    } catch (error) {
      throw fileError('read', segment.path, error)
    }
  }

  /** Whole records from `offset` on, at most `bytesMax` with their frames, but one in any case. */
  async read(offset: number, bytesMax: number): Promise<ReadFrames> {
    const { size } = await this.#handle.stat()
    const left = size - offset
    if (left <= 0) return { records: [], offset, next: 'end', size }
    let bytes = await this.#bytes(offset, Math.min(left, bytesMax))
    const first = decodeFrame(bytes, 0, this.segment.seed)
    if (first.kind === 'cut' && bytes.length < left) {
      // The first record alone is larger than what was asked for, or so its header says once it was read.
      bytes = await this.#bytes(offset, Math.min(left, Math.max(first.bytes, bytesMax)))
      const header = decodeFrame(bytes, 0, this.segment.seed)
      if (header.kind === 'cut') bytes = await this.#bytes(offset, Math.min(left, header.bytes))
    }
    return this.#frames(bytes, { offset, size })
  }

  #frames(bytes: Buffer, from: { readonly offset: number; readonly size: number }): ReadFrames {
    const records: LogRecord[] = []
    let at = 0
    for (;;) {
      const offset = from.offset + at
      const frame = decodeFrame(bytes, at, this.segment.seed)
      if (frame.kind === 'frame') {
        records.push(frame.record)
        at += frame.bytes
        continue
      }
      if (offset >= from.size) return { records, offset, next: 'end', size: from.size }
      const next = records.length === 0 ? 'damaged' : 'more'
      return { records, offset, next, size: from.size }
    }
  }

  /** Whether the damaged frame at `offset` was whole and durable once, rather than the torn end of the last write. */
  async isDamage(offset: number): Promise<boolean> {
    const { size } = await this.#handle.stat()
    const { seed } = this.segment
    const later = holdsLaterGroup(await this.#bytes(offset, size - offset), { seed, offset })
    // The writer may have completed the frame, and written more, since the frame was read.
    return later && (await this.read(offset, 1)).next === 'damaged'
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }

  async #bytes(offset: number, length: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(Math.max(length, 0))
    let done = 0
    while (done < buffer.length) {
      const { bytesRead } = await this.#handle.read(
        buffer,
        done,
        buffer.length - done,
        offset + done,
      )
      if (bytesRead === 0) break
      done += bytesRead
    }
    return buffer.subarray(0, done)
  }
}

/** Where the whole frames of a segment end. */
export async function findEnd(segment: Segment): Promise<{ end: number; size: number }> {
  const file = await SegmentFile.open(segment)
  try {
    for (let offset = 0; ;) {
      const part = await file.read(offset, 4 * 1024 * 1024)
      offset = part.offset
      if (part.next === 'more') continue
      if (part.next === 'damaged' && (await file.isDamage(offset))) throw damaged(segment, offset)
      return { end: offset, size: part.size }
    }
  } finally {
    await file.close()
  }
}

export function damaged(segment: Segment, offset: number): MaruError {
  return new MaruError(
    'LOG_CORRUPT',
    `${segment.path}: the record at byte ${offset} is damaged, though it was durable once`,
    {
      hint: 'what lies before it is whole; restore the file, or move it out of the folder to go on without the rest of it',
    },
  )
}

/**
 * The log on the local disk: appends that wait together are written and synced as one group, into segments of one folder. While a group is written and synced
 * the next one gathers, so the slower the disk, the larger the groups.
 *
 * A failed write leaves a segment that may hold anything after its last durable byte: it is cut there and never written again, the next group begins another.
 */
import { randomInt } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { MaruError, assert, isMaruError, messageOf } from '../../base/errors.ts'
import type { Files, GrowingFile } from '../../base/files.ts'
import { nodeFiles } from '../../base/node-files.ts'
import type { LogWriter, NewRecord } from '../log.ts'
import { lockFolder } from './folder-lock.ts'
import type { FolderLock } from './folder-lock.ts'
import { encodeGroup, framedBytes, summed } from './frame.ts'
import type { SummedRecord } from './frame.ts'
import { firstNeeded } from './released.ts'
import { chooseExpired, defaultRetention } from './retention.ts'
import type { Retention, SizedSegment } from './retention.ts'
import { findEnd, listSegments, segmentPath } from './segment.ts'

export interface SegmentLogOptions {
  readonly folder: string
  readonly files?: Files
  /** Default 64 MiB. */
  readonly segmentBytesMax?: number
  /** Default 64 MiB. */
  readonly waitingBytesMax?: number
  readonly retention?: Retention
}

const mebibyte = 1024 * 1024
const groupBytesMax = 8 * mebibyte
const retentionEveryMs = 60_000
/** Weight of the newest sync in the moving average. */
const syncWeight = 0.2

/** Cuts what a crash left half-written, and takes the folder for this process. */
export async function openSegmentLog(options: SegmentLogOptions): Promise<LogWriter> {
  const files = options.files ?? nodeFiles
  await files.makeFolder(options.folder)
  const lock = await lockFolder(options.folder)
  try {
    return new SegmentLog({ ...options, files, lock, last: await repair(files, options.folder) })
  } catch (error) {
    await lock.release()
    throw error
  }
}

/**
 * Only the last segment can have an end that is not durable. It is synced in any case: a later segment says that this one is whole.
 * Returns its number, 0 when there is none.
 */
async function repair(files: Files, folder: string): Promise<number> {
  const last = (await listSegments(files, folder)).at(-1)
  if (last === undefined) return 0
  const { end, size } = await findEnd(last)
  if (end < size) await files.cut(last.path, end)
  await files.syncFile(last.path)
  return last.number
}

interface Waiting {
  readonly records: readonly SummedRecord[]
  readonly bytes: number
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

interface Writing {
  readonly file: GrowingFile
  readonly path: string
  readonly seed: number
  /** Durable bytes. */
  size: number
}

interface SegmentLogParts extends SegmentLogOptions {
  readonly files: Files
  readonly lock: FolderLock
  readonly last: number
}

class SegmentLog implements LogWriter {
  readonly #folder: string
  readonly #files: Files
  readonly #lock: FolderLock
  readonly #segmentBytesMax: number
  readonly #waitingBytesMax: number
  readonly #retention: Retention
  readonly #retentionTimer: NodeJS.Timeout
  #retaining: Promise<void> = Promise.resolve()
  #last: number
  #writing: Writing | undefined
  #waiting: Waiting[] = []
  #waitingBytes = 0
  #syncMs = 0
  #writingSinceMs: number | undefined
  #failure: MaruError | undefined
  #draining: Promise<void> | undefined
  #isClosed = false

  constructor(parts: SegmentLogParts) {
    this.#folder = parts.folder
    this.#files = parts.files
    this.#lock = parts.lock
    this.#last = parts.last
    this.#segmentBytesMax = parts.segmentBytesMax ?? 64 * mebibyte
    this.#waitingBytesMax = parts.waitingBytesMax ?? 64 * mebibyte
    this.#retention = parts.retention ?? defaultRetention
    this.#retentionTimer = setInterval(() => this.#retainSoon(), retentionEveryMs).unref()
  }

  get pressure(): LogWriter['pressure'] {
    const startedAtMs = this.#writingSinceMs
    // A sync that hangs says so itself, before it is over.
    const hangsMs = startedAtMs === undefined ? 0 : performance.now() - startedAtMs
    return { waitingBytes: this.#waitingBytes, syncMs: Math.max(this.#syncMs, hangsMs) }
  }

  append(records: readonly NewRecord[]): Promise<void> {
    return new Promise((resolve, reject) => {
      assert(!this.#isClosed, 'nothing is appended to a log that was closed')
      if (this.#failure !== undefined) throw this.#failure
      if (records.length === 0) return resolve()
      const bytes = records.reduce((sum, record) => sum + framedBytes(record), 0)
      if (this.#waitingBytes > 0 && this.#waitingBytes + bytes > this.#waitingBytesMax)
        throw busy(this.#folder, this.#waitingBytes)
      this.#waiting.push({ records: records.map(summed), bytes, resolve, reject })
      this.#waitingBytes += bytes
      this.#draining ??= this.#drain()
    })
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    clearInterval(this.#retentionTimer)
    await this.#draining
    await this.#retaining
    await this.#writing?.file.close()
    await this.#lock.release()
  }

  async #drain(): Promise<void> {
    // What arrives in the same turn of the event loop shares the first sync too.
    await setImmediate()
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup()
      try {
        await this.#write(group)
        for (const { resolve } of group) resolve()
      } catch (error) {
        for (const { reject } of group) reject(error)
      }
      for (const { bytes } of group) this.#waitingBytes -= bytes
    }
    this.#draining = undefined
  }

  #takeGroup(): readonly Waiting[] {
    let bytes = 0
    let count = 0
    for (const waiting of this.#waiting) {
      if (count > 0 && bytes + waiting.bytes > groupBytesMax) break
      bytes += waiting.bytes
      count++
    }
    return this.#waiting.splice(0, count)
  }

  async #write(group: readonly Waiting[]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    const bytes = group.reduce((sum, waiting) => sum + waiting.bytes, 0)
    const writing = await this.#segmentFor(bytes)
    const startedAtMs = performance.now()
    this.#writingSinceMs = startedAtMs
    try {
      // The name before any record: a reader may see a record, and remember the place, as soon as it is written.
      if (writing.size === 0) await this.#files.syncFolder(this.#folder)
      const records = group.flatMap((waiting) => waiting.records)
      await writing.file.append(encodeGroup(records, { seed: writing.seed, group: writing.size }))
      await writing.file.sync()
    } catch (error) {
      throw await this.#abandon(writing, error)
    } finally {
      this.#writingSinceMs = undefined
    }
    writing.size += bytes
    const tookMs = performance.now() - startedAtMs
    this.#syncMs = this.#syncMs === 0 ? tookMs : this.#syncMs + syncWeight * (tookMs - this.#syncMs)
  }

  async #segmentFor(bytes: number): Promise<Writing> {
    const current = this.#writing
    if (current !== undefined) {
      if (current.size === 0 || current.size + bytes <= this.#segmentBytesMax) return current
      this.#writing = undefined
      await current.file.close()
    }
    // A number that could not be used is left out: its file may be there.
    this.#last++
    const seed = randomInt(2 ** 32)
    const path = segmentPath(this.#folder, this.#last, seed)
    this.#writing = { file: await this.#files.openNew(path), path, seed, size: 0 }
    this.#retainSoon()
    return this.#writing
  }

  /** Gives what is to be thrown. A full disk refuses this group; anything else stops the log, for the kernel may have dropped the pages. */
  async #abandon(writing: Writing, error: unknown): Promise<unknown> {
    this.#writing = undefined
    let reason = error
    try {
      await writing.file.close()
      if (isMaruError(error) && error.code === 'DISK_FULL') {
        await this.#files.cut(writing.path, writing.size)
        await this.#files.syncFile(writing.path)
        return error
      }
    } catch (second) {
      reason = second
    }
    this.#failure = failed(this.#folder, reason)
    return this.#failure
  }

  #retainSoon(): void {
    // What could not be removed is tried again at the next segment or minute; more is kept until then.
    this.#retaining = this.#retaining.then(() => this.#retain()).catch(() => undefined)
  }

  async #retain(): Promise<void> {
    const needed = (await firstNeeded(this.#files, this.#folder)).segment
    const segments: SizedSegment[] = []
    for (const segment of await listSegments(this.#files, this.#folder))
      segments.push({ ...segment, size: (await this.#files.size(segment.path)) ?? 0 })
    const options = { retention: this.#retention, needed, nowMs: Date.now() }
    for (const { path } of chooseExpired(segments, options)) await this.#files.remove(path)
  }
}

function busy(folder: string, waitingBytes: number): MaruError {
  return new MaruError(
    'LOG_BUSY',
    `${waitingBytes} bytes wait to be written to the log ${folder}`,
    {
      hint: 'try again after a moment; if it stays so, the disk is too slow for what arrives',
      retry: 'later',
    },
  )
}

function failed(folder: string, cause: unknown): MaruError {
  return new MaruError('LOG_FAILED', `the log ${folder} stopped: ${messageOf(cause)}`, {
    hint: 'look at the disk, then start again: what was acknowledged is read back',
    cause,
  })
}

/**
 * Which events a process has taken in the last day or more. For a collector it is only an answer (`duplicate`), so nothing here may stop it, and what cannot be
 * kept is forgotten. The landing decides exactly: it waits until there is room, and asks the table about what is found here (landed-ids.ts).
 *
 * New ids go into a table in memory (the window); a full or old window is sorted and written to a file, and a Bloom filter in memory says which files cannot hold an
 * id. Memory: 10 bits an id on disk, and 8 MB a window of 500,000 ids, of which two are there while one is written: 100 million ids take 145 MB.
 */
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import type { Files } from '../base/files.ts'
import { nodeFiles } from '../base/node-files.ts'
import { BloomFilter, FingerprintTable, fingerprintInto, type Fingerprint } from './fingerprint.ts'
import {
  makeName,
  readName,
  readSealed,
  SealedIds,
  sortInTurns,
  writeSealed,
  type SealedName,
} from './sealed-ids.ts'

export interface Duplicates {
  has(source: string, id: string): boolean
  /** Between when and when what has this fingerprint was added. Throws when a file cannot be read. */
  find(source: string, id: string): TimeSpan | undefined
  /** Times may come somewhat out of order, and again after a start. An id is kept from its time on. */
  add(source: string, id: string, atMs: number): void
  /** Resolves when so many more, at most `windowIdsMax`, can be added without forgetting any. */
  room(count: number): Promise<void>
  /** What was added with a time before this is on disk: after a start the caller adds the log's records from here on again. 0: none is. */
  readonly coveredUntilMs: number
  readonly measures: DuplicatesMeasures
  /** Writes what is only in memory. */
  close(): Promise<void>
}

export interface TimeSpan {
  readonly oldestMs: number
  readonly newestMs: number
}

export interface DuplicatesMeasures {
  readonly ids: number
  readonly memoryBytes: number
  /** Being written now. */
  readonly waitingIds: number
  /** Not kept, because the disk did not take earlier ones in time. */
  readonly forgotten: number
}

export interface DuplicatesOptions {
  readonly folder: string
  /** At least so long an id is kept, unless there are about `idsMax`. Default 24. */
  readonly hours?: number
  /** Then the oldest are forgotten early. Default 100 million. */
  readonly idsMax?: number
  readonly windowIdsMax?: number
  readonly files?: Files
  readonly onError?: (error: unknown) => void
  readonly now?: () => number
}

const hourMs = 3_600_000
/** Appends that wait for one sync are added in any order, and a time may be older than the window. */
const disorderMs = 60_000
const retryMs = 5_000
const windowsAGroup = 16
/** Four quarters of what is kept, the one that ends and the one that begins. */
const groupsADay = 6
/** The four quarters and the one that begins stay however old they are: a clock that jumps ahead makes nothing old. */
const groupsMin = 5
const pairsATurn = 16_384

/** A window still in memory. */
interface Window {
  readonly table: FingerprintTable
  oldestMs: number
  newestMs: number
}

/** Files of neighbouring times under one filter; forgotten together. */
interface Group {
  readonly filter: BloomFilter
  readonly files: SealedIds[]
  count: number
  oldestMs: number
  newestMs: number
}

/** What an earlier process wrote is read; outdated files are removed. */
export async function openDuplicates(options: DuplicatesOptions): Promise<Duplicates> {
  const index = new DuplicateIndex(options)
  await index.load()
  return index
}

class DuplicateIndex implements Duplicates {
  readonly #folder: string
  readonly #files: Files
  readonly #hours: number
  readonly #idsMax: number
  readonly #windowIdsMax: number
  readonly #onError: (error: unknown) => void
  readonly #now: () => number
  readonly #groups: Group[] = []
  readonly #fingerprint: Fingerprint = { high: 0, low: 0 }
  /** From here on files are damaged. */
  #damagedFromMs = Infinity
  #window: Window
  #sealing: Window | undefined
  #sealed: Promise<void> = Promise.resolve()
  #forgotten = 0
  #closing = false

  constructor(options: DuplicatesOptions) {
    this.#folder = options.folder
    this.#files = options.files ?? nodeFiles
    this.#hours = options.hours ?? 24
    this.#idsMax = options.idsMax ?? 100_000_000
    this.#windowIdsMax = options.windowIdsMax ?? 500_000
    this.#onError = options.onError ?? (() => undefined)
    this.#now = options.now ?? Date.now
    this.#window = this.#newWindow()
  }

  has(source: string, id: string): boolean {
    const fingerprint = fingerprintInto(this.#fingerprint, source, id)
    if (this.#window.table.has(fingerprint)) return true
    if (this.#sealing?.table.has(fingerprint) === true) return true
    const { high, low } = fingerprint
    for (let at = this.#groups.length - 1; at >= 0; at--) {
      const { filter, files } = this.#groups[at]!
      if (filter.has(high, low) && this.#isInFiles(files, fingerprint)) return true
    }
    return false
  }

  find(source: string, id: string): TimeSpan | undefined {
    const fingerprint = fingerprintInto(this.#fingerprint, source, id)
    const { high, low } = fingerprint
    const found: TimeSpan[] = this.#windows.filter(({ table }) => table.has(fingerprint))
    for (const { filter, files } of this.#groups) {
      if (!filter.has(high, low)) continue
      for (const file of files) if (file.has(fingerprint)) found.push(file)
    }
    if (found.length === 0) return undefined
    return {
      oldestMs: Math.min(...found.map(({ oldestMs }) => oldestMs)),
      newestMs: Math.max(...found.map(({ newestMs }) => newestMs)),
    }
  }

  async room(count: number): Promise<void> {
    while (this.#sealing !== undefined && !this.#closing) {
      const { table } = this.#window
      if (table.count + count <= table.countMax) return
      // oxlint-disable-next-line no-await-in-loop
      await this.#sealed
    }
  }

  add(source: string, id: string, atMs: number): void {
    const window = this.#window
    const { table } = window
    const fingerprint = fingerprintInto(this.#fingerprint, source, id)
    if (!table.add(fingerprint)) {
      if (table.count === table.countMax && !table.has(fingerprint)) this.#forgotten++
      return
    }
    if (atMs < window.oldestMs) window.oldestMs = atMs
    if (atMs > window.newestMs) window.newestMs = atMs
    if (this.#isDue(window)) this.#seal()
  }

  get coveredUntilMs(): number {
    const newest = this.#groups.reduce((most, group) => Math.max(most, group.newestMs), 0)
    return Math.max(0, Math.min(newest, this.#damagedFromMs) - disorderMs)
  }

  get measures(): DuplicatesMeasures {
    const windows = this.#windows
    return {
      ids:
        this.#groups.reduce((sum, group) => sum + group.count, 0) +
        windows.reduce((sum, { table }) => sum + table.count, 0),
      memoryBytes:
        this.#groups.reduce((sum, group) => sum + group.filter.bytes, 0) +
        windows.reduce((sum, { table }) => sum + table.bytes, 0),
      waitingIds: this.#sealing?.table.count ?? 0,
      forgotten: this.#forgotten,
    }
  }

  async load(): Promise<void> {
    await this.#files.makeFolder(this.#folder)
    const names: SealedName[] = []
    for (const { name } of await this.#files.list(this.#folder)) {
      const read = readName(name)
      // oxlint-disable-next-line no-await-in-loop
      if (read === undefined) await this.#files.remove(join(this.#folder, name))
      else names.push(read)
    }
    for (const name of names.toSorted((left, right) => left.newestMs - right.newestMs)) {
      const path = join(this.#folder, name.name)
      // One after the other: together they would not fit in memory.
      // oxlint-disable-next-line no-await-in-loop
      const pairs = await readSealed(this.#files, path)
      if (pairs !== undefined) await this.#take(name, pairs)
      // oxlint-disable-next-line no-await-in-loop
      else if (name.newestMs < this.#endMs) await this.#files.remove(path)
      // It stays until it is outdated: what was in it is added again at each start until then.
      else this.#damagedFromMs = Math.min(this.#damagedFromMs, name.oldestMs)
    }
    await this.#forget()
  }

  async close(): Promise<void> {
    this.#closing = true
    await this.#sealed
    if (this.#sealing === undefined && this.#window.table.count > 0) {
      this.#seal()
      await this.#sealed
    }
    for (const { files } of this.#groups) for (const file of files) file.close()
    this.#groups.length = 0
  }

  /** What is older may go. */
  get #endMs(): number {
    return this.#now() - this.#hours * hourMs
  }

  get #windows(): readonly Window[] {
    return this.#sealing === undefined ? [this.#window] : [this.#window, this.#sealing]
  }

  #newWindow(): Window {
    return {
      table: new FingerprintTable(this.#windowIdsMax),
      oldestMs: Infinity,
      newestMs: 0,
    }
  }

  #isDue({ table, oldestMs, newestMs }: Window): boolean {
    return table.count === table.countMax || newestMs - oldestMs >= hourMs
  }

  #isInFiles(files: readonly SealedIds[], fingerprint: Fingerprint): boolean {
    try {
      // What comes twice mostly comes soon.
      return files.findLast((file) => file.has(fingerprint)) !== undefined
    } catch (error) {
      // An answer is all that is lost; the landing still drops the duplicate.
      this.#onError(error)
      return false
    }
  }

  /** Puts the window aside to be written; while an earlier one is not, it stays, and when full takes no more. */
  #seal(): void {
    if (this.#sealing !== undefined) return
    const window = this.#window
    this.#sealing = window
    this.#window = this.#newWindow()
    this.#sealed = this.#write(window)
  }

  async #write(window: Window): Promise<void> {
    const sorted = await sortInTurns(window.table.toArray())
    const name = makeName(window.oldestMs, window.newestMs)
    // oxlint-disable-next-line no-await-in-loop
    while (!(await this.#isWritten(name.name, sorted))) {
      if (this.#closing) return
      const { promise, resolve } = Promise.withResolvers<void>()
      setTimeout(resolve, retryMs).unref()
      await promise
    }
    try {
      await this.#take(name, new Uint32Array(sorted.buffer))
      await this.#forget()
    } catch (error) {
      this.#onError(error)
    }
    this.#sealing = undefined
    if (!this.#closing && this.#isDue(this.#window)) this.#seal()
  }

  async #isWritten(name: string, sorted: BigUint64Array): Promise<boolean> {
    try {
      await writeSealed(this.#files, { folder: this.#folder, name }, sorted)
      return true
    } catch (error) {
      this.#onError(error)
      await this.#removePart(name)
      return false
    }
  }

  async #removePart(name: string): Promise<void> {
    try {
      await this.#files.remove(join(this.#folder, `${name}.part`))
    } catch (error) {
      this.#onError(error)
    }
  }

  /** The file is seen by lookups at the end, when the filter knows all of it. */
  async #take(name: SealedName, pairs: Uint32Array): Promise<void> {
    const file = new SealedIds(this.#folder, name, pairs)
    const group = this.#groupFor(name, file.count)
    for (let at = 0; at < pairs.length; at += 2) {
      group.filter.add(pairs[at + 1]!, pairs[at]!)
      // oxlint-disable-next-line no-await-in-loop
      if (at % pairsATurn === 0) await turn()
    }
    group.files.push(file)
    group.count += file.count
    group.oldestMs = Math.min(group.oldestMs, name.oldestMs)
    group.newestMs = Math.max(group.newestMs, name.newestMs)
  }

  /** A group spans at most a quarter of what is kept, so that little is kept for longer, and its filter never holds more than it is made for. */
  #groupFor(name: SealedName, count: number): Group {
    const last = this.#groups.at(-1)
    const countMax = this.#windowIdsMax * windowsAGroup
    const spanMs = (this.#hours * hourMs) / 4
    if (
      last !== undefined &&
      last.count + count <= countMax &&
      name.newestMs - last.oldestMs <= spanMs
    )
      return last
    const group: Group = {
      filter: new BloomFilter(Math.max(count, countMax)),
      files: [],
      count: 0,
      oldestMs: name.oldestMs,
      newestMs: name.newestMs,
    }
    this.#groups.push(group)
    return group
  }

  /** The count of groups bounds the memory, however full each is. */
  async #forget(): Promise<void> {
    const endMs = this.#endMs
    const groupsMax = Math.max(
      groupsADay,
      Math.ceil(this.#idsMax / (this.#windowIdsMax * windowsAGroup)),
    )
    for (;;) {
      const [oldest] = this.#groups
      if (oldest === undefined) return
      const isKept = oldest.newestMs >= endMs || this.#groups.length <= groupsMin
      if (isKept && this.#groups.length <= groupsMax) return
      this.#groups.shift()
      for (const file of oldest.files) {
        file.close()
        // oxlint-disable-next-line no-await-in-loop
        await this.#files.remove(file.path)
      }
    }
  }
}

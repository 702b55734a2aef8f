/**
 * A file of fingerprints in ascending order. Name: `<oldest ms>-<newest ms>-<random>.ids`. Bytes: the fingerprints, 8 bytes each, little-endian, then their CRC-32.
 * In memory stay the high halves of every 512th, so that a lookup reads one page.
 */
import { randomUUID } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import type { Files } from '../base/files.ts'
import type { Fingerprint } from './fingerprint.ts'

const pairBytes = 8
const crcBytes = 4
const pagePairs = 512
const buckets = 256
const bucketsATurn = 8
const namePattern = /^(\d+)-(\d+)-[\da-f-]{36}\.ids$/

export interface SealedName {
  readonly name: string
  readonly oldestMs: number
  readonly newestMs: number
}

export function readName(name: string): SealedName | undefined {
  const match = namePattern.exec(name)
  return match === null
    ? undefined
    : { name, oldestMs: Number(match[1]), newestMs: Number(match[2]) }
}

/** Whole milliseconds, outwards. */
export function makeName(fromMs: number, toMs: number): SealedName {
  const oldestMs = Math.max(0, Math.floor(fromMs))
  const newestMs = Math.max(0, Math.ceil(toMs))
  return { name: `${oldestMs}-${newestMs}-${randomUUID()}.ids`, oldestMs, newestMs }
}

export class SealedIds {
  readonly path: string
  readonly oldestMs: number
  readonly newestMs: number
  readonly count: number
  readonly #file: number
  readonly #pages: Uint32Array
  readonly #page = new Uint32Array(pagePairs * 2)

  /** `pairs` as the file holds them. */
  constructor(folder: string, name: SealedName, pairs: Uint32Array) {
    this.path = join(folder, name.name)
    this.oldestMs = name.oldestMs
    this.newestMs = name.newestMs
    this.count = pairs.length / 2
    this.#pages = new Uint32Array(Math.ceil(this.count / pagePairs))
    for (let page = 0; page < this.#pages.length; page++)
      this.#pages[page] = pairs[page * pagePairs * 2 + 1]!
    this.#file = openSync(this.path, 'r')
  }

  has(fingerprint: Fingerprint): boolean {
    // High halves may be equal over the border of two pages: begin at the last page that begins below.
    let from = 0
    let to = this.#pages.length
    while (from < to) {
      const middle = (from + to) >>> 1
      if (this.#pages[middle]! < fingerprint.high) from = middle + 1
      else to = middle
    }
    for (let page = Math.max(0, from - 1); page < this.#pages.length; page++) {
      if (this.#pages[page]! > fingerprint.high) return false
      if (this.#isInPage(page, fingerprint)) return true
    }
    return false
  }

  close(): void {
    closeSync(this.#file)
  }

  #isInPage(page: number, { high, low }: Fingerprint): boolean {
    const start = page * pagePairs
    const bytes = Math.min(pagePairs, this.count - start) * pairBytes
    const read = readSync(this.#file, this.#page, 0, bytes, start * pairBytes)
    let from = 0
    let to = read / pairBytes
    while (from < to) {
      const middle = (from + to) >>> 1
      const foundHigh = this.#page[middle * 2 + 1]!
      const foundLow = this.#page[middle * 2]!
      if (foundHigh === high && foundLow === low) return true
      if (foundHigh < high || (foundHigh === high && foundLow < low)) from = middle + 1
      else to = middle
    }
    return false
  }
}

/** Sorts in slices, so that requests are answered between them. */
export async function sortInTurns(values: BigUint64Array): Promise<BigUint64Array> {
  const halves = new Uint32Array(values.buffer, values.byteOffset, values.length * 2)
  const starts = new Uint32Array(buckets + 1)
  for (let at = 0; at < values.length; at++) {
    const bucket = (halves[at * 2 + 1]! >>> 24) + 1
    starts[bucket] = starts[bucket]! + 1
  }
  for (let bucket = 0; bucket < buckets; bucket++)
    starts[bucket + 1] = starts[bucket + 1]! + starts[bucket]!
  const next = starts.slice(0, buckets)
  const sorted = new BigUint64Array(values.length)
  await turn()
  for (let at = 0; at < values.length; at++) {
    const bucket = halves[at * 2 + 1]! >>> 24
    sorted[next[bucket]!] = values[at]!
    next[bucket] = next[bucket]! + 1
  }
  for (let bucket = 0; bucket < buckets; bucket++) {
    sorted.subarray(starts[bucket], starts[bucket + 1]).sort()
    // oxlint-disable-next-line no-await-in-loop
    if (bucket % bucketsATurn === 0) await turn()
  }
  return sorted
}

/** Durable when it resolves: the bytes, then the name. */
export async function writeSealed(
  files: Files,
  path: { readonly folder: string; readonly name: string },
  sorted: BigUint64Array,
): Promise<void> {
  const { folder, name } = path
  const body = Buffer.from(sorted.buffer, sorted.byteOffset, sorted.byteLength)
  const bytes = Buffer.allocUnsafe(body.length + crcBytes)
  body.copy(bytes)
  bytes.writeUInt32LE(crc32(body), body.length)
  const temporary = join(folder, `${name}.part`)
  await files.writeNew(temporary, bytes)
  await files.rename(temporary, join(folder, name))
  await files.syncFolder(folder)
}

/** undefined when it is damaged: nothing but an answer is lost with it. */
export async function readSealed(files: Files, path: string): Promise<Uint32Array | undefined> {
  const bytes = Buffer.from(await files.read(path))
  const end = bytes.length - crcBytes
  if (end < 0 || end % pairBytes !== 0) return undefined
  const body = bytes.subarray(0, end)
  if (crc32(body) !== bytes.readUInt32LE(end)) return undefined
  const pairs = new Uint32Array(end / 4)
  Buffer.from(pairs.buffer).set(body)
  return pairs
}

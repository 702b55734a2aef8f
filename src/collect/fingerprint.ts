/** 64-bit fingerprints of (source, id), and two sets of them in memory: an exact one of bounded size, and a Bloom filter for what lies on disk. */

/** Two independent 32-bit halves. Two ids share one by chance once in 2^64; who makes that happen on purpose only misleads himself. */
export interface Fingerprint {
  high: number
  low: number
}

/** Written into one object that is used again: the hot path makes no garbage. */
export function fingerprintInto(into: Fingerprint, source: string, id: string): Fingerprint {
  let high = 0x243f6a88
  let low = 0x85a308d3
  // The length keeps apart what ends and begins differently: ("ab", "c") and ("a", "bc").
  const length = source.length
  high = mixHigh(high, length)
  low = mixLow(low, length)
  for (let at = 0; at < length; at++) {
    const unit = source.charCodeAt(at)
    high = mixHigh(high, unit)
    low = mixLow(low, unit)
  }
  const end = id.length
  for (let at = 0; at < end; at += 2) {
    const units = id.charCodeAt(at) | (at + 1 < end ? id.charCodeAt(at + 1) << 16 : 0)
    high = mixHigh(high, units)
    low = mixLow(low, units)
  }
  into.high = finish(high ^ end)
  into.low = finish(low ^ Math.imul(end, 0x9e3779b1))
  // Zero marks an empty place.
  if (into.high === 0 && into.low === 0) into.low = 1
  return into
}

function mixHigh(hash: number, block: number): number {
  const mixed = Math.imul(block, 0xcc9e2d51)
  const turned = hash ^ Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593)
  return (Math.imul((turned << 13) | (turned >>> 19), 5) + 0xe6546b64) | 0
}

function mixLow(hash: number, block: number): number {
  const mixed = Math.imul(block, 0x239b961b)
  const turned = hash ^ Math.imul((mixed << 16) | (mixed >>> 16), 0x38b34ae5)
  return (Math.imul((turned << 18) | (turned >>> 14), 9) + 0x561ccd1b) | 0
}

function finish(hash: number): number {
  let mixed = hash ^ (hash >>> 16)
  mixed = Math.imul(mixed, 0x85ebca6b)
  mixed ^= mixed >>> 13
  mixed = Math.imul(mixed, 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

/** Open addressing over one typed array of pairs (low, high), at most half full. */
export class FingerprintTable {
  readonly countMax: number
  #count = 0
  readonly #mask: number
  readonly #pairs: Uint32Array

  constructor(countMax: number) {
    this.countMax = countMax
    const places = 2 ** Math.ceil(Math.log2(countMax * 2))
    this.#mask = places - 1
    this.#pairs = new Uint32Array(places * 2)
  }

  get count(): number {
    return this.#count
  }

  get bytes(): number {
    return this.#pairs.byteLength
  }

  has({ high, low }: Fingerprint): boolean {
    const pairs = this.#pairs
    for (let place = low & this.#mask; ; place = (place + 1) & this.#mask) {
      const foundLow = pairs[place * 2]!
      const foundHigh = pairs[place * 2 + 1]!
      if (foundLow === low && foundHigh === high) return true
      if (foundLow === 0 && foundHigh === 0) return false
    }
  }

  /** False when it was there already, or there is no room. */
  add({ high, low }: Fingerprint): boolean {
    const pairs = this.#pairs
    for (let place = low & this.#mask; ; place = (place + 1) & this.#mask) {
      const foundLow = pairs[place * 2]!
      const foundHigh = pairs[place * 2 + 1]!
      if (foundLow === low && foundHigh === high) return false
      if (foundLow !== 0 || foundHigh !== 0) continue
      if (this.#count === this.countMax) return false
      pairs[place * 2] = low
      pairs[place * 2 + 1] = high
      this.#count++
      return true
    }
  }

  /** A copy in no order, as 64-bit numbers whose high half is `high`. */
  toArray(): BigUint64Array {
    const found = new Uint32Array(this.#count * 2)
    let at = 0
    for (let place = 0; place <= this.#mask; place++) {
      const low = this.#pairs[place * 2]!
      const high = this.#pairs[place * 2 + 1]!
      if (low === 0 && high === 0) continue
      found[at++] = low
      found[at++] = high
    }
    return new BigUint64Array(found.buffer)
  }
}

const bitsPerKey = 10
const blockWords = 16
const probes = 7

/** All bits of a key lie in one block of 64 bytes, so that a lookup touches one cache line. About 1 to 2 % false positives when full. */
export class BloomFilter {
  readonly #words: Uint32Array
  readonly #blocks: number

  constructor(countMax: number) {
    this.#blocks = Math.max(1, Math.ceil((countMax * bitsPerKey) / (blockWords * 32)))
    this.#words = new Uint32Array(this.#blocks * blockWords)
  }

  get bytes(): number {
    return this.#words.byteLength
  }

  add(high: number, low: number): void {
    const start = this.#startOf(high)
    const step = (low >>> 9) | 1
    for (let probe = 0, bit = low; probe < probes; probe++, bit = (bit + step) | 0) {
      const word = start + ((bit >>> 5) & (blockWords - 1))
      this.#words[word] = this.#words[word]! | (1 << (bit & 31))
    }
  }

  has(high: number, low: number): boolean {
    const start = this.#startOf(high)
    const step = (low >>> 9) | 1
    for (let probe = 0, bit = low; probe < probes; probe++, bit = (bit + step) | 0) {
      if ((this.#words[start + ((bit >>> 5) & (blockWords - 1))]! & (1 << (bit & 31))) === 0)
        return false
    }
    return true
  }

  #startOf(high: number): number {
    return Math.floor((high / 0x1_0000_0000) * this.#blocks) * blockWords
  }
}

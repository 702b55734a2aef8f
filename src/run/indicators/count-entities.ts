/** Exact counts of different entities by many dimensions: arithmetic on arrays, nothing else, so that it also runs in a thread of its own. */
import type { CodedRows, Codes } from './accumulate.ts'

/** Rows of entities, sorted by entity: which row of the states each belongs to, and which counts it is for. */
export interface EntityRows {
  readonly rows: number
  readonly places: Uint32Array
  /** A number for each entity, from 1 on, rising. */
  readonly entities: Uint32Array
  /** A bit for each count. */
  readonly counts: Uint32Array
}

const wordBits = 32

/** How many different entities each group of each dimension has, for each of the counts: `width` numbers a code. */
export function countEntities(
  rows: EntityRows,
  dimensions: readonly CodedRows[],
  width: number,
): readonly Float64Array[] {
  const found = dimensions.map(({ size }) => new Float64Array(size * width))
  const counted = dimensions.map((dimension, at) => ({ ...dimension, found: found[at]! }))
  for (const word of wordsOf(counted.filter(({ size }) => size <= wordBits)))
    countByWord(rows, word, width)
  for (const dimension of counted)
    if (dimension.size > wordBits) countByCode(rows, dimension, width)
  return found
}

interface CountedDimension extends CodedRows {
  readonly found: Float64Array
}

/** Dimensions whose codes have a bit each in one word. */
interface Word {
  bits: number
  readonly members: { readonly dimension: CountedDimension; readonly shift: number }[]
}

/** Largest first, each into the first word that has room. */
function wordsOf(dimensions: readonly CountedDimension[]): readonly Word[] {
  const words: Word[] = []
  for (const dimension of dimensions.toSorted((left, right) => right.size - left.size)) {
    let word = words.find(({ bits }) => bits + dimension.size <= wordBits)
    if (word === undefined) words.push((word = { bits: 0, members: [] }))
    word.members.push({ dimension, shift: word.bits })
    word.bits += dimension.size
  }
  return words
}

/** The codes that an entity has in several dimensions are the bits that its rows have together. */
function countByWord(rows: EntityRows, { members }: Word, width: number): void {
  const words = new Uint32Array(members[0]!.dimension.codes.length)
  for (const { dimension, shift } of members) addBits(words, dimension.codes, shift)
  const sums = width === 1 ? sumBits(rows, words) : sumBitsOfCounts(rows, words, width)
  for (const { dimension, shift } of members)
    for (let code = 0; code < dimension.size; code++)
      for (let count = 0; count < width; count++)
        dimension.found[code * width + count] = sums[count * wordBits + shift + code]!
}

function addBits(words: Uint32Array, codes: Codes, shift: number): void {
  for (let row = 0; row < words.length; row++)
    words[row] = words[row]! | (1 << (shift + codes[row]!))
}

/** How many entities have each bit. */
function sumBits({ rows, places, entities, counts }: EntityRows, words: Uint32Array): Float64Array {
  const sums = new Float64Array(wordBits)
  for (let row = 0; row < rows;) {
    const entity = entities[row]!
    let bits = 0
    for (; row < rows && entities[row] === entity; row++)
      bits |= words[places[row]!]! & -counts[row]!
    addEach(sums, bits, 0)
  }
  return sums
}

/** For each of the counts, of the rows that are for it. */
function sumBitsOfCounts(
  { rows, places, entities, counts }: EntityRows,
  words: Uint32Array,
  width: number,
): Float64Array {
  const sums = new Float64Array(wordBits * width)
  const bits = new Uint32Array(width)
  for (let row = 0; row < rows;) {
    const entity = entities[row]!
    bits.fill(0)
    for (; row < rows && entities[row] === entity; row++) {
      const word = words[places[row]!]!
      for (let left = counts[row]!; left !== 0; left &= left - 1) {
        const count = 31 - Math.clz32(left & -left)
        bits[count] = bits[count]! | word
      }
    }
    for (let count = 0; count < width; count++) addEach(sums, bits[count]!, count * wordBits)
  }
  return sums
}

function addEach(sums: Float64Array, bits: number, first: number): void {
  for (let left = bits; left !== 0; left &= left - 1) {
    const at = first + 31 - Math.clz32(left & -left)
    sums[at] = sums[at]! + 1
  }
}

/** Since an entity's rows are neighbours, the last one that a code saw tells whether this one is new to it. */
function countByCode(
  { rows, places, entities, counts }: EntityRows,
  { codes, size, found }: CountedDimension,
  width: number,
): void {
  const last = new Uint32Array(size)
  const seen = new Uint32Array(size)
  for (let row = 0; row < rows; row++) {
    const code = codes[places[row]!]!
    const entity = entities[row]!
    let fresh = counts[row]!
    if (last[code] === entity) {
      fresh &= ~seen[code]!
      if (fresh === 0) continue
      seen[code] = seen[code]! | fresh
    } else {
      last[code] = entity
      seen[code] = fresh
    }
    for (; fresh !== 0; fresh &= fresh - 1) {
      const at = code * width + 31 - Math.clz32(fresh & -fresh)
      found[at] = found[at]! + 1
    }
  }
}

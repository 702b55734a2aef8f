/** Adds rows up by codes: arithmetic on arrays, nothing else, so that it also runs in a thread of its own. */
import { shared } from './shared-array.ts'

/** Rows of states. Each row has `slots` numbers: sums first, then least, then greatest values. Arrays are over shared memory. */
export interface StateRows {
  readonly rows: number
  readonly slots: number
  readonly values: Float64Array
  /** The first slot of least and of greatest values. */
  readonly leastFrom: number
  readonly greatestFrom: number
  /** A bit for each state that may be unknown, `words` numbers a row. */
  readonly known: Uint32Array
  readonly words: number
}

export type Codes = Uint16Array | Uint32Array

/** One dimension's groups: group `code` has `slots` values and `words` of bits from `code * slots` on. */
export interface Groups {
  readonly size: number
  readonly values: Float64Array
  readonly known: Uint32Array
  /** How many rows each group has; 0: there is no such group. */
  readonly rows: Float64Array
}

/** A dimension's codes by row, and how many there are. */
export interface CodedRows {
  readonly codes: Codes
  readonly size: number
}

/** Groups of each dimension of a pack. Rows are added up by the pack's combinations, which are few, and these by each dimension. */
export function accumulate(rows: StateRows, pack: readonly CodedRows[]): readonly Groups[] {
  const combinations = pack.reduce((product, { size }) => product * size, 1)
  const together = emptyGroups(rows, combinations)
  const places = new Uint32Array(rows.rows)
  let step = 1
  for (const { codes, size } of pack) {
    addPlaces(places, codes, step)
    step *= size
  }
  addRows(rows, places, together)
  if (pack.length === 1) return [together]
  return pack.map((_, at) => foldGroups(rows, pack, { together, at }))
}

/** One row for each of `count` places; every place has rows. */
export function mergeRows(rows: StateRows, places: Uint32Array, count: number): StateRows {
  const merged = emptyGroups(rows, count)
  addRows(rows, places, merged)
  const { values, known } = merged
  return { ...rows, rows: count, values, known }
}

function emptyGroups({ slots, words, leastFrom, greatestFrom }: StateRows, size: number): Groups {
  const values = shared(Float64Array, size * slots)
  if (leastFrom < slots)
    for (let group = 0; group < size; group++) {
      values.fill(Infinity, group * slots + leastFrom, group * slots + greatestFrom)
      values.fill(-Infinity, group * slots + greatestFrom, (group + 1) * slots)
    }
  return { size, values, known: shared(Uint32Array, size * words), rows: new Float64Array(size) }
}

function addPlaces(places: Uint32Array, codes: Codes, step: number): void {
  const count = places.length
  if (codes instanceof Uint16Array)
    for (let row = 0; row < count; row++) places[row] = places[row]! + codes[row]! * step
  else for (let row = 0; row < count; row++) places[row] = places[row]! + codes[row]! * step
}

function addRows(from: StateRows, places: Uint32Array, into: Groups): void {
  const { rows: count, slots, values, words, known, leastFrom, greatestFrom } = from
  const { values: sums, known: seen, rows } = into
  for (let row = 0; row < count; row++) {
    const place = places[row]!
    rows[place] = rows[place]! + 1
    const source = row * slots
    const target = place * slots
    for (let slot = 0; slot < leastFrom; slot++)
      sums[target + slot] = sums[target + slot]! + values[source + slot]!
    for (let slot = leastFrom; slot < greatestFrom; slot++)
      if (values[source + slot]! < sums[target + slot]!)
        sums[target + slot] = values[source + slot]!
    for (let slot = greatestFrom; slot < slots; slot++)
      if (values[source + slot]! > sums[target + slot]!)
        sums[target + slot] = values[source + slot]!
    for (let word = 0; word < words; word++)
      seen[place * words + word] = seen[place * words + word]! | known[row * words + word]!
  }
}

/** Combinations as rows of the one dimension at `at`. */
function foldGroups(
  rows: StateRows,
  pack: readonly CodedRows[],
  { together, at }: { readonly together: Groups; readonly at: number },
): Groups {
  const { size } = pack[at]!
  const step = pack.slice(0, at).reduce((product, each) => product * each.size, 1)
  const places = new Uint32Array(together.size)
  for (let place = 0; place < together.size; place++)
    places[place] = Math.floor(place / step) % size
  const groups = emptyGroups(rows, size)
  addRows(
    { ...rows, rows: together.size, values: together.values, known: together.known },
    places,
    groups,
  )
  // Combinations that no row has count as none.
  groups.rows.fill(0)
  for (let place = 0; place < together.size; place++)
    groups.rows[places[place]!] = groups.rows[places[place]!]! + together.rows[place]!
  return groups
}

/** Codes of the rows of a table's files as codes of the rows in hand: each file has its own. */
import type { Codes } from './accumulate.ts'
import { directMaxOf } from './codes.ts'
import type { KeptColumn } from './kept-codes.ts'
import { shared } from './shared-array.ts'

/** Which rows of a file are which rows in hand. */
export interface Positions {
  readonly places: Uint32Array
  readonly rows: Uint32Array
}

export interface MergedCodes {
  readonly codes: Codes
  readonly size: number
  readonly low?: bigint
  /** The value of each code from 1 on. */
  readonly values?: readonly string[]
}

interface Meaning {
  readonly size: number
  readonly low?: bigint
  readonly values?: readonly string[]
  /** Of each file: from its codes to those of all. */
  readonly codesOf: readonly ((code: number) => number)[]
}

/** `columns` of each file. undefined when there are too many values. */
export function mergeCodes(
  columns: readonly (KeptColumn | undefined)[],
  positions: readonly Positions[],
  { rows, valuesMax }: { readonly rows: number; readonly valuesMax: number },
): MergedCodes | undefined {
  const known = columns.filter((column) => column !== undefined)
  if (known.length < columns.length) return undefined
  const meaning = asNumbers(known, directMaxOf(rows, valuesMax)) ?? asListed(known)
  if (meaning.low === undefined && meaning.size - 1 > valuesMax) return undefined
  const { size, low, values } = meaning
  const codes: Codes = size <= 65_536 ? shared(Uint16Array, rows) : shared(Uint32Array, rows)
  for (const [file, column] of known.entries()) {
    const translated = translate(column, meaning.codesOf[file]!)
    scatter(column.codes, translated, { codes, at: positions[file]! })
  }
  return {
    codes,
    size,
    ...(low === undefined ? {} : { low }),
    ...(values === undefined ? {} : { values }),
  }
}

/** Whole numbers close together are their own codes. */
function asNumbers(columns: readonly KeptColumn[], sizeMax: number): Meaning | undefined {
  const lows = columns.flatMap(({ low }) => low ?? [])
  if (lows.length === 0 || lows.length < columns.length) return undefined
  const low = lows.reduce((least, each) => (each < least ? each : least))
  const shifts = columns.map((column) => Number(column.low! - low))
  const size = Math.max(...columns.map((column, file) => column.size + shifts[file]!))
  if (size - 2 >= sizeMax) return undefined
  return { size, low, codesOf: shifts.map((shift) => (code) => code + shift) }
}

function asListed(columns: readonly KeptColumn[]): Meaning {
  const codes = new Map<string, number>()
  const codesOf = columns.map(({ low, values }) => {
    const codeOf = (value: string): number => {
      const found = codes.get(value) ?? codes.size + 1
      codes.set(value, found)
      return found
    }
    return (code: number): number =>
      codeOf(low === undefined ? values![code - 1]! : String(low + BigInt(code - 1)))
  })
  // Values that only the last file has are known once all files were gone through.
  for (const [file, { size }] of columns.entries())
    for (let code = 1; code < size; code++) codesOf[file]!(code)
  return { size: codes.size + 1, values: [...codes.keys()], codesOf }
}

function translate({ size }: KeptColumn, codeOf: (code: number) => number): Uint32Array {
  const translated = new Uint32Array(size)
  for (let code = 1; code < size; code++) translated[code] = codeOf(code)
  return translated
}

function scatter(
  from: KeptColumn['codes'],
  translated: Uint32Array,
  to: { readonly codes: Codes; readonly at: Positions },
): void {
  const { codes, at } = to
  const { places, rows } = at
  for (let row = 0; row < rows.length; row++) codes[places[row]!] = translated[from[rows[row]!]!]!
}

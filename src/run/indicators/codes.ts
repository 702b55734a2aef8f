/**
 * Codes dimensions to small numbers, 0 for unknown. Few whole numbers and truth values are their own codes; all else goes by a hash of the engine's, which costs it
 * much less than looking a value up. The different values are known, so it is known too that no two of them share a hash.
 */
import type { NumberColumn, Session } from '../../engine/engine.ts'
import { sqlType } from '../../model/column-type.ts'
import type { IndicatorPart } from '../../plan/plan.ts'
import type { CodedRows, Codes } from './accumulate.ts'
import { shared } from './shared-array.ts'

/** The row of a dimension's codes is that of the states. */
export interface CodedDimension extends CodedRows {
  readonly dimension: string
  /** By which `dictionary` and `groups` call it. */
  readonly number: number
  /** Of whole numbers that are their own codes: the one of code 1. Such a dimension is not in the dictionary. */
  readonly low?: bigint
}

export interface CodedBatch {
  readonly coded: readonly CodedDimension[]
  /** Of too many values for codes. */
  readonly others: IndicatorPart['dimensions']
}

export interface RowNumbers {
  readonly sql: string
  /** The numbers of the next rows, of which the SQL's values are these. */
  readonly placesOf: (read: NumberColumn, count: number) => ArrayLike<number>
}

/** Rows whose number is what the SQL says. */
export function numberedBy(sql: string): RowNumbers {
  return { sql: `cast(${sql} as uinteger)`, placesOf: (read) => read }
}

export interface BatchRows {
  /** `from` and joins by which the dimensions' SQL reads; the row's number is known by `at`. */
  readonly from: string
  /** `from` of rows that have every value of a dimension, where that is less to read. */
  readonly values?: string
  readonly at: RowNumbers
  readonly rows: number
  /** Groups have states in memory: dimensions of more values than this are grouped by the engine, which spills. */
  readonly valuesMax: number
  /** The name of the table to make. */
  readonly dictionary: string
}

/** Whole numbers so close together are their own codes, or so close for each row: there is memory for each code. */
const directMax = 131_072
const directPerRow = 4

/** How many whole numbers in a row are their own codes, for as many rows. */
export function directMaxOf(rows: number, valuesMax: number): number {
  return Math.max(directMax, Math.min(valuesMax, rows * directPerRow))
}

type Coding =
  | { readonly kind: 'direct'; readonly sql: string; readonly size: number; readonly low?: bigint }
  | { readonly kind: 'hashed'; readonly sql: string; readonly size: number }

/** Makes the temporary table of that name (dimension, code, value as text) of codes that are neither unknown nor numbers themselves. */
export async function codeDimensions(
  session: Session,
  dimensions: IndicatorPart['dimensions'],
  rows: BatchRows,
): Promise<CodedBatch> {
  const codings = await chooseCodings(session, dimensions, rows)
  const hashes = await readHashes(session, { dimensions, codings, dictionary: rows.dictionary })
  const chosen = dimensions.flatMap(({ dimension }, number) => {
    const coding = codings[number]
    const table = hashes.get(number)
    if (coding === undefined || (coding.kind === 'hashed' && table === undefined)) return []
    const codes: Codes =
      coding.size <= 65_536 ? shared(Uint16Array, rows.rows) : shared(Uint32Array, rows.rows)
    const low = coding.kind === 'direct' && coding.low !== undefined ? { low: coding.low } : {}
    return [{ dimension, number, coding, table, codes, size: coding.size, ...low }]
  })
  const columns = chosen.map(({ coding }) => coding.sql)
  if (columns.length > 0)
    await session.readNumbers(
      `select ${[rows.at.sql, ...columns].join(', ')}\n${rows.from}`,
      ([numbered, ...read], count) => {
        const places = rows.at.placesOf(numbered!, count)
        for (const [at, numbers] of read.entries()) {
          const { codes, table } = chosen[at]!
          if (table === undefined) takeCodes(codes, { places, numbers, count })
          else table.take(codes, { places, numbers, count })
        }
      },
    )
  const found = new Set(chosen.map(({ number }) => number))
  const coded = chosen.map(({ dimension, number, codes, size, low }) => ({
    dimension,
    number,
    codes,
    size,
    ...(low === undefined ? {} : { low }),
  }))
  return { coded, others: dimensions.filter((_, number) => !found.has(number)) }
}

/** Makes `facts`: the different values of those that are hashed, in lists. */
async function chooseCodings(
  session: Session,
  dimensions: IndicatorPart['dimensions'],
  { from: all, values: from = all, valuesMax, rows }: BatchRows,
): Promise<readonly (Coding | undefined)[]> {
  const directs = await directCodings(session, dimensions, {
    from,
    sizeMax: directMaxOf(rows, valuesMax),
  })
  // Without a filter, which would take each value by itself where the file has them once.
  const lists = dimensions.flatMap(({ sql }, at) =>
    directs[at] === undefined
      ? [`list_filter(list(distinct ${sql}), lambda value: value is not null) as values_${at}`]
      : [],
  )
  await session.run(
    `create or replace temp table facts as select ${['1 as one', ...lists].join(', ')}${lists.length === 0 ? '' : `\n${from}`}`,
  )
  const sizes = dimensions.map((_, at) =>
    directs[at] === undefined ? `coalesce(len(values_${at}), 0)` : '0',
  )
  const found = await session.query(`select ${sizes.join(', ')} from facts`)
  return dimensions.map(({ sql }, at): Coding | undefined => {
    const size = Number(found.rows[0]![at])
    if (directs[at] !== undefined) return directs[at]
    return size > valuesMax
      ? undefined
      : { kind: 'hashed', sql: session.hashExpression(sql), size: size + 1 }
  })
}

async function directCodings(
  session: Session,
  dimensions: IndicatorPart['dimensions'],
  { from, sizeMax }: { readonly from: string; readonly sizeMax: number },
): Promise<readonly (Coding | undefined)[]> {
  const ends = dimensions.flatMap(({ sql, type }) =>
    type.kind === 'integer' ? [`min(${sql})`, `max(${sql})`] : [],
  )
  const found =
    ends.length === 0 ? [] : (await session.query(`select ${ends.join(', ')}\n${from}`)).rows[0]!
  let taken = 0
  return dimensions.map(({ sql, type }): Coding | undefined => {
    if (type.kind === 'boolean')
      return {
        kind: 'direct',
        sql: `cast(case when ${sql} then 2 when not ${sql} then 1 else 0 end as utinyint)`,
        size: 3,
      }
    if (type.kind !== 'integer') return undefined
    const [least, greatest] = [found[taken++], found[taken++]]
    if (!isNumber(least) || !isNumber(greatest)) return undefined
    const [low, high] = [BigInt(least), BigInt(greatest)]
    if (high - low >= sizeMax) return undefined
    return {
      kind: 'direct',
      sql: `cast(coalesce(${sql} - (${low}) + 1, 0) as uinteger)`,
      size: Number(high - low) + 2,
      low,
    }
  })
}

/** By the dimension's number; without one whose values share a hash. */
async function readHashes(
  session: Session,
  of: {
    readonly dimensions: IndicatorPart['dimensions']
    readonly codings: readonly (Coding | undefined)[]
    readonly dictionary: string
  },
): Promise<ReadonlyMap<number, HashedCodes>> {
  const { dimensions, codings, dictionary } = of
  const arms = dimensions.flatMap(({ type }, at) => {
    const coding = codings[at]
    if (coding === undefined) return []
    const head = `select cast(${at} as usmallint)`
    if (type.kind === 'boolean')
      return [
        `${head}, cast(code as uinteger) as code, value, cast(0 as ubigint) from (values (1, 'false'), (2, 'true')) as codes(code, value)`,
      ]
    if (coding.kind === 'direct') return []
    // Unknown has a hash too, which no value may share.
    return [
      `${head}, cast(code as uinteger), cast(value as varchar), ${session.hashExpression('value')}
from (select unnest(range(1, len(values_${at}) + 1)) as code, unnest(values_${at}) as value from facts)`,
      `${head}, cast(0 as uinteger), cast(null as varchar), ${session.hashExpression(`cast(null as ${sqlType(type)})`)}`,
    ]
  })
  await session.run(
    `create or replace temp table ${dictionary} (dimension usmallint, code uinteger, value varchar, hash ubigint)`,
  )
  if (arms.length > 0) await session.run(`insert into ${dictionary} ${arms.join('\nunion all ')}`)
  const tables = new Map<number, HashedCodes>()
  for (const [number, coding] of codings.entries())
    if (coding?.kind === 'hashed') tables.set(number, new HashedCodes(coding.size))
  await session.readNumbers(
    `select dimension, code, hash from ${dictionary}`,
    ([numbers, codes, halves], count) => {
      for (let row = 0; row < count; row++)
        tables
          .get(numbers![row]!)
          ?.add({ low: halves![row * 2]!, high: halves![row * 2 + 1]!, code: codes![row]! })
    },
  )
  return new Map([...tables].filter(([, table]) => table.isSound))
}

interface Taking {
  readonly places: ArrayLike<number>
  readonly numbers: ArrayLike<number>
  readonly count: number
}

function takeCodes(codes: Codes, { places, numbers, count }: Taking): void {
  for (let row = 0; row < count; row++) codes[places[row]!] = numbers[row]!
}

/** From hashes of 64 bits to codes. */
class HashedCodes {
  readonly #mask: number
  /** low, high, code + 1; 0: empty. */
  readonly #places: Uint32Array
  #isSound = true

  constructor(size: number) {
    const places = 2 ** Math.ceil(Math.log2(size * 2))
    this.#mask = places - 1
    this.#places = new Uint32Array(places * 3)
  }

  /** Whether no two values share a hash. */
  get isSound(): boolean {
    return this.#isSound
  }

  add({ low, high, code }: { low: number; high: number; code: number }): void {
    const places = this.#places
    let at = (low & this.#mask) * 3
    for (; places[at + 2] !== 0; at = at + 3 === places.length ? 0 : at + 3)
      if (places[at] === low && places[at + 1] === high) this.#isSound = false
    places[at] = low
    places[at + 1] = high
    places[at + 2] = code + 1
  }

  /** Every value was added. */
  take(codes: Codes, { places: rows, numbers, count }: Taking): void {
    const places = this.#places
    const mask = this.#mask
    const end = places.length
    for (let row = 0; row < count; row++) {
      const low = numbers[row * 2]!
      const high = numbers[row * 2 + 1]!
      let at = (low & mask) * 3
      while (places[at] !== low || places[at + 1] !== high || places[at + 2] === 0)
        at = at + 3 === end ? 0 : at + 3
      codes[rows[row]!] = places[at + 2]! - 1
    }
  }
}

function isNumber(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint'
}

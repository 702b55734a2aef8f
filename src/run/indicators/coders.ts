/** The two ways to code a part's dimensions for the keys of a group: from codes that are kept by data file, or as the engine joins them. */
import { stringifyJson } from '../../base/json.ts'
import type { Session } from '../../engine/engine.ts'
import type { IndicatorGroup, IndicatorPart } from '../../plan/plan.ts'
import { codeDimensions, numberedBy } from './codes.ts'
import type { CodedBatch, CodedDimension } from './codes.ts'
import { KeptCodes } from './kept-codes.ts'
import type { CodesFolder, KeptColumn } from './kept-codes.ts'
import { mergeCodes } from './merge-codes.ts'
import type { Positions } from './merge-codes.ts'

export interface Coder {
  /** Dimensions at a time. */
  readonly batchMax: number
  /** Makes the temporary table `dictionary` (dimension, code, value as text) of codes that are no whole numbers. */
  code(dimensions: IndicatorPart['dimensions'], dictionary: string): Promise<CodedBatch>
  close(): Promise<void>
}

export interface Coding {
  readonly group: IndicatorGroup
  readonly part: IndicatorPart
  /** Of the table `keys` (the group's column, place). */
  readonly rows: number
  readonly valuesMax: number
  readonly codes: CodesFolder
}

/** Codes of a batch together, of two bytes each; two batches are at work at once. */
const batchCodesMax = 200_000_000
const batchDimensionsMax = 60
/** Columns whose codes are kept in one file. */
const keptColumnsMax = 40

export async function openCoder(session: Session, coding: Coding): Promise<Coder> {
  const { part } = coding
  return part.stored === undefined
    ? joinedCoder(session, coding)
    : await keptCoder(session, coding, part.stored)
}

function joinedCoder(session: Session, { group, part, rows, valuesMax }: Coding): Coder {
  const from = `from keys as ${group.alias}\n${part.joins}`
  const size = Math.max(8, Math.floor(batchCodesMax / (rows + 1)))
  return {
    batchMax: Math.min(batchDimensionsMax, size),
    code: (dimensions, dictionary) =>
      codeDimensions(session, dimensions, {
        from,
        at: numberedBy(`${group.alias}.place`),
        rows,
        valuesMax,
        dictionary,
      }),
    close: async () => undefined,
  }
}

async function keptCoder(
  session: Session,
  { group, rows, valuesMax, codes }: Coding,
  stored: NonNullable<IndicatorPart['stored']>,
): Promise<Coder> {
  const kept = new KeptCodes(session, codes, { stored, valuesMax })
  await kept.open()
  const positions = await readPositions(session, {
    column: group.column,
    keys: rows,
    files: kept.files.length,
  })
  return {
    batchMax: keptColumnsMax,
    code: async (dimensions, dictionary) => {
      const files: (readonly (KeptColumn | undefined)[])[] = []
      for (let file = 0; file < kept.files.length; file++)
        files.push((await kept.read(file, dimensions)).columns)
      const coded: CodedDimension[] = []
      const values: string[] = []
      for (const [number, { dimension }] of dimensions.entries()) {
        const columns = files.map((file) => file[number])
        const merged = mergeCodes(columns, positions, { rows, valuesMax })
        if (merged === undefined) continue
        const { values: own, ...rest } = merged
        coded.push({ dimension, number, ...rest })
        if (own !== undefined && own.length > 0) values.push(valuesSql(number, own))
      }
      await session.run(
        `create or replace temp table ${dictionary} (dimension usmallint, code uinteger, value varchar)`,
      )
      for (const sql of values) await session.run(`insert into ${dictionary} ${sql}`)
      const found = new Set(coded.map(({ number }) => number))
      return { coded, others: dimensions.filter((_, number) => !found.has(number)) }
    },
    close: () => kept.close(),
  }
}

function valuesSql(number: number, values: readonly string[]): string {
  const list = stringifyJson(values).replaceAll("'", "''")
  return `select ${number}, unnest(range(1, ${values.length + 1})), unnest(cast(json '${list}' as varchar[]))`
}

/** Where the keys stand in the files of the table. */
async function readPositions(
  session: Session,
  of: { readonly column: string; readonly keys: number; readonly files: number },
): Promise<readonly Positions[]> {
  if (of.files === 0) return []
  const places = new Uint32Array(of.keys)
  const files = new Uint32Array(of.keys)
  const rows = new Uint32Array(of.keys)
  let found = 0
  await session.readNumbers(
    `select cast(keys.place as uinteger), cast(positions.file as uinteger), cast(positions.row as uinteger) from keys join positions on positions.key = keys.${of.column}`,
    (numbers, count) => {
      for (const [at, into] of [places, files, rows].entries())
        into.set(numbers[at]!.subarray(0, count), found)
      found += count
    },
  )
  const counts = new Uint32Array(of.files)
  for (let at = 0; at < found; at++) counts[files[at]!]!++
  const positions = Array.from(counts, (count) => ({
    places: new Uint32Array(count),
    rows: new Uint32Array(count),
  }))
  counts.fill(0)
  for (let at = 0; at < found; at++) {
    const file = files[at]!
    const next = counts[file]!
    counts[file] = next + 1
    positions[file]!.places[next] = places[at]!
    positions[file]!.rows[next] = rows[at]!
  }
  return positions
}

/**
 * Codes of a table's columns, kept beside the lake by data file. A data file never changes, so its values are coded once for all activities and runs; of a table
 * that changed, only the new files are coded. What is kept is a copy: lost or damaged, it is made again.
 */
import { randomUUID } from 'node:crypto'
import { basename, dirname } from 'node:path'
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { assert, isMaruError } from '../../base/errors.ts'
import type { Files } from '../../base/files.ts'
import { contentHash } from '../../base/hash.ts'
import { stringifyJson } from '../../base/json.ts'
import type { Session } from '../../engine/engine.ts'
import type { Scan, ScanFile } from '../../lake/lake.ts'
import type { TableId } from '../../model/model.ts'
import type { IndicatorPart } from '../../plan/plan.ts'
import type { Codes } from './accumulate.ts'
import { codeDimensions } from './codes.ts'
import type { RowNumbers } from './codes.ts'

/** Where codes are kept, and what the tables are that they are of. */
export interface CodesFolder {
  readonly files: Files
  readonly folder: string
  /** By which values are coded. */
  readonly engineVersion: string
  /** The table as the task reads it; undefined when it was never built. */
  readonly scanOf: (id: TableId) => Promise<Scan | undefined>
}

type StoredTable = NonNullable<IndicatorPart['stored']>
type Dimensions = IndicatorPart['dimensions']

/** By path: of two tasks that need the same codes at once, the second waits for the first. */
const beingMade = new Map<string, Promise<void>>()

/** One column of one file. Code 0 is unknown; the others count from 1. */
export interface KeptColumn {
  readonly codes: Codes | Uint8Array
  /** Of whole numbers that are their own codes: the one of code 1. */
  readonly low?: bigint
  /** Of all else: the value of each code as text. */
  readonly values?: readonly string[]
  readonly size: number
}

export interface CodedFile {
  /** By the number of the dimension; undefined for one of too many values. */
  readonly columns: readonly (KeptColumn | undefined)[]
}

interface Header {
  readonly order: string
  readonly columns: readonly (null | {
    readonly size: number
    readonly low?: string
    readonly width: 1 | 2 | 4
    readonly codes: number
    readonly values: number
  })[]
}

const formatVersion = 'codes 1'
const headerLengthBytes = 4

/** Makes `positions` (key, file, row), a number for each row of each file; not when there are none. */
export class KeptCodes {
  readonly #session: Session
  readonly #where: CodesFolder
  readonly #of: StoredTable
  readonly #valuesMax: number
  #scan: Scan | undefined
  /** By file: what its rows' numbers come to, so that codes of other numbers are not taken for these. */
  #orders: readonly string[] = []

  constructor(
    session: Session,
    where: CodesFolder,
    of: { readonly stored: StoredTable; readonly valuesMax: number },
  ) {
    this.#session = session
    this.#where = where
    this.#of = of.stored
    this.#valuesMax = of.valuesMax
  }

  get files(): readonly ScanFile[] {
    return this.#scan?.files ?? []
  }

  async open(): Promise<void> {
    const session = this.#session
    const { table, key } = this.#of
    this.#scan = await this.#where.scanOf(table)
    if (this.files.length === 0) return
    for (const [file, each] of this.files.entries()) {
      await this.#bindFile(each, [key])
      const numbered = `select ${key} as key, ${file} as file, row_number() over () - 1 as row from coded_file`
      await session.run(
        file === 0
          ? `create or replace temp table positions as ${numbered}`
          : `insert into positions ${numbered}`,
      )
    }
    const { rows } = await session.query(
      `select cast(sum(cast(${session.hashExpression('(key, row)')} as hugeint)) as varchar) from positions group by file order by file`,
    )
    this.#orders = rows.map(([order]) => String(order))
    await this.#removeStale()
  }

  /** The dimensions' codes by row of this file. */
  async read(file: number, dimensions: Dimensions): Promise<CodedFile> {
    const path = this.#pathOf(this.files[file]!, dimensions)
    const order = this.#orders[file]!
    await beingMade.get(path)
    const kept = await this.#readKept(path, order)
    if (kept !== undefined) return kept
    const making = this.#make(path, { file, order, dimensions })
    const settled = making.then(
      () => undefined,
      () => undefined,
    )
    beingMade.set(path, settled)
    try {
      return await making
    } finally {
      if (beingMade.get(path) === settled) beingMade.delete(path)
    }
  }

  async #make(
    path: string,
    of: { readonly file: number; readonly order: string; readonly dimensions: Dimensions },
  ): Promise<CodedFile> {
    const made = await this.#code(of.file, of.dimensions)
    await this.#keep(path, of.order, made)
    return made
  }

  async close(): Promise<void> {
    await this.#session.run('drop table if exists positions')
    await this.#session.unbind('coded_file')
  }

  get #folder(): string {
    return `${this.#where.folder}/${this.#of.table}`
  }

  #pathOf(file: ScanFile, dimensions: Dimensions): string {
    const columns = dimensions.map(({ column, type }) => [column, type])
    const name = contentHash(
      formatVersion,
      this.#where.engineVersion,
      String(this.#valuesMax),
      stringifyJson(columns),
    )
    return `${this.#folder}/${folderOf(file)}/${name}`
  }

  /** Codes of files that are no longer read. */
  async #removeStale(): Promise<void> {
    const current = new Set(this.files.map(folderOf))
    const { files } = this.#where
    for (const { name } of await files.list(this.#folder))
      if (!current.has(name)) await files.removeFolder(`${this.#folder}/${name}`)
  }

  async #bindFile(file: ScanFile, names: readonly string[]): Promise<void> {
    const scan = this.#scan!
    const fields = scan.schema.fields.filter(({ name }) => names.includes(name))
    await this.#session.bindScan('coded_file', {
      ...scan,
      files: [file],
      schema: { ...scan.schema, fields },
    })
  }

  async #code(file: number, dimensions: Dimensions): Promise<CodedFile> {
    const session = this.#session
    const { key } = this.#of
    await this.#bindFile(this.files[file]!, [key, ...dimensions.map(({ column }) => column!)])
    const dictionary = 'dictionary_of_file'
    const { coded } = await codeDimensions(
      session,
      dimensions.map((dimension) => ({ ...dimension, sql: `coded_file.${dimension.column}` })),
      {
        from: 'from coded_file',
        at: await this.#rowNumbers(file),
        rows: this.files[file]!.rows,
        valuesMax: this.#valuesMax,
        dictionary,
      },
    )
    const values = new Map<number, string[]>()
    const { rows } = await session.query(
      `select dimension, value from ${dictionary} where code > 0 order by dimension, code`,
    )
    for (const [number, value] of rows) {
      const list = values.get(Number(number)) ?? []
      values.set(Number(number), list)
      list.push(String(value))
    }
    await session.run(`drop table ${dictionary}`)
    const byNumber = new Map(coded.map((each) => [each.number, each]))
    return {
      columns: dimensions.map((_, number): KeptColumn | undefined => {
        const each = byNumber.get(number)
        if (each === undefined) return undefined
        const { codes, size, low } = each
        return low === undefined
          ? { codes, size, values: values.get(number) ?? [] }
          : { codes, size, low }
      }),
    }
  }

  /** The engine reads a file's rows in their order; that it did is seen by their keys. */
  async #rowNumbers(file: number): Promise<RowNumbers> {
    const session = this.#session
    const { rows } = this.files[file]!
    const halves = new Uint32Array(rows * 2)
    await session.readNumbers(
      `select cast(row as uinteger), ${session.hashExpression('key')} from positions where file = ${file}`,
      ([places, hashes], count) => {
        for (let row = 0; row < count; row++)
          halves.set(hashes!.subarray(row * 2, row * 2 + 2), places![row]! * 2)
      },
    )
    const places = Uint32Array.from({ length: rows }, (_, row) => row)
    let first = 0
    return {
      sql: session.hashExpression(`coded_file.${this.#of.key}`),
      placesOf: (hashes, count) => {
        for (let at = 0; at < count * 2; at++)
          assert(hashes[at] === halves[first * 2 + at], 'rows are read in the order of the file')
        first += count
        return places.subarray(first - count, first)
      },
    }
  }

  async #keep(path: string, order: string, { columns }: CodedFile): Promise<void> {
    const blocks: Uint8Array[] = []
    const block = (bytes: Uint8Array): number => {
      const packed = zstdCompressSync(bytes, {
        params: {
          [constants.ZSTD_c_compressionLevel]: 1,
          [constants.ZSTD_c_checksumFlag]: 1,
        },
      })
      blocks.push(packed)
      return packed.length
    }
    const header: Header = {
      order,
      columns: columns.map((column) => {
        if (column === undefined) return null
        const { codes, size, low, values } = column
        const narrow = size <= 256 ? Uint8Array.from(codes) : codes
        return {
          size,
          ...(low === undefined ? {} : { low: String(low) }),
          width: narrow.BYTES_PER_ELEMENT as 1 | 2 | 4,
          codes: block(new Uint8Array(narrow.buffer, narrow.byteOffset, narrow.byteLength)),
          values: values === undefined ? 0 : block(Buffer.from(JSON.stringify(values))),
        }
      }),
    }
    const head = Buffer.from(JSON.stringify(header))
    const length = Buffer.alloc(headerLengthBytes)
    length.writeUInt32LE(head.length)
    const { files } = this.#where
    const unfinished = `${path}.${randomUUID()}`
    try {
      await files.makeFolder(dirname(path))
      await files.writeNew(unfinished, Buffer.concat([length, head, ...blocks]))
      await files.rename(unfinished, path)
    } catch (error) {
      if (!isMaruError(error)) throw error
      // Another task may have removed the folder; what could not be kept is coded again.
    }
  }

  async #readKept(path: string, order: string): Promise<CodedFile | undefined> {
    const { files } = this.#where
    if ((await files.size(path)) === undefined) return undefined
    try {
      return parseKept(Buffer.from(await files.read(path)), order)
    } catch {
      // What is damaged is made again.
      return undefined
    }
  }
}

function parseKept(bytes: Buffer, order: string): CodedFile | undefined {
  const headLength = bytes.readUInt32LE(0)
  let at = headerLengthBytes + headLength
  const header = JSON.parse(bytes.toString('utf8', headerLengthBytes, at)) as Header
  if (header.order !== order) return undefined
  const next = (length: number): Buffer => zstdDecompressSync(bytes.subarray(at, (at += length)))
  return {
    columns: header.columns.map((column) => {
      if (column === null) return undefined
      const codes = codesOf(next(column.codes), column.width)
      const { size } = column
      if (column.low !== undefined) return { codes, size, low: BigInt(column.low) }
      return { codes, size, values: JSON.parse(next(column.values).toString()) as string[] }
    }),
  }
}

function codesOf(bytes: Buffer, width: 1 | 2 | 4): Codes | Uint8Array {
  if (width === 1) return bytes
  // Numbers of several bytes begin where their size says.
  const { buffer } = Uint8Array.from(bytes)
  return width === 2 ? new Uint16Array(buffer) : new Uint32Array(buffer)
}

function folderOf({ path }: ScanFile): string {
  return basename(path)
}

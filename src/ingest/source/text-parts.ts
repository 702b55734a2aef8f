/**
 * Text files as the engine reads them: unpacked, UTF-8, in parts of bounded size that end between records, so that parts are read in
 * parallel and a damaged gzip file is an error and not a short file.
 */
import { createReadStream } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import path from 'node:path'
import { pipeline } from 'node:stream'
import { TextDecoder } from 'node:util'
import { createGunzip } from 'node:zlib'
import { CsvRecordScanner } from '../../base/csv-records.ts'
import type { CsvShape } from '../../base/csv-records.ts'
import { MaruError, messageOf } from '../../base/errors.ts'
import { fileError } from '../../base/node-files.ts'
import type { CsvOptions } from '../../model/model.ts'
import type { FoundFile } from './find-files.ts'

export interface TextFile {
  readonly file: FoundFile
  readonly encoding: NonNullable<CsvOptions['encoding']>
  /** Runs of blanks become one of these, and lines lose their blanks at both ends. */
  readonly collapseTo?: string
  readonly signal?: AbortSignal
}

export interface TextPart {
  readonly path: string
  readonly firstLine: number
}

const chunkBytes = 1024 * 1024
const partBytes = 16 * 1024 * 1024
const headerBytesMax = 1024 * 1024
const emptyBuffer = Buffer.alloc(0)
const utf8Mark = Buffer.from([0xef, 0xbb, 0xbf])

export const isPacked = (file: FoundFile): boolean => file.path.toLowerCase().endsWith('.gz')

/** The engine's JSON reader takes no byte order mark; its CSV reader does. */
export async function hasByteOrderMark(file: FoundFile): Promise<boolean> {
  for await (const bytes of createReadStream(file.path, { end: utf8Mark.length - 1 }))
    return utf8Mark.equals(bytes as Buffer)
  return false
}

/** The first record without its line break; undefined when the file has none. Reads no more than that needs. */
export async function firstRecord(text: TextFile, shape: CsvShape): Promise<string | undefined> {
  const scanner = new CsvRecordScanner(shape)
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of textChunks(text)) {
    const end = scanner.nextRecord(chunk, 0)
    chunks.push(end === -1 ? chunk : chunk.subarray(0, end))
    size += chunk.length
    if (end !== -1 || size > headerBytesMax) break
  }
  const record = Buffer.concat(chunks)
    .toString()
    .replace(/^\uFEFF/, '')
    .trim()
  return record === '' ? undefined : record
}

/** Writes the file's text to new files in `folder`, named from `name`. With `skipFirst` the first record is left out. */
export async function splitText(
  text: TextFile,
  into: {
    readonly folder: string
    readonly name: string
    readonly shape: CsvShape
    readonly skipFirst: boolean
  },
): Promise<readonly TextPart[]> {
  const writer = new PartWriter(path.join(into.folder, into.name), into.shape)
  let skip = into.skipFirst
  try {
    for await (const chunk of textChunks(text)) {
      let rest = chunk
      if (skip) {
        rest = writer.skipRecord(chunk)
        skip = writer.isSkipping
      }
      await writer.write(rest)
    }
    if (writer.openLine !== undefined) throw openQuote(text, writer.openLine)
    return await writer.end()
  } catch (error) {
    await writer.abandon()
    throw error
  }
}

/** The engine takes the rest of the file for the last field when its quote is never closed; so that is looked for here. */
export async function refuseOpenQuote(text: TextFile, shape: CsvShape): Promise<void> {
  if (shape.quote === '') return
  const skimmer = new CsvRecordScanner(shape)
  for await (const chunk of rawChunks(text)) skimmer.skim(chunk)
  if (!skimmer.isQuoteOpen) return
  const scanner = new CsvRecordScanner(shape)
  for await (const chunk of rawChunks(text)) scanner.nextRecord(chunk, 0, Infinity)
  throw openQuote(text, scanner.recordLine)
}

function openQuote(text: TextFile, line: number): MaruError {
  return new MaruError(
    'SOURCE_BAD_ROW',
    `${text.file.label} line ${line}: a quoted field is never closed; nothing was loaded`,
    {
      hint: 'close it, double the quotes inside fields, or set `quote` in the declaration',
    },
  )
}

/** Cuts a stream of records into files of about `partBytes`, from one record's end to another's. */
export class PartWriter {
  isSkipping = true
  private readonly prefix: string
  private readonly scanner: CsvRecordScanner
  private readonly parts: TextPart[] = []
  private handle: FileHandle | undefined
  private partSize = 0

  constructor(prefix: string, shape: CsvShape) {
    this.prefix = prefix
    this.scanner = new CsvRecordScanner(shape)
  }

  /** Returns what follows the first record; nothing while `isSkipping`, when that has not ended yet. */
  skipRecord(chunk: Buffer): Buffer {
    const end = this.scanner.nextRecord(chunk, 0)
    if (end === -1) return chunk.subarray(chunk.length)
    this.isSkipping = false
    return chunk.subarray(end)
  }

  async write(chunk: Buffer): Promise<void> {
    for (let start = 0; start < chunk.length;) {
      this.handle ??= await this.openPart()
      const end = this.scanner.nextRecord(chunk, start, start + partBytes - this.partSize)
      const piece = chunk.subarray(start, end === -1 ? chunk.length : end)
      await this.handle.writeFile(piece).catch((error: unknown) => {
        throw fileError('write', this.prefix, error)
      })
      this.partSize += piece.length
      start += piece.length
      if (end !== -1) await this.closePart()
    }
  }

  /** The line of the last record when a quote in it was never closed. */
  get openLine(): number | undefined {
    return this.scanner.isQuoteOpen ? this.scanner.recordLine : undefined
  }

  async end(): Promise<readonly TextPart[]> {
    await this.closePart()
    return this.parts
  }

  /** Closes and removes what was written. */
  async abandon(): Promise<void> {
    await this.closePart()
    for (const part of this.parts) await rm(part.path, { force: true })
  }

  private async openPart(): Promise<FileHandle> {
    const part = {
      path: `${this.prefix}-${this.parts.length}.part`,
      firstLine: this.scanner.lines + 1,
    }
    const handle = await open(part.path, 'wx').catch((error: unknown) => {
      throw fileError('write', this.prefix, error)
    })
    this.parts.push(part)
    this.partSize = 0
    return handle
  }

  private async closePart(): Promise<void> {
    await this.handle?.close()
    this.handle = undefined
  }
}

/** The text as UTF-8 without a byte order mark. */
async function* textChunks(text: TextFile): AsyncGenerator<Buffer> {
  const decode = decoder(text)
  const collapse = text.collapseTo === undefined ? undefined : blankCollapser(text.collapseTo)
  for await (const bytes of rawChunks(text)) {
    const chunk = decode(bytes)
    yield collapse === undefined ? chunk : collapse(chunk)
  }
  const last = decode(undefined)
  yield collapse === undefined ? last : Buffer.concat([collapse(last), collapse(undefined)])
}

async function* rawChunks(text: TextFile): AsyncGenerator<Buffer> {
  const read = createReadStream(text.file.path, { highWaterMark: chunkBytes, signal: text.signal })
  // The callback has nothing to do: a failure also ends the loop below, with the error.
  const source = isPacked(text.file)
    ? pipeline(read, createGunzip({ chunkSize: chunkBytes }), () => undefined)
    : read
  try {
    for await (const chunk of source) yield chunk as Buffer
  } catch (error) {
    throw asReadError(text, error)
  }
}

function asReadError(text: TextFile, error: unknown): unknown {
  if (text.signal?.aborted === true) return text.signal.reason
  const code = (error as NodeJS.ErrnoException).code ?? ''
  const isDamaged = code.startsWith('Z_')
  return new MaruError(
    isDamaged ? 'SOURCE_BAD_ROW' : 'FILE_FAILED',
    `${text.file.label} ${isDamaged ? 'is not a whole gzip file' : 'cannot be read'}: ${messageOf(error)}; nothing was loaded`,
    { hint: isDamaged ? 'copy the file again' : `look at ${text.file.path}`, cause: error },
  )
}

/** Called with undefined at the end. What is not UTF-8 passes: the engine finds it and names the line. */
function decoder(text: TextFile): (bytes: Buffer | undefined) => Buffer {
  if (text.encoding === 'latin-1')
    return (bytes) => Buffer.from((bytes ?? emptyBuffer).toString('latin1'))
  if (text.encoding === 'utf-16') return utf16Decoder(text)
  let isFirst = true
  return (bytes) => {
    const hasMark = isFirst && bytes?.subarray(0, 3).equals(utf8Mark) === true
    isFirst = false
    return hasMark ? bytes.subarray(3) : (bytes ?? emptyBuffer)
  }
}

/** Little endian unless a byte order mark says otherwise. */
function utf16Decoder(text: TextFile): (bytes: Buffer | undefined) => Buffer {
  let inner: TextDecoder | undefined
  let line = 1
  return (bytes) => {
    inner ??= new TextDecoder(bytes?.[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : 'utf-16le', {
      fatal: true,
    })
    try {
      const decoded = Buffer.from(
        bytes === undefined ? inner.decode() : inner.decode(bytes, { stream: true }),
      )
      for (const byte of decoded) if (byte === 10) line++
      return decoded
    } catch (error) {
      throw new MaruError(
        'SOURCE_BAD_ROW',
        `${text.file.label} is not utf-16 text (after line ${line}); nothing was loaded`,
        {
          hint: 'correct `encoding` in the declaration: utf-8, latin-1 or utf-16',
          cause: error,
        },
      )
    }
  }
}

/** Works on bytes, each as one character: blanks and line breaks are ASCII, so all else passes as it is. Lines stay lines. */
function blankCollapser(delimiter: string): (bytes: Buffer | undefined) => Buffer {
  let carry = ''
  const collapseLine = (line: string): string => line.trim().replaceAll(/[ \t]+/g, delimiter)
  return (bytes) => {
    const lines = (carry + (bytes ?? emptyBuffer).toString('latin1')).split('\n')
    carry = bytes === undefined ? '' : (lines.pop() ?? '')
    const text = lines.map(collapseLine).join('\n')
    return Buffer.from(bytes === undefined || lines.length === 0 ? text : `${text}\n`, 'latin1')
  }
}

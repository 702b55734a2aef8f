/**
 * Where CSV records end, found byte by byte: a newline ends a record unless it lies in a quoted field. It splits files at safe places and
 * turns the number of a record into a line. The bytes are UTF-8, so a one-byte delimiter or quote is never part of another character.
 */

export interface CsvShape {
  /** One byte. */
  readonly delimiter: string
  /** One byte, or '' when fields are not quoted. */
  readonly quote: string
}

const newline = 10
const carriageReturn = 13

const fieldStart = 0
const unquoted = 1
const quoted = 2
const quoteInQuoted = 3

export class CsvRecordScanner {
  /** Newlines seen so far. */
  lines = 0
  /** The line, from 1, on which the record read last began. */
  recordLine = 1
  /** Whether the bytes so far end between two records. */
  atRecordStart = true
  private state = fieldStart
  private readonly delimiter: number
  private readonly quote: number

  private readonly blankIsRecord: boolean

  /** In a file of one field a blank line may be a record. */
  constructor(shape: CsvShape, blankIsRecord = false) {
    this.blankIsRecord = blankIsRecord
    this.delimiter = byteOf(shape.delimiter)
    this.quote = shape.quote === '' ? -1 : byteOf(shape.quote)
  }

  /** Whether the bytes so far end inside a quoted field. */
  get isQuoteOpen(): boolean {
    return this.state === quoted
  }

  /** Reads the chunk only for where it ends: fast when it has no quotes. Lines are not counted then. */
  skim(chunk: Uint8Array): void {
    const last = chunk.at(-1)
    if (last === undefined) return
    if (this.state === quoted || chunk.includes(this.quote)) this.nextRecord(chunk, 0, Infinity)
    else this.state = last === newline || last === this.delimiter ? fieldStart : unquoted
  }

  /** Reads on from `from` to the end of the first record that is not blank and ends at `atLeast` or after; returns that offset, or -1 when the chunk ends before. */
  nextRecord(chunk: Uint8Array, from: number, atLeast: number = from): number {
    // Locals, not fields: this loop sees every byte of large files.
    const { delimiter, quote, blankIsRecord } = this
    let { state, lines, atRecordStart } = this
    let end = -1
    for (let index = from; index < chunk.length; index++) {
      const byte = chunk[index]!
      if (byte === newline) {
        lines++
        if (state === quoted) continue
        state = fieldStart
        const isBlank = atRecordStart
        atRecordStart = true
        if (isBlank && blankIsRecord) this.recordLine = lines
        if ((isBlank && !blankIsRecord) || index + 1 < atLeast) continue
        end = index + 1
        break
      }
      if (atRecordStart) {
        if (byte === carriageReturn) continue
        atRecordStart = false
        this.recordLine = lines + 1
      }
      if (state === quoted) {
        if (byte === quote) state = quoteInQuoted
      } else if (byte === delimiter) state = fieldStart
      else state = byte === quote && state !== unquoted ? quoted : unquoted
    }
    this.state = state
    this.lines = lines
    this.atRecordStart = atRecordStart
    return end
  }
}

/** The fields of one record, without the line break. */
export function parseCsvRecord(record: string, shape: CsvShape): readonly string[] {
  const text = record.replace(/\r?\n$/, '')
  const { delimiter, quote } = shape
  const fields: string[] = []
  let offset = 0
  while (offset <= text.length) {
    let field = ''
    if (quote !== '' && text.startsWith(quote, offset)) {
      for (;;) {
        const close = text.indexOf(quote, offset + 1)
        const end = close === -1 ? text.length : close
        field += text.slice(offset + 1, end)
        offset = end + 1
        if (close === -1 || !text.startsWith(quote, offset)) break
        field += quote
      }
    }
    const end = text.indexOf(delimiter, offset)
    const rest = end === -1 ? text.length : end
    field += text.slice(offset, rest)
    fields.push(field)
    if (end === -1) break
    offset = end + delimiter.length
  }
  return fields
}

function byteOf(character: string): number {
  return Buffer.from(character)[0] ?? -1
}

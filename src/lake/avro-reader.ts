/** Reads Avro's binary form; every read past the end throws. */
import type { AvroNamed, AvroSchema, AvroValue } from './avro-schema.ts'

export type ReadValue = (reader: AvroReader) => AvroValue

export class AvroReader {
  readonly #buffer: Buffer
  #position = 0

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get atEnd(): boolean {
    return this.#position === this.#buffer.length
  }

  /** The next bytes, not copied. */
  raw(count: number): Uint8Array {
    const end = this.#position + count
    if (count < 0 || end > this.#buffer.length) throw new Error('the file ends too early')
    const part = this.#buffer.subarray(this.#position, end)
    this.#position = end
    return part
  }

  byte(): number {
    const value = this.#buffer[this.#position]
    if (value === undefined) throw new Error('the file ends too early')
    this.#position++
    return value
  }

  long(): number | bigint {
    let byte = this.byte()
    let bits = byte & 0x7f
    for (let shift = 7; byte >= 0x80; shift += 7) {
      if (shift > 21) return this.#longTail(bits, shift, byte)
      byte = this.byte()
      bits |= (byte & 0x7f) << shift
    }
    return (bits >>> 1) ^ -(bits & 1)
  }

  /** The part of a long beyond 28 bits. */
  #longTail(low: number, firstShift: number, firstByte: number): number | bigint {
    let byte = firstByte
    let high = 0n
    for (let shift = 0n; byte >= 0x80; shift += 7n) {
      if (shift > 35n) throw new Error('a number is too long')
      byte = this.byte()
      high |= BigInt(byte & 0x7f) << shift
    }
    const bits = BigInt(low) | (high << BigInt(firstShift))
    const value = BigInt.asIntN(64, (bits >> 1n) ^ -(bits & 1n))
    const number = Number(value)
    return Number.isSafeInteger(number) ? number : value
  }

  /** A long that counts things in this file. */
  count(): number {
    const value = Number(this.long())
    if (value < 0 || !Number.isSafeInteger(value)) throw new Error('a length is out of range')
    return value
  }

  text(): string {
    return (this.raw(this.count()) as Buffer).toString('utf8')
  }

  float(): number {
    return (this.raw(4) as Buffer).readFloatLE(0)
  }

  double(): number {
    return (this.raw(8) as Buffer).readDoubleLE(0)
  }

  static compile(schema: AvroSchema): ReadValue {
    if (typeof schema === 'string') return compilePrimitive(schema)
    if (schema === null || typeof schema !== 'object') throw new Error('the file has no schema')
    if (isUnion(schema)) return compileUnion(schema)
    if (typeof schema.type !== 'string') return AvroReader.compile(schema.type)
    if (schema.type === 'record') return compileRecord(schema)
    if (schema.type === 'array') return compileArray(schema)
    if (schema.type === 'fixed') return (reader) => reader.raw(schema.size!)
    return compilePrimitive(schema.type)
  }
}

function isUnion(schema: AvroSchema): schema is readonly AvroSchema[] {
  return Array.isArray(schema)
}

const primitives: Readonly<Record<string, ReadValue>> = {
  null: () => null,
  boolean: (reader) => reader.byte() === 1,
  int: (reader) => reader.long(),
  long: (reader) => reader.long(),
  float: (reader) => reader.float(),
  double: (reader) => reader.double(),
  string: (reader) => reader.text(),
  bytes: (reader) => reader.raw(reader.count()),
}

function compilePrimitive(name: string): ReadValue {
  const read = primitives[name]
  if (read === undefined) throw new Error(`Avro type ${name} is not read`)
  return read
}

function compileUnion(schema: readonly AvroSchema[]): ReadValue {
  const branches = schema.map((branch) => AvroReader.compile(branch))
  return (reader) => {
    const read = branches[reader.count()]
    if (read === undefined) throw new Error('a union names a branch that is not there')
    return read(reader)
  }
}

function compileRecord(schema: AvroNamed): ReadValue {
  const fields = (schema.fields ?? []).map((field) => ({
    name: field.name,
    read: AvroReader.compile(field.type),
  }))
  return (reader) => {
    const record: Record<string, AvroValue> = {}
    for (const field of fields) record[field.name] = field.read(reader)
    return record
  }
}

function compileArray(schema: AvroNamed): ReadValue {
  const items = schema.items!
  if (schema.logicalType === 'map') return compileIntegerMap(items as AvroNamed)
  const read = AvroReader.compile(items)
  return (reader) => {
    const list: AvroValue[] = []
    readBlocks(reader, () => list.push(read(reader)))
    return list
  }
}

function compileIntegerMap(items: AvroNamed): ReadValue {
  const readKey = AvroReader.compile(items.fields![0]!.type)
  const readItem = AvroReader.compile(items.fields![1]!.type)
  return (reader) => {
    const map = new Map<AvroValue, AvroValue>()
    readBlocks(reader, () => {
      const key = readKey(reader)
      map.set(key, readItem(reader))
    })
    return map
  }
}

function readBlocks(reader: AvroReader, readItem: () => void): void {
  for (;;) {
    let count = Number(reader.long())
    if (count === 0) return
    if (count < 0) {
      count = -count
      reader.long()
    }
    for (let index = 0; index < count; index++) readItem()
  }
}

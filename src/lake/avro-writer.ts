/** Writes Avro's binary form into a growing buffer. */
import type { AvroNamed, AvroRecord, AvroSchema, AvroValue } from './avro-schema.ts'

export type WriteValue = (writer: AvroWriter, value: AvroValue) => void

export class AvroWriter {
  #buffer: Buffer = Buffer.allocUnsafe(1024)
  #length = 0

  get length(): number {
    return this.#length
  }

  finish(): Uint8Array {
    return this.#buffer.subarray(0, this.#length)
  }

  byte(value: number): void {
    this.#reserve(1)
    this.#buffer[this.#length++] = value
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.length)
    this.#buffer.set(value, this.#length)
    this.#length += value.length
  }

  /** Zigzag and variable length, for ints and longs. */
  long(value: number | bigint): void {
    this.#reserve(10)
    if (typeof value === 'number' && value >= -0x4000_0000 && value < 0x4000_0000) {
      let rest = (value << 1) ^ (value >> 31)
      while (rest > 0x7f) {
        this.#buffer[this.#length++] = (rest & 0x7f) | 0x80
        rest >>>= 7
      }
      this.#buffer[this.#length++] = rest
      return
    }
    const big = BigInt(value)
    let rest = BigInt.asUintN(64, (big << 1n) ^ (big >> 63n))
    while (rest > 0x7fn) {
      this.#buffer[this.#length++] = Number(rest & 0x7fn) | 0x80
      rest >>= 7n
    }
    this.#buffer[this.#length++] = Number(rest)
  }

  text(value: string): void {
    const length = Buffer.byteLength(value)
    this.long(length)
    this.#reserve(length)
    this.#length += this.#buffer.write(value, this.#length)
  }

  float(value: number): void {
    this.#reserve(4)
    this.#length = this.#buffer.writeFloatLE(value, this.#length)
  }

  double(value: number): void {
    this.#reserve(8)
    this.#length = this.#buffer.writeDoubleLE(value, this.#length)
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + count))
    larger.set(this.#buffer.subarray(0, this.#length))
    this.#buffer = larger
  }

  static compile(schema: AvroSchema): WriteValue {
    if (typeof schema === 'string') return compilePrimitive(schema)
    if (isUnion(schema)) return compileUnion(schema)
    if (typeof schema.type !== 'string') return AvroWriter.compile(schema.type)
    if (schema.type === 'record') return compileRecord(schema)
    if (schema.type === 'array') return compileArray(schema)
    if (schema.type === 'fixed') return (writer, value) => writer.bytes(value as Uint8Array)
    return compilePrimitive(schema.type)
  }
}

function isUnion(schema: AvroSchema): schema is readonly AvroSchema[] {
  return Array.isArray(schema)
}

const primitives: Readonly<Record<string, WriteValue>> = {
  null: () => undefined,
  boolean: (writer, value) => writer.byte(value === true ? 1 : 0),
  int: (writer, value) => writer.long(value as number),
  long: (writer, value) => writer.long(value as number | bigint),
  float: (writer, value) => writer.float(value as number),
  double: (writer, value) => writer.double(value as number),
  string: (writer, value) => writer.text(value as string),
  bytes: (writer, value) => {
    writer.long((value as Uint8Array).length)
    writer.bytes(value as Uint8Array)
  },
}

function compilePrimitive(name: string): WriteValue {
  const write = primitives[name]
  if (write === undefined) throw new Error(`Avro type ${name} is not written`)
  return write
}

/** Iceberg's unions are all `null` or one other. */
function compileUnion(schema: readonly AvroSchema[]): WriteValue {
  const nullIndex = schema.indexOf('null')
  const other = schema.findIndex((branch) => branch !== 'null')
  if (schema.length !== 2 || nullIndex === -1) throw new Error('only unions with null are written')
  const write = AvroWriter.compile(schema[other]!)
  return (writer, value) => {
    writer.long(value === null || value === undefined ? nullIndex : other)
    if (value !== null && value !== undefined) write(writer, value)
  }
}

function compileRecord(schema: AvroNamed): WriteValue {
  const fields = (schema.fields ?? []).map((field) => ({
    name: field.name,
    write: AvroWriter.compile(field.type),
  }))
  return (writer, value) => {
    for (const field of fields) field.write(writer, (value as AvroRecord)[field.name]!)
  }
}

function compileArray(schema: AvroNamed): WriteValue {
  const items = schema.items!
  if (schema.logicalType === 'map') return compileIntegerMap(items as AvroNamed)
  const write = AvroWriter.compile(items)
  return (writer, value) => {
    const list = value as readonly AvroValue[]
    if (list.length > 0) {
      writer.long(list.length)
      for (const item of list) write(writer, item)
    }
    writer.long(0)
  }
}

function compileIntegerMap(items: AvroNamed): WriteValue {
  const writeKey = AvroWriter.compile(items.fields![0]!.type)
  const writeItem = AvroWriter.compile(items.fields![1]!.type)
  return (writer, value) => {
    const map = value as ReadonlyMap<AvroValue, AvroValue>
    if (map.size > 0) {
      writer.long(map.size)
      for (const [key, item] of map) {
        writeKey(writer, key)
        writeItem(writer, item)
      }
    }
    writer.long(0)
  }
}

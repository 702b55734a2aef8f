/**
 * Iceberg's bucket transform: (murmur3_x86_32(bytes) & 0x7fffffff) % count. Numbers, dates and instants are hashed as eight little-endian
 * bytes, which SQL arithmetic does at some 20 million rows a second; texts vary in length and go through a function in JavaScript.
 */
import type {
  DuckDBConnection,
  DuckDBDataChunk,
  DuckDBUUIDValue,
  DuckDBValue,
  DuckDBVector,
} from '@duckdb/node-api'
import { MaruError } from '../../base/errors.ts'
import type { ColumnType } from '../../model/model.ts'
import type { DuckdbApi } from './api.ts'

const mask = '4294967295'
/** Multiplying by it puts a copy of the low 32 bits above them, so that a shift to the right rotates. */
const twice = '4294967297::ubigint'
const textFunction = 'maru_murmur3_text'
const uuidFunction = 'maru_murmur3_uuid'

/** A null has no bucket: the expression is null then. */
export function bucketSql(column: string, type: ColumnType, count: number): string {
  return `((${hashSql(column, type)}) & 2147483647) % ${count}`
}

function hashSql(column: string, type: ColumnType): string {
  switch (type.kind) {
    case 'integer':
      return longHash(`(${column})::bigint`)
    case 'date':
      return longHash(`((${column}) - date '1970-01-01')::bigint`)
    case 'timestamp':
    case 'local_timestamp':
    case 'time':
      return longHash(`epoch_us(${column})`)
    case 'text':
    case 'json':
      return `${textFunction}((${column})::varchar)`
    case 'uuid':
      return `${uuidFunction}(${column})`
    default:
      throw new MaruError('BUG', `a column of type ${type.kind} cannot be put into buckets`, {
        hint: 'bucket by an integer, text, uuid, date or timestamp column',
      })
  }
}

function rotated(value: string, bits: number): string {
  return `((${value}) * ${twice} >> ${32 - bits}) & ${mask}`
}

function block(value: string): string {
  return `((${rotated(`(${value}) * 3432918353::ubigint & ${mask}`, 15)}) * 461845907::ubigint & ${mask})`
}

function mixed(hash: string, value: string): string {
  return `((${rotated(`xor(${hash}, ${block(value)})`, 13)}) * 5::ubigint + 3864292196 & ${mask})`
}

function longHash(value: string): string {
  const low = `((${value}) & ${mask})::ubigint`
  const high = `((${value}) >> 32 & ${mask})::ubigint`
  let hash = `xor(${mixed(mixed('0::ubigint', low), high)}, 8::ubigint)`
  hash = `(xor(${hash}, (${hash}) >> 16) * 2246822507::ubigint & ${mask})`
  hash = `(xor(${hash}, (${hash}) >> 13) * 3266489909::ubigint & ${mask})`
  return `xor(${hash}, (${hash}) >> 16)::bigint`
}

export function registerBucketFunctions(api: DuckdbApi, connection: DuckDBConnection): void {
  for (const { name, argument, hash } of [
    { name: textFunction, argument: api.VARCHAR, hash: textMurmur3 },
    { name: uuidFunction, argument: api.UUID, hash: uuidMurmur3 },
  ]) {
    connection.registerScalarFunction(
      api.DuckDBScalarFunction.create({
        name,
        returnType: api.BIGINT,
        parameterTypes: [argument],
        mainFunction: (_info, input, output) => hashChunk(input, output, hash),
      }),
    )
  }
}

function hashChunk(
  input: DuckDBDataChunk,
  output: DuckDBVector,
  hash: (value: DuckDBValue) => number,
): void {
  const values = input.getColumnVector(0)
  for (let row = 0; row < input.rowCount; row++) {
    const value = values.getItem(row)
    output.setItem(row, value === null ? null : BigInt(hash(value) >>> 0))
  }
  output.flush()
}

const scratch = Buffer.alloc(4096)

function textMurmur3(value: DuckDBValue): number {
  const text = value as string
  const bytes =
    text.length * 3 <= scratch.length ? scratch.subarray(0, scratch.write(text)) : Buffer.from(text)
  return murmur3(bytes)
}

const uuidBytes = Buffer.alloc(16)
const low64 = (1n << 64n) - 1n

/** Sixteen bytes, the most significant first. */
function uuidMurmur3(value: DuckDBValue): number {
  const number = (value as DuckDBUUIDValue).toUint128()
  uuidBytes.writeBigUInt64BE(number >> 64n, 0)
  uuidBytes.writeBigUInt64BE(number & low64, 8)
  return murmur3(uuidBytes)
}

/** MurmurHash3_x86_32 with seed 0 (the algorithm is in the public domain). */
function murmur3(bytes: Uint8Array): number {
  const whole = bytes.length & ~3
  let hash = 0
  for (let at = 0; at < whole; at += 4) {
    const word =
      bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    hash ^= scrambled(word)
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6_54_6b_64) | 0
  }
  let tail = 0
  for (let at = bytes.length - 1; at >= whole; at--) tail = (tail << 8) | bytes[at]!
  if (whole < bytes.length) hash ^= scrambled(tail)
  hash ^= bytes.length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85_eb_ca_6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2_b2_ae_35)
  return hash ^ (hash >>> 16)
}

function scrambled(word: number): number {
  const multiplied = Math.imul(word, 0xcc_9e_2d_51)
  return Math.imul((multiplied << 15) | (multiplied >>> 17), 0x1b_87_35_93)
}

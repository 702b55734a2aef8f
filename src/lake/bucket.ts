/** Iceberg's bucket transform: murmur3 (x86, 32 bits, seed 0) of the value's bytes, without the sign, modulo the count. */
import { MaruError } from '../base/errors.ts'
import type { ColumnType } from '../model/model.ts'
import type { Bound } from './table.ts'

/** The bucket of a key, as every Iceberg engine computes it; undefined for null. Bounds as in ColumnStatistics. */
export function bucketOf(value: Bound | null, type: ColumnType, count: number): number | undefined {
  if (value === null) return undefined
  return (murmur3(bytesToHash(value, type)) & 0x7fff_ffff) % count
}

/** Whether a column of the type can be the key of a bucket partition. */
export function isBucketable(type: ColumnType): boolean {
  return ['integer', 'text', 'uuid', 'date'].includes(type.kind)
}

function bytesToHash(value: Bound, type: ColumnType): Uint8Array {
  switch (type.kind) {
    case 'integer':
    case 'date': {
      const bytes = Buffer.alloc(8)
      bytes.writeBigInt64LE(BigInt(value))
      return bytes
    }
    case 'text':
      return Buffer.from(String(value), 'utf8')
    case 'uuid':
      return Buffer.from(String(value).replaceAll('-', ''), 'hex')
    default:
      throw new MaruError('LAKE_UNSUPPORTED', `a ${type.kind} column cannot be a bucket key`, {
        hint: 'use an integer, text, uuid or date column as the key',
      })
  }
}

function murmur3(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const whole = bytes.length & ~3
  let hash = 0
  for (let offset = 0; offset < whole; offset += 4) {
    hash ^= scramble(view.getInt32(offset, true))
    hash = (hash << 13) | (hash >>> 19)
    hash = (Math.imul(hash, 5) + 0xe654_6b64) | 0
  }
  let tail = 0
  for (let offset = bytes.length - 1; offset >= whole; offset--) tail = (tail << 8) | bytes[offset]!
  hash ^= scramble(tail) ^ bytes.length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35)
  return hash ^ (hash >>> 16)
}

function scramble(block: number): number {
  const mixed = Math.imul(block, 0xcc9e_2d51)
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b87_3593)
}

/** Column bounds in Iceberg's single-value form, and how bounds compare. */
import type { ColumnType } from '../model/model.ts'
import type { Bound } from './table.ts'

/** Texts are cut to this many characters: long enough for ids with a common prefix, short enough for a manifest. */
export const boundLengthMax = 32

/** The bytes of a lower bound, or undefined when the type or the value has none. A long text is cut, which only lowers it. */
export function encodeLower(bound: Bound, type: ColumnType): Uint8Array | undefined {
  if (isText(type))
    return Buffer.from(characters(String(bound)).slice(0, boundLengthMax).join(''), 'utf8')
  return encodeExact(bound, type)
}

/** The bytes of an upper bound. A long text is cut and its last character raised; undefined when none can be raised. */
export function encodeUpper(bound: Bound, type: ColumnType): Uint8Array | undefined {
  if (!isText(type)) return encodeExact(bound, type)
  const all = characters(String(bound))
  if (all.length <= boundLengthMax) return Buffer.from(all.join(''), 'utf8')
  const raised = raiseLast(all.slice(0, boundLengthMax))
  return raised === undefined ? undefined : Buffer.from(raised, 'utf8')
}

function isText(type: ColumnType): boolean {
  return type.kind === 'text' || type.kind === 'json'
}

function characters(text: string): string[] {
  // Twice the limit in UTF-16 units holds the limit in characters, and one more tells that there are more.
  return Array.from(text.slice(0, 2 * boundLengthMax + 2))
}

function raiseLast(prefix: readonly string[]): string | undefined {
  for (let index = prefix.length - 1; index >= 0; index--) {
    const next = nextCharacter(prefix[index]!.codePointAt(0)!)
    if (next !== undefined) return prefix.slice(0, index).join('') + next
  }
  return undefined
}

function nextCharacter(code: number): string | undefined {
  if (code >= 0x10_ffff) return undefined
  // Surrogates are not characters: UTF-8 goes from U+D7FF to U+E000.
  return String.fromCodePoint(code >= 0xd7ff && code < 0xe000 ? 0xe000 : code + 1)
}

function encodeExact(bound: Bound, type: ColumnType): Uint8Array | undefined {
  const bytes = Buffer.alloc(8)
  switch (type.kind) {
    case 'integer':
    case 'timestamp':
    case 'local_timestamp':
    case 'time':
      bytes.writeBigInt64LE(BigInt(bound))
      return bytes
    case 'date':
      bytes.writeInt32LE(Number(bound))
      return bytes.subarray(0, 4)
    case 'number':
      if (Number.isNaN(Number(bound))) return undefined
      bytes.writeDoubleLE(Number(bound))
      return bytes
    case 'boolean':
      return Buffer.from([bound === true ? 1 : 0])
    case 'decimal':
      return encodeDecimal(BigInt(bound))
    default:
      // Engines order uuids and bytes differently, and lists have no order: without bounds nobody prunes wrongly.
      return undefined
  }
}

/** The shortest big-endian two's complement. */
export function encodeDecimal(unscaled: bigint): Uint8Array {
  let length = 1
  while (BigInt.asIntN(length * 8, unscaled) !== unscaled) length++
  const bytes = Buffer.alloc(length)
  let rest = BigInt.asUintN(length * 8, unscaled)
  for (let index = length - 1; index >= 0; index--) {
    bytes[index] = Number(rest & 0xffn)
    rest >>= 8n
  }
  return bytes
}

/** undefined when the type has no bounds or the bytes are not of it. */
export function decodeBound(bytes: Uint8Array, type: ColumnType): Bound | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  switch (type.kind) {
    case 'text':
    case 'json':
      return buffer.toString('utf8')
    case 'integer':
    case 'timestamp':
    case 'local_timestamp':
    case 'time':
      if (buffer.length === 4) return BigInt(buffer.readInt32LE())
      return buffer.length === 8 ? buffer.readBigInt64LE() : undefined
    case 'date':
      return buffer.length === 4 ? buffer.readInt32LE() : undefined
    case 'number':
      if (buffer.length === 4) return buffer.readFloatLE()
      return buffer.length === 8 ? buffer.readDoubleLE() : undefined
    case 'boolean':
      return buffer[0] !== 0
    case 'decimal':
      return buffer.length === 0
        ? undefined
        : BigInt.asIntN(buffer.length * 8, BigInt(`0x${buffer.toString('hex')}`))
    default:
      return undefined
  }
}

/** Below 0, 0 or above 0; texts by their UTF-8 bytes, as engines order them. */
export function compareBounds(left: Bound, right: Bound): number {
  if (typeof left === 'string' || typeof right === 'string') {
    return Buffer.compare(Buffer.from(String(left), 'utf8'), Buffer.from(String(right), 'utf8'))
  }
  if (left < right) return -1
  return left > right ? 1 : 0
}

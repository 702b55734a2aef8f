/**
 * How records lie in a segment, on bytes alone: one frame each, nothing between. Numbers are little-endian.
 *
 *     mark 2 | partition 2 | checksum 4 | length 4 | group 4 | the record's bytes
 *
 * `group` is where the group begins that was written and synced with this record. A group is written only after the one before it is durable, so
 * a damaged frame that a later group follows was durable once; one that nothing follows is the torn end of a write that nobody was told had ended.
 * The checksum (CRC-32 of the header, with the CRC-32 of the record's bytes in its own place) starts from the segment's seed: bytes inside a record never
 * pass for a frame.
 */
import { crc32 } from 'node:zlib'
import { assert } from '../../base/errors.ts'
import type { LogRecord, NewRecord } from '../log.ts'

const frameHeaderBytes = 16
export const recordBytesMax: number = 64 * 1024 * 1024
const partitionMax = 0xff_ff

/** Up to here a copy costs less than one part more in a write. */
const copyBytesMax = 4096
const mark = Buffer.from('Ml')

export function framedBytes({ bytes, body }: NewRecord): number {
  return frameHeaderBytes + bytes.length + (body?.length ?? 0)
}

/** A record with the checksum of its bytes, which is taken while it waits for the groups before it. */
export interface SummedRecord extends NewRecord {
  readonly sum: number
}

export function summed(record: NewRecord): SummedRecord {
  const { partition, bytes, body } = record
  const length = framedBytes(record) - frameHeaderBytes
  assert(partition >= 0 && partition <= partitionMax, `partition ${partition} is not one of a log`)
  assert(length <= recordBytesMax, `a record has at most ${recordBytesMax} bytes`)
  const sum = crc32(bytes)
  return body === undefined
    ? { partition, bytes, sum }
    : { partition, bytes, body, sum: crc32(body, sum) }
}

/** The frames of records that are written together at `group`, in parts: what is large is not copied. */
export function encodeGroup(
  records: readonly SummedRecord[],
  { seed, group }: { readonly seed: number; readonly group: number },
): readonly Uint8Array[] {
  const parts: Uint8Array[] = []
  let copiedBytes = 0
  for (const record of records)
    for (const part of [record.bytes, record.body])
      if (part !== undefined && part.length <= copyBytesMax) copiedBytes += part.length
  const copied = Buffer.allocUnsafe(copiedBytes + frameHeaderBytes * records.length)
  let from = 0
  let at = 0
  const put = (part: Uint8Array): void => {
    if (part.length <= copyBytesMax) {
      copied.set(part, at)
      at += part.length
    } else {
      if (at > from) parts.push(copied.subarray(from, at))
      parts.push(part)
      from = at
    }
  }
  for (const record of records) {
    const header = copied.subarray(at, at + frameHeaderBytes)
    mark.copy(header)
    header.writeUInt16LE(record.partition, 2)
    header.writeUInt32LE(record.sum, 4)
    header.writeUInt32LE(framedBytes(record) - frameHeaderBytes, 8)
    header.writeUInt32LE(group, 12)
    header.writeUInt32LE(crc32(header, seed), 4)
    at += frameHeaderBytes
    put(record.bytes)
    if (record.body !== undefined) put(record.body)
  }
  if (at > from) parts.push(copied.subarray(from, at))
  return parts
}

/** `cut`: the bytes end before the frame does, which has `bytes` in all as far as they say. */
export type Frame =
  | {
      readonly kind: 'frame'
      readonly record: LogRecord
      readonly bytes: number
      readonly group: number
    }
  | { readonly kind: 'cut'; readonly bytes: number }
  | { readonly kind: 'damaged' }

export function decodeFrame(bytes: Buffer, at: number, seed: number): Frame {
  const left = bytes.length - at
  if (left < frameHeaderBytes) return { kind: 'cut', bytes: frameHeaderBytes }
  const length = bytes.readUInt32LE(at + 8)
  if (bytes[at] !== mark[0] || bytes[at + 1] !== mark[1] || length > recordBytesMax)
    return { kind: 'damaged' }
  const size = frameHeaderBytes + length
  if (left < size) return { kind: 'cut', bytes: size }
  const frame = bytes.subarray(at, at + size)
  const header = Buffer.from(frame.subarray(0, frameHeaderBytes))
  header.writeUInt32LE(crc32(frame.subarray(frameHeaderBytes)), 4)
  if (crc32(header, seed) !== frame.readUInt32LE(4)) return { kind: 'damaged' }
  const record = { partition: frame.readUInt16LE(2), bytes: frame.subarray(frameHeaderBytes) }
  return { kind: 'frame', record, bytes: size, group: frame.readUInt32LE(12) }
}

/** Whether, somewhere in the bytes, whose first lies at `offset` of the segment, stands a frame of a group that began after it. */
export function holdsLaterGroup(
  bytes: Buffer,
  { seed, offset }: { readonly seed: number; readonly offset: number },
): boolean {
  for (let at = bytes.indexOf(mark, 1); at !== -1; at = bytes.indexOf(mark, at + 1)) {
    if (bytes.length - at < frameHeaderBytes) return false
    const group = bytes.readUInt32LE(at + 12)
    if (group <= offset || group > offset + at) continue
    if (decodeFrame(bytes, at, seed).kind === 'frame') return true
  }
  return false
}

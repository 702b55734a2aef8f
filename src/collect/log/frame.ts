/**
 * How records lie in a segment, on bytes alone: one frame each, nothing between. Numbers are little-endian.
 *
 *     mark 2 | partition 2 | checksum 4 | length 4 | group 4 | the record's bytes
 *
 * `group` is where the group begins that was written and synced with this record. A group is written only after the one before it is durable, so
 * a damaged frame that a later group follows was durable once; one that nothing follows is the torn end of a write that nobody was told had ended.
 * The checksum (CRC-32 of all after it and of mark and partition) starts from the segment's seed: bytes inside a record never pass for a frame.
 */
import { crc32 } from 'node:zlib'
import { assert } from '../../base/errors.ts'
import type { LogRecord } from '../log.ts'

export const frameHeaderBytes = 16
export const recordBytesMax: number = 64 * 1024 * 1024
export const partitionMax = 0xff_ff

const mark = Buffer.from('Ml')

export function framedBytes(record: LogRecord): number {
  return frameHeaderBytes + record.bytes.length
}

/** The frames of records that are written together at `group`. */
export function encodeGroup(
  records: readonly LogRecord[],
  { seed, group }: { readonly seed: number; readonly group: number },
): Buffer {
  const bytes = Buffer.allocUnsafe(records.reduce((sum, record) => sum + framedBytes(record), 0))
  let at = 0
  for (const record of records) {
    assert(
      record.partition >= 0 && record.partition <= partitionMax,
      `partition ${record.partition} is not one of a log`,
    )
    mark.copy(bytes, at)
    bytes.writeUInt16LE(record.partition, at + 2)
    bytes.writeUInt32LE(record.bytes.length, at + 8)
    bytes.writeUInt32LE(group, at + 12)
    bytes.set(record.bytes, at + frameHeaderBytes)
    const end = at + framedBytes(record)
    bytes.writeUInt32LE(checksum(bytes.subarray(at, end), seed), at + 4)
    at = end
  }
  return bytes
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
  if (checksum(frame, seed) !== frame.readUInt32LE(4)) return { kind: 'damaged' }
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

function checksum(frame: Buffer, seed: number): number {
  return crc32(frame.subarray(8), crc32(frame.subarray(0, 4), seed))
}

/** Reads a request's body within limits: bytes on the wire, bytes unpacked, and room in memory. The time that it may take is the server's. */
import type { IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate } from 'node:zlib'
import { Gate } from '../../base/bounded.ts'
import type { Place, Room } from './room.ts'

export interface BodyLimits {
  /** On the wire and unpacked. */
  readonly bytesMax: number
  /** Holds bytes as they come, on the wire and unpacked. */
  readonly room: Room
  /** Of this request. */
  readonly place: Place
}

export type ReadBody =
  | { readonly kind: 'body'; readonly bytes: Buffer }
  | { readonly kind: 'too_large' }
  | { readonly kind: 'no_room' }
  | { readonly kind: 'unreadable'; readonly reason: string }
  /** The sender went away: nobody is there to be answered. */
  | { readonly kind: 'gone' }

const unpackers = {
  gzip: promisify<Buffer, { maxOutputLength: number }, Buffer>(gunzip),
  'x-gzip': promisify<Buffer, { maxOutputLength: number }, Buffer>(gunzip),
  deflate: promisify<Buffer, { maxOutputLength: number }, Buffer>(inflate),
  br: promisify<Buffer, { maxOutputLength: number }, Buffer>(brotliDecompress),
} as const

/** How large a body is, one knows when it is unpacked: few at a time, so that those which turn out too large are few. */
const unpacking = new Gate(2)

export function readBody(request: IncomingMessage, limits: BodyLimits): Promise<ReadBody> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let length = 0
    const { bytesMax, room, place } = limits
    const refuse = (kind: 'too_large' | 'no_room'): void => {
      request.off('data', take)
      request.pause()
      resolve({ kind })
    }
    const take = (chunk: Buffer): void => {
      length += chunk.length
      if (length > bytesMax) refuse('too_large')
      else if (room.hold(place, chunk.length)) chunks.push(chunk)
      else refuse('no_room')
    }
    const gone = (): void => resolve({ kind: 'gone' })
    place.giveUp = () => refuse('no_room')
    request.on('data', take)
    request.on('end', () => {
      place.giveUp = undefined
      const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length)
      const encoding = encodingOf(request, bytes)
      resolve(
        encoding === undefined ? { kind: 'body', bytes } : unpackBody(bytes, encoding, limits),
      )
    })
    request.on('error', gone)
    request.on('close', gone)
  })
}

/** undefined: not packed. */
function encodingOf(request: IncomingMessage, bytes: Buffer): string | undefined {
  // Some clients name no encoding and send gzip all the same.
  const looksPacked = bytes[0] === 0x1f && bytes[1] === 0x8b
  const named = request.headers['content-encoding'] ?? (looksPacked ? 'gzip' : '')
  const encoding = named.trim().toLowerCase()
  return encoding === '' || encoding === 'identity' ? undefined : encoding
}

async function unpackBody(
  packed: Buffer,
  encoding: string,
  { bytesMax, room, place }: BodyLimits,
): Promise<ReadBody> {
  const unpack = Object.hasOwn(unpackers, encoding)
    ? unpackers[encoding as keyof typeof unpackers]
    : undefined
  if (unpack === undefined)
    return { kind: 'unreadable', reason: `content-encoding "${encoding.slice(0, 40)}"` }
  await unpacking.enter()
  try {
    const bytes = await unpack(packed, { maxOutputLength: bytesMax })
    return room.hold(place, bytes.length) ? { kind: 'body', bytes } : { kind: 'no_room' }
  } catch (error) {
    const isTooLarge =
      error instanceof RangeError ||
      (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
    return isTooLarge
      ? { kind: 'too_large' }
      : { kind: 'unreadable', reason: `the body is no ${encoding}` }
  } finally {
    unpacking.leave()
  }
}

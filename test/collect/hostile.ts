/** Senders that mean no good: sockets that say a part and then wait, and requests of every bad kind. */
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'

const mebibyte = 1024 * 1024

export interface Dribble {
  readonly socket: Socket
  /** What was answered so far. */
  readonly answer: () => string
  /** Resolves when the other side has ended the connection. */
  readonly closed: Promise<void>
}

/** Connects, writes this, and stays. */
export async function dribble(port: number, text: string | Uint8Array): Promise<Dribble> {
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()))
  // What a refused sender writes to a closed connection fails.
  socket.on('error', () => socket.destroy())
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  await once(socket, 'connect')
  if (text.length > 0) socket.write(text)
  return { socket, answer: () => answer, closed }
}

export async function until(what: string, isSo: () => Promise<boolean> | boolean): Promise<void> {
  const endMs = performance.now() + 10_000
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error(`not so after 10 s: ${what}`)
    await wait(20)
  }
}

const deep = `{"events":[{"event":"Seen","anonymous_id":"v","properties":{"price":1,"x":${'['.repeat(50_000)}${']'.repeat(50_000)}}}]}`
const body = fc.oneof(
  fc.json({ maxDepth: 4 }).map((text) => Buffer.from(text)),
  fc.json().map((text) => Buffer.from(`{"events":[${text}]}`)),
  fc.json().map((text) => Buffer.from(`{"events":[{"event":"Seen","context":${text}}`)),
  fc.uint8Array({ maxLength: 500 }).map((bytes) => Buffer.from(bytes)),
  fc.constant(Buffer.from(deep)),
  fc.constant(
    Buffer.from(deep.replace('"properties"', '"context":{"ip":"10.0.0.1"},"properties"')),
  ),
  fc.constant(gzipSync(Buffer.alloc(20 * mebibyte))),
)
/** Requests as bytes, with this write key or a wrong one. */
export function hostileRequests(key: string, count: number): readonly Buffer[] {
  const hostile = fc
    .record({
      method: fc.constantFrom('POST', 'GET', 'PUT', 'OPTIONS', 'BREW'),
      path: fc.oneof(
        fc.constantFrom('/v1/events', '/v1/batch', '/v1/t', '/v1/import', '/metrics', '//'),
        fc.webPath().map((path) => `/${path}`),
        fc.constant(`/v1/events?x=${'%'.repeat(50)}`),
      ),
      key: fc.constantFrom(`Bearer ${key}`, 'Bearer x', 'Basic ====', 'Basic'),
      encoding: fc.constantFrom('', 'gzip', 'deflate', 'br', 'constructor', 'gzip, gzip'),
      lengthOff: fc.constantFrom(0, 0, 0, -3, 5),
      body,
    })
    .map((request) =>
      Buffer.concat([
        Buffer.from(
          `${request.method} ${request.path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: ${request.key}\r\n` +
            `content-encoding: ${request.encoding}\r\ncontent-length: ${Math.max(0, request.body.length + request.lengthOff)}\r\n\r\n`,
        ),
        request.body,
      ]),
    )
  return fc.sample(hostile, { numRuns: count, seed: 6 })
}

/** Writes the bytes and leaves after an answer, or soon without one. */
export async function sendRaw(port: number, bytes: Uint8Array): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => socket.destroy())
  socket.setTimeout(100, () => socket.destroy())
  socket.resume()
  socket.end(bytes)
  await new Promise((resolve) => socket.once('close', resolve))
}

export function batches<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  )
}

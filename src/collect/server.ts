/**
 * One collector process: HTTP in, answers out. A request is shed before its body is read when the log is behind; else it is read, judged event by event, appended
 * whole to the log, and answered when the log says it is durable.
 */
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { MaruError, isMaruError } from '../base/errors.ts'
import type { Answer, DialectRequest, Refusal } from './dialect.ts'
import { findRoute } from './dialects.ts'
import type { Duplicates } from './duplicates.ts'
import { readBody } from './http/body.ts'
import { Measures } from './http/measures.ts'
import { Room } from './http/room.ts'
import type { LogWriter } from './log.ts'
import type { CollectSettings } from './settings.ts'
import { Taker } from './take.ts'
import type { Call, Taken } from './take.ts'

export interface CollectorOptions {
  /** Asked at each request: settings change while everything runs. The same object means nothing changed. */
  readonly settings: () => CollectSettings
  readonly log: LogWriter
  readonly duplicates: Pick<Duplicates, 'has' | 'add'>
  readonly host: string
  readonly port: number
  /** Several processes on the port. */
  readonly reusePort?: boolean
  /** Of a body, on the wire and unpacked. Default 4 MiB: no known client sends more at once, and a hostile one makes a hundred times as much of it in memory. */
  readonly bodyBytesMax?: number
  /** Bodies in memory and bytes waiting for the disk beyond which requests are shed. Default 64 MiB. */
  readonly pendingBytesMax?: number
  /** A disk that takes longer for a sync, on average, sheds. Default 2,000. */
  readonly syncMsMax?: number
  /** Until the head of a request has come, from the connection or its first byte on. Default 10,000. */
  readonly headersMs?: number
  /** Until all of a request has come. Default 30,000. */
  readonly requestMs?: number
  /** Lanes of the log. Default 9: eight by person and one for hot ones. */
  readonly lanes?: number
  /** The log has failed: nothing can be accepted any more. */
  readonly onFailed: (error: unknown) => void
  /** A request met a fault of Maru and was answered 500. */
  readonly onError?: (error: unknown) => void
  readonly now?: () => number
}

export interface Collector {
  readonly port: number
  /** Takes no new request, answers those at work, then closes; who has not sent his request whole after 5 s is left. The log stays open. */
  close(): Promise<void>
}

const mebibyte = 1024 * 1024
const closeMs = 5_000
const connectionsMax = 20_000
const fullSeconds = 10
const overloaded = { kind: 'overloaded', retryAfterSeconds: 2 } as const

/** Throws COLLECT_PORT when the port is taken. */
export async function startCollector(options: CollectorOptions): Promise<Collector> {
  const collector = new HttpCollector(options)
  await collector.listen()
  return collector
}

class HttpCollector implements Collector {
  readonly #options: CollectorOptions
  readonly #server: Server
  readonly #measures = new Measures()
  readonly #taker: Taker
  readonly #pendingBytesMax: number
  readonly #room: Room
  #isClosing = false
  #failure: unknown
  /** When the disk was found full last. */
  #fullAtMs = -Infinity

  constructor(options: CollectorOptions) {
    this.#options = options
    this.#pendingBytesMax = options.pendingBytesMax ?? 64 * mebibyte
    this.#room = new Room({
      bytesMax: this.#pendingBytesMax,
      elsewhereBytes: () => options.log.pressure.waitingBytes,
    })
    const { lanes = 9, now = Date.now } = options
    this.#taker = new Taker({ ...options, lanes, now })
    const { headersMs = 10_000, requestMs = 30_000 } = options
    this.#server = createServer(
      {
        headersTimeout: headersMs,
        requestTimeout: requestMs,
        connectionsCheckingInterval: headersMs / 4,
        keepAliveTimeout: 65_000,
      },
      (request, response) => {
        try {
          this.#handle(request, response)
        } catch (error) {
          this.#fault(response, error)
        }
      },
    )
    this.#server.maxConnections = connectionsMax
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  listen(): Promise<void> {
    const { host, port, reusePort } = this.#options
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error) => {
        reject(
          new MaruError('COLLECT_PORT', `cannot listen on ${host}:${port}: ${error.message}`, {
            hint: 'stop what listens there, or set collect.port in maru.config.ts',
          }),
        )
      })
      this.#server.listen({ host, port, reusePort: reusePort === true }, resolve)
    })
  }

  async close(): Promise<void> {
    this.#isClosing = true
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeIdleConnections()
    // Node looks for slow requests no longer: without this, one sender who never ends would keep the process.
    const giveUp = setTimeout(() => this.#server.closeAllConnections(), closeMs)
    await closed
    clearTimeout(giveUp)
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    const url = request.url ?? '/'
    const end = url.indexOf('?')
    const path = end < 0 ? url : url.slice(0, end)
    if (request.method === 'OPTIONS')
      return this.#send(request, response, { status: 204, headers: {}, body: '' })
    const own = request.method === 'GET' ? this.#ownPage(path) : undefined
    if (own !== undefined) return this.#send(request, response, own)
    const route = findRoute(request.method ?? 'GET', path)
    if (route === undefined) {
      const body = JSON.stringify({ error: 'not_found', hint: 'POST /v1/events takes events' })
      return this.#send(request, response, {
        status: 404,
        headers: { 'content-type': 'application/json' },
        body,
      })
    }
    if (route.fixed !== undefined) return this.#send(request, response, route.fixed)
    const shed = this.#shed(request)
    if (shed !== undefined) {
      this.#measures.shed++
      return this.#refuse(request, response, route.dialect.refuse(shed))
    }
    const query = end < 0 ? {} : Object.fromEntries(new URLSearchParams(url.slice(end + 1)))
    const headers = request.headers as DialectRequest['headers']
    const read = { route: route.route, path, query, headers }
    void this.#collect(response, { request, route, read })
  }

  /** One function that waits, for the body and for the disk: each more would be garbage with every request. */
  async #collect(response: ServerResponse, call: Call): Promise<void> {
    const { request } = call
    const { dialect } = call.route
    const bytesMax = this.#options.bodyBytesMax ?? 4 * mebibyte
    const announced = Number(request.headers['content-length'] ?? 0)
    if (announced > bytesMax)
      return this.#refuse(request, response, dialect.refuse({ kind: 'too_large', bytesMax }))
    const room = this.#room
    const place = room.enter()
    try {
      const body = await readBody(request, { bytesMax, room, place })
      switch (body.kind) {
        case 'gone':
          return
        case 'too_large':
          return this.#refuse(request, response, dialect.refuse({ kind: 'too_large', bytesMax }))
        case 'no_room':
          this.#measures.shed++
          return this.#refuse(request, response, dialect.refuse(overloaded))
        case 'unreadable':
          return this.#send(request, response, dialect.refuse(body))
        case 'body':
      }
      const taken = this.#taker.take(call, body.bytes)
      if (taken.kind !== 'taken') return this.#send(request, response, dialect.refuse(taken))
      if (taken.record !== undefined) {
        try {
          await this.#options.log.append([taken.record])
        } catch (error) {
          return this.#send(request, response, dialect.refuse(this.#notAppended(error)))
        }
      }
      this.#remember(taken, body.bytes.length)
      this.#send(request, response, dialect.answer(call.read, taken.results))
    } catch (error) {
      this.#fault(response, error)
    } finally {
      room.leave(place)
    }
  }

  /** What was taken is durable. */
  #remember({ source, kept, receivedAtMs }: Taken, bodyBytes: number): void {
    for (const { id, result } of kept)
      if (result === 'ok') this.#options.duplicates.add(source, id, receivedAtMs)
    this.#measures.countEvents(kept)
    this.#measures.bytes += bodyBytes
  }

  /** A fault in one request is not a fault of the log: the others go on. */
  #fault(response: ServerResponse, error: unknown): void {
    this.#options.onError?.(error)
    if (!response.headersSent) response.writeHead(500).end()
  }

  #notAppended(error: unknown): Refusal {
    if (isMaruError(error) && error.code === 'DISK_FULL') {
      this.#fullAtMs = performance.now()
      return { kind: 'disk_full', retryAfterSeconds: fullSeconds }
    }
    if (isMaruError(error) && error.code === 'LOG_BUSY') return overloaded
    this.#fail(error)
    return { kind: 'stopping', retryAfterSeconds: 10 }
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    // Those who wait are told first: whoever hears of it may end the process.
    setImmediate(() => this.#options.onFailed(error))
  }

  /** Before a byte of the body is read. */
  #shed(request: IncomingMessage): Refusal | undefined {
    if (this.#isClosing || this.#failure !== undefined)
      return { kind: 'stopping', retryAfterSeconds: 5 }
    const hasRoom = this.#room.makeRoom(Number(request.headers['content-length'] ?? 0))
    return hasRoom && !this.#isSlow() ? undefined : overloaded
  }

  /** The disk does not keep up. */
  #isSlow(): boolean {
    const { waitingBytes, syncMs } = this.#options.log.pressure
    return waitingBytes > 0 && syncMs > (this.#options.syncMsMax ?? 2_000)
  }

  #ownPage(path: string): Answer | undefined {
    const text = { 'content-type': 'text/plain; charset=utf-8' }
    if (path === '/health/live') return { status: 200, headers: text, body: 'live\n' }
    if (path === '/health/ready') {
      // Somewhat before it sheds: a balancer may know somebody who has more room.
      const isNearlyBehind = this.#isSlow() || !this.#room.hasRoom(this.#pendingBytesMax / 4)
      const wasFull = performance.now() - this.#fullAtMs < fullSeconds * 1_000
      const isUp = !this.#isClosing && this.#failure === undefined
      const isReady = isUp && !isNearlyBehind && !wasFull
      return {
        status: isReady ? 200 : 503,
        headers: text,
        body: isReady ? 'ready\n' : 'not ready\n',
      }
    }
    if (path === '/metrics') {
      const body = this.#measures.text(this.#options.log.pressure, this.#room.heldBytes)
      return { status: 200, headers: text, body }
    }
    return undefined
  }

  /** With the body unread: the connection cannot be used again. */
  #refuse(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
    response.setHeader('connection', 'close')
    this.#send(request, response, answer)
    response.once('finish', () => request.destroy())
  }

  #send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
    this.#measures.countAnswer(answer.status)
    const headers: Record<string, string> = { ...answer.headers, ...corsHeaders(request) }
    if (this.#isClosing) headers['connection'] = 'close'
    // Said here, or the body would go out in chunks.
    if (answer.status !== 204) headers['content-length'] = String(Buffer.byteLength(answer.body))
    response.writeHead(answer.status, headers)
    response.end(answer.body)
  }
}

/** Any page may send: the write key decides, not the origin. */
function corsHeaders(request: IncomingMessage): Readonly<Record<string, string>> {
  const origin = request.headers['origin']
  if (origin === undefined) return {}
  const allowed = {
    'access-control-allow-origin': origin,
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': 'Retry-After',
    vary: 'Origin',
  }
  if (request.method !== 'OPTIONS') return allowed
  return {
    ...allowed,
    'access-control-allow-methods': 'GET, POST, OPTIONS',
    'access-control-allow-headers':
      request.headers['access-control-request-headers'] ?? 'content-type, authorization',
    'access-control-max-age': '3600',
  }
}

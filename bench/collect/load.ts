/**
 * A process that sends events over kept connections and says what became of them in one line of JSON. Closed loop: each connection sends when it was answered.
 * Open loop: requests are due at their times whatever the server does, and a latency counts from when the request was due.
 */
import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import type { Socket } from 'node:net'

export interface LoadOptions {
  readonly port: number
  readonly key: string
  /** Events of a request. */
  readonly size: number
  readonly connections: number
  /** Number of the first event; its id is `bench-` and ten digits. */
  readonly first: number
  /** Absent: closed loop. One after the other. */
  readonly steps?: readonly LoadStep[]
  /** Of the closed loop. */
  readonly durationMs?: number
  /** Gets the number of the first event of each acknowledged request, as JSON. */
  readonly acknowledgedPath: string
}

export interface LoadStep {
  readonly eventsPerSecond: number
  readonly durationMs: number
}

export interface LoadResult {
  readonly acknowledgedEvents: number
  readonly seconds: number
  /** How often each status came. */
  readonly statuses: Readonly<Record<string, number>>
  /** Of acknowledged requests; ms. */
  readonly latency: { readonly p50: number; readonly p99: number; readonly max: number }
  /** Requests that were never answered, or whose connection broke. */
  readonly lost: number
}

const answerMs = 10_000
const digits = 10

interface Due {
  readonly first: number
  readonly dueMs: number
}

async function sendLoad(options: LoadOptions): Promise<LoadResult> {
  const load = new Load(options)
  await load.connect()
  const startedMs = performance.now()
  await (options.steps === undefined
    ? load.runClosed(options.durationMs ?? 1_000)
    : load.runOpen(options.steps))
  const seconds = (performance.now() - startedMs) / 1_000
  await writeFile(options.acknowledgedPath, JSON.stringify(load.acknowledged))
  return load.result(seconds)
}

class Load {
  readonly acknowledged: number[] = []
  readonly #options: LoadOptions
  readonly #request: RequestTemplate
  readonly #lanes: Connection[] = []
  readonly #waiting: Due[] = []
  readonly #latencies: number[] = []
  readonly #statuses: Record<string, number> = {}
  #lost = 0
  #atWork = 0
  #next: number

  constructor(options: LoadOptions) {
    this.#options = options
    this.#next = options.first
    this.#request = new RequestTemplate(options)
  }

  async connect(): Promise<void> {
    for (let index = 0; index < this.#options.connections; index++)
      // oxlint-disable-next-line no-await-in-loop -- a flood of new connections is not what is measured
      this.#lanes.push(await Connection.open(this.#options.port))
  }

  async runClosed(durationMs: number): Promise<void> {
    const endsAtMs = performance.now() + durationMs
    const run = async (lane: Connection): Promise<void> => {
      // oxlint-disable-next-line no-await-in-loop
      while (performance.now() < endsAtMs) await this.#send(lane, this.#due(performance.now()))
    }
    await Promise.all(this.#lanes.map(run))
    for (const lane of this.#lanes) lane.close()
  }

  async runOpen(steps: readonly LoadStep[]): Promise<void> {
    const free = [...this.#lanes]
    const give = (lane: Connection): void => {
      const due = this.#waiting.shift()
      if (due === undefined) free.push(lane)
      else void this.#send(lane, due).then(() => give(lane))
    }
    let dueMs = performance.now()
    for (const { eventsPerSecond, durationMs } of steps) {
      const gapMs = (this.#options.size / eventsPerSecond) * 1_000
      const endsAtMs = dueMs + durationMs
      while (dueMs < endsAtMs) {
        for (; dueMs <= performance.now() && dueMs < endsAtMs; dueMs += gapMs) {
          this.#waiting.push(this.#due(dueMs))
          const lane = free.pop()
          if (lane !== undefined) give(lane)
        }
        // oxlint-disable-next-line no-await-in-loop
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
    }
    const endsAtMs = performance.now() + answerMs
    while (this.#atWork + this.#waiting.length > 0 && performance.now() < endsAtMs)
      // oxlint-disable-next-line no-await-in-loop
      await new Promise((resolve) => setTimeout(resolve, 5))
    this.#lost += this.#waiting.length
    for (const lane of this.#lanes) lane.close()
  }

  result(seconds: number): LoadResult {
    const sorted = Float64Array.from(this.#latencies).toSorted()
    const at = (share: number): number =>
      sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
    return {
      acknowledgedEvents: this.acknowledged.length * this.#options.size,
      seconds,
      statuses: this.#statuses,
      latency: { p50: at(0.5), p99: at(0.99), max: at(1) },
      lost: this.#lost,
    }
  }

  #due(dueMs: number): Due {
    const first = this.#next
    this.#next += this.#options.size
    return { first, dueMs }
  }

  async #send(lane: Connection, { first, dueMs }: Due): Promise<void> {
    this.#atWork++
    const status = await lane.send(this.#request.bytesOf(first))
    this.#atWork--
    if (status === undefined) {
      this.#lost++
      return
    }
    this.#statuses[status] = (this.#statuses[status] ?? 0) + 1
    if (status !== 200) return
    this.acknowledged.push(first)
    this.#latencies.push(performance.now() - dueMs)
  }
}

/** One connection with at most one request at work. */
class Connection {
  readonly #socket: Socket
  #received = ''
  #answered: ((status: number | undefined) => void) | undefined
  #isBroken = false

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.setEncoding('latin1')
    socket.on('data', (text) => this.#receive(String(text)))
    for (const name of ['error', 'close'] as const) socket.on(name, () => this.#break())
  }

  static open(port: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => resolve(new Connection(socket)))
      socket.once('error', reject)
    })
  }

  /** The status; undefined when the connection broke. */
  send(bytes: Uint8Array): Promise<number | undefined> {
    return new Promise((resolve) => {
      if (this.#isBroken) return resolve(undefined)
      this.#answered = resolve
      this.#socket.write(bytes)
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #receive(text: string): void {
    this.#received = this.#received === '' ? text : this.#received + text
    const end = this.#received.indexOf('\r\n\r\n')
    if (end < 0) return
    const length = Number(/content-length: (\d+)/i.exec(this.#received.slice(0, end))?.[1] ?? 0)
    if (this.#received.length < end + 4 + length) return
    const status = Number(this.#received.slice(9, 12))
    this.#received = ''
    this.#answer(status)
  }

  #break(): void {
    this.#isBroken = true
    this.#answer(undefined)
  }

  #answer(status: number | undefined): void {
    const answered = this.#answered
    this.#answered = undefined
    answered?.(status)
  }
}

/** A request whose numbers are written into a copy: making bodies must not be what is measured. */
class RequestTemplate {
  readonly #bytes: Buffer
  readonly #places: readonly number[]

  constructor({ port, key, size }: LoadOptions) {
    const mark = '#'.repeat(digits)
    const events = Array.from(
      { length: size },
      () =>
        `{"id":"bench-${mark}","event":"clicked","anonymous_id":"visitor-${mark}","occurred_at":"${new Date().toISOString()}","properties":{"product":"p-17","price":1990,"list":"home","position":3,"tags":["new","sale"]},"context":{"library":{"name":"bench","version":"1"},"locale":"en","page":{"path":"/products/1","url":"https://shop.example/products/1","title":"${'A product '.repeat(20)}"}}}`,
    )
    const body = `{"events":[${events.join(',')}]}`
    this.#bytes = Buffer.from(
      `POST /v1/events HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    )
    const places: number[] = []
    for (let at = this.#bytes.indexOf(mark); at >= 0; at = this.#bytes.indexOf(mark, at + digits))
      places.push(at)
    this.#places = places
  }

  bytesOf(first: number): Uint8Array {
    const bytes = Buffer.from(this.#bytes)
    for (let index = 0; index < this.#places.length; index += 2) {
      const number = first + index / 2
      bytes.write(String(number).padStart(digits, '0'), this.#places[index]!, 'latin1')
      bytes.write(String(number % 5_000).padStart(digits, '0'), this.#places[index + 1]!, 'latin1')
    }
    return bytes
  }
}

if (import.meta.main) {
  const result = await sendLoad(JSON.parse(process.argv[2]!) as LoadOptions)
  process.stdout.write(`${JSON.stringify(result)}\n`)
}

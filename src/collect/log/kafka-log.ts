/**
 * The log as a Kafka topic, one sequence for each partition. A partition has one batch on its way at a time, acknowledged by all replicas in sync; what arrives
 * meanwhile makes up the next one. A position is the offset of the next record. Retention is the topic's own.
 *
 * Nothing is connected before the first append or read: a broker that is away refuses those, with a retry, and not the start.
 */
import { Admin, Consumer, ListOffsetTimestamps, ProduceAcks, Producer } from '@platformatic/kafka'
import { sleep } from '../../base/bounded.ts'
import { MaruError, assert, isMaruError, messageOf } from '../../base/errors.ts'
import type { LogBatch, LogPosition, LogReader, LogRecord, LogWriter, NewRecord } from '../log.ts'
import { recordBytesMax } from './frame.ts'

export interface KafkaOptions {
  /** `host:port` of some of the brokers. */
  readonly brokers: readonly string[]
  readonly topic: string
  /** How long a request may go unanswered. Default 15 s. */
  readonly timeoutMs?: number
}

export interface KafkaLogOptions extends KafkaOptions {
  /** The topic is created with as many when it is missing. */
  readonly partitions: number
  /** Default 64 MiB. */
  readonly waitingBytesMax?: number
}

export interface KafkaReaderOptions extends KafkaOptions {
  readonly name: string
}

const mebibyte = 1024 * 1024
const batchBytesMax = mebibyte
const pollMs = 50
/** Weight of the newest batch in the moving average. */
const syncWeight = 0.2

export function openKafkaLog(options: KafkaLogOptions): Promise<LogWriter> {
  return Promise.resolve(new KafkaLog(options))
}

export function openKafkaReader(options: KafkaReaderOptions): Promise<LogReader> {
  return Promise.resolve(new KafkaReader(options))
}

function clientOptions(
  options: KafkaOptions,
  clientId: string,
): {
  clientId: string
  bootstrapBrokers: string[]
  timeout: number
  requestTimeout: number
  connectTimeout: number
  retries: number
  retryDelay: number
} {
  const timeoutMs = options.timeoutMs ?? 15_000
  return {
    clientId,
    bootstrapBrokers: [...options.brokers],
    timeout: timeoutMs,
    requestTimeout: timeoutMs,
    connectTimeout: timeoutMs,
    retries: 1,
    retryDelay: 200,
  }
}

interface Waiting {
  readonly records: readonly LogRecord[]
  readonly bytes: number
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

interface Lane {
  readonly waiting: Waiting[]
  draining?: Promise<void>
}

class KafkaLog implements LogWriter {
  readonly #options: KafkaLogOptions
  readonly #producer: Producer
  readonly #lanes = new Map<number, Lane>()
  #topicReady: Promise<void> | undefined
  #waitingBytes = 0
  #syncMs = 0
  #isClosed = false

  constructor(options: KafkaLogOptions) {
    this.#options = options
    this.#producer = new Producer(clientOptions(options, 'maru-log'))
  }

  get pressure(): LogWriter['pressure'] {
    return { waitingBytes: this.#waitingBytes, syncMs: this.#syncMs }
  }

  async append(given: readonly NewRecord[]): Promise<void> {
    assert(!this.#isClosed, 'nothing is appended to a log that was closed')
    const records = given.map(whole)
    const bytes = bytesOf(records)
    const bytesMax = this.#options.waitingBytesMax ?? 64 * mebibyte
    if (this.#waitingBytes > 0 && this.#waitingBytes + bytes > bytesMax) {
      throw new MaruError('LOG_BUSY', `${this.#waitingBytes} bytes wait to be sent to the broker`, {
        hint: 'try again after a moment; if it stays so, the broker is too slow for what arrives',
        retry: 'later',
      })
    }
    this.#waitingBytes += bytes
    const parts = Map.groupBy(records, ({ partition }) => partition)
    const sent = [...parts].map(([partition, part]) => this.#wait(partition, part))
    // Whoever tries again begins when nothing of this append is on its way any more.
    const results = await Promise.allSettled(sent)
    this.#waitingBytes -= bytes
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const lane of this.#lanes.values()) await lane.draining
    await this.#producer.close(true)
  }

  #wait(partition: number, records: readonly LogRecord[]): Promise<void> {
    const { partitions } = this.#options
    assert(partition < partitions, `partition ${partition} of a log of ${partitions}`)
    const lane = this.#lanes.get(partition) ?? { waiting: [] }
    this.#lanes.set(partition, lane)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    lane.waiting.push({ records, bytes: bytesOf(records), resolve, reject })
    lane.draining ??= this.#drain(partition, lane)
    return promise
  }

  async #drain(partition: number, lane: Lane): Promise<void> {
    while (lane.waiting.length > 0) {
      const batch = takeBatch(lane.waiting)
      try {
        await this.#send(
          partition,
          batch.flatMap(({ records }) => records),
        )
        for (const { resolve } of batch) resolve()
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    delete lane.draining
  }

  async #send(partition: number, records: readonly LogRecord[]): Promise<void> {
    const { topic, brokers } = this.#options
    const startedAtMs = performance.now()
    try {
      await this.#ensureTopic()
      await this.#producer.send({
        acks: ProduceAcks.ALL,
        idempotent: false,
        messages: records.map(({ bytes }) => ({ topic, partition, value: asBuffer(bytes) })),
      })
    } catch (error) {
      throw brokerError(brokers, error)
    }
    const tookMs = performance.now() - startedAtMs
    this.#syncMs = this.#syncMs === 0 ? tookMs : this.#syncMs + syncWeight * (tookMs - this.#syncMs)
  }

  async #ensureTopic(): Promise<void> {
    this.#topicReady ??= ensureTopic(this.#options)
    try {
      await this.#topicReady
    } catch (error) {
      this.#topicReady = undefined
      throw error
    }
  }
}

/** Several appends as one batch; one that is larger goes alone. */
function takeBatch(waiting: Waiting[]): readonly Waiting[] {
  let bytes = 0
  let count = 0
  for (const one of waiting) {
    if (count > 0 && bytes + one.bytes > batchBytesMax) break
    bytes += one.bytes
    count++
  }
  return waiting.splice(0, count)
}

async function ensureTopic(options: KafkaLogOptions): Promise<void> {
  const { topic, partitions } = options
  const admin = new Admin(clientOptions(options, 'maru-log'))
  try {
    if (!(await admin.listTopics()).includes(topic)) {
      const configs = [{ name: 'max.message.bytes', value: String(recordBytesMax + mebibyte) }]
      await admin
        .createTopics({ topics: [topic], partitions, replicas: -1, configs })
        .catch(ifThere)
    }
    const metadata = await admin.metadata({ topics: [topic], forceUpdate: true })
    const count = metadata.topics.get(topic)?.partitionsCount ?? 0
    if (count < partitions) {
      throw new MaruError('PROJECT_CONFIG', `the topic ${topic} has ${count} partitions`, {
        hint: `raise them to ${partitions}, or name another topic`,
      })
    }
  } finally {
    await admin.close()
  }
}

/** Another process may have created the topic first. */
function ifThere(error: unknown): void {
  if (!apiCodes(error).includes('TOPIC_ALREADY_EXISTS')) throw error
}

class KafkaReader implements LogReader {
  readonly log: string
  readonly #options: KafkaReaderOptions
  readonly #consumer: Consumer
  readonly #admin: Admin
  #isTopicThere = false
  /** Up to where each partition was read when its end was reached. */
  readonly #tails = new Map<number, bigint>()
  /** The client keeps one fetch session with a broker, so one fetch goes at a time. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: KafkaReaderOptions) {
    this.log = `kafka ${options.topic}`
    this.#options = options
    this.#consumer = new Consumer({
      ...clientOptions(options, `maru-${options.name}`),
      groupId: `maru-${options.name}`,
    })
    this.#consumer.topics.track(options.topic)
    this.#admin = new Admin(clientOptions(options, `maru-${options.name}`))
  }

  async sequences(): Promise<readonly string[]> {
    const ends = await this.#offsets(ListOffsetTimestamps.LATEST)
    return ends.map((_, partition) => String(partition))
  }

  async read(
    sequence: string,
    options: { readonly position: LogPosition | undefined; readonly bytesMax: number },
  ): Promise<LogBatch> {
    const partition = Number(sequence)
    const from =
      options.position === undefined
        ? (await this.#offsets(ListOffsetTimestamps.EARLIEST))[partition]
        : BigInt(options.position)
    if (from === undefined) return { records: [], position: undefined, atEnd: true }
    const fetched = this.#last.then(() => this.#fetch(partition, from, options.bytesMax))
    // The next fetch goes on whatever became of this one; its own caller hears of it.
    this.#last = fetched.catch(() => undefined)
    return fetched
  }

  async waitForMore(options: {
    readonly timeoutMs: number
    readonly signal?: AbortSignal
  }): Promise<void> {
    const endsAtMs = performance.now() + options.timeoutMs
    for (;;) {
      const ends = await this.#offsets(ListOffsetTimestamps.LATEST)
      if (ends.some((end, partition) => end > (this.#tails.get(partition) ?? 0n))) return
      const leftMs = endsAtMs - performance.now()
      if (leftMs <= 0) return
      await sleep(Math.min(pollMs, leftMs), options.signal)
    }
  }

  /** The topic keeps what its own retention says. */
  release(): Promise<void> {
    return Promise.resolve()
  }

  async close(): Promise<void> {
    await this.#consumer.close(true)
    await this.#admin.close()
  }

  async #fetch(partition: number, from: bigint, bytesMax: number): Promise<LogBatch> {
    const { topic, brokers } = this.#options
    try {
      const metadata = await this.#consumer.metadata({ topics: [topic] })
      const { id, partitions } = metadata.topics.get(topic)!
      const wanted = {
        partition,
        currentLeaderEpoch: -1,
        fetchOffset: from,
        lastFetchedEpoch: -1,
        partitionMaxBytes: bytesMax,
      }
      const response = await this.#consumer.fetch({
        node: partitions[partition]!.leader,
        topics: [{ topicId: id, partitions: [wanted] }],
        maxWaitTime: 0,
        minBytes: 0,
        maxBytes: bytesMax,
      })
      const answers = response.responses.flatMap((answer) => answer.partitions)
      const answer = answers.find(({ partitionIndex }) => partitionIndex === partition)
      return this.#batch(partition, { from, bytesMax, batches: answer?.records ?? [] }, answer)
    } catch (error) {
      if (apiCodes(error).includes('OFFSET_OUT_OF_RANGE')) throw expired(topic, partition, from)
      throw brokerError(brokers, error)
    }
  }

  /** A broker gives whole batches: those that begin before `from`, and more than was asked for. Without an answer nothing is new in the session. */
  #batch(
    partition: number,
    read: {
      readonly from: bigint
      readonly bytesMax: number
      readonly batches: readonly {
        readonly firstOffset: bigint
        readonly lastOffsetDelta: number
        readonly records: readonly { readonly offsetDelta: number; readonly value: Buffer | null }[]
      }[]
    },
    answer: { readonly highWatermark: bigint } | undefined,
  ): LogBatch {
    const records: LogRecord[] = []
    let next = read.from
    let bytes = 0
    for (const batch of read.batches) {
      for (const { offsetDelta, value } of batch.records) {
        const offset = batch.firstOffset + BigInt(offsetDelta)
        const size = value?.length ?? 0
        if (offset < next) continue
        if (records.length > 0 && bytes + size > read.bytesMax)
          return { records, position: String(next), atEnd: false }
        records.push({ partition, bytes: value ?? Buffer.alloc(0) })
        bytes += size
        next = offset + 1n
      }
    }
    const atEnd = next >= (answer?.highWatermark ?? next)
    if (atEnd) this.#tails.set(partition, next)
    return { records, position: String(next), atEnd }
  }

  /** By partition; none while there is no topic. */
  async #offsets(timestamp: bigint): Promise<readonly bigint[]> {
    const { topic, brokers } = this.#options
    try {
      this.#isTopicThere ||= (await this.#admin.listTopics()).includes(topic)
      if (!this.#isTopicThere) return []
      const offsets = await this.#consumer.listOffsets({ topics: [topic], timestamp })
      return offsets.get(topic) ?? []
    } catch (error) {
      throw brokerError(brokers, error)
    }
  }
}

function bytesOf(records: readonly LogRecord[]): number {
  return records.reduce((sum, { bytes }) => sum + bytes.length, 0)
}

/** A message has one value. */
function whole({ partition, bytes, body }: NewRecord): LogRecord {
  return { partition, bytes: body === undefined ? bytes : Buffer.concat([bytes, body]) }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function expired(topic: string, partition: number, offset: bigint): MaruError {
  return new MaruError(
    'LOG_EXPIRED',
    `partition ${partition} of ${topic} has no offset ${offset}: retention removed it, or the topic was made anew`,
    { hint: 'raise the retention of the topic; go on from its oldest record' },
  )
}

function brokerError(brokers: readonly string[], error: unknown): unknown {
  if (isMaruError(error)) return error
  const codes = apiCodes(error)
  return new MaruError(
    'LOG_UNREACHABLE',
    `the broker ${brokers.join(', ')} refuses or does not answer: ${[messageOf(error), ...codes].join(', ')}`,
    {
      hint: 'look whether the broker runs, and its address and limits are right',
      retry: codes.includes('MESSAGE_TOO_LARGE') ? 'never' : 'later',
      cause: error,
    },
  )
}

/** The protocol's names for what went wrong, anywhere in an error of the client. */
function apiCodes(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return []
  const own = 'apiId' in error && typeof error.apiId === 'string' ? [error.apiId] : []
  const inner: unknown[] = 'errors' in error && Array.isArray(error.errors) ? error.errors : []
  return [...own, ...inner.flatMap(apiCodes), ...apiCodes(error.cause)]
}

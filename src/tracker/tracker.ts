/**
 * What every generated tracker holds: a queue that outlives pages and outages, sent in batches. It stands alone, because its text is copied into the
 * generated file, and runs in browsers and in Node. An event leaves the queue only when the collector answered for it; ids make sending twice harmless.
 */
export interface TrackerOptions {
  /** Where the collector listens: `https://events.shop.example`. */
  readonly url: string
  readonly writeKey: string
  /** How long an event waits for others, default 1,000. */
  readonly waitMs?: number
  /** Events kept while the collector cannot be reached, default 1,000; beyond it the oldest are dropped. */
  readonly queueMax?: number
  /** Told of each event that is given up. */
  readonly onDrop?: (event: TrackedEvent, why: string) => void
}

/** Who an event is of, where it is not the visitor of this tracker: on a server. */
export interface Who {
  readonly anonymousId?: string
  readonly memberId?: string
}

export interface TrackedEvent {
  readonly id: string
  readonly kind: string
  readonly event?: string
  readonly occurred_at: string
  readonly anonymous_id?: string | undefined
  readonly member_id?: string | undefined
  readonly previous_id?: string | undefined
  readonly properties: object
}

export interface Client {
  /** The visitor is this member from now on. */
  identify(memberId: string, traits?: object): void
  /** `previousId` is the same person as `memberId`. */
  alias(memberId: string, previousId: string): void
  page(properties?: object): void
  /** Signed out, or another person at the same device: a new visitor. */
  reset(): void
  /** Sends what waits; resolves when all is answered for, or the collector cannot take it now. */
  flush(): Promise<void>
  /** Sends what waits, then stops. Events that could not be sent stay in a browser's storage. */
  close(): Promise<void>
}

interface Sender extends Client {
  send(event: Pick<TrackedEvent, 'kind' | 'event' | 'previous_id' | 'properties'>, who?: Who): void
}

interface Storage {
  readonly length: number
  key(index: number): string | null
  getItem(key: string): string | null
  setItem(key: string, value: string): void
  removeItem(key: string): void
}

interface Surroundings {
  readonly localStorage?: Storage
  readonly navigator?: { sendBeacon?(url: string, body: string): boolean }
  addEventListener?(name: string, listener: () => void): void
  removeEventListener?(name: string, listener: () => void): void
}

interface Outcome {
  /** By id; an event that is not here stays. */
  readonly done: ReadonlyMap<string, string | undefined>
  readonly waitMs?: number
  readonly smaller?: boolean
}

const batchMax = 50
// What browsers let a page send while it goes away is 64 KiB.
const batchBytesMax = 60_000
const requestMs = 10_000
const retryMsMin = 500
const retryMsMax = 60_000
const prefix = 'maru.queue.'

export function createClient(options: TrackerOptions): Sender {
  const around = globalThis as unknown as Surroundings
  const storage = storageOf(around)
  const outbox = new Outbox(options, storage)
  let anonymousId = storage?.getItem('maru.anonymous') ?? newId()
  let memberId = storage?.getItem('maru.member') ?? undefined
  const keep = (): void => {
    keepIn(storage, 'maru.anonymous', anonymousId)
    keepIn(storage, 'maru.member', memberId)
  }
  keep()
  const hide = (): void => outbox.hide(around)
  around.addEventListener?.('pagehide', hide)
  const send: Sender['send'] = (event, who) =>
    outbox.add({
      id: newId(),
      occurred_at: new Date().toISOString(),
      anonymous_id: who === undefined ? anonymousId : who.anonymousId,
      member_id: who === undefined ? memberId : who.memberId,
      ...event,
    })
  return {
    send,
    flush: () => outbox.flush(),
    identify: (id, properties = {}) => {
      memberId = id
      keep()
      send({ kind: 'identify', properties })
    },
    alias: (id, previous_id) => {
      memberId = id
      keep()
      send({ kind: 'alias', previous_id, properties: {} })
    },
    page: (properties = {}) => send({ kind: 'page', properties }),
    reset: () => {
      anonymousId = newId()
      memberId = undefined
      keep()
    },
    close: async () => {
      around.removeEventListener?.('pagehide', hide)
      await outbox.close()
    },
  }
}

class Outbox {
  readonly #options: TrackerOptions
  readonly #storage: Storage | undefined
  readonly #url: string
  readonly #key: string = prefix + newId()
  readonly #queue: TrackedEvent[]
  #timer: ReturnType<typeof setTimeout> | undefined
  #sending: Promise<void> | undefined
  #failures = 0
  #countMax = batchMax
  #closed = false

  constructor(options: TrackerOptions, storage: Storage | undefined) {
    this.#options = options
    this.#storage = storage
    this.#url = `${options.url.replace(/\/+$/, '')}/v1/events`
    this.#queue = adopt(storage)
    if (this.#queue.length > 0) this.#keep()
    if (this.#queue.length > 0) this.#later(0)
  }

  add(event: TrackedEvent): void {
    if (this.#closed) return
    this.#queue.push(event)
    while (this.#queue.length > (this.#options.queueMax ?? 1_000))
      this.#options.onDrop?.(this.#queue.shift()!, 'queue_full')
    this.#keep()
    this.#later(this.#options.waitMs ?? 1_000)
  }

  flush(): Promise<void> {
    return (this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined
    }))
  }

  /** The answer will not be heard, so the events stay: the next page sends them again and the collector knows them by their ids. */
  hide(around: Surroundings): void {
    const batch = firstOf(this.#queue, batchMax)
    if (batch.length > 0) around.navigator?.sendBeacon?.(this.#url, this.#body(batch))
  }

  async close(): Promise<void> {
    await this.flush()
    // What arrived while an earlier flush was ending.
    await this.flush()
    this.#closed = true
    clearTimeout(this.#timer)
  }

  async #sendAll(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = firstOf(this.#queue, this.#countMax)
      // oxlint-disable-next-line no-await-in-loop -- one request at a time keeps the order
      const outcome = await post(this.#url, this.#body(batch), batch)
      this.#settle(outcome)
      this.#countMax = outcome.smaller ? Math.max(1, batch.length >> 1) : batchMax
      if (outcome.waitMs !== undefined) {
        const backoffMs = Math.min(retryMsMax, retryMsMin * 2 ** this.#failures++)
        this.#later(Math.max(outcome.waitMs, backoffMs * (0.5 + Math.random() / 2)))
        return
      }
      this.#failures = 0
    }
  }

  #settle({ done }: Outcome): void {
    for (let index = this.#queue.length - 1; index >= 0; index--) {
      const event = this.#queue[index]!
      if (!done.has(event.id)) continue
      this.#queue.splice(index, 1)
      const why = done.get(event.id)
      if (why !== undefined) this.#options.onDrop?.(event, why)
    }
    this.#keep()
  }

  #later(waitMs: number): void {
    if (this.#closed || this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.flush()
    }, waitMs)
    // In Node a waiting event does not keep the process; close() sends it.
    if (typeof this.#timer === 'object') (this.#timer as { unref?(): void }).unref?.()
  }

  #keep(): void {
    const text = this.#queue.length === 0 ? undefined : JSON.stringify(this.#queue)
    keepIn(this.#storage, this.#key, text)
  }

  #body(events: readonly TrackedEvent[]): string {
    const { writeKey } = this.#options
    return JSON.stringify({ write_key: writeKey, sent_at: new Date().toISOString(), events })
  }
}

function keepIn(storage: Storage | undefined, key: string, value: string | undefined): void {
  try {
    if (value === undefined) storage?.removeItem(key)
    else storage?.setItem(key, value)
  } catch {
    // Storage is full or forbidden: what is in memory still holds.
  }
}

/** Plain text needs no question to the collector before it (CORS); the collector reads JSON whatever it is called. */
async function post(url: string, body: string, batch: readonly TrackedEvent[]): Promise<Outcome> {
  const none = new Map<string, undefined>()
  try {
    const answer = await fetch(url, {
      method: 'POST',
      body,
      keepalive: body.length < batchBytesMax,
      signal: AbortSignal.timeout(requestMs),
    })
    const text = await answer.text()
    if (answer.ok) return readResults(text)
    const waitMs = 1_000 * Math.min(600, Number(answer.headers.get('retry-after')) || 0)
    if (answer.status >= 500 || [408, 425, 429].includes(answer.status))
      return { done: none, waitMs }
    if (answer.status === 413 && batch.length > 1) return { done: none, smaller: true }
    return { done: new Map(batch.map(({ id }) => [id, `status ${answer.status}`])) }
  } catch {
    // No network, no answer in time, or an answer that is not the collector's: all of it again later.
    return { done: none, waitMs: 0 }
  }
}

function readResults(text: string): Outcome {
  const { results } = JSON.parse(text) as {
    readonly results: readonly {
      readonly id: string
      readonly result: string
      readonly rule?: string
    }[]
  }
  const done = new Map<string, string | undefined>()
  let again = false
  for (const { id, result, rule } of results)
    if (result === 'retry') again = true
    else done.set(id, result === 'quarantined' ? `quarantined: ${rule}` : undefined)
  return again || done.size === 0 ? { done, waitMs: 0 } : { done }
}

function firstOf(queue: readonly TrackedEvent[], countMax: number): readonly TrackedEvent[] {
  const batch: TrackedEvent[] = []
  let bytes = 200
  for (const event of queue.slice(0, countMax)) {
    bytes += JSON.stringify(event).length + 1
    if (batch.length > 0 && bytes > batchBytesMax) break
    batch.push(event)
  }
  return batch
}

/** What earlier pages, and pages still open, have not sent; sent twice it counts once. */
function adopt(storage: Storage | undefined): TrackedEvent[] {
  const queue: TrackedEvent[] = []
  for (let index = (storage?.length ?? 0) - 1; index >= 0; index--) {
    const key = storage!.key(index)
    if (!key?.startsWith(prefix)) continue
    try {
      queue.push(...(JSON.parse(storage!.getItem(key) ?? '[]') as readonly TrackedEvent[]))
    } catch {
      // Not what a tracker wrote: nothing to send.
    }
    storage!.removeItem(key)
  }
  return queue
}

function storageOf(around: Surroundings): Storage | undefined {
  // A server has no visitor of its own, and Node's own storage is not meant.
  if (around.addEventListener === undefined) return undefined
  try {
    return around.localStorage
  } catch {
    // The visitor forbids it.
    return undefined
  }
}

/** A UUID of version 4; `crypto.randomUUID` is missing on pages without TLS. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[6] = (bytes[6]! & 15) | 64
  bytes[8] = (bytes[8]! & 63) | 128
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

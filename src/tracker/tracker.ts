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
  const url = `${options.url.replace(/\/+$/, '')}/v1/events`
  const queueMax = options.queueMax ?? 1_000
  const ownKey = prefix + newId()
  const queue = adopt(storage)
  let anonymousId = storage?.getItem('maru.anonymous') ?? newId()
  let memberId = storage?.getItem('maru.member') ?? undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let sending: Promise<void> | undefined
  let failures = 0
  let countMax = batchMax
  let closed = false

  const drop = (event: TrackedEvent, why: string): void => options.onDrop?.(event, why)
  const save = (): void => {
    try {
      storage?.setItem('maru.anonymous', anonymousId)
      if (memberId === undefined) storage?.removeItem('maru.member')
      else storage?.setItem('maru.member', memberId)
      if (queue.length === 0) storage?.removeItem(ownKey)
      else storage?.setItem(ownKey, JSON.stringify(queue))
    } catch {
      // Storage is full or forbidden: the queue in memory still holds.
    }
  }
  const later = (waitMs: number): void => {
    if (closed || timer !== undefined) return
    timer = setTimeout(() => {
      timer = undefined
      void flush()
    }, waitMs)
    // In Node a waiting event does not keep the process; close() does.
    if (typeof timer === 'object') (timer as { unref?(): void }).unref?.()
  }
  const bodyOf = (events: readonly TrackedEvent[]): string =>
    JSON.stringify({
      write_key: options.writeKey,
      sent_at: new Date().toISOString(),
      events,
    })
  const settle = ({ done }: Outcome): void => {
    for (let index = queue.length - 1; index >= 0; index--) {
      const event = queue[index]!
      if (!done.has(event.id)) continue
      queue.splice(index, 1)
      const why = done.get(event.id)
      if (why !== undefined) drop(event, why)
    }
    save()
  }
  const sendAll = async (): Promise<void> => {
    while (queue.length > 0) {
      const batch = firstOf(queue, countMax)
      // oxlint-disable-next-line no-await-in-loop -- one request at a time keeps the order
      const outcome = await post(url, bodyOf(batch), batch)
      settle(outcome)
      countMax = outcome.smaller ? Math.max(1, batch.length >> 1) : batchMax
      if (outcome.waitMs !== undefined) {
        const backoffMs = Math.min(retryMsMax, retryMsMin * 2 ** failures++)
        return later(Math.max(outcome.waitMs, backoffMs * (0.5 + Math.random() / 2)))
      }
      failures = 0
    }
  }
  const flush = (): Promise<void> =>
    (sending ??= sendAll().finally(() => {
      sending = undefined
    }))
  /** The answer will not be heard, so the events stay: the next page sends them again and the collector knows them by their ids. */
  const hide = (): void => {
    const batch = firstOf(queue, batchMax)
    if (batch.length > 0) around.navigator?.sendBeacon?.(url, bodyOf(batch))
  }
  around.addEventListener?.('pagehide', hide)
  const send: Sender['send'] = (event, who) => {
    if (closed) return
    queue.push({
      id: newId(),
      occurred_at: new Date().toISOString(),
      anonymous_id: who === undefined ? anonymousId : who.anonymousId,
      member_id: who === undefined ? memberId : who.memberId,
      ...event,
    })
    while (queue.length > queueMax) drop(queue.shift()!, 'queue_full')
    save()
    later(options.waitMs ?? 1_000)
  }
  if (queue.length > 0) later(0)
  return {
    send,
    flush,
    identify: (id, properties = {}) => {
      memberId = id
      send({ kind: 'identify', properties })
    },
    alias: (id, previous_id) => {
      memberId = id
      send({ kind: 'alias', previous_id, properties: {} })
    },
    page: (properties = {}) => send({ kind: 'page', properties }),
    reset: () => {
      anonymousId = newId()
      memberId = undefined
      save()
    },
    close: async () => {
      await flush()
      // What arrived while an earlier flush was ending.
      await flush()
      closed = true
      clearTimeout(timer)
      around.removeEventListener?.('pagehide', hide)
    },
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

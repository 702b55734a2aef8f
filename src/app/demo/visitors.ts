/**
 * Simulated visitors of the shop: sessions that search, look, put into the cart and sometimes log in, sent over HTTP as a browser's client would. The same seed
 * gives the same events in the same order, and the same ids; only the times are those of sending.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { MaruError } from '../../base/errors.ts'

export interface VisitOptions {
  /** Of the collector, such as `http://127.0.0.1:8780`. */
  readonly url: string
  readonly writeKey: string
  readonly seed: number
  /** Events a second. */
  readonly rate: number
  readonly durationMs: number
  /** When a sale starts, from the beginning: three times the events from then on, most of them from the sale's list. Absent: no sale. */
  readonly saleAfterMs?: number
  /** The shop's products and members have the numbers from 1 on. */
  readonly products: number
  readonly members: number
  readonly signal?: AbortSignal
}

export interface Visited {
  readonly sent: number
  readonly views: number
  /** When the last request was answered. */
  readonly lastSentAtMs: number
}

export interface VisitEvent {
  readonly id: string
  readonly kind: 'track' | 'identify'
  readonly event?: string
  readonly anonymous_id: string
  readonly member_id?: string
  readonly properties: Readonly<Record<string, string | number>>
}

const batchMs = 200
const saleFactor = 3
const retriesMax = 20
const productViewed = 'product viewed'

/** Sends at an even rate until the time is over. Throws USAGE when an event is refused or nobody answers. */
export async function visitShop(options: VisitOptions): Promise<Visited> {
  const events = visitorEvents(options)
  const batches = Math.ceil(options.durationMs / batchMs)
  const startedAtMs = performance.now()
  let sent = 0
  let views = 0
  for (let index = 0; index < batches; index++) {
    options.signal?.throwIfAborted()
    const isSale = isSaleAt(index * batchMs, options)
    const count = Math.round((options.rate * (isSale ? saleFactor : 1) * batchMs) / 1_000)
    const batch = Array.from({ length: count }, () => events.next({ isSale }))
    // oxlint-disable-next-line no-await-in-loop -- the next batch is not due
    await send(options, batch)
    sent += batch.length
    views += batch.filter(({ event }) => event === productViewed).length
    const dueInMs = startedAtMs + (index + 1) * batchMs - performance.now()
    // oxlint-disable-next-line no-await-in-loop
    if (dueInMs > 0) await wait(dueInMs)
  }
  return { sent, views, lastSentAtMs: Date.now() }
}

function isSaleAt(atMs: number, { saleAfterMs }: VisitOptions): boolean {
  return saleAfterMs !== undefined && atMs >= saleAfterMs
}

/** What the visitors do, one event after the other. */
export function visitorEvents(options: Pick<VisitOptions, 'seed' | 'products' | 'members'>): {
  next(now: { readonly isSale: boolean }): VisitEvent
} {
  const { seed, products, members } = options
  const random = randomOf(seed)
  const below = (count: number): number => Math.floor(random() * count)
  const pick = (texts: readonly string[]): string => texts[below(texts.length)]!
  let events = 0
  let visitors = 0
  // As many sessions are open as a small shop has at once; each ends after some steps.
  const open = Array.from({ length: 50 }, () => ({
    visitor: ++visitors,
    member: 0,
    left: below(12) + 1,
  }))
  return {
    next: ({ isSale }) => {
      const place = below(open.length)
      let session = open[place]!
      if (session.left-- <= 0)
        open[place] = session = { visitor: ++visitors, member: 0, left: below(12) + 1 }
      const common = {
        id: `${seed}-${++events}`,
        anonymous_id: `visitor-${seed}-${session.visitor}`,
        ...(session.member === 0 ? {} : { member_id: String(session.member) }),
      }
      const track = (event: string, properties: VisitEvent['properties']): VisitEvent => ({
        ...common,
        kind: 'track',
        event,
        properties,
      })
      const chance = random()
      // Few products get most of the looks.
      const product_id = 1 + Math.floor(products * random() ** 3)
      if (session.member === 0 && chance < 0.05) {
        session.member = 1 + below(members)
        return { ...common, kind: 'identify', member_id: String(session.member), properties: {} }
      }
      const list = isSale && random() < 0.7 ? 'sale' : pick(['search', 'category'])
      if (chance < 0.2) return track('searched', { query: pick(searches), results: below(200) })
      if (chance < 0.4)
        return track('product clicked', { product_id, list, position: below(40) + 1 })
      if (chance < 0.5) return track('cart added', { product_id, quantity: below(3) + 1 })
      return track(productViewed, { product_id, came_from: list === 'category' ? 'list' : list })
    },
  }
}

const searches = ['running shoes', 'linen shirt', 'rain coat', 'wool socks', 'backpack']

/** Numbers in [0, 1) that a seed decides (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Again while the collector is away or busy, with the same ids: it keeps each once. */
async function send(options: VisitOptions, events: readonly VisitEvent[]): Promise<void> {
  if (events.length === 0) return
  const now = new Date().toISOString()
  const body = JSON.stringify({
    sent_at: now,
    events: events.map((event) => ({ ...event, occurred_at: now })),
  })
  let last = ''
  for (let attempt = 0; attempt < retriesMax; attempt++) {
    // oxlint-disable-next-line no-await-in-loop
    const answer = await post(options, body)
    if (answer === 'ok') return
    last = answer
    // oxlint-disable-next-line no-await-in-loop
    await wait(batchMs)
  }
  throw new MaruError('USAGE', `${options.url} does not take events: ${last}`, {
    hint: 'see that maru start runs, that the key is in force, and what its own messages say',
  })
}

async function post({ url, writeKey, signal }: VisitOptions, body: string): Promise<string> {
  try {
    const response = await fetch(`${url}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${writeKey}`, 'content-type': 'application/json' },
      body,
      ...(signal === undefined ? {} : { signal }),
    })
    const text = await response.text()
    if (response.status !== 200) return `${response.status} ${text}`
    const { results } = JSON.parse(text) as {
      readonly results: readonly { readonly result: string }[]
    }
    const refused = results.find(({ result }) => result !== 'ok' && result !== 'duplicate')
    return refused === undefined ? 'ok' : JSON.stringify(refused)
  } catch (error) {
    if (signal?.aborted === true) throw error
    return String(error)
  }
}

/**
 * From a request whose body has come to the record that is logged and the results that are answered once it is durable: key, rate, policy, judgement, lane. Nothing
 * waits here, and what the body was read to, which is large, is given up before anything does.
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { applyAddressPolicy, compileClientAddress } from './address.ts'
import type { ClientAddress } from './address.ts'
import { hashKey } from './compile-settings.ts'
import { isRecord } from './dialect/answers.ts'
import type { DialectRequest, EventResult, ReadEvent, Refusal } from './dialect.ts'
import type { FoundRoute } from './dialects.ts'
import type { Duplicates } from './duplicates.ts'
import { RateLimits } from './http/rate.ts'
import { compileJudge } from './judge.ts'
import type { Judge } from './judge.ts'
import { Lanes } from './lanes.ts'
import type { NewRecord } from './log.ts'
import { maskKey, queryWithoutKey } from './mask.ts'
import { parseBody, readJson } from './parse-body.ts'
import type { JsonBody } from './parse-body.ts'
import { applyPolicy, nativeBody } from './policy.ts'
import { encodeRequest } from './record.ts'
import type { RequestRecord, Verdict } from './record.ts'
import { actorOf, eventId } from './rows.ts'
import type { CollectSettings, SourceSettings } from './settings.ts'

export interface TakerOptions {
  /** Asked at each request. The same object means nothing changed. */
  readonly settings: () => CollectSettings
  readonly duplicates: Pick<Duplicates, 'has'>
  readonly lanes: number
  readonly now: () => number
}

export interface Call {
  readonly request: IncomingMessage
  readonly route: FoundRoute
  readonly read: DialectRequest
}

export interface Taken {
  readonly kind: 'taken'
  readonly source: string
  readonly receivedAtMs: number
  /** Absent: the policy leaves nothing of the request. */
  readonly record?: NewRecord
  /** Of the events that are in the record, and of all that were sent. */
  readonly kept: readonly EventResult[]
  readonly results: readonly EventResult[]
}

interface Sender {
  readonly source: SourceSettings
  readonly keyId: string
}

interface Compiled {
  readonly settings: CollectSettings
  readonly judge: Judge
  /** By SHA-256 of the key. */
  readonly senders: ReadonlyMap<string, Sender>
  /** By the key itself, once it was seen: a hash for each request costs more than all else about the key. */
  readonly seen: Map<string, Sender>
  readonly clientAddress: ClientAddress
}

const keysMax = 1_000

export class Taker {
  readonly #options: TakerOptions
  readonly #rates = new RateLimits(keysMax)
  readonly #lanes: Lanes
  #compiled: Compiled | undefined

  constructor(options: TakerOptions) {
    this.#options = options
    this.#lanes = new Lanes(options.lanes)
  }

  /** Overwrites the key in `bytes`. */
  take(call: Call, bytes: Buffer): Taken | Refusal {
    const { dialect } = call.route
    const body = readJson(bytes)
    if (call.request.method === 'POST' && body === undefined)
      return { kind: 'unreadable', reason: 'the body is no JSON, or of too many values' }
    const compiled = this.#compile()
    const key = dialect.readKey(call.read, body?.value)
    if (key === undefined) return { kind: 'no_key' }
    const sender = senderOf(compiled, key)
    if (sender === undefined) return { kind: 'bad_key' }
    const { value, json } = withoutKey(body, key)
    const query = queryWithoutKey(call.read.query, key)
    const sent = query === call.read.query ? call : { ...call, read: { ...call.read, query } }
    const events = dialect.readEvents(sent.read, value)
    const receivedAtMs = this.#options.now()
    const retryAfterSeconds = this.#waitSeconds(sender, events.length, receivedAtMs)
    if (retryAfterSeconds > 0) return { kind: 'rate_limited', retryAfterSeconds }
    return this.#judge(sent, { compiled, sender, events, json, receivedAtMs })
  }

  #judge(call: Call, found: Found): Taken {
    const { compiled, events, json, receivedAtMs } = found
    const { source } = found.sender
    const allowed = applyPolicy(events, source)
    const requestId = randomUUID()
    const { results, verdicts } = judgeEvents(allowed.events, {
      judge: compiled.judge,
      source,
      sentBytes: json.length,
      requestId,
      duplicates: this.#options.duplicates,
    })
    const { name } = source
    const taken: Taken = {
      kind: 'taken',
      source: name,
      receivedAtMs,
      kept: results,
      results: allowed.spread(results),
    }
    if (allowed.events.length === 0) return taken
    const { isRedacted } = allowed
    const { request, read } = call
    const record: RequestRecord = {
      requestId,
      receivedAtMs,
      source: name,
      catalog: compiled.settings.catalog,
      versions: compiled.judge.versionsOf(allowed.events),
      quarantined: verdicts,
      dialect: isRedacted ? 'native' : call.route.dialect.name,
      route: isRedacted ? 'events' : read.route,
      query: isRedacted || Object.keys(read.query).length === 0 ? undefined : read.query,
      address: addressOf(request, source, compiled.clientAddress),
      userAgent: request.headers['user-agent']?.slice(0, 500),
      body: isRedacted ? nativeBody(allowed.events) : json,
    }
    const partition = this.#laneOf(allowed.events, receivedAtMs)
    return { ...taken, record: { partition, ...encodeRequest(record) } }
  }

  /** 0: within the rate of the key. */
  #waitSeconds({ source, keyId }: Sender, count: number, nowMs: number): number {
    const { rateMax } = source
    if (rateMax === undefined) return 0
    return this.#rates.take(keyId, { perSecond: rateMax, burst: rateMax, count, nowMs })
  }

  #laneOf(events: readonly ReadEvent[], nowMs: number): number {
    const first = events.find((each) => each.kind === 'event')
    const actor = first === undefined ? undefined : actorOf(first.event)
    return this.#lanes.laneOf(actor, events.length, nowMs)
  }

  #compile(): Compiled {
    const settings = this.#options.settings()
    if (this.#compiled?.settings !== settings) {
      const senders = new Map(
        settings.sources.flatMap((source) =>
          source.keys.map(({ id, sha256 }) => [sha256, { source, keyId: id }] as const),
        ),
      )
      const clientAddress = compileClientAddress(settings.trustedProxies ?? [])
      this.#compiled = {
        settings,
        judge: compileJudge(settings),
        senders,
        seen: new Map(),
        clientAddress,
      }
    }
    return this.#compiled
  }
}

interface Found {
  readonly compiled: Compiled
  readonly sender: Sender
  readonly events: readonly ReadEvent[]
  readonly json: Buffer
  readonly receivedAtMs: number
}

function senderOf(compiled: Compiled, key: string): Sender | undefined {
  const known = compiled.seen.get(key)
  if (known !== undefined) return known
  const sender = compiled.senders.get(hashKey(key))
  if (sender !== undefined) compiled.seen.set(key, sender)
  return sender
}

interface Judged {
  readonly results: readonly EventResult[]
  readonly verdicts: readonly Verdict[]
}

function judgeEvents(
  events: readonly ReadEvent[],
  by: {
    readonly judge: Judge
    readonly source: SourceSettings
    readonly sentBytes: number
    readonly requestId: string
    readonly duplicates: Pick<Duplicates, 'has'>
  },
): Judged {
  const verdicts: Verdict[] = []
  const here = events.length === 1 ? undefined : new Set<string>()
  const results = events.map((each, index): EventResult => {
    const id = eventId(each.kind === 'event' ? each.event : each, by.requestId, index)
    const refused = by.judge.judge(each, by.source, by.sentBytes)
    if (refused !== undefined) {
      verdicts.push({ index, ...refused })
      return { id, result: 'quarantined', ...refused }
    }
    const isAgain = here !== undefined && here.size === here.add(id).size
    const isKnown = isAgain || by.duplicates.has(by.source.name, id)
    return { id, result: isKnown ? 'duplicate' : 'ok' }
  })
  return { results, verdicts }
}

function addressOf(
  request: IncomingMessage,
  source: SourceSettings,
  clientAddress: ClientAddress,
): string | undefined {
  if (source.address === 'remove') return undefined
  // Node joins headers of this name by commas.
  const forwarded = request.headers['x-forwarded-for'] as string | undefined
  return applyAddressPolicy(clientAddress(request.socket.remoteAddress, forwarded), source.address)
}

const noBody: JsonBody = { value: undefined, json: Buffer.alloc(0) }

/** Read again, unless the key stood only where the dialect takes it from. */
function withoutKey(body: JsonBody = noBody, key: string): JsonBody {
  const { value, json } = body
  const count = maskKey(json, key)
  const isField = isRecord(value) && Object.values(value).includes(key)
  return count === (isField ? 1 : 0) ? body : { value: parseBody(json), json }
}

/**
 * Snowplow's tracker protocol: `tp2` POST (payload_data/1-0-4) and the pixel GET. Trackers retry a 413 for ever and drop a 400, so a body that is too large is
 * answered 400, and every state that passes is 503.
 */
import type {
  Answer,
  Dialect,
  DialectRequest,
  IncomingEvent,
  ReadEvent,
  Refusal,
} from '../dialect.ts'
import { isRecord, json, keyOfAuthorization, retryAfter, textOf } from './answers.ts'

const pixel = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64')
const postPath = '/com.snowplowanalytics.snowplow/tp2'
const pixelPaths: ReadonlySet<string> = new Set(['/i', '/ice.png'])

type Payload = Readonly<Record<string, unknown>>

export const snowplowDialect: Dialect = {
  name: 'snowplow',
  match(method, path) {
    if (method === 'POST' && path === postPath) return { route: 'tp2' }
    return method === 'GET' && pixelPaths.has(path) ? { route: 'pixel' } : undefined
  },
  // Trackers know no key: a header or the query where they can be set, else the application id.
  readKey(request, body) {
    const [first] = payloadsOf(request, body)
    return (
      keyOfAuthorization(request.headers['authorization']) ??
      request.headers['x-write-key'] ??
      request.query['writeKey'] ??
      (isRecord(first) ? textOf(first['aid']) : undefined)
    )
  },
  readEvents: (request, body) => payloadsOf(request, body).map(readPayload),
  answer: (request): Answer =>
    request.route === 'pixel'
      ? {
          status: 200,
          headers: { 'content-type': 'image/gif', 'cache-control': 'no-store' },
          body: pixel,
        }
      : { status: 200, headers: { 'content-type': 'text/plain' }, body: 'ok' },
  refuse,
}

function payloadsOf(request: DialectRequest, body: unknown): readonly unknown[] {
  if (request.route === 'pixel') return [request.query]
  const payloads = isRecord(body) ? body['data'] : undefined
  return Array.isArray(payloads) ? payloads : [undefined]
}

function readPayload(payload: unknown): ReadEvent {
  if (!isRecord(payload)) return { kind: 'unreadable', reason: 'a payload is an object in "data"' }
  const id = textOf(payload['eid'])
  const said = saidBy(payload)
  if (typeof said === 'string')
    return { kind: 'unreadable', reason: said, ...(id === undefined ? {} : { id }) }
  const event = {
    id,
    ...said,
    anonymousId: textOf(payload['duid']) ?? textOf(payload['nuid']) ?? textOf(payload['tnuid']),
    memberId: textOf(payload['uid']),
    originalAt: textOf(payload['ttm']) ?? textOf(payload['dtm']),
    sentAt: textOf(payload['stm']),
    context: contextOf(payload),
  }
  return { kind: 'event', event }
}

/** What happened, or why that cannot be read. */
function saidBy(payload: Payload): Pick<IncomingEvent, 'kind' | 'name' | 'properties'> | string {
  switch (payload['e']) {
    case 'pv':
      return { kind: 'page', name: 'page', properties: picked(payload, pageNames) }
    case 'pp':
      return { kind: 'track', name: 'page_ping', properties: picked(payload, pageNames) }
    case 'se': {
      const name = textOf(payload['se_ac'])
      if (name === undefined) return 'a structured event has no action "se_ac"'
      return { kind: 'track', name, properties: picked(payload, structuredNames) }
    }
    case 'ue':
      return selfDescribing(payload)
    default:
      return '"e" is none of pv, pp, se, ue'
  }
}

const pageNames = { url: 'url', page: 'title', refr: 'referrer' } as const
const structuredNames = {
  se_ca: 'category',
  se_la: 'label',
  se_pr: 'property',
  se_va: 'value',
  url: 'url',
} as const

function picked(payload: Payload, names: Readonly<Record<string, string>>): Payload {
  return Object.fromEntries(
    Object.entries(names)
      .filter(([name]) => payload[name] !== undefined)
      .map(([name, word]) => [word, payload[name]]),
  )
}

/** `iglu:vendor/name/jsonschema/1-0-0`: the event is called by its schema's name. */
function selfDescribing(
  payload: Payload,
): Pick<IncomingEvent, 'kind' | 'name' | 'properties'> | string {
  const envelope = unpacked(payload['ue_pr'], payload['ue_px'])
  const inner = isRecord(envelope) ? envelope['data'] : undefined
  if (!isRecord(inner)) return 'a self-describing event has no readable "ue_pr" or "ue_px"'
  const [, name] = /^iglu:[^/]+\/([^/]+)\//.exec(textOf(inner['schema']) ?? '') ?? []
  if (name === undefined) return 'the schema of a self-describing event has no name'
  const properties = inner['data']
  return { kind: 'track', name, properties: isRecord(properties) ? properties : {} }
}

const saidElsewhere: ReadonlySet<string> = new Set([
  'eid',
  'e',
  'dtm',
  'ttm',
  'stm',
  'uid',
  'duid',
  'ue_pr',
  'ue_px',
  'co',
  'cx',
  'ua',
  'writeKey',
])

function contextOf(payload: Payload): Payload {
  const context: Record<string, unknown> = Object.fromEntries(
    Object.entries(payload).filter(([name]) => !saidElsewhere.has(name)),
  )
  if (typeof payload['ua'] === 'string') context['userAgent'] = payload['ua']
  const envelope = unpacked(payload['co'], payload['cx'])
  if (isRecord(envelope)) context['contexts'] = envelope['data']
  return context
}

function unpacked(plain: unknown, base64: unknown): unknown {
  const text =
    textOf(plain) ??
    (typeof base64 === 'string' ? Buffer.from(base64, 'base64url').toString('utf8') : undefined)
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch {
    // The caller says what could not be read.
    return undefined
  }
}

function refuse(why: Refusal): Answer {
  switch (why.kind) {
    case 'overloaded':
    case 'rate_limited':
    case 'stopping':
    case 'disk_full':
      return json(503, { error: why.kind }, retryAfter(why.retryAfterSeconds))
    case 'bad_key':
    case 'no_key':
    case 'revoked_key':
      return json(401, { error: why.kind })
    case 'unreadable':
      return json(400, { error: why.reason })
    case 'too_large':
      return json(400, { error: why.kind })
  }
}

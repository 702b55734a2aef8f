/** PostHog's capture API, the older one (`/batch/`, `/e/`) and v1 with a result for each event. A v1 client loses what is answered 429, so overload is 503. */
import type {
  Answer,
  Dialect,
  EventResult,
  IncomingEvent,
  ReadEvent,
  Refusal,
  Route,
} from '../dialect.ts'
import { isRecord, json, keyOfAuthorization, retryAfter, textOf } from './answers.ts'

const capturePaths: ReadonlySet<string> = new Set(['/batch', '/e', '/capture', '/track', '/i/v0/e'])
const v1Path = '/i/v1/analytics/events'

export const posthogDialect: Dialect = {
  name: 'posthog',
  match: matchRoute,
  readKey(request, body) {
    const list = Array.isArray(body) ? (body as readonly unknown[]) : [body]
    const first = list[0]
    const own = isRecord(first)
      ? (textOf(first['api_key']) ??
        textOf(first['token']) ??
        textOf(first['$token']) ??
        (isRecord(first['properties']) ? textOf(first['properties']['token']) : undefined))
      : undefined
    return keyOfAuthorization(request.headers['authorization']) ?? own ?? request.query['token']
  },
  readEvents({ route }, body) {
    const read = route === 'engage' ? readEngage : readEvent
    if (Array.isArray(body)) return body.map((each) => read(each, undefined))
    if (!isRecord(body)) return [{ kind: 'unreadable', reason: 'the body is no JSON object' }]
    const sentAt = textOf(body['sent_at']) ?? textOf(body['created_at'])
    const batch = body['batch']
    return Array.isArray(batch) ? batch.map((each) => read(each, sentAt)) : [read(body, sentAt)]
  },
  answer: (request, results) =>
    request.route === 'v1'
      ? json(200, { results: Object.fromEntries(results.map(resultOf)) })
      : json(200, { status: 1 }),
  refuse,
}

function matchRoute(method: string, path: string): Route | undefined {
  const plain = path.replace(/\/$/, '')
  if (method === 'GET' && /^\/array\/[^/]+\/config$/.test(plain))
    return { route: 'config', fixed: json(200, { supportedCompression: ['gzip-js'] }) }
  if (method !== 'POST') return undefined
  if (plain === '/flags' || plain === '/decide')
    return { route: 'flags', fixed: json(200, { featureFlags: {}, flags: {} }) }
  if (plain === v1Path) return { route: 'v1' }
  if (plain === '/engage') return { route: 'engage' }
  // Without its last slash `/batch` is Segment's.
  return capturePaths.has(plain) && path !== '/batch' ? { route: 'capture' } : undefined
}

const kinds: Readonly<Record<string, IncomingEvent['kind']>> = {
  $pageview: 'page',
  $screen: 'screen',
  $identify: 'identify',
  $create_alias: 'alias',
  $groupidentify: 'group',
}

/** What is said of a person, without an event: `{ $distinct_id, $set }`. */
function readEngage(value: unknown, sentAt: string | undefined): ReadEvent {
  if (!isRecord(value)) return { kind: 'unreadable', reason: 'an event is an object' }
  const { $token: _token, $distinct_id: distinct, ...rest } = value
  return readEvent({ distinct_id: distinct, ...rest, event: '$identify' }, sentAt)
}

function readEvent(value: unknown, sentAt: string | undefined): ReadEvent {
  if (!isRecord(value)) return { kind: 'unreadable', reason: 'an event is an object' }
  // The browser's client repeats the key in each event: it is no property.
  const { token: _token, ...properties } = isRecord(value['properties']) ? value['properties'] : {}
  const id = textOf(value['uuid'])
  const sent = textOf(value['event'])
  if (sent === undefined)
    return { kind: 'unreadable', reason: '"event" is no text', ...(id === undefined ? {} : { id }) }
  const kind = Object.hasOwn(kinds, sent) ? kinds[sent]! : 'track'
  const distinct = textOf(value['distinct_id']) ?? textOf(properties['distinct_id'])
  const traits = kind === 'identify' ? (value['$set'] ?? properties['$set']) : undefined
  const options = value['options']
  return {
    kind: 'event',
    event: {
      id,
      kind,
      name: kind === 'track' ? sent : kind,
      ...whoOf({ kind, properties, distinct }),
      originalAt: textOf(value['timestamp']),
      sentAt,
      properties: isRecord(traits) ? traits : properties,
      context: isRecord(options) ? options : {},
    },
  }
}

/** One `distinct_id` stands for visitors and members: it is a member's only where the client says so. */
function whoOf(said: {
  readonly kind: IncomingEvent['kind']
  readonly properties: Readonly<Record<string, unknown>>
  readonly distinct: string | undefined
}): Partial<Record<'anonymousId' | 'memberId' | 'previousId', string | undefined>> {
  const { kind, properties, distinct } = said
  if (kind === 'alias') return { memberId: distinct, previousId: textOf(properties['alias']) }
  const anonymousId = textOf(properties['$anon_distinct_id'])
  const device = anonymousId ?? textOf(properties['$device_id'])
  // A server's client names no visitor: what it sent before under the same id was the member too.
  if (kind === 'identify') return { memberId: distinct, anonymousId: device ?? distinct }
  if (properties['$is_identified'] === true) return { memberId: distinct, anonymousId: device }
  return { anonymousId: distinct }
}

/** A quarantined event is kept here: the client must not send it again. */
function resultOf({ id, result, reason }: EventResult): [string, object] {
  const word = result === 'retry' ? 'retry' : result === 'quarantined' ? 'warning' : 'ok'
  return [id, { result: word, ...(reason === undefined ? {} : { details: reason }) }]
}

function refuse(why: Refusal): Answer {
  const failed = (status: number, description: string, headers: Answer['headers'] = {}): Answer =>
    json(status, { error: why.kind, error_description: description }, headers)
  switch (why.kind) {
    case 'overloaded':
    case 'rate_limited':
    case 'stopping':
    case 'disk_full':
      return failed(503, 'send it again later', retryAfter(why.retryAfterSeconds))
    case 'bad_key':
    case 'no_key':
    case 'revoked_key':
      return failed(401, 'the key is not known')
    case 'unreadable':
      return failed(400, why.reason)
    case 'too_large':
      return failed(413, `at most ${why.bytesMax} bytes`)
  }
}

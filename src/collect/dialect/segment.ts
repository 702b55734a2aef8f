/**
 * Segment's HTTP API, which RudderStack's and Jitsu's clients speak too: one event a path, `/v1/batch`, the browser's one-letter forms, beacons and pixels.
 * Source: the clients' own code and the public HTTP API reference. A client drops what it is told 400 or 413 for, so both are kept for bodies that are no JSON.
 */
import type {
  Answer,
  Dialect,
  DialectRequest,
  EventKind,
  ReadEvent,
  Refusal,
  Route,
} from '../dialect.ts'
import { isRecord, json, keyOfAuthorization, retryAfter, textOf } from './answers.ts'

const kindOfPath: Readonly<Record<string, EventKind>> = {
  track: 'track',
  t: 'track',
  identify: 'identify',
  i: 'identify',
  page: 'page',
  p: 'page',
  screen: 'screen',
  s: 'screen',
  group: 'group',
  g: 'group',
  alias: 'alias',
  a: 'alias',
}

const batchPaths: ReadonlySet<string> = new Set([
  '/v1/batch',
  '/v1/b',
  '/v1/import',
  '/batch',
  '/b',
  '/beacon/v1/batch',
  '/api/s/s2s/batch',
  '/api/s/batch',
])

const pixel = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64')

export const segmentDialect: Dialect = {
  name: 'segment',
  match: matchRoute,
  readKey: (request, body) =>
    keyOfAuthorization(request.headers['authorization']) ??
    request.headers['x-write-key'] ??
    request.query['writeKey'] ??
    request.query['writekey'] ??
    (isRecord(body) ? textOf(body['writeKey']) : undefined),
  readEvents: readRequest,
  answer: (request): Answer =>
    request.route.startsWith('pixel')
      ? {
          status: 200,
          headers: { 'content-type': 'image/gif', 'cache-control': 'no-store' },
          body: pixel,
        }
      : json(200, { success: true, ok: true }),
  refuse,
}

function matchRoute(method: string, path: string): Route | undefined {
  if (method === 'GET') {
    if (/^\/v1\/projects\/[^/]+\/settings$/.test(path))
      return {
        route: 'settings',
        fixed: json(200, {
          integrations: {
            'Segment.io': {
              apiKey: path.split('/')[3],
              versionSettings: { version: '4.4.7', componentTypes: ['browser'] },
            },
          },
          plan: { track: { __default: { enabled: true, integrations: {} } } },
        }),
      }
    const kind = kindOfPath[/^\/pixel\/v1\/(track|page|identify)$/.exec(path)?.[1] ?? '']
    return kind === undefined ? undefined : { route: `pixel ${kind}` }
  }
  if (method !== 'POST') return undefined
  if (batchPaths.has(path)) return { route: 'batch' }
  // The client's own counters: nothing that anyone asked to keep.
  if (path === '/v1/m') return { route: 'metrics', fixed: json(200, { success: true }) }
  const [, name] = /^(?:\/v1|\/api\/s\/s2s|\/api\/s)\/([a-z]+)$/.exec(path) ?? []
  if (name === 'event') return { route: 'event' }
  const kind = kindOfPath[name ?? '']
  return kind === undefined ? undefined : { route: kind }
}

function readRequest(request: DialectRequest, body: unknown): readonly ReadEvent[] {
  if (request.route.startsWith('pixel ')) return [readPixel(request)]
  if (!isRecord(body)) {
    if (Array.isArray(body)) return body.map((each) => readEvent(each, undefined, {}))
    return [{ kind: 'unreadable', reason: 'the body is no JSON object' }]
  }
  if (request.route !== 'batch')
    return [
      readEvent(body, request.route === 'event' ? undefined : (request.route as EventKind), {}),
    ]
  const batch = body['batch']
  if (!Array.isArray(batch)) return [{ kind: 'unreadable', reason: '"batch" is no list' }]
  const shared = { sentAt: textOf(body['sentAt']), context: body['context'] }
  return batch.map((each) => readEvent(each, undefined, shared))
}

function readPixel({ route, query }: DialectRequest): ReadEvent {
  const properties: Record<string, unknown> = {}
  const value: Record<string, unknown> = { properties }
  for (const [name, text] of Object.entries(query)) {
    if (name.startsWith('properties.')) properties[name.slice('properties.'.length)] = text
    else value[name] = text
  }
  if (query['data'] !== undefined) {
    try {
      const data: unknown = JSON.parse(Buffer.from(query['data'], 'base64').toString('utf8'))
      if (isRecord(data)) Object.assign(value, data)
    } catch {
      return { kind: 'unreadable', reason: '"data" is no JSON in base64' }
    }
  }
  return readEvent(value, route.slice('pixel '.length) as EventKind, {})
}

function readEvent(
  value: unknown,
  known: EventKind | undefined,
  shared: { readonly sentAt?: string | undefined; readonly context?: unknown },
): ReadEvent {
  if (!isRecord(value)) return { kind: 'unreadable', reason: 'an event is an object' }
  const id = textOf(value['messageId'])
  const type = known ?? value['type']
  const kind = typeof type === 'string' ? kindOfPath[type] : undefined
  const unreadable = (reason: string): ReadEvent => ({
    kind: 'unreadable',
    reason,
    ...(id === undefined ? {} : { id }),
  })
  if (kind === undefined)
    return unreadable(`"type" is none of track, page, screen, identify, group, alias`)
  const name = kind === 'track' ? textOf(value['event']) : kind
  if (name === undefined) return unreadable('a track call has no "event"')
  const event = {
    id,
    kind,
    name,
    anonymousId: textOf(value['anonymousId']),
    memberId: textOf(value['userId']),
    previousId: textOf(value['previousId']),
    // RudderStack's client sends both: the first is when it was called, the second what the caller says.
    originalAt: textOf(value['timestamp']) ?? textOf(value['originalTimestamp']),
    sentAt: textOf(value['sentAt']) ?? shared.sentAt,
    properties: propertiesOf(kind, value),
    context: contextOf(value['context'], shared.context),
  }
  return { kind: 'event', event }
}

/** Names and categories of pages, and the group, are arguments of the calls: they are kept among the properties. */
function propertiesOf(
  kind: EventKind,
  value: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const given = kind === 'identify' || kind === 'group' ? value['traits'] : value['properties']
  const properties = isRecord(given) ? given : {}
  const extra: Record<string, unknown> = {}
  if (kind === 'page' || kind === 'screen') {
    if (value['name'] !== undefined && value['name'] !== null) extra['name'] = value['name']
    if (value['category'] !== undefined && value['category'] !== null)
      extra['category'] = value['category']
  }
  if (kind === 'group' && value['groupId'] !== undefined) extra['group_id'] = value['groupId']
  return Object.keys(extra).length === 0 ? properties : { ...extra, ...properties }
}

function contextOf(own: unknown, shared: unknown): Readonly<Record<string, unknown>> {
  if (isRecord(own)) return isRecord(shared) ? { ...shared, ...own } : own
  return isRecord(shared) ? shared : {}
}

function refuse(why: Refusal): Answer {
  switch (why.kind) {
    case 'overloaded':
    case 'rate_limited':
    case 'stopping':
    case 'disk_full':
      // These clients wait as long as Retry-After says for a 429, without using up their tries.
      return json(429, { success: false, error: why.kind }, retryAfter(why.retryAfterSeconds))
    case 'bad_key':
    case 'no_key':
    case 'revoked_key':
      return json(401, { success: false, error: why.kind })
    case 'unreadable':
      return json(400, { success: false, error: why.reason })
    case 'too_large':
      return json(413, { success: false, error: why.kind })
  }
}

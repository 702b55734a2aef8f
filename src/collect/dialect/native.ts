/**
 * Maru's own way: `POST /v1/events` with `{ sent_at?, events: [{ id?, kind?, event?, occurred_at?, anonymous_id?, member_id?, previous_id?, properties?, context? }] }`
 * (or one such event), answered for each event. Also what a replay appends.
 */
import type {
  Answer,
  Dialect,
  DialectRequest,
  EventKind,
  EventResult,
  IncomingEvent,
  ReadEvent,
  Refusal,
  Route,
} from '../dialect.ts'
import { isRecord, json, keyOfAuthorization, retryAfter, textOf } from './answers.ts'

const kinds: ReadonlySet<string> = new Set<EventKind>([
  'track',
  'page',
  'screen',
  'identify',
  'alias',
  'group',
])

export const nativeDialect: Dialect = {
  name: 'native',
  match: (method, path): Route | undefined =>
    method === 'POST' && path === '/v1/events' ? { route: 'events' } : undefined,
  readKey: ({ headers, query }: DialectRequest, body: unknown): string | undefined =>
    keyOfAuthorization(headers['authorization']) ??
    headers['x-write-key'] ??
    query['write_key'] ??
    (isRecord(body) ? textOf(body['write_key']) : undefined),
  readEvents: (_request, body): readonly ReadEvent[] => {
    const sentAt = isRecord(body) ? textOf(body['sent_at']) : undefined
    if (Array.isArray(body)) return body.map((each) => readEvent(each, sentAt))
    if (isRecord(body) && Array.isArray(body['events']))
      return body['events'].map((each) => readEvent(each, sentAt))
    return [readEvent(body, sentAt)]
  },
  answer: (_request, results: readonly EventResult[]): Answer => json(200, { results }),
  refuse,
}

function readEvent(value: unknown, sentAt: string | undefined): ReadEvent {
  if (!isRecord(value)) return { kind: 'unreadable', reason: 'an event is an object' }
  const id = textOf(value['id'])
  const kind = value['kind'] ?? 'track'
  if (typeof kind !== 'string' || !kinds.has(kind))
    return {
      kind: 'unreadable',
      reason: 'kind is none of track, page, screen, identify, alias, group',
      ...(id === undefined ? {} : { id }),
    }
  const name = kind === 'track' ? textOf(value['event']) : kind
  if (name === undefined)
    return {
      kind: 'unreadable',
      reason: 'the event has no name: add "event"',
      ...(id === undefined ? {} : { id }),
    }
  return {
    kind: 'event',
    event: {
      kind: kind as EventKind,
      name,
      id,
      anonymousId: textOf(value['anonymous_id']),
      memberId: textOf(value['member_id']),
      previousId: textOf(value['previous_id']),
      originalAt: textOf(value['occurred_at']),
      sentAt: textOf(value['sent_at']) ?? sentAt,
      properties: isRecord(value['properties']) ? value['properties'] : {},
      context: isRecord(value['context']) ? value['context'] : {},
    },
  }
}

/** 4xx only for what no retry can mend. */
function refuse(why: Refusal): Answer {
  switch (why.kind) {
    case 'overloaded':
    case 'rate_limited':
      return json(429, { error: why.kind }, retryAfter(why.retryAfterSeconds))
    case 'stopping':
    case 'disk_full':
      return json(503, { error: why.kind }, retryAfter(why.retryAfterSeconds))
    case 'bad_key':
    case 'no_key':
    case 'revoked_key':
      return json(401, { error: why.kind, hint: 'send a write key: Authorization: Bearer KEY' })
    case 'unreadable':
      return json(400, { error: why.kind, reason: why.reason })
    case 'too_large':
      return json(413, { error: why.kind, bytes_max: why.bytesMax })
  }
}

/** An event as this dialect would send it: what a replay or a redacted request is logged as. undefined: nested deeper than can be written. */
export function nativeText(event: IncomingEvent): string | undefined {
  try {
    return JSON.stringify(nativeOf(event))
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

function nativeOf(event: IncomingEvent): Readonly<Record<string, unknown>> {
  const { id, kind, name, anonymousId, memberId, previousId, originalAt, sentAt } = event
  return {
    id,
    kind,
    event: name,
    anonymous_id: anonymousId,
    member_id: memberId,
    previous_id: previousId,
    occurred_at: originalAt,
    sent_at: sentAt,
    properties: event.properties,
    context: event.context,
  }
}

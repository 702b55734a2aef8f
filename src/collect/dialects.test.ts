import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { DialectRequest, ReadEvent } from './dialect.ts'
import { dialects, findRoute } from './dialects.ts'
import { parseBody } from './parse-body.ts'

/** What was not sent is left out. */
function read(method: string, path: string, body: unknown): readonly ReadEvent[] {
  const found = findRoute(method, path)
  assert.ok(found, path)
  const events = found.dialect.readEvents(request(found.route, path), body)
  return JSON.parse(JSON.stringify(events)) as readonly ReadEvent[]
}

function request(route: string, path: string): DialectRequest {
  return { route, path, query: {}, headers: {} }
}

describe('dialects', () => {
  it('reads a self-describing event of Snowplow with base64 by the name of its schema', () => {
    const inner = {
      schema: 'iglu:shop/product_clicked/jsonschema/1-0-0',
      data: { product_id: 'p1' },
    }
    const packed = Buffer.from(JSON.stringify({ schema: 'iglu:x', data: inner })).toString(
      'base64url',
    )
    const body = {
      data: [{ e: 'ue', eid: 'a', uid: 'm1', dtm: '1', stm: '2', ue_px: packed, aid: 'k' }],
    }
    assert.deepEqual(read('POST', '/com.snowplowanalytics.snowplow/tp2', body), [
      {
        kind: 'event',
        event: {
          id: 'a',
          memberId: 'm1',
          originalAt: '1',
          sentAt: '2',
          kind: 'track',
          name: 'product_clicked',
          properties: { product_id: 'p1' },
          context: { aid: 'k' },
        },
      },
    ])
  })

  it('reads a batch of PostHog, whose identify joins a visitor and a member', () => {
    const body = {
      api_key: 'k',
      sent_at: '2',
      batch: [
        {
          event: '$identify',
          uuid: 'a',
          distinct_id: 'm1',
          timestamp: '1',
          properties: { $anon_distinct_id: 'v1', $set: { plan: 'x' } },
        },
        7,
      ],
    }
    assert.deepEqual(read('POST', '/batch/', body), [
      {
        kind: 'event',
        event: {
          id: 'a',
          memberId: 'm1',
          anonymousId: 'v1',
          originalAt: '1',
          sentAt: '2',
          kind: 'identify',
          name: 'identify',
          properties: { plan: 'x' },
          context: {},
        },
      },
      { kind: 'unreadable', reason: 'an event is an object' },
    ])
  })

  it('keeps no write key among what an event says', () => {
    const capture = { event: 'x', properties: { token: 'secret', a: 1 } }
    const pixel = findRoute('GET', '/i')!
    const query = { e: 'pv', writeKey: 'secret' }
    const all = [
      ...read('POST', '/e/', capture),
      ...pixel.dialect.readEvents({ ...request(pixel.route, '/i'), query }, undefined),
    ]
    assert.deepEqual(
      all.map(({ kind }) => kind),
      ['event', 'event'],
    )
    assert.doesNotMatch(JSON.stringify(all), /secret/)
  })

  it("reads the form of PostHog's browser client, and what is said of a person without an event", () => {
    const said = { $token: 'secret', $distinct_id: 'm1', $set: { city: 'Zürich+?>' } }
    const text = JSON.stringify(said)
    const base64 = Buffer.from(text).toString('base64')
    const bodies = [
      text,
      `data=${encodeURIComponent(text)}`,
      `data=${encodeURIComponent(base64)}`,
      `compression=base64&data=${base64}`,
    ]
    for (const body of bodies)
      assert.deepEqual(read('POST', '/engage/', parseBody(Buffer.from(body))), [
        {
          kind: 'event',
          event: {
            anonymousId: 'm1',
            memberId: 'm1',
            kind: 'identify',
            name: 'identify',
            properties: { city: 'Zürich+?>' },
            context: {},
          },
        },
      ])
  })

  it('never throws on any JSON, and reads the same events again', () => {
    const routes = [
      'batch',
      'track',
      'event',
      'events',
      'tp2',
      'pixel',
      'pixel track',
      'capture',
      'v1',
    ]
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.constantFrom(...routes),
        fc.constantFrom('batch', 'data', 'events'),
        (value, route, name) => {
          for (const dialect of dialects)
            for (const body of [value, { [name]: value }, { [name]: [value] }]) {
              const asked = request(route, '')
              dialect.readKey(asked, body)
              assert.deepEqual(dialect.readEvents(asked, body), dialect.readEvents(asked, body))
            }
        },
      ),
      { seed: 6, numRuns: 300 },
    )
  })

  it('asks for later what cannot be taken now, in the way that each client keeps it', () => {
    const why = { kind: 'overloaded', retryAfterSeconds: 2 } as const
    const statuses = dialects.map((dialect) => [dialect.name, dialect.refuse(why).status])
    assert.deepEqual(Object.fromEntries(statuses.slice(1)), {
      segment: 429,
      snowplow: 503,
      posthog: 503,
    })
    const large = findRoute('GET', '/i')?.dialect.refuse({ kind: 'too_large', bytesMax: 1 })
    assert.equal(large?.status, 400)
  })
})

/** Clients that shops already use, as they come from their registry, against a collector: every event is in the log once, with every field. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { Analytics as SegmentAnalytics } from '@segment/analytics-node'
import { jitsuAnalytics } from '@jitsu/js'
import RudderAnalytics from '@rudderstack/rudder-sdk-node'
import { buildPageView, buildSelfDescribingEvent, newTracker } from '@snowplow/node-tracker'
import { PostHog } from 'posthog-node'
import type { EventRow } from '../../src/collect/rows.ts'
import { jitsuKey, startClientCollector, writeKey } from './collector.ts'
import type { ClientCollector } from './collector.ts'

const at = new Date('2026-03-01T10:00:00.000Z')
const order = { order_id: 'o-1', total: 12.5, lines: [{ sku: 'ä', count: 2 }] }

/** Every call of Segment's API, by a client that has it. */
function callEach(client: SegmentAnalytics | RudderAnalytics): void {
  client.track({
    anonymousId: 'v1',
    userId: 'm1',
    event: 'order_completed',
    properties: order,
    context: { ip: '10.1.2.3' },
    timestamp: at,
  })
  client.identify({ anonymousId: 'v1', userId: 'm1', traits: { plan: 'gold' } })
  client.page({ anonymousId: 'v1', name: 'Home', category: 'shop', properties: { path: '/' } })
  client.screen({ anonymousId: 'v1', name: 'Start' })
  client.group({ userId: 'm1', groupId: 'g1', traits: { size: 3 } })
  client.alias({ userId: 'm2', previousId: 'm1' })
}

async function assertSegmentSaid(collector: ClientCollector): Promise<void> {
  const events = await collector.rowsOf(6)
  assert.deepEqual(events.map(said), segmentSaid)
  assertOnce(events)
  const [first] = events
  assert.equal(first?.original_at, at.getTime())
  assert.equal(jsonOf(first?.context ?? '{}')['ip'], '10.1.2.3')
  assert.doesNotMatch(JSON.stringify(events), new RegExp(writeKey))
}

describe('a client that a shop already uses', () => {
  let collector: ClientCollector

  beforeEach(async () => {
    collector = await startClientCollector()
  })
  afterEach(() => collector.close())

  it("is understood: Segment's for Node", async () => {
    const client = new SegmentAnalytics({ writeKey, host: collector.host, flushAt: 4 })
    callEach(client)
    await client.closeAndFlush()
    await assertSegmentSaid(collector)
  })

  it("is understood: RudderStack's for Node", async () => {
    const client = new RudderAnalytics(writeKey, { dataPlaneUrl: collector.host, flushAt: 4 })
    callEach(client)
    await client.flush()
    await assertSegmentSaid(collector)
  })

  it("is understood: Snowplow's for Node, whose application id is the key", async () => {
    const client = newTracker(
      { namespace: 'shop', appId: writeKey },
      { endpoint: '127.0.0.1', port: collector.port, protocol: 'http', bufferSize: 1 },
    )
    client.setDomainUserId('v1')
    client.setUserId('m1')
    const schema = 'iglu:shop/order_completed/jsonschema/1-0-0'
    client.track(buildSelfDescribingEvent({ event: { schema, data: order } }), [], at.getTime())
    client.track(buildPageView({ pageUrl: 'http://shop/', pageTitle: 'Home' }))
    await client.flush()
    const events = await collector.rowsOf(2)
    const who = { anonymous: 'v1', member: 'm1' }
    assert.deepEqual(events.map(said), [
      row('track', 'order_completed', { ...who, properties: order }),
      row('page', 'page', { ...who, properties: { url: 'http://shop/', title: 'Home' } }),
    ])
    assertOnce(events)
    assert.equal(events[0]?.original_at, at.getTime())
    assert.doesNotMatch(JSON.stringify(events), new RegExp(writeKey))
  })

  for (const mode of ['v0', 'v1'])
    it(`is understood: PostHog's for Node, ${mode}`, async () => {
      process.env['POSTHOG_CAPTURE_MODE'] = mode
      const client = new PostHog(writeKey, { host: collector.host, flushAt: 3 })
      delete process.env['POSTHOG_CAPTURE_MODE']
      const event = 'order_completed'
      client.capture({ distinctId: 'm1', event, properties: order, timestamp: at })
      client.identify({ distinctId: 'm1', properties: { plan: 'gold' } })
      client.alias({ distinctId: 'm1', alias: 'v1' })
      await client.shutdown()
      const events = await collector.rowsOf(3)
      const [first, second, third] = events.map(said)
      assert.partialDeepStrictEqual(first, { event, anonymous: 'm1', properties: order })
      assert.deepEqual(
        second,
        row('identify', 'identify', {
          anonymous: 'm1',
          member: 'm1',
          properties: { plan: 'gold' },
        }),
      )
      assert.partialDeepStrictEqual(third, { kind: 'alias', member: 'm1', previous: 'v1' })
      assertOnce(events)
      assert.equal(events[0]?.original_at, at.getTime())
      assert.doesNotMatch(JSON.stringify(events), new RegExp(writeKey))
    })

  it("is understood: Jitsu's for Node", async () => {
    const client = jitsuAnalytics({ host: collector.host, writeKey: jitsuKey, s2s: true })
    await client.identify('m1', { plan: 'gold' })
    await client.track('order_completed', order)
    const events = await collector.rowsOf(2)
    const [first, second] = events.map(said)
    assert.partialDeepStrictEqual(first, { kind: 'identify', member: 'm1' })
    assert.partialDeepStrictEqual(first?.properties, { plan: 'gold' })
    assert.partialDeepStrictEqual(second, { kind: 'track', member: 'm1', properties: order })
    assertOnce(events)
    assert.doesNotMatch(JSON.stringify(events), new RegExp(jitsuKey))
  })
})

interface Said {
  readonly kind: string
  readonly event: string
  readonly anonymous: string | null
  readonly member: string | null
  readonly previous: string | null
  readonly properties: unknown
}

const segmentSaid: readonly Said[] = [
  row('track', 'order_completed', { anonymous: 'v1', member: 'm1', properties: order }),
  row('identify', 'identify', { anonymous: 'v1', member: 'm1', properties: { plan: 'gold' } }),
  row('page', 'page', {
    anonymous: 'v1',
    properties: { name: 'Home', category: 'shop', path: '/' },
  }),
  row('screen', 'screen', { anonymous: 'v1', properties: { name: 'Start' } }),
  row('group', 'group', { member: 'm1', properties: { group_id: 'g1', size: 3 } }),
  row('alias', 'alias', { member: 'm2', previous: 'm1' }),
]

function row(kind: string, event: string, more: Partial<Said>): Said {
  return { kind, event, anonymous: null, member: null, previous: null, properties: {}, ...more }
}

function said(event: EventRow): Said {
  return {
    kind: event.kind,
    event: event.event,
    anonymous: event.anonymous_id,
    member: event.member_id,
    previous: event.previous_id,
    properties: JSON.parse(event.properties),
  }
}

function jsonOf(text: string): Readonly<Record<string, unknown>> {
  return JSON.parse(text) as Readonly<Record<string, unknown>>
}

/** Each has an id of its sender, and no two share one. */
function assertOnce(events: readonly EventRow[]): void {
  assert.equal(new Set(events.map(({ id }) => id)).size, events.length)
  for (const event of events) assert.ok(event.sent_at !== null, `${event.event} has no sent_at`)
}

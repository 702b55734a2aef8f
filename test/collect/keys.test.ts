/** No write key is on the disk, however a client sends and repeats it, nor in a row of what could not be read. */
import { doesNotMatch, equal, match } from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { startClientCollector, writeKey } from './collector.ts'
import type { ClientCollector } from './collector.ts'

interface Sent {
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

const other = 'another-key-of-this-client'
/** What nobody can read, with what a client puts beside it. */
const odd = { write_key: other, apiKey: other, note: `mine is ${writeKey}`, $token: 'x\\"y' }
const json = JSON.stringify
const order = { order_id: 'o', total: writeKey }

/** By dialect, each request holds one event that cannot be read, and where it can, one whose property is the key. */
const requests: Readonly<Record<string, Sent>> = {
  'native, key in a header': {
    path: '/v1/events',
    headers: { authorization: `Bearer ${writeKey}` },
    body: json({
      events: [odd, { event: 'order_completed', anonymous_id: 'v', properties: order }],
    }),
  },
  'native, key in the body': {
    path: '/v1/events',
    body: json({ write_key: writeKey, events: [odd] }),
  },
  'native, key in the query': { path: `/v1/events?write_key=${writeKey}`, body: json([odd]) },
  'Segment, key in the body': {
    path: '/v1/batch',
    body: json({
      writeKey,
      batch: [odd, { type: 'track', event: 'order_completed', userId: 'm', properties: order }],
    }),
  },
  'Segment, key as user name': {
    path: '/v1/track',
    headers: { authorization: `Basic ${Buffer.from(`${writeKey}:`).toString('base64')}` },
    body: json({ ...odd, writeKey }),
  },
  'RudderStack, pixel': { path: `/pixel/v1/track?writeKey=${writeKey}&note=${writeKey}-2&data=e` },
  'Jitsu, key in a header': {
    path: '/api/s/s2s/track',
    headers: { 'x-write-key': writeKey },
    body: json({ ...odd, writeKey }),
  },
  'Snowplow, key as application id': {
    path: '/com.snowplowanalytics.snowplow/tp2',
    body: json({
      schema: 'iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4',
      data: [{ e: 'pv', aid: writeKey, duid: 'v', url: `http://shop/?${writeKey}` }, 7, odd],
    }),
  },
  'PostHog, key in the body': {
    path: '/batch/',
    body: json({
      api_key: writeKey,
      batch: [odd, { event: 'order_completed', distinct_id: 'm', properties: order }],
    }),
  },
  'PostHog, a form in base64': {
    path: '/e/',
    body: `data=${encodeURIComponent(
      Buffer.from(json([{ ...odd, api_key: writeKey, properties: { token: writeKey } }])).toString(
        'base64',
      ),
    )}`,
  },
}

describe('a write key', () => {
  let collector: ClientCollector

  beforeEach(async () => {
    collector = await startClientCollector()
  })
  afterEach(() => collector.close())

  for (const [name, { path, headers, body }] of Object.entries(requests))
    it(`is not kept: ${name}`, async () => {
      const init = body === undefined ? {} : { method: 'POST', body }
      const response = await fetch(`${collector.host}${path}`, { ...init, headers: { ...headers } })
      equal(response.status, 200)
      doesNotMatch(await response.text(), new RegExp(writeKey))
      doesNotMatch(await collector.logText(), new RegExp(writeKey))
      const { events, quarantined } = await collector.rows()
      const [unreadable] = quarantined.filter(({ rule }) => rule === 'unreadable')
      if (unreadable === undefined) throw new Error(json({ events, quarantined }))
      doesNotMatch(json([events, quarantined]), new RegExp(`${writeKey}|${other}`))
      if (body !== undefined) {
        match(unreadable.bytes, /"note":"mine is \*+"/)
        // A replay reads it again.
        JSON.parse(unreadable.bytes)
      }
    })

  it('is masked where it is the value that was wrong, in the reason too', async () => {
    const { headers, body } = requests['native, key in a header']!
    await fetch(`${collector.host}/v1/events`, {
      method: 'POST',
      body: body!,
      headers: { ...headers },
    })
    const { quarantined } = await collector.rows()
    equal(quarantined[1]?.rule, 'wrong_type')
    match(quarantined[1].reason, /^"total" is not number: "\*{8,}"$/)
  })
})

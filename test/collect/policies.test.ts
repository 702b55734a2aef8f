/** What a source's policies and limits do to a request, over HTTP and down to the disk. */
import { deepEqual, doesNotMatch, equal, match, ok } from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { CollectSettings, SourceSettings } from '../../src/collect/settings.ts'
import { startClientCollector } from './collector.ts'
import type { ClientCollector } from './collector.ts'

const sha256 = (key: string): string => createHash('sha256').update(key).digest('hex')
const policies: Readonly<Record<string, Partial<SourceSettings>>> = {
  keeps: {},
  cuts: { address: 'truncate' },
  removes: { address: 'remove' },
  asks: { consent: { categories: ['analytics'], unstated: 'drop' } },
  trusts: { consent: { categories: ['analytics'], unstated: 'keep' } },
  slow: {
    rateMax: 5,
    keys: ['slow', 'slow-too'].map((key) => ({ id: key, sha256: sha256(key) })),
  },
}
const settings: CollectSettings = {
  catalog: 'c',
  events: [],
  sources: Object.entries(policies).map(([name, policy]) => ({
    name,
    keys: [{ id: name, sha256: sha256(name) }],
    address: 'keep',
    unknownProperties: 'keep',
    ...policy,
  })),
  trustedProxies: ['127.0.0.1'],
}

interface Answered {
  readonly status: number
  readonly retryAfter: string | null
  readonly body: { readonly results?: readonly { readonly result: string }[] }
}

describe('a policy of a source', () => {
  let collector: ClientCollector
  let nowMs: number

  beforeEach(async () => {
    nowMs = Date.UTC(2026, 2, 1)
    collector = await startClientCollector({ settings: () => settings, now: () => nowMs })
  })
  afterEach(() => collector.close())

  const post = async (key: string, body: unknown, path = '/v1/events'): Promise<Answered> => {
    const headers = { 'x-write-key': key, 'x-forwarded-for': '198.51.100.66, 203.0.113.77' }
    const init = { method: 'POST', headers, body: JSON.stringify(body) }
    const response = await fetch(`${collector.host}${path}`, init)
    return {
      status: response.status,
      retryAfter: response.headers.get('retry-after'),
      body: (await response.json()) as Answered['body'],
    }
  }
  const page = (more: object = {}): object => ({ kind: 'page', anonymous_id: 'v', ...more })

  for (const [name, address, said] of [
    ['keeps', '203.0.113.77', '192.0.2.55'],
    ['cuts', '203.0.113.0', '192.0.2.0'],
    ['removes', null, undefined],
  ] as const)
    it(`leaves of an address what it says, the sender's and one within the event: ${name}`, async () => {
      equal((await post(name, page({ context: { ip: '192.0.2.55' } }))).status, 200)
      const [row] = (await collector.rows()).events
      equal(row?.address, address)
      equal((JSON.parse(row.context) as { ip?: string }).ip, said)
      if (name !== 'keeps') doesNotMatch(await collector.logText(), /113\.77|2\.55/)
    })

  it('keeps nothing of who did not consent, answers him all the same, and keeps his neighbours', async () => {
    const preferences = (analytics: unknown): object => ({
      context: { consent: { categoryPreferences: { analytics } } },
      properties: { note: `said-${String(analytics)}` },
    })
    const events = [
      page(preferences(true)),
      page(preferences(false)),
      page({ properties: { note: 'silent' } }),
    ]
    for (const key of ['asks', 'trusts']) {
      const { status, body } = await post(key, { events })
      deepEqual([status, body.results?.map(({ result }) => result)], [200, ['ok', 'ok', 'ok']])
    }
    const { events: rows } = await collector.rows()
    deepEqual(
      rows.map(({ source, properties }) => [
        source,
        (JSON.parse(properties) as { note: string }).note,
      ]),
      [
        ['asks', 'said-true'],
        ['trusts', 'said-true'],
        ['trusts', 'silent'],
      ],
    )
    doesNotMatch(await collector.logText(), /said-false/)
  })

  it('limits the rate of a key, says how long to wait, and leaves other keys and sources alone', async () => {
    const five = { events: Array.from({ length: 5 }, () => page()) }
    equal((await post('slow', five)).status, 200)
    const refused = await post('slow', five)
    deepEqual([refused.status, refused.retryAfter], [429, '1'])
    equal((await post('slow-too', five)).status, 200)
    equal((await post('keeps', five)).status, 200)
    nowMs += 1_000
    equal((await post('slow', five)).status, 200)
    // What is larger than a second's worth is taken once, and paid for afterwards.
    nowMs += 1_000
    equal((await post('slow', { events: Array.from({ length: 50 }, () => page()) })).status, 200)
    equal((await post('slow', five)).retryAfter, '10')
    // PostHog's newer client loses what is answered 429.
    const capture = { api_key: 'slow', batch: [{ event: '$pageview', distinct_id: 'v' }] }
    equal((await post('slow', capture, '/batch/')).status, 503)
  })

  it('limits a rate by the time that passes, whichever way the clock jumps', async () => {
    const five = { events: Array.from({ length: 5 }, () => page()) }
    for (const jumpMs of [0, 86_400_000, -172_800_000, 3_600_000]) {
      nowMs += jumpMs
      await post('slow', five)
      nowMs += 1_000
      equal((await post('slow', five)).status, 200)
    }
  })

  it('puts an actor who sends too much in a lane of its own, and keeps the order of the others', async () => {
    const ofActor = (actor: string, count: number): object => ({
      events: Array.from({ length: count }, () => page({ anonymous_id: actor })),
    })
    for (let turn = 0; turn < 15; turn++) {
      await post('keeps', ofActor('hot', 100))
      await post('keeps', ofActor(`calm-${turn % 3}`, 1))
    }
    nowMs += 60_000
    await post('keeps', ofActor('hot', 1))
    const lanes = new Map<string, number[]>()
    for (const { anonymous_id: actor, partition } of (await collector.rows()).events)
      lanes.set(actor!, [...(lanes.get(actor!) ?? []), partition])
    const hot = lanes.get('hot')!
    equal(hot.length, 1_501)
    const home = hot[0]!
    ok(home < 8)
    deepEqual(hot, [
      ...Array.from({ length: 1_000 }, () => home),
      ...Array.from({ length: 500 }, () => 8),
      home,
    ])
    for (const actor of ['calm-0', 'calm-1', 'calm-2']) {
      const own = lanes.get(actor)!
      deepEqual(
        own,
        own.map(() => own[0]),
      )
      ok(own[0]! < 8)
    }
  })

  it('takes JSON in UTF-8 with a mark or a broken letter, and refuses other encodings of text', async () => {
    const text = JSON.stringify(page({ id: 'a', properties: { note: 'ä' } }))
    const send = async (body: Buffer): Promise<number> => {
      const init = {
        method: 'POST',
        headers: { 'x-write-key': 'keeps' },
        body: body as unknown as string,
      }
      return (await fetch(`${collector.host}/v1/events`, init)).status
    }
    equal(await send(Buffer.from(`\uFEFF${text}`)), 200)
    equal(await send(Buffer.from(text, 'latin1')), 200)
    equal(await send(Buffer.from(text, 'utf16le')), 400)
    equal(await send(Buffer.from(text.replace('ä', '\\ud800'))), 200)
    const { events } = await collector.rows()
    deepEqual(
      events.map(({ properties }) => JSON.parse(properties) as object),
      [{ note: 'ä' }, { note: '\uFFFD' }, { note: '\uFFFD' }],
    )
  })

  it('puts aside what is nested deeper than anybody reads, and keeps its neighbours', async () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
    const nested = ['properties', 'context'].map(
      (where) => `{"id":"${where}","kind":"page","anonymous_id":"v","${where}":{"x":${deep}}}`,
    )
    const body = `{"events":[${nested.join(',')},${JSON.stringify(page({ id: 'beside' }))},${deep}]}`
    for (const key of ['keeps', 'cuts']) {
      const init = { method: 'POST', headers: { 'x-write-key': key }, body }
      const response = await fetch(`${collector.host}/v1/events`, init)
      const { results } = (await response.json()) as Required<Answered['body']>
      deepEqual(
        results.map(({ result }) => result),
        ['quarantined', 'quarantined', 'ok', 'quarantined'],
      )
    }
    const { events, quarantined } = await collector.rows()
    deepEqual(
      events.map(({ id }) => id),
      ['beside', 'beside'],
    )
    deepEqual(
      quarantined.map(({ rule }) => rule),
      ['oversize', 'oversize', 'unreadable', 'oversize', 'oversize', 'unreadable'],
    )
    match(quarantined[0]!.reason, /nested too deep/)
  })
})

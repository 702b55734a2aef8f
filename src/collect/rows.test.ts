import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { eventTime } from './event-time.ts'
import type { RequestRecord } from './record.ts'
import { readRows } from './rows.ts'

const receivedAtMs = Date.UTC(2026, 0, 2, 12)

function logged(batch: readonly unknown[], more: Partial<RequestRecord> = {}): RequestRecord {
  return {
    requestId: 'r',
    receivedAtMs,
    source: 'web',
    dialect: 'segment',
    route: 'batch',
    catalog: 'c1',
    quarantined: [],
    body: Buffer.from(JSON.stringify({ batch })),
    ...more,
  }
}

describe('rows of a logged request', () => {
  it('keeps what was sent, who did it, and an id of its own for an event without one', () => {
    const rows = readRows(
      logged(
        [
          {
            type: 'track',
            event: 'product_clicked',
            messageId: 'a',
            userId: 'm',
            anonymousId: 'v',
            properties: { p: 1 },
          },
          { type: 'page', anonymousId: 'v' },
        ],
        { address: '10.0.0.0', userAgent: 'Googlebot/2.1' },
      ),
    )
    assert.deepEqual(
      rows.events.map(({ id, actor, bot, address, properties }) => ({
        id,
        actor,
        bot,
        address,
        properties,
      })),
      [
        { id: 'a', actor: 'member:m', bot: 'crawler', address: '10.0.0.0', properties: '{"p":1}' },
        { id: 'r-1', actor: 'anonymous:v', bot: 'crawler', address: '10.0.0.0', properties: '{}' },
      ],
    )
  })

  it('names the version of the entry that judged an event, and none where no entry did', () => {
    const track = { type: 'track', anonymousId: 'v' }
    const batch = [
      { ...track, event: 'a' },
      { ...track, event: 'constructor' },
      track,
      { ...track, event: 'b' },
    ]
    const quarantined = [{ index: 3, rule: 'wrong_type', reason: 'no' }] as const
    const rows = readRows(logged(batch, { versions: { a: '1', b: '2' }, quarantined }))
    assert.deepEqual(
      rows.events.map((row) => row.schema_version),
      ['1', null],
    )
    assert.deepEqual(
      rows.quarantined.map((row) => row.schema_version),
      [null, '2'],
    )
  })

  it('puts a refused or unreadable event aside, and keeps its neighbours', () => {
    const rows = readRows(
      logged([{ type: 'track', event: 'x', messageId: 'a' }, 7, { type: 'page', messageId: 'b' }], {
        quarantined: [{ index: 0, rule: 'unknown_event', reason: 'no "x"' }],
      }),
    )
    assert.deepEqual(
      rows.events.map(({ id }) => id),
      ['b'],
    )
    assert.deepEqual(
      rows.quarantined.map(({ id, message_id, rule }) => [id, message_id, rule]),
      [
        ['r-0', 'a', 'unknown_event'],
        ['r-1', null, 'unreadable'],
      ],
    )
  })

  it('stays in proportion to the request, however many events cannot be read', () => {
    const rows = readRows(logged(Array.from({ length: 40_000 }, (_, index) => index)))
    assert.equal(rows.quarantined.length, 40_000)
    const [first, second] = rows.quarantined
    assert.equal(first!.bytes, second!.bytes)
    const last = rows.quarantined.at(-1)!
    assert.equal(last.bytes, '')
    assert.match(last.reason, /the request is kept with r-0/)
    const bytes = rows.quarantined.reduce((sum, row) => sum + row.bytes.length, 0)
    assert.ok(bytes < 2_000_000, `${bytes} bytes`)
  })

  it('keeps a request of too many events as one refusal', () => {
    const batch = Array.from({ length: 50_001 }, () => ({ type: 'page', anonymousId: 'v' }))
    const rows = readRows(logged(batch))
    assert.deepEqual(rows.events, [])
    assert.deepEqual(
      rows.quarantined.map(({ id, rule, reason }) => ({ id, rule, reason })),
      [
        {
          id: 'r-0',
          rule: 'unreadable',
          reason: '50001 events in a request are more than 50000',
        },
      ],
    )
  })
})

describe('the time of an event', () => {
  it('takes the wrong clock of a sender out, and what lies too far ahead is when it came', () => {
    const cases = [
      ['2020-01-01T00:00:00Z', '2020-01-01T00:00:05Z', receivedAtMs - 5_000, undefined],
      [String(receivedAtMs - 7), undefined, receivedAtMs - 7, undefined],
      ['2030-01-01T00:00:00Z', undefined, receivedAtMs, 'clamped'],
      ['yesterday', undefined, receivedAtMs, 'no_time'],
    ] as const
    for (const [originalAt, sentAt, occurredAtMs, flag] of cases) {
      const time = eventTime(receivedAtMs, { originalAt, sentAt })
      assert.deepEqual([time.occurredAtMs, time.flag], [occurredAtMs, flag], originalAt)
    }
  })
})

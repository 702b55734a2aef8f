/** Whatever a collector accepts, lands: generated events of every dialect, with any text and any values in any place. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import fc from 'fast-check'
import { openSegmentLog } from '../../src/collect/log/segment-log.ts'
import { readLog, startClientCollector, writeKey } from './collector.ts'
import { openTestLake } from './lake.ts'

const count = process.env['MARU_SOAK'] === undefined ? 400 : 20_000
const seed = 11

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({
    unit: fc.constantFrom('\ud83d', '\ude00', '\\', '"', '\0', '\u2028', 'ud800', '{', '%', 'é'),
  }),
  fc.constantFrom(
    '',
    'null',
    'NaN',
    '9'.repeat(25),
    '-1',
    '1e999',
    '2026-02-30T25:61:00Z',
    '0001-01-01',
    '+275760-09-13T00:00:00Z',
  ),
)
const number = fc.oneof(
  fc.double(),
  fc.maxSafeInteger(),
  fc.constantFrom(1e308, -0, 8.64e15, 253_402_300_800_000),
)
const json = fc.jsonValue({ maxDepth: 3 })
const value = fc.oneof(text, number, json, fc.constant(null))
const object = fc.dictionary(text, value, { maxKeys: 4 })
const said = fc.oneof(text, value)

const native = fc.record(
  {
    id: said,
    kind: fc.constantFrom('page', 'screen', 'identify', 'alias', 'group', 'track'),
    event: said,
    anonymous_id: said,
    member_id: said,
    previous_id: said,
    occurred_at: said,
    sent_at: said,
    properties: object,
    context: fc.record(
      { userAgent: said, ip: said, webdriver: said, [String('\ud800')]: said },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: ['kind', 'anonymous_id'] },
)
const segment = fc.record(
  {
    type: fc.constantFrom('page', 'screen', 'identify', 'alias', 'group', 'track'),
    messageId: said,
    event: said,
    name: said,
    category: said,
    groupId: said,
    anonymousId: said,
    userId: said,
    previousId: said,
    timestamp: said,
    originalTimestamp: said,
    properties: object,
    traits: object,
    context: object,
  },
  { requiredKeys: ['type', 'anonymousId'] },
)
const snowplow = fc.record(
  {
    e: fc.constantFrom('pv', 'se', 'ue', 'pp'),
    eid: text,
    duid: text,
    uid: text,
    url: text,
    page: text,
    dtm: text,
    stm: text,
    ua: text,
    se_ca: text,
    ue_pr: json.map((each) => JSON.stringify(each)),
    cx: text.map((each) => Buffer.from(each).toString('base64')),
  },
  { requiredKeys: ['e', 'duid'] },
)
const posthog = fc.record(
  {
    event: fc.constantFrom('$pageview', '$screen', '$identify', '$create_alias', '$groupidentify'),
    uuid: said,
    distinct_id: said,
    timestamp: said,
    $set: object,
    properties: object,
    options: object,
  },
  { requiredKeys: ['event', 'distinct_id'] },
)

const requests: readonly (readonly [path: string, body: fc.Arbitrary<object>])[] = [
  ['/v1/events', fc.array(native, { minLength: 1, maxLength: 5 }).map((events) => ({ events }))],
  [
    '/v1/batch',
    fc.record({
      batch: fc.array(segment, { minLength: 1, maxLength: 5 }),
      sentAt: said,
      context: said,
    }),
  ],
  [
    '/com.snowplowanalytics.snowplow/tp2',
    fc.array(snowplow, { minLength: 1, maxLength: 5 }).map((data) => ({ data })),
  ],
  [
    '/batch/',
    fc.record({ batch: fc.array(posthog, { minLength: 1, maxLength: 5 }), sent_at: said }),
  ],
]

it('lands whatever was accepted, and quarantines the rest', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'maru-any-'))
  const log = await openSegmentLog({ folder: join(folder, 'log', 'one') })
  const collector = await startClientCollector({ log })
  const lake = await openTestLake(folder)
  try {
    for (const [path, body] of requests)
      for (const each of fc.sample(body, { numRuns: count / requests.length, seed })) {
        const init = {
          method: 'POST',
          headers: { authorization: `Bearer ${writeKey}` },
          body: JSON.stringify(each),
        }
        const response = await fetch(`${collector.host}${path}`, init)
        equal(response.status, 200, init.body)
      }
    const logged = await readLog(join(folder, 'log'))
    await (await lake.land()).stop()
    const ids = [...new Set(logged.events.map(({ id }) => id))].toSorted()
    ok(ids.length > count / 4, `${ids.length} events were accepted`)
    const landed = await lake.query('select id from raw.event')
    deepEqual(landed.map(([id]) => String(id)).toSorted(), ids)
    const [refused] = await lake.query('select count(*) from raw.quarantine')
    deepEqual(refused, [logged.quarantined.length])
    // What reads the events reads JSON: none of it may be such that a question fails.
    await lake.query(
      `select count(json_extract_string(properties, '$.x')), count(json_extract_string(context, '$.ip')), min(occurred_at), max(original_at), max(sent_at) from raw.event`,
    )
  } finally {
    await lake.close()
    await collector.close()
    await log.close()
    await rm(folder, { recursive: true, force: true })
  }
})

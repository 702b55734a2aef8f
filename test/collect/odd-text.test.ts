/** Text that breaks programs, sent in every place of an event, arrives in the lake, and keeps nothing else from arriving. */
import { deepEqual, equal } from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { openSegmentLog } from '../../src/collect/log/segment-log.ts'
import { startClientCollector, writeKey } from './collector.ts'
import { openTestLake } from './lake.ts'

const odd: Readonly<Record<string, string>> = {
  half: '"\\ud800"',
  'other half': '"\\udc00 after"',
  nothing: '"a\\u0000b"',
  control: '"\\u0001\\u001f\\u007f\\u2028\\u2029"',
  quotes: `"'\\"\\\\ -- ; \`"`,
  huge: '1e400',
  long: '123456789012345678901234567890',
  small: '-0.0',
  empty: '""',
  joined: '"👩‍👩‍👧‍👦 e\u0301"',
}

it('lands text that breaks programs, in every place of an event', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'maru-odd-'))
  const log = await openSegmentLog({ folder: join(folder, 'log', 'one') })
  const collector = await startClientCollector({ log })
  const lake = await openTestLake(folder)
  try {
    const sent = Object.entries(odd).flatMap(([name, value]) => [
      `{"id":"property ${name}","kind":"page","anonymous_id":"v","properties":{"x":${value}}}`,
      `{"id":"name of ${name}","kind":"page","anonymous_id":"v","properties":{${value.startsWith('"') ? value : `"${value}"`}:1}}`,
      `{"id":"context ${name}","kind":"page","anonymous_id":"v","context":{"userAgent":${value}}}`,
      `{"id":"actor ${name}","kind":"page","anonymous_id":${/^".+"$/.test(value) ? value : '"v"'}}`,
      `{"id":"time ${name}","kind":"page","anonymous_id":"v","occurred_at":${value}}`,
      `{"id":${value},"kind":"page","anonymous_id":"v","properties":{"id":"${name}"}}`,
    ])
    const refused = Object.values(odd).map(
      (value) =>
        `{"event":${value === '""' ? '"?"' : value},"anonymous_id":"v","properties":{"x":${value}}}`,
    )
    const response = await fetch(`${collector.host}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${writeKey}` },
      body: `{"events":[${[...sent, ...refused].join(',')}]}`,
    })
    const { results } = (await response.json()) as { results: { id: string; result: string }[] }
    deepEqual(
      results.map(({ result }) => result),
      [...sent.map(() => 'ok'), ...refused.map(() => 'quarantined')],
    )
    await (await lake.land()).stop()
    const [counts] = await lake.query('select count(*), count(distinct id) from raw.event')
    deepEqual(counts, [sent.length, sent.length])
    deepEqual(await lake.query('select count(*) from raw.quarantine'), [[refused.length]])
    const kept = await lake.query(
      `select id, json_extract_string(properties, '$.x') from raw.event where id like 'property %' order by id`,
    )
    equal(kept.length, Object.keys(odd).length)
    const texts = new Map(kept as [string, string][])
    equal(texts.get('property quotes'), `'"\\ -- ; \``)
    equal(texts.get('property half'), '\uFFFD')
    equal(texts.get('property nothing'), 'a\0b')
  } finally {
    await lake.close()
    await collector.close()
    await log.close()
    await rm(folder, { recursive: true, force: true })
  }
})

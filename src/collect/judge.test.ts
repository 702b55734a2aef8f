import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { ColumnType } from '../model/model.ts'
import type { IncomingEvent } from './dialect.ts'
import { compileJudge } from './judge.ts'
import type { CollectSettings, SourceSettings } from './settings.ts'

const source: SourceSettings = {
  name: 'web',
  keys: [],
  address: 'keep',
  unknownProperties: 'keep',
}
const strict: SourceSettings = { ...source, unknownProperties: 'quarantine' }

function settingsOf(
  properties: readonly { name: string; type: ColumnType; required: boolean }[],
  event = 'Product Clicked',
): CollectSettings {
  const entry = { id: 'raw.event.product_clicked', event, owner: 'shop', version: 'v', properties }
  return { catalog: 'c', events: [entry], sources: [source] }
}

const judge = compileJudge(
  settingsOf([
    { name: 'product', type: { kind: 'text' }, required: true },
    { name: 'position', type: { kind: 'integer' }, required: false },
    { name: 'constructor', type: { kind: 'text' }, required: false },
  ]),
)

function event(changes: Partial<IncomingEvent> = {}): { kind: 'event'; event: IncomingEvent } {
  return {
    kind: 'event',
    event: {
      kind: 'track',
      name: 'Product Clicked',
      anonymousId: 'visitor-1',
      properties: { product: 'tea' },
      context: {},
      ...changes,
    },
  }
}

describe('the judge', () => {
  it('takes what is declared, and system kinds with anything', () => {
    assert.equal(judge.judge(event(), strict), undefined)
    assert.equal(
      judge.judge(event({ properties: { product: 'a', position: null } }), strict),
      undefined,
    )
    for (const kind of ['page', 'screen', 'identify', 'group', 'alias'] as const)
      assert.equal(
        judge.judge(event({ kind, name: kind, properties: { x: [1] } }), strict),
        undefined,
      )
    assert.equal(judge.judge(event({ properties: { product: 'a', other: 1 } }), source), undefined)
  })

  const refusals: readonly [string, Partial<IncomingEvent>, string, RegExp][] = [
    ['an unknown event', { name: 'Nothing' }, 'unknown_event', /"Nothing"/],
    ['a missing property', { properties: {} }, 'missing_property', /"product"/],
    [
      'null where a value is required',
      { properties: { product: null } },
      'missing_property',
      /"product"/,
    ],
    ['a wrong type', { properties: { product: 5 } }, 'wrong_type', /not text: 5/],
    ['an unknown property', { properties: { product: 'a', x: 1 } }, 'unknown_property', /"x"/],
    ['the id of nobody', { anonymousId: 'NULL' }, 'illegal_id', /NULL/],
    ['the member of nobody', { memberId: '[object Object]' }, 'illegal_id', /object/],
    ['a long id', { memberId: 'm'.repeat(201) }, 'illegal_id', /201/],
    ['a blank id', { memberId: '  ' }, 'illegal_id', /blank/],
    ['a long message id', { id: 'm'.repeat(201) }, 'illegal_id', /message id/],
    ['an event of nobody', { anonymousId: '' }, 'no_id', /neither/],
    ['a long name', { name: 'n'.repeat(201) }, 'oversize', /201/],
    ['a large event', { properties: { product: 'é'.repeat(16_400) } }, 'oversize', /32768/],
    [
      'a large context',
      { context: { list: Array.from({ length: 9_000 }, () => 'abc') } },
      'oversize',
      /larger/,
    ],
  ]
  for (const [title, changes, rule, reason] of refusals)
    it(`refuses ${title}`, () => {
      const judgement = judge.judge(event(changes), strict)
      assert.equal(judgement?.rule, rule)
      assert.match(judgement.reason, reason)
      assert.ok(judgement.reason.length <= 200)
    })

  it('counts bytes exactly where an event might be too large', () => {
    const letters = 32_768 - '[{"product":""},{}]'.length
    const sized = (length: number): unknown =>
      judge.judge(event({ properties: { product: 'a'.repeat(length) } }), source)?.rule
    assert.equal(sized(letters), undefined)
    assert.equal(sized(letters + 1), 'oversize')
  })

  it('refuses what is nested without end, and never throws', () => {
    let deep: unknown = 1
    for (let depth = 0; depth < 100_000; depth++) deep = [deep]
    assert.equal(judge.judge(event({ context: { deep } }), source)?.rule, 'oversize')
    assert.equal(judge.judge(event({ context: { deep } }), source, 100)?.rule, 'oversize')
    const properties = fc.dictionary(fc.string(), fc.jsonValue())
    fc.assert(
      fc.property(properties, fc.string(), fc.option(fc.string()), (given, name, id) => {
        judge.judge(event({ properties: given, name, anonymousId: id ?? '' }), strict)
      }),
      { seed: 6, numRuns: 500 },
    )
  })

  it('passes on why an event cannot be read', () => {
    assert.deepEqual(judge.judge({ kind: 'unreadable', reason: 'no object' }, source), {
      rule: 'unreadable',
      reason: 'no object',
    })
  })

  const money = { kind: 'decimal', precision: 6, scale: 2 } as const
  const types: readonly [ColumnType, readonly unknown[], readonly unknown[]][] = [
    [{ kind: 'text' }, ['', 'a'], [1, true, {}, []]],
    [
      { kind: 'integer' },
      [0, -5, '12', '9223372036854775807'],
      [1.5, '1.5', '9223372036854775808', 1e300, true, ''],
    ],
    [{ kind: 'number' }, [0.5, '1e5', '-.5', 3], [Infinity, 'a', '', '1e', true]],
    [{ kind: 'boolean' }, [true, false, 'true'], [0, 'yes', '']],
    [
      { kind: 'timestamp' },
      ['2026-01-31T10:00:00.123Z', '2026-01-31 10:00+09:00'],
      ['2026-01-31T10:00:00', '2026-02-31T10:00:00Z', 5, '2026-01-31'],
    ],
    [
      { kind: 'local_timestamp' },
      ['2026-01-31T10:00:00'],
      ['2026-01-31T10:00:00Z', '2026-01-31T25:00:00'],
    ],
    [{ kind: 'date' }, ['2024-02-29'], ['2023-02-29', '2023-1-1', 20230101]],
    [{ kind: 'time' }, ['23:59', '10:00:00.5'], ['24:00', '1:00', 10]],
    [{ kind: 'uuid' }, ['0b2f4a9e-1111-4222-8333-abcdefabcdef'], ['0b2f4a9e', 5]],
    [{ kind: 'bytes' }, ['aGk=', ''], ['a b', 5]],
    [{ kind: 'json' }, [1, 'a', {}, [], false], []],
    [
      money,
      [1234.5, '1234.50', 0, '0001.2000', -9999.99],
      [12345, 1.234, '1.234', 'a', '', '.', 1e21, true],
    ],
    [{ kind: 'list', of: { kind: 'integer' } }, [[], [1, '2', null]], [1, ['a'], [1.5]]],
  ]
  for (const [type, good, bad] of types)
    it(`knows the values of ${type.kind}`, () => {
      const typed = compileJudge(settingsOf([{ name: 'value', type, required: true }]))
      const ruleOf = (value: unknown): unknown =>
        typed.judge(event({ properties: { value } }), source)?.rule
      for (const value of good) assert.equal(ruleOf(value), undefined, JSON.stringify(value))
      for (const value of bad) assert.equal(ruleOf(value), 'wrong_type', JSON.stringify(value))
    })
})

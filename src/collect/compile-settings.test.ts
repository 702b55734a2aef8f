import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { buildModel } from '../model/build.ts'
import { event, integer, text } from '../index.ts'
import type { ColumnType } from '../model/model.ts'
import { compareCatalogs, compileSettings, hashKey } from './compile-settings.ts'
import type { EventEntry } from './settings.ts'

describe('compileSettings', () => {
  it('carries the catalog, the policies and hashes of the keys, and no key', () => {
    const clicked = event({
      owner: 'shop',
      description: 'a product was clicked',
      name: 'Product Clicked',
      properties: { product: text('which', { required: true }), position: integer('where') },
      example: { product: 'tea', position: 1 },
    })
    const { model, problems } = buildModel(
      [{ path: 'raw/event/product_clicked.ts', exportName: 'default', value: clicked }],
      { zone: 'UTC', buckets: 8 },
    )
    assert.deepEqual(problems, [])
    const policy = { address: 'keep', unknownProperties: 'keep', keys: ['secret-1'] } as const
    const keys = [
      { id: 'web-1', source: 'web', sha256: 'aa' },
      { id: 'app-1', source: 'app', sha256: 'bb' },
    ]
    const settings = compileSettings(
      model,
      { sources: { web: { ...policy, rate: 100 } }, trustedProxies: ['10.0.0.0/8'] },
      keys,
    )
    assert.deepEqual(settings.events[0]!.properties, [
      { name: 'product', type: { kind: 'text' }, required: true },
      { name: 'position', type: { kind: 'integer' }, required: false },
    ])
    assert.equal(settings.events[0]!.event, 'Product Clicked')
    assert.deepEqual(settings.sources, [
      {
        name: 'web',
        keys: [
          { id: 'web-config-1', sha256: hashKey('secret-1') },
          { id: 'web-1', sha256: 'aa' },
        ],
        rateMax: 100,
        address: 'keep',
        unknownProperties: 'keep',
      },
    ])
    assert.deepEqual(settings.trustedProxies, ['10.0.0.0/8'])
    assert.ok(!JSON.stringify(settings).includes('secret-1'))
  })
})

describe('compareCatalogs', () => {
  const entry = (
    properties: Readonly<Record<string, readonly [ColumnType, boolean]>>,
    name = 'a',
  ): EventEntry => ({
    id: `raw.event.${name}`,
    event: name,
    owner: 'o',
    version: JSON.stringify(properties),
    properties: Object.entries(properties).map(([property, [type, required]]) => ({
      name: property,
      type,
      required,
    })),
  })
  const of = (kind: 'text' | 'integer' | 'number' | 'json' | 'uuid'): ColumnType => ({ kind })
  const decimal = (precision: number, scale: number): ColumnType => ({
    kind: 'decimal',
    precision,
    scale,
  })

  it('lets new events, new optional properties, less required and wider types go live', () => {
    const before = [entry({ x: [of('integer'), true], y: [decimal(6, 2), true] })]
    const after = [
      entry({ x: [of('number'), false], y: [decimal(9, 3), true], z: [of('text'), false] }),
      entry({}, 'b'),
    ]
    assert.deepEqual(compareCatalogs(before, after), [])
    assert.deepEqual(
      compareCatalogs([entry({ x: [of('uuid'), true] })], [entry({ x: [of('text'), true] })]),
      [],
    )
  })

  const refused: readonly [string, EventEntry, EventEntry | undefined, RegExp][] = [
    ['a removed event', entry({}), undefined, /removed or renamed/],
    ['a removed property', entry({ x: [of('text'), false] }), entry({}), /"x" was removed/],
    ['a new required property', entry({}), entry({ x: [of('text'), true] }), /new and required/],
    [
      'what became required',
      entry({ x: [of('text'), false] }),
      entry({ x: [of('text'), true] }),
      /became required/,
    ],
    [
      'another type',
      entry({ x: [of('number'), true] }),
      entry({ x: [of('text'), true] }),
      /from number to text/,
    ],
    [
      'fewer digits',
      entry({ x: [decimal(6, 2), true] }),
      entry({ x: [decimal(7, 4), true] }),
      /decimal\(7, 4\)/,
    ],
  ]
  for (const [title, before, after, reason] of refused)
    it(`refuses ${title}`, () => {
      const faults = compareCatalogs([before], after === undefined ? [] : [after])
      assert.equal(faults.length, 1)
      assert.match(faults[0]!, reason)
    })
})

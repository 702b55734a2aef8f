import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import type { AvroRecord, AvroSchema } from './avro-schema.ts'
import { decodeAvro, encodeAvro } from './avro.ts'

const schema: AvroSchema = {
  type: 'record',
  name: 'r',
  fields: [
    { name: 'number', 'field-id': 1, type: 'long' },
    { name: 'small', 'field-id': 2, type: 'int' },
    { name: 'text', 'field-id': 3, type: ['null', 'string'], default: null },
    { name: 'real', 'field-id': 4, type: 'double' },
    { name: 'flag', 'field-id': 5, type: 'boolean' },
    { name: 'list', 'field-id': 6, type: { type: 'array', items: 'string', 'element-id': 7 } },
    {
      name: 'map',
      'field-id': 8,
      type: {
        type: 'array',
        logicalType: 'map',
        items: {
          type: 'record',
          name: 'k9_v10',
          fields: [
            { name: 'key', 'field-id': 9, type: 'int' },
            { name: 'value', 'field-id': 10, type: 'bytes' },
          ],
        },
      },
    },
  ],
}

const record = fc.record(
  {
    number: fc.oneof(
      fc.maxSafeInteger(),
      fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }),
      fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
      fc.integer(),
    ),
    small: fc.integer(),
    text: fc.option(fc.string({ unit: 'binary' })),
    real: fc.double({ noNaN: true }),
    flag: fc.boolean(),
    list: fc.array(fc.string(), { maxLength: 4 }),
    map: fc
      .array(fc.tuple(fc.nat(), fc.uint8Array({ maxLength: 20 })), { maxLength: 4 })
      .map((pairs) => new Map(pairs.map(([key, bytes]) => [key, Buffer.from(bytes)]))),
  },
  { noNullPrototype: true },
)

describe('Avro files', () => {
  it('give back every record that was written', () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 8 }), (records) => {
        const file = decodeAvro(encodeAvro(schema, { purpose: 'test' }, records as AvroRecord[]))
        assert.deepEqual(file.records, records)
        assert.equal(file.metadata.get('purpose'), 'test')
      }),
      { seed: 1, numRuns: 200 },
    )
  })

  it('keep the schema in the header as it was given, field ids included', () => {
    const { metadata } = decodeAvro(encodeAvro(schema, {}, []))
    assert.deepEqual(JSON.parse(metadata.get('avro.schema')!), schema)
  })

  it('are read in many blocks', () => {
    const records = Array.from({ length: 3000 }, (_, index) => ({
      number: index,
      small: 0,
      text: 'x'.repeat(500),
      real: 0,
      flag: true,
      list: [],
      map: new Map(),
    }))
    const bytes = encodeAvro(schema, {}, records)
    assert.equal(decodeAvro(bytes).records.length, 3000)
  })

  it('never decode to something else when a byte changed or the end is missing', () => {
    const records = [
      {
        number: 7,
        small: 1,
        text: 'abc',
        real: 0.5,
        flag: true,
        list: ['a'],
        map: new Map([[1, Buffer.from('b')]]),
      },
    ]
    const whole = encodeAvro(schema, {}, records)
    const text = Buffer.from(whole)
    const headerEnd = text.indexOf('maru-manifes') + 12
    const checksum = text.indexOf('maru.crc32')
    for (let index = 0; index < whole.length; index++) {
      // Without the entry's name there is no checksum to compare; nothing else is damaged then.
      if (index >= checksum && index < checksum + 'maru.crc32'.length) continue
      const damaged = Buffer.from(whole)
      damaged[index]! ^= 0x01
      assert.throws(() => decodeAvro(damaged), Error, `byte ${index}`)
      if (index > headerEnd)
        assert.throws(() => decodeAvro(whole.subarray(0, index)), Error, `cut at ${index}`)
    }
  })

  it('of other writers are read: blocks with sizes, plain blocks, no checksum', () => {
    const text = (value: string): Buffer =>
      Buffer.concat([Buffer.from([value.length * 2]), Buffer.from(value)])
    const array = '{"type":"array","items":"int"}'
    const record = `{"type":"record","name":"r","fields":[{"name":"a","type":${array}}]}`
    const long = (value: number): Buffer =>
      Buffer.from(value < 64 ? [value * 2] : [((value * 2) & 0x7f) | 0x80, (value * 2) >> 7])
    const sync = Buffer.alloc(16, 9)
    // An array in a block of two items, whose size (2 bytes) is given: count -2, size 2, items 1 and 2, end.
    const data = Buffer.from([3, 4, 2, 4, 0])
    for (const [codec, block] of [
      ['null', data],
      ['deflate', deflateRawSync(data)],
    ] as const) {
      const header = Buffer.concat([
        Buffer.from('Obj\u0001', 'latin1'),
        Buffer.from([4]),
        text('avro.codec'),
        text(codec),
        text('avro.schema'),
        long(record.length),
        Buffer.from(record),
        Buffer.from([0]),
        sync,
      ])
      const file = Buffer.concat([header, Buffer.from([2]), long(block.length), block, sync])
      assert.deepEqual(decodeAvro(file).records, [{ a: [1, 2] }])
    }
  })
})

import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { NumberColumn } from '../../engine/engine.ts'
import { accumulate } from './accumulate.ts'
import type { StateRows } from './accumulate.ts'
import { addUp } from './add-up.ts'
import { countEntities } from './count-entities.ts'
import { packDimensions } from './packs.ts'
import { shared } from './shared-array.ts'
import { Threads } from './threads.ts'

const seed = 20_111_030
const sizes = [3, 2, 5, 4]

/** Rows of two sums, one least and one greatest value, a bit of what is known, and a code for each dimension. */
const drawnRows = fc.array(
  fc.record({
    sums: fc.tuple(fc.integer({ min: -9, max: 9 }), fc.integer({ min: 0, max: 9 })),
    least: fc.integer({ min: -9, max: 9 }),
    greatest: fc.integer({ min: -9, max: 9 }),
    known: fc.nat(3),
    codes: fc.tuple(...sizes.map((size) => fc.nat(size - 1))),
  }),
  { maxLength: 60 },
)

type Drawn = typeof drawnRows extends fc.Arbitrary<infer T> ? T : never

function rowsOf(drawn: Drawn): StateRows {
  return {
    rows: drawn.length,
    slots: 4,
    leastFrom: 2,
    greatestFrom: 3,
    values: Float64Array.from(
      drawn.flatMap(({ sums, least, greatest }) => [...sums, least, greatest]),
    ),
    known: Uint32Array.from(drawn.map(({ known }) => known)),
    words: 1,
  }
}

describe('indicators added up on arrays', () => {
  it('are those of the rows of each code, in whatever packs the dimensions are', () => {
    const bytes = fc.constantFrom(1, 20_000, 1_000_000)
    fc.assert(
      fc.property(drawnRows, bytes, (drawn, groupBytes) => {
        const dimensions = sizes.map((size, number) => ({
          size,
          number,
          codes: Uint16Array.from(drawn.map(({ codes }) => codes[number]!)),
        }))
        const packs = packDimensions(dimensions, groupBytes)
        assert.equal(packs.flat().length, sizes.length)
        for (const pack of packs) {
          for (const [at, groups] of accumulate(rowsOf(drawn), pack).entries()) {
            const { number, size } = pack[at]!
            for (let code = 0; code < size; code++) {
              const own = drawn.filter(({ codes }) => codes[number] === code)
              assert.equal(groups.rows[code], own.length)
              if (own.length === 0) continue
              assert.deepEqual(
                [...groups.values.subarray(code * 4, code * 4 + 4)],
                [
                  own.reduce((sum, { sums }) => sum + sums[0], 0),
                  own.reduce((sum, { sums }) => sum + sums[1], 0),
                  Math.min(...own.map(({ least }) => least)),
                  Math.max(...own.map(({ greatest }) => greatest)),
                ],
              )
              assert.equal(
                groups.known[code],
                own.reduce((bits, { known }) => bits | known, 0),
              )
            }
          }
        }
      }),
      { seed, numRuns: 200 },
    )
  })

  it('count each entity once a code, for each of the counts', () => {
    const row = fc.record({
      entity: fc.integer({ min: 1, max: 6 }),
      place: fc.nat(7),
      bits: fc.nat(7),
    })
    // Some share a word of bits, one fills it, some have more codes than bits.
    const dimension = fc.constantFrom(2, 4, 21, 32, 33, 900).chain((size) =>
      fc.record({
        size: fc.constant(size),
        codes: fc.array(fc.nat(size - 1), { minLength: 8, maxLength: 8 }),
      }),
    )
    const dimensions = fc.array(dimension, { minLength: 1, maxLength: 12 })
    const width = fc.constantFrom(1, 3)
    fc.assert(
      fc.property(fc.array(row, { maxLength: 40 }), dimensions, width, (drawn, by, counts) => {
        const rows = drawn.toSorted((left, right) => left.entity - right.entity)
        const found = countEntities(
          {
            rows: rows.length,
            places: Uint32Array.from(rows.map(({ place }) => place)),
            entities: Uint32Array.from(rows.map(({ entity }) => entity)),
            counts: Uint32Array.from(rows.map(({ bits }) => bits & (2 ** counts - 1))),
          },
          by.map(({ size, codes }) => ({ size, codes: Uint16Array.from(codes) })),
          counts,
        )
        for (const [at, { size, codes }] of by.entries())
          for (let code = 0; code < size; code++)
            for (let bit = 0; bit < counts; bit++) {
              const seen = rows.filter(
                ({ place, bits }) => codes[place] === code && ((bits >> bit) & 1) === 1,
              )
              const entities = new Set(seen.map(({ entity }) => entity))
              assert.equal(found[at]![code * counts + bit], entities.size)
            }
      }),
      { seed, numRuns: 200 },
    )
  })

  it('are the same by threads', async () => {
    const rows = 120_000
    const values = shared(Float64Array, rows * 2)
    for (let at = 0; at < values.length; at++) values[at] = (at * 7) % 11
    const places = shared(Uint32Array, rows)
    const entities = shared(Uint32Array, rows)
    for (let row = 0; row < rows; row++) {
      places[row] = (row * 31) % rows
      entities[row] = 1 + (row >> 2)
    }
    const dimensions = Array.from({ length: 30 }, (_, number) => {
      const codes = shared(Uint16Array, rows)
      for (let row = 0; row < rows; row++) codes[row] = (row * (number + 3)) % (20 + number)
      return { dimension: `d${number}`, number, codes, size: 20 + number }
    })
    const distincts = [{ name: 'buyers', entity: 'member' }]
    const request = {
      rows: {
        rows,
        slots: 2,
        values,
        leastFrom: 2,
        greatestFrom: 2,
        known: shared(Uint32Array, 0),
        words: 0,
      },
      loose: [
        { distincts, rows: { rows, places, entities, counts: shared(Uint32Array, rows).fill(1) } },
      ],
      counted: new Map([['buyers', 1]]),
      packs: packDimensions(dimensions, 16),
    }
    const threads = new Threads()
    try {
      // The second waits for the first.
      const [parts, again] = await Promise.all([threads.addUp(request), threads.addUp(request)])
      assert.deepEqual(again, parts)
      assert.ok(parts.length > 1 || availableParallelism() === 1)
      const lines = (columns: readonly NumberColumn[]): readonly string[] =>
        Array.from(columns[0]!, (_, row) => columns.map((column) => column[row]).join(' '))
      assert.deepEqual(parts.flatMap(lines).toSorted(), lines(addUp(request)).toSorted())
    } finally {
      await threads.close()
    }
  })
})

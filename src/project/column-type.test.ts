import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import type { ColumnType } from '../model/model.ts'
import { sqlType, typeText } from '../model/column-type.ts'
import { isAssignable } from './column-type.ts'

const decimal = (precision: number, scale: number): ColumnType => ({
  kind: 'decimal',
  precision,
  scale,
})
const simple = (
  kind:
    | 'text'
    | 'integer'
    | 'number'
    | 'boolean'
    | 'timestamp'
    | 'local_timestamp'
    | 'date'
    | 'time'
    | 'uuid'
    | 'bytes'
    | 'json',
): ColumnType => ({ kind })

const types: fc.Arbitrary<ColumnType> = fc.oneof(
  fc
    .constantFrom(
      'text',
      'integer',
      'number',
      'boolean',
      'timestamp',
      'local_timestamp',
      'date',
      'time',
      'uuid',
      'bytes',
      'json',
    )
    .map((kind) => simple(kind as 'text')),
  fc
    .integer({ min: 1, max: 38 })
    .chain((precision) =>
      fc.integer({ min: 0, max: precision }).map((scale) => decimal(precision, scale)),
    ),
)

describe('assigning a produced type to a declared one', () => {
  const cases: readonly (readonly [ColumnType, ColumnType, boolean])[] = [
    [simple('integer'), decimal(18, 2), true],
    [simple('integer'), simple('number'), true],
    [decimal(37, 2), decimal(18, 2), true],
    [decimal(18, 2), decimal(18, 3), true],
    [decimal(18, 3), decimal(18, 2), false],
    [decimal(38, 0), simple('integer'), true],
    [decimal(18, 2), simple('integer'), false],
    [decimal(18, 2), simple('number'), false],
    [simple('number'), decimal(18, 2), false],
    [simple('number'), simple('integer'), false],
    [simple('date'), simple('timestamp'), false],
    [simple('local_timestamp'), simple('timestamp'), false],
    [simple('timestamp'), simple('date'), false],
    [simple('integer'), simple('text'), false],
    [simple('boolean'), simple('integer'), false],
    [simple('json'), simple('text'), true],
    [{ kind: 'list', of: simple('integer') }, { kind: 'list', of: simple('number') }, true],
    [{ kind: 'list', of: simple('text') }, { kind: 'list', of: simple('integer') }, false],
    [simple('text'), { kind: 'list', of: simple('text') }, false],
  ]
  for (const [produced, declared, allowed] of cases) {
    it(`${allowed ? 'allows' : 'refuses'} ${typeText(produced)} where ${typeText(declared)} is declared`, () => {
      assert.equal(isAssignable(produced, declared), allowed)
    })
  }

  it('allows every type where the same is declared, also in a list', () => {
    fc.assert(
      fc.property(
        types,
        (type) =>
          isAssignable(type, type) &&
          isAssignable({ kind: 'list', of: type }, { kind: 'list', of: type }),
      ),
      { seed: 5 },
    )
  })

  it('never loses decimal places on the way through several columns', () => {
    fc.assert(
      fc.property(types, types, types, (first, second, third) => {
        fc.pre(
          first.kind === 'decimal' &&
            third.kind === 'decimal' &&
            isAssignable(first, second) &&
            isAssignable(second, third),
        )
        return (
          first.kind === 'decimal' &&
          third.kind === 'decimal' &&
          (second.kind !== 'decimal' || third.scale >= first.scale)
        )
      }),
      { seed: 5, numRuns: 200 },
    )
  })

  it('writes a type as SQL does', () => {
    assert.equal(sqlType({ kind: 'list', of: decimal(18, 2) }), 'decimal(18, 2)[]')
    assert.equal(sqlType(simple('timestamp')), 'timestamp with time zone')
  })
})

/** What may be taken of a choice of the shop's activities, with the type that it has. */
import fc from 'fast-check'
import type { ColumnType, RowChoice, Selection, Take } from '../../src/model/model.ts'

interface Taken {
  readonly take: Take
  readonly type: ColumnType
}

const aggregate = (name: string, column: string | undefined, type: ColumnType): Taken => ({
  take: { kind: 'aggregate', aggregate: name, ...(column === undefined ? {} : { column }) } as Take,
  type,
})
const percentile = (kind: 'continuous' | 'discrete', fraction: number): Taken => ({
  take: {
    kind: 'aggregate',
    aggregate: 'percentile',
    column: 'quantity',
    percentile: { kind, fraction },
  },
  type: { kind: kind === 'discrete' ? 'integer' : 'number' },
})
const integer: ColumnType = { kind: 'integer' }
const text: ColumnType = { kind: 'text' }

const ofAny: readonly Taken[] = [
  aggregate('count', undefined, integer),
  aggregate('any', undefined, { kind: 'boolean' }),
  aggregate('max', 'occurred_at', { kind: 'timestamp' }),
]
const ofPurchase: readonly Taken[] = [
  ...ofAny,
  aggregate('count', 'quantity', integer),
  aggregate('sum', 'amount', { kind: 'decimal', precision: 38, scale: 2 }),
  aggregate('average', 'amount', { kind: 'number' }),
  aggregate('sum', 'weight', { kind: 'number' }),
  aggregate('average', 'weight', { kind: 'number' }),
  aggregate('distinct', 'member.country', integer),
  aggregate('first', 'status', text),
  aggregate('last', 'product.brand.country', text),
  percentile('continuous', 0.4),
  percentile('discrete', 0.5),
]
const ofOne: readonly Taken[] = [
  { take: { kind: 'column', column: 'status' }, type: text },
  { take: { kind: 'column', column: 'product.brand.country' }, type: text },
]

export interface Drawn {
  readonly selection: Selection
  readonly type: ColumnType
}

export function taken(chosen: RowChoice): fc.Arbitrary<Drawn> {
  const isOne = chosen.selector.kind !== 'all' && chosen.per === undefined
  const takes = chosen.activity === 'act.like' ? ofAny : [...ofPurchase, ...(isOne ? ofOne : [])]
  return fc
    .constantFrom(...takes)
    .map(({ take, type }) => ({ selection: { kind: 'selection', ...chosen, take }, type }))
}

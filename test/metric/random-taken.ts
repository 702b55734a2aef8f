/** What may be taken of a choice of the shop's activities, with the type that it has. */
import fc from 'fast-check'
import type {
  AggregateTake,
  ColumnType,
  RowChoice,
  Selection,
  Take,
} from '../../src/model/model.ts'

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
  aggregate('approximate_distinct', 'member.country', integer),
  aggregate('collect', 'quantity', { kind: 'list', of: integer }),
  aggregate('collect', 'product.brand.country', { kind: 'list', of: text }),
  aggregate('collect_distinct', 'status', { kind: 'list', of: text }),
  aggregate('collect_distinct', 'amount', {
    kind: 'list',
    of: { kind: 'decimal', precision: 18, scale: 2 },
  }),
  aggregate('count_true', 'is_gift', integer),
  aggregate('first', 'status', text),
  aggregate('last', 'product.brand.country', text),
  percentile('continuous', 0.4),
  percentile('discrete', 0.5),
  {
    take: {
      kind: 'aggregate',
      aggregate: 'approximate_percentile',
      column: 'quantity',
      percentile: { kind: 'discrete', fraction: 0.7 },
    },
    type: { kind: 'number' },
  },
]
const ofOne: readonly Taken[] = [
  { take: { kind: 'column', column: 'status' }, type: text },
  { take: { kind: 'column', column: 'product.brand.country' }, type: text },
]

export interface Drawn {
  readonly selection: Selection
  readonly type: ColumnType
}

/** What a metric may aggregate of an activity's rows. */
export function aggregatesOf(activity: string): readonly AggregateTake[] {
  return (activity === 'act.like' ? ofAny : ofPurchase).flatMap(({ take }) =>
    take.kind === 'aggregate' ? [take] : [],
  )
}

/** With `per`, half of them are maps. */
export function taken(chosen: RowChoice): fc.Arbitrary<Drawn> {
  const isOne = chosen.selector.kind !== 'all'
  const hasPer = chosen.per !== undefined
  const takes = chosen.activity === 'act.like' ? ofAny : ofPurchase
  const ofEach = [...takes, ...(isOne && chosen.activity !== 'act.like' ? ofOne : [])]
  const plain = fc
    .constantFrom(...(hasPer ? takes : ofEach))
    .map(({ take, type }): Drawn => ({ selection: { kind: 'selection', ...chosen, take }, type }))
  if (!hasPer) return plain
  const map = fc
    .constantFrom(...ofEach.filter(({ type }) => type.kind !== 'list'))
    .map(({ take }): Drawn => ({
      selection: { kind: 'selection', ...chosen, take, map: true },
      type: { kind: 'json' },
    }))
  return fc.oneof(plain, map)
}

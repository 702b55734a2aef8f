/** Random shops with gaps, ties, unknowns and versions that begin too late. */
import fc from 'fast-check'
import type { Model } from '../../src/model/model.ts'
import { modelOf } from './build-model.ts'
import { metrics } from './random-metrics.ts'
import type { Cell, Dataset, Row } from './rows.ts'

export interface Shop {
  readonly model: Model
  readonly dataset: Dataset
}

const keys = 2
const half = 1_800_000_000n
/** Half hours across the end of summer time in London (2011-10-30 01:00 UTC), then leaps of 40 days. Few, so that ties are common. */
function instantOf(step: number): bigint {
  const start = BigInt(Date.parse('2011-10-29T22:30:00Z')) * 1000n
  return step < 9 ? start + BigInt(step) * half : start + BigInt(step - 8) * 40n * 48n * half
}

const step = fc.integer({ min: 0, max: 12 })
const key = fc.option(fc.integer({ min: 0, max: keys }), { freq: 6 })
const country = fc.option(fc.constantFrom('France', 'Peru', "Côte d'Ivoire"), { freq: 4 })
const cents = fc.integer({ min: -500, max: 5000 }).map((value) => (value / 100).toFixed(2))

interface Version {
  readonly id: number
  readonly from: number
  /** Some versions end before the next begins. */
  readonly ends: boolean
  readonly country: string | null
  readonly tier: string | null
  readonly points: number | null
  readonly joined: number | null
  readonly brand: number | null
  readonly price: string | null
}

interface Purchase {
  readonly at: number | null
  readonly member: number | null
  readonly product: number | null
  readonly status: string | null
  readonly quantity: number | null
  readonly amount: string | null
  readonly weight: number | null
  readonly is_gift: boolean | null
}

interface Like {
  readonly at: number | null
  readonly member: number | null
}

const version: fc.Arbitrary<Version> = fc.record({
  id: fc.integer({ min: 0, max: keys - 1 }),
  // Early ones are likelier, so that most activities find a version; a few begin too late.
  from: fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 0, max: 4 }) }, step),
  ends: fc.integer({ min: 0, max: 4 }).map((value) => value === 4),
  country,
  tier: fc.option(fc.constantFrom('a', 'b'), { freq: 4 }),
  points: fc.option(fc.integer({ min: -3, max: 9 }), { freq: 5 }),
  joined: fc.option(step, { freq: 5 }),
  brand: key,
  price: fc.option(cents, { freq: 5 }),
})

const versions = fc.array(version, { maxLength: 7, size: 'max' })

const purchase: fc.Arbitrary<Purchase> = fc.record({
  at: fc.option(step, { freq: 12 }),
  member: key,
  product: key,
  status: fc.option(fc.constantFrom('paid', 'open'), { freq: 5 }),
  quantity: fc.option(fc.integer({ min: -2, max: 5 }), { freq: 6 }),
  amount: fc.option(cents, { freq: 6 }),
  weight: fc.option(
    fc.integer({ min: 0, max: 20 }).map((value) => value / 4),
    { freq: 6 },
  ),
  is_gift: fc.option(fc.boolean(), { freq: 5 }),
})

const like: fc.Arbitrary<Like> = fc.record({ at: fc.option(step, { freq: 12 }), member: key })

export interface ShopSketch {
  readonly zone: string
  readonly memberHistory: boolean
  readonly tierHistory: boolean
  readonly productHistory: boolean
  readonly brandHistory: boolean
  readonly members: readonly Version[]
  readonly tiers: readonly Version[]
  readonly products: readonly Version[]
  readonly brands: readonly Version[]
  readonly purchases: readonly Purchase[]
  readonly likes: readonly Like[]
}

export const sketch: fc.Arbitrary<ShopSketch> = fc.record({
  zone: fc.constantFrom('Asia/Seoul', 'Europe/London', 'Asia/Kolkata'),
  memberHistory: fc.boolean(),
  tierHistory: fc.boolean(),
  productHistory: fc.boolean(),
  brandHistory: fc.boolean(),
  members: versions,
  tiers: versions,
  products: versions,
  brands: versions,
  purchases: fc.array(purchase, { maxLength: 12, size: 'max' }),
  likes: fc.array(like, { maxLength: 6, size: 'max' }),
})

/** What was drawn, as a model and rows. */
export function shopOf(drawn: ShopSketch): Shop {
  const model = modelOf({
    zone: drawn.zone,
    objects: {
      'obj.member': {
        key: 'id',
        history: drawn.memberHistory,
        columns: { country: 'text', joined_at: 'timestamp', points: 'integer cut at 0, 5' },
      },
      'obj.product': {
        key: 'product_id',
        history: drawn.productHistory,
        columns: { brand: 'obj.brand', price: 'decimal(2)' },
      },
      'obj.shop_day': {
        key: 'id',
        columns: { date: 'date', season: 'text', tide: 'text', day: 'date', period: 'date' },
        calendar: { day: 'date', grains: ['season', 'tide'] },
      },
      'obj.brand': { key: 'id', history: drawn.brandHistory, columns: { country: 'text' } },
    },
    attributes: {
      'obj_attr.member.tier': {
        object: 'obj.member',
        history: drawn.tierHistory,
        columns: { tier: 'text' },
      },
    },
    activities: {
      'act.purchase': {
        columns: {
          member: 'obj.member',
          product: 'obj.product',
          status: 'text',
          quantity: 'integer cut at 1, 2.5',
          amount: 'decimal(2)',
          weight: 'number',
          is_gift: 'boolean',
        },
      },
      'act.like': { columns: { fan: 'obj.member' } },
    },
    metrics,
  })
  const dataset = new Map<string, readonly Row[]>([
    ['obj.member', rowsOf(drawn.members, 'id', drawn.memberHistory)],
    ['obj_attr.member.tier', rowsOf(drawn.tiers, 'id', drawn.tierHistory)],
    ['obj.product', rowsOf(drawn.products, 'product_id', drawn.productHistory)],
    ['obj.shop_day', shopDays],
    ['obj.brand', rowsOf(drawn.brands, 'id', drawn.brandHistory)],
    [
      'act.purchase',
      drawn.purchases.map((row, id) => ({
        ...row,
        id,
        occurred_at: row.at === null ? null : instantOf(row.at),
      })),
    ],
    [
      'act.like',
      drawn.likes.map((row, id) => ({
        id,
        fan: row.member,
        occurred_at: row.at === null ? null : instantOf(row.at),
      })),
    ],
  ])
  return { model, dataset }
}

/** Most days of two months are in a season. */
const shopDays: readonly Row[] = Array.from({ length: 50 }, (_, id) => ({
  id,
  date: new Date(Date.parse('2011-10-26') + id * 86_400_000).toISOString().slice(0, 10),
  season: id % 7 === 3 ? null : id < 4 ? 'harvest' : 'frost',
  // Their names are in another order than their days.
  tide: id % 9 === 4 ? null : `tide ${(((id / 5) | 0) * 7) % 10}`,
})).filter(({ id }) => id % 11 !== 5)

/** One row per key, or versions with half-open intervals, gaps among them, none twice at one instant. */
function rowsOf(drawn: readonly Version[], keyColumn: string, history: boolean): readonly Row[] {
  const rows: Row[] = []
  for (let id = 0; id < keys; id++) {
    const own = [
      ...new Map(drawn.filter((row) => row.id === id).map((row) => [row.from, row])).values(),
    ]
    own.sort((left, right) => left.from - right.from)
    const kept = history ? own : own.slice(0, 1)
    for (const [at, row] of kept.entries()) {
      const next = kept[at + 1]
      const end =
        next === undefined
          ? row.ends
            ? row.from + 1
            : undefined
          : row.ends
            ? Math.min(row.from + 1, next.from)
            : next.from
      const { country: where, tier, points, joined, brand, price } = row
      const attributes: Record<string, Cell> = {
        country: where,
        tier,
        points,
        brand,
        price,
        joined_at: joined === null ? null : instantOf(joined),
      }
      const interval = {
        valid_from: instantOf(row.from),
        valid_to: end === undefined ? null : instantOf(end),
        recorded_at: null,
        version: rows.length,
      }
      rows.push({ [keyColumn]: id, ...attributes, ...(history ? interval : {}) })
    }
  }
  return rows
}

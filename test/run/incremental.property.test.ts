/** Whatever happens to the source between runs, bringing up to date gives what building anew gives; and what did not change is not rebuilt. */
import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import type { Engine } from '../../src/engine/engine.ts'
import { openDuckdbEngine } from '../../src/engine/duckdb/duckdb.ts'
import { compactTables, recoverState } from '../../src/run/run.ts'
import { openWorkshop, requireDone, type Workshop } from './run-harness.ts'
import { shopModel, type ShopRows } from './shop-project.ts'

interface Line {
  readonly id: number
  readonly order: number
  readonly product: number
  readonly quantity: number
}

interface Shop {
  readonly orders: ReadonlyMap<number, { readonly hour: number; readonly member: number }>
  readonly lines: ReadonlyMap<number, Line>
  readonly versions: ReadonlyMap<
    number,
    { readonly product: number; readonly hour: number; readonly name: string }
  >
  readonly countries: readonly string[]
}

const hour = fc.integer({ min: 0, max: 24 * 12 })
const change = fc.oneof(
  fc.record({
    kind: fc.constant('order' as const),
    id: fc.integer({ min: 1, max: 12 }),
    hour,
    member: fc.integer({ min: 1, max: 3 }),
  }),
  fc.record({
    kind: fc.constant('line' as const),
    id: fc.integer({ min: 1, max: 20 }),
    order: fc.integer({ min: 1, max: 12 }),
    product: fc.integer({ min: 1, max: 3 }),
    quantity: fc.integer({ min: 1, max: 4 }),
  }),
  fc.record({ kind: fc.constant('delete_order' as const), id: fc.integer({ min: 1, max: 12 }) }),
  fc.record({ kind: fc.constant('delete_line' as const), id: fc.integer({ min: 1, max: 20 }) }),
  fc.record({
    kind: fc.constant('version' as const),
    product: fc.integer({ min: 1, max: 3 }),
    hour,
    name: fc.constantFrom('a', 'b', 'c'),
  }),
  fc.record({
    kind: fc.constant('country' as const),
    member: fc.integer({ min: 1, max: 3 }),
    country: fc.constantFrom('KR', 'FR'),
  }),
)
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never

const first: Shop = {
  orders: new Map(),
  lines: new Map(),
  versions: new Map([1, 2, 3].map((product) => [product * 1000, { product, hour: 0, name: 'a' }])),
  countries: ['KR', 'KR', 'FR'],
}

function applyChange(shop: Shop, made: Change): Shop {
  const orders = new Map(shop.orders)
  const lines = new Map(shop.lines)
  const versions = new Map(shop.versions)
  const countries = [...shop.countries]
  if (made.kind === 'order') orders.set(made.id, made)
  if (made.kind === 'line') lines.set(made.id, made)
  if (made.kind === 'delete_order') orders.delete(made.id)
  if (made.kind === 'delete_line') lines.delete(made.id)
  if (made.kind === 'version') versions.set(made.product * 1000 + made.hour, made)
  if (made.kind === 'country') countries[made.member - 1] = made.country
  return { orders, lines, versions, countries }
}

/** Hours from the evening before the first of March in Seoul, so that UTC days and local days differ. */
const instant = (hours: number): string =>
  `timestamptz '2011-02-28 12:00:00+00' + interval '${hours}' hour`

function rowsOf(shop: Shop): ShopRows {
  return {
    member: shop.countries.map((country, index) => [String(index + 1), `'${country}'`]),
    product_version: [...shop.versions].map(([id, { product, hour: at, name }]) => [
      String(id),
      String(product),
      `'${name}'`,
      instant(at),
    ]),
    orders: [...shop.orders].map(([id, order]) => [
      String(id),
      String(order.member),
      instant(order.hour),
    ]),
    item: [...shop.lines].map(([id, line]) => [
      String(id),
      String(line.order),
      String(line.product),
      String(line.quantity),
      '1.50',
    ]),
  }
}

describe('a run', () => {
  let engine: Engine
  const model = shopModel('Asia/Seoul')
  before(async () => {
    engine = await openDuckdbEngine({ threads: 1 })
  })
  after(() => engine.close())

  const fresh = async (shop: Shop): Promise<Awaited<ReturnType<Workshop['contents']>>> => {
    const workshop = await openWorkshop({ model, engine, rows: () => rowsOf(shop) })
    try {
      requireDone(await workshop.run())
      return await workshop.contents()
    } finally {
      await workshop.close()
    }
  }

  it('gives after any changes, with compaction and expiry between, what a full build gives', async () => {
    const steps = fc.array(
      fc.record({
        changes: fc.array(change, { minLength: 1, maxLength: 8 }),
        compact: fc.boolean(),
      }),
      { minLength: 2, maxLength: 4 },
    )
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        let shop = first
        const workshop = await openWorkshop({ model, engine, rows: () => rowsOf(shop) })
        try {
          for (const step of list) {
            shop = step.changes.reduce(applyChange, shop)
            requireDone(await workshop.run())
            if (step.compact)
              await compactTables(workshop.context, workshop.tasks, {
                keepSnapshots: 1,
                snapshotAgeMs: 0,
                orphanAgeMs: 0,
              })
          }
          deepEqual(await workshop.contents(), await fresh(shop))
          const again = requireDone(await workshop.run())
          deepEqual(
            again.tasks.filter((task) => task.status !== 'unchanged'),
            [],
          )
        } finally {
          await workshop.close()
        }
      }),
      { seed: 5, numRuns: 6 },
    )
  })

  it('rebuilds and publishes only the day that a late order touches', async () => {
    let shop = [
      { kind: 'order', id: 1, hour: 30, member: 1 } as const,
      { kind: 'order', id: 2, hour: 60, member: 2 } as const,
      { kind: 'line', id: 1, order: 1, product: 1, quantity: 1 } as const,
      { kind: 'line', id: 2, order: 2, product: 1, quantity: 1 } as const,
    ].reduce<Shop>(applyChange, first)
    const workshop = await openWorkshop({ model, engine, rows: () => rowsOf(shop) })
    try {
      requireDone(await workshop.run())
      shop = applyChange(shop, { kind: 'order', id: 3, hour: 31, member: 3 })
      const record = requireDone(await workshop.run())
      const outcome = (id: string) => record.tasks.find((task) => task.taskId === id)!
      equal(outcome('raw.shop.orders').partitionsPublished, 1)
      deepEqual(
        [outcome('act.ordering').partitionsBuilt, outcome('act.ordering').partitionsPublished],
        [1, 1],
      )
      deepEqual(
        [
          outcome('merged.ordering').partitionsBuilt,
          outcome('merged.ordering').partitionsPublished,
        ],
        [1, 1],
      )
      equal(outcome('merged.purchase').status, 'unchanged')
      equal(outcome('obj.member').status, 'unchanged')
    } finally {
      await workshop.close()
    }
  })

  it('derives attributes anew only for the members whose activities changed, also when one lost a line', async () => {
    const orders = [1, 2, 3].flatMap((id) => [
      { kind: 'order', id, hour: 30 * id, member: id } as const,
      { kind: 'line', id, order: id, product: 1, quantity: 1 } as const,
    ])
    let shop = orders.reduce<Shop>(applyChange, first)
    const workshop = await openWorkshop({ model, engine, rows: () => rowsOf(shop), buckets: 64 })
    const builtOf = async (made: Change): Promise<number> => {
      shop = applyChange(shop, made)
      const record = requireDone(await workshop.run())
      deepEqual(await workshop.contents(), await fresh(shop))
      return record.tasks.find((task) => task.taskId === 'obj_attr.member.habit')!.partitionsBuilt
    }
    try {
      requireDone(await workshop.run())
      equal(await builtOf({ kind: 'line', id: 4, order: 2, product: 2, quantity: 3 }), 1)
      equal(await builtOf({ kind: 'line', id: 4, order: 3, product: 2, quantity: 3 }), 2)
      equal(await builtOf({ kind: 'delete_line', id: 4 }), 1)
    } finally {
      await workshop.close()
    }
  })

  it('rebuilds merged days only from the instant on at which another version holds', async () => {
    const orders = Array.from({ length: 6 }, (_, index) => [
      { kind: 'order', id: index + 1, hour: 24 * index + 20, member: 1 } as const,
      { kind: 'line', id: index + 1, order: index + 1, product: 1, quantity: 1 } as const,
    ]).flat()
    let shop = orders.reduce<Shop>(applyChange, first)
    const workshop = await openWorkshop({ model, engine, rows: () => rowsOf(shop) })
    try {
      requireDone(await workshop.run())
      shop = applyChange(shop, { kind: 'version', product: 1, hour: 24 * 4, name: 'b' })
      const record = requireDone(await workshop.run())
      const merged = record.tasks.find((task) => task.taskId === 'merged.purchase')!
      // Of six days: the one in whose evening the version begins, which comes out as before, and the two after it.
      deepEqual([merged.partitionsBuilt, merged.partitionsPublished], [3, 2])
      deepEqual(await workshop.contents(), await fresh(shop))
    } finally {
      await workshop.close()
    }
  })

  it('keeps what lies outside the asked days for later', async () => {
    const orders = Array.from(
      { length: 4 },
      (_, index) => ({ kind: 'order', id: index + 1, hour: 24 * index + 20, member: 1 }) as const,
    )
    const shop = orders.reduce<Shop>(applyChange, first)
    const workshop = await openWorkshop({ model, engine, rows: () => rowsOf(shop) })
    try {
      requireDone(await workshop.run({ from: '2011-03-02', to: '2011-03-04' }))
      const partly = await workshop.contents()
      deepEqual(
        partly['act.ordering']!.map((row) => row.split(' | ').at(-1)),
        ['2011-03-02', '2011-03-03'],
      )
      requireDone(await workshop.run())
      deepEqual(await workshop.contents(), await fresh(shop))
    } finally {
      await workshop.close()
    }
  })

  it('publishes nothing of a task whose check fails, keeps the rejected rows, and goes on with the rest', async () => {
    let shop = [
      { kind: 'order', id: 1, hour: 30, member: 1 } as const,
      { kind: 'line', id: 1, order: 1, product: 1, quantity: 1 } as const,
    ].reduce<Shop>(applyChange, first)
    const workshop = await openWorkshop({ model, engine, rows: () => rowsOf(shop) })
    try {
      requireDone(await workshop.run())
      const good = await workshop.contents()
      shop = [
        { kind: 'line', id: 2, order: 1, product: 2, quantity: -1 } as const,
        { kind: 'order', id: 2, hour: 40, member: 2 } as const,
      ].reduce<Shop>(applyChange, shop)
      const record = await workshop.run()
      const status = Object.fromEntries(record.tasks.map((task) => [task.taskId, task.status]))
      equal(record.status, 'failed')
      deepEqual(
        [
          status['act.purchase'],
          status['merged.purchase'],
          status['obj_attr.member.habit'],
          status['act.ordering'],
          status['merged.ordering'],
        ],
        ['failed', 'blocked', 'blocked', 'published', 'blocked'],
      )
      const error = record.tasks.find((task) => task.taskId === 'act.purchase')!.error!
      ok(error.includes('1 row breaks the check "quantity is positive"'), error)
      const bad = await workshop.contents()
      deepEqual(bad['act.purchase'], good['act.purchase'])
      const rejected = JSON.parse(
        new TextDecoder().decode(
          await workshop.context.files.read(`${workshop.folder}/rejected/act.purchase.json`),
        ),
      ) as { readonly rows: readonly unknown[][] }
      equal(rejected.rows.length, 1)
      shop = applyChange(shop, { kind: 'delete_line', id: 2 })
      requireDone(await workshop.run())
      deepEqual(await workshop.contents(), await fresh(shop))
    } finally {
      await workshop.close()
    }
  })

  it('goes on from the lake alone when the records are lost', async () => {
    const orders = Array.from({ length: 4 }, (_, index) => [
      { kind: 'order', id: index + 1, hour: 24 * index + 20, member: 1 } as const,
      { kind: 'line', id: index + 1, order: index + 1, product: 1, quantity: 1 } as const,
    ]).flat()
    let shop = orders.reduce<Shop>(applyChange, first)
    const before = await openWorkshop({ model, engine, rows: () => rowsOf(shop) })
    requireDone(await before.run())
    await compactTables(before.context, before.tasks, {
      keepSnapshots: 1,
      snapshotAgeMs: 0,
      orphanAgeMs: 0,
    })
    const contents = await before.contents()
    await before.state.close()
    for (const end of ['', '-wal', '-shm'])
      await rm(join(before.folder, `state.db${end}`), { force: true })
    const workshop = await openWorkshop({
      model,
      engine,
      rows: () => rowsOf(shop),
      folder: before.folder,
    })
    try {
      const recovered = await recoverState(workshop.context)
      equal(recovered.length, workshop.tasks.length)
      deepEqual(await workshop.contents(), contents)
      const again = requireDone(await workshop.run())
      deepEqual(
        again.tasks.filter((task) => task.status !== 'unchanged'),
        [],
      )
      shop = applyChange(shop, { kind: 'version', product: 1, hour: 30, name: 'b' })
      requireDone(await workshop.run())
      deepEqual(await workshop.contents(), await fresh(shop))
    } finally {
      await workshop.close()
    }
  })

  it('refuses to start while another run holds the project', async () => {
    const workshop = await openWorkshop({ model, engine, rows: () => rowsOf(first) })
    try {
      const lease = await workshop.state.acquireLease(
        'run',
        `${hostname()} ${process.pid} other`,
        60_000,
      )
      ok(lease !== undefined)
      await rejects(workshop.run(), { code: 'RUN_IN_PROGRESS' })
      await workshop.state.releaseLease(lease)
      requireDone(await workshop.run())
    } finally {
      await workshop.close()
    }
  })
})

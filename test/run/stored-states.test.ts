/** Stored states and indicators follow what happens to the activities: what is stale is not answered from, and what is renewed is only what changed. */
import { deepEqual, equal, notEqual, ok } from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { StoredAnswersReader } from '../../src/app/stored-answers.ts'
import { openDuckdbEngine } from '../../src/engine/duckdb/duckdb.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { compileQuestion, stateTasks } from '../../src/metric/metric.ts'
import type { CompiledQuestion, MetricQuestion } from '../../src/metric/metric.ts'
import type { MetricModel, Model, Predicate } from '../../src/model/model.ts'
import { storedName } from '../../src/plan/plan.ts'
import { runTasks } from '../../src/run/run.ts'
import type { RunContext } from '../../src/run/run.ts'
import type { RunRecord } from '../../src/state/state.ts'
import { openWorkshop, requireDone, type Workshop } from './run-harness.ts'
import { shopModel, type ShopRows } from './shop-project.ts'

function metric(
  name: string,
  aggregate: 'sum' | 'distinct' | 'count',
  rest: { readonly column?: string; readonly filter?: Predicate } = {},
): MetricModel {
  const { column, filter } = rest
  return {
    kind: 'aggregate',
    id: `metric.${name}`,
    name,
    place: { file: 'metric/test.ts' },
    owner: 'test',
    description: name,
    synonyms: [],
    selection: {
      kind: 'selection',
      activity: 'act.purchase',
      selector: { kind: 'all' },
      ...(filter === undefined ? {} : { filter }),
      take: { kind: 'aggregate', aggregate, ...(column === undefined ? {} : { column }) },
    },
  }
}

const zone = 'Asia/Seoul'

function modelWith(least: number): Model {
  const filter: Predicate = { kind: 'compare', path: 'quantity', operator: '>=', value: least }
  // No metric that adds up has this condition.
  const small: Predicate = { kind: 'compare', path: 'quantity', operator: '<', value: least }
  return {
    ...shopModel(zone),
    metrics: [
      metric('sales', 'sum', { column: 'amount' }),
      metric('buyers', 'distinct', { column: 'member' }),
      metric('big_lines', 'count', { filter }),
      metric('small_buyers', 'distinct', { column: 'member', filter: small }),
    ],
  }
}

/** Lines (order, product, quantity) on days of January and February 2020. */
type Line = readonly [order: number, product: number, quantity: number]
const orders: (readonly [id: number, member: number, day: string])[] = [
  [1, 1, '2020-01-03'],
  [2, 2, '2020-01-03'],
  [3, 1, '2020-01-20'],
  [4, 2, '2020-02-05'],
  [5, 1, '2020-02-06'],
]
const lines: Line[] = [
  [1, 1, 2],
  [2, 1, 5],
  [2, 2, 1],
  [3, 2, 4],
  [4, 1, 3],
  [5, 2, 1],
]

const countries = ['KR', 'FR']

function rows(): ShopRows {
  const instant = (day: string): string => `timestamptz '${day} 12:00:00+09'`
  return {
    member: countries.map((country, at) => [String(at + 1), `'${country}'`]),
    product_version: [
      ['1', '1', `'a'`, instant('2019-01-01')],
      ['2', '2', `'b'`, instant('2019-01-01')],
      ['3', '1', `'c'`, instant('2020-01-10')],
    ],
    orders: orders.map(([id, member, day]) => [String(id), String(member), instant(day)]),
    item: lines.map(([order, product, quantity], at) => [
      String(at + 1),
      String(order),
      String(product),
      String(quantity),
      '10.00',
    ]),
  }
}

const january = { from: '2020-01-01', to: '2020-02-01' }
const february = { from: '2020-02-01', to: '2020-03-01' }
const metrics = ['sales', 'buyers', 'big_lines', 'small_buyers']
const dimensions: readonly (readonly string[])[] = [
  [],
  ['member.country'],
  ['product.name'],
  ['month', 'product.name'],
  ['quantity'],
]

describe('stored states and indicators of a project', () => {
  let engine: Engine
  let workshop: Workshop

  before(async () => {
    engine = await openDuckdbEngine()
    workshop = await openWorkshop({ model: modelWith(3), rows, engine })
  })

  after(async () => {
    await workshop.close()
    await engine.close()
  })

  const contextOf = (model: Model): RunContext => {
    const stored = stateTasks(model, { engineVersion: engine.version })
    return { ...workshop.context, tasks: [...workshop.tasks, ...stored] }
  }

  const store = async (): Promise<RunRecord> =>
    requireDone(
      await runTasks(contextOf(modelWith(3)), {
        ids: ['indicator.month.purchase'],
        range: { from: undefined, to: undefined },
        full: false,
      }),
    )

  /** The answer from where the router says, after it was found equal to that from activities. */
  const ask = async (model: Model, question: MetricQuestion): Promise<CompiledQuestion> => {
    const { tasks, state } = contextOf(model)
    const freshness = await new StoredAnswersReader().read({
      model,
      state,
      tasks: async () => tasks,
    })
    const routed = compileQuestion(model, question, freshness)
    deepEqual(await answer(routed), await answer(compileQuestion(model, question)))
    return routed
  }

  const answer = async ({ sql, reads }: CompiledQuestion): Promise<unknown> => {
    const session = await engine.open({ zone })
    try {
      for (const { table, filters } of reads) {
        const task = contextOf(modelWith(3)).tasks.find((each) => storedName(each.table) === table)!
        const found = (await workshop.lake.table(task.id))!
        await session.bindScan(table, await workshop.lake.scan(found, { filters }))
      }
      return (await session.query(sql)).rows
    } finally {
      await session.close()
    }
  }

  const kindsOf = async (model: Model, range: object): Promise<readonly string[]> => {
    const kinds: string[] = []
    for (const by of dimensions) {
      const { sources } = await ask(model, { metrics, by, ...range })
      kinds.push([...new Set(sources.map(({ kind }) => kind))].join())
    }
    return kinds
  }

  const published = (record: RunRecord, id: string): number =>
    record.tasks.find(({ taskId }) => taskId === id)!.partitionsPublished

  it('answers from them as from activities, and not at all before they are built', async () => {
    requireDone(await workshop.run())
    deepEqual(
      await kindsOf(modelWith(3), january),
      dimensions.map(() => 'activities'),
    )
    await store()
    deepEqual(
      await kindsOf(modelWith(3), january),
      dimensions.map(() => 'indicators'),
    )
  })

  it('does not sum a distinct count over periods, but merges the states that have the members', async () => {
    const { sources } = await ask(modelWith(3), {
      metrics,
      by: ['member.country'],
      from: '2020-01-01',
      to: '2020-03-01',
    })
    deepEqual(
      sources.map(({ kind, metrics: names }) => [kind, ...names]),
      [
        ['indicators', 'sales', 'big_lines'],
        ['states', 'buyers', 'small_buyers'],
      ],
    )
  })

  it('answers a month with a late event from activities, the other month from what is stored, and renews one day', async () => {
    lines.push([3, 1, 7])
    requireDone(await workshop.run())
    deepEqual(await kindsOf(modelWith(3), january), [
      'activities',
      'activities',
      'activities',
      // Other days of the month are fresh, but the answer is of the whole month.
      'activities',
      'activities',
    ])
    // The event changed what its member does, which is a dimension of every month's indicators; the states of the other month have no part in it.
    deepEqual(await kindsOf(modelWith(3), february), [
      'states',
      'states',
      'states',
      'states',
      'activities',
    ])
    const renewed = await store()
    equal(published(renewed, 'state.day.purchase__member'), 1)
    equal(published(renewed, 'state.month.purchase__member'), 1)
    equal(published(renewed, 'indicator.month.purchase'), 1)
    deepEqual(
      await kindsOf(modelWith(3), january),
      dimensions.map(() => 'indicators'),
    )
    equal((await store()).tasks.filter(({ status }) => status === 'published').length, 0)
  })

  it('lets all stand when a member comes who did nothing yet', async () => {
    countries.push('US')
    requireDone(await workshop.run())
    const stored = ['indicators', 'indicators', 'indicators', 'indicators', 'indicators']
    deepEqual(await kindsOf(modelWith(3), january), stored)
    deepEqual(await kindsOf(modelWith(3), february), stored)
  })

  it('answers a month from activities in which the country of someone who bought was put right, and the other from what is stored', async () => {
    orders.push([6, 3, '2020-02-07'])
    lines.push([6, 1, 1])
    requireDone(await workshop.run())
    await store()
    countries[2] = 'CA'
    requireDone(await workshop.run({ ids: ['obj.member'] }))
    // Of which days it is attached to a row, nobody looked yet.
    deepEqual((await kindsOf(modelWith(3), january))[0], 'states')
    requireDone(await workshop.run())
    deepEqual(
      await kindsOf(modelWith(3), january),
      dimensions.map(() => 'indicators'),
    )
    deepEqual((await kindsOf(modelWith(3), february))[0], 'states')
    equal(published(await store(), 'indicator.month.purchase'), 1)
  })

  it('does not use what an older definition made', async () => {
    for (const by of dimensions) {
      const { sources } = await ask(modelWith(4), { metrics, by, ...february })
      const changed = sources.find((source) => source.metrics.includes('big_lines'))
      equal(changed?.kind, 'activities')
    }
    const version = (model: Model): string =>
      contextOf(model).tasks.find(({ id }) => id === 'indicator.month.purchase')!.version
    notEqual(version(modelWith(3)), version(modelWith(4)))
    ok(version(modelWith(3)) === version(modelWith(3)))
  })
})

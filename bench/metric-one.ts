/** One indicator of a month, over 50 seeded pairs of 1,000 attributes and 40 metrics, beside hand-written SQL and Malloy over a native denormalised table with equal answers. */
import { isDeepStrictEqual } from 'node:util'
import { assert } from '../src/base/errors.ts'
import type { Result } from '../src/engine/engine.ts'
import type { MetricQuestion, StoredFreshness } from '../src/metric/metric.ts'
import type { Bench, Figure } from './figure.ts'
import { openMalloy } from './shop-at-scale/malloy.ts'
import type { MalloyQuestion } from './shop-at-scale/malloy.ts'
import { openProject } from './shop-at-scale/opened.ts'
import type { OpenedProject } from './shop-at-scale/opened.ts'
import { runShop, storeIds, writeShopAtScale } from './shop-at-scale/shop-at-scale.ts'

const pairs = 50
const month = { from: '2026-09-01', to: '2026-10-01' }

export const run: Bench = async ({ short }) => {
  // Short: a thousandth of the shop; else a hundredth, or what MARU_SCALE says.
  const factor = Number(process.env['MARU_SCALE'] ?? (short ? 0.001 : 0.01))
  const shop = await writeShopAtScale(factor, 30)
  try {
    await runShop(shop.folder)
    const storeMs = await storeIds(shop.folder, ['indicator.month.purchase'])
    const project = await openProject(shop.folder)
    try {
      return await measure(project, storeMs)
    } finally {
      await project.close()
    }
  } finally {
    shop.remove()
  }
}

async function measure(project: OpenedProject, storeMs: number): Promise<readonly Figure[]> {
  const nativeMs = await makeNative(project)
  const fresh = await project.freshness()
  const onlyStates = new Map([...fresh].filter(([id]) => id.startsWith('state.')))
  const sources: Readonly<Record<string, StoredFreshness>> = {
    'stored indicator': fresh,
    'merged states': onlyStates,
    activities: new Map(),
  }
  const times = new Map(
    [...Object.keys(sources), 'compile', 'by hand', 'Malloy', 'compile by Malloy'].map((name) => [
      name,
      [] as number[],
    ]),
  )
  const wide = await project.session.query('select * from memory.main.purchase_wide limit 0')
  const malloy = openMalloy('memory.main.purchase_wide', wide.columns)
  for (const { question, byHand, asked: inMalloy } of seededPairs(project)) {
    await project.session.query(byHand)
    const started = performance.now()
    const expected = await project.session.query(byHand)
    times.get('by hand')!.push(performance.now() - started)
    await project.session.query(await malloy.sqlOf(inMalloy))
    const before = performance.now()
    const sql = await malloy.sqlOf(inMalloy)
    times.get('compile by Malloy')!.push(performance.now() - before)
    const answered = await project.session.query(sql)
    times.get('Malloy')!.push(performance.now() - before)
    assert(isSame(answered, expected), `${JSON.stringify(question)} from Malloy is as by hand`)
    for (const [name, freshness] of Object.entries(sources)) {
      await project.ask(question, freshness)
      const asked = await project.ask(question, freshness)
      assert(
        isSame(asked.result, expected),
        `${JSON.stringify(question)} from ${name} is as by hand`,
      )
      times.get(name)!.push(asked.ms)
      times.get('compile')!.push(asked.compileMs)
    }
  }
  return [
    {
      what: 'building states and indicators of the month',
      value: seconds(storeMs),
      unit: 's',
      beside: { what: 'making the native table', value: seconds(nativeMs) },
    },
    {
      what: 'bytes of states and indicators',
      value: await storedMegabytes(project, fresh),
      unit: 'MB',
    },
    ...figuresOf(times, Object.keys(sources)),
  ]
}

function figuresOf(
  times: ReadonlyMap<string, readonly number[]>,
  sources: readonly string[],
): readonly Figure[] {
  const at = (name: string, share: number): number => percentile(times.get(name)!, share)
  const both = (what: string, name: string): readonly Figure[] =>
    [0.5, 0.95].map((share) => ({
      what: `${what} (p${share * 100})`,
      value: at(name, share),
      unit: 'ms',
      beside: { what: 'by hand over the native table', value: at('by hand', share) },
    }))
  return [
    {
      what: 'compile (p95)',
      value: at('compile', 0.95),
      unit: 'ms',
      beside: { what: 'Malloy', value: at('compile by Malloy', 0.95) },
    },
    ...both('one indicator from Malloy over the native table', 'Malloy'),
    ...sources.flatMap((name) => both(`one indicator from ${name}`, name)),
    {
      what: 'one indicator from stored indicator (p50), again',
      value: at('stored indicator', 0.5),
      unit: 'ms',
      beside: { what: 'aim', value: 10 },
    },
  ]
}

/** The month's purchases with every attribute as it was then, in the engine's own storage: what a person would make to ask fast. */
async function makeNative({ session, lake, model }: OpenedProject): Promise<number> {
  const started = performance.now()
  const merged = model.tables.find(({ id }) => id === 'merged.purchase')!
  assert(merged.kind === 'merged', 'purchases are merged')
  const bind = async (id: string): Promise<string> => {
    const table = await lake.table(id)
    assert(table !== undefined, `${id} is built`)
    const name = `by_hand.${id.replaceAll('.', '_')}`
    await session.bindScan(name, await lake.scan(table))
    return name
  }
  const joins = [
    `left join ${await bind('obj.member')} as member on member.id = purchase.member`,
    `left join ${await bind('obj.product')} as product on product.id = purchase.product`,
  ]
  const columns = ['purchase.*']
  for (const object of ['member', 'product']) {
    const table = model.tables.find(({ id }) => id === `obj.${object}`)!
    columns.push(
      ...table.columns
        .filter(({ name }) => /_\d+$/.test(name))
        .map(({ name }) => `${object}.${name}`),
    )
  }
  for (const { column, group } of merged.versions) {
    const alias = column.replace('_version', '')
    joins.push(
      `left join ${await bind(group)} as ${alias} on ${alias}.version = purchase.${column}`,
    )
    const table = model.tables.find(({ id }) => id === group)!
    columns.push(
      ...table.columns
        .filter(({ name }) => /_\d+$/.test(name))
        .map(({ name }) => `${alias}.${name}`),
    )
  }
  await session.run(
    `create table memory.main.purchase_wide as select ${columns.join(', ')} from ${await bind('merged.purchase')} as purchase ${joins.join(' ')}`,
  )
  return performance.now() - started
}

interface Pair {
  readonly question: MetricQuestion
  readonly byHand: string
  readonly asked: MalloyQuestion
}

/** By the prefix of the metric's name; in SQL and in Malloy's words. */
const filters: Readonly<Record<string, readonly [string, string | undefined]>> = {
  '': ['true', undefined],
  app_: [`channel = 'app'`, `channel = 'app'`],
  web_: [`channel = 'web'`, `channel = 'web'`],
  store_: [`channel = 'store'`, `channel = 'store'`],
  kept_: [`status = 'paid'`, `status = 'paid'`],
  lost_: [`status in ('cancelled', 'returned')`, `status = ('cancelled' | 'returned')`],
}
const aggregates: Readonly<Record<string, readonly [string, string]>> = {
  sales: ['sum(amount)', 'amount.sum()'],
  lines: ['count(*)', 'count()'],
  pieces: ['sum(quantity)::bigint', 'quantity.sum()'],
  discount: ['sum(discount)', 'discount.sum()'],
  buyers: ['count(distinct member)', 'count(member)'],
  sales_per_buyer: ['sum(amount)::double / count(distinct member)', 'amount.sum() / count(member)'],
  sales_per_line: ['sum(amount)::double / count(*)', 'amount.sum() / count()'],
}

/** A metric as a person would write it, with its filter as the condition of the statement. */
function seededPairs({ model }: OpenedProject): readonly Pair[] {
  const paths = model.tables.flatMap((table) => {
    if (table.kind !== 'object' && table.kind !== 'attributes') return []
    const object = (table.kind === 'object' ? table.id : table.object).slice('obj.'.length)
    return table.columns
      .filter(({ name }) => /_\d+$/.test(name))
      .map(({ name }) => [object, name] as const)
  })
  let seed = 20_260_901
  const next = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
    return Math.floor((seed / 2 ** 31) * below)
  }
  return Array.from({ length: pairs }, () => {
    const [prefix, [filter, filterOfMalloy]] = Object.entries(filters)[next(6)]!
    const [name, [aggregate, measure]] = Object.entries(aggregates)[next(7)]!
    const [object, attribute] = paths[next(paths.length)]!
    return {
      question: { metrics: [`${prefix}${name}`], by: [`${object}.${attribute}`], ...month },
      byHand: `select ${attribute}, ${aggregate} from memory.main.purchase_wide
where ${filter} and day >= date '${month.from}' and day < date '${month.to}' group by ${attribute} order by ${attribute} nulls last`,
      asked: { measure, filter: filterOfMalloy, by: attribute, ...month },
    }
  })
}

async function storedMegabytes({ lake }: OpenedProject, fresh: StoredFreshness): Promise<number> {
  let bytes = 0
  for (const id of fresh.keys()) {
    const table = await lake.table(id)
    if (table === undefined) continue
    bytes += (await lake.scan(table)).files.reduce((sum, file) => sum + file.sizeBytes, 0)
  }
  return Math.round(bytes / 1e6)
}

function isSame(left: Result, right: Result): boolean {
  const text = (result: Result): unknown =>
    result.rows.map(([value, answer]) => [
      value,
      answer === null || answer === undefined ? answer : Number(answer).toPrecision(9),
    ])
  return left.rows.length > 0 && isDeepStrictEqual(text(left), text(right))
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right)
  return (
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]! * 100) / 100
  )
}

function seconds(ms: number): number {
  return Math.round(ms) / 1000
}

/** All indicators of a month at once: 100 metrics by 1,000 attributes; what a new day costs by length of history; and two years beside two months. */
import { isDeepStrictEqual } from 'node:util'
import { addDays } from '../src/base/time.ts'
import { assert } from '../src/base/errors.ts'
import { compileQuestion, legalDimensions } from '../src/metric/metric.ts'
import type { MetricQuestion } from '../src/metric/metric.ts'
import { median } from './figure.ts'
import type { Bench, Figure } from './figure.ts'
import { openProject } from './shop-at-scale/opened.ts'
import type { OpenedProject } from './shop-at-scale/opened.ts'
import { firstDay } from './shop-at-scale/rows.ts'
import { runShop, storeIds, writeShopAtScale } from './shop-at-scale/shop-at-scale.ts'
import type { ShopAtScale } from './shop-at-scale/shop-at-scale.ts'

const activities = ['purchase', 'product_view', 'product_like']
const month = { from: firstDay, to: addDays(firstDay, 30) }
const comparedPairs = 20

export const run: Bench = async ({ short }) => {
  const factor = Number(process.env['MARU_SCALE'] ?? (short ? 0.001 : 0.01))
  // In half a minute: one activity of three.
  const stored = short ? activities.slice(0, 1) : activities
  const figures = await withShop(factor, 30, (shop) => allPairs(shop, stored))
  if (short) return figures
  // A tenth of the rows a day: what is compared is the history.
  for (const days of [1, 10, 100])
    figures.push(...(await withShop(factor / 10, days, (shop) => oneMoreDay(shop, days))))
  figures.push(...(await withShop(factor / 100, 730, twoYears)))
  return figures
}

async function withShop(
  factor: number,
  days: number,
  work: (shop: ShopAtScale) => Promise<Figure[]>,
): Promise<Figure[]> {
  const shop = await writeShopAtScale(factor, days)
  try {
    await runShop(shop.folder)
    return await work(shop)
  } finally {
    shop.remove()
  }
}

async function allPairs(shop: ShopAtScale, stored: readonly string[]): Promise<Figure[]> {
  const ids = stored.map((name) => `indicator.month.${name}`)
  const statesMs = await storeIds(
    shop.folder,
    stored.flatMap((name) => stateIds(name)),
  )
  const memory = watchMemory()
  const ms = await storeIds(shop.folder, ids)
  const peak = memory.stop()
  const project = await openProject(shop.folder)
  try {
    const metrics = await storedMetrics(project)
    const dimensions = legalDimensions(project.model, metrics[0]!)
      .map(({ path }) => path)
      .filter((path) => /_\d+$/.test(path))
    const oneMs = await compareSome(project, { metrics, dimensions })
    const scanMs = await scanOnce(project)
    const count = metrics.length * dimensions.length
    return [
      {
        what: `${count} indicators of a month (${metrics.length} metrics × ${dimensions.length} attributes)`,
        value: seconds(ms),
        unit: 's',
        beside: {
          what: `one by one from activities (${oneMs} ms each)`,
          value: Math.round((oneMs * count) / 1000),
        },
      },
      { what: 'the states that they are made of', value: seconds(statesMs), unit: 's' },
      {
        what: 'share of the scan speed: reading every attribute and row once',
        value: seconds(scanMs),
        unit: 's',
        beside: { what: 'all indicators', value: seconds(ms) },
      },
      {
        what: 'most memory while they are made',
        value: Math.round(peak / 1e6),
        unit: 'MB',
        beside: { what: 'limit', value: 16_000 },
      },
    ]
  } finally {
    await project.close()
  }
}

function stateIds(activity: string): readonly string[] {
  const entities = { purchase: ['order_id'], product_view: ['visit_id'], product_like: [] }[
    activity
  ]!
  return ['member', 'product'].flatMap((reference) =>
    ['', ...entities, reference === 'member' ? 'product' : 'member'].map(
      (entity) => `state.month.${activity}__${reference}${entity === '' ? '' : `__${entity}`}`,
    ),
  )
}

/** Those whose rows are all of activities with stored indicators. */
async function storedMetrics(project: OpenedProject): Promise<readonly string[]> {
  const fresh = await project.freshness()
  return project.model.metrics
    .map(({ name }) => name)
    .filter((name) =>
      compileQuestion(project.model, { metrics: [name], ...month }, fresh).sources.every(
        ({ kind }) => kind === 'indicators',
      ),
    )
}

/** Some pairs from what is stored and from activities are the same. Returns the median time from activities. */
async function compareSome(
  project: OpenedProject,
  pairs: { readonly metrics: readonly string[]; readonly dimensions: readonly string[] },
): Promise<number> {
  const { metrics, dimensions } = pairs
  const fresh = await project.freshness()
  const times: number[] = []
  for (let at = 0; at < comparedPairs; at++) {
    const question: MetricQuestion = {
      metrics: [metrics[(at * 37) % metrics.length]!],
      by: [dimensions[(at * 101) % dimensions.length]!],
      ...month,
    }
    const stored = await project.ask(question, fresh)
    assert(
      stored.compiled.sources.every(({ kind }) => kind === 'indicators'),
      `${JSON.stringify(question)} is stored`,
    )
    const asked = await project.ask(question, new Map())
    assert(isSame(stored.result.rows, asked.result.rows), `${JSON.stringify(question)} is the same`)
    times.push(asked.ms)
  }
  return Math.round(median(times))
}

/** Reads all columns of the attributes and of the month's merged rows. */
async function scanOnce({ session, lake, model }: OpenedProject): Promise<number> {
  let ms = 0
  for (const { id, kind } of model.tables) {
    if (kind !== 'object' && kind !== 'attributes' && kind !== 'merged') continue
    const table = await lake.table(id)
    if (table?.current === undefined) continue
    await session.bindScan('whole', await lake.scan(table))
    const counted = table.schema.fields.map(({ name }) => `max(${name})`)
    const started = performance.now()
    await session.query(`select ${counted.join(', ')} from whole`)
    ms += performance.now() - started
  }
  return ms
}

async function oneMoreDay(shop: ShopAtScale, days: number): Promise<Figure[]> {
  const ids = ['indicator.day.purchase']
  const wholeMs = await storeIds(shop.folder, ids)
  await shop.addDays(1)
  await runShop(
    shop.folder,
    activities.map((name) => `merged.${name}`),
  )
  const ms = await storeIds(shop.folder, ids)
  return [
    {
      what: `states and indicators of one more day after ${days}`,
      value: seconds(ms),
      unit: 's',
      beside: { what: `of the ${days} days`, value: seconds(wholeMs) },
    },
  ]
}

async function twoYears(shop: ShopAtScale): Promise<Figure[]> {
  await storeIds(shop.folder, ['state.year.purchase__member'])
  const project = await openProject(shop.folder)
  try {
    const fresh = await project.freshness()
    const timeOf = async (range: {
      readonly from: string
      readonly to: string
    }): Promise<number> => {
      const question = { metrics: ['buyers', 'sales'], by: ['member.trait_010'], ...range }
      const times: number[] = []
      for (let at = 0; at < 7; at++) {
        const asked = await project.ask(question, fresh)
        assert(
          asked.compiled.sources.every(({ kind }) => kind === 'states'),
          'states answer it',
        )
        const activity = at === 0 ? await project.ask(question, new Map()) : undefined
        assert(
          activity === undefined || isSame(activity.result.rows, asked.result.rows),
          'the answers agree',
        )
        if (at > 0) times.push(asked.ms)
      }
      return Math.round(median(times) * 10) / 10
    }
    return [
      {
        what: 'buyers and sales over two years, from states',
        value: await timeOf({ from: firstDay, to: '2028-09-01' }),
        unit: 'ms',
        beside: {
          what: 'over two months',
          value: await timeOf({ from: '2027-01-01', to: '2027-03-01' }),
        },
      },
    ]
  } finally {
    await project.close()
  }
}

function watchMemory(): { stop(): number } {
  let peak = 0
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss())
  }, 50)
  return {
    stop: () => {
      clearInterval(timer)
      return Math.max(peak, process.memoryUsage.rss())
    },
  }
}

function isSame(
  left: readonly (readonly unknown[])[],
  right: readonly (readonly unknown[])[],
): boolean {
  const text = (rows: typeof left): unknown =>
    rows.map((row) => row.map((cell) => (typeof cell === 'number' ? cell.toPrecision(9) : cell)))
  return isDeepStrictEqual(text(left), text(right))
}

function seconds(ms: number): number {
  return Math.round(ms) / 1000
}

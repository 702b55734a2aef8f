/**
 * The demo: a real PostgreSQL with a simulated shop, taken in, modelled and asked, by the same doors that everybody uses. What it makes is kept,
 * so a second run only brings up to date what changed, and the project stays to be explored.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout as wait } from 'node:timers/promises'
import { formatError, MaruError } from '../../base/errors.ts'
import { isProcessAlive } from '../../base/processes.ts'
import type { Result } from '../../engine/engine.ts'
import type { MetricQuestion } from '../../metric/metric.ts'
import type { RunRecord } from '../../state/state.ts'
import type { App, NewKey, RunProgress } from '../app.ts'
import { openApp } from '../open.ts'
import { startProject } from '../start.ts'
import { visitShop } from './visitors.ts'
import { startServer } from './postgres.ts'
import type { DemoServer } from './postgres.ts'
import { defaultShopSize, fillShop, isFilled } from './shop.ts'
import type { ShopSize } from './shop.ts'

export { defaultShopSize }
export type { ShopSize }

export interface DemoOptions {
  readonly size: ShopSize
  /** Leave PostgreSQL running at the end. */
  readonly keep: boolean
  readonly onEvent: (event: DemoEvent) => void
  readonly signal?: AbortSignal
  /** How long visitors are simulated; absent or 0: not at all. */
  readonly eventsMs?: number
  /** The example shop when absent. */
  readonly projectFolder?: string
}

/** What there is to show, in order. `progress` may be drawn over by the next event, the others stay. */
export type DemoEvent =
  | {
      readonly kind: 'progress'
      readonly what: string
      readonly done: number
      readonly total: number
    }
  | { readonly kind: 'done'; readonly what: string; readonly durationMs: number }
  | {
      readonly kind: 'answer'
      readonly title: string
      readonly command: string
      readonly result: Result
    }
  | { readonly kind: 'next'; readonly lines: readonly string[] }

/** The port that the example's maru.config.ts names; another is taken when it is not free, and given to the project by SHOP_URL. */
const usualPort = 15433
const database = 'shop'

/** The example shop of this checkout. */
export function demoProjectFolder(): string {
  return fileURLToPath(new URL('../../../examples/shop', import.meta.url))
}

function demoFolder(project: string): string {
  return path.join(project, '.maru', 'demo')
}

/** Runs the demo. Throws CHECK_FAILED, RUN_CHECK_FAILED when the project or its data does not hold, RUN_IN_PROGRESS beside another demo. */
export async function runDemo(options: DemoOptions): Promise<void> {
  const project = options.projectFolder ?? demoProjectFolder()
  const folder = demoFolder(project)
  await alone(folder, async () => {
    const server = await step(options, 'PostgreSQL started', () => startServer(folder, usualPort))
    try {
      await prepareShop(server, options)
      options.signal?.throwIfAborted()
      await useShop(project, server, options)
    } finally {
      if (!options.keep) await server.stop()
    }
  })
}

/** One demo at a time in a folder: the end of one would stop the server under the other. A file left by a demo that was killed is taken over. */
async function alone(folder: string, work: () => Promise<void>): Promise<void> {
  await mkdir(folder, { recursive: true })
  const file = path.join(folder, 'running')
  const owner = Number(await readFile(file, 'utf8').catch(() => ''))
  if (owner !== 0 && isProcessAlive(owner)) {
    throw new MaruError('RUN_IN_PROGRESS', `another demo runs here (process ${owner})`, {
      hint: `wait for it to end; if there is none, remove ${file}`,
      retry: 'later',
    })
  }
  await writeFile(file, String(process.pid))
  try {
    await work()
  } finally {
    await rm(file, { force: true })
  }
}

async function prepareShop(server: DemoServer, options: DemoOptions): Promise<void> {
  const url = server.url(database)
  if ((await server.has(database)) && (await isFilled(url, options.size))) return
  const { members, lines, years } = options.size
  const what = `shop made: ${count(members)} members, ${count(lines)} order lines, ${years} years`
  await step(options, what, async () => {
    await server.recreate(database)
    await fillShop(url, options.size, (progress) =>
      options.onEvent({ kind: 'progress', ...progress }),
    )
  })
}

async function useShop(folder: string, server: DemoServer, options: DemoOptions): Promise<void> {
  // The project reads its database's address from the environment, as it would anywhere; here the demo is that environment.
  // oxlint-disable-next-line node/no-process-env
  process.env['SHOP_URL'] = server.url(database)
  const app = openApp({ folder })
  try {
    await step(options, 'declarations checked', () => app.model())
    await bringUpToDate(app, options)
    for (const { title, question } of questions) {
      const { result } = await app.metric(question)
      options.onEvent({ kind: 'answer', title, command: commandOf(question), result })
    }
    await showEvents(app, options)
    options.onEvent({ kind: 'next', lines: nextLines(server, options.keep) })
  } finally {
    await app.close()
  }
}

/** Everything that `maru start` runs, some seconds of visitors, and how long after the last of them the metric knows all. */
async function showEvents(app: App, options: DemoOptions): Promise<void> {
  const { eventsMs = 0, signal } = options
  if (eventsMs === 0) return
  const writeKey = await demoKey(app)
  const started = await step(options, 'collector, landing and runs started', () =>
    startProject({
      folder: app.folder,
      host: '127.0.0.1',
      port: 0,
      say: () => undefined,
      onError: (error) => process.stderr.write(`maru: ${formatError(error)}\n`),
    }),
  )
  try {
    const viewsBefore = await askViews(app)
    const visited = await step(
      options,
      `visitors for ${eventsMs / 1_000} s, half of it a sale`,
      () =>
        visitShop({
          url: `http://127.0.0.1:${started.port}`,
          writeKey,
          // Another seed each time: a second demo sends events of its own.
          seed: Date.now() % 1_000_000_007,
          rate: 100,
          durationMs: eventsMs,
          saleAfterMs: eventsMs / 2,
          products: 100,
          members: options.size.members,
          ...(signal === undefined ? {} : { signal }),
        }),
    )
    const wanted = viewsBefore + visited.views
    const what = `${count(visited.sent)} events sent, ${count(visited.views)} of them product views: product_views went from ${count(viewsBefore)} to ${count(wanted)} after the last was sent`
    await step(options, what, () => waitForViews(app, wanted))
    const question: MetricQuestion = {
      metrics: ['product_views', 'visitors', 'views_per_visitor'],
      by: ['came_from'],
      order: ['-product_views'],
    }
    const { result } = await app.metric(question)
    const title = 'What visitors saw, and what led them there'
    options.onEvent({ kind: 'answer', title, command: commandOf(question), result })
  } finally {
    await started.stop()
  }
}

/** The key of the demo before, as long as it is in force. */
async function demoKey(app: App): Promise<string> {
  const file = path.join(demoFolder(app.folder), 'write-key.json')
  const kept = await readFile(file, 'utf8').catch(() => undefined)
  if (kept !== undefined) {
    const { id, key } = JSON.parse(kept) as NewKey
    if ((await app.keys.list()).some((each) => each.id === id && each.endsAtMs === undefined))
      return key
  }
  const made = await app.keys.create('web')
  await writeFile(file, JSON.stringify(made), { mode: 0o600 })
  return made.key
}

async function askViews(app: App): Promise<number> {
  const { result } = await app.metric({ metrics: ['product_views'] })
  return Number(result.rows[0]?.[0] ?? 0)
}

async function waitForViews(app: App, wanted: number): Promise<void> {
  const until = performance.now() + viewsWithinMs
  // oxlint-disable-next-line no-await-in-loop -- asks until it is so
  while ((await askViews(app)) < wanted) {
    if (performance.now() > until)
      throw new MaruError('RUN_BLOCKED', `product_views is not ${wanted} after 60 s`, {
        hint: 'maru query "select count(*) from raw.event" says what landed',
      })
    // oxlint-disable-next-line no-await-in-loop
    await wait(100)
  }
}

const viewsWithinMs = 60_000

async function bringUpToDate(app: App, options: DemoOptions): Promise<void> {
  const startedAtMs = performance.now()
  const { signal } = options
  const record = await app.run({
    ids: [],
    onProgress: (progress: RunProgress) =>
      options.onEvent({
        kind: 'progress',
        what: progress.taskId,
        done: progress.done,
        total: progress.total,
      }),
    ...(signal === undefined ? {} : { signal }),
  })
  throwIfFailed(record)
  const published = record.tasks.filter((task) => task.status === 'published')
  const rows = published.reduce((total, task) => total + task.rows, 0)
  const unchanged = record.tasks.length - published.length
  const what =
    published.length === 0
      ? `tables up to date, nothing to build`
      : `tables built: ${published.length} with ${count(rows)} rows${unchanged === 0 ? '' : `, ${unchanged} unchanged`}`
  options.onEvent({ kind: 'done', what, durationMs: performance.now() - startedAtMs })
}

function throwIfFailed(record: RunRecord): void {
  if (record.status !== 'failed') return
  const failed = record.tasks.filter((task) => task.status === 'failed')
  throw new MaruError(
    'RUN_CHECK_FAILED',
    `${failed.length} tables could not be built, first ${failed[0]?.taskId}: ${failed[0]?.error}`,
    {
      hint: 'run the demo again; if it fails again, script/maru check --project examples/shop',
    },
  )
}

async function step<T>(options: DemoOptions, what: string, work: () => Promise<T>): Promise<T> {
  const startedAtMs = performance.now()
  const result = await work()
  options.onEvent({ kind: 'done', what, durationMs: performance.now() - startedAtMs })
  return result
}

const questions: readonly { readonly title: string; readonly question: MetricQuestion }[] = [
  {
    title: 'The shop by year',
    question: { metrics: ['sales', 'orders', 'buyers', 'average_order_value'], by: ['year'] },
  },
  {
    title: 'Best brands',
    question: {
      metrics: ['sales', 'buyers'],
      by: ['product.brand.name'],
      order: ['-sales'],
      limit: 5,
    },
  },
  {
    title: 'Loyalty: sales by the grade that the member had then',
    question: {
      metrics: ['sales', 'buyers', 'average_order_value'],
      by: ['member.grade'],
      order: ['-sales'],
    },
  },
  {
    title: 'Shoes by month: June and November have the sales',
    question: {
      metrics: ['sales', 'discount_rate', 'lines_per_order'],
      by: ['month'],
      where: "product.category.department = 'Shoes'",
      limit: 12,
    },
  },
]

/** The question as one would type it. */
function commandOf(question: MetricQuestion): string {
  const parts = ['maru metric', ...question.metrics]
  if (question.by !== undefined) parts.push('--by', question.by.join(','))
  if (question.where !== undefined) parts.push('--where', `"${question.where}"`)
  if (question.order !== undefined) parts.push(`--order=${question.order.join(',')}`)
  if (question.limit !== undefined) parts.push('--limit', String(question.limit))
  return parts.join(' ')
}

function nextLines(server: DemoServer, keep: boolean): readonly string[] {
  return [
    'The project is examples/shop; its tables stay in examples/shop/.maru. Go on with:',
    '  script/maru list --project examples/shop',
    '  script/maru show act.purchase --project examples/shop',
    '  script/maru metric sales likes --by member.region --project examples/shop',
    `  script/maru query "select member__grade, count(*) from merged.purchase group by member__grade" --project examples/shop`,
    keep
      ? `PostgreSQL keeps running at ${server.url(database)}; change rows there, then: SHOP_URL=${server.url(database)} script/maru run --project examples/shop`
      : 'PostgreSQL is stopped; script/demo --keep leaves it running, to change rows and run again.',
  ]
}

function count(value: number): string {
  return value.toLocaleString('en-US')
}

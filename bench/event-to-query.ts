/**
 * How long after its answer an event is in a metric, under 2,000 events/s: the example shop's visitors through `maru start`, its metric asked again and again. Of the
 * views in the order of their answers, the n-th is seen when the metric says n; the figures are void unless it says all in the end.
 */
import { cp, mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { App } from '../src/app/app.ts'
import { visitorEvents } from '../src/app/demo/visitors.ts'
import { openApp } from '../src/app/open.ts'
import { startProject } from '../src/app/start.ts'
import { formatError } from '../src/base/errors.ts'
import type { Bench } from './figure.ts'
import { linkMaru } from './project/shop-project.ts'

const eventsPerSecond = 2_000
const batchMs = 50
const askEveryMs = 200
const seenWithinMs = 60_000
const root = path.join(import.meta.dirname, '..')

export const run: Bench = async ({ short }) => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'maru-bench-event-'))
  try {
    await cp(path.join(root, 'examples/shop'), folder, {
      recursive: true,
      filter: (source) => !['.maru', 'node_modules'].includes(path.basename(source)),
    })
    linkMaru(folder)
    const latencies = await measure(folder, short ? 10_000 : 30_000)
    const at = (share: number): number =>
      Number((latencies[Math.floor(latencies.length * share)]! / 1_000).toPrecision(3))
    const beside = { what: 'aim', value: 5 }
    const what = `event answered → in a metric, ${eventsPerSecond} events/s`
    return [
      { what: `${what}, p50`, value: at(0.5), unit: 's' },
      { what: `${what}, p99`, value: at(0.99), unit: 's', beside },
      { what: 'views measured', value: latencies.length, unit: 'events' },
    ]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Milliseconds from the answer to the metric, of each view, sorted. */
async function measure(folder: string, durationMs: number): Promise<readonly number[]> {
  const app = openApp({ folder })
  const { key } = await app.keys.create('web')
  const started = await startProject({
    folder,
    host: '127.0.0.1',
    port: 0,
    say: (line) => process.stderr.write(`${line}\n`),
    onError: (error) => process.stderr.write(`${formatError(error)}\n`),
  })
  try {
    await until(async () => (await askViews(app)) === 0, 'the first run')
    /** Of each view, when its request was answered. */
    const answeredAtMs: number[] = []
    const sending = send({ port: started.port!, key, durationMs }, answeredAtMs)
    const latencies = await watch(app, answeredAtMs, sending)
    return latencies.toSorted((left, right) => left - right)
  } finally {
    await started.stop()
    await app.close()
  }
}

/** At an even rate, without waiting for answers. */
async function send(
  load: { readonly port: number; readonly key: string; readonly durationMs: number },
  answeredAtMs: number[],
): Promise<void> {
  const events = visitorEvents({ seed: 1, products: 100, members: 10_000 })
  const requests: Promise<void>[] = []
  const startedAtMs = performance.now()
  for (let index = 0; index * batchMs < load.durationMs; index++) {
    const batch = Array.from({ length: (eventsPerSecond * batchMs) / 1_000 }, () =>
      events.next({ isSale: false }),
    )
    const views = batch.filter(({ event }) => event === 'product viewed').length
    requests.push(
      post(load, batch).then(() => {
        const nowMs = performance.now()
        for (let view = 0; view < views; view++) answeredAtMs.push(nowMs)
      }),
    )
    // oxlint-disable-next-line no-await-in-loop -- the next is not due
    await wait(Math.max(0, startedAtMs + (index + 1) * batchMs - performance.now()))
  }
  await Promise.all(requests)
}

async function post(
  { port, key }: { readonly port: number; readonly key: string },
  events: readonly object[],
): Promise<void> {
  const now = new Date().toISOString()
  const response = await fetch(`http://127.0.0.1:${port}/v1/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
    body: JSON.stringify({
      sent_at: now,
      events: events.map((event) => ({ ...event, occurred_at: now })),
    }),
  })
  const text = await response.text()
  if (response.status !== 200 || /quarantined|retry/.test(text))
    throw new Error(`${response.status} ${text.slice(0, 500)}`)
}

async function watch(
  app: App,
  answeredAtMs: readonly number[],
  sending: Promise<void>,
): Promise<readonly number[]> {
  const latencies: number[] = []
  let isSending = true
  const sent = sending.finally(() => (isSending = false))
  // What sending throws is thrown below; until then it is nobody's.
  sent.catch(() => undefined)
  let endsAtMs = Infinity
  while (isSending || latencies.length < answeredAtMs.length) {
    // oxlint-disable-next-line no-await-in-loop -- asks until it is so
    const seen = await askViews(app)
    const nowMs = performance.now()
    // A view can be seen before its own answer is heard.
    while (latencies.length < Math.min(seen, answeredAtMs.length))
      latencies.push(Math.max(0, nowMs - answeredAtMs[latencies.length]!))
    if (!isSending && endsAtMs === Infinity) endsAtMs = nowMs + seenWithinMs
    if (nowMs > endsAtMs)
      throw new Error(`the metric says ${latencies.length} of ${answeredAtMs.length} views`)
    // oxlint-disable-next-line no-await-in-loop
    await wait(askEveryMs)
  }
  await sent
  return latencies
}

async function askViews(app: App): Promise<number> {
  const { result } = await app.metric({ metrics: ['product_views'] })
  return Number(result.rows[0]?.[0] ?? 0)
}

async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  const endsAtMs = performance.now() + seenWithinMs
  // oxlint-disable-next-line no-await-in-loop
  while (!(await holds().catch(() => false))) {
    if (performance.now() > endsAtMs) throw new Error(`${what} did not come`)
    // oxlint-disable-next-line no-await-in-loop
    await wait(askEveryMs)
  }
}

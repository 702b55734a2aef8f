/** What a landing of 1,000 events costs the activity over them, and all behind it, with 1, 10 and 100 days of history: beside the run that rebuilds the activity's days. */
import { openDuckdbEngine } from '../src/engine/duckdb/duckdb.ts'
import type { Engine } from '../src/engine/engine.ts'
import { runTasks } from '../src/run/run.ts'
import { eventColumns, eventsModel, land, plainVariant } from '../test/run/landed-events.ts'
import { openWorkshop, requireDone, type Workshop } from '../test/run/run-harness.ts'
import type { Bench, Figure } from './figure.ts'

const eventsPerLanding = 1_000
/** Over all days of the history. */
const latePerLanding = 10
const rounds = 3
const visitors = 10_000
const activity = 'act.look'
const behind = 'merged.look'

type How = 'append' | 'rebuild'

interface Cost {
  readonly activityMs: number
  readonly runMs: number
  readonly rows: number
  readonly bytes: number
}

export const run: Bench = async ({ short }) => {
  const perDay = short ? 1_000 : 10_000
  const figures: Figure[] = []
  for (const days of short ? [1, 3] : [1, 10, 100]) {
    const history = await openHistory(days, perDay)
    try {
      const appended = await history.measure('append')
      const rebuilt = await history.measure('rebuild')
      const figure = (what: string, unit: string, of: (cost: Cost) => number): Figure => ({
        what: `${what}, ${days} days of ${perDay} events`,
        value: of(appended),
        unit,
        beside: { what: 'days rebuilt', value: of(rebuilt) },
      })
      figures.push(
        figure('the activity', 'ms of processor', (cost) => Math.round(cost.activityMs)),
        figure('rows in the files that it opens', 'rows', (cost) => cost.rows),
        figure('bytes of these files', 'bytes', (cost) => cost.bytes),
        figure('the whole run', 'ms of processor', (cost) => Math.round(cost.runMs)),
      )
    } finally {
      await history.close()
    }
  }
  return figures
}

interface History {
  readonly measure: (how: How) => Promise<Cost>
  readonly close: () => Promise<void>
}

async function openHistory(days: number, perDay: number): Promise<History> {
  const read = { rows: 0, bytes: 0 }
  const duckdb = await openDuckdbEngine({ threads: 2 })
  const workshop = await openWorkshop({
    model: eventsModel(plainVariant),
    engine: countingEngine(duckdb, read),
    rows: () => {
      throw new Error('there is no database')
    },
    buckets: 16,
  })
  let landing = 0
  const landSome = async (rows: number, over: number): Promise<void> => {
    landing++
    await land(workshop, eventsSql(landing, { rows, days: over, last: days }))
  }
  await landSome(days * perDay, days)
  requireDone(await workshop.run({ ids: [behind] }))
  const once = async (how: How): Promise<Cost> => {
    await landSome(eventsPerLanding - latePerLanding, 1)
    await landSome(latePerLanding, days)
    Object.assign(read, { rows: 0, bytes: 0 })
    const activityMs = await processorMs(() => runOf(workshop, how, { id: activity, alone: true }))
    const { rows, bytes } = read
    const behindMs = await processorMs(() => runOf(workshop, how, { id: behind, alone: false }))
    return { activityMs, runMs: activityMs + behindMs, rows, bytes }
  }
  return {
    measure: async (how) => {
      const costs: Cost[] = []
      for (let round = 0; round < rounds; round++) costs.push(await once(how))
      return costs.toSorted((left, right) => left.activityMs - right.activityMs)[rounds >> 1]!
    },
    close: async () => {
      await workshop.close()
      await duckdb.close()
    },
  }
}

/** Rows spread over the last days of the history; each of any visitor. */
function eventsSql(
  landing: number,
  { rows, days, last }: { readonly rows: number; readonly days: number; readonly last: number },
): string {
  const instant = `timestamptz '2011-01-01 00:00:00+09' + to_seconds(((${last - days} + x / ${rows}.0 * ${days}) * 86400)::bigint)`
  return `select ${eventColumns({
    landing: String(landing),
    source: `'web'`,
    id: `md5('${landing} ' || x)`,
    event: `'viewed'`,
    kind: `'track'`,
    occurred_at: instant,
    received_at: instant,
    anonymous_id: `'v' || hash(x, ${landing}) % ${visitors}`,
    actor: `'anonymous:v' || hash(x, ${landing}) % ${visitors}`,
    partition: '0',
    user_agent: `'Mozilla/5.0 (X11; Linux x64) AppleWebKit/537.36 (KHTML, like Gecko)'`,
    properties: `'{"product": "' || x % 5000 || '"}'`,
    context: `'{"page": {"path": "/product/' || x % 5000 || '"}}'`,
    day: `cast(${instant} as date)`,
  })} from range(${rows}) as each(x)`
}

/** The run, with activities that append or with such as do not know how. */
async function runOf(
  { context }: Workshop,
  how: How,
  asked: { readonly id: string; readonly alone: boolean },
): Promise<void> {
  const tasks =
    how === 'append'
      ? context.tasks
      : context.tasks.map(({ following: _following, ...task }) => task)
  const range = { from: undefined, to: undefined }
  requireDone(
    await runTasks(
      { ...context, tasks },
      { ids: [asked.id], alone: asked.alone, range, full: false },
    ),
  )
}

/** Of this process, the engine's threads among them: other work on the machine says little about it. */
async function processorMs(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000
}

/** Counts what the sessions are given to read. */
function countingEngine(engine: Engine, read: { rows: number; bytes: number }): Engine {
  return new Proxy(engine, {
    get: (target, name) => {
      if (name !== 'open') return bound(target, name)
      return async (options: Parameters<Engine['open']>[0]) => {
        const session = await target.open(options)
        return new Proxy(session, {
          get: (inner, method) => {
            if (method !== 'bindScan') return bound(inner, method)
            return async (...[id, scan]: Parameters<typeof session.bindScan>) => {
              for (const file of scan.files) {
                read.rows += file.rows
                read.bytes += file.sizeBytes
              }
              await inner.bindScan(id, scan)
            }
          },
        })
      }
    },
  })
}

function bound(target: object, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name)
  return typeof value === 'function' ? value.bind(target) : value
}

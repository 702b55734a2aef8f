/**
 * How many events a second a collector takes in: judged, looked up, synced, answered. Beside: bare `node:http` with `JSON.parse` and grouped `fdatasync`, taken in
 * turn; server and load are processes of their own, once with one server and once with two that share a port, on either side. Then latency at half of what was
 * reached, and the start of a sale, both open loop. A figure counts only when every acknowledged event is in the lake, once.
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { openApp } from '../src/app/open.ts'
import { startProject } from '../src/app/start.ts'
import type { Started, StartPart } from '../src/app/start.ts'
import type { LoadOptions, LoadResult, LoadStep } from './collect/load.ts'
import { benchKey, writeCollectProject } from './collect/project.ts'
import { median } from './figure.ts'
import type { Bench, Figure } from './figure.ts'

/** As a sale has them: with fewer the collector waits for its senders part of the time. */
const connections = 200
const sampleMs = 200
const landMs = 300_000

export const run: Bench = async ({ short }) => {
  const figures: Figure[] = []
  // oxlint-disable-next-line no-await-in-loop -- one at a time, or they would share the machine
  for (const processes of [1, 2]) figures.push(...(await measure(processes, short)))
  return figures
}

/** So many of either side, on one port. */
async function measure(processes: number, short: boolean): Promise<readonly Figure[]> {
  const project = writeCollectProject(processes)
  const bare = await startBare(processes, project.folder)
  try {
    const started = await start(project.folder, 'collect')
    const bench = new CollectBench({
      folder: project.folder,
      port: started.port!,
      barePort: bare.port,
    })
    const figures: Figure[] = []
    try {
      figures.push(...(await bench.measure(short)))
    } finally {
      await started.stop()
    }
    figures.push(...(await bench.requireLanded()))
    const by = processes === 1 ? 'one process' : `${processes} processes`
    return figures.map((figure) => ({ ...figure, what: `${by}: ${figure.what}` }))
  } finally {
    await bare.stop()
    project.remove()
  }
}

class CollectBench {
  readonly #folder: string
  readonly #port: number
  readonly #barePort: number
  /** First numbers of acknowledged requests, and how many events each has. */
  readonly #acknowledged: { readonly firsts: readonly number[]; readonly size: number }[] = []
  #next = 0
  #memoryBytes = 0

  constructor(options: {
    readonly folder: string
    readonly port: number
    readonly barePort: number
  }) {
    this.#folder = options.folder
    this.#port = options.port
    this.#barePort = options.barePort
  }

  async measure(short: boolean): Promise<readonly Figure[]> {
    const sampling = setInterval(() => void this.#sampleMemory().catch(() => undefined), sampleMs)
    try {
      const rounds = 5
      const durationMs = short ? 1_000 : 4_000
      const many = await this.#compare({ size: 20, rounds, durationMs })
      const single = await this.#compare({ size: 1, rounds, durationMs })
      const half = await this.#send({
        size: 20,
        connections,
        steps: [{ eventsPerSecond: many.value / 2, durationMs: short ? 3_000 : 10_000 }],
      })
      const sale = await this.#send({ size: 20, connections, steps: saleStarts(short) })
      return [
        many,
        single,
        { what: 'answer at half of that, open loop, p50', value: half.latency.p50, unit: 'ms' },
        limited('answer at half of that, open loop, p99', half.latency.p99, 50, 'ms'),
        { what: 'sale starts, 2,000 to 20,000 events/s: p99', value: sale.latency.p99, unit: 'ms' },
        limited('… requests neither taken nor shed early', failedOf(sale), 0, 'requests'),
        {
          what: '… requests shed early',
          value: sale.statuses['429'] ?? 0,
          unit: 'requests',
        },
        limited('memory of the collector, most', this.#memoryBytes / 2 ** 20, 300, 'MiB'),
      ]
    } finally {
      clearInterval(sampling)
    }
  }

  /** Throws when an acknowledged event is not in the lake, or there twice. */
  async requireLanded(): Promise<readonly Figure[]> {
    const expected = this.#acknowledged.reduce(
      (sum, { firsts, size }) => sum + firsts.length * size,
      0,
    )
    const startedMs = performance.now()
    const started = await start(this.#folder, 'land')
    const app = openApp({ folder: this.#folder })
    try {
      let landed = 0
      while (landed < expected && performance.now() < startedMs + landMs) {
        await wait(500)
        landed = await countLanded(app)
      }
      const seconds = (performance.now() - startedMs) / 1_000
      const { rows } = await app.query(
        `select cast(substr(id, 7) as integer), count(*) from raw.event group by 1`,
        { rowsMax: this.#next },
      )
      const times = new Uint8Array(this.#next)
      for (const [number, count] of rows) times[Number(number)] = Number(count)
      for (const { firsts, size } of this.#acknowledged)
        for (const first of firsts)
          if (!times.subarray(first, first + size).every((count) => count === 1))
            throw new Error(
              `void: of the acknowledged events from ${first} on not all are there once`,
            )
      return [
        { what: 'landed after it', value: Math.round(expected / seconds), unit: 'events/s' },
        limited('memory of the landing, most', mostMemoryOfChild() / 2 ** 20, 300, 'MiB'),
      ]
    } finally {
      await app.close()
      await started.stop()
    }
  }

  async #compare(load: {
    readonly size: number
    readonly rounds: number
    readonly durationMs: number
  }): Promise<Figure & { readonly value: number }> {
    const { size, rounds, durationMs } = load
    const ours: number[] = []
    const bare: number[] = []
    // Once before it counts: both are compiled while they run.
    for (let round = -1; round < rounds; round++) {
      const ownRate = rateOf(await this.#send({ size, connections, durationMs }))
      const bareRate = rateOf(await this.#sendBare({ size, connections, durationMs }))
      if (round < 0) continue
      ours.push(ownRate)
      bare.push(bareRate)
    }
    return {
      what: `events taken in, ${size} a request`,
      value: Math.round(median(ours)),
      unit: 'events/s',
      beside: { what: 'node:http, JSON.parse, grouped fdatasync', value: Math.round(median(bare)) },
      ratio: Number(median(ours.map((value, round) => value / bare[round]!)).toPrecision(3)),
    }
  }

  async #send(
    load: Pick<LoadOptions, 'size' | 'connections' | 'durationMs' | 'steps'>,
  ): Promise<LoadResult> {
    const acknowledgedPath = join(this.#folder, 'acknowledged.json')
    const result = await runLoad({ ...load, ...this.#common(acknowledgedPath), port: this.#port })
    const firsts = JSON.parse(await readFile(acknowledgedPath, 'utf8')) as readonly number[]
    this.#acknowledged.push({ firsts, size: load.size })
    // What was sent and not acknowledged has a number too.
    this.#next = Math.max(this.#next, ...firsts.slice(-10_000)) + 1_000_000
    return result
  }

  async #sendBare(
    load: Pick<LoadOptions, 'size' | 'connections' | 'durationMs'>,
  ): Promise<LoadResult> {
    const acknowledgedPath = join(this.#folder, 'acknowledged-by-bare.json')
    return await runLoad({ ...load, ...this.#common(acknowledgedPath), port: this.#barePort })
  }

  #common(acknowledgedPath: string): Pick<LoadOptions, 'key' | 'first' | 'acknowledgedPath'> {
    return { key: benchKey, first: this.#next, acknowledgedPath }
  }

  async #sampleMemory(): Promise<void> {
    const text = await (await fetch(`http://127.0.0.1:${this.#port}/metrics`)).text()
    const bytes = Number(/^process_resident_memory_bytes (\d+)$/m.exec(text)?.[1] ?? 0)
    this.#memoryBytes = Math.max(this.#memoryBytes, bytes)
  }
}

function saleStarts(short: boolean): readonly LoadStep[] {
  return [
    { eventsPerSecond: 2_000, durationMs: 2_000 },
    { eventsPerSecond: 20_000, durationMs: short ? 3_000 : 10_000 },
  ]
}

/** Neither 200 nor an early shed. */
function failedOf({ statuses, lost }: LoadResult): number {
  return Object.entries(statuses).reduce(
    (sum, [status, count]) => (status === '200' || status === '429' ? sum : sum + count),
    lost,
  )
}

function rateOf({ acknowledgedEvents, seconds }: LoadResult): number {
  return acknowledgedEvents / seconds
}

// oxlint-disable-next-line max-params -- a row of the table
function limited(what: string, value: number, limit: number, unit: string): Figure {
  return {
    what,
    value: Number(value.toPrecision(3)),
    unit,
    beside: { what: 'at most', value: limit },
    ...(limit === 0 ? {} : { ratio: Number((value / limit).toPrecision(3)) }),
  }
}

async function start(folder: string, only: StartPart): Promise<Started> {
  return await startProject({
    folder,
    host: '127.0.0.1',
    only,
    say: () => undefined,
    onError: (error) => process.stderr.write(`${String(error)}\n`),
  })
}

/** Bytes, of the one child of this process (on Linux). */
function mostMemoryOfChild(): number {
  const own = `/proc/${process.pid}/task/${process.pid}/children`
  const [child] = readFileSync(own, 'utf8').trim().split(' ').slice(-1)
  const status = readFileSync(`/proc/${child}/status`, 'utf8')
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1]) * 1024
}

async function countLanded(app: ReturnType<typeof openApp>): Promise<number> {
  try {
    return Number((await app.query('select count(*) from raw.event')).rows[0]?.[0])
  } catch {
    // The first commit makes the table.
    return 0
  }
}

async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const entry = join(import.meta.dirname, 'collect/load.ts')
  const child = spawn(process.execPath, [entry, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.on('data', (part: Buffer) => (text += part.toString()))
  const [code] = (await once(child, 'close')) as [number]
  if (code !== 0) throw new Error(`the load ended with ${code}`)
  return JSON.parse(text) as LoadResult
}

async function startBare(
  processes: number,
  folder: string,
): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const entry = join(import.meta.dirname, 'collect/bare-server.ts')
  const children: ChildProcess[] = []
  let port = 0
  for (let index = 0; index < processes; index++) {
    const child = spawn(process.execPath, [entry, folder, String(port)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children.push(child)
    // oxlint-disable-next-line no-await-in-loop -- the first decides the port
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    port = (JSON.parse(line.toString()) as { readonly port: number }).port
  }
  return {
    port,
    stop: async () => {
      for (const child of children) {
        if (child.exitCode !== null) continue
        child.kill('SIGKILL')
        // oxlint-disable-next-line no-await-in-loop
        await once(child, 'exit')
      }
    },
  }
}

/**
 * What the landing's knowledge of the last 48 hours costs: memory, a start, and a question. Beside: the ids of the same table as texts in memory.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeFiles } from '../src/base/node-files.ts'
import { openLandedIds } from '../src/collect/landed-ids.ts'
import type { EventKey, LandedIdsOptions } from '../src/collect/landed-ids.ts'
import { eventTarget, openCollected } from '../src/collect/landing-target.ts'
import { openDuckdbEngine } from '../src/engine/duckdb/duckdb.ts'
import type { Session } from '../src/engine/engine.ts'
import { openLake } from '../src/lake/lake.ts'
import type { Lake } from '../src/lake/lake.ts'
import { openSqliteState } from '../src/state/sqlite.ts'
import { median, timed } from './figure.ts'
import type { Bench } from './figure.ts'

const hours = 48
const hourMs = 3_600_000
const asked = 10_000
const questions = 7

export const run: Bench = async ({ short }) => {
  const count = short ? 500_000 : 5_000_000
  const folder = await mkdtemp(join(tmpdir(), 'maru-bench-landed-'))
  const engine = await openDuckdbEngine()
  const state = await openSqliteState({ path: join(folder, 'state.db'), files: nodeFiles })
  const lake = openLake({ folder: join(folder, 'lake'), state, files: nodeFiles })
  const session = await engine.open({ zone: 'UTC' })
  const onError = (error: unknown): never => {
    throw error
  }
  const options: LandedIdsOptions = { session, files: nodeFiles, folder, lake, onError }
  try {
    await fill(lake, session, count)
    const idleMb = heapMb()
    const { seconds: rebuildS, ids: rebuilt } = await opened(options)
    await rebuilt.close()
    const { seconds: startS, ids } = await opened(options)
    const knownMb = ids.measures.memoryBytes / 1e6
    const fresh = keys(asked, (at) => `fresh ${at}`)
    const some = keys(asked, (at) => (at % 100 === 0 ? idOf(count - 1 - at) : `fresh ${at}`))
    const freshMs = await middle(() => ids.landed(fresh))
    const someMs = await middle(() => ids.landed(some))
    await ids.close()
    const textsStarted = performance.now()
    const texts = await inMemory(lake, session)
    const textsS = (performance.now() - textsStarted) / 1_000
    const textsMb = heapMb() - idleMb
    if (texts.size !== count) throw new Error(`${texts.size} ids instead of ${count}`)
    const beside = { what: 'texts in memory', value: textsMb }
    return [
      { what: `memory for ${count} ids of ${hours} hours`, value: knownMb, unit: 'MB', beside },
      {
        what: 'start',
        value: startS,
        unit: 's',
        beside: { what: 'reading all texts', value: textsS },
      },
      { what: 'start when all files are lost', value: rebuildS, unit: 's' },
      { what: `asking about ${asked} that did not land`, value: freshMs, unit: 'ms' },
      { what: `asking about ${asked}, 1 of 100 landed`, value: someMs, unit: 'ms' },
    ]
  } finally {
    await session.close()
    await state.close()
    await engine.close()
    await rm(folder, { recursive: true })
  }
}

async function opened(
  options: LandedIdsOptions,
): Promise<{ readonly seconds: number; readonly ids: Awaited<ReturnType<typeof openLandedIds>> }> {
  const started = performance.now()
  const ids = await openLandedIds(options)
  return { seconds: (performance.now() - started) / 1_000, ids }
}

function idOf(row: number): string {
  return `6f1c2a9e-0000-4000-8000-${String(row).padStart(12, '0')}`
}

function keys(count: number, idAt: (at: number) => string): readonly EventKey[] {
  return Array.from({ length: count }, (_, at) => ({ source: 'web', id: idAt(at) }))
}

async function middle(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = []
  for (let turn = 0; turn < questions; turn++) times.push(await timed(work))
  return median(times)
}

/** As a landing leaves it: a file for each of many commits, over all hours. */
async function fill(lake: Lake, session: Session, count: number): Promise<void> {
  let table = await openCollected(lake, eventTarget)
  const commits = hours * 10
  const each = Math.ceil(count / commits)
  const startMs = Date.now() - (hours - 0.1) * hourMs
  for (let commit = 0; commit < commits; commit++) {
    const landing = Math.floor(startMs + (commit * hours * hourMs) / commits)
    const given: Record<string, string> = {
      landing: String(landing),
      source: `'web'`,
      id: `'6f1c2a9e-0000-4000-8000-' || lpad(cast(range as varchar), 12, '0')`,
      received_at: `make_timestamptz(${landing} * 1000)`,
      day: `cast(make_timestamptz(${landing} * 1000) as date)`,
    }
    const columns = eventTarget.columns.map(({ name }) => `${given[name] ?? 'null'} as ${name}`)
    const to = Math.min(count, (commit + 1) * each)
    const files = await session.stage({
      sql: `select ${columns.join(', ')} from range(${commit * each}, ${to})`,
      schema: table.schema,
      partition: table.partition,
      dataFolder: await lake.dataFolder(table),
    })
    table = await lake.commit(table, { kind: 'append', files })
  }
}

async function inMemory(lake: Lake, session: Session): Promise<ReadonlyMap<string, number>> {
  const table = await openCollected(lake, eventTarget)
  await session.bindScan('landed_before', await lake.scan(table))
  const { rows } = await session.query('select source, id, landing from landed_before')
  return new Map(
    rows.map(([source, id, at]) => [`${String(source)} ${String(id)}`, Number(at)] as const),
  )
}

/** After collecting what is not used, where the process allows it (`--expose-gc`). */
function heapMb(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed / 1e6
}

/** Kafka behind the local logs: what collectors took in goes to the topic and from there to the table, each event once, past a broker and a landing that are killed. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import type { LandProcessOptions } from '../../src/app/land-process.ts'
import { nodeFiles } from '../../src/base/node-files.ts'
import { encodeRequest, writeSettings } from '../../src/collect/collect.ts'
import { openSegmentLog } from '../../src/collect/log/segment-log.ts'
import { openDuckdbEngine } from '../../src/engine/duckdb/duckdb.ts'
import { openLake } from '../../src/lake/lake.ts'
import { openSqliteState } from '../../src/state/sqlite.ts'
import { startKafka } from '../kafka.ts'
import type { Kafka } from '../kafka.ts'
import { requirePart } from '../requirements.ts'

const part = requirePart('kafka')
/** Kills of the landing, kills of the broker and stalls, beside the first of each. */
const faults = process.env['MARU_SOAK'] === undefined ? 0 : 18
const stallMs = 20_000
const entry = join(import.meta.dirname, '..', '..', 'src', 'app', 'land-process.ts')

interface Land {
  readonly child: ChildProcess
  /** Of this process. */
  landed: number
  errors: string
}

/** Resolves when it is at work. */
async function startLand(options: LandProcessOptions): Promise<Land> {
  const child = spawn(process.execPath, [entry, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const land: Land = { child, landed: 0, errors: '' }
  child.stderr.on('data', (text: Buffer) => (land.errors += text.toString()))
  const lines = createInterface(child.stdout)
  lines.on('line', (line) => {
    land.landed = (JSON.parse(line) as { readonly landed: number }).landed
  })
  await Promise.race([
    once(lines, 'line'),
    once(child, 'exit').then(() => {
      throw new Error(`the landing ended: ${land.errors}`)
    }),
  ])
  return land
}

interface World {
  readonly kafka: Kafka
  readonly start: () => Promise<Land>
  readonly send: (requests: number) => Promise<void>
}

/** The landing that is at work after all faults. */
async function endure(first: Land, { kafka, start, send }: World): Promise<Land> {
  let land = first
  for (let fault = 0; fault < faults; fault++) {
    await send(50)
    switch (fault % 3) {
      case 0:
        await wait(fault * 100)
        land.child.kill('SIGKILL')
        await once(land.child, 'exit')
        land = await start()
        break
      case 1:
        await kafka.kill()
        await send(50)
        await kafka.start()
        break
      default:
        kafka.stall()
        await send(50)
        await wait(stallMs)
        kafka.resume()
    }
  }
  return land
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const endsAt = performance.now() + 60_000
  while (!holds()) {
    ok(performance.now() < endsAt, `${what} within a minute`)
    await wait(50)
  }
}

async function count(options: LandProcessOptions): Promise<readonly unknown[]> {
  const engine = await openDuckdbEngine()
  const state = await openSqliteState({ path: options.statePath, files: nodeFiles })
  const lake = openLake({ folder: options.lakeFolder, state, files: nodeFiles })
  const session = await engine.open({ zone: 'UTC' })
  await session.bindScan('raw.event', await lake.scan((await lake.table('raw.event'))!))
  const { rows } = await session.query('select count(*), count(distinct id) from raw.event')
  await session.close()
  await state.close()
  await engine.close()
  return rows[0]!
}

it(
  'lands each event once through Kafka, past a broker and a landing that are killed, and keeps no more than it needs',
  {
    skip: part.skip,
  },
  async () => {
    if (part.skip !== false) return
    const folder = await mkdtemp(join(tmpdir(), 'maru-land-kafka-'))
    const kafka = await startKafka(part)
    const lands: ChildProcess[] = []
    try {
      const logFolder = join(folder, 'log')
      const retention = { keepMs: -1, keepBytes: 0 }
      const logs = await Promise.all(
        ['0', '1'].map((name) =>
          openSegmentLog({ folder: join(logFolder, name), segmentBytesMax: 4_096, retention }),
        ),
      )
      const settingsPath = join(folder, 'settings.json')
      await writeSettings(nodeFiles, settingsPath, { catalog: 'c', events: [], sources: [] })
      const options: LandProcessOptions = {
        settingsPath,
        logFolder,
        workFolder: join(folder, 'land'),
        statePath: join(folder, 'state.db'),
        lakeFolder: join(folder, 'lake'),
        zone: 'UTC',
        kafka: { kind: 'kafka', brokers: kafka.brokers, topic: `events-${randomUUID()}` },
      }
      const start = async (): Promise<Land> => {
        const land = await startLand(options)
        lands.push(land.child)
        return land
      }
      let sent = 0
      /** Every request goes to both logs, as that of a client does that heard no answer. */
      const send = async (requests: number): Promise<void> => {
        for (let request = 0; request < requests; request++) {
          const events = [{ id: `e${sent++}`, kind: 'page', anonymous_id: 'visitor' }]
          for (const [index, log] of logs.entries()) {
            const record = encodeRequest({
              requestId: `${sent} ${index}`,
              receivedAtMs: Date.now(),
              source: 'web',
              dialect: 'native',
              route: 'events',
              catalog: 'c',
              quarantined: [],
              body: Buffer.from(JSON.stringify({ events })),
            })
            await log.append([{ partition: sent % 9, ...record }])
          }
        }
      }
      await send(100)
      const first = await start()
      await until('what was there lands', () => first.landed === 100)
      await kafka.kill()
      await send(100)
      await until('the outage is told', () => first.errors.includes('LOG_UNREACHABLE'))
      first.child.kill('SIGKILL')
      await once(first.child, 'exit')
      // Nothing of it needs the broker to be there.
      const second = await start()
      await send(100)
      equal(second.landed, 0)
      await kafka.start()
      await until('what the local logs kept lands', () => second.landed === 200)
      const last = await endure(second, { kafka, start, send })
      await send(50)
      last.child.kill('SIGTERM')
      equal((await once(last.child, 'exit'))[0], 0)
      deepEqual(await count(options), [sent, sent])
      for (const log of logs) await log.close()
      for (const name of ['0', '1']) {
        const files = await readdir(join(logFolder, name))
        deepEqual(
          files.filter((file) => file.startsWith('reader-')),
          ['reader-ship'],
        )
      }
      // Retention comes with a new segment: all that was shipped may go.
      const log = await openSegmentLog({ folder: join(logFolder, '0'), retention })
      await log.append([{ partition: 0, bytes: Buffer.from('last') }])
      await log.close()
      const segments = (await readdir(join(logFolder, '0'))).filter((file) =>
        file.endsWith('.segment'),
      )
      ok(segments.length <= 2, `${segments.length} segments are kept`)
    } finally {
      for (const child of lands) child.kill('SIGKILL')
      await kafka.remove()
      await rm(folder, { recursive: true, force: true })
    }
  },
)

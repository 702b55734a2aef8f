/**
 * The process of a run is killed at random points; the next run brings everything to what an undisturbed run gives, and readers never see anything
 * between. A few kills here, hundreds with MARU_SOAK=1.
 */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openDuckdbEngine } from '../../src/engine/duckdb/duckdb.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { rowsAtStep } from './kill-rows.ts'
import { eventsModel, landVisits, plainVariant, type Visit } from './landed-events.ts'
import { openWorkshop, requireDone, type Workshop } from './run-harness.ts'
import { shopModel } from './shop-project.ts'

const kills = process.env['MARU_SOAK'] === undefined ? 6 : 300
const child = fileURLToPath(new URL('run-child.ts', import.meta.url))

interface Killed {
  readonly workedMs: number
  readonly finished: boolean
}

/** Runs the child and kills it `afterMs` after it began to work; how long it worked, and whether it was through before. */
async function runAndKill(
  folder: string,
  step: number | 'events',
  afterMs: number,
): Promise<Killed> {
  const running = spawn(process.execPath, [child, folder, String(step)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise<void>((resolve) => running.once('close', () => resolve()))
  let startedAt = 0
  let workedMs = 0
  let timer: NodeJS.Timeout | undefined
  running.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (text.includes('running')) {
      startedAt = performance.now()
      timer = setTimeout(() => running.kill('SIGKILL'), afterMs)
    }
    if (text.includes('done')) workedMs = performance.now() - startedAt
  })
  await ended
  clearTimeout(timer)
  ok(startedAt > 0, 'the child began to work')
  return { workedMs, finished: workedMs > 0 }
}

describe('a run that is killed', () => {
  const model = shopModel('Asia/Seoul')
  let engine: Engine
  let folder: string
  before(async () => {
    engine = await openDuckdbEngine({ threads: 1 })
    folder = await mkdtemp(join(tmpdir(), 'maru-kill-'))
  })
  after(async () => {
    await engine.close()
    await rm(folder, { recursive: true, force: true })
  })

  const open = (step: number, place?: string): Promise<Workshop> =>
    openWorkshop({
      model,
      engine,
      rows: () => rowsAtStep(step),
      ...(place === undefined ? {} : { folder: place }),
    })

  it(`leaves nothing lost, doubled or half-published, ${kills} times`, async () => {
    let usualMs = (await runAndKill(folder, 0, 60_000)).workedMs
    let random = 7
    let killed = 0
    for (let step = 1; killed < kills; step++) {
      random = (random * 1_103_515_245 + 12_345) % 2_147_483_648
      const result = await runAndKill(folder, step, (random / 2_147_483_648) * usualMs)
      if (result.finished) {
        usualMs = (usualMs + result.workedMs) / 2
        continue
      }
      killed++
      const workshop = await open(step, folder)
      const seen = await workshop.contents()
      const states = await Promise.all(
        workshop.tasks.map((task) => workshop.state.partitions(task.id)),
      )
      workshop.tasks.forEach((task, index) => {
        const rows = [...states[index]!.values()].reduce((sum, record) => sum + record.rows, 0)
        equal(seen[task.id]!.length, rows, `${task.id} holds what was published, whole`)
      })
      if (killed % 3 === 0) {
        requireDone(await workshop.run())
        const undisturbed = await open(step)
        requireDone(await undisturbed.run())
        deepEqual(await workshop.contents(), await undisturbed.contents())
        await undisturbed.close()
      }
      await workshop.state.close()
    }
  })

  it('appends each event once', async () => {
    const place = await mkdtemp(join(tmpdir(), 'maru-kill-events-'))
    const openEvents = (at?: string): Promise<Workshop> =>
      openWorkshop({
        model: eventsModel(plainVariant),
        engine,
        rows: () => rowsAtStep(0),
        ...(at === undefined ? {} : { folder: at }),
      })
    const landings: (readonly Visit[])[] = []
    const landNext = async (workshop: Workshop): Promise<void> => {
      const landing = landings.length + 1
      landings.push(
        Array.from({ length: 6 }, (_, index) => ({
          source: 'web',
          id: `e${landing}_${index}`,
          event: index % 2 === 0 ? 'viewed' : 'clicked',
          hour: (landing * 5 + index * 31) % 200,
          receivedHour: landing * 5,
          visitor: `v${(landing + index) % 4}`,
          product: String(index),
          bot: false,
        })),
      )
      await landVisits(workshop, landing, landings.at(-1)!)
    }
    const workshop = await openEvents(place)
    await landNext(workshop)
    let usualMs = (await runAndKill(place, 'events', 60_000)).workedMs
    let random = 11
    for (let killed = 0; killed < kills / 2;) {
      await landNext(workshop)
      random = (random * 1_103_515_245 + 12_345) % 2_147_483_648
      const result = await runAndKill(place, 'events', (random / 2_147_483_648) * usualMs)
      if (result.finished) usualMs = (usualMs + result.workedMs) / 2
      else killed++
    }
    requireDone(await workshop.run())
    const undisturbed = await openEvents()
    for (const [index, visits] of landings.entries())
      await landVisits(undisturbed, index + 1, visits)
    requireDone(await undisturbed.run())
    deepEqual(await workshop.contents(), await undisturbed.contents())
    await undisturbed.close()
    await workshop.close()
  })
})

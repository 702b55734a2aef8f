/** Whatever lands, in whatever order and cut by failures: activities that append new events hold what a full build gives, and read new rows alone. */
import { deepEqual, ok } from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { openDuckdbEngine } from '../../src/engine/duckdb/duckdb.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { compactTables, recoverState, runTasks } from '../../src/run/run.ts'
import { openLake } from '../../src/lake/lake.ts'
import type { State } from '../../src/state/state.ts'
import { eventsModel, landVisits, plainVariant, type Variant, type Visit } from './landed-events.ts'
import { openWorkshop, requireDone, type Workshop } from './run-harness.ts'

const visit = fc.record({
  source: fc.constantFrom('web', 'app'),
  event: fc.constantFrom('viewed', 'viewed', 'clicked', 'identify', 'unknown'),
  // Most come in order, some days late.
  hour: fc.integer({ min: 0, max: 24 * 9 }),
  delay: fc.integer({ min: 0, max: 30 }),
  visitor: fc.constantFrom('a', 'b', 'c'),
  product: fc.constantFrom('1', '2', 'x', '33'),
  bot: fc.boolean(),
})
const step = fc.record({
  landings: fc.array(fc.array(visit, { minLength: 1, maxLength: 4 }), { maxLength: 3 }),
  run: fc.constantFrom(
    'whole',
    'whole',
    'days',
    'broken before',
    'broken after',
    'beside a landing',
  ),
  /** Which publication of the run breaks. */
  breaksAt: fc.integer({ min: 1, max: 14 }),
  compact: fc.boolean(),
  change: fc.constantFrom('none', 'none', 'none', 'bots', 'product', 'records lost'),
})
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

describe('an activity over collected events', () => {
  let engine: Engine
  before(async () => {
    engine = await openDuckdbEngine({ threads: 1 })
  })
  after(() => engine.close())

  const open = (variant: Variant, folder?: string): Promise<Workshop> =>
    openWorkshop({
      model: eventsModel(variant),
      engine,
      rows: () => {
        throw new Error('there is no database')
      },
      ...(folder === undefined ? {} : { folder }),
    })

  /** The tables as one full build over the same events makes them. */
  const whole = async (
    landings: readonly (readonly Visit[])[],
    variant: Variant,
  ): Promise<Awaited<ReturnType<Workshop['contents']>>> => {
    const workshop = await open(variant)
    try {
      for (const [index, visits] of landings.entries())
        await landVisits(workshop, index + 1, visits)
      requireDone(await workshop.run())
      return await workshop.contents()
    } finally {
      await workshop.close()
    }
  }

  it('holds what a full build gives', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 5 }), async (steps) => {
        const landings: Visit[][] = []
        let variant = plainVariant
        let workshop = await open(variant)
        const land = async (visits: Step['landings'][number]): Promise<void> => {
          landings.push(
            visits.map((each, index) => ({
              ...each,
              id: `e${landings.length}_${index}`,
              receivedHour: each.hour + each.delay,
            })),
          )
          await landVisits(workshop, landings.length, landings.at(-1)!)
        }
        try {
          for (const { landings: fresh, run, breaksAt, compact, change } of steps) {
            for (const visits of fresh) await land(visits)
            if (change !== 'none') {
              variant =
                change === 'bots'
                  ? { ...variant, withBots: !variant.withBots }
                  : change === 'product'
                    ? { ...variant, product: variant.product === 'text' ? 'integer' : 'text' }
                    : variant
              await workshop.state.close()
              if (change === 'records lost') await removeRecords(workshop.folder)
              workshop = await open(variant, workshop.folder)
              if (change === 'records lost') await recoverState(workshop.context)
            }
            if (run === 'days')
              requireDone(await workshop.run({ from: '2011-03-02', to: '2011-03-05' }))
            else if (run.startsWith('broken')) await breakingRun(workshop, run, breaksAt)
            else if (run === 'beside a landing' && fresh.length > 0)
              await Promise.all([workshop.run().then(requireDone), land(fresh[0]!)])
            else requireDone(await workshop.run())
            if (compact)
              await compactTables(workshop.context, workshop.tasks, {
                keepSnapshots: 1,
                snapshotAgeMs: 0,
                orphanAgeMs: 0,
              })
          }
          requireDone(await workshop.run())
          deepEqual(await workshop.contents(), await whole(landings, variant))
          await holdsFingerprints(workshop)
        } finally {
          await workshop.close()
        }
      }),
      { numRuns: process.env['MARU_SOAK'] === undefined ? 6 : 200, seed: 21, endOnFailure: true },
    )
  })
})

async function removeRecords(folder: string): Promise<void> {
  for (const end of ['', '-wal', '-shm']) await rm(join(folder, `state.db${end}`), { force: true })
}

/** The run's n-th publication fails, before or after it took effect, and with it the run: as a kill there. */
async function breakingRun(workshop: Workshop, how: string, breaksAt: number): Promise<void> {
  let publications = 0
  const state: State = new Proxy(workshop.state, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      if (name !== 'publish') return value.bind(target)
      return async (publication: Parameters<State['publish']>[0]) => {
        publications++
        if (publications < breaksAt) return await target.publish(publication)
        if (publications === breaksAt && how === 'broken after') await target.publish(publication)
        throw new Error('killed')
      }
    },
  })
  const { context } = workshop
  const lake = openLake({ folder: context.lake.folder, state, files: context.files })
  const record = await runTasks(
    { ...context, state, lake },
    { ids: [], range: { from: undefined, to: undefined }, full: false },
  )
  for (const { status, error } of record.tasks)
    ok(status !== 'failed' || error!.includes('killed'), error)
}

/** What State says of the partitions is what is in them. */
async function holdsFingerprints({ context, tasks, lake, state }: Workshop): Promise<void> {
  for (const task of tasks.filter(({ following }) => following?.kind === 'append')) {
    const session = await context.engine.open({ zone: context.zone })
    const table = await lake.table(task.id)
    await session.bindScan('stored', await lake.scan(table!))
    const columns = task.columns.map(({ name }) => name)
    const found = await session.fingerprint('select * from stored', columns, task.partition)
    deepEqual(await state.partitions(task.id), found, task.id)
    await session.close()
  }
}

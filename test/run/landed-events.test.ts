/** What an activity over collected events reads and makes stale as events land, case by case. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { openDuckdbEngine } from '../../src/engine/duckdb/duckdb.ts'
import type { Engine } from '../../src/engine/engine.ts'
import type { Lake } from '../../src/lake/lake.ts'
import { compactTables, readStaleness, recoverState, runTasks } from '../../src/run/run.ts'
import type { State } from '../../src/state/state.ts'
import { eventsModel, landVisits, plainVariant, type Visit } from './landed-events.ts'
import { openWorkshop, requireDone, type Workshop } from './run-harness.ts'

const look = 'act.look'

function visit(id: string, hour: number, other: Partial<Visit> = {}): Visit {
  const product = 'x'
  return {
    source: 'web',
    id,
    event: 'viewed',
    hour,
    receivedHour: hour,
    visitor: 'a',
    product,
    bot: false,
    ...other,
  }
}

describe('an activity over collected events', () => {
  let engine: Engine
  let workshop: Workshop
  before(async () => {
    engine = await openDuckdbEngine({ threads: 1 })
  })
  after(() => engine.close())

  const open = (folder?: string): Promise<Workshop> =>
    openWorkshop({
      model: eventsModel(plainVariant),
      engine,
      rows: () => {
        throw new Error('there is no database')
      },
      ...(folder === undefined ? {} : { folder }),
    })
  const inWorkshop = (work: () => Promise<void>) => async (): Promise<void> => {
    workshop = await open()
    try {
      await work()
    } finally {
      await workshop.close()
    }
  }
  const runOnly = async (id: string): Promise<readonly [string, number]> => {
    const { tasks } = requireDone(await workshop.run({ ids: [id], alone: true }))
    return [tasks[0]!.status, tasks[0]!.rows]
  }
  const filesOf = async (
    id: string,
  ): Promise<readonly { readonly path: string; readonly partition: string }[]> =>
    (await workshop.lake.scan((await workshop.lake.table(id))!)).files
  const idsOf = async (id: string): Promise<readonly string[]> =>
    (await workshop.contents())[id]!.map((row) => row.split(' | ')[0]!)
  const reasonsOf = async (id: string): Promise<readonly string[]> => {
    const task = workshop.tasks.find((each) => each.id === id)!
    return (await readStaleness(workshop.state, task, { zone: workshop.context.zone })).reasons
  }

  it(
    'takes a late event to its old day without a look at what is there',
    inWorkshop(async () => {
      await landVisits(workshop, 1, [visit('a', 1), visit('b', 30), visit('c', 60)])
      requireDone(await workshop.run())
      // Nothing of it can be read now.
      const hidden = [...(await filesOf('raw.event')), ...(await filesOf(look))]
      for (const { path } of hidden) await rename(path, `${path}.away`)
      await landVisits(workshop, 2, [visit('late', 2), visit('d', 61)])
      deepEqual(await runOnly(look), ['published', 2])
      deepEqual(await runOnly('act.touch'), ['published', 2])
      for (const { path } of hidden) await rename(`${path}.away`, path)
      deepEqual(await idsOf(look), ['web:a', 'web:b', 'web:c', 'web:d', 'web:late'])
    }),
  )

  it(
    'reads the keys that are there where the key does not tell the event, and refuses one that is there twice',
    inWorkshop(async () => {
      const clicked = { event: 'clicked' } as const
      await landVisits(workshop, 1, [visit('a', 1, clicked)])
      requireDone(await workshop.run())
      await landVisits(workshop, 2, [visit('b', 30, clicked)])
      deepEqual(await runOnly('act.numbered'), ['published', 1])
      await landVisits(workshop, 3, [visit('a', 60, { ...clicked, source: 'app' })])
      const { tasks } = await workshop.run()
      const numbered = tasks.find(({ taskId }) => taskId === 'act.numbered')!
      equal(numbered.status, 'failed')
      ok(numbered.error!.includes('id is on one day only'), numbered.error)
      deepEqual(await idsOf('act.arrival'), ['a@app', 'a@web', 'b@web'])
    }),
  )

  it(
    'takes each event once, whenever it lands beside the run',
    inWorkshop(async () => {
      let landing = 0
      const landed: string[] = []
      const land = async (): Promise<void> => {
        landing++
        landed.push(`web:e${landing}`)
        await landVisits(workshop, landing, [visit(`e${landing}`, (landing * 7) % 60)])
      }
      await land()
      requireDone(await workshop.run({ ids: [look] }))
      for (const full of [false, true]) {
        let call = 1
        for (let isReached = true; isReached; call++) {
          await land()
          isReached = await runWithLanding(workshop, { call, land, full })
          requireDone(await workshop.run({ ids: [look], alone: true }))
          equal((await workshop.state.rowCounts()).get(look), landed.length, `call ${call}`)
        }
        ok(call > 10, `${call} calls`)
      }
      deepEqual(await idsOf(look), landed.toSorted())
    }),
  )

  it(
    'makes stale behind it what the new events are of, and no more',
    inWorkshop(async () => {
      await landVisits(workshop, 1, [
        visit('a', 1),
        visit('b', 30),
        visit('c', 60, { visitor: 'b' }),
      ])
      requireDone(await workshop.run())
      await landVisits(workshop, 2, [visit('d', 31)])
      await runOnly(look)
      const stale = async (id: string): Promise<unknown> => {
        const task = workshop.tasks.find((each) => each.id === id)!
        return (await readStaleness(workshop.state, task, { zone: workshop.context.zone })).dirty
      }
      const entries = await workshop.state.journal([look], 0)
      deepEqual(await stale('merged.look'), {
        kind: 'days',
        ranges: [{ from: '2011-03-02', to: '2011-03-03' }],
        unknown: false,
      })
      deepEqual(await stale('obj_attr.person.habit'), {
        kind: 'keys',
        keys: new Set(entries.at(-1)!.buckets!['visitor']!.map((bucket) => `bucket=${bucket}`)),
      })
      equal(entries.at(-1)!.buckets!['visitor']!.length, 1)
    }),
  )

  it(
    'makes versions anew for the objects alone whose activities changed, whatever was merged meanwhile',
    inWorkshop(async () => {
      const visitors = Array.from({ length: 20 }, (_, index) => `v${index}`)
      await landVisits(
        workshop,
        1,
        visitors.map((visitor, index) => visit(visitor, index, { visitor })),
      )
      requireDone(await workshop.run())
      for (const [landing, visitor] of ['v3', 'v7', 'v3'].entries())
        await landVisits(workshop, landing + 2, [
          visit(`late${landing}`, 40 + landing, { visitor }),
        ])
      requireDone(await workshop.run({ ids: ['act.look', 'act.touch'] }))
      await compactTables(workshop.context, workshop.tasks, {
        keepSnapshots: 10,
        snapshotAgeMs: 0,
        orphanAgeMs: 0,
      })
      // Two visitors: one with three versions, one with two.
      deepEqual(await runOnly('obj_attr.person.habit'), ['published', 5])
      deepEqual(await runOnly('obj_attr.person.habit'), ['unchanged', 0])
      const versions = (await workshop.contents())['obj_attr.person.habit']!
      equal(versions.length, visitors.length + 3)
    }),
  )

  it(
    'says whether new events are appended, and why not',
    inWorkshop(async () => {
      await landVisits(workshop, 1, [visit('a', 1)])
      requireDone(await workshop.run())
      await landVisits(workshop, 2, [visit('b', 30)])
      const appended = 'raw.event.viewed has new rows, which are appended'
      deepEqual(await reasonsOf(look), [appended])
      deepEqual(await reasonsOf('act.known'), [appended])
      deepEqual(await reasonsOf('act.day_of_looks'), [
        'raw.event.viewed changed; new rows are not appended, as its SELECT does not look at each event alone',
      ])
    }),
  )

  it(
    'makes all anew when an object that it joins changed',
    inWorkshop(async () => {
      await landVisits(workshop, 1, [visit('a', 1), visit('b', 30)])
      requireDone(await workshop.run())
      await landVisits(workshop, 2, [visit('c', 31), visit('i', 20, { event: 'identify' })])
      requireDone(await workshop.run({ ids: ['obj.person'] }))
      deepEqual(await reasonsOf('act.known'), ['obj.person changed', 'raw.event.viewed changed'])
      deepEqual(await runOnly('act.known'), ['published', 3])
      const people = (await workshop.contents())['act.known']!.map((row) => row.split(' | ')[3])
      deepEqual(people, ['null', 'member:m1', 'member:m1'])
    }),
  )

  it(
    'goes on where it was when the records are lost',
    inWorkshop(async () => {
      await landVisits(workshop, 1, [
        visit('a', 1),
        visit('b', 30),
        visit('i', 20, { event: 'identify' }),
      ])
      requireDone(await workshop.run())
      await landVisits(workshop, 2, [visit('c', 31), visit('d', 60, { visitor: 'b' })])
      await workshop.state.close()
      for (const end of ['', '-wal', '-shm'])
        await rm(join(workshop.folder, `state.db${end}`), { force: true })
      workshop = await open(workshop.folder)
      await recoverState(workshop.context)
      await landVisits(workshop, 3, [visit('e', 61, { visitor: 'b' })])
      deepEqual(await runOnly(look), ['published', 3])
      deepEqual(await runOnly('obj.person'), ['unchanged', 0])
      // Of its three days two.
      deepEqual(await runOnly('merged.look'), ['published', 4])
      deepEqual(await idsOf('merged.look'), ['web:a', 'web:b', 'web:c', 'web:d', 'web:e'])
    }),
  )

  it(
    'keeps few files however many landings come',
    inWorkshop(async () => {
      const landings = 12
      for (let landing = 1; landing <= landings; landing++) {
        await landVisits(workshop, landing, [visit(`e${landing}`, 1)])
        requireDone(await workshop.run({ ids: [look] }))
      }
      ok((await filesOf(look)).length < 10)
      equal((await idsOf(look)).length, landings)
    }),
  )
})

/** Runs one task while events land just before the run's n-th look at the lake or the records. False: there was no such look. */
async function runWithLanding(
  { context }: Workshop,
  when: { readonly call: number; readonly land: () => Promise<void>; readonly full: boolean },
): Promise<boolean> {
  let calls = 0
  const watched = <T extends object>(port: T): T =>
    new Proxy(port, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        return async (...given: unknown[]) => {
          calls++
          if (calls === when.call) await when.land()
          return await (value.apply(target, given) as Promise<unknown>)
        }
      },
    })
  const state: State = watched(context.state)
  const lake: Lake = watched(context.lake)
  const range = { from: undefined, to: undefined }
  const { full } = when
  requireDone(
    await runTasks({ ...context, state, lake }, { ids: [look], alone: true, range, full }),
  )
  return calls >= when.call
}

/** Who did it, by the way that data takes: edges come in over HTTP, land in several landings, and each run makes what they touch right, and only that. */
import { deepEqual, equal } from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import type { App } from '../../src/app/app.ts'
import { openApp } from '../../src/app/open.ts'
import { startProject } from '../../src/app/start.ts'
import type { Started } from '../../src/app/start.ts'
import { nodeFiles } from '../../src/base/node-files.ts'
import type { TestProject } from '../../src/project/test-project.suite.ts'
import { openSqliteState } from '../../src/state/sqlite.ts'
import type { State } from '../../src/state/state.ts'
import { countOf, makeEventProject, sendEvents, until } from './event-project.ts'
import { resolver } from './people-resolver.ts'
import type { Edge } from './people-resolver.ts'

const reachHours = 5
const start = Date.UTC(2026, 0, 10)
const instant = (at: number): string => new Date(start + at * 3_600_000).toISOString()

interface View {
  readonly kind: 'view'
  readonly id: string
  readonly at: number
  readonly from: string | null
  readonly member: string | null
}

type Sent = Edge | View

const view = (id: string, at: number, from: string | null, member: string | null = null): View => ({
  kind: 'view',
  id,
  at,
  from,
  member,
})
const edge = (
  kind: Edge['kind'],
  id: string,
  at: number,
  ids: readonly [string, string],
): Edge => ({
  kind,
  source: 'web',
  id,
  at,
  from: ids[0],
  member: ids[1],
})

const actorOf = ({ from, member }: View): string =>
  member === null ? `anonymous:${from}` : `member:${member}`

function asEvent(sent: Sent): object {
  const { id, at, from, member } = sent
  const common = { id, occurred_at: instant(at), ...(member === null ? {} : { member_id: member }) }
  if (sent.kind === 'alias') return { ...common, kind: 'alias', previous_id: from }
  const device = from === null ? {} : { anonymous_id: from }
  return sent.kind === 'identify'
    ? { ...common, ...device, kind: 'identify' }
    : { ...common, ...device, event: 'product viewed', properties: { product_id: 1 } }
}

describe('people through runs', () => {
  let project: TestProject
  let app: App
  let state: State
  const started: Started[] = []
  const landed: Sent[] = []

  before(async () => {
    project = makeEventProject()
    const said = {
      folder: project.folder,
      host: '127.0.0.1',
      say: () => undefined,
      onError: (error: unknown): void => {
        throw error
      },
    }
    started.push(await startProject({ ...said, only: 'collect' }))
    started.push(await startProject({ ...said, only: 'land' }))
    app = openApp({ folder: project.folder })
    state = await openSqliteState({
      path: `${project.folder}/.maru/state.db`,
      files: nodeFiles,
    })
  })
  after(async () => {
    await Promise.all(started.map((each) => each.stop()))
    await app.close()
    await state.close()
    project.dispose()
  })

  /** Sends, waits for the landing, runs; the partitions that came out different, by table. */
  async function take(
    sent: readonly Sent[],
    reasons?: string[],
  ): Promise<Readonly<Record<string, readonly string[]>>> {
    await sendEvents(started[0]!.port!, sent.map(asEvent))
    landed.push(...sent)
    await until(
      async () => (await countOf(app, 'raw.event')) === landed.length,
      `${landed.length} events landed`,
    )
    const before = await state.journalEnd()
    if (reasons !== undefined) {
      const plan = await app.plan({ ids: [] })
      reasons.push(...plan.tasks.find(({ id }) => id === 'obj.person')!.reasons)
    }
    const { tasks } = await app.run({ ids: [] })
    deepEqual(
      tasks.flatMap(({ error }) => error ?? []),
      [],
    )
    const tables = ['act.product_view', 'merged.product_view']
    const journal = await state.journal(tables, before)
    return Object.fromEntries(
      tables.map((id) => [
        id,
        journal.filter(({ tableId }) => tableId === id).map(({ partition }) => partition),
      ]),
    )
  }

  async function people(): Promise<readonly (readonly unknown[])[]> {
    const { rows } = await app.query(
      'select id, visitor__person, visitor__person_then, coalesce(visitor__shared, false) from merged.product_view order by id',
    )
    return rows
  }

  const views = (): readonly View[] => landed.filter((each) => each.kind === 'view')

  function expectedPeople(): readonly (readonly unknown[])[] {
    const of = resolver(
      landed.filter((each) => each.kind !== 'view'),
      reachHours,
    )
    return views()
      .toSorted((one, other) => (one.id < other.id ? -1 : 1))
      .map((each) => {
        const actor = actorOf(each)
        return [
          each.id,
          of.person(actor, each.at),
          of.personThen(actor, each.at),
          of.shared(actor, each.at),
        ]
      })
  }

  /** Rows, and the metric by who it was, are what a look at all that landed says. */
  async function requireRight(): Promise<void> {
    const expected = expectedPeople()
    deepEqual(await people(), expected)
    const { result } = await app.metric({
      metrics: ['product_views', 'visitors'],
      by: ['visitor.person'],
    })
    const actors = new Map(views().map((each) => [each.id, actorOf(each)]))
    const byPerson = Map.groupBy(expected, ([, person]) => String(person))
    deepEqual(
      result.rows.map(([person, count, visitors]) => [person, Number(count), Number(visitors)]),
      [...byPerson]
        .toSorted(([one], [other]) => (one < other ? -1 : 1))
        .map(([person, rows]) => [
          person,
          rows.length,
          new Set(rows.map(([id]) => actors.get(String(id)))).size,
        ]),
    )
  }

  it('rebuilds what an edge touches, from its instant on, and publishes no other day', async () => {
    const first = await take([
      view('v1', 1, 'd1'),
      view('v2', 4, 'd1'),
      view('v3', 30, 'd1'),
      view('v4', 100, 'd2'),
    ])
    deepEqual(first['act.product_view'], ['*'])
    await requireRight()
    const touched: string[] = []
    deepEqual(await take([edge('identify', 'e1', 6, ['d1', 'm1'])], touched), {
      'act.product_view': [],
      'merged.product_view': ['day=2026-01-10', 'day=2026-01-11'],
    })
    await requireRight()
    deepEqual(touched, ['raw.event has new rows; what they touch is made again'])
    // The merge at 40 reaches back to 35: the view at 30 stays with who it was.
    deepEqual(
      await take([
        edge('identify', 'e2', 39, ['d3', 'm2']),
        edge('alias', 'e3', 40, ['m1', 'm2']),
        view('v5', 36, 'd1'),
        view('v6', 50, null, 'm1'),
      ]),
      {
        'act.product_view': ['day=2026-01-11', 'day=2026-01-12'],
        'merged.product_view': ['day=2026-01-11', 'day=2026-01-12'],
      },
    )
    await requireRight()
    // Late: another person on the device between the two days.
    deepEqual(await take([edge('identify', 'e4', 20, ['d1', 'm3'])]), {
      'act.product_view': [],
      'merged.product_view': ['day=2026-01-11'],
    })
    await requireRight()
    equal((await people()).find(([id]) => id === 'v3')?.[3], true)
    const { result } = await app.metric({
      metrics: ['product_views'],
      where: 'visitor.shared = false or visitor.shared is unknown',
    })
    equal(Number(result.rows[0]?.[0]), expectedPeople().filter(([, , , shared]) => !shared).length)
    deepEqual(await take([{ ...view('v7', 101, 'd2') }]), {
      'act.product_view': ['day=2026-01-14'],
      'merged.product_view': ['day=2026-01-14'],
    })
  })

  for (const seed of [1, 2])
    it(`is right after each of three landings, in whatever order events arrive (seed ${seed})`, async () => {
      const events = randomEvents(seed)
      for (let from = 0; from < events.length; from += events.length / 3) {
        // oxlint-disable-next-line no-await-in-loop -- a landing after the other
        await take(events.slice(from, from + events.length / 3))
        // oxlint-disable-next-line no-await-in-loop
        await requireRight()
      }
    })
})

/** Devices and members of this seed alone; in an order that has nothing to do with their times. */
function randomEvents(seed: number): readonly Sent[] {
  const name = (prefix: string, count: number): fc.Arbitrary<string> =>
    fc.integer({ min: 1, max: count }).map((number) => `${prefix}${seed}-${number}`)
  const device = name('a', 6)
  const member = name('m', 5)
  const at = fc.integer({ min: 0, max: 60 })
  const tupleOf = <Kind extends string, To>(
    kind: Kind,
    from: fc.Arbitrary<string>,
    to: fc.Arbitrary<To>,
  ) => fc.tuple(fc.constant(kind), at, from, to)
  const made = fc.oneof(
    { weight: 3, arbitrary: tupleOf('view', device, fc.option(member)) },
    { weight: 2, arbitrary: tupleOf('identify', device, member) },
    { weight: 1, arbitrary: tupleOf('alias', fc.oneof(device, member), member) },
  )
  const [events] = fc.sample(fc.array(made, { minLength: 30, maxLength: 30 }), {
    seed,
    numRuns: 1,
  })
  return events!.map(([kind, hours, from, to], index): Sent => {
    const id = `${seed}-${index}`
    return kind === 'view' ? view(id, hours, from, to) : edge(kind, id, hours, [from, to])
  })
}

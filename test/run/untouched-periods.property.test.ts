/**
 * Whatever of objects, attributes, people and activities changes: stored states and indicators come out as built anew, and those of periods that read as before are let
 * be. A mechanism that tells of every day is caught by the periods that are let be, one that tells of none by the comparison with what is built anew.
 */
import { deepEqual, ok } from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { openDuckdbEngine } from '../../src/engine/duckdb/duckdb.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { stateTasks } from '../../src/metric/metric.ts'
import { attachAll } from '../../src/plan/attach.ts'
import { holds } from '../../src/plan/plan.ts'
import { bindTable, compactTables, readStaleness, runTasks } from '../../src/run/run.ts'
import type { RunContext } from '../../src/run/run.ts'
import { attachedModel } from './attached-project.ts'
import { eventColumns, land } from './landed-events.ts'
import { openWorkshop, requireDone, type Workshop } from './run-harness.ts'

const names = [
  'city',
  'member',
  'maker_version',
  'product_version',
  'grade_change',
  'line',
  'edge',
] as const
type Name = (typeof names)[number]
type Row = readonly string[]
/** By table, then by key: the rows of the shop's database; and the events that say who is who, which never go or change. */
type Shop = Readonly<Record<Name, ReadonlyMap<number, Row>>>

/** Hours from the evening before the first of March in Seoul, so that UTC days and local days differ; over four months. */
const instant = fc
  .integer({ min: 0, max: 24 * 110 })
  .map((hours) => `timestamptz '2011-02-28 12:00:00+00' + interval '${hours}' hour`)
const text = (...values: readonly string[]): fc.Arbitrary<string> =>
  fc.constantFrom(...values).map((value) => `'${value}'`)
const number = (max: number): fc.Arbitrary<string> =>
  fc.integer({ min: 1, max }).map((value) => String(value))

const row: Readonly<Record<Name, fc.Arbitrary<Row>>> = {
  city: fc.tuple(text('east', 'west')),
  member: fc.tuple(text('KR', 'FR'), number(3)),
  maker_version: fc.tuple(number(2), text('a', 'b'), instant),
  product_version: fc.tuple(number(3), number(3), instant),
  grade_change: fc.tuple(number(4), text('gold', 'iron'), instant),
  line: fc.tuple(number(5), number(3), number(3), instant),
  edge: fc.tuple(
    text('identify', 'alias', 'alias'),
    text('d4', 'd5', 'm1', 'm2', 'm3'),
    text('m1', 'm2', 'm3'),
    instant,
  ),
}
const keys: Readonly<Record<Name, number>> = {
  city: 3,
  member: 5,
  maker_version: 4,
  product_version: 6,
  grade_change: 8,
  line: 40,
  edge: 12,
}

interface Change {
  readonly name: Name
  readonly id: number
  /** undefined: the row goes. */
  readonly row: Row | undefined
}

const change = fc
  .constantFrom(...names, 'line' as const, 'line' as const, 'edge' as const)
  .chain((name): fc.Arbitrary<Change> =>
    fc.record({
      name: fc.constant(name),
      id: fc.integer({ min: 1, max: keys[name] }),
      row: fc.option(row[name], { nil: undefined, freq: 5 }),
    }),
  )

const nothing: Shop = {
  city: new Map(),
  member: new Map(),
  maker_version: new Map(),
  product_version: new Map(),
  grade_change: new Map(),
  line: new Map(),
  edge: new Map(),
}

function applyChange(shop: Shop, { name, id, row: to }: Change): Shop {
  const rows = new Map(shop[name])
  if (name === 'edge' && (to === undefined || rows.has(id))) return shop
  if (to === undefined) rows.delete(id)
  else rows.set(id, to)
  return { ...shop, [name]: rows }
}

/** One version begins at an instant. */
function rowsOf(shop: Shop): Readonly<Record<string, readonly Row[]>> {
  const tables = names.map((name) => {
    const taken = new Set<string>()
    const rows = [...shop[name]].flatMap(([id, columns]) => {
      const begin = `${columns[0]} ${columns.at(-1)}`
      if (name.endsWith('_version') || name === 'grade_change') {
        if (taken.has(begin)) return []
        taken.add(begin)
      }
      return [[String(id), ...columns]]
    })
    return [name, rows] as const
  })
  return Object.fromEntries(tables)
}

/** Lands the events that came between two states of the shop. Landings are numbered upwards. */
async function landEdges(workshop: Workshop, then: Shop, now: Shop): Promise<void> {
  const fresh = [...now.edge].filter(([id]) => !then.edge.has(id))
  const selects = fresh.map(([id, [kind, from, to, at]]) => {
    const values = {
      landing: String(now.edge.size),
      source: `'web'`,
      id: `'e${id}'`,
      event: kind!,
      kind: kind!,
      occurred_at: at!,
      received_at: at!,
      ...(kind === `'identify'` ? { anonymous_id: from! } : { previous_id: from! }),
      member_id: to!,
      actor: `'member:' || ${to}`,
      partition: '0',
      properties: `'{}'`,
      context: `'{}'`,
      day: `cast(${at} as date)`,
    }
    return `select ${eventColumns(values)}`
  })
  if (selects.length > 0) await land(workshop, selects.join(' union all '))
}

const zone = 'Asia/Seoul'
const model = attachedModel(zone)
const indicators = ['indicator.month.purchase', 'indicator.month.gift']

describe('what is stored of periods', () => {
  let engine: Engine
  before(async () => {
    engine = await openDuckdbEngine({ threads: 1 })
  })
  after(() => engine.close())

  const contextOf = (workshop: Workshop): RunContext => ({
    ...workshop.context,
    tasks: [...workshop.tasks, ...stateTasks(model, { engineVersion: engine.version })],
  })

  const store = async (workshop: Workshop): Promise<void> => {
    const range = { from: undefined, to: undefined }
    requireDone(await runTasks(contextOf(workshop), { ids: indicators, range, full: false }))
  }

  /** Rows as texts by table, without the numbers of versions. */
  const storedRows = async (
    workshop: Workshop,
  ): Promise<Readonly<Record<string, readonly string[]>>> => {
    const context = contextOf(workshop)
    const session = await engine.open({ zone })
    const found: Record<string, readonly string[]> = {}
    for (const task of context.tasks.filter(({ table }) => table.kind === 'states')) {
      if ((await context.lake.table(task.id)) === undefined) continue
      await bindTable(session, context.lake, { task })
      const columns = task.columns.filter(({ name }) => !name.endsWith('_version'))
      const list = columns.map(({ name }) => name).join(', ')
      const { rows } = await session.query(`select ${list} from ${task.id}`)
      found[task.id] = rows.map((each) => each.map(String).join(' | ')).toSorted()
    }
    await session.close()
    return found
  }

  /** By day, the rows with all that is attached to them: another version that says the same is another. */
  const readDays = async (
    workshop: Workshop,
    activity: string,
  ): Promise<ReadonlyMap<string, string>> => {
    const { lake, tasks } = workshop
    const session = await engine.open({ zone })
    for (const task of tasks) await bindTable(session, lake, { task })
    const { root, joins } = attachAll(model, `act.${activity}`)
    const of = new Map(model.tables.map((table) => [table.id, table]))
    const attached = joins.map(({ table, alias }) => {
      const read = of.get(table)
      const isVersion = (read?.kind === 'object' || read?.kind === 'attributes') && read.history
      // That a later version ends one is nothing that a row reads.
      return `${alias}.*${isVersion ? ' exclude (valid_to)' : ''}`
    })
    const { rows } =
      await session.query(`select ${root.alias}.day, ${root.alias}.*, ${attached.join(', ')}
from ${root.table} as ${root.alias}
${joins.map(({ table, alias, condition }) => `left join ${table} as ${alias} on ${condition}`).join('\n')}`)
    await session.close()
    const days = Map.groupBy(rows, ([day]) => String(day))
    return new Map(
      [...days].map(([day, list]) => [
        day,
        list
          .map((each) => each.map(String).join(' | '))
          .toSorted()
          .join('\n'),
      ]),
    )
  }

  /** Months in which rows changed. */
  const changedMonths = (
    then: ReadonlyMap<string, string>,
    now: ReadonlyMap<string, string>,
  ): ReadonlySet<string> =>
    new Set(
      [...then.keys(), ...now.keys()]
        .filter((day) => then.get(day) !== now.get(day))
        .map((day) => day.slice(0, 7)),
    )

  const requireOnly = async (
    workshop: Workshop,
    activity: string,
    changed: ReadonlySet<string>,
  ): Promise<void> => {
    const task = contextOf(workshop).tasks.find(({ id }) => id === `indicator.month.${activity}`)!
    const { dirty, reasons } = await readStaleness(workshop.state, task, { zone })
    for (const month of ['2011-02', '2011-03', '2011-04', '2011-05', '2011-06'])
      ok(
        changed.has(month) || !holds(dirty, `day=${month}-01`),
        `${activity} of ${month} is let be: ${reasons.join(', ')}`,
      )
  }

  const check = async (
    start: readonly Change[],
    steps: readonly { readonly changes: readonly Change[]; readonly compact: boolean }[],
  ): Promise<void> => {
    let shop = start.reduce(applyChange, nothing)
    const workshop = await openWorkshop({ model, engine, rows: () => rowsOf(shop) })
    const anew = await openWorkshop({ model, engine, rows: () => rowsOf(shop) })
    try {
      await landEdges(workshop, nothing, shop)
      requireDone(await workshop.run())
      await store(workshop)
      for (const { changes, compact } of steps) {
        const then = await readDays(workshop, 'purchase')
        const former = shop
        shop = changes.reduce(applyChange, shop)
        await landEdges(workshop, former, shop)
        requireDone(await workshop.run())
        await requireOnly(
          workshop,
          'purchase',
          changedMonths(then, await readDays(workshop, 'purchase')),
        )
        await store(workshop)
        if (compact)
          await compactTables(workshop.context, workshop.tasks, {
            keepSnapshots: 10,
            snapshotAgeMs: 0,
            orphanAgeMs: 0,
          })
      }
      await landEdges(anew, nothing, shop)
      await store(anew)
      deepEqual(await storedRows(workshop), await storedRows(anew))
    } finally {
      await workshop.close()
      await anew.close()
    }
  }

  it('is what building anew gives after any changes, and is made again only where something else is attached to rows', async () => {
    const start = fc.array(change, { minLength: 30, maxLength: 60 })
    const step = fc.record({
      changes: fc.array(change, { minLength: 1, maxLength: 3 }),
      compact: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(start, fc.array(step, { minLength: 3, maxLength: 4 }), check),
      {
        seed: 7,
        numRuns: process.env['MARU_SOAK'] === '1' ? 200 : 2,
        endOnFailure: true,
      },
    )
  })
})

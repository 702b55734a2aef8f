/** Who an id is: the table that `people` makes against a resolver that looks at every edge for every instant, in any order of arrival. */
import { deepEqual } from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { openDuckdbEngine } from '../../src/engine/duckdb/duckdb.ts'
import type { Engine, Session } from '../../src/engine/engine.ts'
import { people } from '../../src/index.ts'
import { newEvents, touchedKeys } from '../../src/model/collected.ts'
import { definitionOf } from '../../src/model/definition.ts'
import { touchesOfPeople } from '../../src/model/people-touches.ts'
import { resolver } from './people-resolver.ts'
import type { Edge } from './people-resolver.ts'

const reachHours = 5

const start = Date.UTC(2026, 0, 10)
const hour = 3_600_000
const instant = (at: number): string => new Date(start + at * hour).toISOString()
const literal = (value: string | null): string =>
  value === null ? 'cast(null as varchar)' : `'${value}'`

function eventLog(edges: readonly Edge[]): string {
  const rows = edges.map(
    (edge) =>
      `select '${edge.source}' as source, '${edge.id}' as id, timestamptz '${instant(edge.at)}' as occurred_at, '${edge.kind}' as kind,
  ${literal(edge.kind === 'identify' ? edge.from : null)} as anonymous_id, ${literal(edge.kind === 'alias' ? edge.from : null)} as previous_id, ${literal(edge.member)} as member_id`,
  )
  return rows.join('\nunion all\n')
}

/** The transform's text, as the engine gets it. */
function transform(): string {
  const declared = people({
    owner: 'growth',
    description: 'people',
    reaches_back: `${reachHours} hours`,
  })
  const data = definitionOf(declared)
  const text = data?.kind === 'object' ? definitionOf(data.sql) : undefined
  if (text?.kind !== 'sql') throw new Error('people has no transform')
  return text.parts
    .map((part) => (part.kind === 'text' ? part.text : part.kind === 'table' ? part.id : ''))
    .join('')
}

const name = (prefix: string, count: number): fc.Arbitrary<string> =>
  fc.integer({ min: 1, max: count }).map((number) => `${prefix}${number}`)

const edge: fc.Arbitrary<Omit<Edge, 'id'>> = fc.oneof(
  fc.record({
    kind: fc.constant('identify' as const),
    source: fc.constantFrom('web', 'app'),
    at: fc.integer({ min: 0, max: 30 }),
    from: fc.option(name('a', 4), { freq: 8 }),
    member: fc.option(name('m', 5), { freq: 8 }),
  }),
  fc.record({
    kind: fc.constant('alias' as const),
    source: fc.constantFrom('web', 'app'),
    at: fc.integer({ min: 0, max: 30 }),
    from: fc.oneof(name('m', 5), name('a', 4)),
    member: fc.option(name('m', 5), { freq: 8 }),
  }),
)

/** Ids may meet across sources, as trackers number their own. */
const edgeList: fc.Arbitrary<readonly Edge[]> = fc
  .array(fc.tuple(edge, fc.integer({ min: 0, max: 3 })), { minLength: 1, maxLength: 14 })
  .map((pairs) => {
    const seen = new Set<string>()
    return pairs.flatMap(([each, number], index) => {
      const id = seen.has(`${each.source} e${number}`) ? `x${index}` : `e${number}`
      seen.add(`${each.source} ${id}`)
      return [{ ...each, id }]
    })
  })

describe('people', () => {
  let engine: Engine
  let session: Session
  before(async () => {
    engine = await openDuckdbEngine()
    session = await engine.open({ zone: 'Asia/Seoul' })
  })
  after(async () => {
    await session.close()
    await engine.close()
  })

  async function table(edges: readonly Edge[]): Promise<readonly (readonly unknown[])[]> {
    if (edges.length === 0) return []
    await session.bindView('raw.event', eventLog(edges))
    const rows = await rowsOfTable()
    await session.unbind('raw.event')
    return rows
  }

  async function rowsOfTable(): Promise<readonly (readonly unknown[])[]> {
    const { rows } = await session.query(
      `select actor, valid_from, person, person_then, shared from (${transform()}) as made order by actor, valid_from`,
    )
    return rows
  }

  it('says at every instant what a look at all edges says', async () => {
    await fc.assert(
      fc.asyncProperty(edgeList, async (edges) => {
        const rows = await table(edges)
        const expected = resolver(edges, reachHours)
        const actors = new Set([
          ...edges.flatMap((each) => (each.member === null ? [] : [`member:${each.member}`])),
          ...edges.flatMap((each) => (each.from === null ? [] : [`anonymous:${each.from}`])),
        ])
        const known = (actor: string, at: number): readonly unknown[] | undefined =>
          rows.findLast(
            (row) => row[0] === actor && Date.parse(String(row[1])) <= start + at * hour,
          )
        for (const actor of actors) {
          for (let at = -reachHours - 2; at <= 40; at += 0.5) {
            const row = known(actor, at)
            const found = [row?.[2] ?? actor, row?.[3] ?? actor, row?.[4] ?? false]
            const wanted = [
              expected.person(actor, at),
              expected.personThen(actor, at),
              expected.shared(actor, at),
            ]
            deepEqual(found, wanted, `${actor} at ${at}`)
          }
        }
      }),
      { numRuns: 60, seed: 11 },
    )
  })

  it('is the same table in whatever order the edges arrive', async () => {
    await fc.assert(
      fc.asyncProperty(
        edgeList.chain((edges) =>
          fc.tuple(
            fc.constant(edges),
            fc.shuffledSubarray([...edges], { minLength: edges.length, maxLength: edges.length }),
          ),
        ),
        async ([edges, shuffled]) => deepEqual(await table(shuffled), await table(edges)),
      ),
      { numRuns: 30, seed: 12 },
    )
  })

  it('is the same when only what new edges touch is made again, of the edges needed for that', async () => {
    await fc.assert(
      fc.asyncProperty(
        edgeList,
        fc.array(fc.boolean(), { minLength: 14 }),
        async (edges, isNew) => {
          const before = await table(edges.filter((_, index) => isNew[index] !== true))
          const expected = await table(edges)
          await session.bindView('raw.event', eventLog(edges))
          const fresh = edges.filter((_, index) => isNew[index] === true)
          const all = fresh.length === 0 ? 'select * from raw.event limit 0' : eventLog(fresh)
          await session.run(`create temp table ${newEvents} as ${all}`)
          await session.run(`create temp table ${touchedKeys} as ${touchesOfPeople.keys}`)
          await session.run(`create temp table needed as ${touchesOfPeople.events}`)
          const { rows } = await session.query(`select actor from ${touchedKeys}`)
          await session.unbind('raw.event')
          const touched = new Set<unknown>(rows.map(([actor]) => actor))
          await session.bindView('raw.event', 'select * from needed')
          const made = (await rowsOfTable()).filter(([actor]) => touched.has(actor))
          await session.unbind('raw.event')
          for (const name of [newEvents, touchedKeys, 'needed'])
            await session.run(`drop table ${name}`)
          const kept = before.filter(([actor]) => !touched.has(actor))
          deepEqual([...made, ...kept].map(String).toSorted(), expected.map(String).toSorted())
        },
      ),
      { numRuns: 100, seed: 14 },
    )
  })

  it('has one row for an actor and instant', async () => {
    await fc.assert(
      fc.asyncProperty(edgeList, async (edges) => {
        const rows = await table(edges)
        deepEqual(
          new Set(rows.map(([actor, from]) => `${String(actor)} ${String(from)}`)).size,
          rows.length,
        )
      }),
      { numRuns: 30, seed: 13 },
    )
  })
})

/**
 * How long people take to follow new edges, beside making them of all edges again: 1,000 edges land beside a million. Most devices have one member and most members
 * a device or two; some devices are shared, some members merged.
 */
import { openDuckdbEngine } from '../src/engine/duckdb/duckdb.ts'
import { eventColumns, eventsModel, land } from '../test/run/landed-events.ts'
import { openWorkshop, requireDone } from '../test/run/run-harness.ts'
import type { Workshop } from '../test/run/run-harness.ts'
import { median, timed } from './figure.ts'
import type { Bench } from './figure.ts'

const people = 'obj.person'
const newEdges = 1_000

export const run: Bench = async ({ short }) => {
  const edges = short ? 100_000 : 1_000_000
  const engine = await openDuckdbEngine()
  const workshop = await openWorkshop({
    model: eventsModel({ product: 'integer', withBots: false }),
    rows: () => ({}) as never,
    engine,
  })
  try {
    await landEdges(workshop, { landing: 1, from: 0, to: edges })
    await build(workshop)
    const following: number[] = []
    const all: number[] = []
    for (let landing = 2; landing < 8; landing++) {
      const from = edges + (landing - 2) * newEdges
      await landEdges(workshop, { landing, from, to: from + newEdges })
      const full = landing % 2 === 1
      ;(full ? all : following).push(await timed(() => build(workshop, { full })))
    }
    const count = edges.toLocaleString('en-US')
    return [
      {
        what: `people after 1,000 new edges beside ${count}, medians of 3`,
        value: seconds(median(following)),
        unit: 's',
        beside: { what: 'of all edges', value: seconds(median(all)) },
      },
    ]
  } finally {
    await workshop.close()
    await engine.close()
  }
}

async function build(workshop: Workshop, options: { readonly full?: boolean } = {}): Promise<void> {
  requireDone(await workshop.run({ ...options, ids: [people] }))
}

function seconds(milliseconds: number): number {
  return Number((milliseconds / 1_000).toPrecision(3))
}

/** The n-th edge is the same whenever it lands. */
async function landEdges(
  workshop: Workshop,
  { landing, from, to }: { readonly landing: number; readonly from: number; readonly to: number },
): Promise<void> {
  const happened = "timestamptz '2026-01-01 00:00:00+00' + to_seconds(edge * 3)"
  const isAlias = 'edge % 100 = 0'
  const device = '(hash(edge) % 800000)'
  // One of twenty edges is of somebody else at the device.
  const member = `'m' || hash(${device} + case when edge % 20 = 1 then edge else 0 end) % 600000`
  const columns = eventColumns({
    landing: String(landing),
    source: "'web'",
    id: "'e' || edge",
    event: `case when ${isAlias} then 'alias' else 'identify' end`,
    kind: `case when ${isAlias} then 'alias' else 'identify' end`,
    occurred_at: happened,
    received_at: happened,
    anonymous_id: `case when not ${isAlias} then 'a' || ${device} end`,
    previous_id: `case when ${isAlias} then 'm' || hash(edge + 7) % 600000 end`,
    member_id: member,
    actor: `'member:' || ${member}`,
    partition: '0',
    properties: "'{}'",
    context: "'{}'",
    day: `cast(${happened} as date)`,
  })
  await land(workshop, `select ${columns} from range(${from}, ${to}) as edges(edge)`)
}

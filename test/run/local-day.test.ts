/** An activity lies in the local day of the project's zone, also around clock changes, and a question about that day opens that day's files only. */
import { deepEqual, equal } from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openDuckdbEngine } from '../../src/engine/duckdb/duckdb.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { dayNumber } from '../../src/base/time.ts'
import { openWorkshop, requireDone } from './run-harness.ts'
import { shopModel, type ShopRows } from './shop-project.ts'

const cases: Readonly<Record<string, readonly (readonly [instant: string, day: string])[]>> = {
  'Europe/London': [
    ['2011-03-26 23:59:59.999999+00', '2011-03-26'],
    ['2011-03-27 00:00:00+00', '2011-03-27'],
    ['2011-03-27 22:59:59+00', '2011-03-27'],
    ['2011-03-27 23:00:00+00', '2011-03-28'],
    ['2011-10-29 22:59:59+00', '2011-10-29'],
    ['2011-10-29 23:00:00+00', '2011-10-30'],
    ['2011-10-30 23:59:59+00', '2011-10-30'],
    ['2011-10-31 00:00:00+00', '2011-10-31'],
  ],
  'Asia/Seoul': [
    ['2011-03-01 14:59:59.999999+00', '2011-03-01'],
    ['2011-03-01 15:00:00+00', '2011-03-02'],
  ],
}

describe('a local day', () => {
  let engine: Engine
  before(async () => {
    engine = await openDuckdbEngine({ threads: 1 })
  })
  after(() => engine.close())

  for (const [zone, instants] of Object.entries(cases)) {
    it(`holds the activities of that day in ${zone}`, async () => {
      const rows: ShopRows = {
        member: [['1', `'KR'`]],
        product_version: [],
        orders: instants.map(([instant], index) => [
          String(index + 1),
          '1',
          `timestamptz '${instant}'`,
        ]),
        item: [],
      }
      const workshop = await openWorkshop({ model: shopModel(zone), engine, rows: () => rows })
      try {
        requireDone(await workshop.run())
        const days = new Set(instants.map(([, day]) => `day=${day}`))
        for (const id of ['raw.shop.orders', 'act.ordering', 'merged.ordering'])
          deepEqual(new Set((await workshop.state.partitions(id)).keys()), days)
        const contents = await workshop.contents()
        const found = contents['act.ordering']!.map((row) => row.split(' | '))
        deepEqual(
          found.map((row) => row.at(-1)),
          found.map((row) => instants[Number(row[0]) - 1]![1]),
        )
        const table = (await workshop.lake.table('act.ordering'))!
        const [, day] = instants[0]!
        const number = dayNumber(day)
        const scan = await workshop.lake.scan(table, {
          filters: [{ column: 'day', lower: number, upper: number }],
        })
        deepEqual(
          scan.files.map((file) => file.partition),
          [`day=${day}`],
        )
        equal(scan.filesTotal, days.size)
      } finally {
        await workshop.close()
      }
    })
  }
})

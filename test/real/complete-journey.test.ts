/** The Complete Journey, against the counts published with the data and against plain arithmetic over the files. */
import { strict as assert } from 'node:assert'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { App } from '../../src/app/app.ts'
import { openApp } from '../../src/app/open.ts'
import type { MetricQuestion } from '../../src/metric/metric.ts'
import { completeJourneyProject } from './complete-journey-project.ts'
import { makeProject, readGzip, removeProject, runAll } from './project-folder.ts'
import { sharedData } from '../shared-data.ts'

const data = sharedData('complete-journey')

type Row = Readonly<Record<string, string>>

describe('a grocery chain (Complete Journey)', { skip: data.skip }, () => {
  let folder: string
  let app: App

  before(async () => {
    folder = await makeProject(completeJourneyProject(data.folder))
    app = openApp({ folder })
    await runAll(app)
  })

  after(async () => {
    await app?.close()
    if (folder !== undefined) await removeProject(folder)
  })

  async function rows(question: MetricQuestion): Promise<readonly (readonly unknown[])[]> {
    return (await app.metric(question)).result.rows
  }

  it('holds as many rows as the files', async () => {
    const published = {
      transactions: 75_000,
      products: 92_331,
      demographics: 801,
      campaigns: 6589,
      campaign_descriptions: 27,
      coupons: 116_204,
      coupon_redemptions: 2102,
    }
    const listed = new Map((await app.list()).map((each) => [each.id, each.rows]))
    for (const [table, count] of Object.entries(published))
      assert.equal(listed.get(`raw.${table}`), count, table)
  })

  it('gives the published totals', async () => {
    const [found] = await rows({
      metrics: ['lines', 'sales', 'buyers', 'baskets', 'products_sold', 'stores'],
    })
    assert.deepEqual(found, [75_000, '233935.24', 2377, 47_243, 20_902, 293])
    assert.deepEqual(await rows({ metrics: ['reaches', 'reached'] }), [[6589, 1559]])
    assert.deepEqual(await rows({ metrics: ['redemptions', 'redeemers'] }), [[2102, 410]])
    assert.deepEqual(await rows({ metrics: ['households_that_told', 'responsive'] }), [[801, 410]])
    assert.deepEqual(await rows({ metrics: ['products'] }), [[92_331]])
  })

  it('keeps the 222 lines whose product is not in the list', async () => {
    const { rows: found } = await app.query(
      'select count(*) from act.purchase p left join obj.product o on o.id = p.product where o.id is null',
    )
    assert.deepEqual(found, [[222]])
  })

  it('sums each department as plain arithmetic does, the unknown included', async () => {
    const departments = new Map(
      (await readCsv('products')).map((row) => [row['product_id']!, row['department']!]),
    )
    const cents = new Map<string, { lines: number; cents: number }>()
    for (const row of await readCsv('transactions_sample')) {
      const department = departments.get(row['product_id']!) || 'unknown'
      const sum = cents.get(department) ?? { lines: 0, cents: 0 }
      cents.set(department, sum)
      sum.lines++
      sum.cents += Math.round(Number(row['sales_value']) * 100)
    }
    const expected = [...cents]
      .map(([name, sum]) => [name, sum.lines, (sum.cents / 100).toFixed(2)])
      .toSorted(byFirst)
    const found = await rows({ metrics: ['lines', 'sales'], by: ['product.department'] })
    assert.deepEqual(
      found.map(([name, ...rest]) => [name ?? 'unknown', ...rest]).toSorted(byFirst),
      expected,
    )
  })

  it('knows what a household had met by then: the last coupon sees all of its household', async () => {
    const perHousehold = new Map<string, number>()
    for (const row of await readCsv('coupon_redemptions'))
      perHousehold.set(row['household_id']!, (perHousehold.get(row['household_id']!) ?? 0) + 1)
    const { rows: found } = await app.query(
      'select household, max(household__coupons_so_far) from merged.redemption group by household',
    )
    assert.deepEqual(new Map(found as readonly (readonly [string, number])[]), perHousehold)
  })

  async function readCsv(name: string): Promise<readonly Row[]> {
    const text = await readGzip(path.join(data.folder, `${name}.csv.gz`))
    const [header, ...lines] = text.trim().split('\n').map(fieldsOf)
    return lines.map((fields) =>
      Object.fromEntries(header!.map((field, index) => [field, fields[index] ?? ''])),
    )
  }
})

/** These files have no quote inside a field and no line break. */
function fieldsOf(line: string): readonly string[] {
  return [...line.matchAll(/(?:^|,)(?:"([^"]*)"|([^,]*))/g)].map((match) => match[1] ?? match[2]!)
}

function byFirst(left: readonly unknown[], right: readonly unknown[]): number {
  return String(left[0]) < String(right[0]) ? -1 : 1
}

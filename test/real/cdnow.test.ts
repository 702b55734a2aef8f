/** CDNOW, against the totals published with the data and against plain arithmetic over the file. */
import { strict as assert } from 'node:assert'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { App } from '../../src/app/app.ts'
import { openApp } from '../../src/app/open.ts'
import type { MetricQuestion } from '../../src/metric/metric.ts'
import { cdnowProject } from './cdnow-project.ts'
import { makeProject, readGzip, removeProject, runAll } from './project-folder.ts'
import { sharedData } from '../shared-data.ts'

const data = sharedData('cdnow')

interface Transaction {
  readonly customer: string
  /** YYYYMMDD */
  readonly date: string
  readonly cds: number
  readonly cents: number
}

describe('a shop of discs (CDNOW)', { skip: data.skip }, () => {
  let folder: string
  let app: App
  let transactions: readonly Transaction[]

  before(async () => {
    folder = await makeProject(cdnowProject(data.folder))
    app = openApp({ folder })
    await runAll(app)
    const text = await readGzip(path.join(data.folder, 'CDNOW_master.txt.gz'))
    transactions = text
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => {
        const [customer, date, cds, dollars] = line.trim().split(/ +/)
        return {
          customer: customer!,
          date: date!,
          cds: Number(cds),
          cents: Math.round(Number(dollars) * 100),
        }
      })
  })

  after(async () => {
    await app?.close()
    if (folder !== undefined) await removeProject(folder)
  })

  async function rows(question: MetricQuestion): Promise<readonly (readonly unknown[])[]> {
    return (await app.metric(question)).result.rows
  }

  it('gives the published totals', async () => {
    const [found] = await rows({ metrics: ['transactions', 'buyers', 'discs', 'sales'] })
    assert.deepEqual(found, [69_659, 23_570, 167_881, '2500315.63'])
    assert.deepEqual(await rows({ metrics: ['customers'] }), [[23_570]])
    const { rows: days } = await app.query('select min(day), max(day) from act.purchase')
    assert.deepEqual(days, [['1997-01-01', '1998-06-30']])
  })

  it('keeps customer numbers and days as the file has them', async () => {
    const { rows: found } = await app.query(
      'select customer, day, cds, paid from raw.master order by customer, bought_at, cds limit 2',
    )
    assert.deepEqual(found, [
      ['00001', '1997-01-01', 1, '11.77'],
      ['00002', '1997-01-12', 1, '12.00'],
    ])
  })

  it('counts cohorts of the first purchase as plain arithmetic does', async () => {
    const first = new Map<string, string>()
    for (const { customer, date } of transactions)
      if (!first.has(customer) || date < first.get(customer)!) first.set(customer, date)
    const cohorts = new Map<string, { buyers: Set<string>; count: number; cents: number }>()
    for (const { customer, cents } of transactions) {
      const month = isoMonth(first.get(customer)!)
      const cohort = cohorts.get(month) ?? { buyers: new Set(), count: 0, cents: 0 }
      cohorts.set(month, cohort)
      cohort.buyers.add(customer)
      cohort.count++
      cohort.cents += cents
    }
    const expected = [...cohorts]
      .map(([month, each]) => [month, each.buyers.size, each.count, dollars(each.cents)])
      .toSorted(byFirst)
    assert.equal(expected.length, 3, 'the data is one quarter’s new customers')
    for (const by of ['customer.first_purchase_at.month', 'customer.since.month']) {
      const found = await rows({ metrics: ['buyers', 'transactions', 'sales'], by: [by] })
      assert.deepEqual(dated(found), expected, by)
    }
  })

  it('counts repeat buyers as plain arithmetic does', async () => {
    const counts = new Map<string, number>()
    for (const { customer } of transactions) counts.set(customer, (counts.get(customer) ?? 0) + 1)
    const repeating = [...counts.values()].filter((count) => count >= 2).length
    assert.deepEqual(await rows({ metrics: ['repeat_buyers'] }), [[repeating]])
  })

  it('sums each month as plain arithmetic does', async () => {
    const months = new Map<string, { count: number; cds: number; cents: number }>()
    for (const { date, cds, cents } of transactions) {
      const month = months.get(isoMonth(date)) ?? { count: 0, cds: 0, cents: 0 }
      months.set(isoMonth(date), month)
      month.count++
      month.cds += cds
      month.cents += cents
    }
    const expected = [...months]
      .map(([month, each]) => [month, each.count, each.cds, dollars(each.cents)])
      .toSorted(byFirst)
    assert.equal(expected.length, 18)
    const found = await rows({ metrics: ['transactions', 'discs', 'sales'], by: ['month'] })
    assert.deepEqual(dated(found), expected)
  })

  it('takes what a customer had bought by then: purchases split by their number', async () => {
    const perDay = new Map<string, number>()
    for (const { customer, date } of transactions)
      perDay.set(`${customer} ${date}`, (perDay.get(`${customer} ${date}`) ?? 0) + 1)
    const soFar = new Map<string, number>()
    const expected = new Map<number, number>()
    // A day's purchases of one customer share an instant, so all of them see all of them.
    for (const [place, count] of [...perDay].toSorted(([left], [right]) =>
      left < right ? -1 : 1,
    )) {
      const customer = place.split(' ')[0]!
      const total = (soFar.get(customer) ?? 0) + count
      soFar.set(customer, total)
      expected.set(total, (expected.get(total) ?? 0) + count)
    }
    const found = await rows({ metrics: ['transactions'], by: ['customer.purchases'] })
    const byNumber = new Map(found.map(([number, count]) => [Number(number), Number(count)]))
    assert.deepEqual(
      [...byNumber].toSorted(([left], [right]) => left - right),
      [...expected].toSorted(([left], [right]) => left - right),
    )
  })
})

function isoMonth(date: string): string {
  return `${date.slice(0, 4)}-${date.slice(4, 6)}`
}

function dollars(cents: number): string {
  return (cents / 100).toFixed(2)
}

/** The first column is an instant or a day, of which the month counts. */
function dated(rows: readonly (readonly unknown[])[]): readonly (readonly unknown[])[] {
  return rows.map(([first, ...rest]) => [String(first).slice(0, 7), ...rest]).toSorted(byFirst)
}

function byFirst(left: readonly unknown[], right: readonly unknown[]): number {
  return String(left[0]) < String(right[0]) ? -1 : 1
}

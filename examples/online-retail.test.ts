/** The example on real data, against the totals that are published with the data, not against anything that Maru counted. */
import { strict as assert } from 'node:assert'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { App } from '../src/app/app.ts'
import { openApp } from '../src/app/open.ts'
import type { MetricQuestion } from '../src/metric/metric.ts'

const root = path.resolve(import.meta.dirname, '..')
const dataFolder = path.join(
  process.env['MARU_DATA'] ?? path.join(root, '../shared/data'),
  'uci-online-retail',
)

/** month, lines, net sales, members, invoices: the table in the SOURCE.md beside the data. */
const published: readonly (readonly [string, number, string, number, number])[] = [
  ['2010-12', 42_481, '748957.02', 948, 2025],
  ['2011-01', 35_147, '560000.26', 783, 1476],
  ['2011-02', 27_707, '498062.65', 798, 1393],
  ['2011-03', 36_748, '683267.08', 1020, 1983],
  ['2011-04', 29_916, '493207.12', 899, 1744],
  ['2011-05', 37_030, '723333.51', 1079, 2162],
  ['2011-06', 36_874, '691123.12', 1051, 2012],
  ['2011-07', 39_518, '681300.11', 993, 1927],
  ['2011-08', 35_284, '682680.51', 980, 1737],
  ['2011-09', 50_226, '1019687.62', 1302, 2327],
  ['2011-10', 60_742, '1070704.67', 1425, 2637],
  ['2011-11', 84_711, '1461756.25', 1711, 3462],
  ['2011-12', 25_525, '433668.01', 686, 1015],
]

function missing(): string | false {
  if (existsSync(dataFolder)) return false
  const reason = `no data at ${dataFolder}: examples/online-retail/README.md says where to get it, MARU_DATA names the folder above`
  if ((process.env['MARU_REQUIRE'] ?? '').split(',').includes('all')) throw new Error(reason)
  return reason
}

describe('the example online-retail', { skip: missing() }, () => {
  let folder: string
  let app: App

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'maru-online-retail-'))
    const project = path.join(folder, 'online-retail')
    await cp(path.join(root, 'examples/online-retail'), project, {
      recursive: true,
      filter: (source) => path.basename(source) !== '.maru',
    })
    await mkdir(path.join(project, 'node_modules'))
    await symlink(root, path.join(project, 'node_modules', 'maru'))
    process.env['ONLINE_RETAIL_DATA'] = dataFolder
    app = openApp({ folder: project })
    const record = await app.run({ ids: [] })
    const failed = record.tasks
      .filter((task) => task.status !== 'published')
      .map((task) => `${task.taskId} ${task.status}: ${task.error}`)
    assert.deepEqual(failed, [])
  })

  after(async () => {
    await app?.close()
    await rm(folder, { recursive: true, force: true })
  })

  async function rows(question: MetricQuestion): Promise<readonly (readonly unknown[])[]> {
    return (await app.metric(question)).result.rows
  }

  async function one(...metrics: readonly string[]): Promise<readonly unknown[] | undefined> {
    return (await rows({ metrics }))[0]
  }

  it('holds every line as it came', async () => {
    const { rows: counted } = await app.query(
      'select count(*) as lines, count(*) - count(customer) as unknown_lines from raw.invoice_line',
    )
    assert.deepEqual(counted, [[541_909, 135_080]])
  })

  it('gives the published totals', async () => {
    const [lines, invoices, buyers, sales] =
      (await one('lines', 'invoices', 'buyers', 'net_sales')) ?? []
    assert.deepEqual([lines, invoices, buyers, cents(sales)], [541_909, 25_900, 4372, '9747747.93'])
    assert.deepEqual(await one('lines_without_member', 'return_lines'), [135_080, 9288])
    assert.deepEqual(await one('members'), [4372])
    assert.deepEqual(await one('products'), [4070])
    assert.deepEqual(await one('countries'), [38])
  })

  it('gives the published table by month', async () => {
    const found = await rows({
      metrics: ['lines', 'net_sales', 'buyers', 'invoices'],
      by: ['month'],
    })
    const table = found.map(([month, lines, sales, buyers, invoices]) => [
      String(month).slice(0, 7),
      lines,
      cents(sales),
      buyers,
      invoices,
    ])
    assert.deepEqual(table, published)
  })

  it('drops no line by an attribute: the countries of members and the unknown add up to all', async () => {
    const found = await rows({ metrics: ['lines'], by: ['member.country'] })
    assert.equal(
      found.reduce((total, row) => total + Number(row[1]), 0),
      541_909,
    )
    assert.deepEqual(
      found.filter(([country]) => country === null),
      [[null, 135_080]],
    )
  })

  it('answers by the country that a member had then, which is the line’s own, and by the one it has now', async () => {
    const own = `select country, count(*) from raw.invoice_line where customer is not null group by country order by country`
    const then = await rows({
      metrics: ['lines'],
      by: ['member.country'],
      order: ['member.country'],
    })
    assert.deepEqual(
      then.filter(([country]) => country !== null),
      (await app.query(own)).rows,
    )
    const now = await rows({
      metrics: ['lines'],
      by: ['member.country@now'],
      order: ['member.country@now'],
    })
    assert.notDeepEqual(now, then)
  })

  it('has nothing to do when it runs again', async () => {
    const record = await app.run({ ids: [] })
    assert.deepEqual(
      record.tasks.filter((task) => task.status !== 'unchanged'),
      [],
    )
  })
})

/** Rounded to two decimals, half away from zero, on the digits. */
function cents(value: unknown): string {
  const [, sign, whole, fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(String(value)) ?? []
  const thousandths = BigInt(`${whole}${fraction.padEnd(3, '0').slice(0, 3)}`)
  const rounded = String((thousandths + 5n) / 10n).padStart(3, '0')
  return `${sign}${rounded.slice(0, -2)}.${rounded.slice(-2)}`
}

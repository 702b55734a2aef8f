/** The generated tracker against what it is made for: every event lands once with every field, from Node and from a real browser, offline and when a page goes away. */
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { stripTypeScriptTypes } from 'node:module'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { chromium } from 'playwright-core'
import type { Browser, Page } from 'playwright-core'
import { openApp } from '../../src/app/open.ts'
import { generateTracker } from '../../src/app/tracker.ts'
import { event, integer, text } from '../../src/index.ts'
import { buildModel } from '../../src/model/build.ts'
import type { EventRow } from '../../src/collect/rows.ts'
import type { createClient, TrackerOptions, Who } from '../../src/tracker/tracker.ts'
import { startMaru } from '../cli/started.ts'
import { runMaru } from '../cli/run-maru.ts'
import { clientSettings, startClientCollector, writeKey } from '../collect/collector.ts'
import type { ClientCollector } from '../collect/collector.ts'
import { countOf, eventKey, makeEventProject, until } from '../run/event-project.ts'

interface Generated {
  readonly createTracker: (options: TrackerOptions) => ReturnType<typeof createClient> & {
    readonly track: Readonly<Record<string, (properties?: object, who?: Who) => void>>
  }
}

const declaration = `import { boolean, date, decimal, event, integer, json, list, number, text, timestamp, uuid } from 'maru'
export default event({
  owner: 'growth',
  description: 'an order was paid',
  name: 'order completed',
  properties: {
    order_id: integer('the order', { required: true }),
    total: decimal('paid', { unit: 'KRW', precision: 12, scale: 2 }),
    weight: number('of the parcel', { unit: 'kg' }),
    is_gift: boolean('for somebody else'),
    code: text('of the coupon'),
    paid_at: timestamp('when the bank said so'),
    due: date('by when it is to be there'),
    parcel: uuid('of the carrier'),
    tags: list('text', 'of the campaign'),
    lines: json('what is in it'),
  },
  example: { order_id: 1 },
})
`
const order = {
  order_id: 7,
  total: '12.50',
  weight: 0.25,
  is_gift: true,
  code: 'ä"\u{1F381}',
  paid_at: new Date('2026-03-01T10:00:00.123Z'),
  due: '2026-03-05',
  parcel: '0f8fad5b-d9cb-469f-a165-70867728950e',
  tags: ['spring', 'sale'],
  lines: [{ sku: 'tea', count: 2 }],
}

it('lands from Node with every property as declared, and who it was', async () => {
  const project = makeEventProject()
  project.write('raw/event/order_completed.ts', declaration)
  const app = openApp({ folder: project.folder })
  const maru = await startMaru(project.folder)
  try {
    const out = path.join(project.folder, 'tracker.ts')
    equal((await runMaru(project.folder, 'tracker', '--out', out)).code, 0)
    const { createTracker } = (await import(out)) as Generated
    const dropped: string[] = []
    const tracker = createTracker({
      url: `http://127.0.0.1:${maru.port}`,
      writeKey: eventKey,
      onDrop: (given, why) => dropped.push(`${given.event} ${why}`),
    })
    tracker.track['orderCompleted']!(order)
    tracker.identify('m1', { plan: 'gold' })
    tracker.track['productViewed']!({ product_id: 3 }, { memberId: 'm2' })
    tracker.alias('m3', 'm1')
    tracker.reset()
    tracker.page({ path: '/' })
    await tracker.close()
    await until(async () => (await countOf(app, 'raw.event')) === 5, 'all landed')
    deepEqual(dropped, [])
    const { rows } = await app.query(
      `select ${Object.keys(order).join(', ')} from raw.event.order_completed`,
    )
    deepEqual(
      rows.map((row) => row.map(String)),
      [
        [
          '7',
          '12.50',
          '0.25',
          'true',
          order.code,
          '2026-03-01T10:00:00.123000Z',
          '2026-03-05',
          order.parcel,
          'spring,sale',
          '[{"sku":"tea","count":2}]',
        ],
      ],
    )
    const who = await app.query(
      'select kind, event, member_id, previous_id, anonymous_id, properties from raw.event order by kind, event',
    )
    const [alias, identify, page, completed, viewed] = who.rows
    const visitor = String(completed?.[4])
    deepEqual(alias?.slice(0, 5), ['alias', 'alias', 'm3', 'm1', visitor])
    deepEqual(identify, ['identify', 'identify', 'm1', null, visitor, '{"plan":"gold"}'])
    deepEqual(page?.slice(0, 4), ['page', 'page', null, null])
    deepEqual(viewed, ['track', 'product viewed', 'm2', null, null, '{"product_id":3}'])
    ok(page?.[4] !== visitor && visitor !== 'null')
  } finally {
    await maru.stop()
    await app.close()
    project.dispose()
  }
})

const executablePath = '/usr/bin/chromium'
const skip = existsSync(executablePath) ? false : `no ${executablePath}: apt-get install chromium`

describe('in a browser', { skip }, () => {
  let collector: ClientCollector
  let browser: Browser
  let script: string
  const shop = createServer((request, response) => {
    const isScript = request.url === '/tracker.js'
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
    response.end(isScript ? script : '<!doctype html><meta charset="utf-8"><title>shop</title>')
  })

  before(async () => {
    const viewed = event({
      owner: 'growth',
      description: 'a product was on a screen',
      name: 'order_completed',
      properties: {
        order_id: text('which', { required: true }),
        total: integer('paid', { required: true }),
      },
      example: { order_id: '1', total: 1 },
    })
    const { model, problems } = buildModel(
      [{ path: 'raw/event/order_completed.ts', exportName: 'default', value: viewed }],
      { zone: 'UTC', buckets: 1 },
    )
    deepEqual(problems, [])
    script = stripTypeScriptTypes(await generateTracker(model))
    collector = await startClientCollector({ settings: () => clientSettings })
    await new Promise<void>((resolve) => shop.listen(0, '127.0.0.1', resolve))
    browser = await chromium.launch({
      executablePath,
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-sync'],
    })
  })
  after(async () => {
    await browser?.close()
    shop.closeAllConnections()
    shop.close()
    await collector?.close()
  })

  /** A page of the shop with a tracker; `waitMs`: how long an event waits for others. */
  async function openPage(page: Page, waitMs: number): Promise<void> {
    await page.goto(`http://127.0.0.1:${(shop.address() as AddressInfo).port}/`)
    await page.addScriptTag({
      type: 'module',
      content: `import { createTracker } from '/tracker.js'
globalThis.tracker = createTracker({ url: '${collector.host}', writeKey: '${writeKey}', waitMs: ${waitMs} })`,
    })
    await page.waitForFunction('globalThis.tracker !== undefined')
  }
  const complete = (id: string): string =>
    `tracker.track.orderCompleted({ order_id: '${id}', total: 1 })`
  /** As they land: sent again because no answer was heard, an event is in the log again, and has the same id. */
  async function events(): Promise<readonly EventRow[]> {
    const { events: logged } = await collector.rows()
    return [...new Map(logged.toReversed().map((row) => [row.id, row])).values()].toReversed()
  }
  const orders = async (): Promise<readonly string[]> =>
    (await events()).flatMap(({ properties }) => /"order_id":"(\w+)"/.exec(properties)?.[1] ?? [])

  it('sends with the visitor, who stays the same from page to page', async () => {
    const page = await browser.newPage()
    await openPage(page, 10)
    await page.evaluate(complete('first'))
    await page.evaluate("tracker.identify('m1')")
    await collector.rowsOf(2)
    await openPage(page, 10)
    await page.evaluate(complete('second'))
    await until(async () => (await orders()).includes('second'), 'the second came')
    const sent = await events()
    deepEqual(
      sent.map(({ kind, member_id }) => [kind, member_id]),
      [
        ['track', null],
        ['identify', 'm1'],
        ['track', 'm1'],
      ],
    )
    equal(new Set(sent.map(({ anonymous_id }) => anonymous_id)).size, 1)
    match(sent[0]?.user_agent ?? '', /Chrome/)
    await page.close()
  })

  it('keeps events of a page without network for the next page, which sends each once', async () => {
    const context = await browser.newContext()
    const page = await context.newPage()
    await openPage(page, 10)
    await context.setOffline(true)
    await page.evaluate(complete('offline1'))
    await page.evaluate(complete('offline2'))
    await page.evaluate('tracker.flush()')
    ok(!(await orders()).includes('offline1'))
    await context.setOffline(false)
    await openPage(page, 10)
    await until(async () => (await orders()).includes('offline2'), 'the events came')
    await page.evaluate('tracker.flush()')
    deepEqual(
      (await orders()).filter((id) => id.startsWith('offline')),
      ['offline1', 'offline2'],
    )
    await context.close()
  })

  it('sends what waits when the page goes away, and once with what the next sends', async () => {
    const context = await browser.newContext()
    const page = await context.newPage()
    await openPage(page, 60_000)
    await page.evaluate(complete('hidden'))
    ok(!(await orders()).includes('hidden'))
    await page.goto('about:blank')
    await until(async () => (await orders()).includes('hidden'), 'the event came')
    await openPage(page, 10)
    await page.evaluate(complete('afterwards'))
    await until(async () => (await orders()).includes('afterwards'), 'the next event came')
    deepEqual(
      (await orders()).filter((id) => id === 'hidden'),
      ['hidden'],
    )
    await context.close()
  })
})

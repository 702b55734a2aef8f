/** Segment's browser client in a real Chromium against a collector. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { it } from 'node:test'
import { chromium } from 'playwright-core'
import { startClientCollector, writeKey } from './collector.ts'

const executablePath = '/usr/bin/chromium'
const skip = existsSync(executablePath) ? false : `no ${executablePath}: apt-get install chromium`

it("a browser with Segment's client is understood, across origins", { skip }, async () => {
  const collector = await startClientCollector()
  const bundle = await readFile(
    fileURLToPath(import.meta.resolve('@segment/analytics-next/dist/umd/standalone.js')),
  )
  const shop = createServer((request, response) => {
    const isScript = request.url === '/client.js'
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
    response.end(isScript ? bundle : page(collector.host))
  })
  await new Promise<void>((resolve) => shop.listen(0, '127.0.0.1', resolve))
  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-sync'],
  })
  try {
    const tab = await browser.newPage()
    await tab.goto(`http://127.0.0.1:${(shop.address() as AddressInfo).port}/`)
    const events = await collector.rowsOf(3)
    assert.deepEqual(events.map(({ kind }) => kind).toSorted(), ['identify', 'page', 'track'])
    const track = events.find(({ kind }) => kind === 'track')
    assert.deepEqual(JSON.parse(track?.properties ?? ''), { order_id: 'ä', total: 2.5 })
    assert.equal(track?.member_id, 'm1')
    assert.ok(track?.anonymous_id)
    assert.match(track.user_agent ?? '', /Chrome/)
    assert.equal(new Set(events.map(({ id }) => id)).size, 3)
    assert.doesNotMatch(JSON.stringify(events), new RegExp(writeKey))
  } finally {
    await browser.close()
    shop.closeAllConnections()
    shop.close()
    await collector.close()
  }
})

function page(host: string): string {
  return `<!doctype html><meta charset="utf-8"><script>
    window.analytics = Object.assign([], { invoked: true, _loadOptions: {
      integrations: { 'Segment.io': { apiHost: '${host.slice('http://'.length)}/v1', protocol: 'http' } } },
      _writeKey: '${writeKey}', _cdn: '${host}' });
    for (const call of [
      ['page', 'Home'],
      ['identify', 'm1', { plan: 'gold' }],
      ['track', 'order_completed', { order_id: 'ä', total: 2.5 }],
    ]) window.analytics.push(call)
  </script><script src="/client.js"></script>`
}

import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { text } from 'node:stream/consumers'
import { visitorEvents, visitShop } from './visitors.ts'

const size = { products: 100, members: 50 }

describe('the simulated visitors', () => {
  const bodies: { readonly events: readonly { readonly id: string }[] }[] = []
  let failures = 1
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      if (failures-- > 0) return response.writeHead(503).end()
      const parsed = JSON.parse(body) as (typeof bodies)[number]
      bodies.push(parsed)
      return response.end(
        JSON.stringify({ results: parsed.events.map(({ id }) => ({ id, result: 'ok' })) }),
      )
    })
  })
  before(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)))
  after(() => new Promise((resolve) => server.close(resolve)))

  it('do the same for the same seed, and something else for another', () => {
    const of = (seed: number): unknown[] => {
      const events = visitorEvents({ ...size, seed })
      return Array.from({ length: 500 }, (_, index) => events.next({ isSale: index > 250 }))
    }
    assert.deepEqual(of(1), of(1))
    assert.notDeepEqual(of(1), of(2))
  })

  it('carry the member on all events of a session after the login, and name only products that exist', () => {
    const events = visitorEvents({ ...size, seed: 3 })
    const members = new Map<string, string>()
    let logins = 0
    for (let index = 0; index < 5_000; index++) {
      const event = events.next({ isSale: false })
      if (event.kind === 'identify') {
        logins++
        members.set(event.anonymous_id, event.member_id!)
      }
      assert.equal(event.member_id, members.get(event.anonymous_id))
      const product = event.properties['product_id']
      if (product !== undefined) assert.ok(Number(product) >= 1 && Number(product) <= 100)
    }
    assert.ok(logins > 50)
  })

  it('send at the rate, three times as much once the sale starts, and again what was not taken', async () => {
    const { port } = server.address() as AddressInfo
    const { sent, views } = await visitShop({
      ...size,
      url: `http://127.0.0.1:${port}`,
      writeKey: 'any',
      seed: 1,
      rate: 50,
      durationMs: 800,
      saleAfterMs: 400,
    })
    assert.deepEqual(
      bodies.map(({ events }) => events.length),
      [10, 10, 30, 30],
    )
    assert.equal(sent, new Set(bodies.flatMap(({ events }) => events.map(({ id }) => id))).size)
    assert.ok(views > 20)
  })
})

/** How fast the simulated shop is made, beside copying as many equally wide rows inside PostgreSQL. */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Client } from 'pg'
import { startServer } from '../src/app/demo/postgres.ts'
import { defaultShopSize, fillShop } from '../src/app/demo/shop.ts'
import { timed } from './figure.ts'
import type { Figure } from './figure.ts'

export async function run({ short }: { readonly short: boolean }): Promise<readonly Figure[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'maru-bench-'))
  await chmod(folder, 0o755)
  const server = await startServer(folder, 0)
  try {
    const size = short ? { ...defaultShopSize, members: 20_000, lines: 200_000 } : defaultShopSize
    await server.recreate('shop')
    const fillMs = await timed(() => fillShop(server.url('shop'), size))
    const client = new Client({ connectionString: server.url('shop') })
    await client.connect()
    const copyMs = await timed(() =>
      client.query(
        'create table copied as select * from order_item; alter table copied add primary key (id)',
      ),
    )
    await client.end()
    const rate = (ms: number): number => (size.lines / ms) * 1000
    return [
      {
        what: 'the whole shop, by its order lines',
        value: rate(fillMs),
        unit: 'lines/s',
        beside: { what: 'copying the order lines alone', value: rate(copyMs) },
      },
    ]
  } finally {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

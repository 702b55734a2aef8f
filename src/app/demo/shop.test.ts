import { strict as assert } from 'node:assert'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Client } from 'pg'
import { startServer } from './postgres.ts'
import type { DemoServer } from './postgres.ts'
import { fillShop, isFilled } from './shop.ts'

const size = { members: 500, lines: 4000, years: 1, seed: 7 }

describe('the simulated shop', () => {
  let folder: string
  let server: DemoServer

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'maru-demo-test-'))
    // As root the server runs as nobody, who must reach the folder.
    await chmod(folder, 0o755)
    server = await startServer(folder, 0)
    await server.recreate('shop')
    await fillShop(server.url('shop'), size)
  })

  after(async () => {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })

  async function ask(sql: string, database = 'shop'): Promise<Record<string, unknown>[]> {
    const client = new Client({ connectionString: server.url(database) })
    await client.connect()
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows
    } finally {
      await client.end()
    }
  }

  it('has exactly the members and order lines asked for, and orders with neither gaps nor empty ones', async () => {
    const [row] =
      await ask(`select (select count(*)::int from member) as members, (select count(*)::int from order_item) as lines,
      (select count(*) = max(id) from orders) as dense, (select count(distinct order_id) from order_item) = (select count(*) from orders) as whole`)
    assert.deepEqual(row, { members: 500, lines: 4000, dense: true, whole: true })
  })

  it('sells a product only once it is on sale, at the price of that moment, to members who have joined', async () => {
    const [row] = await ask(`select
      (select count(*)::int from orders o join member m on m.id = o.member_id where m.joined_at > o.ordered_at) as before_joining,
      (select count(*)::int from order_item i join orders o on o.id = i.order_id join product p on p.id = i.product_id where p.created_at > o.ordered_at) as before_sale,
      (select count(*)::int from order_item i join orders o on o.id = i.order_id where i.price <> (
        select v.price from product_version v where v.product_id = i.product_id and v.changed_at <= o.ordered_at order by v.changed_at desc limit 1)) as other_price`)
    assert.deepEqual(row, { before_joining: 0, before_sale: 0, other_price: 0 })
  })

  it('ends the history of every product in what the product is now', async () => {
    const rows =
      await ask(`select p.id from product p where (p.name, p.brand_id, p.category_id, p.price) is distinct from (
      select (v.name, v.brand_id, v.category_id, v.price) from product_version v where v.product_id = p.id order by v.changed_at desc limit 1)`)
    assert.deepEqual(rows, [])
  })

  it('sells more in the sales than on other days, and most in their first hour', async () => {
    const [row] = await ask(`with days as (
        select to_char(ordered_at at time zone 'Asia/Seoul', 'MMDD') as day, count(*)::float8 as orders from orders group by 1
      ) select avg(orders) filter (where day between '1115' and '1124') > 2 * avg(orders) filter (where day between '1025' and '1114') as sale,
        (select to_char(ordered_at at time zone 'Asia/Seoul', 'MMDDHH24') from orders group by 1 order by count(*) desc limit 1) in ('062011', '111511') as rush
      from days`)
    assert.deepEqual(row, { sale: true, rush: true })
  })

  it('stays within its years, by local days', async () => {
    const [row] =
      await ask(`select min((ordered_at at time zone 'Asia/Seoul')::date)::text >= '2024-01-01' as first,
      max((ordered_at at time zone 'Asia/Seoul')::date)::text <= '2024-12-31' as last from orders`)
    assert.deepEqual(row, { first: true, last: true })
  })

  it('is the same for the same seed and another for another', async () => {
    const tables = [
      'member',
      'member_grade',
      'brand',
      'category',
      'product',
      'product_version',
      'orders',
      'order_item',
      'product_like',
    ]
    const sum = tables
      .map(
        (name) => `(select sum(hashtextextended(${name}::text, 0)) from ${name})::text as ${name}`,
      )
      .join(', ')
    await server.recreate('again')
    await fillShop(server.url('again'), size)
    assert.deepEqual(await ask(`select ${sum}`, 'again'), await ask(`select ${sum}`))
    await server.recreate('other')
    await fillShop(server.url('other'), { ...size, seed: 8 })
    const [first] = await ask('select sum(price) as total from order_item')
    const [other] = await ask('select sum(price) as total from order_item', 'other')
    assert.notEqual(first?.['total'], other?.['total'])
  })

  it('says what it was filled with, and describes every table and column', async () => {
    assert.equal(await isFilled(server.url('shop'), size), true)
    assert.equal(await isFilled(server.url('shop'), { ...size, seed: 8 }), false)
    const rows =
      await ask(`select c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum >= 0 and not a.attisdropped
      where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and col_description(c.oid, a.attnum) is null
      union all select relname, '' from pg_class c where relnamespace = 'public'::regnamespace and relkind = 'r' and obj_description(oid, 'pg_class') is null`)
    assert.deepEqual(rows, [])
  })

  it('refuses a size that is not a shop, with what would be one', async () => {
    await assert.rejects(fillShop(server.url('shop'), { ...size, lines: 0 }), {
      code: 'USAGE',
      hint: /from 10 to/,
    })
  })

  it('finds the server of the same folder when it runs already', async () => {
    const second = await startServer(folder, 0)
    assert.deepEqual({ found: second.found, port: second.port }, { found: true, port: server.port })
  })
})

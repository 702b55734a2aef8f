/** How fast a CSV file becomes a raw table, strictly cast and partitioned by day, beside the engine's own CSV to Parquet over the same file. */
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDuckdbEngine } from '../src/engine/duckdb/duckdb.ts'
import type { Session } from '../src/engine/engine.ts'
import { timed } from './figure.ts'
import type { Bench } from './figure.ts'
import { linkMaru, runEverything } from './project/shop-project.ts'

const days = 365

export const run: Bench = async ({ short }) => {
  const rows = short ? 500_000 : 3_000_000
  const folder = mkdtempSync(join(tmpdir(), 'maru-bench-load-'))
  const engine = await openDuckdbEngine()
  try {
    writeProject(folder)
    const session = await engine.open({ zone: 'Asia/Seoul' })
    await session.run(csvSql(join(folder, 'lines.csv'), rows))
    const megabytes = Math.round(statSync(join(folder, 'lines.csv')).size / 1e6)
    const product = await runEverything(folder)
    if (product.rows !== rows) throw new Error(`${product.rows} rows were loaded of ${rows}`)
    const bareMs = await timed(() => session.run(copySql(folder)))
    const byDayMs = await timed(() => copyByDay(session, folder))
    const rate = (ms: number): number => Math.round(rows / (ms / 1000))
    const what = `load of ${rows / 1e6} million rows (${megabytes} MB of CSV)`
    return [
      {
        what,
        value: rate(product.ms),
        unit: 'rows/s',
        beside: { what: 'CSV to one Parquet file', value: rate(bareMs) },
      },
      {
        what: `${what}, again`,
        value: rate(product.ms),
        unit: 'rows/s',
        beside: { what: `CSV to Parquet, sorted into ${days} days`, value: rate(byDayMs) },
      },
    ]
  } finally {
    await engine.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

const declaration = `import { decimal, files, integer, key, text, timestamp } from 'maru'
export default files({
  owner: 'bench', description: 'order lines', path: 'lines.csv', format: 'csv', by: 'ordered_at',
  columns: {
    id: key('line'), order_id: integer('order'), member_id: integer('who'), ordered_at: timestamp('when'), channel: text('where'),
    product: text('what'), quantity: integer('pieces'), price: decimal('of one'),
  },
})
`

function writeProject(folder: string): void {
  linkMaru(folder)
  mkdirSync(join(folder, 'raw'))
  writeFileSync(join(folder, 'raw', 'line.ts'), declaration)
  writeFileSync(
    join(folder, 'maru.config.ts'),
    `import { defineConfig } from 'maru'\nexport default defineConfig({ zone: 'Asia/Seoul' })\n`,
  )
}

function csvSql(path: string, rows: number): string {
  return `copy (
  select id, id // 2 as order_id, hash(id) % 100000 as member_id,
    strftime(timestamp '2024-01-01' + to_seconds(id * ${days * 86_400} // ${rows}), '%Y-%m-%dT%H:%M:%S+09:00') as ordered_at,
    ['app', 'web', 'store'][1 + id % 3] as channel, 'Item, "' || hash(id) % 20000 || '"' as product, 1 + id % 4 as quantity,
    cast(id % 9000000 / 100.0 as decimal(18, 2)) as price
  from range(${rows}) as numbers(id)
) to '${path}' (header)`
}

function readCsv(folder: string): string {
  return `select * from read_csv('${join(folder, 'lines.csv')}', header = true, columns = {
    id: 'bigint', order_id: 'bigint', member_id: 'bigint', ordered_at: 'timestamptz', channel: 'varchar', product: 'varchar', quantity: 'bigint',
    price: 'decimal(18, 2)'})`
}

function copySql(folder: string): string {
  return `copy (${readCsv(folder)}) to '${join(folder, 'bare.parquet')}' (format parquet, compression zstd)`
}

async function copyByDay(session: Session, folder: string): Promise<void> {
  await session.run(
    `copy (select *, cast(ordered_at as date) as day from (${readCsv(folder)}) order by day, ordered_at) to '${join(folder, 'by-day')}'
      (format parquet, compression zstd, partition_by (day))`,
  )
}

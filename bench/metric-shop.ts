/** A shop for benchmarks of metrics: stored merged rows and versions as the lake keeps them, in Parquet files that the engine staged. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Session } from '../src/engine/engine.ts'
import type { DataFile, PartitionSpec, Scan, Schema } from '../src/lake/lake.ts'
import type { ColumnModel, ColumnType, Model } from '../src/model/model.ts'
import { modelOf } from '../test/metric/build-model.ts'
import type { MetricSketch } from '../test/metric/build-model.ts'

export interface ShopSize {
  readonly rows: number
  readonly days: number
  readonly members: number
}

const zone = 'Asia/Seoul'

function over(aggregate: 'count' | 'sum' | 'distinct', column?: string): MetricSketch {
  const take = {
    kind: 'aggregate',
    aggregate,
    ...(column === undefined ? {} : { column }),
  } as const
  return {
    kind: 'aggregate',
    selection: { kind: 'selection', activity: 'act.purchase', selector: { kind: 'all' }, take },
  }
}

export const benchModel: Model = modelOf({
  zone,
  objects: {
    'obj.member': { key: 'id', history: true, columns: { country: 'text', grade: 'text' } },
    'obj.product': {
      key: 'id',
      history: true,
      columns: { brand: 'obj.brand', price: 'decimal(2)' },
    },
    'obj.brand': { key: 'id', columns: { name: 'text' } },
  },
  activities: {
    'act.purchase': {
      columns: {
        member: 'obj.member',
        product: 'obj.product',
        amount: 'decimal(2)',
        quantity: 'integer',
        status: 'text',
      },
    },
  },
  metrics: {
    sales: over('sum', 'amount'),
    orders: over('count'),
    buyers: over('distinct', 'member'),
    pieces: over('sum', 'quantity'),
    order_value: { kind: 'ratio', numerator: 'sales', denominator: 'orders' },
  },
})

export interface ShopFiles {
  /** Parquet files and column types by table. */
  readonly scans: ReadonlyMap<string, Scan>
  readonly bytes: number
  remove(): void
}

const versionsEach = 2
const products = 5_000
const brands = 200

/** Writes the tables once; takes some seconds for millions of rows. */
export async function writeShop(session: Session, size: ShopSize): Promise<ShopFiles> {
  const folder = mkdtempSync(join(tmpdir(), 'maru-bench-metric-'))
  const half = `timestamptz '2010-01-01 00:00:00+09' + interval '1' day * ${Math.floor(size.days / 2)}`
  const purchases = `
select i as id, occurred_at, member, product,
  cast((hash(i) % 100000) / 100.0 as decimal(18, 2)) as amount, 1 + hash(i + 1) % 5 as quantity,
  case when hash(i + 2) % 10 = 0 then 'returned' else 'paid' end as status,
  cast(occurred_at as date) as day,
  member * ${versionsEach} + case when occurred_at < ${half} then 0 else 1 end as member__member_version,
  product * ${versionsEach} + case when occurred_at < ${half} then 0 else 1 end as product__product_version
from (
  select range as i, cast(hash(range * 7) % ${size.members} as bigint) as member, cast(hash(range * 11) % ${products} as bigint) as product,
    timestamptz '2010-01-01 00:00:00+09' + to_seconds(cast(floor(range * ${size.days * 86_400}.0 / ${size.rows}) as bigint)) as occurred_at
  from range(${size.rows})
)`
  const versions = (count: number, attributes: string): string => `
select range // ${versionsEach} as id, ${attributes},
  case when range % ${versionsEach} = 0 then timestamptz '2009-01-01 00:00:00+09' else ${half} end as valid_from,
  case when range % ${versionsEach} = 0 then ${half} end as valid_to,
  timestamptz '2009-01-01 00:00:00+09' as recorded_at, range as version
from range(${count * versionsEach})`
  const scans = new Map<string, Scan>()
  const write = async (id: string, sql: string, partition: PartitionSpec): Promise<void> => {
    scans.set(id, await stage(session, { id, sql, partition, folder }))
  }
  await write('stored.purchase', purchases, { kind: 'day', column: 'day' })
  await write(
    'obj.member',
    versions(
      size.members,
      `'country ' || hash(range) % 40 as country, 'grade ' || hash(range + 3) % 5 as grade`,
    ),
    { kind: 'none' },
  )
  await write(
    'obj.product',
    versions(
      products,
      `cast(hash(range) % ${brands} as bigint) as brand, cast(range % 100 as decimal(18, 2)) as price`,
    ),
    { kind: 'none' },
  )
  await write('obj.brand', `select range as id, 'brand ' || range as name from range(${brands})`, {
    kind: 'none',
  })
  return {
    scans,
    bytes: folderBytes(folder),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

export interface Staging {
  readonly id: string
  readonly sql: string
  readonly partition: PartitionSpec
  readonly folder: string
  /** Those of the model when absent. */
  readonly columns?: readonly { readonly name: string; readonly type: ColumnType }[]
}

/** The files of a SELECT, as a scan of a lake table gives them. */
export async function stage(session: Session, staging: Staging): Promise<Scan> {
  const columns = staging.columns ?? columnsOf(staging.id)
  const schema: Schema = {
    id: 0,
    fields: columns.map(({ name, type }, at) => ({ id: at + 1, name, type, required: false })),
  }
  const dataFolder = join(staging.folder, staging.id, 'data')
  mkdirSync(dataFolder, { recursive: true })
  const files = await session.stage({
    sql: staging.sql,
    schema,
    partition: staging.partition,
    dataFolder,
  })
  const table = {
    id: staging.id,
    uuid: '',
    folder: join(staging.folder, staging.id),
    metadata: '',
    schema,
    partition: staging.partition,
    properties: {},
    current: undefined,
    snapshots: [],
  }
  const absolute = files.map(({ path, partition, rows, sizeBytes }: DataFile) => ({
    path: join(staging.folder, staging.id, path),
    partition,
    rows,
    sizeBytes,
  }))
  return { table, schema, files: absolute, filesTotal: files.length }
}

function columnsOf(id: string): readonly Pick<ColumnModel, 'name' | 'type'>[] {
  const table = benchModel.tables.find(
    (candidate) => candidate.id === id.replace('stored.', 'merged.'),
  )!
  if (table.kind !== 'merged') return table.columns
  return [
    ...table.columns,
    ...table.versions.map(({ column }) => ({ name: column, type: { kind: 'integer' } as const })),
  ]
}

export function folderBytes(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  )
  return files.reduce(
    (total, entry) => total + statSync(join(entry.parentPath, entry.name)).size,
    0,
  )
}

/** The files as a table function, as a person would write it. */
export function parquetOf(scan: Scan): string {
  return `read_parquet([${scan.files.map((file) => `'${file.path}'`).join(', ')}])`
}

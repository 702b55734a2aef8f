/** Answers over 5 million merged rows in Parquet, beside hand-written DuckDB SQL over the same files and over a native table. */
import { isDeepStrictEqual } from 'node:util'
import { openDuckdbEngine } from '../src/engine/duckdb/duckdb.ts'
import type { Result, Session } from '../src/engine/engine.ts'
import { compileQuestion } from '../src/metric/metric.ts'
import type { MetricQuestion } from '../src/metric/metric.ts'
import { assert } from '../src/base/errors.ts'
import { dayOfNumber } from '../src/base/time.ts'
import type { Scan } from '../src/lake/lake.ts'
import type { Bench, Figure } from './figure.ts'
import { benchModel, parquetOf, writeShop } from './metric-shop.ts'
import type { ShopFiles } from './metric-shop.ts'

interface Case {
  readonly what: string
  readonly question: MetricQuestion
  /** What a person would write over `purchase`, `member`, `product` and `brand`. */
  readonly byHand: string
}

const cases: readonly Case[] = [
  {
    what: 'sales by month',
    question: { metrics: ['sales'], by: ['month'] },
    byHand: `select date_trunc('month', day)::date as month, sum(amount) as sales from purchase group by all order by all`,
  },
  {
    what: 'sales, orders by member.country then',
    question: { metrics: ['sales', 'orders'], by: ['member.country'] },
    byHand: `select country, sum(amount), count(*) from purchase left join member on version = member__member_version group by all order by all`,
  },
  {
    what: 'buyers by member.grade then, month',
    question: { metrics: ['buyers'], by: ['member.grade', 'month'] },
    byHand: `select grade, date_trunc('month', day)::date as month, count(distinct member) from purchase left join member on version = member__member_version group by all order by all`,
  },
  {
    what: 'order_value by product.brand.name of one country, 30 days',
    question: {
      metrics: ['order_value'],
      by: ['product.brand.name'],
      where: `member.country = 'country 7'`,
      from: '2010-02-01',
      to: '2010-03-03',
    },
    byHand: `select brand.name, sum(amount)::double / count(*) from purchase
      join member on member.version = member__member_version and member.country = 'country 7'
      left join product on product.version = product__product_version left join brand on brand.id = product.brand
      where day >= '2010-02-01' and day < '2010-03-03' group by all order by all`,
  },
]

export const run: Bench = async ({ short }) => {
  const size = { rows: short ? 1_000_000 : 5_000_000, days: short ? 180 : 730, members: 100_000 }
  const engine = await openDuckdbEngine()
  const session = await engine.open({ zone: benchModel.zone })
  const files = await writeShop(session, size)
  try {
    for (const [name, scan] of files.scans) {
      const id = name.slice(name.indexOf('.') + 1)
      await session.run(`create temp view ${id} as select * from ${parquetOf(scan)}`)
      await session.run(`create table memory.main.${id} as select * from ${parquetOf(scan)}`)
    }
    const figures: Figure[] = [
      {
        what: `${size.rows / 1e6} million merged rows in Parquet`,
        value: Math.round(files.bytes / 1e6),
        unit: 'MB',
      },
    ]
    for (const each of cases)
      figures.push(...(await measure(session, files, { each, repeats: short ? 5 : 7 })))
    return figures
  } finally {
    await engine.close()
    files.remove()
  }
}

interface Measuring {
  readonly each: Case
  readonly repeats: number
}

async function measure(
  session: Session,
  files: ShopFiles,
  { each, repeats }: Measuring,
): Promise<readonly Figure[]> {
  const native = each.byHand.replaceAll(
    /\b(from|join) (purchase|member|product|brand)\b/g,
    '$1 memory.main.$2 as $2',
  )
  const times: Record<'maru' | 'hand' | 'native', number[]> = { maru: [], hand: [], native: [] }
  for (let at = 0; at <= repeats; at++) {
    const [maru, maruMs] = await timedResult(() => ask(session, files, each.question))
    const [hand, handMs] = await timedResult(() => session.query(each.byHand))
    const [own, nativeMs] = await timedResult(() => session.query(native))
    assert(isSame(maru, hand) && isSame(maru, own), `the answers to "${each.what}" agree`)
    // The first of each warms the file cache.
    if (at === 0) continue
    times.maru.push(maruMs)
    times.hand.push(handMs)
    times.native.push(nativeMs)
  }
  // The best of the rounds: what else runs on the machine only adds.
  const value = round(Math.min(...times.maru))
  return [
    {
      what: each.what,
      value,
      unit: 'ms',
      beside: { what: 'by hand over the same files', value: round(Math.min(...times.hand)) },
    },
    {
      what: `${each.what}, again`,
      value,
      unit: 'ms',
      beside: { what: 'by hand over a native table', value: round(Math.min(...times.native)) },
    },
  ]
}

/** All that answering takes, given planned files: compile, bind what is read, run. */
async function ask(session: Session, files: ShopFiles, question: MetricQuestion): Promise<Result> {
  const { sql, reads } = compileQuestion(benchModel, question)
  for (const { table, filters } of reads) {
    const day = filters.find((filter) => filter.column === 'day')
    await session.bindScan(table, pruned(files.scans.get(table)!, day))
  }
  const result = await session.query(sql)
  for (const { table } of reads) await session.unbind(table)
  return result
}

/** What the lake's planning leaves of the files. */
function pruned(
  scan: Scan,
  day: { readonly lower?: unknown; readonly upper?: unknown } | undefined,
): Scan {
  if (day === undefined) return scan
  const [from, to] = [
    `day=${dayOfNumber(Number(day.lower))}`,
    `day=${dayOfNumber(Number(day.upper))}`,
  ]
  return {
    ...scan,
    files: scan.files.filter(({ partition }) => partition >= from && partition <= to),
  }
}

function isSame(left: Result, right: Result): boolean {
  const text = (result: Result): unknown =>
    result.rows.map((row) =>
      row.map((cell) => (typeof cell === 'number' ? cell.toPrecision(9) : cell)),
    )
  return left.rows.length > 0 && isDeepStrictEqual(text(left), text(right))
}

async function timedResult(work: () => Promise<Result>): Promise<readonly [Result, number]> {
  const started = performance.now()
  const result = await work()
  return [result, performance.now() - started]
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

/**
 * How long building the whole example shop takes, beside the bare work: each table's SELECT over the tables before it, written as one Parquet file
 * by the same engine, without partitions, versions' numbers, checks, fingerprints, statistics, syncs or commits. The rows come from Parquet files.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { openDuckdbEngine } from '../src/engine/duckdb/duckdb.ts'
import type { Session } from '../src/engine/engine.ts'
import { compileTasks, incoming, storedName } from '../src/plan/plan.ts'
import type { Task } from '../src/plan/plan.ts'
import { loadChecked } from '../src/project/project.ts'
import { chooseTasks } from '../src/run/run.ts'
import { timed } from './figure.ts'
import type { Bench } from './figure.ts'
import { runEverything, writeShopProject } from './project/shop-project.ts'
import { fullShop, shortShop } from './project/shop-rows.ts'

export const run: Bench = async ({ short }) => {
  const size = short ? shortShop : fullShop
  const project = await writeShopProject(size)
  try {
    const full = await runEverything(project.folder)
    const bare = await bareMs(project.folder)
    return [
      {
        what: `run of ${full.tasks} tables, ${full.rows} rows`,
        value: Math.round(full.ms) / 1000,
        unit: 's',
        beside: { what: 'their SELECTs to Parquet', value: Math.round(bare) / 1000 },
      },
      {
        what: 'rows published',
        value: Math.round(full.rows / (full.ms / 1000)),
        unit: 'rows/s',
        beside: { what: 'bare', value: Math.round(full.rows / (bare / 1000)) },
      },
      { what: 'partitions published', value: full.partitions, unit: 'partitions' },
    ]
  } finally {
    project.remove()
  }
}

async function bareMs(folder: string): Promise<number> {
  const engine = await openDuckdbEngine()
  try {
    const checked = await loadChecked(folder, async () => engine)
    const tasks = compileTasks(checked.model, {
      bindings: checked.bindings,
      engineVersion: engine.version,
      buckets: checked.settings.buckets,
    })
    const session = await engine.open({ zone: checked.model.zone })
    mkdirSync(join(folder, 'bare'))
    let total = 0
    for (const task of chooseTasks(tasks, [])) total += await bareTask(session, folder, task)
    return total
  } finally {
    await engine.close()
  }
}

async function bareTask(session: Session, folder: string, task: Task): Promise<number> {
  const { table } = task
  if (table.kind === 'raw_table' && table.origin.kind === 'files') {
    const files = table.origin.globs.map((glob) => `'${join(folder, glob)}'`).join(', ')
    await session.run(
      `create or replace temp view ${incoming} as select *, filename as source_file from read_parquet([${files}], filename = true)`,
    )
  }
  const path = join(folder, 'bare', `${task.id}.parquet`)
  const ms = await timed(() =>
    session.run(`copy (${task.rows.sql}) to '${path}' (format parquet, compression zstd)`),
  )
  const number = task.rows.kind === 'versions' ? ', row_number() over () as version' : ''
  await session.bindView(storedName(table), `select *${number} from read_parquet('${path}')`)
  return ms
}

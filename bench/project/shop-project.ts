/** The example shop as a project of files: its own declarations, only that the rows come from Parquet files instead of a database. */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { openApp } from '../../src/app/open.ts'
import type { App } from '../../src/app/app.ts'
import { openDuckdbEngine } from '../../src/engine/duckdb/duckdb.ts'
import type { Session } from '../../src/engine/engine.ts'
import { shopTables, writeLastDay, writeShopRows } from './shop-rows.ts'
import type { ShopSize } from './shop-rows.ts'

const checkout = join(import.meta.dirname, '..', '..')

export interface ShopProject {
  readonly folder: string
  /** Adds the files of the day that is not there yet. */
  addLastDay(): Promise<void>
  remove(): void
}

export async function writeShopProject(size: ShopSize): Promise<ShopProject> {
  const folder = mkdtempSync(join(tmpdir(), 'maru-bench-shop-'))
  try {
    writeDeclarations(folder)
    await withSession((session) => writeShopRows(session, folder, size))
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
  return {
    folder,
    addLastDay: () => withSession((session) => writeLastDay(session, folder, size)),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

export interface BenchRun {
  readonly ms: number
  readonly partitions: number
  readonly tasks: number
  readonly rows: number
}

/** Milliseconds of a run of everything, and how many partitions it published. Throws when a task fails. */
export async function runEverything(folder: string): Promise<BenchRun> {
  const app = openApp({ folder })
  try {
    return await runAll(app)
  } finally {
    await app.close()
  }
}

async function runAll(app: App): Promise<BenchRun> {
  // Checking is measured by bench/check.ts.
  await app.model()
  const started = performance.now()
  const record = await app.run({ ids: [] })
  const ms = performance.now() - started
  const failed = record.tasks.find((task) => task.error !== undefined)
  if (failed !== undefined) throw new Error(`${failed.taskId}: ${failed.error}`)
  const published = record.tasks.filter((task) => task.status === 'published')
  return {
    ms,
    partitions: published.reduce((total, task) => total + task.partitionsPublished, 0),
    tasks: published.length,
    rows: published.reduce((total, task) => total + task.rows, 0),
  }
}

async function withSession(work: (session: Session) => Promise<void>): Promise<void> {
  const engine = await openDuckdbEngine()
  try {
    await work(await engine.open({ zone: 'Asia/Seoul' }))
  } finally {
    await engine.close()
  }
}

const config = `import { defineConfig } from 'maru'
export default defineConfig({ zone: 'Asia/Seoul', currency: 'KRW' })
`

/** In place of Maru's builders of a database's tables: only keeps what they are given. */
const keeping = `export const table = (description, columns, options = {}) => ({ description, columns, ...options })
export const source = ({ tables }) => tables
`

function writeDeclarations(folder: string): void {
  const example = join(checkout, 'examples', 'shop')
  for (const part of ['obj', 'act', 'obj_attr', 'metric', 'raw/event'])
    cpSync(join(example, part), join(folder, part), { recursive: true })
  const declared = readFileSync(join(example, 'raw', 'shop.ts'), 'utf8')
  write(
    join(folder, 'declared.ts'),
    `import { source, table } from './keeping.ts'\n${declared.replace(/^ +(source|table),\n/gm, '')}`,
  )
  write(join(folder, 'keeping.ts'), keeping)
  write(join(folder, 'maru.config.ts'), config)
  for (const name of shopTables)
    write(
      join(folder, 'raw', 'shop', `${name}.ts`),
      `import { files } from 'maru'
import declared from '../../declared.ts'
export default files({ owner: 'commerce', path: 'data/${name}/*.parquet', format: 'parquet', ...declared.${name} })
`,
    )
  write(
    join(folder, 'shop.ts'),
    shopTables
      .map((name) => `export { default as ${name} } from './raw/shop/${name}.ts'\n`)
      .join(''),
  )
  readShopFromFiles(folder)
  linkMaru(folder)
}

/** Lets a project elsewhere import this checkout as its Maru. */
export function linkMaru(folder: string): void {
  mkdirSync(join(folder, 'node_modules'))
  write(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n')
  symlinkSync(checkout, join(folder, 'node_modules', 'maru'), 'junction')
}

function readShopFromFiles(folder: string): void {
  for (const part of ['obj', 'act', 'obj_attr']) {
    for (const entry of readdirSync(join(folder, part), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const path = join(entry.parentPath, entry.name)
      write(
        path,
        readFileSync(path, 'utf8').replace(
          /import shop from '((?:\.\.\/)+)raw\/shop.ts'/,
          `import * as shop from '$1shop.ts'`,
        ),
      )
    }
  }
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

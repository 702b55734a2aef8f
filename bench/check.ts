/** How long `maru check` of 2,000 tasks takes: cold, after an edit, and warm in a new process. */
import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDuckdbEngine } from '../src/engine/duckdb/duckdb.ts'
import { checkProject } from '../src/project/project.ts'
import type { Bench, Figure } from './figure.ts'
import { writeGeneratedProject } from './project/generated-project.ts'

export const run: Bench = async (options): Promise<Figure[]> => {
  const tasks = options.short ? 500 : 2_000
  const folder = mkdtempSync(join(tmpdir(), 'maru-bench-check-'))
  const engine = await openDuckdbEngine()
  try {
    const project = writeGeneratedProject(folder, tasks)
    const cold = await timed(() => checkProject(folder, engine))
    if (cold.result.problems.length > 0)
      throw new Error(
        `the generated project has problems: ${JSON.stringify(cold.result.problems[0])}`,
      )
    const edited = project.files.find((path) => path.startsWith('act/'))!
    appendFileSync(join(folder, edited), '// edited\n')
    const comment = await timed(() => checkProject(folder, engine))
    warmProcess(folder)
    const warm = median(() => warmProcess(folder))
    const nothing = median(() => millisecondsOf(() => execFileSync(process.execPath, ['-e', '0'])))
    return [
      {
        what: `check of ${tasks} tasks, cold`,
        value: round(cold.ms / 1000),
        unit: 's',
        beside: { what: 'aim', value: 30 },
        ratio: round(cold.ms / 30_000),
      },
      {
        what: 'tasks bound after an edit that changes no SQL',
        value: comment.result.bound,
        unit: 'tasks',
      },
      { what: 'check after that edit', value: round(comment.ms / 1000), unit: 's' },
      {
        what: 'check in a new process, nothing changed',
        value: round(warm),
        unit: 'ms',
        beside: { what: 'a process that does nothing', value: round(nothing) },
        ratio: round(warm / nothing),
      },
      {
        what: 'cache on disk',
        value: round(folderBytes(join(folder, '.maru', 'cache', 'check')) / 1e6),
        unit: 'MB',
      },
    ]
  } finally {
    await engine.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

// As the command line starts: compiled code is kept between processes.
const warmScript = `
const { enableCompileCache } = await import('node:module')
enableCompileCache(process.argv[3])
const { loadChecked } = await import(process.argv[1])
const checked = await loadChecked(process.argv[2], () => { throw new Error('the engine was opened') })
if (!checked.cached) process.exit(1)
`

function warmProcess(folder: string): number {
  const project = join(import.meta.dirname, '..', 'src', 'project', 'project.ts')
  return millisecondsOf(() =>
    execFileSync(process.execPath, [
      '--input-type=module',
      '-e',
      warmScript,
      project,
      folder,
      join(folder, '.maru', 'compiled'),
    ]),
  )
}

async function timed<T>(
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly ms: number }> {
  const start = performance.now()
  const result = await work()
  return { result, ms: performance.now() - start }
}

function millisecondsOf(work: () => void): number {
  const start = performance.now()
  work()
  return performance.now() - start
}

function median(measure: () => number): number {
  return Array.from({ length: 5 }, measure).toSorted((left, right) => left - right)[2]!
}

function folderBytes(folder: string): number {
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

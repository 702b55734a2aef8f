/** How long `maru list` of the built example shop takes as a process of its own, beside a process that does nothing. Medians of 10 (short: 5). */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { median, timed } from './figure.ts'
import type { Bench } from './figure.ts'
import { runEverything, writeShopProject } from './project/shop-project.ts'

const execute = promisify(execFile)
const program = join(import.meta.dirname, '..', 'src', 'cli', 'maru.ts')

export const run: Bench = async ({ short }) => {
  const project = await writeShopProject({ members: 1000, lines: 5000, days: 30 })
  try {
    await runEverything(project.folder)
    const list = [program, 'list', '--project', project.folder, '--format', 'json']
    const { stdout } = await execute(process.execPath, list)
    const tables = JSON.parse(stdout) as readonly unknown[]
    const listing: number[] = []
    const nothing: number[] = []
    for (let at = 0; at < (short ? 5 : 10); at++) {
      listing.push(await timed(() => execute(process.execPath, list)))
      nothing.push(await timed(() => execute(process.execPath, ['-e', '0'])))
    }
    const value = Math.round(median(listing))
    const what = `maru list (${tables.length} tables and metrics)`
    const bare = { what: 'node -e 0', value: Math.round(median(nothing)) }
    return [
      { what, value, unit: 'ms', beside: bare },
      { what: `${what}, again`, value, unit: 'ms', beside: { what: 'aim', value: 300 } },
      { what: 'slowest of them', value: Math.round(Math.max(...listing)), unit: 'ms' },
    ]
  } finally {
    project.remove()
  }
}

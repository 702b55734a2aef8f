/** A collector in a process of its own, as `maru start` runs it, over a temporary folder. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { nodeFiles } from '../../src/base/node-files.ts'
import type { CollectProcessOptions } from '../../src/app/collect-process.ts'
import { writeSettings } from '../../src/collect/collect.ts'
import type { CollectSettings } from '../../src/collect/settings.ts'

export interface CollectProcess {
  readonly port: number
  /** What it said to people. */
  readonly said: () => string
  /** Memory that is or was taken at most, in bytes; on Linux only. */
  readonly memoryBytesMost: () => Promise<number>
  readonly kill: (signal: NodeJS.Signals) => void
  /** The code it ended with; null: it was killed. */
  readonly ended: Promise<number | null>
}

export async function startCollectProcess(
  folder: string,
  options: {
    readonly settings: CollectSettings
    readonly name?: string
    readonly port?: number
    /** A file that names them: see faulty-process.ts. */
    readonly faultsPath?: string
  },
): Promise<CollectProcess> {
  const settingsPath = join(folder, 'settings.json')
  await writeSettings(nodeFiles, settingsPath, options.settings)
  const { name = 'one', port = 0 } = options
  const argument: CollectProcessOptions = {
    settingsPath,
    logFolder: join(folder, 'log'),
    duplicatesFolder: join(folder, 'known'),
    name,
    host: '127.0.0.1',
    port,
    reusePort: true,
  }
  const { faultsPath } = options
  const command =
    faultsPath === undefined
      ? [join(import.meta.dirname, '../../src/app/collect-process.ts'), JSON.stringify(argument)]
      : [join(import.meta.dirname, 'faulty-process.ts'), JSON.stringify(argument), faultsPath]
  const child = spawn(process.execPath, command, {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const ended = once(child, 'exit').then(([code]) => code as number | null)
  const listens = once(child.stdout, 'data', { signal: AbortSignal.timeout(15_000) })
  const [line] = (await listens) as [Buffer]
  return {
    port: (JSON.parse(line.toString()) as { readonly port: number }).port,
    said: () => said,
    memoryBytesMost: async () => {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8')
      return 1024 * Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1])
    },
    kill: (signal) => void child.kill(signal),
    ended,
  }
}

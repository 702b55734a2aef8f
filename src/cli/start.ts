import { formatError } from '../base/errors.ts'
import { startCollectors } from '../app/start.ts'
import type { Command } from './command.ts'
import { projectOption, refusePositionals } from './command.ts'
import { write } from './output.ts'
import { projectFolder } from './project-folder.ts'

export const command: Command = {
  name: 'start',
  summary:
    'Takes events over HTTP until it is stopped: the sources and the port are in maru.config.ts.',
  usage: '[--host ADDRESS]',
  options: {
    project: projectOption,
    host: { type: 'string', value: 'ADDRESS', describes: 'where to listen; default 127.0.0.1' },
  },
  details: `
An event is on disk before its answer. Ctrl-C or SIGTERM accepts no more, finishes what is under way, and ends.
Edits of the event catalog and of keys are live within 5 s.

Examples:
  maru keys create web
  maru start`,
  run: async (words) => {
    refusePositionals('start', words)
    const signalled = new Promise<void>((resolve) => {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve())
    })
    const started = await startCollectors({
      folder: projectFolder(words),
      host: words.text('host') ?? '127.0.0.1',
      say: (line) => write(`${line}\n`),
      onError: (error) => process.stderr.write(`maru: ${formatError(error)}\n`),
    })
    write(`events: http://${words.text('host') ?? '127.0.0.1'}:${started.port}/v1/events\n`)
    await signalled
    await started.stop()
    write('stopped\n')
    return 0
  },
}

import { formatError, MaruError } from '../base/errors.ts'
import { startParts, startProject } from '../app/start.ts'
import type { StartPart } from '../app/start.ts'
import type { Command } from './command.ts'
import { projectOption, refusePositionals } from './command.ts'
import { write } from './output.ts'
import { projectFolder } from './project-folder.ts'

export const command: Command = {
  name: 'start',
  summary:
    'Takes events over HTTP, lands them and keeps what reads them up to date, until it is stopped.',
  usage: '[--host ADDRESS] [--only collect|land|run]',
  options: {
    project: projectOption,
    host: { type: 'string', value: 'ADDRESS', describes: 'where to listen; default 127.0.0.1' },
    only: { type: 'string', value: 'PART', describes: 'one of collect, land, run; default all' },
  },
  details: `
The sources and the port are in maru.config.ts. An event is on disk before its answer, and in metrics seconds later.
Ctrl-C or SIGTERM accepts no more, lands what is in the log, runs a last time, and ends.
Databases with an interval (every) are read again by it; other tables are for maru run. Edits of the project and of keys are live within seconds.

Examples:
  maru keys create web
  maru start`,
  run: async (words) => {
    refusePositionals('start', words)
    const only = readPart(words.text('only'))
    const host = words.text('host') ?? '127.0.0.1'
    const signalled = new Promise<void>((resolve) => {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve())
    })
    const started = await startProject({
      folder: projectFolder(words),
      host,
      ...(only === undefined ? {} : { only }),
      say: (line) => write(`${line}\n`),
      onError: (error) => process.stderr.write(`maru: ${formatError(error)}\n`),
    })
    write(
      started.port === undefined
        ? `${only ?? 'run'} is at work\n`
        : `events: http://${host}:${started.port}/v1/events\n`,
    )
    await signalled
    await started.stop()
    write('stopped\n')
    return 0
  },
}

function readPart(text: string | undefined): StartPart | undefined {
  const part = startParts.find((each) => each === text)
  if (text === undefined || part !== undefined) return part
  throw new MaruError('USAGE', `--only ${text} is no part`, { hint: startParts.join(', ') })
}

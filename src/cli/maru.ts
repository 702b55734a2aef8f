#!/usr/bin/env node
/** The command line: finds the command, reads its words, prints errors in one line. Each command is imported when it is asked for. */
import { enableCompileCache } from 'node:module'
import { formatError, isMaruError, MaruError } from '../base/errors.ts'
import { suggest } from '../base/nearest.ts'
import type { Command, ExitCode } from './command.ts'

const commands: Readonly<
  Record<
    string,
    { readonly summary: string; readonly load: () => Promise<{ readonly command: Command }> }
  >
> = {
  init: { summary: 'make a new project', load: () => import('./init.ts') },
  pull: { summary: 'write raw/NAME.ts from a database’s schema', load: () => import('./pull.ts') },
  check: { summary: 'find every problem of the project', load: () => import('./check.ts') },
  plan: { summary: 'say what a run would build, and why', load: () => import('./plan.ts') },
  run: { summary: 'bring everything that is stale up to date', load: () => import('./run.ts') },
  list: { summary: 'list tables and metrics', load: () => import('./list.ts') },
  indicators: {
    summary: 'count and list every pair of a metric and a dimension',
    load: () => import('./indicators.ts'),
  },
  show: { summary: 'say what a table or metric is', load: () => import('./show.ts') },
  metric: { summary: 'answer a question about metrics', load: () => import('./metric.ts') },
  query: { summary: 'run a SELECT over tables by their ids', load: () => import('./query.ts') },
  keys: {
    summary: 'make, replace and revoke write keys',
    load: () => import('./keys.ts'),
  },
  start: { summary: 'take events over HTTP until stopped', load: () => import('./start.ts') },
  tracker: {
    summary: 'write a typed client for the event catalog',
    load: () => import('./tracker.ts'),
  },
  compact: {
    summary: 'merge small files, expire old snapshots',
    load: () => import('./compact.ts'),
  },
  recover: {
    summary: 'read lost records back from the lake',
    load: () => import('./recover.ts'),
  },
  events: {
    summary: 'show refused events, and replay them after a fix',
    load: () => import('./events.ts'),
  },
  demo: { summary: 'set up and run the example shop', load: () => import('./demo.ts') },
}

// Who reads no more (`maru list | head -1`) has what it wanted.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})
process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<ExitCode> {
  enableCompileCache()
  const [name, ...rest] = args
  if (name === undefined || name === '--help' || name === '-h') {
    process.stdout.write(overview())
    return name === undefined ? 2 : 0
  }
  if (name === 'help') return await main(rest[0] === undefined ? ['--help'] : [rest[0], '--help'])
  try {
    if (name === '--version') {
      const { maruVersion } = await import('../app/init.ts')
      process.stdout.write(`${maruVersion()}\n`)
      return 0
    }
    const known = commands[name]
    if (known === undefined)
      throw new MaruError('USAGE', `maru has no command "${name}"`, {
        hint: suggest(name, Object.keys(commands)),
      })
    const { command } = await known.load()
    const { helpText, readWords } = await import('./command.ts')
    const words = readWords(command, rest)
    if (words.help) {
      process.stdout.write(helpText(command))
      return 0
    }
    return await command.run(words)
  } catch (error) {
    process.stderr.write(`maru: ${formatError(error)}\n`)
    return isMaruError(error) && error.code === 'USAGE' ? 2 : 1
  }
}

function overview(): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length))
  const lines = Object.entries(commands).map(
    ([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`,
  )
  return `maru COMMAND [--project DIR] [--help]\n\n${lines.join('\n')}\n\nmaru COMMAND --help says more of one.\n`
}

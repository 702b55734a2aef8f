import type { PlannedTask } from '../app/app.ts'
import type { Command } from './command.ts'
import { formatOption, projectOption } from './command.ts'
import { printJson, printRows, write } from './output.ts'
import { rangeOptions, readRunOptions } from './run-options.ts'
import { withApp } from './with-app.ts'

export const command: Command = {
  name: 'plan',
  summary:
    'Says what a run would build and why, by column where a definition changed. Builds nothing.',
  usage: '[ID…] [--from D] [--to D] [--full]',
  options: { project: projectOption, format: formatOption, ...rangeOptions },
  details: `
Tasks further on may turn out to have less to do: a rebuilt partition whose content is as before goes no further.
A database tells what changed only when its snapshot is taken, files only when they are read: what that makes stale is not listed for databases,
and as "at most" for files.

Examples:
  maru plan
  maru plan merged.purchase --format json`,
  run: async (words) => {
    const format = words.format()
    const options = readRunOptions(words)
    return await withApp(words, async (app) => {
      const { tasks } = await app.plan(options)
      if (format === 'json') printJson(tasks)
      else {
        const rows = tasks.map((task) => [
          task.id,
          partitionsText(task),
          task.reasons.join('; '),
          task.columns.map(changeText).join('; '),
        ])
        if (rows.length === 0 && format === 'table') write('nothing is stale\n')
        else
          printRows({ columns: ['id', 'partitions', 'because', 'changed columns'], rows }, format)
      }
      return 0
    })
  },
}

function partitionsText({ partitions, certain }: PlannedTask): string {
  if (partitions === 'unknown') return 'known when read'
  const text = partitions === 'all' ? 'all' : partitions.join(' ')
  return certain ? text : `at most ${text}`
}

function changeText(change: {
  readonly column: string
  readonly change: string
  readonly detail?: string
}): string {
  return `${change.column} ${change.change}${change.detail === undefined ? '' : ` (${change.detail})`}`
}

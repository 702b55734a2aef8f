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
A database tells what changed only when its snapshot is taken, so after the first load it is not listed.

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
          task.partitions === 'all' ? 'all' : task.partitions.join(' '),
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

function changeText(change: {
  readonly column: string
  readonly change: string
  readonly detail?: string
}): string {
  return `${change.column} ${change.change}${change.detail === undefined ? '' : ` (${change.detail})`}`
}

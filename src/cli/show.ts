import type { Shown } from '../app/app.ts'
import { MaruError } from '../base/errors.ts'
import type { Command } from './command.ts'
import { formatOption, projectOption } from './command.ts'
import { printJson, printRows, write } from './output.ts'
import { withApp } from './with-app.ts'

export const command: Command = {
  name: 'show',
  summary:
    'Says what a table or metric is: grain, owner, columns, freshness, upstream, downstream, an example.',
  usage: 'ID [--format FORMAT]',
  options: { project: projectOption, format: formatOption },
  details: `
For a metric the columns are the dimensions that it goes with. CSV prints the columns alone.

Examples:
  maru show act.purchase
  maru show metric.sales --format json`,
  run: async (words) => {
    const format = words.format()
    const [id, ...more] = words.positionals
    if (id === undefined || more.length > 0)
      throw new MaruError('USAGE', 'show takes one id', {
        hint: 'for example: maru show act.purchase',
      })
    return await withApp(words, async (app) => {
      const shown = await app.show(id)
      if (format === 'json') printJson(shown)
      else if (format === 'csv') printColumns(shown, format)
      else {
        write(headText(shown))
        printColumns(shown, format)
        write(`\nexample     ${shown.example}\n`)
      }
      return 0
    })
  },
}

function headText(shown: Shown): string {
  const { freshness } = shown
  const built =
    freshness.builtAt === undefined
      ? ''
      : `, built ${freshness.builtAt}, ${freshness.rows} rows in ${freshness.partitions} partitions`
  const lines = [
    [`${shown.id}`, shown.description],
    ['kind', shown.kind],
    ['grain', shown.grain],
    ['owner', shown.owner],
    ['file', shown.file],
    ['freshness', freshness.state + built],
    ['upstream', shown.upstream.join(', ') || 'none'],
    ['downstream', shown.downstream.join(', ') || 'none'],
  ] as const
  return `${lines.map(([name, text], index) => (index === 0 ? `${name}: ${text}` : `${name.padEnd(12)}${text}`)).join('\n')}\n\n`
}

function printColumns(shown: Shown, format: 'table' | 'csv'): void {
  const rows = shown.columns.map((column) => [
    column.name,
    column.type,
    column.description,
    column.from.join(' '),
  ])
  printRows(
    {
      columns: [shown.kind === 'metric' ? 'dimension' : 'column', 'type', 'description', 'from'],
      rows,
    },
    format,
  )
}

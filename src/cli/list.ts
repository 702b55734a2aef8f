import type { Command } from './command.ts'
import { formatOption, projectOption } from './command.ts'
import { printRows } from './output.ts'
import { withApp } from './with-app.ts'

export const command: Command = {
  name: 'list',
  summary: 'Lists every table and metric with its kind, owner, rows and when it was built.',
  usage: '[TEXT] [--format FORMAT]',
  options: { project: projectOption, format: formatOption },
  details: `
With TEXT: those whose id, owner or description contains it.

Examples:
  maru list
  maru list member --format json`,
  run: async (words) => {
    const format = words.format()
    const text = words.positionals.join(' ').toLowerCase()
    return await withApp(words, async (app) => {
      const listed = (await app.list()).filter((each) =>
        `${each.id} ${each.owner} ${each.description}`.toLowerCase().includes(text),
      )
      const rows = listed.map((each) => [
        each.id,
        each.kind,
        each.owner,
        each.rows,
        each.builtAt,
        each.description,
      ])
      printRows(
        { columns: ['id', 'kind', 'owner', 'rows', 'built_at', 'description'], rows },
        format,
      )
      return 0
    })
  },
}

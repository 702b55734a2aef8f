import type { Command } from './command.ts'
import { formatOption, projectOption } from './command.ts'
import { printRows } from './output.ts'
import { withApp } from './with-app.ts'

export const command: Command = {
  name: 'recover',
  summary: 'Reads Maru’s records back from the lake when the state database was lost.',
  usage: '[--format FORMAT]',
  options: { project: projectOption, format: formatOption },
  details: `
Every table names in its snapshots the task that built it, from which definition and inputs. What cannot be told counts as stale: the
next maru run builds it again and publishes only what comes out different.

Example:
  maru recover && maru run`,
  run: async (words) => {
    const format = words.format()
    return await withApp(words, async (app) => {
      const rows = (await app.recover()).map((each) => [each.id, each.rows, each.upToDate])
      printRows({ columns: ['id', 'rows', 'up_to_date'], rows }, format)
      return 0
    })
  },
}

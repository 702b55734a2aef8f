import { MaruError } from '../base/errors.ts'
import type { Command } from './command.ts'
import { formatOption, projectOption } from './command.ts'
import { readCount } from './metric.ts'
import { printRows } from './output.ts'
import { withApp } from './with-app.ts'

const rowsMaxDefault = 10_000

export const command: Command = {
  name: 'query',
  summary:
    'Runs one SELECT. Names of tables are the ids; merged tables offer what actor and targets were then.',
  usage: "'SQL' [--limit N] [--format FORMAT]",
  options: {
    project: projectOption,
    format: formatOption,
    limit: {
      type: 'string',
      value: 'N',
      describes: `print at most so many rows; default ${rowsMaxDefault}`,
    },
  },
  details: `
Examples:
  maru query 'select * from act.purchase limit 10'
  maru query "select day, count(*) as lines from merged.purchase where member__country = 'France' group by day order by day" --format csv`,
  run: async (words) => {
    const format = words.format()
    const [sql, ...more] = words.positionals
    if (sql === undefined || more.length > 0)
      throw new MaruError('USAGE', 'query takes one SQL text', {
        hint: "put it in quotes: maru query 'select …'",
      })
    const limit = words.text('limit')
    const rowsMax = limit === undefined ? rowsMaxDefault : readCount('--limit', limit)
    return await withApp(words, async (app) => {
      const result = await app.query(sql, { rowsMax })
      printRows({ columns: result.columns.map((column) => column.name), rows: result.rows }, format)
      if (result.truncated)
        process.stderr.write(`maru: only the first ${rowsMax} rows are shown; --limit shows more\n`)
      return 0
    })
  },
}

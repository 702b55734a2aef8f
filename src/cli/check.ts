import { formatProblem } from '../base/errors.ts'
import type { Command } from './command.ts'
import { formatOption, projectOption, refusePositionals } from './command.ts'
import { printRows, write } from './output.ts'
import { withApp } from './with-app.ts'

export const command: Command = {
  name: 'check',
  summary:
    'Finds every problem of the project: declarations, names, SQL, types, portability. Exits 1 when there is any.',
  usage: '[--format FORMAT]',
  options: { project: projectOption, format: formatOption },
  details: `
Nothing is built or read from a source. Each problem is one line: file:line:column, what is wrong, [CODE], what to do.
A project that has not changed since the last check is answered from the cache.

Examples:
  maru check
  maru check --format json`,
  run: async (words) => {
    const format = words.format()
    refusePositionals('check', words)
    return await withApp(words, async (app) => {
      const { problems, tasks } = await app.check()
      if (format !== 'table') {
        const rows = problems.map(({ where, id, code, message, hint }) => [
          where.file,
          where.line,
          where.column,
          id,
          code,
          message,
          hint,
        ])
        printRows(
          { columns: ['file', 'line', 'column', 'id', 'code', 'message', 'hint'], rows },
          format,
        )
      } else if (problems.length === 0) write(`no problems; ${tasks} transforms bind\n`)
      else {
        for (const problem of problems) process.stderr.write(`${formatProblem(problem)}\n`)
        process.stderr.write(
          `maru: ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}\n`,
        )
      }
      return problems.length === 0 ? 0 : 1
    })
  },
}

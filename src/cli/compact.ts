import type { Command } from './command.ts'
import { formatOption, projectOption } from './command.ts'
import { printRows } from './output.ts'
import { withApp } from './with-app.ts'

export const command: Command = {
  name: 'compact',
  summary:
    'Merges small files, expires old snapshots, removes orphan files. Content stays, so nothing becomes stale.',
  usage: '[ID…] [--format FORMAT]',
  options: { project: projectOption, format: formatOption },
  details: `
The newest 10 snapshots and those of the last day are kept; files that no snapshot names go after three days.

Example:
  maru compact act.purchase`,
  run: async (words) => {
    const format = words.format()
    return await withApp(words, async (app) => {
      const rows = (await app.compact(words.positionals)).map((each) => [
        each.id,
        each.filesBefore,
        each.filesAfter,
        each.snapshotsRemoved,
        each.orphansRemoved,
      ])
      printRows(
        {
          columns: ['id', 'files_before', 'files_after', 'snapshots_removed', 'orphans_removed'],
          rows,
        },
        format,
      )
      return 0
    })
  },
}

import { MaruError } from '../base/errors.ts'
import { isTimeZone } from '../base/time.ts'
import type { Command } from './command.ts'
import { write } from './output.ts'

export const command: Command = {
  name: 'init',
  summary: 'Makes a small project in DIR that type-checks and runs.',
  usage: 'DIR [--zone ZONE]',
  options: {
    zone: {
      type: 'string',
      value: 'ZONE',
      describes: 'IANA time zone of the project; default: this machine’s',
    },
  },
  details: `
Example:
  maru init shop --zone Asia/Seoul`,
  run: async (words) => {
    const [folder, ...more] = words.positionals
    if (folder === undefined || more.length > 0)
      throw new MaruError('USAGE', 'init takes one folder', { hint: 'for example: maru init shop' })
    const zone = words.text('zone')
    if (zone !== undefined && !isTimeZone(zone))
      throw new MaruError('USAGE', `"${zone}" is not a time zone`, {
        hint: 'write its IANA name, for example Asia/Seoul or Europe/London',
      })
    const { makeProject } = await import('../app/init.ts')
    const made = await makeProject(folder, zone === undefined ? {} : { zone })
    write(
      `${made.files.length} files written to ${made.folder}\nnext: cd ${folder}${made.linked ? '' : ' && npm install'} && maru run && maru list\n`,
    )
    return 0
  },
}

import { MaruError } from '../base/errors.ts'
import type { Command } from './command.ts'
import { projectOption } from './command.ts'
import { write } from './output.ts'
import { withApp } from './with-app.ts'

export const command: Command = {
  name: 'pull',
  summary:
    'Writes raw/NAME.ts from the schema of the database that maru.config.ts calls NAME, comments included.',
  usage: 'NAME [--schemas LIST] [--replace]',
  options: {
    project: projectOption,
    schemas: {
      type: 'string',
      value: 'LIST',
      describes: 'only these schemas of the database, by commas',
    },
    replace: { type: 'boolean', describes: 'write over the file that is there' },
  },
  details: `
Afterwards set the owner in the file, and delete the tables that you do not want.

Example:
  maru pull shop --schemas public`,
  run: async (words) => {
    const [name, ...more] = words.positionals
    if (name === undefined || more.length > 0)
      throw new MaruError('USAGE', 'pull takes one source', {
        hint: 'a name under sources in maru.config.ts, for example: maru pull shop',
      })
    const schemas = words.text('schemas')?.split(',')
    return await withApp(words, async (app) => {
      const { path, tables } = await app.pull(name, {
        replace: words.flag('replace'),
        ...(schemas === undefined ? {} : { schemas }),
      })
      write(`${tables} tables written to ${path}\n`)
      return 0
    })
  },
}

import { MaruError } from '../base/errors.ts'
import type { App, NewKey } from '../app/app.ts'
import type { Command, Words } from './command.ts'
import { formatOption, projectOption } from './command.ts'
import { printRows, write } from './output.ts'
import { withApp } from './with-app.ts'

const actions: Readonly<Record<string, (app: App, words: Words, name: string) => Promise<void>>> = {
  create: async (app, _words, name) => writeNew(await app.keys.create(name)),
  rotate: async (app, words, name) => {
    const keepMs = readKeep(words.text('keep'))
    writeNew(await app.keys.rotate(name, keepMs === undefined ? {} : { keepMs }))
  },
  revoke: async (app, _words, name) => {
    await app.keys.revoke(name)
    write(`${name} is revoked\n`)
  },
}

export const command: Command = {
  name: 'keys',
  summary: 'Makes, replaces, revokes and lists write keys: who may send events as which source.',
  usage: 'create SOURCE | rotate ID [--keep HOURS] | revoke ID | list',
  options: {
    project: projectOption,
    keep: {
      type: 'string',
      value: 'HOURS',
      describes: 'rotate: how long the old key still works; default 24',
    },
    format: formatOption,
  },
  details: `
A key is shown once, when it is made: only its hash is kept. A collector that runs takes the change within seconds.
SOURCE is a name under collect.sources in maru.config.ts; ID is the public name of a key, for example web-2.

Examples:
  maru keys create web
  maru keys rotate web-1 --keep 48
  maru keys revoke web-1
  maru keys list`,
  run: async (words) => {
    const format = words.format()
    const [action, name, ...more] = words.positionals
    if (action === 'list' && name === undefined)
      return await withApp(words, async (app) => {
        printRows(
          { columns: ['id', 'source', 'created_at', 'ends_at'], rows: await rowsOf(app) },
          format,
        )
        return 0
      })
    const act = Object.hasOwn(actions, action ?? '') ? actions[action!] : undefined
    if (act === undefined || name === undefined || more.length > 0)
      throw new MaruError('USAGE', 'keys takes an action, and what it acts on', {
        hint: 'write maru keys create SOURCE, rotate ID, revoke ID or list',
      })
    return await withApp(words, async (app) => {
      await act(app, words, name)
      return 0
    })
  },
}

async function rowsOf(app: App): Promise<readonly (readonly (string | null)[])[]> {
  return (await app.keys.list()).map((key) => [
    key.id,
    key.source,
    new Date(key.createdAtMs).toISOString(),
    key.endsAtMs === undefined ? null : new Date(key.endsAtMs).toISOString(),
  ])
}

function writeNew({ id, key }: NewKey): void {
  write(`${id} ${key}\n`)
}

function readKeep(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{1,5}$/.test(text))
    throw new MaruError('USAGE', `"${text}" is not a number of hours`, {
      hint: 'write for example --keep 48',
    })
  return Number(text) * 3_600_000
}

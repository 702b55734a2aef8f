import { writeFile } from 'node:fs/promises'
import type { Command } from './command.ts'
import { projectOption, refusePositionals } from './command.ts'
import { write } from './output.ts'
import { withApp } from './with-app.ts'

export const command: Command = {
  name: 'tracker',
  summary: 'Writes a typed TypeScript client that sends the events of the catalog.',
  usage: '[--out FILE]',
  options: {
    project: projectOption,
    out: { type: 'string', value: 'FILE', describes: 'where to write it; default: print it' },
  },
  details: `
The file imports nothing and runs in browsers and in Node:
  const { track, identify } = createTracker({ url: 'http://localhost:8780', writeKey: '…' })
  track.productClicked({ product_id: 42 })

Examples:
  maru tracker --out web/tracker.ts`,
  run: async (words) => {
    refusePositionals('tracker', words)
    const out = words.text('out')
    return await withApp(words, async (app) => {
      const text = await app.tracker()
      if (out === undefined) write(text)
      else await writeFile(out, text)
      return 0
    })
  },
}

import type { DemoEvent, ShopSize } from '../app/demo/demo.ts'
import type { Command, Words } from './command.ts'
import { refusePositionals } from './command.ts'
import { readCount } from './metric.ts'
import { printRows, write } from './output.ts'

export const command: Command = {
  name: 'demo',
  summary:
    'Starts a real PostgreSQL with a simulated shop, takes it in, builds the model, and prints the shop’s numbers.',
  usage: '[--members N] [--lines N] [--years N] [--seed N] [--keep]',
  options: {
    members: { type: 'string', value: 'N', describes: 'members of the shop; default 100000' },
    lines: { type: 'string', value: 'N', describes: 'order lines; default 1000000' },
    years: { type: 'string', value: 'N', describes: 'years of orders; default 2' },
    seed: { type: 'string', value: 'N', describes: 'another seed makes another shop; default 1' },
    keep: { type: 'boolean', describes: 'leave PostgreSQL running, to change rows and run again' },
  },
  details: `
What it makes is kept in examples/shop/.maru, so a second run takes seconds. The same flags make the same shop.

Examples:
  maru demo
  maru demo --members 10000 --lines 100000 --keep`,
  run: async (words) => {
    refusePositionals('demo', words)
    const { defaultShopSize, runDemo } = await import('../app/demo/demo.ts')
    const stop = new AbortController()
    process.once('SIGINT', () => stop.abort(new Error('stopped')))
    await runDemo({
      size: readSize(words, defaultShopSize),
      keep: words.flag('keep'),
      eventsMs: 10_000,
      onEvent: showEvent,
      signal: stop.signal,
    })
    return 0
  },
}

function readSize(words: Words, usual: ShopSize): ShopSize {
  const read = (option: 'members' | 'lines' | 'years' | 'seed'): number => {
    const text = words.text(option)
    return text === undefined ? usual[option] : readCount(`--${option}`, text)
  }
  return {
    members: read('members'),
    lines: read('lines'),
    years: read('years'),
    seed: read('seed'),
  }
}

function showEvent(event: DemoEvent): void {
  const { isTTY } = process.stderr
  if (event.kind === 'progress') {
    if (isTTY) process.stderr.write(`\r\u001b[K  ${event.what} (${event.done}/${event.total})`)
    return
  }
  if (isTTY) process.stderr.write('\r\u001b[K')
  switch (event.kind) {
    case 'done':
      write(`✓ ${event.what} (${(event.durationMs / 1000).toFixed(1)} s)\n`)
      break
    case 'answer':
      write(`\n${event.title}\n  ${event.command}\n`)
      printRows(
        { columns: event.result.columns.map((column) => column.name), rows: event.result.rows },
        'table',
      )
      break
    case 'next':
      write(`\n${event.lines.join('\n')}\n`)
      break
  }
}

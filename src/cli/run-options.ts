import type { RunOptions } from '../app/app.ts'
import { MaruError } from '../base/errors.ts'
import { parseDay } from '../base/time.ts'
import type { CommandOption, Words } from './command.ts'

export const rangeOptions: Readonly<Record<string, CommandOption>> = {
  from: {
    type: 'string',
    value: 'DAY',
    describes: 'only days from this one on; what is stale outside stays so',
  },
  to: { type: 'string', value: 'DAY', describes: 'only days before this one' },
  full: { type: 'boolean', describes: 'rebuild all, stale or not' },
}

/** Throws USAGE for a broken or empty range of days. */
export function readRunOptions(words: Words): RunOptions {
  return { ids: words.positionals, ...readRange(words), full: words.flag('full') }
}

export function readRange(words: Words): { readonly from?: string; readonly to?: string } {
  const from = words.text('from')
  const to = words.text('to')
  if (from !== undefined) parseDay(from)
  if (to !== undefined) parseDay(to)
  if (from !== undefined && to !== undefined && from >= to) {
    throw new MaruError('USAGE', `no day is from ${from} and before ${to}`, {
      hint: '--to is the day after the last',
    })
  }
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
}

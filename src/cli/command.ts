/** What a command is, and how its words are read. */
import { parseArgs } from 'node:util'
import { MaruError, messageOf } from '../base/errors.ts'
import { suggest } from '../base/nearest.ts'
import type { Format } from './output.ts'
import { formats } from './output.ts'

/** 0 done, 1 failed, 2 used wrongly. */
export type ExitCode = 0 | 1 | 2

export interface Command {
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  /** After the command's name: `[ID…] [--from D]`. */
  readonly usage: string
  readonly options: Readonly<Record<string, CommandOption>>
  /** Paragraphs and examples for --help. */
  readonly details: string
  readonly run: (words: Words) => Promise<ExitCode>
}

export interface CommandOption {
  readonly type: 'string' | 'boolean'
  readonly describes: string
  /** What stands for the value in the help: `DIR`. */
  readonly value?: string
}

export interface Words {
  readonly positionals: readonly string[]
  readonly text: (option: string) => string | undefined
  readonly flag: (option: string) => boolean
  readonly format: () => Format
}

const helpOption: CommandOption = { type: 'boolean', describes: 'show this help' }
export const projectOption: CommandOption = {
  type: 'string',
  value: 'DIR',
  describes: 'the project folder; default: here or the nearest above',
}
export const formatOption: CommandOption = {
  type: 'string',
  value: 'FORMAT',
  describes: `${formats.join(', ')}; default table`,
}

/** Throws USAGE for an unknown option or a value that is missing. */
export function readWords(
  command: Command,
  args: readonly string[],
): Words & { readonly help: boolean } {
  const options = { ...command.options, help: helpOption }
  const parsed = parse(command, args, options)
  const text = (option: string): string | undefined => {
    const value = parsed.values[option]
    return typeof value === 'string' ? value : undefined
  }
  return {
    help: parsed.values['help'] === true,
    positionals: parsed.positionals,
    text,
    flag: (option) => parsed.values[option] === true,
    format: () => readFormat(text('format')),
  }
}

interface Parsed {
  readonly values: Readonly<Record<string, unknown>>
  readonly positionals: readonly string[]
}

function parse(
  command: Command,
  args: readonly string[],
  options: Readonly<Record<string, CommandOption>>,
): Parsed {
  const config = Object.fromEntries(
    Object.entries(options).map(([name, { type }]) => [name, { type }]),
  )
  try {
    return parseArgs({
      args: joinDashValues(args, options),
      options: config,
      allowPositionals: true,
      strict: true,
    })
  } catch (error) {
    const unknown = /Unknown option '(-[^']*)'/.exec(messageOf(error))?.[1]
    const names = Object.keys(options).map((name) => `--${name}`)
    const hint =
      unknown === undefined ? `maru ${command.name} --help` : suggest(unknown.split('=')[0]!, names)
    const lacking = /Option '(--[a-z]+)[^']*' argument/.exec(messageOf(error))?.[1]
    if (lacking !== undefined)
      throw new MaruError('USAGE', `${lacking} takes a value`, {
        hint: `maru ${command.name} --help`,
      })
    const message =
      unknown === undefined
        ? messageOf(error).split('. ', 1)[0]!
        : `maru ${command.name} has no option ${unknown}`
    throw new MaruError('USAGE', message, { hint })
  }
}

/** `--order -sales` means `--order=-sales`: no option here has one dash, so a word with one after an option is its value. */
function joinDashValues(
  args: readonly string[],
  options: Readonly<Record<string, CommandOption>>,
): string[] {
  const joined: string[] = []
  for (const word of args) {
    const last = joined.at(-1) ?? ''
    const takesValue = last.startsWith('--') && options[last.slice(2)]?.type === 'string'
    if (takesValue && /^-[^-]/.test(word)) joined[joined.length - 1] = `${last}=${word}`
    else joined.push(word)
  }
  return joined
}

/** Throws USAGE for words that the command does not take. */
export function refusePositionals(name: string, words: Words): void {
  if (words.positionals.length > 0)
    throw new MaruError('USAGE', `${name} takes no "${words.positionals[0]}"`, {
      hint: `maru ${name} --help`,
    })
}

function readFormat(text: string | undefined): Format {
  if (text === undefined) return 'table'
  const format = formats.find((each) => each === text)
  if (format === undefined)
    throw new MaruError('USAGE', `"${text}" is not a format`, {
      hint: `write --format ${formats.join(' or --format ')}`,
    })
  return format
}

export function helpText(command: Command): string {
  const rows = Object.entries({ ...command.options, help: helpOption }).map(
    ([name, option]) =>
      [
        `--${name}${option.value === undefined ? '' : ` ${option.value}`}`,
        option.describes,
      ] as const,
  )
  const width = Math.max(...rows.map(([name]) => name.length))
  const lines = rows.map(([name, describes]) => `  ${name.padEnd(width)}  ${describes}`)
  return `maru ${command.name} ${command.usage}\n\n${command.summary}\n\n${command.details.trim()}\n\nOptions:\n${lines.join('\n')}\n`
}

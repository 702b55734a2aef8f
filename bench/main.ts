/** `script/bench`: lists the benchmarks, or runs one and prints its figures, as a table or as one JSON document. */
import { readdir, readFile } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { formatError, isMaruError, MaruError } from '../src/base/errors.ts'
import { suggest } from '../src/base/nearest.ts'
import type { Bench, Figure } from './figure.ts'

const folder = new URL('.', import.meta.url)
const notBenches = new Set(['main.ts', 'figure.ts'])

async function main(): Promise<void> {
  const { name, short, format } = readArguments()
  const names = await benchNames()
  if (name === undefined) {
    for (const each of names) console.log(`${each.padEnd(24)}${await purpose(each)}`)
    return
  }
  if (!names.includes(name))
    throw new MaruError('NOT_FOUND', `there is no benchmark "${name}"`, {
      hint: suggest(name, names),
    })
  const bench: unknown = await import(new URL(`${name}.ts`, folder).href)
  if (!isBench(bench)) throw new MaruError('BUG', `bench/${name}.ts exports no function run`)
  const figures = (await bench.run({ short })).map(withRatio)
  if (format === 'json') console.log(JSON.stringify({ name, machine: machine(), figures }))
  else printTable(name, figures)
}

function readArguments(): {
  readonly name: string | undefined
  readonly short: boolean
  readonly format: string
} {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        short: { type: 'boolean', default: false },
        format: { type: 'string', default: 'table' },
      },
    })
    if (positionals.length > 1 || !['table', 'json'].includes(values.format))
      throw new Error(`${positionals.join(' ')} --format ${values.format}`)
    return { name: positionals[0], short: values.short, format: values.format }
  } catch (error) {
    throw new MaruError('USAGE', 'the arguments are not understood', {
      hint: 'script/bench [NAME] [--short] [--format table|json]',
      cause: error,
    })
  }
}

/** Files of this folder that are benchmarks: with a `run`, so that shared parts may lie beside them. */
async function benchNames(): Promise<readonly string[]> {
  const files = (await readdir(folder)).filter(
    (file) => /^[a-z0-9-]+\.ts$/.test(file) && !notBenches.has(file),
  )
  const texts = await Promise.all(
    files.map(async (file) => [file, await readFile(new URL(file, folder), 'utf8')] as const),
  )
  return texts
    .filter(([, text]) => /^export (const run\b|(async )?function run\b)/m.test(text))
    .map(([file]) => file.slice(0, -'.ts'.length))
    .toSorted()
}

/** The first sentence of the file's first comment. */
async function purpose(name: string): Promise<string> {
  const text = await readFile(new URL(`${name}.ts`, folder), 'utf8')
  const comment = /\/\*\*([\s\S]*?)\*\//.exec(text)?.[1] ?? ''
  const words = comment.replaceAll(/\s*\n\s*\*?\s*/g, ' ').trim()
  return /^.*?[.:](?=\s|$)/.exec(words)?.[0].replace(/:$/, '.') ?? words
}

function isBench(value: unknown): value is { readonly run: Bench } {
  return (
    typeof value === 'object' && value !== null && 'run' in value && typeof value.run === 'function'
  )
}

function withRatio(figure: Figure): Figure {
  if (figure.beside === undefined || figure.ratio !== undefined || figure.beside.value === 0)
    return figure
  return { ...figure, ratio: Number((figure.value / figure.beside.value).toPrecision(3)) }
}

function machine(): string {
  const all = cpus()
  return `${all.length} × ${all[0]?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.versions.node}`
}

function printTable(name: string, figures: readonly Figure[]): void {
  console.log(`${name} on ${machine()}`)
  for (const { what, value, unit, beside, ratio } of figures) {
    const against =
      beside === undefined
        ? ''
        : `   ${beside.what}: ${shown(beside.value)} ${unit}   ratio ${ratio ?? '?'}`
    console.log(`  ${what}: ${shown(value)} ${unit}${against}`)
  }
}

function shown(value: number): string {
  return value.toLocaleString('en-US', { maximumSignificantDigits: 4 })
}

try {
  await main()
} catch (error) {
  console.error(formatError(error))
  process.exitCode = isMaruError(error) && error.code === 'USAGE' ? 2 : 1
}

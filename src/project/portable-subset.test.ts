import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import {
  forbiddenFunctions,
  forbiddenSyntax,
  forbiddenTypes,
  portableFunctions,
  portableSyntax,
  portableTypes,
} from './portable-lists.ts'
import { portabilityFault } from './portable-subset.ts'

const page = join(import.meta.dirname, '..', '..', 'docs', 'guide', 'portable-sql.md')

describe('the portable subset', () => {
  it('keeps no name both allowed and forbidden', () => {
    const pairs = [
      [portableSyntax, forbiddenSyntax],
      [portableFunctions, forbiddenFunctions],
      [portableTypes, forbiddenTypes],
    ] as const
    for (const [allowed, forbidden] of pairs) {
      assert.deepEqual(
        Object.keys(allowed).filter((name) => Object.hasOwn(forbidden, name)),
        [],
      )
    }
  })

  it('is shown whole in the guide', () => {
    const text = readFileSync(page, 'utf8').replaceAll('\r\n', '\n')
    for (const [name, list] of Object.entries(sections())) {
      const start = `<!-- ${name} -->\n`
      const end = `<!-- /${name} -->`
      const shown = text.slice(text.indexOf(start) + start.length, text.indexOf(end))
      assert.equal(
        shown,
        list,
        `docs/guide/portable-sql.md differs between the marks "${name}": put this there\n${list}`,
      )
    }
  })

  const cases: readonly (readonly [
    string,
    Parameters<typeof portabilityFault>[0],
    string,
    RegExp | undefined,
  ])[] = [
    ['allows what both know', { kind: 'function', name: 'sum' }, 'sum(a)', undefined],
    ['ignores the case of names', { kind: 'function', name: 'SUM' }, 'SUM(a)', undefined],
    [
      'names what to write instead of a syntax element',
      { kind: 'syntax', name: 'qualify' },
      '',
      /row_number\(\) and keep them with where/,
    ],
    [
      'names what to write instead of a function',
      { kind: 'function', name: 'now' },
      'now()',
      /same rows each time/,
    ],
    [
      'refuses what it has never heard of',
      { kind: 'function', name: 'summ' },
      'summ(a)',
      /nearest is sum/,
    ],
    [
      'refuses an unknown syntax element',
      { kind: 'syntax', name: 'quantum join' },
      '',
      /portable-sql\.md/,
    ],
    ['takes spellings of a type as one', { kind: 'type', name: 'INT8' }, '', undefined],
    ['takes a type with its parameters', { kind: 'type', name: 'DECIMAL(18,2)' }, '', undefined],
    ['refuses a type that Spark lacks', { kind: 'type', name: 'HUGEINT' }, '', /decimal\(38, 0\)/],
    [
      'allows a field of extract that means the same',
      { kind: 'function', name: 'date_part', offset: 7 },
      'select extract(year from a)',
      undefined,
    ],
    [
      'refuses a field of extract that counts from another day',
      { kind: 'function', name: 'date_part', offset: 7 },
      'select extract(dow from a)',
      /isodow/,
    ],
    [
      'refuses a unit of date_diff that rounds otherwise',
      { kind: 'function', name: 'date_diff', offset: 0 },
      "date_diff('month', a, b)",
      /use one of day/,
    ],
  ]
  for (const [title, construct, sql, instead] of cases) {
    it(title, () => {
      const fault = portabilityFault(construct, sql)
      if (instead === undefined) assert.equal(fault, undefined)
      else assert.match(fault!.instead, instead)
    })
  }
})

function sections(): Record<string, string> {
  const names = (list: Readonly<Record<string, string>>): string => {
    const same = Object.entries(list)
      .filter(([, spark]) => spark === '')
      .map(([name]) => code(name))
    const different = Object.entries(list).filter(([, spark]) => spark !== '')
    const rows = different
      .map(([name, spark]) => `| ${code(name)} | ${spark.replaceAll('|', '\\|')} |\n`)
      .join('')
    return `The same on both: ${same.join(', ')}.\n\n| in Maru | on Spark |\n| --- | --- |\n${rows}`
  }
  const instead = (list: Readonly<Record<string, string>>): string =>
    `| not portable | write instead |\n| --- | --- |\n${Object.entries(list)
      .map(([name, text]) => `| ${code(name)} | ${text.replaceAll('|', '\\|')} |\n`)
      .join('')}`
  return {
    syntax: names(portableSyntax),
    functions: names(portableFunctions),
    types: names(portableTypes),
    'not syntax': instead(forbiddenSyntax),
    'not functions': instead(forbiddenFunctions),
    'not types': instead(forbiddenTypes),
  }
}

function code(name: string): string {
  return name.includes('|') ? `<code>${name.replaceAll('|', '&#124;')}</code>` : `\`${name}\``
}

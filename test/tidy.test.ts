/** Holds what CONVENTIONS.md asks of every file and no lint rule checks. Each rule is shown once to see its break. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, posix, relative } from 'node:path'
import { describe, it } from 'node:test'
import { SyntaxKind } from 'typescript/unstable/ast'
import { importsOf, isComment, tokensOf } from './scan-source.ts'

const repository = join(import.meta.dirname, '..')
const linesMax = 500

/** Text by path from the repository's root. */
type Tree = ReadonlyMap<string, string>

/** Returns one line for each break, with what to do instead. */
type Rule = (tree: Tree) => readonly string[]

/** Open work names its issue, or nobody finds it again. */
const openWorkHasAnIssue: Rule = (tree) =>
  sources(tree).flatMap(([path, text]) =>
    tokensOf(text)
      .filter(
        (token) =>
          isComment(token.kind) && /\b(TODO|FIXME|XXX|HACK)\b(?!\s*\(?#\d+)/.test(token.value),
      )
      .map(
        (token) =>
          `${path}:${token.line}: open work without an issue; file it and write TODO #<number>, or do it now`,
      ),
  )

const nothingRunsAlone: Rule = (tree) =>
  sources(tree).flatMap(([path, text]) => {
    const tokens = tokensOf(text).filter((token) => !isComment(token.kind))
    return tokens
      .filter((token, index) => {
        if (token.kind !== SyntaxKind.Identifier || token.value !== 'only') return false
        const isCall =
          tokens[index - 1]?.kind === SyntaxKind.DotToken &&
          /^(it|test|describe|suite)$/.test(tokens[index - 2]?.value ?? '')
        const isOption =
          tokens[index + 1]?.kind === SyntaxKind.ColonToken &&
          tokens[index + 2]?.kind === SyntaxKind.TrueKeyword
        return isCall || isOption
      })
      .map(
        (token) =>
          `${path}:${token.line}: a test that runs alone keeps all others from running; remove \`only\``,
      )
  })

const namesSayWhatIsInside: Rule = (tree) =>
  [...tree.keys()].flatMap((path) => {
    const word = path
      .split(/[/.\-_]/)
      .find((part) => /^(utils?|helpers?|managers?|common|misc)$/i.test(part))
    return word === undefined
      ? []
      : [`${path}: "${word}" says nothing; name the file after its main export`]
  })

const filesFitTheHead: Rule = (tree) =>
  sources(tree).flatMap(([path, text]) => {
    // Tests are lists of cases and may be long, as for the linter.
    if (!path.startsWith('src/') || /\.(test|suite|fixture)\.ts$/.test(path)) return []
    const count = text.split('\n').filter((line) => line.trim() !== '').length
    return count <= linesMax
      ? []
      : [`${path}: ${count} lines of at most ${linesMax}; move one idea into a file of its own`]
  })

/** A port is a file that says so in its first words; its promises are tests that each adapter's own test file runs. */
const portsHaveSuites: Rule = (tree) =>
  sources(tree).flatMap(([path, text]) => {
    const first = tokensOf(text)[0]
    if (first === undefined || !isComment(first.kind) || !/^\/\*\*[\s*]*Port:/.test(first.value))
      return []
    const suite = path.replace(/\.ts$/, '.suite.ts')
    if (!tree.has(suite)) return [`${path}: a port without tests of its promises; write ${suite}`]
    const isRun = sources(tree).some(
      ([test, source]) =>
        test.endsWith('.test.ts') &&
        importsOf(source).some(
          ({ specifier }) => posix.join(posix.dirname(test), specifier) === suite,
        ),
    )
    return isRun ? [] : [`${suite}: no test runs it; call it from the test file of an adapter`]
  })

const linksLeadSomewhere =
  (exists: (path: string) => boolean): Rule =>
  (tree) =>
    [...tree].flatMap(([path, text]) => {
      if (!path.endsWith('.md')) return []
      return linksOf(text)
        .filter(({ target }) => !exists(posix.join(posix.dirname(path), target)))
        .map(
          ({ target, line }) =>
            `${path}:${line}: ${target} does not exist; correct the link, or write the page`,
        )
    })

/** Relative targets of `[text](target)` and `[name]: target` outside of code, without the part after `#`. */
function linksOf(markdown: string): readonly { readonly target: string; readonly line: number }[] {
  const links: { target: string; line: number }[] = []
  let isCode = false
  for (const [index, line] of markdown.split('\n').entries()) {
    if (/^\s*(```|~~~)/.test(line)) isCode = !isCode
    if (isCode) continue
    const prose = line.replaceAll(/`[^`]*`/g, '')
    for (const match of prose.matchAll(/\]\(\s*<?([^)\s>]+)|^\s*\[[^\]]+\]:\s+<?([^\s>]+)/g)) {
      const target = (match[1] ?? match[2] ?? '').replace(/#.*$/, '')
      if (target !== '' && !/^([a-z][a-z0-9+.-]*:|\/)/i.test(target))
        links.push({ target: decodeURI(target), line: index + 1 })
    }
  }
  return links
}

function sources(tree: Tree): readonly (readonly [string, string])[] {
  return [...tree].filter(([path]) => path.endsWith('.ts'))
}

/** What people write here: sources, scripts and pages; not what is installed, built or hidden. */
function readRepository(): Tree {
  const folders = '{src,test,bench,tools,examples,docs,script}'
  const paths = globSync([`${folders}/**/*.{ts,md,py,sh}`, '*.{ts,md}', 'script/*'], {
    cwd: repository,
    withFileTypes: true,
    exclude: (entry) =>
      entry.name === 'node_modules' || entry.name === 'dist' || entry.name.startsWith('.'),
  })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(repository, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
  return new Map(
    [...new Set(paths)]
      .toSorted()
      .map((path) => [path, readFileSync(join(repository, path), 'utf8')]),
  )
}

const existsHere = (path: string): boolean => existsSync(join(repository, path))

describe('every file', () => {
  const tree = readRepository()
  const holds = (rule: Rule): void => {
    const breaks = rule(tree)
    equal(breaks.length, 0, `\n${breaks.join('\n')}`)
  }

  it('is looked at', () => {
    for (const path of [
      'test/tidy.test.ts',
      'src/base/errors.ts',
      'CONVENTIONS.md',
      'docs/reference/errors.md',
    ])
      ok(tree.has(path), path)
    ok(![...tree.keys()].some((path) => path.includes('node_modules')))
  })
  it('has open work only with the number of an issue', () => holds(openWorkHasAnIssue))
  it('lets all tests run', () => holds(nothingRunsAlone))
  it('has a name that says what is inside', () => holds(namesSayWhatIsInside))
  it(`of the product has at most ${linesMax} lines that are not blank`, () =>
    holds(filesFitTheHead))
  it('that is a port has a suite, and a test that runs it', () => holds(portsHaveSuites))
  it('in Markdown links to what exists', () => holds(linksLeadSomewhere(existsHere)))
})

describe('the guards of tidiness', () => {
  const tree = (files: Readonly<Record<string, string>>): Tree => new Map(Object.entries(files))
  /** Where the rule sees breaks: the part before the message. */
  const seen = (rule: Rule, files: Readonly<Record<string, string>>): readonly string[] =>
    rule(tree(files)).map((line) => line.slice(0, line.indexOf(': ')))

  it('see open work without an issue, in comments only', () => {
    const text =
      "// TODO later\n/* FIXME */\n// TODO #12 x\n// TODO(#12): x\nconst text = '// TODO'\n// todos are fine\n"
    deepEqual(seen(openWorkHasAnIssue, { 'src/a.ts': text }), ['src/a.ts:1', 'src/a.ts:2'])
  })

  it('see tests that run alone', () => {
    const text =
      "it.only('x', f)\ndescribe.only('y', f)\nit('z', { only: true }, f)\n// it.only\nconst only = 'it.only'\nit(only)\n"
    deepEqual(seen(nothingRunsAlone, { 'src/a.test.ts': text }), [
      'src/a.test.ts:1',
      'src/a.test.ts:2',
      'src/a.test.ts:3',
    ])
  })

  it('see names that say nothing', () => {
    const files = {
      'src/utils.ts': '',
      'src/date-utils.ts': '',
      'src/misc/a.ts': '',
      'src/run-manager.test.ts': '',
      'src/commonplace.ts': '',
    }
    deepEqual(seen(namesSayWhatIsInside, files), [
      'src/utils.ts',
      'src/date-utils.ts',
      'src/misc/a.ts',
      'src/run-manager.test.ts',
    ])
  })

  it('see files that are too long, without counting blank lines', () => {
    const long = 'x\n'.repeat(linesMax + 1)
    const files = {
      'src/long.ts': long,
      'src/airy.ts': 'x\n\n'.repeat(linesMax),
      'src/long.test.ts': long,
      'test/long.ts': long,
    }
    deepEqual(seen(filesFitTheHead, files), ['src/long.ts'])
  })

  it('see ports without a suite, and suites that nobody runs', () => {
    const port = '/**\n * Port: where things are.\n */\n'
    const files = {
      'src/a/a.ts': port,
      'src/b/b.ts': port,
      'src/b/b.suite.ts': '',
      'src/c/c.ts': port,
      'src/c/c.suite.ts': '',
      'src/c/real/c.test.ts': "import { describeC } from '../c.suite.ts'",
      'src/d/d.ts': '/** No port. Port: no. */',
    }
    deepEqual(seen(portsHaveSuites, files), ['src/a/a.ts', 'src/b/b.suite.ts'])
  })

  it('see links that lead nowhere', () => {
    const text = [
      '[there](../there.md) [part](../there.md#part) [here](#here) [web](https://maru.example/x.md)',
      '![picture](missing.png) and [two](<a.md> "title")',
      '`[code](missing.md)`',
      '```ts',
      'x[0](missing.md)',
      '```',
      '[name]: missing-too.md',
    ].join('\n')
    const rule = linksLeadSomewhere(
      (path) => path === 'there.md' || path === dirname('docs/a.md') + '/a.md',
    )
    deepEqual(seen(rule, { 'docs/page.md': text }), ['docs/page.md:2', 'docs/page.md:7'])
  })
})

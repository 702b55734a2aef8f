/** Turns what went wrong while importing declarations into problems with a place: one a fault, not one a file that it reaches. */
import { fileURLToPath } from 'node:url'
import { basename, dirname, join } from 'node:path'
import type { Place, Problem } from '../base/errors.ts'
import { nearest } from '../base/nearest.ts'
import { declarationFiles, projectPath } from './find.ts'

export interface ImportFailure {
  /** The file that was to be loaded, relative to the project folder. */
  readonly path: string
  readonly error: unknown
}

export interface ImportContext {
  readonly folder: string
  /** Which files import which, relative to the project folder. */
  readonly imports: ReadonlyMap<string, ReadonlySet<string>>
  readonly readSource: (path: string) => string
}

export function importProblems(
  failures: readonly ImportFailure[],
  context: ImportContext,
): Problem[] {
  const byFault = new Map<string, { problem: Problem; files: string[] }>()
  for (const failure of failures) {
    const problem = importProblem(failure, context)
    const key = `${problem.where.file}:${problem.where.line}:${problem.where.column} ${problem.message}`
    const known = byFault.get(key)
    if (known === undefined) byFault.set(key, { problem, files: [failure.path] })
    else known.files.push(failure.path)
  }
  return [...byFault.values()].map(({ problem, files }) => {
    const others = files.filter((file) => file !== problem.where.file)
    if (others.length === 0 || problem.code === 'MODEL_CYCLE') return problem
    const names =
      others.length > 3
        ? `${others.slice(0, 3).join(', ')} and ${others.length - 3} more`
        : others.join(', ')
    return {
      ...problem,
      message: `${problem.message} (${names} could not be loaded because of it)`,
    }
  })
}

function importProblem(failure: ImportFailure, context: ImportContext): Problem {
  const { error } = failure
  if (!(error instanceof Error)) {
    return {
      code: 'PROJECT_LOAD',
      message: `the file throws ${JSON.stringify(error) ?? String(error)}`,
      hint: 'throw an Error, or nothing',
      where: { file: failure.path },
    }
  }
  return (
    missingModule(error, context) ??
    importCycle(error, failure, context) ??
    brokenSource(error, context) ??
    thrown(error, failure, context)
  )
}

/** `Cannot find module '/…/obj/throw.ts' imported from /…/act/missing.ts` */
function missingModule(error: Error, context: ImportContext): Problem | undefined {
  const match = /^Cannot find (module|package) '(.+)' imported from (.+)$/.exec(error.message)
  if (match === null) return undefined
  const [, kind, target, importer] = match
  const file = projectPath(context.folder, importer!)
  const source = readOr(context, file)
  if (kind === 'package') {
    return {
      code: 'PROJECT_LOAD',
      message: `the package "${target}" is not installed`,
      hint:
        nearest(target!, ['maru']) === undefined
          ? `run \`npm install ${target}\` in the project folder`
          : 'Did you mean "maru"?',
      where: {
        file,
        ...findSpecifier(
          source,
          (specifier) => specifier === target || specifier.startsWith(`${target}/`),
        ),
      },
    }
  }
  const missing = projectPath(context.folder, target!)
  const match2 =
    nearest(missing, declarationFiles(context.folder)) ??
    declarationFiles(context.folder).find((path) => path === `${missing}.ts`)
  const suggestion = match2 === undefined ? undefined : importSpecifier(file, match2)
  return {
    code: 'PROJECT_LOAD',
    message: `there is no file ${missing}`,
    hint:
      suggestion === undefined
        ? 'make the file, or correct the import'
        : `Did you mean '${suggestion}'?`,
    where: {
      file,
      ...findSpecifier(
        source,
        (specifier) =>
          specifier.startsWith('.') &&
          join(dirname(file), specifier).replaceAll('\\', '/') === missing,
      ),
    },
  }
}

/** Two files that need each other's value while they are loaded. */
function importCycle(
  error: Error,
  failure: ImportFailure,
  context: ImportContext,
): Problem | undefined {
  if (!(error instanceof ReferenceError) || !error.message.includes('before initialization'))
    return undefined
  const where = firstFrame(error, context) ?? { file: failure.path }
  const cycle = cyclePath(where.file, context.imports)
  if (cycle === undefined) return undefined
  return {
    code: 'MODEL_CYCLE',
    message: `files import each other in a circle: ${cycle.join(' → ')}`,
    hint: 'take one of the imports out; for a reference between objects write refers(() => …)',
    where,
  }
}

/** Node writes `file:///…/x.ts:3`, the line, and carets below it, for what cannot be parsed or linked. */
function brokenSource(error: Error, context: ImportContext): Problem | undefined {
  const match = /^(file:\/\/\S+):(\d+)\n([^]*?)\n\n?\w*Error/.exec(error.stack ?? '')
  if (match === null) return undefined
  const [, url, line, excerpt] = match
  const caret = excerpt!
    .split('\n')
    .map((text) => /^(\s*)\^/.exec(text)?.[1])
    .find((blank) => blank !== undefined)
  const file = projectPath(context.folder, fileURLToPath(url!))
  return {
    code: 'PROJECT_LOAD',
    message: firstLine(error.message),
    hint: hintForSource(error),
    where: {
      file,
      line: Number(line),
      ...(caret === undefined ? {} : { column: caret.length + 1 }),
    },
  }
}

function hintForSource(error: Error): string {
  const exported = /module '(.+)' does not provide an export named '(.+)'/.exec(error.message)
  if (exported !== null) {
    return exported[2] === 'default'
      ? `${basename(exported[1]!)} has no \`export default\``
      : `export it there, or import what ${basename(exported[1]!)} has (a default export is imported without braces)`
  }
  if ('code' in error && error.code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX')
    return 'declarations run without a build: use plain types only (no enum, namespace or parameter property)'
  return 'correct the syntax here'
}

function thrown(error: Error, failure: ImportFailure, context: ImportContext): Problem {
  const hint =
    'hint' in error && typeof error.hint === 'string'
      ? error.hint
      : 'correct what is evaluated here'
  return {
    code: 'PROJECT_LOAD',
    message: firstLine(error.message) || error.name,
    hint,
    where: firstFrame(error, context) ?? { file: failure.path },
  }
}

/** The innermost line of the project's own files on the stack. */
function firstFrame(error: Error, context: ImportContext): Place | undefined {
  for (const match of (error.stack ?? '').matchAll(/(file:\/\/[^\s()]+):(\d+):(\d+)/g)) {
    const file = projectPath(context.folder, fileURLToPath(match[1]!))
    if (context.imports.has(file) || isImported(file, context))
      return { file, line: Number(match[2]), column: Number(match[3]) }
  }
  return undefined
}

function isImported(file: string, context: ImportContext): boolean {
  return context.imports.values().some((files) => files.has(file))
}

/** The shortest way from a file back to itself. */
function cyclePath(
  start: string,
  imports: ReadonlyMap<string, ReadonlySet<string>>,
): string[] | undefined {
  const cameFrom = new Map<string, string>()
  const queue = [start]
  for (const file of queue) {
    for (const next of imports.get(file) ?? []) {
      if (next === start && file !== start) return wayTo(file, cameFrom).concat(start)
      if (next === start || cameFrom.has(next)) continue
      cameFrom.set(next, file)
      queue.push(next)
    }
  }
  return undefined
}

function wayTo(end: string, cameFrom: ReadonlyMap<string, string>): string[] {
  const way = [end]
  for (let file = cameFrom.get(end); file !== undefined; file = cameFrom.get(file))
    way.unshift(file)
  return way
}

function findSpecifier(
  source: string,
  matches: (specifier: string) => boolean,
): { line?: number; column?: number } {
  for (const match of source.matchAll(/(?:from|import)\s*\(?\s*(['"])([^'"\n]+)\1/g)) {
    if (matches(match[2]!))
      return lineAndColumn(source, match.index + match[0].length - match[2]!.length - 1 - 1)
  }
  return {}
}

/** Counted from 1. */
export function lineAndColumn(source: string, offset: number): { line: number; column: number } {
  const before = source.slice(0, offset)
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') }
}

function importSpecifier(from: string, to: string): string {
  const path = projectPath(dirname(from), to)
  return path.startsWith('.') ? path : `./${path}`
}

function readOr(context: ImportContext, file: string): string {
  try {
    return context.readSource(file)
  } catch {
    // The importer may lie outside the project or be gone; the problem is then shown without a line.
    return ''
  }
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!
}

/**
 * One error class for everything that a person can act on. Expected outcomes are return values;
 * a broken invariant is an `assert`.
 */
import type { ErrorCode } from './error-codes.ts'

/** A place in a file of the user's project. `line` and `column` count from 1. */
export interface Place {
  readonly file: string
  readonly line?: number
  readonly column?: number
}

export interface ErrorOptions {
  /** The next step, as a command or an edit. */
  readonly hint?: string
  readonly where?: Place
  /** Whether trying the same again can help. Default `never`. */
  readonly retry?: 'never' | 'now' | 'later'
  readonly cause?: unknown
}

export class MaruError extends Error {
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly where: Place | undefined
  readonly retry: 'never' | 'now' | 'later'

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'MaruError'
    this.code = code
    this.hint = options.hint
    this.where = options.where
    this.retry = options.retry ?? 'never'
  }
}

/** A fault in the user's project; many are collected and reported at once. */
export interface Problem {
  readonly code: ErrorCode
  readonly message: string
  readonly hint?: string
  readonly where: Place
  /** The table or metric id that the problem belongs to, where there is one. */
  readonly id?: string
}

/** One line: place, message, code, next step. */
export function formatProblem(problem: Problem): string {
  const hint = problem.hint === undefined ? '' : ` → ${problem.hint}`
  return `${formatPlace(problem.where)}: ${problem.message} [${problem.code}]${hint}`
}

export function formatPlace(place: Place): string {
  if (place.line === undefined) return place.file
  return place.column === undefined
    ? `${place.file}:${place.line}`
    : `${place.file}:${place.line}:${place.column}`
}

/** The error on one line, as the command line prints it. Never holds a secret: messages are built from names and values of the project. */
export function formatError(error: unknown): string {
  if (error instanceof Error && isMaruError(error)) {
    const place = error.where === undefined ? '' : `${formatPlace(error.where)}: `
    const hint = error.hint === undefined ? '' : ` → ${error.hint}`
    return oneLine(`${place}${error.message} [${error.code}]${hint}`)
  }
  return oneLine(
    error instanceof Error ? `${error.name}: ${error.message} [BUG]` : `${String(error)} [BUG]`,
  )
}

/** Two copies of the package can meet in one process, so the name decides, not the class. */
export function isMaruError(error: unknown): error is MaruError {
  return error instanceof Error && error.name === 'MaruError'
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

export function assert(condition: unknown, message: string): asserts condition {
  if (!condition)
    throw new MaruError('BUG', `invariant broken: ${message}`, {
      hint: 'please report this with the command that led here',
    })
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ')
}

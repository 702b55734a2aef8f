/**
 * What the processes that `maru start` starts have in common: options as JSON in the first argument, lines of JSON on standard output, a stop by the message `stop` or SIGTERM.
 * The starter hears of the error that ends one in such a line too, so that it can be said by whoever waits for it.
 */
import { once } from 'node:events'
import { formatError, isMaruError, MaruError } from '../base/errors.ts'

export interface Child<Options> {
  readonly options: Options
  /** Aborts when the process is asked to stop, or its parent is gone. */
  readonly stopping: AbortSignal
  /** Resolves then. */
  readonly stopped: Promise<void>
  readonly say: (line: object) => void
  /** One line on standard error. */
  readonly onError: (error: unknown) => void
  /** Ends the process at once, with 1. */
  readonly fail: (error: unknown) => never
}

/** The process ends when the work does: with 0, or with 1 when it threw. */
export async function runChild<Options>(
  work: (child: Child<Options>) => Promise<void>,
): Promise<void> {
  const stopping = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopping.abort())
  process.on('message', (message) => message === 'stop' && stopping.abort())
  // A parent that died without a word would leave this process behind.
  process.once('disconnect', () => stopping.abort())
  // Nobody listens any more, and the work still has its end to make.
  process.stdout.on('error', () => undefined)
  try {
    await work({
      options: JSON.parse(process.argv[2] ?? '{}') as Options,
      stopping: stopping.signal,
      stopped: once(stopping.signal, 'abort').then(() => undefined),
      say,
      onError,
      fail,
    })
    process.exit(0)
  } catch (error) {
    fail(error)
  }
}

interface Failure {
  readonly code: MaruError['code']
  readonly message: string
  readonly hint?: string
  readonly retry: MaruError['retry']
}

/** The error that a line says the process ends by; undefined for other lines. */
export function endedBy(line: string): MaruError | undefined {
  const { ended } = JSON.parse(line) as { readonly ended?: Failure }
  return ended === undefined ? undefined : new MaruError(ended.code, ended.message, ended)
}

function failureOf({ code, message, hint, retry }: MaruError): Failure {
  return { code, message, retry, ...(hint === undefined ? {} : { hint }) }
}

function fail(error: unknown): never {
  if (process.connected && isMaruError(error)) say({ ended: failureOf(error) })
  else onError(error)
  process.exit(1)
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

function onError(error: unknown): void {
  process.stderr.write(`maru: ${formatError(error)}\n`)
}

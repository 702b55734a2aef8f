/** Where in the author's file a builder was called: the runtime's own stack knows, and type stripping keeps positions. */
import { fileURLToPath } from 'node:url'
import type { Place } from '../base/errors.ts'

const frame = /\(?((?:file:\/\/)?\/?[^()]*?)(?:\?[^():]*)?:(\d+):(\d+)\)?$/

/**
 * The place of the call of `builder`, with an absolute file; for a tagged template it is the opening back tick.
 * An unknown place has an empty file.
 */
export function callPlace(builder: (...parameters: never[]) => unknown): Place {
  const holder: { readonly stack?: unknown } = {}
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 1
  Error.captureStackTrace(holder, builder)
  Error.stackTraceLimit = limit
  // Someone may have replaced how stacks are written; then there is no text to read.
  const text = typeof holder.stack === 'string' ? holder.stack : ''
  const match = frame.exec(text.slice(text.lastIndexOf('    at ') + 7))
  if (match === null) return { file: '' }
  const file = match[1]!
  return {
    file: file.startsWith('file:') ? fileURLToPath(file) : file,
    line: Number(match[2]),
    column: Number(match[3]),
  }
}

/** The project folder, when `absolute` ends in the declaration's own path. */
export function folderOf(absolute: string, path: string): string | undefined {
  const unified = absolute.replaceAll('\\', '/')
  return unified.endsWith(`/${path}`) ? unified.slice(0, -path.length) : undefined
}

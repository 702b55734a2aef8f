/** Reads one template literal in a source text: which characters are its text, and where its `${…}` are. */

/** `positions[i]` is where the i-th character of the text stands in the source (a line end of two characters counts once). */
export type Piece =
  | { readonly kind: 'text'; readonly positions: readonly number[]; readonly end: number }
  | { readonly kind: 'hole'; readonly start: number; readonly end: number }

/** The pieces of the literal whose back tick is at `start`; undefined when it does not end. */
export function literalPieces(source: string, start: number): readonly Piece[] | undefined {
  const pieces: Piece[] = []
  let positions: number[] = []
  let at = start + 1
  while (at < source.length) {
    const character = source[at]!
    if (character === '`') return [...pieces, { kind: 'text', positions, end: at }]
    if (character === '$' && source[at + 1] === '{') {
      const end = codeEnd(source, at + 2)
      if (end === undefined) return undefined
      pieces.push({ kind: 'text', positions, end: at }, { kind: 'hole', start: at, end })
      positions = []
      at = end
    } else {
      at = takeCharacter(source, at, positions)
    }
  }
  return undefined
}

/** Adds the text characters written at `at` and returns what follows. The rules are those of `unescape` in sql-template.ts. */
function takeCharacter(source: string, at: number, positions: number[]): number {
  const next = source[at + 1]
  if (source[at] === '\\') {
    const isDropped = next === '`' || (next === '$' && source[at + 2] === '{')
    if (!isDropped) positions.push(at)
    positions.push(at + 1)
    return next === '\r' && source[at + 2] === '\n' ? at + 3 : at + 2
  }
  positions.push(at)
  return source[at] === '\r' && next === '\n' ? at + 2 : at + 1
}

/** Where the code of a `${` that began before `at` is over, behind its `}`. */
function codeEnd(source: string, start: number): number | undefined {
  let depth = 1
  let at = start
  while (at < source.length) {
    const character = source[at]!
    if (character === '`') {
      const pieces = literalPieces(source, at)
      if (pieces === undefined) return undefined
      at = pieces.at(-1)!.end + 1
    } else if (character === "'" || character === '"') {
      at = textEnd(source, at)
    } else if (source.startsWith('//', at)) {
      at = after(source, '\n', at)
    } else if (source.startsWith('/*', at)) {
      at = after(source, '*/', at + 2)
    } else {
      if (character === '{') depth++
      if (character === '}' && --depth === 0) return at + 1
      at++
    }
  }
  return undefined
}

function textEnd(source: string, start: number): number {
  const quote = source[start]
  let at = start + 1
  while (at < source.length && source[at] !== quote) at += source[at] === '\\' ? 2 : 1
  return at + 1
}

function after(source: string, mark: string, start: number): number {
  const found = source.indexOf(mark, start)
  return found === -1 ? source.length : found + mark.length
}

/** The index of a line and column, both from 1; undefined when the text has no such line. */
export function offsetOf(source: string, line: number, column: number): number | undefined {
  let start = 0
  for (let current = 1; current < line; current++) {
    const end = source.indexOf('\n', start)
    if (end === -1) return undefined
    start = end + 1
  }
  return start + column - 1
}

export function placeOf(
  source: string,
  offset: number,
): { readonly line: number; readonly column: number } {
  const before = source.slice(0, offset)
  const lineStart = before.lastIndexOf('\n') + 1
  return { line: before.split('\n').length, column: offset - lineStart + 1 }
}

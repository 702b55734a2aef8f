/** How the Model's names and texts become SQL, and how a position in SQL becomes a place in the author's file. Pure, for every engine. */
import { MaruError, type Place } from '../base/errors.ts'
import type { Scalar, SqlModel, SqlPart, TableId } from './model.ts'
import { reservedIn } from './reserved-words.ts'
import { literalPieces, offsetOf, placeOf, type Piece } from './template-literal.ts'

const nameLengthMax = 63

/** Why a text cannot be a name of a table, a column or a metric; undefined when it can. */
export function nameFault(
  name: string,
): { readonly fault: string; readonly hint: string } | undefined {
  if (!/^[a-z][a-z0-9_]*$/.test(name)) {
    return {
      fault: 'is not snake_case',
      hint: `write "${snakeCase(name)}": small letters, digits and _, a letter first`,
    }
  }
  if (name.includes('__'))
    return {
      fault: 'has "__", which Maru uses for what it attaches',
      hint: `write "${snakeCase(name)}"`,
    }
  if (name.length > nameLengthMax) {
    return {
      fault: `has ${name.length} characters, more than ${nameLengthMax}`,
      hint: 'choose a shorter name; PostgreSQL cuts longer ones',
    }
  }
  const dialects = reservedIn(name)
  if (dialects.length === 0) return undefined
  return {
    fault: `is a reserved word of ${dialects.join(', ')}`,
    hint: `choose another, for example "${name}_name"; in raw tables { field: '${name}' } keeps the source's name`,
  }
}

/** The nearest legal form of any text: `InvoiceNo` → `invoice_no`. Reserved words stay. */
export function snakeCase(text: string): string {
  const parts = text
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((part) => part !== '')
  const name = parts.join('_').slice(0, nameLengthMax)
  return /^[a-z]/.test(name) ? name : `x_${name}`.replace(/_$/, '')
}

/** The id under which the lake's own form of a merged table is bound: `merged.purchase` → `stored.purchase`. */
export function storedId(mergedId: TableId): TableId {
  return mergedId.replace(/^merged\./, 'stored.')
}

/** The text that an engine takes: ids verbatim, scalars as literals. */
export function sqlText(model: SqlModel): string {
  return model.parts.map(partText).join('')
}

function partText(part: SqlPart): string {
  if (part.kind === 'text') return part.text
  return part.kind === 'table' ? part.id : scalarLiteral(part.value)
}

/**
 * A literal that means the same value on every engine. A negative number stands in parentheses, so that `a -${value}` never opens a comment.
 */
export function scalarLiteral(value: Scalar): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return `'${value.replaceAll("'", "''")}'`
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new MaruError('MODEL_BAD_DECLARATION', `${value} cannot be written in SQL`, {
      hint: 'use a finite number or null',
    })
  }
  return value < 0 ? `(${value})` : String(value)
}

/**
 * The place in the author's file of the character at `offset` (UTF-16 units from 0) of `sqlText(model)`. An offset inside what `${…}` wrote
 * gives the place of its `$`. When the file no longer has the template at that place, the template's own place is the answer.
 */
export function sourcePlace(model: SqlModel, offset: number, sourceText: string): Place {
  const start =
    model.place.line === undefined
      ? undefined
      : offsetOf(sourceText, model.place.line, model.place.column ?? 1)
  const pieces =
    start === undefined || sourceText[start] !== '`' ? undefined : literalPieces(sourceText, start)
  if (pieces === undefined) return model.place
  const position = positionIn(pieces, holeLengths(model), offset)
  return position === undefined
    ? model.place
    : { file: model.place.file, ...placeOf(sourceText, position) }
}

/** Lengths of what each `${…}` wrote, in order. */
function holeLengths(model: SqlModel): readonly number[] {
  const chunks = new Set(
    model.chunks ?? model.parts.flatMap((_, index) => (index % 2 === 0 ? [index] : [])),
  )
  const lengths: number[] = []
  model.parts.forEach((part, index) => {
    if (chunks.has(index)) lengths.push(0)
    else lengths[lengths.length - 1] = (lengths.at(-1) ?? 0) + partText(part).length
  })
  return lengths
}

function positionIn(
  pieces: readonly Piece[],
  holes: readonly number[],
  offset: number,
): number | undefined {
  let left = offset
  let hole = 0
  let last: number | undefined
  for (const piece of pieces) {
    if (piece.kind === 'hole') {
      const length = holes[hole++] ?? 0
      if (left < length) return piece.start
      left -= length
    } else {
      if (left < piece.positions.length) return piece.positions[left]
      left -= piece.positions.length
    }
    last = piece.end
  }
  // Just behind the end, where an engine reports that something is missing.
  return left === 0 ? last : undefined
}

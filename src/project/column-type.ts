/** Which produced type may stand for a declared one, and how types are written. Pure. */
import type { ColumnType } from '../model/model.ts'

/**
 * Whether a value of the produced type becomes the declared type without losing anything in silence: it comes out exact, or the run
 * stops at the value that does not fit (an integer in a decimal too small for it). Rounding, truncation and zones are never implied.
 */
export function isAssignable(produced: ColumnType, declared: ColumnType): boolean {
  if (produced.kind === 'decimal' && declared.kind === 'decimal')
    return declared.scale >= produced.scale
  if (produced.kind === 'list' && declared.kind === 'list')
    return isAssignable(produced.of, declared.of)
  if (produced.kind === declared.kind) return true
  switch (declared.kind) {
    case 'decimal':
    case 'number':
      return produced.kind === 'integer'
    case 'integer':
      // A sum of integers comes as decimal(38, 0).
      return produced.kind === 'decimal' && produced.scale === 0
    case 'text':
      return produced.kind === 'json'
    case 'json':
      return produced.kind === 'text'
    default:
      return false
  }
}

/** What a thread does with a batch of dimensions: adds the rows up by each, and counts entities. */
import type { NumberColumn } from '../../engine/engine.ts'
import { accumulate } from './accumulate.ts'
import type { StateRows } from './accumulate.ts'
import type { CodedDimension } from './codes.ts'
import type { Counted } from './entities.ts'
import { groupColumns } from './group-columns.ts'

export interface AddUpRequest {
  readonly rows: StateRows
  readonly loose: readonly Counted[]
  /** The slot of each count. */
  readonly counted: ReadonlyMap<string, number>
  /** Dimensions that are added up together. */
  readonly packs: readonly (readonly CodedDimension[])[]
}

/** Columns of the table `groups`. */
export function addUp(request: AddUpRequest): readonly NumberColumn[] {
  const made = request.packs.flatMap((pack) => {
    const groups = accumulate(request.rows, pack)
    return pack.map((dimension, at) => ({ dimension, groups: groups[at]! }))
  })
  return groupColumns(made, request)
}

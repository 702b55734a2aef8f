/** Which dimensions go with a metric, and why another does not. */
import { MaruError } from '../base/errors.ts'
import type { Model, TableId } from '../model/model.ts'
import { resolveDimension } from './dimension.ts'
import { dimensionsOf, illegalReason, isReached, nearestLegal } from './illegal.ts'
import type { LegalDimension } from './illegal.ts'
import { withoutEntry } from './anchored.ts'
import { hasCohorts, ownDimensions, refusalOf, rootsOf } from './kinds.ts'
import { askMetric } from './measure.ts'
import { lastName } from './model-index.ts'

export interface Pair {
  readonly isLegal: boolean
  /** Why not. */
  readonly reason?: string
  /** Legal dimensions that may have been meant. */
  readonly nearest: readonly string[]
}

/** Grains and calendar parts, then the columns of the rows, then the attributes that they reach. Each also takes `@now`, and each date or instant a grain after a dot. */
export function legalDimensions(model: Model, metricName: string): readonly LegalDimension[] {
  const { name, expression } = askMetric(model, metricName)
  const [first, ...others] = rootsOf(model, expression)
  if (first === undefined) return []
  const legal = dimensionsOf(model, first).filter(
    ({ path }) =>
      others.every((rootId) => isReached(model, rootId, path)) &&
      refusalOf(model, expression, path) === undefined,
  )
  // A column that is called like the metric goes by its longer name, so that the answer has two names.
  const named = legal.map((dimension) =>
    dimension.path === name ? { ...dimension, path: `${lastName(first)}.${name}` } : dimension,
  )
  const own = ownDimensions(model, expression).filter(
    ({ path }) => refusalOf(model, expression, path) === undefined,
  )
  return [...own, ...named]
}

/** Whether a question may pair the two; never throws for a dimension. */
export function describePair(model: Model, metricName: string, dimension: string): Pair {
  const refused = refusedPair(model, metricName, dimension)
  if (refused === undefined) return { isLegal: true, nearest: [] }
  const { reason, rootId, hint } = refused
  const near = rootId === undefined ? [] : nearestLegal(model, rootId, dimension)
  return { isLegal: false, reason, nearest: hint === undefined ? near : [hint] }
}

export interface RefusedReason {
  readonly reason: string
  /** Whose rows have no such dimension. */
  readonly rootId?: TableId
  readonly hint?: string
}

/** Why a question may not pair the two, without what may have been meant; undefined when it may. */
export function refusedPair(
  model: Model,
  metricName: string,
  dimension: string,
): RefusedReason | undefined {
  const { expression } = askMetric(model, metricName)
  const reason = refusalOf(model, expression, dimension)
  if (reason !== undefined) return { reason }
  if (ownDimensions(model, expression).some(({ path }) => path === dimension)) return undefined
  const plain = hasCohorts(expression) ? withoutEntry(dimension) : dimension
  for (const rootId of rootsOf(model, expression)) {
    try {
      if (resolveDimension(model, rootId, plain) !== undefined) continue
    } catch (error) {
      if (!(error instanceof MaruError)) throw error
      // A shortened path with several meanings: the hint names them.
      return {
        reason: error.message,
        ...(error.hint === undefined ? {} : { hint: error.hint }),
      }
    }
    const pair = { metric: metricName, rootId, text: dimension, offset: undefined }
    return { reason: illegalReason(model, pair).message, rootId }
  }
  return undefined
}

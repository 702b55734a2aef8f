/** Who computes which kind of metric. */
import type { Model, TableId } from '../model/model.ts'
import { conversion } from './conversion.ts'
import { funnel } from './funnel.ts'
import type { LegalDimension } from './illegal.ts'
import type { Kind } from './inquiry.ts'
import { lifecycle } from './lifecycle.ts'
import { measuresOf, specialsOf, unanswered } from './measure.ts'
import { retention } from './retention.ts'
import { stickiness } from './stickiness.ts'
import type { Expression, Special, SpecialNode } from './measure.ts'

type Kinds = {
  readonly [Name in SpecialNode['kind']]?: Kind<Extract<SpecialNode, { readonly kind: Name }>>
}

const kinds: Kinds = { conversion, funnel, lifecycle, retention, stickiness }

/** Throws METRIC_ILLEGAL for a kind that is not answered yet. */
export function kindOf({ node }: Special): Kind<SpecialNode> {
  // One table of several types: each node goes to the kind of its own name.
  const kind = kinds[node.kind] as Kind<SpecialNode> | undefined
  if (kind === undefined) throw unanswered(node, `the kind ${node.kind}`)
  return kind
}

/** The activities and objects whose rows must have each dimension of the value. */
export function rootsOf(model: Model, expression: Expression): readonly TableId[] {
  const own = measuresOf(expression).map(({ rootId }) => rootId)
  const others = specialsOf(expression).flatMap((special) =>
    kindOf(special).roots(model, special.node),
  )
  return [...new Set([...own, ...others])]
}

/** Dimensions that the value has beside those of rows: `step`, `cohort`, `age`. */
export function ownDimensions(expression: Expression): readonly LegalDimension[] {
  return specialsOf(expression).flatMap(
    (special) => kindOf(special).dimensions?.(special.node) ?? [],
  )
}

/** Why the value does not go with a dimension that its rows have. */
export function refusalOf(expression: Expression, text: string): string | undefined {
  return specialsOf(expression)
    .map((special) => kindOf(special).refuses?.(special.node, text))
    .find((reason) => reason !== undefined)
}

export function hasCohorts(expression: Expression): boolean {
  const specials = specialsOf(expression)
  return specials.length > 0 && specials.every((special) => kindOf(special).hasCohorts === true)
}

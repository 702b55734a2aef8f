/** Who computes which kind of metric. */
import type { Model, TableId } from '../model/model.ts'
import { conversion } from './conversion.ts'
import { cumulative } from './cumulative.ts'
import { dailyAverage } from './daily-average.ts'
import { calendar } from './every-period.ts'
import { funnel } from './funnel.ts'
import type { LegalDimension } from './illegal.ts'
import type { Kind } from './inquiry.ts'
import { lifecycle } from './lifecycle.ts'
import { askMetric, measuresOf, specialsOf } from './measure.ts'
import type { Expression, Special, SpecialNode } from './measure.ts'
import { offset } from './offset.ts'
import { retention } from './retention.ts'
import { stickiness } from './stickiness.ts'
import { total } from './total.ts'

type Kinds = {
  readonly [Name in SpecialNode['kind']]: Kind<Extract<SpecialNode, { readonly kind: Name }>>
}

const kinds: Kinds = {
  calendar,
  conversion,
  cumulative,
  daily_average: dailyAverage,
  funnel,
  lifecycle,
  offset,
  retention,
  stickiness,
  total,
}

export function kindOf({ node }: Special): Kind<SpecialNode> {
  // One table of several types: each node goes to the kind of its own name.
  return kinds[node.kind] as Kind<SpecialNode>
}

/** The activities and objects whose rows must have each dimension of the value. */
export function rootsOf(model: Model, expression: Expression): readonly TableId[] {
  const own = measuresOf(expression).map(({ rootId }) => rootId)
  const others = specialsOf(expression).flatMap((special) =>
    'of' in special.node
      ? rootsOf(model, special.node.of)
      : kindOf(special).roots!(model, special.node),
  )
  return [...new Set([...own, ...others])]
}

/** Those inside of others too. */
function allSpecials(expression: Expression): readonly Special[] {
  return specialsOf(expression).flatMap((special) =>
    'of' in special.node ? [special, ...allSpecials(special.node.of)] : [special],
  )
}

/** Dimensions that the value has beside those of rows: `step`, `cohort`, `age`. */
export function ownDimensions(model: Model, expression: Expression): readonly LegalDimension[] {
  return allSpecials(expression).flatMap(
    (special) => kindOf(special).dimensions?.(special.node, model) ?? [],
  )
}

/** Why the value does not go with a dimension that its rows or it itself have. */
export function refusalOf(model: Model, expression: Expression, text: string): string | undefined {
  return allSpecials(expression)
    .map((special) =>
      isUnmoved(model, special, text)
        ? `at another time there are other values of "${text}"`
        : kindOf(special).refuses?.(special.node, text, model),
    )
    .find((reason) => reason !== undefined)
}

/** A cohort is no grain that is moved with the time. */
function isUnmoved(model: Model, { node }: Special, text: string): boolean {
  return (
    node.kind === 'offset' &&
    ownDimensions(model, node.of).some(({ path, type }) => path === text && type.kind !== 'integer')
  )
}

export function hasCohorts(expression: Expression): boolean {
  const specials = specialsOf(expression)
  return specials.length > 0 && specials.every((special) => kindOf(special).hasCohorts === true)
}

/** The dimensions without which a metric has no value, beside those asked for: every question about it names them. */
export function neededDimensions(
  model: Model,
  metricName: string,
  by: readonly string[] = [],
): readonly string[] {
  const specials = allSpecials(askMetric(model, metricName).expression)
  return [
    ...new Set(specials.flatMap((special) => kindOf(special).needs?.(special.node, by) ?? [])),
  ]
}

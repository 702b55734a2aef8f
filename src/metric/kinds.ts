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
    .concat(leftOut(model, expression))
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
  return [...new Set(neededBy(model, askMetric(model, metricName).expression, by))]
}

/** A total asks what is inside by the dimensions that it keeps, too. */
function neededBy(model: Model, expression: Expression, by: readonly string[]): readonly string[] {
  return specialsOf(expression).flatMap((special) => {
    const { node } = special
    // A run of time asks for no period.
    if (node.kind === 'cumulative') return []
    const own = kindOf(special).needs?.(node, by, model)
    const inside = 'of' in node ? neededBy(model, node.of, by) : []
    const needed = [...(own === undefined ? [] : [own]), ...inside]
    if (node.kind !== 'total') return needed
    const kept = [...by, ...needed].filter((text) => node.by.includes(text))
    return [...needed, ...neededBy(model, node.of, kept)]
  })
}

/** Why a total in it has no value, whatever is asked. */
function leftOut(model: Model, expression: Expression): string | undefined {
  for (const { node } of specialsOf(expression)) {
    if (!('of' in node) || node.kind === 'cumulative') continue
    const [text] = node.kind === 'total' ? neededBy(model, node.of, node.by) : []
    if (text !== undefined)
      return `it is a total that leaves out ${text}, without which it has no value`
    const inside = leftOut(model, node.of)
    if (inside !== undefined) return inside
  }
  return undefined
}

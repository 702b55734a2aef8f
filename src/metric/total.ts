/** A metric over the groups of fewer dimensions, shown in every group: recomputed from rows, never added up. */
import { resolveDimension } from './dimension.ts'
import type { Kind, KindRequest, Part } from './inquiry.ts'
import { slugOf } from './inquiry.ts'
import type { InnerNode } from './measure.ts'
import { pathText } from '../plan/attach.ts'

type Total = Extract<InnerNode, { readonly kind: 'total' }>

export const total: Kind<Total> = { compile, isMovable: true }

function compile(request: KindRequest<Total>): Part {
  const { node, by, slugs, name, state, where, range, later, ask } = request
  const kept = by.filter((text) => node.by.some((other) => isSameDimension(request, text, other)))
  const values = [{ name: 'value', expression: node.of }]
  const asked = { values, where, range, later, isFilled: false }
  const each = ask({ ...asked, by })
  const whole = ask({ ...asked, by: kept })
  const same = kept.map((text) => `whole.${slugOf(text)} is not distinct from each.${slugOf(text)}`)
  const sql = `with each as (\n${each.sql}\n),
whole as (\n${whole.sql}\n)
select ${[...slugs.map((slug) => `each.${slug}`), `whole.value as ${state}`].join(', ')}
from each
left join whole on ${same.length === 0 ? 'true' : same.join(' and ')}`
  return {
    ctes: [`${name}_group as (\n${sql}\n)`],
    groups: `${name}_group`,
    dimensions: each.dimensions,
    states: [{ name: state, kind: 'value', type: whole.values[0]!.type }],
    reads: [...each.reads, ...whole.reads],
    sources: [...each.sources, ...whole.sources],
    rootId: request.rootIds[0]!,
  }
}

/** Whether two texts name one dimension: `product.brand` and, short, `brand`. */
export function isSameDimension(
  { model, rootIds }: Pick<KindRequest<Total>, 'model' | 'rootIds'>,
  left: string,
  right: string,
): boolean {
  if (left === right) return true
  const [one, other] = [left, right].map((text) => {
    const dimension = resolveDimension(model, rootIds[0]!, text)
    if (dimension === undefined) return undefined
    const { path, calendar, ownGrain, cuts, since, isAtPeriodEnd } = dimension
    return [
      pathText(path),
      calendar,
      ownGrain?.column.name,
      cuts !== undefined,
      since,
      isAtPeriodEnd,
    ].join(' ')
  })
  return one !== undefined && one === other
}

/** Only the greatest values of a dimension, and what is left as one more group. */
import { MaruError } from '../base/errors.ts'
import { suggest } from '../base/nearest.ts'
import { sqlType } from '../model/column-type.ts'
import { answerOf } from './answer.ts'
import type { Asking } from './answer.ts'
import { slugOf } from './inquiry.ts'
import type { Answer, Inquiry } from './inquiry.ts'
import { askMetric } from './measure.ts'
import type { Top } from './question.ts'
import { allOf, conjunctsOf } from './time-words.ts'

export interface TopGroups {
  readonly ctes: readonly string[]
  /** Whether a group of `each_group` is shown. */
  readonly condition: string
  /** A SELECT of the groups of what is left. */
  readonly others?: string
  readonly answers: readonly Answer[]
}

const rows = 'top__value'

export function topGroups(asking: Asking, top: Top, inquiry: Inquiry): TopGroups {
  const { dimension, count } = top
  const { by, where } = inquiry
  if (!by.includes(dimension)) {
    throw new MaruError(
      'METRIC_BAD_QUERY',
      `the top is of "${dimension}", which the question does not ask for`,
      {
        hint: suggest(dimension, by),
      },
    )
  }
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new MaruError('METRIC_BAD_QUERY', `the top ${String(count)} is not a count of values`, {
      hint: 'a whole number from 1',
    })
  }
  const isLeast = top.metric.startsWith('-')
  const { expression } = askMetric(asking.model, isLeast ? top.metric.slice(1) : top.metric)
  const ranked = answerOf(asking, {
    ...inquiry,
    values: [{ name: 'top__rank', expression }],
    by: [dimension],
    isFilled: false,
  })
  const slug = slugOf(dimension)
  const values = `${rows} as (
  select ${slug}
  from (
    select ${slug}, row_number() over (order by top__rank${isLeast ? '' : ' desc'} nulls last, ${slug} nulls last) as place
    from (
${ranked.sql}
    ) as ranked_value
  ) as placed
  where place <= ${count}
)`
  const shown = {
    condition: `exists (select 1 from ${rows} where ${rows}.${slug} is not distinct from each_group.${slug})`,
  }
  if (top.others !== true) return { ...shown, ctes: [values], answers: [ranked] }
  const isTop = { kind: 'among', path: { text: dimension }, rows, column: slug } as const
  const other = answerOf(asking, {
    ...inquiry,
    by: by.filter((text) => text !== dimension),
    where: allOf([...conjunctsOf(where), { kind: 'not', operand: isTop }]),
  })
  const { type } = ranked.dimensions[0]!
  const name = type.kind === 'text' ? `'others'` : `cast(null as ${sqlType(type)})`
  const items = [
    ...by.map((text) => (text === dimension ? `${name} as ${slug}` : slugOf(text))),
    ...inquiry.values.map((value) => value.name),
  ]
  return {
    ...shown,
    ctes: [values, `other_group as (\n${other.sql}\n)`],
    // Without other dimensions there is always a row.
    others: `select ${items.join(', ')} from other_group where exists (select 1 from each_group where not ${shown.condition})`,
    answers: [ranked, other],
  }
}

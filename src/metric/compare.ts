/** Comparison with the time before: three more values for each metric. */
import { MaruError } from '../base/errors.ts'
import { dayNumber } from '../base/time.ts'
import { isGrain, isOfInstants, periodStart } from './calendar.ts'
import type { DayRange } from './inquiry.ts'
import type { AskedMetric, Expression } from './measure.ts'
import type { Comparison } from './question.ts'

type Back = { readonly kind: 'back'; readonly count: number; readonly grain: string }

/** The metric, `sales__before`, `sales__change` and `sales__change_rate`. */
export function comparedWith(
  { name, expression }: AskedMetric,
  { compare, range }: { readonly compare: Comparison; readonly range: DayRange },
): readonly AskedMetric[] {
  const key = `${name}__before`
  const before: Expression = {
    kind: 'special',
    special: {
      key,
      node: {
        kind: 'offset',
        name,
        place: { file: 'question' },
        of: expression,
        offset: backOf(compare, range),
        isRangeMoved: true,
      },
    },
  }
  const change: Expression = { kind: 'binary', operator: '-', left: expression, right: before }
  const rate: Expression = { kind: 'binary', operator: '/', left: change, right: before }
  return [
    { name, expression },
    { name: key, expression: before },
    { name: `${name}__change`, expression: change },
    { name: `${name}__change_rate`, expression: rate },
  ]
}

function backOf(compare: Comparison, { from, to }: DayRange): Back {
  if (compare !== 'previous') {
    const match = /^([1-9]\d{0,4}) ([a-z]+?)s?$/.exec(compare)
    const grain = match?.[2] ?? ''
    if (isGrain(grain) && !isOfInstants(grain))
      return { kind: 'back', count: Number(match![1]), grain }
    throw new MaruError('METRIC_BAD_QUERY', `"${compare}" is no time to compare with`, {
      hint: 'write previous, or how long before: 1 year, 4 weeks, 28 days',
    })
  }
  if (from === undefined || to === undefined) {
    throw new MaruError('METRIC_BAD_QUERY', 'the period before a range without end is unknown', {
      hint: 'give from and to, or say how long before: 1 year',
    })
  }
  const isOfMonths = [from, to].every((day) => periodStart('month', day) === day)
  return isOfMonths
    ? { kind: 'back', count: monthOf(to) - monthOf(from), grain: 'month' }
    : { kind: 'back', count: dayNumber(to) - dayNumber(from), grain: 'day' }
}

function monthOf(day: string): number {
  return Number(day.slice(0, 4)) * 12 + Number(day.slice(5, 7))
}

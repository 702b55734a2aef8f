/**
 * A percentile, about: values lie in bins whose ends are each 2 % apart, so that the middle of a bin differs by at most 1 % from every value in it. A bin is known by its middle, and
 * of a group only the number of values in each bin is kept: of those between a millionth and a million there are 1,400, however many values there are.
 */
import type { Sketched } from './sketch.ts'

/** Of what is greatest in a bin to what is least. */
const ratio = 1.01 / 0.99

/** One row for each group and bin, as a subquery, with how many values are in the bin and below. Unknown values lie in a bin of their own, which holds none. */
export function binRows({ from, keys, value }: Sketched): string {
  const partition = keys.length === 0 ? '' : `partition by ${keys.join(', ')}`
  const items = [
    ...keys,
    'bin__middle',
    `sum(bin__values) over (${partition} order by bin__middle nulls first) as bin__upto`,
    `sum(bin__values) over (${partition}) as bin__all`,
  ]
  return `(
    select ${items.join(', ')}
    from (
      select ${[...keys, 'bin__middle', 'count(bin__middle) as bin__values'].join(', ')}
      from (
        select ${[...keys, `${middleSql(`cast(${value} as double)`)} as bin__middle`].join(', ')}
        from ${from}
      ) as placed_value
      group by ${[...keys, 'bin__middle'].join(', ')}
    ) as bin
  ) as bins`
}

function middleSql(value: string): string {
  const middle = `${2 / (ratio + 1)} * power(cast(${ratio} as double), ceil(ln(abs(${value})) / ${Math.log(ratio)}))`
  return `case when ${value} > 0 then ${middle} when ${value} < 0 then -(${middle}) when ${value} = 0 then 0 end`
}

/** Over the rows of one group's bins: the first in which, or below which, the fraction of values lies. */
export function percentileOfBins(fraction: string): string {
  const place = `greatest(1, ceil(${fraction} * bin__all))`
  return `min(case when bin__upto >= ${place} then bin__middle end)`
}

/**
 * Attributes by the hundred from one rule: 40 % have 2 values, 40 % have 20, 15 % 1,000 and 5 % 100,000; small numbers are more frequent, and a
 * tenth is unknown. A value is a function of the object's number and the attribute's, in SQL of the portable subset.
 */
import { boolean, integer, text } from 'maru'
import type { Column } from 'maru'

export interface Family {
  readonly columns: Readonly<Record<string, Column>>
  /** `expression as name` of each, by commas. */
  readonly select: string
}

/** `first` is the number of the first attribute: families with other numbers hold other values. */
export function family(
  prefix: string,
  count: number,
  source: { readonly first: number; readonly of: string },
): Family {
  const names = Array.from({ length: count }, (_, at) => ({
    name: `${prefix}_${String(at).padStart(3, '0')}`,
    number: source.first + at,
  }))
  return {
    columns: Object.fromEntries(names.map(({ name, number }) => [name, columnOf(number)])),
    select: names
      .map(({ name, number }) => `${valueOf(number, source.of)} as ${name}`)
      .join(',\n      '),
  }
}

function sizeOf(number: number): 2 | 20 | 1_000 | 100_000 {
  const place = number % 20
  if (place < 8) return 2
  if (place < 16) return 20
  return place < 19 ? 1_000 : 100_000
}

function columnOf(number: number): Column {
  const size = sizeOf(number)
  const says = `attribute ${number}, at most ${size} values`
  if (size === 2) return boolean(says)
  return size === 100_000 ? integer(says) : text(says)
}

function valueOf(number: number, of: string): string {
  const chance = (step: number): string => {
    const factor = 7_919 * (number * 2 + step) + 104_729
    return `(${of} * ${factor} + ${factor % 8_191}) % 999983`
  }
  const share = `(${chance(1)} / 999983.0)`
  const place = `cast(floor(${sizeOf(number)} * ${share} * ${share}) as bigint)`
  const value = {
    2: `${place} = 0`,
    20: `'kind ' || ${place}`,
    1_000: `'group ' || ${place}`,
    100_000: place,
  }[sizeOf(number)]
  return `case when ${chance(0)} >= 99998 then ${value} end`
}

/** Periods of a question's time: which there are in a range, which lies so much before another, and where seasons begin. */
import { grains as modelGrains } from '../../src/model/model.ts'
import { calendar } from './reference-row.ts'
import type { Context } from './reference-row.ts'
import type { Cell } from './rows.ts'

export const grains: readonly string[] = modelGrains
export const isTime = (text: string): boolean =>
  /^(second|minute|hour|day|week|month|quarter|year|season|\w+_of_\w+)$/.test(text)
export const isShort = (grain: string): boolean => ['second', 'minute', 'hour'].includes(grain)

export function unitOf(words: readonly string[], longest: string): string {
  const says = (unit: string, word: string): boolean => {
    const coarse =
      {
        hour_of_day: 'hour',
        week_of_year: 'week',
        month_of_year: 'month',
        quarter_of_year: 'quarter',
      }[word] ?? (word.includes('_of_') || word === 'season' ? 'day' : word)
    if (coarse === 'week') return unit === 'week' || grains.indexOf(unit) <= grains.indexOf('day')
    if (unit === 'week') return false
    return grains.indexOf(unit) <= grains.indexOf(coarse)
  }
  return grains
    .slice(0, grains.indexOf(longest) + 1)
    .toReversed()
    .find((unit) => words.every((word) => says(unit, word)))!
}

/** Periods of a grain, days as texts and hours as instants. */
export function periodsBetween(
  { model }: Context,
  unit: string,
  range: { readonly first: Cell; readonly last: Cell },
): readonly (string | bigint)[] {
  const { first, last } = range
  if (first === null || last === null) return []
  const found: (string | bigint)[] = []
  if (!isShort(unit)) {
    for (
      let day = Date.parse(first as string);
      day <= Date.parse(last as string);
      day += 86_400_000
    ) {
      const text = new Date(day).toISOString().slice(0, 10)
      if (calendar(unit, text, model.zone) === text) found.push(text)
    }
    return found
  }
  for (let at = first as bigint; at <= (last as bigint); at += 1_800_000_000n) {
    if (calendar(unit, at, model.zone) === at) found.push(at)
  }
  return found
}

/** The first and last period of the range, where it is open those given. */
export function endsOf(
  { model }: Context,
  {
    unit,
    question,
  }: { readonly unit: string; readonly question: { readonly from?: string; readonly to?: string } },
  open: readonly Cell[],
): { readonly first: Cell; readonly last: Cell } {
  const known = open
    .filter((cell) => cell !== null)
    .toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  const inside = (day: string, isEnd: boolean): Cell => {
    if (!isShort(unit)) return calendar(unit, day, model.zone)
    // Half hours of the local day, looked for around its name in UTC.
    const middle = BigInt(Date.parse(day)) * 1000n
    const own: bigint[] = []
    for (let at = middle - 86_400_000_000n; at < middle + 172_800_000_000n; at += 1_800_000_000n)
      if (calendar('day', at, model.zone) === day && calendar(unit, at, model.zone) === at)
        own.push(at)
    return isEnd ? own.at(-1)! : own[0]!
  }
  const { from, to } = question
  return {
    first: from === undefined ? (known[0] ?? null) : inside(from, false),
    last: to === undefined ? (known.at(-1) ?? null) : inside(dayBefore(to), true),
  }
}

function dayBefore(day: string): string {
  return new Date(Date.parse(day) - 86_400_000).toISOString().slice(0, 10)
}

/** Of a month that has no such day, the last. */
export function back(day: string, count: number, grain: string): string {
  const [year, month, date] = day.split('-').map(Number) as [number, number, number]
  if (grain === 'day' || grain === 'week')
    return new Date(Date.parse(day) - count * (grain === 'week' ? 7 : 1) * 86_400_000)
      .toISOString()
      .slice(0, 10)
  const months = count * { month: 1, quarter: 3, year: 12 }[grain as 'month']
  const first = new Date(Date.UTC(year, month - 1 - months, 1))
  const length = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0)).getUTCDate()
  return new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth(), Math.min(date, length)))
    .toISOString()
    .slice(0, 10)
}

/** The day with the same place in a later season, its last when it is shorter. */
export function seasonsLater({ dataset }: Context, day: string, count: number): string | null {
  const known = (dataset.get('obj.shop_day') ?? []).filter((row) => row['season'] !== null)
  const days = known.toSorted((a, b) => (a['date']! < b['date']! ? -1 : 1))
  const seasons = [...Map.groupBy(days, (row) => row['season']!)].map(([, rows]) => rows)
  const at = seasons.findIndex((rows) => rows.some((row) => row['date'] === day))
  const later = at === -1 ? undefined : seasons[at + count]
  if (later === undefined) return null
  const place = seasons[at]!.findIndex((row) => row['date'] === day)
  return later[Math.min(place, later.length - 1)]!['date'] as string
}

/** What a period is called by another word of time. */
export function wordAt(context: Context, word: string, period: string | bigint): Cell {
  const { dataset, model } = context
  if (word !== 'season') return calendar(word, period, model.zone)
  const day = calendar('day', period, model.zone)
  return (dataset.get('obj.shop_day') ?? []).find((row) => row['date'] === day)?.['season'] ?? null
}

/** The first day of the season in which a day lies. */
export function beginOfSeason({ dataset }: Context, day: string): string | null {
  const days = dataset.get('obj.shop_day') ?? []
  const season = days.find((row) => row['date'] === day)?.['season'] ?? null
  const same = days.filter((row) => season !== null && row['season'] === season)
  return same.map((row) => row['date'] as string).toSorted()[0] ?? null
}
export function firstHour(context: Context, day: string): bigint {
  return endsOf(context, { unit: 'hour', question: { from: day } }, []).first as bigint
}

export function mean(cells: readonly Cell[]): Cell {
  const known = cells.filter((cell) => cell !== null).map(Number)
  return known.length === 0 ? null : known.reduce((left, right) => left + right) / known.length
}

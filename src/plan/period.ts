/** Calendar periods by their first day: the partitions of what is stored for a whole period. Weeks start on Monday. */
import { addDays, dayNumber } from '../base/time.ts'
import type { Day } from '../base/time.ts'

export const periods = ['day', 'week', 'month', 'quarter', 'year'] as const

export type Period = (typeof periods)[number]

/** The first day of the period that holds the day. */
export function periodStart(period: Period, day: Day): Day {
  const month = Number(day.slice(5, 7))
  switch (period) {
    case 'day':
      return day
    case 'week':
      // 1970-01-01 was a Thursday.
      return addDays(day, -((((dayNumber(day) + 3) % 7) + 7) % 7))
    case 'month':
      return `${day.slice(0, 7)}-01`
    case 'quarter':
      return `${day.slice(0, 5)}${String(month - ((month - 1) % 3)).padStart(2, '0')}-01`
    case 'year':
      return `${day.slice(0, 4)}-01-01`
  }
}

const longestDays = { day: 1, week: 7, month: 31, quarter: 92, year: 366 } as const

/** The first day of the next period. */
export function nextPeriod(period: Period, day: Day): Day {
  const start = periodStart(period, day)
  // Some days further on is inside the next period, whose first day is asked for.
  return period === 'day' || period === 'week'
    ? addDays(start, longestDays[period])
    : periodStart(period, addDays(start, longestDays[period]))
}

/** Whether every period of the one lies inside one period of the other. */
export function isWithin(fine: Period, coarse: Period): boolean {
  if (fine === 'week' || coarse === 'week') return fine === coarse || fine === 'day'
  return periods.indexOf(fine) <= periods.indexOf(coarse)
}

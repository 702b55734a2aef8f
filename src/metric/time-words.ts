/** The words of a question that name the time of what is asked about, apart from its other dimensions; and conditions on them. */
import type { ColumnType, Model, TableId } from '../model/model.ts'
import type { AttributePath } from '../plan/attach.ts'
import { isWithin, periods } from '../plan/plan.ts'
import type { Period } from '../plan/plan.ts'
import { calendarSql, grains, isCalendarPart, isGrain, isOfInstants } from './calendar.ts'
import type { CalendarPart, Grain } from './calendar.ts'
import { bindCondition, conditionSql } from './condition.ts'
import { ownGrainSql, resolveDimension } from './dimension.ts'
import type { Dimension } from './dimension.ts'
import type { Condition } from './filter-language.ts'
import { illegalDimension } from './illegal.ts'
import type { GroupedBy } from './inquiry.ts'
import { ownGrain } from './model-index.ts'

/** Whether the text is a grain or part of the rows' own time. */
export function isTimeWord(model: Model, text: string): boolean {
  return isGrain(text) || isCalendarPart(text) || ownGrain(model, text) !== undefined
}

/** The longest periods that say all of the words; `day` for a week and a month. */
export function unitOf(words: readonly string[], longest: Grain = 'year'): Grain {
  const units = grains.slice(0, grains.indexOf(longest) + 1).toReversed()
  return units.find((unit) => words.every((word) => isSaidBy(unit, word)))!
}

/** Whether a period of the unit lies in one value of the word. */
export function isSaidBy(unit: Grain, word: string): boolean {
  const coarse = isGrain(word) ? word : isCalendarPart(word) ? partGrains[word] : 'day'
  if (isOfInstants(coarse))
    return isOfInstants(unit) && grains.indexOf(unit) <= grains.indexOf(coarse)
  return isOfInstants(unit) || isWithin(unit, coarse)
}

const partGrains: Readonly<Record<CalendarPart, Grain>> = {
  hour_of_day: 'hour',
  day_of_week: 'day',
  day_of_month: 'day',
  day_of_year: 'day',
  week_of_year: 'week',
  month_of_year: 'month',
  quarter_of_year: 'quarter',
}

/** The column of a period of the unit. */
export function unitType(unit: Grain): ColumnType {
  return { kind: isOfInstants(unit) ? 'timestamp' : 'date' }
}

/** The word's value for a period of the unit that says it. */
export function wordSql(
  model: Model,
  word: string,
  { unit, period }: { readonly unit: Grain; readonly period: string },
): string {
  if (word === unit) return period
  const type = unitType(unit)
  if (isGrain(word) || isCalendarPart(word)) return calendarSql(word, period, type)
  return ownGrainSql(
    ownGrain(model, word)!,
    type.kind === 'date' ? period : `cast(${period} as date)`,
  )
}

/** At most so many days are in a period. */
export function longestDays(grain: Grain): number {
  const days: Readonly<Record<Period, number>> = {
    day: 1,
    week: 7,
    month: 31,
    quarter: 92,
    year: 366,
  }
  return periods.some((period) => period === grain) ? days[grain as Period] : 1
}

/** What the groups are called by; `others` are the dimensions that are no time words, in order. */
export function groupedBy(
  request: {
    readonly model: Model
    readonly rootIds: readonly TableId[]
    readonly by: readonly string[]
  },
  others: readonly GroupedBy[],
): readonly GroupedBy[] {
  const left = [...others]
  return request.by.map((text) =>
    isTimeWord(request.model, text)
      ? resolveDimension(request.model, request.rootIds[0]!, text)!
      : left.shift()!,
  )
}

/** What must hold together. */
export function conjunctsOf(condition: Condition | undefined): readonly Condition[] {
  if (condition === undefined) return []
  return condition.kind === 'and' ? condition.operands.flatMap(conjunctsOf) : [condition]
}

export function allOf(conditions: readonly Condition[]): Condition | undefined {
  return conditions.length < 2 ? conditions[0] : { kind: 'and', operands: conditions }
}

/** What names nothing but times that a period of the unit says is of periods, what names none of these is of rows. */
export function partConditions(
  model: Model,
  where: Condition | undefined,
  unit: Grain,
): Readonly<Record<'ofPeriods' | 'ofRows' | 'ofBoth', readonly Condition[]>> {
  const {
    ofPeriods = [],
    ofRows = [],
    ofBoth = [],
  } = Object.groupBy(conjunctsOf(where), (condition) => {
    const isOfPeriod = namesIn(condition).map(
      (name) => isTimeWord(model, name) && isSaidBy(unit, name),
    )
    if (isOfPeriod.every(Boolean)) return 'ofPeriods'
    return isOfPeriod.some(Boolean) ? 'ofBoth' : 'ofRows'
  })
  return { ofPeriods, ofRows, ofBoth }
}

export function namesIn(condition: Condition): readonly string[] {
  switch (condition.kind) {
    case 'and':
    case 'or':
      return condition.operands.flatMap(namesIn)
    case 'not':
      return namesIn(condition.operand)
    case 'metric':
      return [condition.path]
    default:
      return [condition.path.text]
  }
}

/** The conditions over groups instead of rows: `columnOf` says what holds the value of a name. */
export function groupCondition(
  of: { readonly model: Model; readonly rootId: TableId; readonly metric: string },
  conditions: readonly Condition[],
  columnOf: (text: string) => string,
): readonly string[] {
  const columns = new Map<AttributePath, string>()
  return conditions.map((condition) => {
    const bound = bindCondition(condition, ({ text, offset }): Dimension => {
      const dimension = resolveDimension(of.model, of.rootId, text)
      if (dimension === undefined) throw illegalDimension(of.model, { ...of, text, offset })
      const path = { ...dimension.path }
      columns.set(path, columnOf(text))
      return { text, path, type: dimension.type, isOwnTime: false }
    })
    const sql = conditionSql(bound, (path) => columns.get(path)!)
    return bound.kind === 'or' ? `(${sql})` : sql
  })
}

/**
 * Where a leg's measures are answered from: stored indicators, else merged states, else the activities. A source is taken only when it is exact: what it keeps
 * decides every dimension and condition, its periods fit the question's, a distinct count has its values (or is of exactly one stored period), and nothing of
 * the range is stale. So a late event or a changed definition sends the question to the activities until the source is renewed.
 */
import type { Day } from '../../base/time.ts'
import { filledColumns } from '../../model/model.ts'
import type { TableId } from '../../model/model.ts'
import { pathText } from '../../plan/attach.ts'
import {
  isEmpty,
  isWithin,
  nextPeriod,
  periodStart,
  periods,
  splitByRange,
} from '../../plan/plan.ts'
import { attachRelated } from '../../plan/related.ts'
import type { Dirty, Period } from '../../plan/plan.ts'
import { isCalendarPart, isGrain, isOfInstants } from '../calendar.ts'
import { conditionDimensions } from '../condition.ts'
import { isValueItself } from '../dimension.ts'
import type { Dimension } from '../dimension.ts'
import { planLeg } from '../leg.ts'
import type { Leg, LegRequest } from '../leg.ts'
import type { Measure } from '../measure.ts'
import type { StoredFreshness } from '../question.ts'
import type { StoredMeasure } from './measures.ts'
import { storedTables } from './tables.ts'
import type { IndicatorTable, StateTable } from './tables.ts'

/** A table's rows of a range of days; without ends all of them. */
export interface Tile {
  readonly id: TableId
  readonly period: Period
  readonly from: Day | undefined
  readonly to: Day | undefined
}

export type StoredSource =
  | { readonly kind: 'states'; readonly table: StateTable; readonly tiles: readonly Tile[] }
  | {
      readonly kind: 'indicators'
      readonly table: IndicatorTable
      readonly tiles: readonly Tile[]
      /** The stored dimension; empty for the total. */
      readonly dimension: string
    }

export interface RoutedLeg extends Leg {
  /** Absent: its rows are those of the activity or object. */
  readonly source?: StoredSource
}

/** The leg as one leg for each source from which its measures are answered. */
export function routeLeg(request: LegRequest, freshness: StoredFreshness): readonly RoutedLeg[] {
  const whole = planLeg(request)
  // What is kept of a period is of rows at their own time.
  if (request.later !== undefined) return [whole]
  const bySource = new Map<string, { source: StoredSource | undefined; measures: Measure[] }>()
  for (const { measure } of whole.measures) {
    const source = sourceOf(whole, measure.metric, freshness)
    const key = JSON.stringify([source?.table.id, source?.tiles])
    const part = bySource.get(key) ?? { source, measures: [] }
    part.measures.push(measure)
    bySource.set(key, part)
  }
  return [...bySource.values()].map(({ source, measures }, at) => {
    const leg = planLeg({
      ...request,
      measures,
      name: at === 0 ? request.name : `${request.name}_${at + 1}`,
    })
    return source === undefined ? leg : { ...leg, source }
  })
}

/** undefined: from the activities. */
function sourceOf(leg: Leg, metric: string, freshness: StoredFreshness): StoredSource | undefined {
  if (freshness.size === 0) return undefined
  return indicatorSource(leg, metric, freshness) ?? stateSource(leg, metric, freshness)
}

function indicatorSource(
  leg: Leg,
  metric: string,
  freshness: StoredFreshness,
): StoredSource | undefined {
  const { from, to } = leg.range
  if (leg.where !== undefined || from === undefined || to === undefined) return undefined
  const tables = storedTables(leg.model).indicators.filter(
    ({ id, rootId }) => rootId === leg.rootId && freshness.has(id),
  )
  const others = leg.dimensions.filter((dimension) => !isOfDay(dimension))
  const [table] = tables
  const measure = table?.measures.find((each) => each.metric === metric)
  if (table === undefined || measure === undefined || others.length > 1) return undefined
  const dimension = others[0] === undefined ? '' : storedText(others[0])
  if (dimension === undefined || (dimension !== '' && !table.dimensions.has(dimension)))
    return undefined
  const fitting = tables.filter(({ period }) => fits(period, leg.dimensions))
  const tiles = tile({ from, to }, fitting, freshness)
  if (tiles === undefined || !isCounted(leg, measure, tiles)) return undefined
  return { kind: 'indicators', table, tiles, dimension }
}

/** Stored counts of different values may not be added up: every group is to lie in one stored period. */
function isCounted(leg: Leg, measure: StoredMeasure, tiles: readonly Tile[]): boolean {
  if (measure.entity === undefined) return true
  const [first, ...more] = tiles
  if (first === undefined) return false
  if (more.length === 0 && first.to === nextPeriod(first.period, first.from!)) return true
  const isOfOne = tiles.every(({ period }) => period === first.period)
  return isOfOne && leg.dimensions.some(({ text }) => text === first.period)
}

/** The name under which a dimension is stored, if it can be. */
function storedText(dimension: Dimension): string | undefined {
  return isValueItself(dimension) && !dimension.path.now && dimension.path.asOf === undefined
    ? pathText(dimension.path)
    : undefined
}

function stateSource(
  leg: Leg,
  metric: string,
  freshness: StoredFreshness,
): StoredSource | undefined {
  const dimensions = [
    ...leg.dimensions,
    ...(leg.where === undefined ? [] : conditionDimensions(leg.where)),
  ]
  // A state is of no day of its own.
  if (dimensions.some(({ since }) => since !== undefined)) return undefined
  const needed = attachRelated(
    leg.model,
    leg.rootId,
    dimensions.map(({ path }) => path),
  ).rootColumns
  const tables = storedTables(leg.model).states.filter(({ id, rootId }) => {
    return rootId === leg.rootId && freshness.has(id)
  })
  for (const table of tables) {
    const measure = table.measures.find((each) => each.metric === metric)
    const isKept = [...needed].every(
      (column) => column === filledColumns.day || table.kept.includes(column),
    )
    if (measure === undefined || !isKept) continue
    const same = tables.filter(({ reference, entity, period }) => {
      return reference === table.reference && entity === table.entity && fits(period, dimensions)
    })
    const tiles = tile(leg.range, same, freshness)
    if (tiles !== undefined) return { kind: 'states', table, tiles }
  }
  return undefined
}

function isOfDay({ path }: Dimension): boolean {
  return path.references.length === 0 && path.column.name === filledColumns.day
}

/** Whether no period is cut by what the dimensions ask of the day. */
function fits(period: Period, dimensions: readonly Dimension[]): boolean {
  return dimensions.every((dimension) => {
    if (!isOfDay(dimension)) return true
    const word = dimension.calendar ?? 'day'
    if (isCalendarPart(word) || !isGrain(word) || isOfInstants(word)) return period === 'day'
    return isWithin(period, word)
  })
}

type Kept = { readonly id: TableId; readonly period: Period }

/** The range cut into stored periods, the longest that fit in the middle; undefined when something of it is not stored or stale. */
function tile(
  range: { readonly from?: Day | undefined; readonly to?: Day | undefined },
  tables: readonly Kept[],
  freshness: StoredFreshness,
): readonly Tile[] | undefined {
  const byLength = tables.toSorted(
    (left, right) => periods.indexOf(right.period) - periods.indexOf(left.period),
  )
  const { from, to } = range
  if (from === undefined || to === undefined)
    return openTile(from, to, { tables: byLength, freshness })
  if (from >= to) return []
  for (const [at, { id, period }] of byLength.entries()) {
    const inside = periodStart(period, from)
    const first = inside === from ? from : nextPeriod(period, from)
    const last = periodStart(period, to)
    if (first >= last || !isFresh(freshness.get(id)!, { from: first, to: last })) continue
    const finer = byLength.slice(at + 1)
    const before = tile({ from, to: first }, finer, freshness)
    const after = tile({ from: last, to }, finer, freshness)
    if (before === undefined || after === undefined) continue
    return [...before, { id, period, from: first, to: last }, ...after]
  }
  return undefined
}

function openTile(
  from: Day | undefined,
  to: Day | undefined,
  { tables, freshness }: { readonly tables: readonly Kept[]; readonly freshness: StoredFreshness },
): readonly Tile[] | undefined {
  const found = tables.find(({ id, period }) => {
    const isWhole = [from, to].every((day) => day === undefined || periodStart(period, day) === day)
    return isWhole && isFresh(freshness.get(id)!, { from, to })
  })
  return found && [{ ...found, from, to }]
}

function isFresh(
  dirty: Dirty,
  range: { readonly from: Day | undefined; readonly to: Day | undefined },
): boolean {
  return isEmpty(splitByRange(dirty, range).inside)
}

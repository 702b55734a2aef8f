/** A metric at another time: each period of the calendar shows the value of the period in whose place it stands. */
import { assert, MaruError } from '../base/errors.ts'
import { addDays } from '../base/time.ts'
import type { Day } from '../base/time.ts'
import type { Model } from '../model/model.ts'
import { calendarSql, dayBack, isGrain, isOfInstants, periodStep } from './calendar.ts'
import type { Grain } from './calendar.ts'
import { daysLaterSql } from './dimension.ts'
import type { Condition } from './filter-language.ts'
import type { Answer, DayRange, GroupedBy, Kind, KindRequest, Later, Part } from './inquiry.ts'
import { unanswered } from './measure.ts'
import type { InnerNode } from './measure.ts'
import { calendarsOf, ownGrain } from './model-index.ts'
import { seriesCtes } from './series.ts'
import {
  allOf,
  groupCondition,
  groupedBy,
  isSaidBy,
  isTimeWord,
  longestDays,
  namesIn,
  partConditions,
  unitOf,
  unitType,
  wordSql,
} from './time-words.ts'

type Offset = Extract<InnerNode, { readonly kind: 'offset' }>

export const offset: Kind<Offset> = {
  isMovable: true,
  compile: (request) => {
    if (request.node.isRangeMoved === true)
      return request.by.some(isGrain) ? compile(request) : withoutPeriods(request)
    const later = laterOf(request)
    if (later !== undefined) return movedRows(request, later)
    if (request.later === undefined) return compile(request)
    throw unanswered(request.node, 'at another time by other periods, the start of a period')
  },
  needs: (node, by, model) => {
    const words = by.filter((text) => isTimeWord(model, text))
    if (laterOf({ model, node, by }) !== undefined) return undefined
    if (words.length === 0) return node.offset.kind === 'back' ? node.offset.grain : 'day'
    const unit = unitOf(words)
    return words.includes(unit) ? undefined : unit
  },
  refuses: ({ offset: { kind, grain } }, text, model) => {
    if (isGrain(grain)) return undefined
    if (kind === 'to_start') return `the start of a ${grain} is not looked at yet`
    return isTimeWord(model, text) && isOfInstants(unitOf([text]))
      ? `another ${grain} is of days`
      : undefined
  },
}

/**
 * How much later rows show, where no period asked for can stand in the place of another: none is asked for, it does not lie in one of the offset's periods, or these are of the
 * project's own calendar, whose days have a place in their period.
 */
function laterOf({
  model,
  node,
  by,
  later,
}: Pick<KindRequest<Offset>, 'model' | 'node' | 'by' | 'later'>): Later | undefined {
  const { offset: shift } = node
  const words = by.filter((text) => isTimeWord(model, text))
  const unit = unitOf(words)
  if (shift.kind !== 'back' || isOfInstants(unit)) return undefined
  const { grain } = shift
  if (isOfInstants(grain)) return undefined
  const stands = isGrain(grain) && words.includes(unit) && isSaidBy(unit, grain)
  if (later !== undefined) return laterStill(daysLater(model, shift), later)
  return stands ? undefined : daysLater(model, shift)
}

/** What shows later of what shows later. */
function laterStill(inner: Later, outer: Later): Later {
  const within = (sql: string, moment: string): string => sql.replaceAll('moment', moment)
  const [first, next] = [outer.earliest, inner.earliest]
  return {
    day: within(outer.day, inner.day),
    back: within(inner.back, outer.back),
    ...(first === undefined || next === undefined
      ? {}
      : { earliest: (day: Day): Day => next(first(day)) }),
  }
}

/** By periods of days, of the project's own calendar or of every one. */
export function daysLater(
  model: Model,
  { count, grain }: Extract<Offset['offset'], { readonly kind: 'back' }>,
): Later {
  const own = ownGrain(model, grain)
  if (own !== undefined) return { day: daysLaterSql(own, count), back: daysLaterSql(own, -count) }
  assert(isGrain(grain) && !isOfInstants(grain), `${grain} is of days`)
  return {
    day: `cast(moment + ${periodStep(grain)} * ${count} as date)`,
    back: `cast(moment - ${periodStep(grain)} * ${count} as date)`,
    earliest: (day) => dayBack(addDays(day, -3), count, grain),
  }
}

/** The rows of the other time, in the periods in which they show. */
function movedRows(request: KindRequest<Offset>, later: Later): Part {
  const { node, by, name, state, where, range, ask } = request
  const values = [{ name: state, expression: node.of }]
  const inner = ask({ values, by, where, range, isFilled: false, later })
  const { sql, dimensions } = inner
  const part = partOf(request, { inner, sql, dimensions, name: `${name}_group` })
  const calendars = calendarsOf(request.model, [node.offset.grain])
  return { ...part, reads: [...part.reads, ...calendars.map((table) => ({ table, filters: [] }))] }
}

/** The groups of the other time as they are. */
function withoutPeriods(request: KindRequest<Offset>): Part {
  const { node, by, name, state, where, ask } = request
  const values = [{ name: state, expression: node.of }]
  const inner = ask({ values, by, where, range: movedRange(request), isFilled: false })
  return partOf(request, {
    inner,
    sql: inner.sql,
    dimensions: inner.dimensions,
    name: `${name}_group`,
  })
}

interface Shifted {
  readonly inner: Answer
  readonly sql: string
  readonly dimensions: readonly GroupedBy[]
  readonly name: string
}

function partOf(
  { state, rootIds }: KindRequest<Offset>,
  { inner, sql, dimensions, name }: Shifted,
): Part {
  return {
    ctes: [`${name} as (\n${sql}\n)`],
    groups: name,
    dimensions,
    states: [{ name: state, kind: 'value', type: inner.values[0]!.type }],
    reads: inner.reads,
    sources: inner.sources,
    rootId: rootIds[0]!,
  }
}

function compile(request: KindRequest<Offset>): Part {
  const { model, node, by, slugs, name, range, state, ask } = request
  const unit = unitIn(request)
  const { ofRows, ofPeriods } = conditionsOf(request, unit)
  const others = by.filter((text) => !isTimeWord(model, text))
  const inner = ask({
    values: [{ name: 'value', expression: node.of }],
    by: [...others, unit],
    where: allOf(ofRows),
    range: node.isRangeMoved === true ? movedRange(request) : sourceRange(request, unit),
    isFilled: false,
  })
  const scope = { model, rootId: request.rootIds[0]!, metric: node.name }
  const where = groupCondition(scope, ofPeriods, (text) =>
    wordSql(model, text, { unit, period: 'period.period' }),
  )
  const items = by.map((text, at) =>
    isTimeWord(model, text)
      ? `${wordSql(model, text, { unit, period: 'period.period' })} as ${slugs[at]!}`
      : `source.${slugs[at]!}`,
  )
  const open = { ...openEnds(request, unit), from: 'source' }
  const ctes = [
    `source as (\n${inner.sql}\n)`,
    ...seriesCtes({ prefix: '', column: 'period', grain: unit, range, open }),
  ]
  const sql = `with ${ctes.join(',\n')}
select ${[...items, `source.value as ${state}`].join(', ')}
from period
join source on source.${unit} = ${sourceOf(request, unit)}${where.length === 0 ? '' : `\nwhere ${where.join('\n  and ')}`}`
  const dimensions = groupedBy(
    request,
    inner.dimensions.filter(({ text }) => !isTimeWord(model, text)),
  )
  return partOf(request, { inner, sql, dimensions, name: `${name}_group` })
}

/** The question's shortest grain, which must say its other words of time. */
function unitIn({ model, node, by }: KindRequest<Offset>): Grain {
  const words = by.filter((text) => isTimeWord(model, text))
  const unit = unitOf(words)
  if (words.some((word) => word === unit)) return unit
  throw new MaruError(
    'METRIC_ILLEGAL',
    words.some(isGrain)
      ? `"${node.name}" looks at another time, which ${words.join(' and ')} do not name together`
      : `"${node.name}" looks at another time, so that the question needs a grain: day, week, month …`,
    {
      hint: words.some(isGrain) ? `add ${unit}` : 'add one to the dimensions',
    },
  )
}

/** What names times only is said of the period that shows the value, all else of the rows. */
function conditionsOf(
  { model, node, where }: KindRequest<Offset>,
  unit: Grain,
): Pick<ReturnType<typeof partConditions>, 'ofPeriods' | 'ofRows'> {
  const { ofPeriods, ofRows, ofBoth } = partConditions(model, where, unit)
  const isTimed = (condition: Condition): boolean =>
    namesIn(condition).some((name) => isTimeWord(model, name))
  const [refused] = [...ofBoth, ...ofRows.filter(isTimed)]
  if (refused === undefined) return { ofPeriods, ofRows }
  throw new MaruError(
    'METRIC_ILLEGAL',
    `"${node.name}" looks at another time by ${unit}, and the condition on ${namesIn(refused).join(', ')} says something else of time`,
    {
      hint: `join conditions on time to the others by "and", and name no time shorter than ${unit}`,
    },
  )
}

/** The period in whose place another one shows. */
function sourceOf({ node }: KindRequest<Offset>, unit: Grain): string {
  const type = unitType(unit)
  const { kind, grain } = node.offset
  if (!isGrain(grain)) throw unanswered(node, `the grain ${grain}`)
  if (kind === 'to_start') {
    const start = calendarSql(grain, 'period.period', type)
    if (!isOfInstants(unit)) return calendarSql(unit, start, { kind: 'date' })
    return isOfInstants(grain) ? start : `cast(${start} as timestamp with time zone)`
  }
  const back = `period.period - ${periodStep(grain)} * ${node.offset.count}`
  return isOfInstants(unit)
    ? calendarSql(unit, back, type)
    : calendarSql(unit, `cast(${back} as date)`, type)
}

/** Days that hold every period that is looked at, whole. */
function sourceRange({ node, range }: KindRequest<Offset>, unit: Grain): DayRange {
  const { from, to } = range
  const { offset: by } = node
  const unitDays = longestDays(unit)
  const back =
    by.kind === 'back'
      ? by.count * longestDays(by.grain as Grain) + unitDays
      : longestDays(by.grain as Grain) + unitDays
  return {
    ...(from === undefined || back > 100_000 ? {} : { from: addDays(from, -back - unitDays) }),
    ...(to === undefined ? {} : { to: addDays(to, unitDays) }),
  }
}

/** The question's range at the other time; the end of a longer month is not cut off. */
function movedRange({ node, range }: KindRequest<Offset>): DayRange {
  const { offset: by } = node
  assert(by.kind === 'back' && isGrain(by.grain), 'a range is moved back')
  const { count, grain } = by
  const back = (day: Day): Day => dayBack(day, count, grain)
  const { from, to } = range
  const ends = to === undefined ? [] : [back(to), addDays(back(addDays(to, -1)), 1)].toSorted()
  return {
    ...(from === undefined ? {} : { from: back(from) }),
    ...(ends[1] === undefined ? {} : { to: ends[1] }),
  }
}

/** The first and last period that may show something, where the range is open. */
function openEnds(
  { node }: KindRequest<Offset>,
  unit: Grain,
): { readonly first: string; readonly last: string } {
  const { offset: by } = node
  const steps = `${periodStep(by.grain as Grain)} * ${by.kind === 'back' ? by.count : 1}`
  // Three days more: a month may be so much shorter than the one before.
  const last = `max(${unit}) + ${steps} + ${periodStep(unit)} + interval '3' day`
  return { first: `min(${unit})`, last: isOfInstants(unit) ? last : `cast(${last} as date)` }
}

/** A question becomes one SELECT: its legs, their union, the periods that are filled in, and the finished values. */
import { MaruError } from '../base/errors.ts'
import { suggest } from '../base/nearest.ts'
import { parseDay } from '../base/time.ts'
import type { ScanFilter } from '../lake/lake.ts'
import type { Model } from '../model/model.ts'
import { parseFilter } from './filter-language.ts'
import { filledCtes } from './fill.ts'
import { legSql, unionArm } from './leg.ts'
import type { Leg, LegSql } from './leg.ts'
import { askMetric, measuresOf, valueOf } from './measure.ts'
import type { AskedMetric, Measure, State } from './measure.ts'
import { lastName } from './model-index.ts'
import type { CompiledQuestion, MetricQuestion } from './question.ts'
import { routeLeg } from './states/route.ts'
import type { RoutedLeg, StoredFreshness } from './states/route.ts'
import { storedLegSql } from './states/stored-leg.ts'

const nothingStored: StoredFreshness = new Map()

/** Throws METRIC_ILLEGAL for a pair that does not go together, METRIC_BAD_QUERY or MODEL_UNKNOWN_METRIC for what cannot be understood. */
export function compileQuestion(
  model: Model,
  question: MetricQuestion,
  freshness: StoredFreshness = nothingStored,
): CompiledQuestion {
  checkShape(question)
  const metrics = question.metrics.map((name) => askMetric(model, name))
  const by = question.by ?? []
  refuseRepeated(by)
  refuseRepeated(metrics.map((metric) => metric.name))
  refuseSharedName(by, metrics)
  const legs = planLegs(model, question, { metrics, freshness })
  const slugs = by.map(slugOf)
  const parts = legs.map((leg) =>
    leg.source === undefined ? legSql(leg, slugs) : storedLegSql(leg, leg.source, slugs),
  )
  const joined = joinLegs({ question, legs, parts, slugs })
  const byMetric = new Map(
    legs.flatMap((leg) =>
      leg.measures.map(({ measure, states }) => [measure.metric, states] as const),
    ),
  )
  const finaliser = {
    statesOf: (measure: Measure): readonly State[] => byMetric.get(measure.metric)!,
    isFilled: question.fill === true,
    isJoined: legs.length > 1 || joined.isFilledIn,
  }
  const values = metrics.map((metric) => ({
    name: metric.name,
    ...valueOf(metric.expression, finaliser),
  }))
  const selected = [
    ...by.map((text, at) => aliased(slugs[at]!, text)),
    ...values.map((value) => aliased(value.sql, value.name)),
  ]
  const lines = [
    'select',
    `  ${selected.join(',\n  ')}`,
    `from ${joined.groups}`,
    ...tailLines(question, metrics, slugs),
  ]
  return {
    sql: `with ${joined.ctes.join(',\n')}\n${lines.join('\n')}`,
    reads: mergeReads(parts.flatMap((part) => part.reads)),
    sources: legs.map(({ source, rootId, measures }) => ({
      kind: source?.kind ?? 'activities',
      tables: source?.tiles.map(({ id }) => id) ?? [rootId],
      metrics: measures.map(({ measure }) => measure.metric),
    })),
    columns: [
      ...by.map((text, at) => ({
        name: text,
        type: legs[0]!.dimensions[at]!.type,
        kind: 'dimension' as const,
      })),
      ...values.map(({ name, type }) => ({ name, type, kind: 'metric' as const })),
    ],
  }
}

/** `member__country`: what a dimension is called inside of the statement. Ends that measures use are told apart by one more. */
function slugOf(text: string): string {
  const slug = text.replaceAll('.', '__').replace('@', '__')
  const isTaken =
    /^(value|is)__|__(sum|count|min|max|distinct|by)$/.test(slug) ||
    (slug.endsWith('__now') && !text.endsWith('@now'))
  return isTaken ? `${slug}__by` : slug
}

const unansweredParts = ['of', 'having', 'compare', 'totals', 'top'] as const

function checkShape(question: MetricQuestion): void {
  const part = unansweredParts.find((name) => question[name] !== undefined)
  if (part !== undefined) {
    throw new MaruError('METRIC_ILLEGAL', `\`${part}\` of a question is not answered yet`, {
      hint: 'leave it out',
    })
  }
  if (question.metrics.length === 0)
    throw badQuestion('the question names no metric', 'name at least one; maru list shows them')
  const { from, to, limit } = question
  for (const day of [from, to]) if (day !== undefined) parseDay(day)
  if (from !== undefined && to !== undefined && from >= to) {
    throw badQuestion(
      `the range from ${from} to ${to} holds no day`,
      '"to" is the day after the last',
    )
  }
  if (limit !== undefined && (!Number.isSafeInteger(limit) || limit < 0)) {
    throw badQuestion(
      `the limit ${String(limit)} is not a count of rows`,
      'a limit is a whole number from 0',
    )
  }
}

function refuseRepeated(names: readonly string[]): void {
  const repeated = names.find((name, at) => names.indexOf(name) !== at)
  if (repeated !== undefined)
    throw badQuestion(`"${repeated}" is asked for twice`, 'name each metric and dimension once')
}

/** Columns of the answer are known by name. The dimension has a longer one, with the activity's name before it. */
function refuseSharedName(by: readonly string[], metrics: readonly AskedMetric[]): void {
  const metric = metrics.find(({ name }) => by.includes(name))
  if (metric === undefined) return
  const [measure] = measuresOf(metric.expression)
  const longer = `${lastName(measure?.rootId ?? 'activity')}.${metric.name}`
  throw badQuestion(
    `"${metric.name}" names both a metric and a dimension of the question`,
    `write the dimension as ${longer}`,
  )
}

function badQuestion(message: string, hint: string): MaruError {
  return new MaruError('METRIC_BAD_QUERY', message, { hint })
}

function planLegs(
  model: Model,
  question: MetricQuestion,
  asked: { readonly metrics: readonly AskedMetric[]; readonly freshness: StoredFreshness },
): readonly RoutedLeg[] {
  const where =
    question.where === undefined || question.where.trim() === ''
      ? undefined
      : parseFilter(question.where)
  const range = {
    ...(question.from === undefined ? {} : { from: question.from }),
    ...(question.to === undefined ? {} : { to: question.to }),
  }
  const byRoot = new Map<string, Map<string, Measure>>()
  for (const measure of asked.metrics.flatMap((metric) => measuresOf(metric.expression))) {
    const measures = byRoot.get(measure.rootId) ?? new Map<string, Measure>()
    byRoot.set(measure.rootId, measures.set(measure.metric, measure))
  }
  if (byRoot.size === 0)
    throw badQuestion('the metrics read no table', 'a formula needs at least one metric in it')
  const lastNames = [...byRoot.keys()].map((rootId) => lastName(rootId))
  const legs = [...byRoot].flatMap(([rootId, measures], at) => {
    const isAlone = lastNames.filter((name) => name === lastNames[at]).length === 1
    const name = isAlone ? lastNames[at]! : rootId.replaceAll('.', '_')
    const request = {
      model,
      rootId,
      name,
      measures: [...measures.values()],
      by: question.by ?? [],
      where,
      range,
      compile: compileQuestion,
    }
    return routeLeg(request, asked.freshness)
  })
  refuseMixedTypes(legs)
  return legs
}

function refuseMixedTypes(legs: readonly Leg[]): void {
  const [first, ...others] = legs
  for (const [at, dimension] of first!.dimensions.entries()) {
    const other = others.find((leg) => leg.dimensions[at]!.type.kind !== dimension.type.kind)
    if (other === undefined) continue
    throw new MaruError(
      'METRIC_ILLEGAL',
      `"${dimension.text}" is ${dimension.type.kind} for ${first!.rootId} but ${other.dimensions[at]!.type.kind} for ${other.rootId}`,
      { hint: 'ask for the metrics apart, or name a dimension that both share' },
    )
  }
}

interface Joining {
  readonly question: MetricQuestion
  readonly legs: readonly Leg[]
  readonly parts: readonly LegSql[]
  readonly slugs: readonly string[]
}

interface Joined {
  readonly ctes: readonly string[]
  /** The CTE with one row per group. */
  readonly groups: string
  readonly isFilledIn: boolean
}

/** Groups of all legs one under the other, then one row for each: a null-safe full join in the SQL of every engine. */
function joinLegs({ question, legs, parts, slugs }: Joining): Joined {
  const ctes = parts.flatMap((part) => part.ctes)
  const time = question.fill === true ? filledDimension(legs[0]!) : undefined
  if (legs.length === 1 && time === undefined)
    return { ctes, groups: parts[0]!.groups, isFilledIn: false }
  const states = legs.flatMap(statesOfLeg)
  const arms = legs.map((leg, at) =>
    unionArm({ groups: parts[at]!.groups, states: statesOfLeg(leg) }, slugs, states),
  )
  ctes.push(`every_group as (\n${arms.join('\n  union all\n')}\n)`)
  let groups = 'every_group'
  if (time !== undefined) {
    ctes.push(
      ...filledCtes({
        dimension: legs[0]!.dimensions[time]!,
        at: time,
        slugs,
        states,
        range: legs[0]!.range,
      }),
    )
    groups = 'every_group_and_period'
  }
  const merged = [...slugs, ...states.map((state) => `max(${state.name}) as ${state.name}`)]
  const groupBy = slugs.length === 0 ? '' : `\n  group by ${slugs.join(', ')}`
  ctes.push(`one_group as (\n  select ${merged.join(', ')}\n  from ${groups}${groupBy}\n)`)
  return { ctes, groups: 'one_group', isFilledIn: time !== undefined }
}

function statesOfLeg(leg: Leg): readonly State[] {
  return leg.measures.flatMap((measure) => measure.states)
}

/** Which dimension holds the periods to fill; without a time grain there are no periods, and only sums become 0. */
function filledDimension(leg: Leg): number | undefined {
  const own = leg.dimensions.flatMap((dimension, at) => (dimension.isOwnTime ? [at] : []))
  if (own.length > 1) {
    const names = own.map((at) => leg.dimensions[at]!.text).join(' and ')
    throw badQuestion(`fill cannot fill ${names} at once`, 'keep one of the time grains')
  }
  return own[0]
}

function tailLines(
  question: MetricQuestion,
  metrics: readonly AskedMetric[],
  slugs: readonly string[],
): readonly string[] {
  const by = question.by ?? []
  const asked = (question.order ?? []).map((item) => orderItem(item, by, metrics))
  refuseRepeated(asked.map(({ name }) => name))
  // Dimensions last, so that equal values still have one order and a limit one answer.
  const rest = by
    .filter((text) => !asked.some(({ name }) => name === text))
    .map((name) => ({ name, isDescending: false }))
  const order = [...asked, ...rest].map(({ name, isDescending }) => {
    return `${quoted(name)}${isDescending ? ' desc' : ''} nulls last`
  })
  const lines: string[] = []
  if (slugs.length > 0 && order.length > 0) lines.push(`order by ${order.join(', ')}`)
  if (question.limit !== undefined) lines.push(`limit ${question.limit}`)
  return lines
}

function orderItem(
  item: string,
  by: readonly string[],
  metrics: readonly AskedMetric[],
): { readonly name: string; readonly isDescending: boolean } {
  const isDescending = item.startsWith('-')
  const text = isDescending ? item.slice(1) : item
  const names = [...by, ...metrics.map((metric) => metric.name)]
  const name = names.find((candidate) => candidate === text || `metric.${candidate}` === text)
  if (name === undefined)
    throw badQuestion(
      `the order names "${text}", which the question does not ask for`,
      suggest(text, names),
    )
  return { name, isDescending }
}

function aliased(sql: string, name: string): string {
  return sql === name ? sql : `${sql} as ${quoted(name)}`
}

function quoted(name: string): string {
  return /^[a-z][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`
}

/** A table that is read twice must hold the rows that either reading needs. */
function mergeReads(
  reads: readonly { readonly table: string; readonly filters: readonly ScanFilter[] }[],
): CompiledQuestion['reads'] {
  const merged = new Map<string, readonly ScanFilter[]>()
  for (const { table, filters } of reads) merged.set(table, merged.has(table) ? [] : filters)
  return [...merged].map(([table, filters]) => ({ table, filters }))
}

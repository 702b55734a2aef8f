/** An inquiry becomes parts, their union, the periods that are filled in, and the finished values. */
import { MaruError } from '../base/errors.ts'
import type { ScanFilter } from '../lake/lake.ts'
import type { Model } from '../model/model.ts'
import { filledCtes } from './fill.ts'
import { slugOf } from './inquiry.ts'
import type { Answer, GroupedBy, Inquiry, Part } from './inquiry.ts'
import { kindOf } from './kinds.ts'
import { legSql } from './leg-sql.ts'
import { askMetric, measuresOf, specialsOf, valueOf } from './measure.ts'
import type { Measure, Special, State, Value } from './measure.ts'
import { mergedGroups } from './merge.ts'
import type { Merge } from './merge.ts'
import type { CompileMetric } from './metric-condition.ts'
import { lastName } from './model-index.ts'
import type { CompiledQuestion, StoredFreshness } from './question.ts'
import { routeLeg } from './states/route.ts'
import { storedLegSql } from './states/stored-leg.ts'

/** Groups of an inquiry before they are selected: the values are expressions over the columns of `groups`. */
export interface Block {
  readonly ctes: readonly string[]
  /** The CTE with one row per group, columns by slug. */
  readonly groups: string
  readonly slugs: readonly string[]
  readonly dimensions: readonly GroupedBy[]
  readonly values: readonly (Value & { readonly name: string })[]
  readonly reads: CompiledQuestion['reads']
  readonly sources: CompiledQuestion['sources']
}

export interface Asking {
  readonly model: Model
  readonly freshness: StoredFreshness
}

export function blockOf(asking: Asking, inquiry: Inquiry): Block {
  const slugs = inquiry.by.map(slugOf)
  const parts = partsOf(asking, inquiry, slugs)
  const [first] = parts
  if (first === undefined) {
    throw new MaruError('METRIC_BAD_QUERY', 'the metrics read no table', {
      hint: 'a formula needs at least one metric in it',
    })
  }
  refuseMixedTypes(parts)
  const joined = joinParts(inquiry, parts, slugs)
  const states = parts.flatMap((part) => part.states)
  const finaliser = {
    statesOf: ({ metric }: Measure): readonly State[] =>
      states.filter(({ name }) => name.slice(0, name.lastIndexOf('__')) === metric),
    valueOf: (special: Special): Value => specialValue(special, states),
    isFilled: inquiry.isFilled,
    isJoined: parts.length > 1 || joined.isFilledIn,
  }
  return {
    ctes: joined.ctes,
    groups: joined.groups,
    slugs,
    dimensions: first.dimensions,
    values: inquiry.values.map(({ name, expression }) => ({
      ...valueOf(expression, finaliser),
      name,
    })),
    reads: mergeReads(parts.flatMap((part) => part.reads)),
    sources: parts.flatMap((part) => part.sources),
  }
}

export function answerOf(asking: Asking, inquiry: Inquiry): Answer {
  const { ctes, groups, slugs, dimensions, values, reads, sources } = blockOf(asking, inquiry)
  const selected = [...slugs, ...values.map(({ sql, name }) => `${sql} as ${name}`)]
  return {
    sql: `with ${ctes.join(',\n')}\nselect ${selected.join(', ')}\nfrom ${groups}`,
    dimensions,
    values,
    reads,
    sources,
  }
}

function specialValue(special: Special, states: readonly State[]): Value {
  const { name, type } = states.find((state) => state.name === stateOf(special))!
  const isCount = kindOf(special).isCount?.(special.node) === true
  return { sql: isCount ? `coalesce(${name}, 0)` : name, type }
}

function stateOf(special: Special): string {
  return `${special.key}__value`
}

function partsOf(asking: Asking, inquiry: Inquiry, slugs: readonly string[]): readonly Part[] {
  const { where, range, by } = inquiry
  const { model } = asking
  const specials = new Map(
    inquiry.values
      .flatMap(({ expression }) => specialsOf(expression))
      .map((special) => [special.key, special]),
  )
  const others = [...specials.values()].map((special) =>
    kindOf(special).compile({
      model,
      node: special.node,
      name: special.key,
      state: stateOf(special),
      by,
      slugs,
      where,
      range,
      ask: (inner) => answerOf(asking, inner),
    }),
  )
  return [...legParts(asking, inquiry, slugs), ...others]
}

/** One part for the rows of each activity or object, and for each place from which they are answered. */
function legParts(asking: Asking, inquiry: Inquiry, slugs: readonly string[]): readonly Part[] {
  const { model, freshness } = asking
  const { where, range, by } = inquiry
  const byRoot = new Map<string, Map<string, Measure>>()
  for (const measure of inquiry.values.flatMap(({ expression }) => measuresOf(expression))) {
    const measures = byRoot.get(measure.rootId) ?? new Map<string, Measure>()
    byRoot.set(measure.rootId, measures.set(measure.metric, measure))
  }
  const compile: CompileMetric = (of, question) => {
    const answer = answerOf(
      { ...asking, model: of },
      {
        values: question.metrics.map((name) => askMetric(of, name)),
        by: question.by,
        where: undefined,
        range: {},
        isFilled: false,
      },
    )
    return { sql: answer.sql, reads: answer.reads, columns: answer.values }
  }
  const lastNames = [...byRoot.keys()].map((rootId) => lastName(rootId))
  return [...byRoot].flatMap(([rootId, measures], at) => {
    const isAlone = lastNames.filter((name) => name === lastNames[at]).length === 1
    const name = isAlone ? lastNames[at]! : rootId.replaceAll('.', '_')
    const own = [...measures.values()]
    return routeLeg(
      { model, rootId, name, measures: own, by, where, range, compile },
      freshness,
    ).map((leg): Part => {
      const { source } = leg
      const sql = source === undefined ? legSql(leg, slugs) : storedLegSql(leg, source, slugs)
      const from = {
        kind: source?.kind ?? ('activities' as const),
        tables: source?.tiles.map(({ id }) => id) ?? [rootId],
        metrics: leg.measures.map(({ measure }) => measure.metric),
      }
      const states = leg.measures.flatMap((measure) => measure.states)
      return { ...sql, dimensions: leg.dimensions, states, sources: [from], rootId }
    })
  })
}

function refuseMixedTypes(parts: readonly Part[]): void {
  const [first, ...others] = parts
  for (const [at, dimension] of first!.dimensions.entries()) {
    const other = others.find((part) => part.dimensions[at]!.type.kind !== dimension.type.kind)
    if (other === undefined) continue
    throw new MaruError(
      'METRIC_ILLEGAL',
      `"${dimension.text}" is ${dimension.type.kind} for ${first!.rootId} but ${other.dimensions[at]!.type.kind} for ${other.rootId}`,
      { hint: 'ask for the metrics apart, or name a dimension that both share' },
    )
  }
}

interface Joined {
  readonly ctes: readonly string[]
  /** The CTE with one row per group. */
  readonly groups: string
  readonly isFilledIn: boolean
}

function joinParts(inquiry: Inquiry, parts: readonly Part[], slugs: readonly string[]): Joined {
  const [first] = parts
  const ctes = parts.flatMap((part) => part.ctes)
  const time = inquiry.isFilled ? filledDimension(first!.dimensions) : undefined
  if (parts.length === 1 && time === undefined)
    return { ctes, groups: first!.groups, isFilledIn: false }
  const fill = (at: number): Merge => ({
    prefix: '',
    keys: slugs,
    between: (_, states) => ({
      ctes: filledCtes({
        dimension: first!.dimensions[at]!,
        at,
        slugs,
        states,
        range: inquiry.range,
      }),
      rows: 'every_group_and_period',
    }),
  })
  const merged = mergedGroups(parts, time === undefined ? { prefix: '', keys: slugs } : fill(time))
  return {
    ctes: [...ctes, ...merged.ctes],
    groups: merged.groups,
    isFilledIn: time !== undefined,
  }
}

/** Which dimension holds the periods to fill; without a time grain there are no periods, and only sums become 0. */
function filledDimension(dimensions: readonly GroupedBy[]): number | undefined {
  const own = dimensions.flatMap((dimension, at) => (dimension.isOwnTime ? [at] : []))
  if (own.length > 1) {
    const names = own.map((at) => dimensions[at]!.text).join(' and ')
    throw new MaruError('METRIC_BAD_QUERY', `fill cannot fill ${names} at once`, {
      hint: 'keep one of the time grains',
    })
  }
  return own[0]
}

/** A table that is read twice must hold the rows that either reading needs. */
function mergeReads(
  reads: readonly { readonly table: string; readonly filters: readonly ScanFilter[] }[],
): CompiledQuestion['reads'] {
  const merged = new Map<string, readonly ScanFilter[]>()
  for (const { table, filters } of reads) merged.set(table, merged.has(table) ? [] : filters)
  return [...merged].map(([table, filters]) => ({ table, filters }))
}

/** An inquiry becomes parts, their union, the periods that are filled in, and the finished values. */
import { MaruError } from '../base/errors.ts'
import type { ScanFilter } from '../lake/lake.ts'
import type { ColumnType, Model } from '../model/model.ts'
import { filledCtes } from './fill.ts'
import { slugOf } from './inquiry.ts'
import type { Answer, GroupedBy, Inquiry, Part } from './inquiry.ts'
import { kindOf, neededDimensions, rootsOf } from './kinds.ts'
import { rowsOfMeasures } from './leg.ts'
import { legSql } from './leg-sql.ts'
import { askMetric, measuresOf, specialsOf, unanswered } from './measure.ts'
import type { Expression, Special } from './measure.ts'
import { calendarsOf } from './model-index.ts'
import { mergedGroups, refuseMixedTypes } from './merge.ts'
import type { Merge } from './merge.ts'
import type { CompileMetric } from './metric-condition.ts'
import type { CompiledQuestion, StoredFreshness } from './question.ts'
import { routeLeg } from './states/route.ts'
import { storedLegSql } from './states/stored-leg.ts'
import type { State, Value } from './state.ts'
import { namesIn } from './time-words.ts'
import { statesIn, valueOf } from './value.ts'

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
    statesOf: statesIn(states),
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
    reads: mergeReads([...parts.flatMap((part) => part.reads), ...calendarReads(asking, inquiry)]),
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

/** Grains of the project's own calendars are looked up. */
function calendarReads({ model }: Asking, { by, where }: Inquiry): CompiledQuestion['reads'] {
  const texts = [...by, ...(where === undefined ? [] : namesIn(where))]
  return calendarsOf(model, texts).map((table) => ({ table, filters: [] }))
}

function specialValue(special: Special, states: readonly State[]): Value {
  const { name, type } = states.find((state) => state.name === stateOf(special))!
  const nothing = valueOfNothing({ kind: 'special', special })
  return { sql: nothing === unknown ? name : `coalesce(${name}, ${nothing})`, type }
}

const unknown = 'null'

/** What a group has that has no row of the value. What is compared is the same at the other time. */
function valueOfNothing(expression: Expression): string {
  const type: ColumnType = { kind: 'integer' }
  const state: State = { name: unknown, kind: 'value', type }
  return valueOf(expression, {
    statesOf: () => [state, state],
    valueOf: (special) => {
      const { node } = special
      if (node.kind === 'offset' && node.isRangeMoved === true)
        return { sql: valueOfNothing(node.of), type, isCompound: true }
      return { sql: kindOf(special).isCount?.(node) === true ? '0' : unknown, type }
    },
    isFilled: false,
    isJoined: true,
  }).sql
}

function stateOf(special: Special): string {
  return `${special.key}__value`
}

function partsOf(asking: Asking, inquiry: Inquiry, slugs: readonly string[]): readonly Part[] {
  const { where, range, by, later } = inquiry
  const { model } = asking
  const specials = new Map(
    inquiry.values
      .flatMap(({ expression }) => specialsOf(expression))
      .map((special) => [special.key, special]),
  )
  const others = [...specials.values()].map((special) => {
    const kind = kindOf(special)
    if (later !== undefined && kind.isMovable !== true)
      throw unanswered(special.node, 'at another time by other periods, what follows its periods')
    return kind.compile({
      model,
      node: special.node,
      rootIds: rootsOf(model, { kind: 'special', special }),
      // No activity is called so.
      name: `${special.key}__special`,
      state: stateOf(special),
      by,
      slugs,
      where,
      range,
      later,
      ask: (inner) => answerOf(asking, inner),
      compile: compileIn(asking),
    })
  })
  return [...legParts(asking, inquiry, slugs), ...others]
}

/** One part for the rows of each activity or object, and for each place from which they are answered. */
function legParts(asking: Asking, inquiry: Inquiry, slugs: readonly string[]): readonly Part[] {
  const { model, freshness } = asking
  const { where, range, by, later } = inquiry
  const measures = inquiry.values.flatMap(({ expression }) => measuresOf(expression))
  const compile = compileIn(asking)
  return rowsOfMeasures(measures).flatMap((rows) =>
    routeLeg({ model, ...rows, by, where, range, later, compile }, freshness).map((leg): Part => {
      const { source } = leg
      const sql = source === undefined ? legSql(leg, slugs) : storedLegSql(leg, source, slugs)
      const from = {
        kind: source?.kind ?? ('activities' as const),
        tables: source?.tiles.map(({ id }) => id) ?? [leg.rootId],
        metrics: leg.measures.map(({ measure }) => measure.metric),
      }
      const states = leg.measures.flatMap((measure) => measure.states)
      return { ...sql, dimensions: leg.dimensions, states, sources: [from], rootId: leg.rootId }
    }),
  )
}

/** Metrics as conditions are asked over all time. */
function compileIn(asking: Asking): CompileMetric {
  return (model, metric, keyOf) => {
    const asked = askMetric(model, metric)
    const key = keyOf(rootsOf(model, asked.expression))
    const [needed] = neededDimensions(model, metric)
    if (needed !== undefined) {
      throw new MaruError('METRIC_ILLEGAL', `"${metric}" has a value for each ${needed}, not one`, {
        hint: 'compare a metric that has one value for each object',
      })
    }
    const inquiry = { values: [asked], by: [key], where: undefined, range: {}, isFilled: false }
    const answer = answerOf({ ...asking, model }, inquiry)
    return { sql: answer.sql, key, reads: answer.reads, columns: answer.values }
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
  // Without dimensions there is one row, also when nothing is found.
  const isWhole = slugs.length > 0 || first!.states.every(({ kind }) => kind !== 'value')
  if (parts.length === 1 && time === undefined && isWhole)
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
      rows: 'group__every_period',
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
export function mergeReads(
  reads: readonly { readonly table: string; readonly filters: readonly ScanFilter[] }[],
): CompiledQuestion['reads'] {
  const merged = new Map<string, readonly ScanFilter[]>()
  for (const { table, filters } of reads) merged.set(table, merged.has(table) ? [] : filters)
  return [...merged].map(([table, filters]) => ({ table, filters }))
}

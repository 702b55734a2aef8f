/**
 * Metrics that follow objects from one row on: each is an aggregate over anchors, rows of an activity of which something was found out (whether it converted,
 * how far it came). The anchors are grouped by the dimensions of their own rows, in the range of their own days.
 */
import { assert, MaruError } from '../base/errors.ts'
import type { Day } from '../base/time.ts'
import { choicesOf, filledColumns, nestedChoices } from '../model/model.ts'
import type { ColumnType, MetricModel, RowChoice, SamePair, TableId } from '../model/model.ts'
import { fromClause, resolvePath } from '../plan/attach.ts'
import type { AttributePath } from '../plan/attach.ts'
import { attachRelated } from '../plan/related.ts'
import { bindCondition, conditionPaths, conditionSql, dayRangeFilters } from './condition.ts'
import { dimensionSql, resolveDimension } from './dimension.ts'
import type { Dimension } from './dimension.ts'
import type { PathToken } from './filter-language.ts'
import { illegalDimension } from './illegal.ts'
import { rangeOfRows } from './inquiry.ts'
import type { DayRange, KindRequest, Part } from './inquiry.ts'
import { asOfEnd } from './leg.ts'
import { tableById } from './model-index.ts'
import { isTimeWord } from './time-words.ts'

export interface Anchors {
  /** The activity whose rows they are. */
  readonly rootId: TableId
  readonly ctes: readonly string[]
  /** The CTE of the anchors; `event_id` is the row's key. */
  readonly rows: string
  readonly tables: readonly TableId[]
  /** Whether its rows are how objects enter a cohort. */
  readonly isEntry?: true
  /** Its columns that the value is computed of, which are `value__<column>` there. */
  readonly columns: readonly string[]
  /** Its columns that are dimensions, by what they are called in a question. */
  readonly dimensions: Readonly<Record<string, OwnDimension>>
  /** An aggregate. */
  readonly value: string
  readonly type: ColumnType
  /** Over `anchor`, the day by which the range is kept; the row's own when absent. */
  readonly day?: string
  /** Why the metric does not go with a dimension of the row. */
  readonly refuses?: (text: string) => string | undefined
}

export interface OwnDimension {
  readonly column: string
  readonly type: ColumnType
  readonly isOwnTime?: true
  /** Whose periods its values are, when they are the row's. */
  readonly grain?: string
}

/** The choice of later rows, and the pairs of its `same` that compare with the first row: those without an anchor of their own. */
export function splitSame(choice: RowChoice): {
  readonly choice: RowChoice
  readonly same: readonly SamePair[]
} {
  const { same = [], ...rest } = choice
  const bound = choice.window?.from ?? choice.window?.to
  return bound?.at.kind === 'chosen' ? { choice, same: [] } : { choice: rest, same }
}

/** `@cohort_entry` is as of the anchor, which is how its row is read anyway. */
export function withoutEntry(text: string): string {
  return text.replace(/@cohort_entry$/, '')
}

/** Columns by which rows of several choices are compared. */
export function sameColumns(paths: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(paths.map((path, at) => [`same_${at}`, path]))
}

/** Conditions that rows lie in the range; of those that follow its rows only that they are not before it. */
export function inRange({ from, to }: DayRange, has: 'both' | 'from' = 'both'): readonly string[] {
  const midnight = (day: Day): string => `cast('${day} 00:00:00' as timestamp with time zone)`
  return [
    ...(from === undefined ? [] : [`occurred_at >= ${midnight(from)}`]),
    ...(to === undefined || has === 'from' ? [] : [`occurred_at < ${midnight(to)}`]),
  ]
}

type Asked = Pick<
  KindRequest<MetricModel>,
  'model' | 'node' | 'name' | 'state' | 'by' | 'slugs' | 'where' | 'range' | 'later'
>

export function anchoredPart(request: Asked, anchors: Anchors): Part {
  const { model, name, slugs, by } = request
  const { rootId } = anchors
  const own = new Map<AttributePath, string>()
  const resolve = resolver(request, anchors, own)
  const key = resolvePath(model, rootId, keyOf(request, rootId))!
  const dimensions = by.map((text) => resolve({ text }))
  const where = request.where === undefined ? undefined : bindCondition(request.where, resolve)
  const paths = [
    key,
    ...dimensions.map(({ path }) => path),
    ...(where === undefined ? [] : conditionPaths(where)),
  ].filter((path) => !own.has(path))
  const attachment = attachRelated(
    model,
    rootId,
    paths,
    anchors.day === undefined ? rangeOfRows(request) : {},
  )
  const expressionOf = (path: AttributePath): string =>
    own.get(path) ?? attachment.expressions[paths.indexOf(path)]!
  const items = [
    ...dimensions.map(
      (dimension, at) =>
        `${dimensionSql(dimension, expressionOf(dimension.path))} as ${slugs[at]!}`,
    ),
    ...anchors.columns.map((column) => `anchor.${column} as value__${column}`),
  ]
  const conditions = rangeConditions(request, anchors, attachment.root.alias)
  if (where !== undefined) conditions.push(`(${conditionSql(where, expressionOf)})`)
  const rows = `${name}__rows as (
  select
    ${items.join(',\n    ')}
  ${fromClause(attachment).replaceAll('\n', '\n  ')}
  join ${anchors.rows} as anchor on anchor.event_id = ${expressionOf(key)}${conditions.length === 0 ? '' : `\n  where ${conditions.join('\n    and ')}`}
)`
  const groups = `${name}__group as (
  select
    ${[...slugs, `${anchors.value} as ${request.state}`].join(',\n    ')}
  from ${name}__rows${slugs.length === 0 ? '' : `\n  group by ${slugs.join(', ')}`}
)`
  const { from, to } = rangeOfRows(request)
  const filters = anchors.day === undefined ? dayRangeFilters(from, to) : []
  return {
    ctes: [...anchors.ctes, rows, groups],
    groups: `${name}__group`,
    dimensions,
    states: [{ name: request.state, kind: 'value', type: anchors.type }],
    reads: [
      { table: attachment.root.table, filters },
      ...[...attachment.joined, ...anchors.tables].map((table) => ({
        table,
        filters: [],
      })),
    ],
    sources: [
      { kind: 'activities', tables: activitiesOf(request.node), metrics: [request.node.name] },
    ],
    rootId,
  }
}

/** All that the metric follows its objects through, the anchors' own first. */
function activitiesOf(metric: MetricModel): readonly TableId[] {
  const choices = choicesOf(metric).flatMap(nestedChoices)
  return [...new Set(choices.map(({ activity }) => activity))]
}

function keyOf({ model }: Asked, rootId: TableId): string {
  const root = tableById(model, rootId)
  assert(root?.kind === 'activity', `${rootId} is an activity`)
  return root.key
}

/** The anchors' own dimensions come first. */
function resolver(
  { model, node, by, range, later }: Asked,
  anchors: Anchors,
  own: Map<AttributePath, string>,
): (path: PathToken) => Dimension {
  return ({ text, offset }) => {
    const found = anchors.dimensions[text]
    if (found !== undefined) {
      const { column, type, isOwnTime = false } = found
      const path: AttributePath = {
        references: [],
        table: '',
        column: { name: column, type, description: text, required: true, tags: [] },
        now: false,
      }
      own.set(path, `anchor.${column}`)
      return { text, path, type, isOwnTime }
    }
    const reason = anchors.refuses?.(text)
    if (reason !== undefined) {
      throw new MaruError(
        'METRIC_ILLEGAL',
        `"${node.name}" does not go with "${text}": ${reason}`,
        {
          hint: `maru show metric.${node.name} lists what goes with it`,
        },
      )
    }
    const plain = anchors.isEntry === true ? withoutEntry(text) : text
    const dimension = resolveDimension(model, anchors.rootId, plain)
    if (dimension === undefined)
      throw illegalDimension(model, { metric: node.name, rootId: anchors.rootId, text, offset })
    const asked = {
      ...dimension,
      text,
      ...(later !== undefined && isTimeWord(model, text) ? { later: later.day } : {}),
    }
    const words = by.map((word) => anchors.dimensions[word]?.grain ?? word)
    return dimension.isAtPeriodEnd === true ? asOfEnd(asked, { by: words, range }) : asked
  }
}

function rangeConditions({ range, later }: Asked, { day }: Anchors, alias: string): string[] {
  const own = day ?? `${alias}.${filledColumns.day}`
  const column = later === undefined ? own : later.day.replaceAll('moment', own)
  return [
    ...(range.from === undefined ? [] : [`${column} >= date '${range.from}'`]),
    ...(range.to === undefined ? [] : [`${column} < date '${range.to}'`]),
  ]
}

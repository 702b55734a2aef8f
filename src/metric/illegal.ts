/** Why the rows of an activity or object have no such dimension, and which of theirs may have been meant. */
import { MaruError } from '../base/errors.ts'
import type { ErrorCode } from '../base/error-codes.ts'
import { nearest } from '../base/nearest.ts'
import type { ColumnType, Model, TableId } from '../model/model.ts'
import { pathText, reachablePaths, relatedPaths } from '../plan/attach.ts'
import {
  calendarDescriptions,
  calendarParts,
  grains,
  isCalendarPart,
  isGrain,
  needsTimeOfDay,
} from './calendar.ts'
import { resolveDimension } from './dimension.ts'
import { lastName, ownGrains, tableById } from './model-index.ts'

export interface LegalDimension {
  readonly path: string
  readonly type: ColumnType
  readonly description: string
}

interface RefusedPair {
  readonly metric: string
  readonly rootId: TableId
  readonly text: string
  /** In the filter text, when the name stands there. */
  readonly offset: number | undefined
}

export function illegalDimension(model: Model, pair: RefusedPair): MaruError {
  const { code, message, hint } = illegalReason(model, pair)
  return new MaruError(code, message, { hint: hint ?? nearestHint(model, pair) })
}

interface IllegalReason {
  readonly code: ErrorCode
  readonly message: string
  /** Absent: what is near helps, which takes a look at every name. */
  readonly hint?: string
}

export function illegalReason(model: Model, pair: RefusedPair): IllegalReason {
  const { metric, rootId, text } = pair
  const root = tableById(model, rootId)
  const at = pair.offset === undefined ? '' : ` (character ${pair.offset + 1} of the condition)`
  const code = 'METRIC_ILLEGAL'
  if (isGrain(text) || isCalendarPart(text)) {
    const message = `"${metric}" has no "${text}": it is about ${rootId} as it is now, which has no time${at}`
    return { code, message }
  }
  const word = text.slice(text.lastIndexOf('.') + 1)
  if (
    (isGrain(word) || isCalendarPart(word)) &&
    needsTimeOfDay(word) &&
    isReached(model, rootId, text.slice(0, -word.length - 1))
  ) {
    const message = `"${text}" asks for hours of what is not an instant${at}`
    return { code, message, hint: 'ask for day, week, month, quarter or year' }
  }
  if (isKnownElsewhere(model, text)) {
    const reach = referencesOf(model, rootId)
    const reached = reach.length === 0 ? 'refers to no object' : `reaches ${reach.join(', ')}`
    const message = `"${metric}" does not go with "${text}": ${root?.id ?? rootId} ${reached}, and has no "${text}"${at}`
    const referring = root?.kind === 'object' ? referringActivity(model, rootId, text) : undefined
    return { code, message, ...(referring === undefined ? {} : { hint: referring }) }
  }
  return { code: 'METRIC_BAD_QUERY', message: `there is no dimension "${text}"${at}` }
}

function nearestHint(model: Model, { metric, rootId, text }: RefusedPair): string {
  const near = nearestLegal(model, rootId, text)
  return near.length === 0
    ? `maru show metric.${metric} lists what goes with it`
    : `legal and nearest: ${near.join(', ')}; maru show metric.${metric} lists all`
}

export function timelessRange(metric: string, rootId: TableId): MaruError {
  return new MaruError(
    'METRIC_ILLEGAL',
    `"${metric}" takes no from and to: it is about ${rootId} as it is now, which has no time`,
    {
      hint: 'leave out the range, or ask for the metric in a question of its own',
    },
  )
}

export function isReached(model: Model, rootId: TableId, text: string): boolean {
  try {
    return resolveDimension(model, rootId, text) !== undefined
  } catch (error) {
    // A shortened path with several meanings is not one that can be asked for.
    if (error instanceof MaruError) return false
    throw error
  }
}

function isKnownElsewhere(model: Model, text: string): boolean {
  return model.tables.some(
    (table) =>
      (table.kind === 'activity' || table.kind === 'object') && isReached(model, table.id, text),
  )
}

/** By what refers to it an object is in several groups, so that an author says which activities put it there. */
function referringActivity(model: Model, object: TableId, text: string): string | undefined {
  for (const table of model.tables) {
    if (table.kind !== 'activity' || !isReached(model, table.id, text)) continue
    const reference = table.columns.find(({ refers }) => refers === object)
    if (reference === undefined) continue
    const name = lastName(table.id)
    return `choose the activities that put ${object} into groups: distinct(${name}.${reference.name}) counts each once in a group, and so do first(${name}).of(${name}.${reference.name}).per(…)`
  }
  return undefined
}

function referencesOf(model: Model, rootId: TableId): readonly string[] {
  const references = reachablePaths(model, rootId).filter(
    (path) => path.column.refers !== undefined,
  )
  return references.map((path) => `${pathText(path)} (${path.column.refers})`)
}

export function nearestLegal(model: Model, rootId: TableId, text: string): readonly string[] {
  const paths = dimensionsOf(model, rootId).map(({ path }) => path)
  const segments = text.replace(/@now$/, '').split('.')
  const last = segments.at(-1)!
  const lastSegments = new Set(paths.map((path) => path.slice(path.lastIndexOf('.') + 1)))
  const similar = nearest(last, lastSegments)
  const byName = paths.filter((path) => path === last || path.endsWith(`.${last}`))
  const bySimilar =
    similar === undefined
      ? []
      : paths.filter((path) => path === similar || path.endsWith(`.${similar}`))
  const whole = nearest(text, paths)
  const byStart =
    segments.length > 1 ? paths.filter((path) => path.startsWith(`${segments[0]!}.`)) : []
  const near = [...(whole === undefined ? [] : [whole]), ...byName, ...bySimilar, ...byStart]
  // Without a likeness: attributes, which are what people group by.
  const others = near.length > 0 ? [] : paths.filter((path) => path.includes('.'))
  return [...new Set([...near, ...others, ...(near.length > 0 ? [] : paths)])].slice(0, 5)
}

export function dimensionsOf(model: Model, rootId: TableId): readonly LegalDimension[] {
  const isActivity = tableById(model, rootId)?.kind === 'activity'
  const calendar = isActivity ? [...grains, ...calendarParts] : []
  const words = calendar.map((word): LegalDimension => {
    return {
      path: word,
      type: resolveDimension(model, rootId, word)!.type,
      description: calendarDescriptions[word],
    }
  })
  const paths = [...reachablePaths(model, rootId), ...relatedPaths(model, rootId)]
  const own = ownGrains(model).map(([path, { column }]): LegalDimension => {
    return { path, type: column.type, description: column.description }
  })
  const columns = paths.flatMap((path): LegalDimension[] => {
    const { type, description, buckets } = path.column
    const text = pathText(path)
    const bucket = `${text}.bucket`
    const cut = {
      path: bucket,
      type: { kind: 'text' as const },
      description: `${description}, cut`,
    }
    return [{ path: text, type, description }, ...(buckets === undefined ? [] : [cut])]
  })
  return [...words, ...(isActivity ? own : []), ...columns]
}

/** A leg answered from stored tables: the same groups, with the same columns, as its activities give. */
import { assert } from '../../base/errors.ts'
import type { ScanFilter } from '../../lake/lake.ts'
import { sqlType } from '../../model/column-type.ts'
import { filledColumns } from '../../model/model.ts'
import { attach } from '../../plan/attach.ts'
import type { AttributePath } from '../../plan/attach.ts'
import { conditionPaths, conditionSql, dayRangeFilters } from '../condition.ts'
import { dimensionSql } from '../dimension.ts'
import type { Leg } from '../leg.ts'
import type { LegSql } from '../leg-sql.ts'
import type { State } from '../state.ts'
import { joinLines, mergedSql } from './measures.ts'
import type { StoredMeasure } from './measures.ts'
import type { StoredSource, Tile } from './route.ts'

const { day } = filledColumns

export function storedLegSql(leg: Leg, source: StoredSource, slugs: readonly string[]): LegSql {
  const measures = leg.measures.map(({ measure }) => {
    const stored = source.table.measures.find((each) => each.metric === measure.metric)
    assert(stored !== undefined, `${source.table.id} keeps ${measure.metric}`)
    return stored
  })
  return source.kind === 'states'
    ? fromStates({ leg, slugs, measures }, source)
    : fromIndicators({ leg, slugs, measures }, source)
}

interface Asked {
  readonly leg: Leg
  readonly slugs: readonly string[]
  readonly measures: readonly StoredMeasure[]
}

function fromStates(asked: Asked, source: Extract<StoredSource, { kind: 'states' }>): LegSql {
  const { leg, slugs, measures } = asked
  const paths = [
    ...leg.dimensions.map(({ path }) => path),
    ...(leg.where === undefined ? [] : conditionPaths(leg.where)),
  ]
  const attachment = attach(leg.model, leg.rootId, paths)
  const expressions = new Map(paths.map((path, at) => [path, attachment.expressions[at]!]))
  const expressionOf = (path: AttributePath): string => expressions.get(path)!
  const kept = columnsOf(measures, (measure) =>
    measure.entity === undefined ? [] : [measure.entity],
  )
  const columns = [...new Set([...attachment.rootColumns, ...kept])]
  const arms = source.tiles.map(
    (tile) =>
      `select ${[...columns, ...(columns.length === 0 ? [day] : [])].join(', ')} from ${tile.id}${whereOf(tile)}`,
  )
  const { alias } = attachment.root
  const items = [
    ...leg.dimensions.map(
      (dimension, at) =>
        `${dimensionSql(dimension, expressionOf(dimension.path))} as ${slugs[at]!}`,
    ),
    ...kept.map((column) => `${alias}.${column} as kept__${column}`),
  ]
  if (items.length === 0) items.push('1 as one')
  const where = leg.where === undefined ? '' : `\n  where ${conditionSql(leg.where, expressionOf)}`
  const rows = `${leg.name}_row as (
  select ${items.join(',\n    ')}
  from (
    ${arms.join('\n    union all ')}
  ) as ${alias}
  ${joinLines(attachment).join('\n  ')}${where}
)`
  const distinct = (measure: StoredMeasure): string => {
    const entity = `kept__${measure.entity!}`
    const value =
      measure.flag === undefined ? entity : `case when kept__${measure.flag} then ${entity} end`
    return `count(distinct ${value})`
  }
  return {
    ctes: [rows, groupCte(asked, { distinct, prefix: 'kept__' })],
    groups: `${leg.name}_group`,
    reads: [
      ...readsOf(source.tiles, []),
      ...attachment.joins.map((join) => ({ table: join.table, filters: [] })),
    ],
  }
}

function fromIndicators(
  asked: Asked,
  source: Extract<StoredSource, { kind: 'indicators' }>,
): LegSql {
  const { leg, slugs, measures } = asked
  const kept = columnsOf(measures, (measure) =>
    measure.entity === undefined ? [] : [measure.states[0]!.name],
  )
  const dimension = `dimension = '${source.dimension.replaceAll("'", "''")}'`
  const arms = source.tiles.map(
    (tile) =>
      `select ${[day, 'value', ...kept].join(', ')} from ${tile.id}${whereOf(tile)} and ${dimension}`,
  )
  const items = [
    ...leg.dimensions.map((each, at) => {
      const isDay = each.path.references.length === 0 && each.path.column.name === day
      const sql = isDay
        ? dimensionSql(each, `stored_group.${day}`)
        : `cast(value as ${sqlType(each.type)})`
      return `${sql} as ${slugs[at]!}`
    }),
    ...kept.map((column) => `${column} as kept__${column}`),
  ]
  const rows = `${leg.name}_row as (
  select ${items.join(',\n    ')}
  from (
    ${arms.join('\n    union all ')}
  ) as stored_group
)`
  // One row a group: see `isCounted`.
  const distinct = ({ states: [state] }: StoredMeasure): string =>
    `coalesce(max(kept__${state!.name}), 0)`
  const bound = { column: 'dimension', lower: source.dimension, upper: source.dimension }
  return {
    ctes: [rows, groupCte(asked, { distinct, prefix: 'kept__' })],
    groups: `${leg.name}_group`,
    reads: readsOf(source.tiles, [bound]),
  }
}

/** States, flags, and what distinct counts need, each once. */
function columnsOf(
  measures: readonly StoredMeasure[],
  ofDistinct: (measure: StoredMeasure) => readonly string[],
): readonly string[] {
  return [
    ...new Set(
      measures.flatMap((measure) => [
        ...(measure.entity === undefined
          ? measure.states.map((state) => state.name)
          : ofDistinct(measure)),
        ...(measure.flag === undefined ? [] : [measure.flag]),
      ]),
    ),
  ]
}

function groupCte(
  { leg, slugs, measures }: Asked,
  how: { readonly distinct: (measure: StoredMeasure) => string; readonly prefix: string },
): string {
  const merged = (state: State): string =>
    mergedSql({ ...state, name: `${how.prefix}${state.name}` })
  const states = measures.flatMap((measure) =>
    measure.states.map(
      (state) =>
        `${measure.entity === undefined ? merged(state) : how.distinct(measure)} as ${state.name}`,
    ),
  )
  // A group is there when at least one of the metrics has a row in it.
  const flags = measures.map(({ flag }) => flag)
  const where = flags.every((flag) => flag !== undefined)
    ? `\n  where ${[...new Set(flags)].map((flag) => `${how.prefix}${flag}`).join(' or ')}`
    : ''
  const groupBy = slugs.length === 0 ? '' : `\n  group by ${slugs.join(', ')}`
  return `${leg.name}_group as (
  select ${[...slugs, ...states].join(',\n    ')}
  from ${leg.name}_row${where}${groupBy}
)`
}

function whereOf({ from, to }: Tile): string {
  const conditions = [
    ...(from === undefined ? [] : [`${day} >= date '${from}'`]),
    ...(to === undefined ? [] : [`${day} < date '${to}'`]),
  ]
  return conditions.length === 0 ? '' : ` where ${conditions.join(' and ')}`
}

function readsOf(tiles: readonly Tile[], filters: readonly ScanFilter[]): LegSql['reads'] {
  return tiles.map(({ id, from, to }) => ({
    table: id,
    filters: [...dayRangeFilters(from, to), ...filters],
  }))
}

/**
 * A model and a case of MetricFlow as Maru's, by rules that know no case:
 * - A source is an activity for each time that its measures are aggregated by. An entity is an object; every source that has it as its own gives it a group of attributes,
 *   with history where the source says from when to when, or for which partition, a row holds.
 * - An object has one row for each key: a source without history that has several gives it no attributes.
 * - `a__b__c` is the path a.b.c; the source's own entity before a column of its own is left out. `metric_time` is the activity's own time.
 * - A sum of 1 stays a sum: it is unknown where nothing is. Filters around a metric go down to its measures.
 * - The time spine is a calendar: without a range a question reaches as far as it does.
 */
import type { DuckDBConnection } from '@duckdb/node-api'
import { addDays, localDay } from '../../src/base/time.ts'
import type { MetricQuestion } from '../../src/metric/metric.ts'
import { parseFormula } from '../../src/model/formula.ts'
import type { Hole } from '../../src/model/formula.ts'
import type { Balance, Duration, Model, Predicate } from '../../src/model/model.ts'
import { filledColumns } from '../../src/model/model.ts'
import { nameFault } from '../../src/model/sql-names.ts'
import { periodStart, nextPeriod } from '../../src/plan/plan.ts'
import type { Period } from '../../src/plan/plan.ts'
import { modelOf } from './build-model.ts'
import type { ActivitySketch, AttributesSketch, MetricSketch, ObjectSketch } from './build-model.ts'
import { query } from './dataset.ts'
import type { Cell, Dataset, Row } from './rows.ts'

/** What a question or a model of Maru cannot say. */
export class NotExpressible extends Error {}

export interface FlowModel {
  readonly name: string
  readonly time_spines: readonly {
    readonly table: string
    readonly column: string
    readonly grain: string
    readonly custom_grains?: readonly { readonly name: string; readonly column: string }[]
  }[]
  readonly sources: readonly FlowSource[]
  readonly metrics: readonly FlowMetric[]
}

interface FlowSource {
  readonly name: string
  readonly table: string
  readonly primary_entity: string
  readonly default_time?: string
  readonly entities: readonly {
    readonly name: string
    readonly type: 'primary' | 'unique' | 'natural' | 'foreign'
    readonly expr: string
  }[]
  readonly dimensions: readonly {
    readonly name: string
    readonly type: string
    readonly expr: string
    readonly is_partition?: boolean
    readonly validity?: 'start' | 'end'
  }[]
  readonly measures: readonly FlowMeasure[]
}

interface FlowMeasure {
  readonly name: string
  readonly agg: string
  readonly expr: string
  readonly agg_time_dimension: string
  readonly percentile?: number
  readonly discrete?: boolean
  readonly non_additive?: { readonly take: 'min' | 'max'; readonly per?: readonly string[] }
}

interface FlowInput {
  readonly measure?: string
  readonly metric?: string
  readonly alias?: string
  readonly filter?: { readonly tree: Tree }
  readonly join_to_timespine?: boolean
  readonly fill_nulls_with?: number
  readonly offset_window?: { readonly count: number; readonly unit: string }
  readonly offset_to_grain?: string
}

interface FlowMetric {
  readonly name: string
  readonly type: 'simple' | 'ratio' | 'derived' | 'cumulative' | 'conversion'
  readonly filter?: { readonly tree: Tree }
  readonly input?: FlowInput
  readonly inputs?: readonly FlowInput[]
  readonly numerator?: FlowInput
  readonly denominator?: FlowInput
  readonly expr?: string
  readonly window?: Duration
  readonly grain_to_date?: string
  readonly accumulate?: string
  readonly period_agg?: 'first' | 'last' | 'average'
  readonly base?: FlowInput
  readonly conversion?: FlowInput
  readonly entity?: string
  readonly calculation?: string
  readonly constant_properties?: readonly {
    readonly base_property: string
    readonly conversion_property: string
  }[]
}

type Tree =
  | { readonly ref: string; readonly grain?: string; readonly op?: undefined }
  | { readonly op: 'and' | 'or'; readonly args: readonly Tree[] }
  | { readonly op: 'not' | 'is_null' | 'is_not_null'; readonly arg: Tree }
  | { readonly op: 'in'; readonly arg: Tree; readonly values: readonly (string | number)[] }
  | {
      readonly op: '=' | '<' | '<=' | '>' | '>=' | '!='
      readonly left: Tree | Compared
      readonly right: { readonly value?: string | number | boolean; readonly timestamp?: string }
    }
type Compared = { readonly metric: string; readonly by: readonly string[] }

export interface FlowCase {
  readonly id: string
  readonly model: string
  readonly metrics: readonly string[]
  readonly group_bys: readonly {
    readonly name: string
    readonly grain?: string
    readonly date_part?: string
    readonly column: string
  }[]
  readonly where?: { readonly tree: Tree }
  readonly time_constraint?: { readonly start: string; readonly end: string }
  readonly order_by?: readonly { readonly column: string; readonly direction: string }[]
  readonly limit?: number
  readonly check_order?: boolean
  readonly distinct?: boolean
  readonly min_max_only?: boolean
  readonly expected: {
    readonly columns: readonly { readonly name: string; readonly type: string }[]
    readonly rows?: readonly (readonly Cell[])[]
    readonly file?: string
  }
}

/** The tables of a model; the same for all of its cases. */
export interface FlowTables {
  readonly flow: FlowModel
  readonly objects: Readonly<Record<string, ObjectSketch>>
  readonly attributes: Readonly<Record<string, AttributesSketch>>
  readonly activities: Readonly<Record<string, ActivitySketch>>
  readonly dataset: Dataset
  /** First day and the day after the last, by grain of the spine. */
  readonly spines: ReadonlyMap<string, { readonly from: string; readonly to: string }>
}

function safe(name: string): string {
  const isFilled =
    Object.values<string>(filledColumns).includes(name) || ['id', 'occurred_at'].includes(name)
  return isFilled || nameFault(name) !== undefined ? `${name}_name` : name
}

const types: Readonly<Record<string, string>> = {
  VARCHAR: 'text',
  BIGINT: 'integer',
  INTEGER: 'integer',
  HUGEINT: 'integer',
  DOUBLE: 'number',
  BOOLEAN: 'boolean',
  TIMESTAMP: 'timestamp',
  DATE: 'date',
}

function typeText(type: string): string {
  return types[type] ?? (type.startsWith('DECIMAL') ? 'number' : 'text')
}

function activityName(source: FlowSource, time: string | undefined): string {
  return `act.${safe(source.name)}${time === undefined ? '' : `_by_${safe(time)}`}`
}

function ownTimes(source: FlowSource): readonly (string | undefined)[] {
  const times = new Set(source.measures.map((measure) => measure.agg_time_dimension))
  if (times.size > 0) return [...times]
  return [source.default_time]
}

export async function tablesOf(connection: DuckDBConnection, flow: FlowModel): Promise<FlowTables> {
  const objects: Record<string, ObjectSketch> = {}
  const attributes: Record<string, AttributesSketch> = {}
  const activities: Record<string, ActivitySketch> = {}
  const dataset = new Map<string, readonly Row[]>()
  const keys = new Map<string, Set<Cell>>()
  for (const source of flow.sources) {
    const { rows, columns } = await rowsOfSource(connection, source)
    for (const { name } of source.entities) {
      const known = keys.get(name) ?? new Set()
      keys.set(name, known)
      for (const row of rows) if (row[safe(name)] !== null) known.add(row[safe(name)]!)
    }
    for (const time of ownTimes(source)) {
      const id = activityName(source, time)
      activities[id] = { columns }
      const instant = (row: Row): Cell => (time === undefined ? 0n : row[safe(time)]!)
      dataset.set(
        id,
        rows.map((row, at) => ({ ...row, id: at, occurred_at: instant(row) })),
      )
    }
    for (const { name, type } of source.entities) {
      if (type === 'foreign') continue
      const group = groupOf(source, { entity: name, rows, columns })
      // An object has one row for each key: attributes that would be several at once are none.
      if (
        !group.history &&
        new Set(group.rows.map((row) => row['entity_key'])).size < group.rows.length
      )
        continue
      attributes[`obj_attr.${safe(name)}.${safe(source.name)}`] = {
        object: `obj.${safe(name)}`,
        history: group.history,
        columns: group.columns,
      }
      dataset.set(`obj_attr.${safe(name)}.${safe(source.name)}`, group.rows)
    }
  }
  for (const [name, known] of keys) {
    objects[`obj.${safe(name)}`] = { key: 'entity_key', keyType: keyType(known), columns: {} }
    dataset.set(
      `obj.${safe(name)}`,
      [...known].map((key) => ({ entity_key: key })),
    )
  }
  const spines = new Map<string, { from: string; to: string }>()
  for (const { table, column, grain, custom_grains: custom = [] } of flow.time_spines) {
    if (!['second', 'minute', 'hour', 'day'].includes(grain)) continue
    const columns = [column, ...custom.map((each) => each.column)]
    const rows = await query(
      connection,
      `select ${columns.map((each) => `epoch_us(${each})`).join(', ')} from flow.${table} order by 1`,
    )
    const day = (cell: Cell): string => localDay(BigInt(cell as number), 'UTC')
    spines.set(grain, { from: day(rows[0]![0]!), to: addDays(day(rows.at(-1)![0]!), 1) })
    activities[`act.spine_${grain}`] = { columns: {} }
    dataset.set(
      `act.spine_${grain}`,
      rows.map(([instant], at) => ({ id: at, occurred_at: BigInt(instant as number) })),
    )
    if (grain !== 'day') continue
    const ofDay = (row: readonly Cell[]): Row =>
      Object.fromEntries(custom.map(({ name }, place) => [name, day(row[place + 1]!)]))
    objects['obj.spine_day'] = {
      key: 'entity_key',
      columns: { date: 'date', ...Object.fromEntries(custom.map(({ name }) => [name, 'date'])) },
      calendar: { day: 'date', grains: custom.map(({ name }) => name) },
    }
    dataset.set(
      'obj.spine_day',
      rows.map((row, at) => ({ entity_key: at, date: day(row[0]!), ...ofDay(row) })),
    )
  }
  return { flow, objects, attributes, activities, dataset, spines }
}

function keyType(keys: ReadonlySet<Cell>): string {
  return [...keys].every((key) => typeof key === 'number') ? 'integer' : 'text'
}

/** Every dimension, entity and measure is a column; timestamps are instants of UTC. */
async function rowsOfSource(
  connection: DuckDBConnection,
  source: FlowSource,
): Promise<{ readonly rows: readonly Row[]; readonly columns: Readonly<Record<string, string>> }> {
  const exprs = new Map<string, string>()
  for (const { name, expr } of source.entities) exprs.set(safe(name), expr)
  for (const { name, expr, type } of source.dimensions)
    exprs.set(safe(name), type === 'time' ? `cast(${expr} as timestamp)` : expr)
  for (const { name, expr } of source.measures) exprs.set(`${safe(name)}_measured`, expr)
  const sql = `select ${[...exprs].map(([name, expr]) => `${expr} as ${name}`).join(', ')} from flow.${source.table}`
  const described = await query(connection, `describe ${sql}`)
  const kinds = new Map(described.map((row) => [row[0] as string, typeText(row[1] as string)]))
  const cast = (name: string): string =>
    kinds.get(name) === 'timestamp'
      ? `epoch_us(${name})`
      : kinds.get(name) === 'number'
        ? `${name}::double`
        : name
  const rows = await query(
    connection,
    `select ${[...exprs.keys()].map(cast).join(', ')} from (${sql})`,
  )
  const names = [...exprs.keys()]
  const columns: Record<string, string> = {}
  for (const name of names) {
    const entity = source.entities.find((each) => safe(each.name) === name)
    const kind = kinds.get(name)!
    columns[name] = entity === undefined ? kind : `obj.${name} by ${kind}`
  }
  return {
    columns,
    rows: rows.map((row) =>
      Object.fromEntries(
        names.map((name, at) => [
          name,
          kinds.get(name) === 'timestamp' && row[at] !== null
            ? BigInt(row[at] as number)
            : row[at]!,
        ]),
      ),
    ),
  }
}

const daySpan = 86_400_000_000n

function groupOf(
  source: FlowSource,
  {
    entity,
    rows,
    columns,
  }: {
    readonly entity: string
    readonly rows: readonly Row[]
    readonly columns: Readonly<Record<string, string>>
  },
): {
  readonly history: boolean
  readonly columns: Readonly<Record<string, string>>
  readonly rows: readonly Row[]
} {
  const key = safe(entity)
  const [start, end, partition] = [
    source.dimensions.find(({ validity }) => validity === 'start'),
    source.dimensions.find(({ validity }) => validity === 'end'),
    source.dimensions.find(({ is_partition: is }) => is === true),
  ]
  const kept = Object.entries(columns).filter(
    ([name]) => name !== key && !name.endsWith('_measured'),
  )
  const from = start ?? partition
  const versions = rows.flatMap((row, version): Row[] => {
    const own = {
      entity_key: row[key]!,
      ...Object.fromEntries(kept.map(([name]) => [name, row[name]!])),
    }
    if (from === undefined) return [own]
    const validFrom = row[safe(from.name)] as bigint
    const validTo =
      start === undefined ? validFrom + daySpan : (row[safe(end!.name)] as bigint | null)
    if (validTo !== null && validTo <= validFrom) return []
    return [{ ...own, valid_from: validFrom, valid_to: validTo, recorded_at: null, version }]
  })
  return { history: from !== undefined, columns: Object.fromEntries(kept), rows: versions }
}

export interface Translated {
  readonly model: Model
  readonly question: MetricQuestion
  /** The column of each dimension asked for, then of each metric. */
  readonly columns: readonly string[]
}

interface Translation {
  readonly tables: FlowTables
  readonly metrics: Record<string, MetricSketch>
  /** Metrics that have a name of their own, before they are made. */
  readonly named: Set<string>
  /** Sources that the metrics are of. */
  readonly used: Set<FlowSource>
}

export function translate(tables: FlowTables, asked: FlowCase): Translated {
  if (asked.distinct === false)
    throw new NotExpressible('rows that are not grouped are no answer to a question about metrics')
  if (asked.min_max_only === true)
    throw new NotExpressible(
      'the least and greatest value of a dimension are metrics, and periods have none',
    )
  const translation: Translation = { tables, metrics: {}, named: new Set(), used: new Set() }
  const conjuncts = asked.where === undefined ? [] : conjunctsOf(asked.where.tree)
  const ofMetrics = conjuncts.filter(namesMetric)
  const names = asked.metrics.map((name) => metricNamed(translation, { metric: name }, ofMetrics))
  const root = names.length > 0 ? undefined : rootOf(translation, asked, ofMetrics)
  const from = root === undefined ? [...translation.used] : [root.source]
  const by = [...new Set(asked.group_bys.map((group) => dimensionOf(from, group)))]
  const where = conjuncts.filter((each) => !namesMetric(each)).map((each) => filterText(from, each))
  const { range, more } = rangeOf(tables, asked)
  const conditions = [...where, ...more].map((each) => `(${each})`).join(' and ')
  const order = (asked.check_order === true ? (asked.order_by ?? []) : []).map(
    ({ column, direction }) => {
      const at = asked.group_bys.findIndex((group) => group.column === column)
      return `${direction === 'desc' ? '-' : ''}${at === -1 ? names[asked.metrics.indexOf(column)]! : by[at]!}`
    },
  )
  const { objects, attributes, activities } = tables
  return {
    model: modelOf({ zone: 'UTC', objects, attributes, activities, metrics: translation.metrics }),
    question: {
      ...(root === undefined ? range : asked.time_constraint === undefined ? {} : range),
      metrics: root?.counted === undefined ? names : [root.counted],
      ...(root === undefined || root.counted !== undefined ? {} : { of: root.id }),
      by,
      ...(conditions === '' ? {} : { where: conditions }),
      ...(order.length === 0 ? {} : { order }),
      ...(asked.limit === undefined ? {} : { limit: asked.limit }),
    },
    columns: [...asked.group_bys.map(({ column }) => column), ...asked.metrics],
  }
}

/** Without metrics: the source that has or reaches all that is named, the one that has the first of it itself before others. */
function rootOf(
  translation: Translation,
  asked: FlowCase,
  ofMetrics: readonly Tree[],
): { readonly id: string; readonly source: FlowSource; readonly counted?: string } {
  const { flow, activities } = translation.tables
  const spine: FlowSource = {
    name: 'spine',
    table: '',
    primary_entity: '',
    default_time: 'ds',
    entities: [],
    dimensions: [],
    measures: [],
  }
  const others = asked.group_bys.map(({ name }) => name).filter((name) => name !== 'metric_time')
  const short = ['second', 'minute', 'hour'].find((grain) =>
    asked.group_bys.some((group) => group.grain === grain),
  )
  if (others.length === 0) return { id: `act.spine_${short ?? 'day'}`, source: spine }
  if (others.length < asked.group_bys.length)
    throw new NotExpressible('every day with every value of another dimension is no set of rows')
  const isOwn = (source: FlowSource, name: string): boolean => {
    const [first, second] = name.split('__')
    return second === undefined
      ? source.entities.some((each) => each.name === first && each.type !== 'foreign')
      : isOwned(source, first!, second)
  }
  const found = flow.sources.find((source) => others.every((name) => isOwn(source, name)))
  if (found === undefined)
    throw new NotExpressible(
      'combinations of dimensions of two tables that no activity has together',
    )
  const text = JSON.stringify(asked.where?.tree ?? null)
  const names = [...text.matchAll(/"ref":"(\w+)"/g)].map((match) => match[1]!)
  if (
    names.some(
      (name) =>
        !isOwn(found, name) && !found.entities.some((each) => each.name === name.split('__')[0]),
    )
  )
    throw new NotExpressible('a condition on another table that nothing leads to')
  const id = activityName(found, ownTimes(found)[0])
  if (activities[id] === undefined) throw new Error(`no ${id}`)
  if (ofMetrics.length === 0) return { id, source: found }
  const selection = {
    kind: 'selection',
    activity: id,
    selector: { kind: 'all' },
    take: { kind: 'aggregate', aggregate: 'count' },
  } as const
  translation.metrics['counted'] = {
    kind: 'aggregate',
    selection: {
      ...selection,
      filter: allOf(ofMetrics.map((tree) => predicateOf(translation, found, tree))),
    },
  }
  return { id, source: found, counted: 'counted' }
}

function isOwned(source: FlowSource, entity: string, dimension: string): boolean {
  const isEntity =
    source.primary_entity === entity ||
    source.entities.some(({ name, type }) => name === entity && type !== 'foreign')
  return (
    isEntity && [...source.dimensions, ...source.entities].some(({ name }) => name === dimension)
  )
}

const parts: Readonly<Record<string, string>> = {
  dow: 'day_of_week',
  month: 'month_of_year',
  quarter: 'quarter_of_year',
  day: 'day_of_month',
  doy: 'day_of_year',
}

function dimensionOf(
  sources: readonly FlowSource[],
  {
    name,
    grain,
    date_part: part,
  }: { readonly name: string; readonly grain?: string; readonly date_part?: string },
): string {
  const word = part === undefined ? grain : (parts[part] ?? part)
  if (name === 'metric_time' || sources.some((source) => isOwnTime(source, name))) return word!
  const path = pathOf(sources[0]!, name)
  return word === undefined ? path : `${path}.${word}`
}

/** The time by which the source's measures are aggregated, by its name. */
function isOwnTime(source: FlowSource, name: string): boolean {
  const [entity, time] = name.split('__')
  return entity === source.primary_entity && ownTimes(source)[0] === time && time !== undefined
}

function pathOf(source: FlowSource, name: string): string {
  const segments = name.split('__')
  const isLocal = segments.length === 2 && isOwned(source, segments[0]!, segments[1]!)
  return (isLocal ? segments.slice(1) : segments).map(safe).join('.')
}

function conjunctsOf(tree: Tree): readonly Tree[] {
  return tree.op === 'and' ? tree.args.flatMap(conjunctsOf) : [tree]
}

function namesMetric(tree: Tree): boolean {
  return JSON.stringify(tree).includes('"metric":')
}

function allOf(operands: readonly Predicate[]): Predicate {
  return { kind: 'and', operands }
}

function filterText(sources: readonly FlowSource[], tree: Tree): string {
  switch (tree.op) {
    case undefined:
      return `${dimensionOf(sources, { name: tree.ref, ...(tree.grain === undefined ? {} : { grain: tree.grain }) })} = true`
    case 'and':
    case 'or':
      return tree.args.map((each) => `(${filterText(sources, each)})`).join(` ${tree.op} `)
    case 'not':
      return `not (${filterText(sources, tree.arg)})`
    case 'is_null':
    case 'is_not_null':
      return `${nameOf(sources, tree.arg)} is ${tree.op === 'is_null' ? 'unknown' : 'known'}`
    case 'in':
      return `${nameOf(sources, tree.arg)} in (${tree.values.map((value) => literalText(value)).join(', ')})`
    default:
      return `${nameOf(sources, tree.left as Tree)} ${tree.op} ${literalText(valueOf(tree))}`
  }
}

function nameOf(sources: readonly FlowSource[], tree: Tree): string {
  if (tree.op !== undefined) throw new NotExpressible('a comparison of two columns')
  const grain = tree.grain ?? (tree.ref === 'metric_time' ? 'day' : undefined)
  return dimensionOf(sources, { name: tree.ref, ...(grain === undefined ? {} : { grain }) })
}

function valueOf(tree: Extract<Tree, { readonly right: unknown }>): string | number | boolean {
  const { value, timestamp } = tree.right
  return timestamp === undefined ? value! : timestamp.replace(/ 00:00:00$/, '')
}

function literalText(value: string | number | boolean): string {
  return typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value)
}

function predicateOf(translation: Translation, source: FlowSource, tree: Tree): Predicate {
  const each = (inner: Tree): Predicate => predicateOf(translation, source, inner)
  switch (tree.op) {
    case undefined:
      return {
        kind: 'compare',
        path: dimensionOf([source], {
          name: tree.ref,
          ...(tree.grain === undefined ? {} : { grain: tree.grain }),
        }),
        operator: '=',
        value: true,
      }
    case 'and':
    case 'or':
      return { kind: tree.op, operands: tree.args.map(each) }
    case 'not':
      return { kind: 'not', operand: each(tree.arg) }
    case 'is_null':
      return { kind: 'unknown', path: nameOf([source], tree.arg) }
    case 'is_not_null':
      return { kind: 'not', operand: { kind: 'unknown', path: nameOf([source], tree.arg) } }
    case 'in':
      return { kind: 'in', path: nameOf([source], tree.arg), values: tree.values }
    default: {
      if (!('metric' in tree.left))
        return {
          kind: 'compare',
          path: nameOf([source], tree.left),
          operator: tree.op,
          value: valueOf(tree),
        }
      const entity = tree.left.by[0]!
      // The metric is of its own rows: what it is compared in gives it neither range nor conditions.
      const inner: Translation = { ...translation, used: new Set() }
      return {
        kind: 'metric',
        metric: metricNamed(inner, { metric: tree.left.metric }, []),
        object: `obj.${safe(entity)}`,
        path: safe(entity),
        operator: tree.op,
        value: valueOf(tree),
      }
    }
  }
}

/** The metric under the filters of what it is an input of; each set of filters makes one of its own. */
function metricNamed(translation: Translation, input: FlowInput, outer: readonly Tree[]): string {
  const metric = translation.tables.flow.metrics.find(({ name }) => name === input.metric)
  if (metric === undefined) throw new Error(`no metric ${input.metric}`)
  const filters = [
    ...outer,
    ...[input.filter, metric.filter].flatMap((each) => (each === undefined ? [] : [each.tree])),
  ]
  const isBare = filters.length === (metric.filter === undefined ? 0 : 1)
  const name = isBare ? safe(metric.name) : freshName(translation, safe(metric.name))
  const sketch = sketchOf(translation, metric, filters)
  translation.metrics[name] = sketch
  return name
}

function freshName({ named }: Translation, name: string): string {
  const fresh = `${name}_${named.size}`
  named.add(fresh)
  return fresh
}

function sketchOf(
  translation: Translation,
  metric: FlowMetric,
  filters: readonly Tree[],
): MetricSketch {
  switch (metric.type) {
    case 'simple':
      return {
        ...measured(translation, metric.input!, filters),
        ...optionsOf(metric.input!),
      } as MetricSketch
    case 'ratio':
      return {
        kind: 'ratio',
        numerator: metricNamed(translation, metric.numerator!, filters),
        denominator: metricNamed(translation, metric.denominator!, filters),
      }
    case 'derived':
      return derived(translation, metric, filters)
    case 'cumulative': {
      const name = freshName(translation, `${safe(metric.name)}_input`)
      translation.metrics[name] = measured(translation, metric.input!, filters)
      const over =
        metric.accumulate === 'window'
          ? ({ kind: 'window', length: metric.window! } as const)
          : metric.accumulate === 'grain_to_date'
            ? ({ kind: 'to_date', grain: metric.grain_to_date! } as const)
            : ({ kind: 'all_time' } as const)
      return {
        kind: 'cumulative',
        metric: name,
        over,
        across: metric.period_agg ?? 'first',
        ...optionsOf(metric.input!),
      }
    }
    case 'conversion':
      return conversionOf(translation, metric, filters)
  }
}

function optionsOf(input: FlowInput): { readonly calendar?: true; readonly fill?: number } {
  return {
    ...(input.join_to_timespine === true ? { calendar: true as const } : {}),
    ...(input.fill_nulls_with === undefined ? {} : { fill: input.fill_nulls_with }),
  }
}

function measureOf(
  translation: Translation,
  name: string,
): { readonly source: FlowSource; readonly measure: FlowMeasure } {
  for (const source of translation.tables.flow.sources) {
    const measure = source.measures.find((each) => each.name === name)
    if (measure !== undefined)
      return {
        source: { ...source, default_time: measure.agg_time_dimension, measures: [measure] },
        measure,
      }
  }
  throw new Error(`no measure ${name}`)
}

const aggregates: Readonly<
  Record<
    string,
    'sum' | 'min' | 'max' | 'count' | 'average' | 'distinct' | 'count_true' | 'percentile'
  >
> = {
  sum: 'sum',
  min: 'min',
  max: 'max',
  count: 'count',
  average: 'average',
  count_distinct: 'distinct',
  sum_boolean: 'count_true',
  percentile: 'percentile',
  median: 'percentile',
}

function measured(
  translation: Translation,
  input: FlowInput,
  outer: readonly Tree[],
): MetricSketch {
  const { source, measure } = measureOf(translation, input.measure!)
  translation.used.add(source)
  const filters = [...outer, ...(input.filter === undefined ? [] : [input.filter.tree])]
  const { non_additive: last, percentile } = measure
  const aggregate = aggregates[measure.agg]!
  const balance: Balance | undefined =
    last === undefined
      ? undefined
      : { kind: last.take === 'min' ? 'first' : 'last', per: (last.per ?? []).map(safe) }
  return {
    kind: 'aggregate',
    selection: {
      kind: 'selection',
      activity: activityName(source, measure.agg_time_dimension),
      selector: { kind: 'all' },
      take: {
        kind: 'aggregate',
        aggregate,
        column: `${safe(measure.name)}_measured`,
        ...(aggregate === 'percentile'
          ? {
              percentile: {
                fraction: percentile ?? 0.5,
                kind: measure.discrete === true ? 'discrete' : 'continuous',
              },
            }
          : {}),
      },
      ...(filters.length === 0
        ? {}
        : { filter: allOf(filters.map((tree) => predicateOf(translation, source, tree))) }),
    },
    ...(balance === undefined ? {} : { balance }),
  }
}

function derived(
  translation: Translation,
  metric: FlowMetric,
  filters: readonly Tree[],
): MetricSketch {
  const inputs = new Map(metric.inputs!.map((input) => [input.alias ?? input.metric!, input]))
  // A division by zero is unknown anyway.
  const expr = metric.expr!.replaceAll(/nullif\(([\w.]+), 0\)/gi, '$1')
  const texts: string[] = []
  const holes: Hole[] = []
  let at = 0
  for (const match of expr.matchAll(/[a-z_]\w*/gi)) {
    const input = inputs.get(match[0])
    if (input === undefined) throw new NotExpressible(`a formula has no "${match[0]}"`)
    texts.push(expr.slice(at, match.index))
    at = match.index + match[0].length
    const { offset_window: back, offset_to_grain: to } = input
    holes.push({
      kind: 'metric',
      name: metricNamed(translation, input, filters),
      ...(back === undefined
        ? {}
        : { offset: { kind: 'back', count: back.count, grain: back.unit } }),
      ...(to === undefined ? {} : { offset: { kind: 'to_start', grain: to } }),
    })
  }
  const parsed = parseFormula([...texts, expr.slice(at)], holes)
  if ('fault' in parsed) throw new NotExpressible(parsed.fault)
  return { kind: 'formula', formula: parsed.formula }
}

function conversionOf(
  translation: Translation,
  metric: FlowMetric,
  filters: readonly Tree[],
): MetricSketch {
  const base = measureOf(translation, metric.base!.measure!)
  const later = measureOf(translation, metric.conversion!.measure!)
  translation.used.add(base.source)
  const of = safe(metric.entity!)
  const rows = ({
    source,
    measure,
  }: typeof base): { activity: string; of: string; selector: { kind: 'all' } } => ({
    activity: activityName(source, measure.agg_time_dimension),
    of,
    selector: { kind: 'all' },
  })
  const same = (metric.constant_properties ?? []).map(
    ({ base_property: anchor, conversion_property: path }) => ({
      path: safe(path),
      anchor: safe(anchor),
    }),
  )
  const fill = metric.conversion!.fill_nulls_with
  return {
    kind: 'conversion',
    base: {
      ...rows(base),
      ...(filters.length === 0
        ? {}
        : { filter: allOf(filters.map((tree) => predicateOf(translation, base.source, tree))) }),
    },
    conversion: { ...rows(later), ...(same.length === 0 ? {} : { same }) },
    ...(metric.window === undefined ? {} : { within: metric.window }),
    result: metric.calculation === 'conversions' ? 'count' : 'rate',
    ...(metric.base!.join_to_timespine === true ? { calendar: true } : {}),
    ...(fill === undefined ? {} : { fill }),
  }
}

/** Both ends are in the range; what is finer than the question's grain is widened to its period. Without a range as far as the spine reaches. */
function rangeOf(
  tables: FlowTables,
  asked: FlowCase,
): {
  readonly range: { readonly from?: string; readonly to?: string }
  readonly more: readonly string[]
} {
  const grains = asked.group_bys.flatMap(({ grain }) => grain ?? [])
  const short = ['second', 'minute', 'hour'].find((grain) => grains.includes(grain))
  if (asked.time_constraint === undefined)
    return { range: tables.spines.get(short ?? 'day')!, more: [] }
  const { start, end } = asked.time_constraint
  const day = (text: string): string => text.slice(0, 10)
  const coarsest = (['year', 'quarter', 'month', 'week'] as const).find(
    (grain) => grains.length > 0 && grains.every((each) => each === grain),
  )
  const period: Period = coarsest ?? 'day'
  const range = { from: periodStart(period, day(start)), to: nextPeriod(period, day(end)) }
  if (short === undefined || start.length === 10) return { range, more: [] }
  const cut = (text: string): string =>
    short === 'hour'
      ? `${text.slice(0, 13)}:00:00`
      : short === 'minute'
        ? `${text.slice(0, 16)}:00`
        : text
  return { range, more: [`${short} >= '${cut(start)}'`, `${short} <= '${cut(end)}'`] }
}

/** Models written by hand for tests of metrics: short descriptions in, a whole Model with its merged tables out. */
import type { SqlModel } from '../../src/model/model.ts'
import type {
  ActivityModel,
  Aggregate,
  AttachedColumn,
  AttributesModel,
  CalendarModel,
  ColumnModel,
  ColumnType,
  MergedModel,
  MergedVersion,
  MetricModel,
  Model,
  ObjectModel,
  Percentile,
  Predicate,
  TableModel,
} from '../../src/model/model.ts'

/** `text`, `decimal(2)`, `obj.member` (a reference with an integer key), `obj.member by text`, `integer cut at 0, 5` (with buckets), … */
export type TypeText = string

export interface ObjectSketch {
  readonly key: string
  /** `integer` when absent. */
  readonly keyType?: TypeText
  readonly history?: boolean
  readonly columns: Readonly<Record<string, TypeText>>
  readonly calendar?: CalendarModel
}

export interface AttributesSketch {
  readonly object: string
  readonly history?: boolean
  readonly columns: Readonly<Record<string, TypeText>>
}

export interface ActivitySketch {
  readonly columns: Readonly<Record<string, TypeText>>
}

export interface ModelSketch {
  readonly zone?: string
  readonly objects?: Readonly<Record<string, ObjectSketch>>
  readonly attributes?: Readonly<Record<string, AttributesSketch>>
  /** `id`, `occurred_at` and `day` are added. */
  readonly activities?: Readonly<Record<string, ActivitySketch>>
  readonly metrics?: Readonly<Record<string, MetricSketch>>
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never
export type MetricSketch = DistributiveOmit<
  MetricModel,
  'id' | 'name' | 'place' | 'owner' | 'description' | 'synonyms'
>

/** A metric over all rows of an activity. */
export function aggregate(
  activity: string,
  name: Aggregate,
  rest: {
    readonly column?: string
    readonly filter?: Predicate
    readonly percentile?: Percentile
  } = {},
): Extract<MetricSketch, { kind: 'aggregate' }> {
  const { filter, ...take } = rest
  return {
    kind: 'aggregate',
    selection: {
      kind: 'selection',
      activity,
      selector: { kind: 'all' },
      take: { kind: 'aggregate', aggregate: name, ...take },
      ...(filter === undefined ? {} : { filter }),
    },
  }
}

const place = { file: 'test.ts' }
const sql: SqlModel = { parts: [], place }

export function modelOf(sketch: ModelSketch): Model {
  const tables: TableModel[] = []
  for (const [id, object] of Object.entries(sketch.objects ?? {})) tables.push(objectOf(id, object))
  for (const [id, group] of Object.entries(sketch.attributes ?? {})) {
    tables.push(attributesOf(id, group, sketch.objects![group.object]!))
  }
  for (const [id, activity] of Object.entries(sketch.activities ?? {}))
    tables.push(activityOf(id, activity))
  for (const table of tables.slice()) {
    if (table.kind === 'activity') tables.push(mergedOf(table, tables))
  }
  return {
    formatVersion: 1,
    zone: sketch.zone ?? 'Asia/Seoul',
    tables: tables.toSorted((left, right) => (left.id < right.id ? -1 : 1)),
    metrics: Object.entries(sketch.metrics ?? {}).map(([name, metric]) =>
      metricNamed(name, metric),
    ),
  }
}

export function metricNamed(name: string, metric: MetricSketch): MetricModel {
  const described = { owner: 'test', description: name, synonyms: [] }
  return { id: `metric.${name}`, name, place, ...described, ...metric }
}

export function typeOf(text: TypeText): ColumnType {
  if (text.startsWith('obj.')) return typeOf(/ by (.*)$/.exec(text)?.[1] ?? 'integer')
  const decimal = /^decimal\((\d+)\)$/.exec(text)
  if (decimal !== null) return { kind: 'decimal', precision: 18, scale: Number(decimal[1]) }
  return { kind: text.replace(/ cut at .*/, '') } as ColumnType
}

function columnOf(name: string, text: TypeText): ColumnModel {
  const refers = text.startsWith('obj.') ? { refers: text.replace(/ by .*/, '') } : {}
  const cuts = / cut at (.*)$/.exec(text)?.[1]
  const buckets = cuts === undefined ? {} : { buckets: cuts.split(', ').map(Number) }
  return {
    name,
    type: typeOf(text),
    description: `the ${name}`,
    required: false,
    tags: [],
    ...refers,
    ...buckets,
  }
}

function columnsOf(columns: Readonly<Record<string, TypeText>>): ColumnModel[] {
  return Object.entries(columns).map(([name, text]) => columnOf(name, text))
}

function historyColumns(history: boolean | undefined): ColumnModel[] {
  if (history !== true) return []
  return columnsOf({
    valid_from: 'timestamp',
    valid_to: 'timestamp',
    recorded_at: 'timestamp',
    version: 'integer',
  })
}

function base(id: string): {
  id: string
  place: { file: string }
  owner: string
  description: string
} {
  return { id, place, owner: 'test', description: id }
}

function objectOf(id: string, sketch: ObjectSketch): ObjectModel {
  const { key, keyType = 'integer', history, columns, calendar } = sketch
  return {
    ...base(id),
    ...(calendar === undefined ? {} : { calendar }),
    kind: 'object',
    class: 'obj',
    key,
    history: history === true,
    sql,
    columns: [...columnsOf({ [key]: keyType, ...columns }), ...historyColumns(history)],
  }
}

function attributesOf(
  id: string,
  sketch: AttributesSketch,
  { key, keyType = 'integer' }: ObjectSketch,
): AttributesModel {
  const { object, history, columns } = sketch
  return {
    ...base(id),
    kind: 'attributes',
    class: 'obj_attr',
    object,
    key,
    history: history === true,
    from: { kind: 'sql', sql },
    columns: [...columnsOf({ [key]: keyType, ...columns }), ...historyColumns(history)],
  }
}

function activityOf(id: string, sketch: ActivitySketch): ActivityModel {
  const columns = columnsOf({
    id: 'integer',
    occurred_at: 'timestamp',
    ...sketch.columns,
    day: 'date',
  })
  const references = columns.filter((column) => column.refers !== undefined)
  return {
    ...base(id),
    kind: 'activity',
    class: 'act',
    key: 'id',
    says: '',
    actor: references[0]?.name ?? 'id',
    targets: references.slice(1).map((column) => column.name),
    sql,
    checks: [],
    columns,
  }
}

function mergedOf(activity: ActivityModel, tables: readonly TableModel[]): MergedModel {
  const versions: MergedVersion[] = []
  for (const reference of activity.columns) {
    for (const group of groupsOf(reference.refers, tables)) {
      if (!group.history) continue
      const column = `${reference.name}__${group.id.split('.').at(-1)!}_version`
      versions.push({ column, reference: reference.name, group: group.id })
    }
  }
  const attached: AttachedColumn[] = []
  attach({ activity, tables, attached }, [], activity.columns)
  return {
    ...base(activity.id.replace('act.', 'merged.')),
    kind: 'merged',
    class: 'merged',
    activity: activity.id,
    columns: activity.columns,
    versions,
    attached,
    declared: false,
  }
}

interface Attaching {
  readonly activity: ActivityModel
  readonly tables: readonly TableModel[]
  readonly attached: AttachedColumn[]
}

function attach(at: Attaching, path: readonly string[], columns: readonly ColumnModel[]): void {
  if (path.length === 3) return
  for (const reference of columns) {
    const inside = [...path, reference.name]
    const groups = groupsOf(reference.refers, at.tables)
    for (const group of groups) {
      const attributes = group.columns.filter((column) => !isKeyOrFilled(group, column.name))
      for (const attribute of attributes) {
        const column = [...inside, attribute.name].join('__')
        at.attached.push({ column, path: inside, table: group.id, attribute: attribute.name })
      }
      attach(at, inside, attributes)
    }
  }
}

function isKeyOrFilled(group: ObjectModel | AttributesModel, name: string): boolean {
  return name === group.key || /^(valid_from|valid_to|recorded_at|version)$/.test(name)
}

export function groupsOf(
  object: string | undefined,
  tables: readonly TableModel[],
): readonly (ObjectModel | AttributesModel)[] {
  return tables.filter((table): table is ObjectModel | AttributesModel => {
    if (object === undefined) return false
    return table.id === object || (table.kind === 'attributes' && table.object === object)
  })
}

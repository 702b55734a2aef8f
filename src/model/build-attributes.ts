/** Attributes of objects: from SQL, or derived from activities. */
import { suggest } from '../base/nearest.ts'
import type { Request } from './build-choice.ts'
import { isCounting, selectionOf, takeAggregate, takeRow, type Taken } from './build-selection.ts'
import { buildSql } from './build-sql.ts'
import {
  bucketsFault,
  hasHistory,
  isNameFree,
  isText,
  keyNames,
  missingFault,
  objectOf,
  refuse,
  type Shapes,
} from './column-models.ts'
import {
  definitionOf,
  describeValue,
  present,
  type ActivityData,
  type AttributesData,
} from './definition.ts'
import type { Fault, Subject, TableEntry } from './identify.ts'
import type { AttributesModel, ColumnModel, DerivedAttribute } from './model.ts'
import { column, common } from './table-base.ts'

/** undefined when a fault (reported) leaves nothing to go on with. */
export function buildAttributes(
  shapes: Shapes,
  entry: TableEntry,
  data: AttributesData,
): AttributesModel | undefined {
  const object = objectOf(shapes.book, data)
  if (object === undefined) return undefined
  const description =
    object.data.description === undefined
      ? undefined
      : `attributes of ${object.id}: ${object.data.description}`
  const texts = present({ owner: object.data.owner, description })
  const key = keyNames(object)[0]
  const history = hasHistory(data)
  const from =
    data.derived === undefined
      ? sqlOf(shapes, entry, data)
      : { kind: 'derived' as const, attributes: shapes.derived.get(entry.id) ?? [] }
  const declared = shapes.columns.get(entry.id)!.size - (history ? 4 : 0) - 1
  if (declared < 1 && Object.keys(data.derived ?? data.columns).length === 0) {
    refuse(shapes, entry, {
      code: 'MODEL_BAD_DECLARATION',
      message: `${entry.id} has no attributes`,
      hint: 'add some, for example purchases: count(purchase)',
    })
  }
  if (from === undefined || key === undefined) return undefined
  return {
    ...common(shapes, entry, texts),
    class: 'obj_attr',
    kind: 'attributes',
    object: object.id,
    key,
    ...present({ orphans: data.orphans }),
    history,
    from,
  }
}

function sqlOf(
  shapes: Shapes,
  entry: TableEntry,
  data: AttributesData,
): AttributesModel['from'] | undefined {
  const sql = buildSql(shapes, entry, data.sql)
  return sql === undefined ? undefined : { kind: 'sql', sql }
}

/** Adds the columns of derived attributes; the activities' columns must be there already. */
export function addDerivedColumns(shapes: Shapes, entry: TableEntry, data: AttributesData): void {
  const columns = shapes.columns.get(entry.id) as Map<string, ColumnModel>
  const attributes: DerivedAttribute[] = []
  for (const [name, value] of Object.entries(data.derived ?? {})) {
    if (!isNameFree(shapes, entry, name)) continue
    if (columns.has(name)) {
      refuse(shapes, entry, {
        code: 'MODEL_BAD_NAME',
        message: `the attribute "${name}" has the name of the object's key`,
        hint: 'choose another',
      })
      continue
    }
    const taken = takeDerived(shapes, entry, { name, value, data })
    if (taken === undefined) continue
    attributes.push({ name, selection: selectionOf(taken) })
    columns.set(name, derivedColumn(shapes, entry, { name, taken, data }))
  }
  for (const option of ['describe', 'buckets'] as const)
    for (const name of Object.keys(data[option] ?? {}))
      if (!Object.hasOwn(data.derived ?? {}, name))
        refuse(shapes, entry, {
          code: 'MODEL_UNKNOWN_COLUMN',
          message: `\`${option}\` of ${entry.id} names "${name}", which is no attribute`,
          hint: suggest(name, Object.keys(data.derived ?? {})),
        })
  shapes.derived.set(entry.id, attributes)
}

interface Given {
  readonly name: string
  readonly value: unknown
  readonly data: AttributesData
}

function takeDerived(
  shapes: Shapes,
  entry: TableEntry,
  { name, value, data }: Given,
): Taken | undefined {
  const label = `the attribute "${name}"`
  const taken = take({ shapes, subject: entry, label, use: 'attribute' }, value)
  if (taken === undefined) return undefined
  const object = objectOf(shapes.book, data)
  const { by, to = [] } = taken.table.data as ActivityData
  const { of } = taken.choice
  if (
    object !== undefined &&
    !(of === undefined ? [by, ...to] : [of]).some(
      (each) => column(shapes, taken.table, each)?.refers === object.id,
    )
  ) {
    const hint = `take it of an activity whose \`by\` or \`to\` refers to ${object.id}`
    return refuse(shapes, entry, {
      code: 'MODEL_BAD_DECLARATION',
      message: `the attribute "${name}" is taken of ${taken.table.id}, in which ${object.id} has no part`,
      hint,
    })
  }
  return taken
}

/** A selection or an aggregate over activities, as attributes and related columns take it. */
export function take(request: Request, value: unknown): Taken | undefined {
  const given = definitionOf(value)
  if (given?.kind === 'missing') {
    const fault = missingFault(request.shapes, given)
    return report(request, { ...fault, message: `${request.label}: ${fault.message}` })
  }
  if (given?.kind !== 'selection' && given?.kind !== 'aggregate') {
    const hint =
      given?.kind === 'row'
        ? 'take a column of it: first(purchase).occurred_at'
        : 'write first(purchase).occurred_at, count(purchase), sum(purchase.amount)'
    const message = `${request.label} is ${describeValue(value)}`
    return report(request, { code: 'MODEL_BAD_DECLARATION', message, hint })
  }
  const taken = given.kind === 'selection' ? takeRow(request, given) : takeAggregate(request, given)
  if (taken === undefined) return undefined
  if (taken.table.data.kind !== 'activity') {
    return report(request, {
      code: 'MODEL_LAYER',
      message: `${request.label} is taken of ${taken.table.id}`,
      hint: 'attributes are derived from activities; from other tables by SQL',
    })
  }
  if (given.kind === 'selection' || given.balance === undefined) return taken
  return report(request, {
    code: 'MODEL_BAD_DECLARATION',
    message: `${request.label} has a balance, which is for metrics`,
    hint: 'take the last: last(balance).amount',
  })
}

function report(request: Request, fault: Fault): undefined {
  request.shapes.book.report(request.subject, fault)
}

interface DerivedGiven {
  readonly name: string
  readonly taken: Taken
  readonly data: Pick<AttributesData, 'describe' | 'buckets'>
}

/** The column of what is taken; a description of the author's own wins. */
export function derivedColumn(
  shapes: Shapes,
  entry: Subject,
  { name, taken, data }: DerivedGiven,
): ColumnModel {
  const described = data.describe?.[name]
  const buckets = data.buckets?.[name]
  const cuts = buckets === undefined ? undefined : bucketsFault(taken.type, buckets)
  if (cuts !== undefined)
    shapes.book.report(entry, {
      code: 'MODEL_BAD_DECLARATION',
      message: `the attribute "${name}" ${cuts.fault}`,
      hint: cuts.hint,
    })
  if (described !== undefined && !isText(described)) {
    shapes.book.report(entry, {
      code: 'MODEL_MISSING_TEXT',
      message: `the attribute "${name}" has an empty description`,
      hint: 'say what it is, or leave it out of `describe`',
    })
  }
  const { aggregate, map } = taken
  const isValue = aggregate === undefined || aggregate === 'first' || aggregate === 'last'
  const refers = isValue && map === undefined ? taken.column?.refers : undefined
  const absent = isCounting(aggregate) ? 0 : aggregate === 'any' ? false : undefined
  return {
    name,
    type: taken.type,
    description: described ?? taken.description,
    ...present({
      unit: taken.unit,
      refers,
      orphans: refers === undefined ? undefined : ('allowed' as const),
    }),
    required: false,
    ...(map === undefined ? present({ absent }) : {}),
    ...present({ buckets }),
    tags: taken.column?.tags ?? [],
  }
}

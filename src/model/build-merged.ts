/** The merged table of every activity: its columns, the versions to store, and what the wide reading attaches. */
import { derivedColumn, take } from './build-attributes.ts'
import { objectOfChoice } from './build-choice.ts'
import { selectionOf } from './build-selection.ts'
import { dayFilled, hasHistory, isText, objectOf, type Shapes } from './column-models.ts'
import { definitionOf, describeValue } from './definition.ts'
import type { Book, MergedEntry, TableEntry } from './identify.ts'
import { optionProblems } from './options.ts'
import { nameFault } from './sql-names.ts'
import {
  filledColumns,
  type ActivityModel,
  type AttachedColumn,
  type ColumnModel,
  type MergedModel,
  type MergedVersion,
  type RelatedColumn,
  type TableId,
} from './model.ts'

const referencesMax = 3

/** What hangs on each object: its own table and its attributes declarations. */
interface Groups {
  readonly shapes: Shapes
  readonly byObject: ReadonlyMap<TableId, readonly TableEntry[]>
}

export function buildMerged(
  shapes: Shapes,
  activities: readonly ActivityModel[],
): readonly MergedModel[] {
  const groups: Groups = { shapes, byObject: groupsByObject(shapes) }
  const declared = new Map<TableId, MergedEntry>()
  for (const entry of shapes.book.merged) {
    for (const fault of optionProblems(entry.id, entry.data)) shapes.book.report(entry, fault)
    const activity = activityOf(shapes.book, entry)
    if (activity !== undefined) declared.set(activity.id, entry)
  }
  checkAttributeNames(groups)
  return activities.map((activity) => mergedOf(groups, activity, declared.get(activity.id)))
}

/** Adds the columns of related attributes; all activities' own columns must be there already. */
export function addRelatedColumns(shapes: Shapes): void {
  for (const entry of shapes.book.merged) {
    const activity = shapes.book.tableOf.get(entry.data.activity)
    if (activity?.data.kind !== 'activity') continue
    const columns = new Map<string, ColumnModel>()
    const selections: RelatedColumn[] = []
    for (const [name, value] of Object.entries(entry.data.related ?? {})) {
      const built = relatedColumn(shapes, { entry, activity, name, value })
      if (built === undefined) continue
      columns.set(name, built.column)
      selections.push(built)
    }
    shapes.related.set(activity.id, { columns, selections })
  }
}

interface RelatedGiven {
  readonly entry: MergedEntry
  readonly activity: TableEntry
  readonly name: string
  readonly value: unknown
}

function relatedColumn(
  shapes: Shapes,
  { entry, activity, name, value }: RelatedGiven,
): RelatedColumn | undefined {
  const own = shapes.columns.get(activity.id)
  const fault = nameFault(name)
  if (fault !== undefined || own?.has(name) === true) {
    shapes.book.report(entry, {
      code: 'MODEL_BAD_NAME',
      message: `the related column "${name}" ${fault?.fault ?? `has the name of a column of ${activity.id}`}`,
      hint: fault?.hint ?? 'choose another',
    })
    return undefined
  }
  const label = `the related column "${name}"`
  const taken = take({ shapes, subject: entry, label, use: 'related', base: activity }, value)
  if (taken === undefined) return undefined
  const actor = objectOfChoice(shapes, { activity: activity.id, selector: { kind: 'all' } })
  const object = objectOfChoice(shapes, taken.choice)
  if (object !== actor) {
    shapes.book.report(entry, {
      code: 'MODEL_BAD_DECLARATION',
      message: `${label} is taken of activities of ${object}, but ${activity.id} is of ${actor}`,
      hint: 'of(…) names the reference that holds the same object',
    })
    return undefined
  }
  const column = derivedColumn(shapes, entry, { name, taken, data: {} })
  return { column, selection: selectionOf(taken) }
}

function groupsByObject(shapes: Shapes): ReadonlyMap<TableId, readonly TableEntry[]> {
  const byObject = new Map<TableId, TableEntry[]>()
  for (const entry of shapes.book.tables.values())
    if (entry.data.kind === 'object') byObject.set(entry.id, [entry])
  for (const entry of sorted(shapes.book.tables.values())) {
    if (entry.data.kind !== 'attributes') continue
    const object = objectOf(shapes.book, entry.data)
    if (object !== undefined) byObject.get(object.id)?.push(entry)
  }
  return byObject
}

function sorted(entries: Iterable<TableEntry>): readonly TableEntry[] {
  return [...entries].toSorted((left, right) => (left.id < right.id ? -1 : 1))
}

/** The activity that a file of merged/ is about, when both are as they should be. */
function activityOf(book: Book, entry: MergedEntry): TableEntry | undefined {
  const activity = book.tableOf.get(entry.data.activity)
  if (activity?.data.kind !== 'activity') {
    const what = activity === undefined ? describeValue(entry.data.activity) : activity.id
    const hint = 'write merged(purchase, { … }) with an activity from act/'
    book.report(entry, {
      code: 'MODEL_BAD_DECLARATION',
      message: `${entry.id} is of ${what}, not of a declared activity`,
      hint,
    })
    return undefined
  }
  const expected = activity.id.replace(/^act\./, 'merged.')
  if (entry.id === expected) return activity
  const hint = `name the file ${expected.replaceAll('.', '/')}.ts`
  book.report(entry, {
    code: 'MODEL_BAD_PATH',
    message: `${entry.id} is of ${activity.id}, whose merged table is ${expected}`,
    hint,
  })
  return undefined
}

/** An attribute's name must lead to one column, so that `member.country` has one meaning. */
function checkAttributeNames({ shapes, byObject }: Groups): void {
  for (const [object, groups] of byObject) {
    const holders = new Map<string, TableEntry>()
    for (const group of groups) {
      for (const { name } of attributesOf(shapes, group)) {
        const other = holders.get(name)
        holders.set(name, other ?? group)
        if (other === undefined) continue
        const message = `the attribute "${name}" of ${object} is declared twice: in ${other.place.file} and ${group.place.file}`
        shapes.book.report(group, {
          code: 'MODEL_DUPLICATE',
          message,
          hint: 'rename or remove one of them',
        })
      }
    }
  }
}

const bookkeeping: ReadonlySet<string> = new Set([
  filledColumns.validFrom,
  filledColumns.validTo,
  filledColumns.recordedAt,
  filledColumns.version,
  filledColumns.bucket,
])

/** What a table says of its object: neither the key nor what Maru keeps for itself. */
function attributesOf(shapes: Shapes, group: TableEntry): readonly ColumnModel[] {
  const object = group.data.kind === 'attributes' ? objectOf(shapes.book, group.data) : group
  return [...shapes.columns.get(group.id)!.values()].filter(
    ({ name }) => !bookkeeping.has(name) && !isKey(object, name),
  )
}

function isKey(object: TableEntry | undefined, name: string): boolean {
  const data = definitionOf(object?.data.columns[name])
  return data?.kind === 'column' && data.spec.type.kind === 'key'
}

function mergedOf(
  groups: Groups,
  activity: ActivityModel,
  entry: MergedEntry | undefined,
): MergedModel {
  const id = activity.id.replace(/^act\./, 'merged.')
  const only = entry === undefined ? undefined : onlyGroups(groups, entry)
  const references = activity.columns.filter((column) => column.refers !== undefined)
  const walk: Walk = { groups, only, attached: [] }
  for (const column of references)
    attach(walk, { prefix: column.name, path: [column.name], object: column.refers!, seen: [] })
  const versions = references.flatMap((column) => versionsOf(walk, column))
  const texts = {
    owner: entry?.data.owner ?? activity.owner,
    description:
      entry?.data.description ?? `${activity.description}, with the attributes as they were then`,
  }
  if (entry !== undefined) checkTexts(groups, entry, texts)
  const names = new Set(walk.attached.map((column) => column.column))
  for (const version of versions) {
    if (!names.has(version.column)) continue
    const message = `${id} has two columns "${version.column}": a version of ${version.group} and an attribute`
    groups.shapes.book.report(
      { id, place: entry?.place ?? activity.place },
      { code: 'MODEL_DUPLICATE', message, hint: 'rename the attribute' },
    )
  }
  const columns = activity.columns.some((column) => column.name === filledColumns.day)
    ? activity.columns
    : [...activity.columns, dayFilled('occurred_at')]
  return {
    kind: 'merged',
    id,
    class: 'merged',
    place: entry?.place ?? activity.place,
    ...texts,
    columns,
    activity: activity.id,
    versions,
    attached: walk.attached,
    ...relatedOf(groups.shapes, activity.id),
    declared: entry !== undefined,
  }
}

function relatedOf({ related }: Shapes, id: TableId): Pick<MergedModel, 'related'> {
  const selections = related.get(id)?.selections ?? []
  return selections.length === 0 ? {} : { related: selections }
}

function checkTexts(
  { shapes }: Groups,
  entry: MergedEntry,
  texts: { readonly owner: string; readonly description: string },
): void {
  for (const name of ['owner', 'description'] as const) {
    if (!isText(texts[name]))
      shapes.book.report(entry, {
        code: 'MODEL_MISSING_TEXT',
        message: `${entry.id} has an empty ${name}`,
        hint: 'write one, or leave it out to take the activity’s',
      })
  }
}

/** The version groups that a declared merged table attaches; undefined: all. */
function onlyGroups({ shapes }: Groups, entry: MergedEntry): ReadonlySet<TableId> | undefined {
  if (entry.data.groups === undefined) return undefined
  const ids = entry.data.groups.flatMap((value) => {
    const group = shapes.book.tableOf.get(value)
    if (group?.data.kind === 'object' || group?.data.kind === 'attributes') return [group.id]
    const message = `${entry.id} attaches ${group?.id ?? describeValue(value)}, which is no version group`
    shapes.book.report(entry, {
      code: 'MODEL_BAD_DECLARATION',
      message,
      hint: 'name attributes from obj_attr/ and objects with history',
    })
    return []
  })
  return new Set(ids)
}

interface Walk {
  readonly groups: Groups
  readonly only: ReadonlySet<TableId> | undefined
  readonly attached: AttachedColumn[]
}

interface Position {
  readonly prefix: string
  readonly path: readonly string[]
  readonly object: TableId
  /** Objects passed on the way, so that a circle of references ends. */
  readonly seen: readonly TableId[]
}

/** Objects without history are no version group: they are always attached. */
function groupsAt({ groups, only }: Walk, object: TableId): readonly TableEntry[] {
  const all = groups.byObject.get(object) ?? []
  if (only === undefined) return all
  return all.filter(
    (group) => only.has(group.id) || (group.data.kind === 'object' && !hasHistory(group.data)),
  )
}

function attach(walk: Walk, position: Position): void {
  const { prefix, path, object } = position
  const seen = [...position.seen, object]
  for (const group of groupsAt(walk, object)) {
    for (const { name, refers } of attributesOf(walk.groups.shapes, group)) {
      const column = `${prefix}__${name}`
      walk.attached.push({ column, path, table: group.id, attribute: name })
      if (refers === undefined || path.length === referencesMax || seen.includes(refers)) continue
      attach(walk, { prefix: column, path: [...path, name], object: refers, seen })
    }
  }
}

function versionsOf(walk: Walk, reference: ColumnModel): readonly MergedVersion[] {
  return groupsAt(walk, reference.refers!).flatMap((group) => {
    if (!hasHistory(group.data)) return []
    return [
      {
        column: `${reference.name}__${group.id.split('.').at(-1)!}_version`,
        reference: reference.name,
        group: group.id,
      },
    ]
  })
}

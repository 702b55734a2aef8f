/** Which activities a selection sees, as the Model has it: anchors resolved, conditions and paths checked. */
import {
  describeValue,
  definitionOf,
  present,
  type BoundData,
  type ChoiceData,
  type RowData,
} from './definition.ts'
import type { Fault, Subject, TableEntry } from './identify.ts'
import { missingFault, type Shapes } from './column-models.ts'
import type { Anchor, Bound, Duration, RowChoice, SamePair, Window } from './model.ts'
import { optionProblems } from './options.ts'
import { buildPredicate, reach, type Viewpoint } from './predicates.ts'

export interface Request {
  readonly shapes: Shapes
  readonly subject: Subject
  /** For messages: `metric sales`, `the attribute "spent_1y"`. */
  readonly label: string
  /** What the selection is for, from which its anchors and its default window follow. */
  readonly use: 'attribute' | 'related' | 'metric'
  /** The activity of the row from which a related column, or a later step, is seen. */
  readonly base?: TableEntry
}

export interface Given {
  readonly table: TableEntry
  readonly selector: RowData['selector']
  readonly choice: ChoiceData
}

/** undefined when a fault was reported. */
export function buildChoice(request: Request, given: Given): RowChoice | undefined {
  const { table, selector, choice } = given
  if (selector.kind === 'nth' && !(Number.isSafeInteger(selector.n) && selector.n >= 1)) {
    return refuse(request, {
      code: 'MODEL_BAD_DECLARATION',
      message: `${request.label} takes number ${selector.n} of ${table.id}`,
      hint: 'nth counts from 1',
    })
  }
  for (const fault of optionProblems(request.label, choice)) refuse(request, fault)
  const failed: Failed = { isFailed: false }
  const view = viewOf(request, table)
  const predicate = (value: unknown): RowChoice['filter'] =>
    value === undefined ? undefined : kept(failed, buildPredicate(view, value))
  const parts = {
    of: choice.of === undefined ? undefined : kept(failed, buildReference(request, given)),
    filter: predicate(choice.filter),
    window:
      choice.window === undefined ? undefined : kept(failed, buildWindow(request, choice.window)),
    within: choice.within === undefined ? undefined : kept(failed, buildWithin(request, given)),
    same: choice.same === undefined ? undefined : kept(failed, buildSame(request, given)),
    keep: predicate(choice.keep),
    per: choice.per === undefined ? undefined : kept(failed, reach(view, choice.per)?.path),
  }
  return failed.isFailed ? undefined : { activity: table.id, selector, ...present(parts) }
}

interface Failed {
  isFailed: boolean
}

function kept<T>(failed: Failed, value: T | undefined): T | undefined {
  if (value === undefined) failed.isFailed = true
  return value
}

export function viewOf(request: Request, root: TableEntry): Viewpoint {
  return { ...request, root, followsReferences: true, isMetric: request.use === 'metric' }
}

function buildReference(request: Request, { table, choice }: Given): string | undefined {
  const reached = reach({ ...viewOf(request, table), followsReferences: false }, choice.of)
  if (reached === undefined) return undefined
  if (reached.column.refers !== undefined) return reached.path
  return refuse(request, {
    code: 'MODEL_TYPE',
    message: `${request.label} sees ${table.id} of ${reached.path}, which refers to no object`,
    hint: 'of(…) takes the reference that holds the object',
  })
}

function buildWithin(request: Request, { selector, choice }: Given): Duration | undefined {
  const { window } = choice
  const isOpen = window !== undefined && window.from === undefined && window.to === undefined
  if (isOpen || (window === undefined && request.use === 'metric')) {
    const hint =
      selector.kind === 'all' && !isOpen
        ? 'ask for the period when you ask for the metric: --from, --to'
        : 'say from where: after(first(signup)), before(…)'
    const what = isOpen ? 'a window without an end' : 'which is for attributes'
    return refuse(request, {
      code: 'MODEL_BAD_DECLARATION',
      message: `${request.label} has \`within\`, ${what}`,
      hint,
    })
  }
  return buildDuration(request, choice.within)
}

/** `1 year`, `30 days`; reported when it is anything else. */
export function buildDuration(request: Request, text: unknown): Duration | undefined {
  const match = /^([1-9]\d{0,5}) (second|minute|hour|day|week|month|year)s?$/.exec(String(text))
  if (match !== null) return { count: Number(match[1]), unit: match[2] as Duration['unit'] }
  return refuse(request, {
    code: 'MODEL_BAD_DECLARATION',
    message: `${request.label} has the duration ${describeValue(text)}`,
    hint: "write '30 days' or '1 year': a whole number and a unit",
  })
}

function buildWindow(
  request: Request,
  { from, to }: NonNullable<ChoiceData['window']>,
): Window | undefined {
  const first = from === undefined ? undefined : buildBound(request, from)
  const second = to === undefined ? undefined : buildBound(request, to)
  if ((from !== undefined && first === undefined) || (to !== undefined && second === undefined))
    return undefined
  return present({ from: first, to: second })
}

function buildBound(request: Request, bound: BoundData): Bound | undefined {
  const at = buildAnchor(request, bound)
  return at === undefined ? undefined : { at, inclusive: bound.inclusive }
}

function buildAnchor(request: Request, { at, next }: BoundData): Anchor | undefined {
  if (typeof at === 'string') {
    const isInstant =
      /^\d{4}-\d{2}-\d{2}/.test(at) && !Number.isNaN(Date.parse(at.replace(' ', 'T')))
    if (isInstant) return { kind: 'fixed', instant: at }
    return refuse(request, {
      code: 'MODEL_BAD_DECLARATION',
      message: `${request.label} has a window at ${describeValue(at)}`,
      hint: "write '2024-01-31' or '2024-01-31T09:30:00'",
    })
  }
  const data = definitionOf(at)
  if (data?.kind === 'row') {
    const choice = buildRows(request, at)
    if (choice === undefined) return undefined
    if (choice.selector.kind !== 'all') return { kind: 'chosen', choice }
  }
  const table = request.shapes.book.tableOf.get(at)
  if (table !== undefined && table === request.base && request.use === 'related')
    return { kind: next === true ? 'next' : 'row' }
  const what = table?.id ?? describeValue(at)
  return refuse(request, {
    code: 'MODEL_BAD_DECLARATION',
    message: `${request.label} has a window at ${what}, which is not one instant`,
    hint: 'choose one: first(…), last(…), nth(…, n); each row has its own in a related column',
  })
}

function buildSame(request: Request, given: Given): readonly SamePair[] | undefined {
  const anchor = anchorTable(request, given.choice)
  if (anchor === undefined) {
    return refuse(request, {
      code: 'MODEL_BAD_DECLARATION',
      message: `${request.label} has \`same\` without an activity to be the same as`,
      hint: 'say which: after(first(coupon)).same(purchase.product, coupon.product)',
    })
  }
  const pairs = (given.choice.same ?? []).map(([own, other]): SamePair | undefined => {
    const left = reach(viewOf(request, given.table), own)
    const right = reach(viewOf(request, anchor), other)
    if (left === undefined || right === undefined) return undefined
    if (left.column.type.kind === right.column.type.kind)
      return { path: left.path, anchor: right.path }
    return refuse(request, {
      code: 'MODEL_TYPE',
      message: `${request.label} compares ${left.path} (${left.column.type.kind}) with ${right.path} (${right.column.type.kind})`,
      hint: '`same` takes two columns of one type',
    })
  })
  return pairs.every((pair) => pair !== undefined) ? pairs : undefined
}

function anchorTable({ shapes, base }: Request, { window }: ChoiceData): TableEntry | undefined {
  for (const bound of [window?.from, window?.to]) {
    const data = definitionOf(bound?.at)
    if (data?.kind === 'row') return shapes.book.tableOf.get(data.activity)
    if (bound !== undefined && typeof bound.at !== 'string')
      return shapes.book.tableOf.get(bound.at)
  }
  return base
}

/** An activity, or chosen rows of one: what windows and metrics of rows are made of. */
export function buildRows(request: Request, value: unknown): RowChoice | undefined {
  const data = definitionOf(value)
  const isRow = data?.kind === 'row'
  const table = tableOf(request, isRow ? data.activity : value)
  if (table === undefined) return undefined
  if (table.data.kind !== 'activity') {
    return refuse(request, {
      code: 'MODEL_LAYER',
      message: `${request.label} is made of rows of ${table.id}`,
      hint: 'give an activity, or chosen rows of one: all(visit), first(visit)',
    })
  }
  const selector = isRow ? data.selector : ({ kind: 'all' } as const)
  return buildChoice(request, { table, selector, choice: isRow ? data.choice : {} })
}

/** The object whose activities a choice is of. */
export function objectOfChoice(shapes: Shapes, choice: RowChoice): string | undefined {
  const table = shapes.book.tables.get(choice.activity)
  if (table?.data.kind !== 'activity') return undefined
  return shapes.columns.get(table.id)?.get(choice.of ?? table.data.by)?.refers
}

export function tableOf(request: Request, value: unknown): TableEntry | undefined {
  const entry = request.shapes.book.tableOf.get(value)
  if (entry !== undefined) return entry
  const data = definitionOf(value)
  if (data?.kind === 'missing') {
    const fault = missingFault(request.shapes, data)
    return refuse(request, { ...fault, message: `${request.label}: ${fault.message}` })
  }
  const isDefinition = data !== undefined
  return refuse(request, {
    code: isDefinition ? 'MODEL_UNKNOWN_TABLE' : 'MODEL_BAD_DECLARATION',
    message: isDefinition
      ? `${request.label} is of ${describeValue(value)} that no file declares`
      : `${request.label} is of ${describeValue(value)} where a table is needed`,
    hint: isDefinition
      ? 'export it by default from a file in the folder of its kind'
      : 'import the activity; two files cannot need each other here',
  })
}

export function refuse(request: Request, fault: Fault): undefined {
  request.shapes.book.report(request.subject, fault)
}

/** `, after the first coupon, within 30 days`: what of a choice belongs into a description. */
export function choiceText(choice: RowChoice): string {
  const { from, to } = choice.window ?? {}
  const parts = [
    choice.window !== undefined && from === undefined && to === undefined ? 'ever' : '',
    from === undefined ? '' : `${from.inclusive ? 'from' : 'after'} ${anchorText(from.at)}`,
    to === undefined ? '' : `${to.inclusive ? 'up to' : 'before'} ${anchorText(to.at)}`,
    choice.within === undefined ? '' : `within ${durationText(choice.within)}`,
    ...(choice.same ?? []).map(({ path, anchor }) => `with ${path} as its ${anchor}`),
    choice.per === undefined ? '' : `per ${choice.per}`,
  ]
  return parts.map((part) => (part === '' ? '' : `, ${part}`)).join('')
}

function anchorText(anchor: Anchor): string {
  switch (anchor.kind) {
    case 'instant':
      return 'then'
    case 'fixed':
      return anchor.instant
    case 'row':
      return 'it'
    case 'next':
      return 'the next'
    case 'chosen':
      return `the ${whichText(anchor.choice)}`
  }
}

/** `first purchase`, `number 3 purchase` */
export function whichText({
  selector,
  activity,
}: Pick<RowChoice, 'selector' | 'activity'>): string {
  const which = selector.kind === 'nth' ? `number ${selector.n}` : selector.kind
  return `${which} ${activity.split('.').at(-1)!}`
}

function durationText({ count, unit }: Duration): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}

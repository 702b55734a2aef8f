/**
 * What a question means, written as plainly as possible: loops over rows in memory, no SQL, nothing of the compiler. Slow on purpose.
 * It shares with the product only the types of the Model and the question.
 */
import type {
  Aggregate,
  AggregateTake,
  Formula,
  MetricModel,
  Model,
  Predicate,
  TableModel,
} from '../../src/model/model.ts'
import { chosenRows } from './reference-choice.ts'
import { calendar, compareCells, holds, isOwnGrain, ownPeriodOn, valueAt } from './reference-row.ts'
import type { Context } from './reference-row.ts'
import { cellsText, dayOf } from './rows.ts'
import type { Cell, Dataset, Row } from './rows.ts'

export interface ReferenceQuestion {
  readonly metrics: readonly string[]
  readonly by: readonly string[]
  readonly from?: string
  readonly to?: string
  readonly where?: Predicate
  readonly order?: readonly string[]
  readonly limit?: number
  readonly fill?: boolean
  /** The day at which a row shows. */
  readonly shownOn?: (day: string) => string | null
  /** Whether a row counts at all. */
  readonly isCounted?: (row: Row) => boolean
}

export function evaluate(
  model: Model,
  dataset: Dataset,
  question: ReferenceQuestion,
): readonly (readonly Cell[])[] {
  const context = contextOf(model, dataset)
  const groups = groupsOf(context, question)
  if (question.by.length === 0 && groups.size === 0) groups.set('[]', { keys: [], rows: new Map() })
  if (question.fill === true) {
    addPeriods(question, groups)
    addSeasons(question, dataset, groups)
  }
  const rows = [...groups.values()].map((group) => {
    const values = question.metrics.map((name) => metricValue(context, question, name, group))
    return [...group.keys, ...values]
  })
  rows.sort((left, right) => compareRows(question, left, right))
  return question.limit === undefined ? rows : rows.slice(0, question.limit)
}

/** The groups that have a row. */
export function groupsOf(context: Context, question: ReferenceQuestion): Map<string, Group> {
  const groups = new Map<string, Group>()
  for (const metric of measuresOf(context.model, question.metrics)) {
    for (const { row, keys } of rowsOf(context, question, metric)) {
      const text = cellsText(keys)
      const group = groups.get(text) ?? { keys, rows: new Map<string, Row[]>() }
      groups.set(text, group)
      const rows = group.rows.get(metric.name) ?? []
      group.rows.set(metric.name, rows)
      rows.push(row)
    }
  }
  return groups
}

export interface Group {
  readonly keys: readonly Cell[]
  /** Rows by metric. */
  readonly rows: Map<string, Row[]>
}

export type MeasureMetric = Extract<MetricModel, { kind: 'aggregate' | 'object_aggregate' }>

export function metricOf(model: Model, name: string): MetricModel {
  return model.metrics.find((metric) => metric.name === name)!
}

function measuresOf(model: Model, names: readonly string[]): readonly MeasureMetric[] {
  const found = new Map<string, MeasureMetric>()
  const visit = (name: string): void => {
    const metric = metricOf(model, name)
    if (metric.kind === 'aggregate' || metric.kind === 'object_aggregate') found.set(name, metric)
    if (metric.kind === 'ratio') [metric.numerator, metric.denominator].forEach(visit)
    if (metric.kind === 'formula') visitFormula(metric.formula)
  }
  const visitFormula = (formula: Formula): void => {
    if (formula.kind === 'metric') visit(formula.name)
    if (formula.kind === 'binary') [formula.left, formula.right].forEach(visitFormula)
  }
  names.forEach(visit)
  return [...found.values()]
}

/** The rows that count, with what they are grouped by. */
export function rowsOf(
  context: Context,
  question: Omit<ReferenceQuestion, 'metrics'>,
  metric: MeasureMetric,
): readonly { readonly row: Row; readonly keys: readonly Cell[] }[] {
  const rootId = metric.kind === 'aggregate' ? metric.selection.activity : metric.object
  const root = context.model.tables.find((table) => table.id === rootId)!
  const filter = metric.kind === 'aggregate' ? metric.selection.filter : metric.filter
  const chosen = metric.kind === 'aggregate' ? chosenRows(context, metric.selection) : undefined
  return rootRows(context, root).flatMap((row) => {
    if (chosen?.has(row) === false || question.isCounted?.(row) === false) return []
    const see = (text: string): Cell => {
      const [path, compared] = text.split('#') as [string, string?]
      const value = path.endsWith('@period_end')
        ? valueAt(
            context,
            root,
            atPeriodEnd(context, question, row),
            path.replace('@period_end', ''),
          )
        : valueAt(context, root, row, path)
      return compared === undefined ? value : ofObject(context, compared, value)
    }
    const day = root.kind === 'activity' ? dayOf(row, context.model.zone) : null
    const shownDay = day === null || question.shownOn === undefined ? day : question.shownOn(day)
    if (question.shownOn !== undefined && shownDay === null) return []
    if (question.from !== undefined && (shownDay === null || shownDay < question.from)) return []
    if (question.to !== undefined && (shownDay === null || shownDay >= question.to)) return []
    const shown = (text: string): Cell => {
      if (question.shownOn === undefined) return see(text)
      if (isOwnGrain(text)) return ownPeriodOn(context, text, shownDay)
      return /^(day|week|month|quarter|year|\w+_of_\w+)$/.test(text)
        ? calendar(text, shownDay, context.model.zone)
        : see(text)
    }
    if (question.where !== undefined && holds(question.where, shown) !== true) return []
    if (filter !== undefined && holds(filter, see) !== true) return []
    return [{ row, keys: question.by.map(shown) }]
  })
}

export function contextOf(model: Model, dataset: Dataset): Context {
  const context: Context = {
    model,
    dataset,
    ofObject: (metric, key) => ofObject(context, metric, key),
  }
  return context
}

/** The row as if it happened at the last instant of its period of the shortest grain, else of the range, else now. */
export function atPeriodEnd(
  { model }: Context,
  { by, to }: Omit<ReferenceQuestion, 'metrics'>,
  row: Row,
): Row {
  const instant = row['occurred_at'] as bigint | null
  const grain = ['second', 'minute', 'hour', 'day', 'week', 'month', 'quarter', 'year'].find(
    (each) => by.includes(each),
  )
  if (grain === undefined && to === undefined) return { ...row, occurred_at: 10n ** 17n }
  if (instant === null && grain !== undefined) return row
  const microsecond = 1n
  if (grain !== undefined && ['second', 'minute', 'hour'].includes(grain)) {
    const length = { second: 1n, minute: 60n, hour: 3600n }[grain as 'hour'] * 1_000_000n
    return {
      ...row,
      occurred_at: (calendar(grain, instant, model.zone) as bigint) + length - microsecond,
    }
  }
  const period = grain === undefined ? undefined : calendar(grain, instant, model.zone)
  const isAfter = (day: string): boolean =>
    period === undefined ? day >= to! : calendar(grain!, day, model.zone)! > period!
  // The first half hour of the day after the period.
  let at = period === undefined ? BigInt(Date.parse(to!) - 172_800_000) * 1000n : instant!
  at -= at % 1_800_000_000n
  while (!isAfter(calendar('day', at, model.zone) as string)) at += 1_800_000_000n
  return { ...row, occurred_at: at - microsecond }
}

/** A metric of one object over all time; unknown when it has no row. */
function ofObject({ model, dataset }: Context, name: string, key: Cell): Cell {
  if (key === null) return null
  const [measure] = measuresOf(model, [name])
  const rootId = measure!.kind === 'aggregate' ? measure!.selection.activity : measure!.object
  const root = model.tables.find((table) => table.id === rootId)!
  const by = root.kind === 'activity' ? root.actor : root.kind === 'object' ? root.key : ''
  const rows = evaluate(model, dataset, { metrics: [name], by: [by] })
  const found = rows.find(([object]) => object === key)
  return found === undefined ? (metricOf(model, name).fill ?? null) : found[1]!
}

function rootRows(context: Context, root: TableModel): readonly Row[] {
  const rows = context.dataset.get(root.id) ?? []
  return root.kind === 'object' && root.history
    ? rows.filter((row) => row['valid_to'] === null)
    : rows
}

export function metricValue(
  context: Context,
  question: Pick<ReferenceQuestion, 'fill'>,
  name: string,
  group: Group,
): Cell {
  const metric = metricOf(context.model, name)
  const found = unfilledValue(context, question, name, group)
  if (found !== null || metric.fill === undefined) return found
  return Number.isInteger(metric.fill) ? metric.fill : String(metric.fill)
}

function unfilledValue(
  context: Context,
  question: Pick<ReferenceQuestion, 'fill'>,
  name: string,
  group: Group,
): Cell {
  const metric = metricOf(context.model, name)
  const value = (other: string): Cell => metricValue(context, question, other, group)
  if (metric.kind === 'ratio') return divide(value(metric.numerator), value(metric.denominator))
  if (metric.kind === 'formula') return compute(metric.formula, value)
  if (metric.kind !== 'aggregate' && metric.kind !== 'object_aggregate')
    throw new Error(`the reference does not answer metrics of kind ${metric.kind}`)
  const rows = group.rows.get(name) ?? []
  const take = metric.kind === 'aggregate' ? (metric.selection.take as AggregateTake) : metric
  const rootId = metric.kind === 'aggregate' ? metric.selection.activity : metric.object
  return takenOf(context, { rootId, take, rows, isFilled: question.fill === true })
}

export interface Taking {
  readonly rootId: string
  readonly take: Pick<AggregateTake, 'aggregate' | 'column' | 'percentile'>
  readonly rows: readonly Row[]
  readonly isFilled: boolean
}

/** What an aggregate takes of rows. */
export function takenOf(context: Context, { rootId, take, rows, isFilled }: Taking): Cell {
  const root = context.model.tables.find((table) => table.id === rootId)!
  const { aggregate, column, percentile } = take
  if (aggregate === 'any') return rows.length > 0
  const all =
    column === undefined
      ? rows.map(() => 1)
      : rows.map((row) => valueAt(context, root, row, column))
  if (aggregate === 'first' || aggregate === 'last') {
    const known = rows.flatMap((row, at) => (row['occurred_at'] === null ? [] : [at]))
    const order = known.toSorted((a, b) => comparePlaces(rows[a]!, rows[b]!))
    const at = aggregate === 'first' ? order[0] : order.at(-1)
    return at === undefined ? null : (all[at] ?? null)
  }
  if (aggregate === 'collect') {
    const order = rows.map((_, at) => at).toSorted((a, b) => comparePlaces(rows[a]!, rows[b]!))
    return listText(order.flatMap((at) => all[at] ?? []))
  }
  const values = all.filter((cell) => cell !== null)
  if (aggregate !== 'percentile' && aggregate !== 'approximate_percentile')
    return aggregated(aggregate, values, isFilled)
  const sorted = values.toSorted(compareCells)
  const { kind, fraction } = percentile!
  if (sorted.length === 0) return null
  if (kind === 'discrete') {
    const exact = sorted[Math.max(0, Math.ceil(fraction * sorted.length) - 1)]!
    return aggregate === 'percentile' ? exact : middleOfBin(Number(exact))
  }
  const place = fraction * (sorted.length - 1)
  const low = Number(sorted[Math.floor(place)])
  return low + (Number(sorted[Math.ceil(place)]) - low) * (place - Math.floor(place))
}

/** The one of a row of numbers, each 2 % from the next, that is nearest in proportion. */
function middleOfBin(value: number): number {
  if (value === 0) return 0
  let end = 1
  const step = 101 / 99
  while (end < Math.abs(value) * (1 - 1e-12)) end *= step
  while (end / step >= Math.abs(value) * (1 - 1e-12)) end /= step
  return (Math.sign(value) * 2 * end) / (1 + step)
}

function listText(cells: readonly Cell[]): Cell {
  return cells.length === 0 ? null : cellsText(cells)
}

/** What happened at no known time comes last. */
function comparePlaces(left: Row, right: Row): number {
  const [from, to] = [left, right].map((row) => row['occurred_at'] as bigint | null)
  if (from === null || to === null) {
    if (from !== to) return from === null ? 1 : -1
  }
  const order = from === null ? 0 : Number(from! - to!)
  return order === 0 ? Number(left['id']) - Number(right['id']) : order
}

function aggregated(aggregate: Aggregate, values: readonly Cell[], isFilled: boolean): Cell {
  switch (aggregate) {
    case 'count':
      return values.length
    case 'count_true':
      return values.filter((value) => value === true).length
    case 'distinct':
    // Of a few values the sketch is exact.
    case 'approximate_distinct':
      return new Set(values.map(String)).size
    case 'collect_distinct':
      return listText([...new Set(values)].toSorted(compareCells))
    case 'sum':
      return values.length === 0
        ? isFilled
          ? 0
          : null
        : values.reduce((left, right) => exact('+', left, right))
    case 'average':
      return values.length === 0
        ? null
        : divide(
            values.reduce((left, right) => exact('+', left, right)),
            values.length,
          )
    case 'min':
    case 'max': {
      const sorted = values.toSorted(compareCells)
      return (aggregate === 'min' ? sorted[0] : sorted.at(-1)) ?? null
    }
    default:
      throw new Error(`the reference does not answer the aggregate ${aggregate}`)
  }
}

export function divide(left: Cell, right: Cell): Cell {
  return left === null || right === null || Number(right) === 0
    ? null
    : Number(left) / Number(right)
}

type OperandFormula = Extract<Formula, { readonly kind: 'metric' }>

export function compute(
  formula: Formula,
  value: (name: string, formula: OperandFormula) => Cell,
): Cell {
  if (formula.kind === 'number')
    return /\./.test(String(formula.value)) ? String(formula.value) : formula.value
  if (formula.kind === 'metric') return value(formula.name, formula)
  const left = compute(formula.left, value)
  const right = compute(formula.right, value)
  if (formula.operator === '/') return divide(left, right)
  return left === null || right === null ? null : exact(formula.operator, left, right)
}

/** Arithmetic on integers (numbers) and decimals (texts) without rounding; a fraction in a number is floating point. */
function exact(operator: '+' | '-' | '*', left: Cell, right: Cell): Cell {
  const isFloat = [left, right].some((cell) => typeof cell === 'number' && !Number.isInteger(cell))
  if (isFloat || (typeof left === 'number' && typeof right === 'number')) {
    const [a, b] = [Number(left), Number(right)]
    return operator === '+' ? a + b : operator === '-' ? a - b : a * b
  }
  const [a, b] = [unscaled(left), unscaled(right)]
  const scale = Math.max(a.scale, b.scale)
  const [x, y] = [a, b].map((part) => part.value * 10n ** BigInt(scale - part.scale)) as [
    bigint,
    bigint,
  ]
  if (operator === '*') return scaled(a.value * b.value, a.scale + b.scale)
  return scaled(operator === '+' ? x + y : x - y, scale)
}

function unscaled(cell: Cell): { readonly value: bigint; readonly scale: number } {
  const [whole, fraction = ''] = String(cell).split('.') as [string, string?]
  return { value: BigInt(whole + fraction), scale: fraction.length }
}

function scaled(value: bigint, scale: number): string {
  const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, '0')
  const text = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`
  return value < 0n ? `-${text}` : text
}

function addSeasons(
  question: ReferenceQuestion,
  dataset: Dataset,
  groups: Map<string, Group>,
): void {
  const grain = question.by.find((text) => text === 'season' || text === 'tide')
  if (grain === undefined) return
  const at = question.by.indexOf(grain)
  const days = (dataset.get('obj.shop_day') ?? []).filter((row) => row[grain] !== null)
  const all = [...groups.values()].map((group) => group.keys)
  const present = days
    .filter((row) => all.some((keys) => keys[at] === row[grain]))
    .map((row) => row['date'] as string)
    .toSorted()
  const inRange = days.filter((row) => {
    const day = row['date'] as string
    const isBegun = question.from === undefined ? day >= present[0]! : day >= question.from
    const isLeft = question.to === undefined ? day <= present.at(-1)! : day < question.to
    return isBegun && isLeft
  })
  if (question.by.length === 1 && all.length === 0) all.push([null])
  for (const day of inRange) {
    for (const keys of all) {
      const filled = keys.with(at, day[grain]!)
      const key = cellsText(filled)
      if (!groups.has(key)) groups.set(key, { keys: filled, rows: new Map() })
    }
  }
}

function addPeriods(question: ReferenceQuestion, groups: Map<string, Group>): void {
  const at = question.by.findIndex((text) => /^(day|week|month|quarter|year)$/.test(text))
  if (at === -1) return
  const word = question.by[at]!
  const present = [...groups.values()]
    .map((group) => group.keys[at] as string | null)
    .filter((key) => key !== null)
    .toSorted()
  const dayBefore = (day: string): string =>
    new Date(Date.parse(day) - 86_400_000).toISOString().slice(0, 10)
  const first =
    question.from === undefined ? present[0] : (calendar(word, question.from, 'UTC') as string)
  const last =
    question.to === undefined
      ? present.at(-1)
      : (calendar(word, dayBefore(question.to), 'UTC') as string)
  if (first === undefined || last === undefined) return
  const others = [...groups.values()].map((group) => group.keys)
  if (question.by.length === 1 && others.length === 0) others.push([null])
  for (let day = Date.parse(first); day <= Date.parse(last); day += 86_400_000) {
    const text = new Date(day).toISOString().slice(0, 10)
    if (calendar(word, text, 'UTC') !== text) continue
    for (const keys of others) {
      const filled = keys.with(at, text)
      const key = cellsText(filled)
      if (!groups.has(key)) groups.set(key, { keys: filled, rows: new Map() })
    }
  }
}

function compareRows(
  question: ReferenceQuestion,
  left: readonly Cell[],
  right: readonly Cell[],
): number {
  const names = [...question.by, ...question.metrics]
  for (const item of [...(question.order ?? []), ...question.by]) {
    const at = names.indexOf(item.replace(/^-/, ''))
    const [a, b] = [left[at]!, right[at]!]
    if (a === null && b === null) continue
    if (a === null) return 1
    if (b === null) return -1
    const order = compareCells(a, b)
    if (order !== 0) return item.startsWith('-') ? -order : order
  }
  return 0
}

/**
 * What a question means, written as plainly as possible: loops over rows in memory, no SQL, nothing of the compiler. Slow on purpose.
 * It shares with the product only the types of the Model and the question.
 */
import type {
  Aggregate,
  AttributesModel,
  ColumnModel,
  Formula,
  MetricModel,
  Model,
  ObjectModel,
  Predicate,
  Scalar,
  TableModel,
} from '../../src/model/model.ts'
import { groupsOf } from './build-model.ts'
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
}

/** The version of `key` that holds at the instant: the one with valid_from ≤ instant < valid_to. */
export function versionAt(
  versions: readonly Row[],
  at: { readonly keyColumn: string; readonly key: Cell; readonly instant: bigint | null },
): Row | undefined {
  if (at.key === null || at.instant === null) return undefined
  return versions.find((version) => {
    if (version[at.keyColumn] !== at.key) return false
    const from = version['valid_from'] as bigint
    const to = version['valid_to'] as bigint | null
    return from <= at.instant! && (to === null || at.instant! < to)
  })
}

interface Context {
  readonly model: Model
  readonly dataset: Dataset
}

export function evaluate(
  model: Model,
  dataset: Dataset,
  question: ReferenceQuestion,
): readonly (readonly Cell[])[] {
  const context = { model, dataset }
  const groups = new Map<string, Group>()
  if (question.by.length === 0) groups.set('[]', { keys: [], rows: new Map() })
  for (const metric of measuresOf(model, question.metrics))
    collect(context, question, metric, groups)
  if (question.fill === true) addPeriods(question, groups)
  const rows = [...groups.values()].map((group) => {
    const values = question.metrics.map((name) => metricValue(context, question, name, group))
    return [...group.keys, ...values]
  })
  rows.sort((left, right) => compareRows(question, left, right))
  return question.limit === undefined ? rows : rows.slice(0, question.limit)
}

interface Group {
  readonly keys: readonly Cell[]
  /** Rows by metric. */
  readonly rows: Map<string, Row[]>
}

type MeasureMetric = Extract<MetricModel, { kind: 'aggregate' | 'object_aggregate' }>

function metricOf(model: Model, name: string): MetricModel {
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

function collect(
  context: Context,
  question: ReferenceQuestion,
  metric: MeasureMetric,
  groups: Map<string, Group>,
): void {
  const rootId = metric.kind === 'aggregate' ? metric.selection.activity : metric.object
  const root = context.model.tables.find((table) => table.id === rootId)!
  const filter = metric.kind === 'aggregate' ? metric.selection.filter : metric.filter
  for (const row of rootRows(context, root)) {
    const see = (path: string): Cell => valueAt(context, root, row, path)
    const day = root.kind === 'activity' ? dayOf(row, context.model.zone) : null
    if (question.from !== undefined && (day === null || day < question.from)) continue
    if (question.to !== undefined && (day === null || day >= question.to)) continue
    if (question.where !== undefined && holds(question.where, see) !== true) continue
    if (filter !== undefined && holds(filter, see) !== true) continue
    const keys = question.by.map(see)
    const text = cellsText(keys)
    const group = groups.get(text) ?? { keys, rows: new Map<string, Row[]>() }
    groups.set(text, group)
    const rows = group.rows.get(metric.name) ?? []
    group.rows.set(metric.name, rows)
    rows.push(row)
  }
}

function rootRows(context: Context, root: TableModel): readonly Row[] {
  const rows = context.dataset.get(root.id) ?? []
  return root.kind === 'object' && root.history
    ? rows.filter((row) => row['valid_to'] === null)
    : rows
}

const calendarWords =
  /^(hour|day|week|month|quarter|year|hour_of_day|day_of_week|day_of_month|day_of_year|week_of_year|month_of_year|quarter_of_year)$/

function valueAt(context: Context, root: TableModel, row: Row, text: string): Cell {
  const zone = context.model.zone
  const isNow = text.endsWith('@now')
  const segments = text.replace('@now', '').split('.')
  if (segments.length === 1 && calendarWords.test(segments[0]!) && root.kind === 'activity') {
    return calendar(segments[0]!, row['occurred_at'] as bigint | null, zone)
  }
  if (segments.length > 1 && calendarWords.test(segments.at(-1)!)) {
    const value = valueAt(
      context,
      root,
      row,
      segments.slice(0, -1).join('.') + (isNow ? '@now' : ''),
    )
    return calendar(segments.at(-1)!, value as bigint | string | null, zone)
  }
  if (segments.length > 1 && segments[0] === root.id.split('.').at(-1) && !has(root, segments[0]!))
    segments.shift()
  const instant = isNow || root.kind === 'object' ? 'now' : (row['occurred_at'] as bigint | null)
  if (root.kind === 'activity') {
    const [first, ...rest] = segments
    const column = root.columns.find((candidate) => candidate.name === first)!
    return rest.length === 0
      ? row[first!]!
      : attribute(context, { object: column.refers!, key: row[first!]!, instant }, rest)
  }
  const key = row[(root as ObjectModel).key]!
  return attribute(context, { object: root.id, key, instant }, segments)
}

function has(root: TableModel, name: string): boolean {
  return root.columns.some((column) => column.name === name)
}

interface Thing {
  readonly object: string
  readonly key: Cell
  readonly instant: bigint | 'now' | null
}

/** An attribute of a thing at an instant; null when there is no such thing, or no version held. */
function attribute(context: Context, thing: Thing, segments: readonly string[]): Cell {
  if (thing.key === null) return null
  const [name, ...rest] = segments
  for (const group of groupsOf(thing.object, context.model.tables)) {
    const column = group.columns.find((candidate: ColumnModel) => candidate.name === name)
    if (column === undefined) continue
    const value = recordOf(context, group, thing)?.[name!] ?? null
    if (rest.length === 0) return value
    return attribute(context, { ...thing, object: column.refers!, key: value }, rest)
  }
  throw new Error(`${thing.object} has no ${name}`)
}

function recordOf(
  context: Context,
  group: ObjectModel | AttributesModel,
  thing: Thing,
): Row | undefined {
  const rows = context.dataset.get(group.id) ?? []
  if (!group.history) return rows.find((row) => row[group.key] === thing.key)
  if (thing.instant === 'now')
    return rows.find((row) => row[group.key] === thing.key && row['valid_to'] === null)
  return versionAt(rows, { keyColumn: group.key, key: thing.key, instant: thing.instant })
}

/** SQL's three values: null is unknown. */
function holds(predicate: Predicate, see: (path: string) => Cell): boolean | null {
  switch (predicate.kind) {
    case 'compare':
      return compares(see(predicate.path), predicate.operator, predicate.value)
    case 'in': {
      const results = predicate.values.map((value) => compares(see(predicate.path), '=', value))
      return results.includes(true) ? true : results.includes(null) ? null : false
    }
    case 'like': {
      const value = see(predicate.path) as string | null
      const pattern = predicate.pattern.replaceAll('%', '.*').replaceAll('_', '.')
      return value === null ? null : new RegExp(`^${pattern}$`, 's').test(value)
    }
    case 'unknown':
      return see(predicate.path) === null
    case 'metric':
      throw new Error(`the reference does not answer the metric ${predicate.metric} as a condition`)
    case 'and': {
      const results = predicate.operands.map((operand) => holds(operand, see))
      return results.includes(false) ? false : results.includes(null) ? null : true
    }
    case 'or': {
      const results = predicate.operands.map((operand) => holds(operand, see))
      return results.includes(true) ? true : results.includes(null) ? null : false
    }
    case 'not': {
      const result = holds(predicate.operand, see)
      return result === null ? null : !result
    }
  }
}

function compares(left: Cell, operator: string, right: Scalar): boolean | null {
  if (left === null || right === null) return null
  const order = compareCells(left, right)
  switch (operator) {
    case '=':
      return order === 0
    case '!=':
      return order !== 0
    case '<':
      return order < 0
    case '<=':
      return order <= 0
    case '>':
      return order > 0
    default:
      return order >= 0
  }
}

/** Decimals are texts of digits beside numbers. */
function compareCells(left: Cell | Scalar, right: Cell | Scalar): number {
  if (typeof left === 'number' || typeof right === 'number') return Number(left) - Number(right)
  if (typeof left === 'string' && typeof right === 'string' && isDigits(left) && isDigits(right))
    return Number(left) - Number(right)
  return left! < right! ? -1 : left! > right! ? 1 : 0
}

function isDigits(text: string): boolean {
  return /^-?\d+\.\d+$/.test(text)
}

/** `source` is an instant or a date. */
function calendar(word: string, source: bigint | string | null, zone: string): Cell {
  if (source === null) return null
  const wall =
    typeof source === 'bigint'
      ? wallClock(source, zone)
      : { date: source, hour: 0, minute: 0, second: 0 }
  const day = new Date(`${wall.date}T00:00:00Z`)
  const [year, month, dayOfMonth] = wall.date.split('-').map(Number) as [number, number, number]
  const weekday = day.getUTCDay() === 0 ? 7 : day.getUTCDay()
  const dayMs = 86_400_000
  const iso = (date: Date): string => date.toISOString().slice(0, 10)
  const quarter = Math.ceil(month / 3)
  switch (word) {
    case 'hour': {
      const into =
        BigInt(wall.minute * 60 + wall.second) * 1_000_000n + ((source as bigint) % 1_000_000n)
      return (source as bigint) - into
    }
    case 'day':
      return wall.date
    case 'week':
      return iso(new Date(day.getTime() - (weekday - 1) * dayMs))
    case 'month':
      return iso(new Date(Date.UTC(year, month - 1, 1)))
    case 'quarter':
      return iso(new Date(Date.UTC(year, quarter * 3 - 3, 1)))
    case 'year':
      return `${year}-01-01`
    case 'hour_of_day':
      return wall.hour
    case 'day_of_week':
      return weekday
    case 'day_of_month':
      return dayOfMonth
    case 'day_of_year':
      return Math.round((day.getTime() - Date.UTC(year, 0, 1)) / dayMs) + 1
    case 'week_of_year': {
      // The ISO week is numbered within the year that holds its Thursday.
      const thursday = new Date(day.getTime() + (4 - weekday) * dayMs)
      return (
        Math.floor((thursday.getTime() - Date.UTC(thursday.getUTCFullYear(), 0, 1)) / dayMs / 7) + 1
      )
    }
    case 'month_of_year':
      return month
    default:
      return quarter
  }
}

function wallClock(
  instant: bigint,
  zone: string,
): { date: string; hour: number; minute: number; second: number } {
  const text = new Date(Number(instant / 1000n)).toLocaleString('sv-SE', { timeZone: zone })
  const [date, time] = text.split(' ') as [string, string]
  const [hour, minute, second] = time.split(':').map(Number) as [number, number, number]
  return { date, hour, minute, second }
}

function metricValue(
  context: Context,
  question: ReferenceQuestion,
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
  const { aggregate, column } =
    metric.kind === 'aggregate'
      ? (metric.selection.take as { aggregate: Aggregate; column?: string })
      : metric
  const rootId = metric.kind === 'aggregate' ? metric.selection.activity : metric.object
  const root = context.model.tables.find((table) => table.id === rootId)!
  const values =
    column === undefined
      ? rows.map(() => 1)
      : rows.map((row) => valueAt(context, root, row, column)).filter((cell) => cell !== null)
  return aggregated(aggregate, values, question.fill === true)
}

function aggregated(aggregate: Aggregate, values: readonly Cell[], isFilled: boolean): Cell {
  switch (aggregate) {
    case 'count':
      return values.length
    case 'distinct':
      return new Set(values.map(String)).size
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

function divide(left: Cell, right: Cell): Cell {
  return left === null || right === null || Number(right) === 0
    ? null
    : Number(left) / Number(right)
}

function compute(formula: Formula, value: (name: string) => Cell): Cell {
  if (formula.kind === 'number')
    return /\./.test(String(formula.value)) ? String(formula.value) : formula.value
  if (formula.kind === 'metric') return value(formula.name)
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

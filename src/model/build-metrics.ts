/** Metrics as the Model has them. */
import { viewOf, type Request } from './build-choice.ts'
import { selectionOf, takeAggregate, type Taken } from './build-selection.ts'
import { buildShape } from './build-shaped.ts'
import { isText, type Shapes } from './column-models.ts'
import {
  definitionOf,
  describeValue,
  present,
  isMetric,
  type AggregateData,
  type DefinitionData,
  type FormulaData,
  type MetricData,
  type MetricOptions,
  type OperandData,
  type RatioData,
  type ShapedMetricData,
} from './definition.ts'
import { parseFormula, type Hole } from './formula.ts'
import { countedGrain, grainFault } from './grains.ts'
import type { Fault, MetricEntry } from './identify.ts'
import { findCircles } from './circles.ts'
import type { Balance, MetricBase, MetricModel, Offset } from './model.ts'
import { optionProblems, readOptions, type Options } from './options.ts'
import { reach } from './predicates.ts'

export function buildMetrics(shapes: Shapes): readonly MetricModel[] {
  const built = new Map<string, MetricModel>()
  const waiting = [...shapes.book.metrics.values()].toSorted((left, right) =>
    left.id < right.id ? -1 : 1,
  )
  const circles = metricCircles(shapes)
  const build = (entry: MetricEntry): MetricModel | undefined => {
    const done = built.get(entry.name)
    if (done !== undefined || circles.has(entry.name)) return done
    const metric = buildMetric(shapes, entry, (name) => build(shapes.book.metrics.get(name)!))
    if (metric !== undefined) built.set(entry.name, metric)
    return metric
  }
  for (const entry of waiting) build(entry)
  return [...built.values()]
}

type Inputs = (name: string) => MetricModel | undefined

function buildMetric(shapes: Shapes, given: MetricEntry, inputs: Inputs): MetricModel | undefined {
  const entry = withCheckedOptions(shapes, given)
  switch (entry.data.kind) {
    case 'aggregate':
      return buildAggregate(shapes, entry, entry.data)
    case 'ratio':
      return buildRatio(shapes, { entry, data: entry.data, inputs })
    case 'formula':
      return buildFormula(shapes, { entry, data: entry.data, inputs })
    default:
      return buildShaped(shapes, { entry, data: entry.data, inputs })
  }
}

function requestOf(shapes: Shapes, entry: MetricEntry): Request {
  return { shapes, subject: entry, label: entry.id, use: 'metric' }
}

/** Of any metric; what a kind has beside them was taken out by its builder. */
const metricOptions: Options<MetricOptions> = {
  description: 'any',
  owner: 'any',
  unit: 'text',
  synonyms: 'texts',
  direction: 'any',
  fill: 'any',
  calendar: 'boolean',
}

function withCheckedOptions(shapes: Shapes, entry: MetricEntry): MetricEntry {
  // Who writes `{ where: … }` must not be given the number of all rows.
  const { optionFaults, ...options } = readOptions('metric', entry.data.options, metricOptions)
  for (const fault of optionProblems(entry.id, present({ optionFaults })))
    refuse(shapes, entry, fault)
  checkValues(shapes, entry, options)
  return { ...entry, data: { ...entry.data, options } }
}

function checkValues(
  shapes: Shapes,
  entry: MetricEntry,
  { description, owner, direction, fill }: MetricOptions,
): void {
  if (description !== undefined && !isText(description)) {
    refuse(shapes, entry, {
      code: 'MODEL_MISSING_TEXT',
      message: `${entry.id} has an empty description`,
      hint: 'say what the number means, or leave it out',
    })
  }
  if (owner !== undefined && !isText(owner)) {
    refuse(shapes, entry, {
      code: 'MODEL_MISSING_TEXT',
      message: `${entry.id} has an empty owner`,
      hint: "name the team, or leave it out to take the table's",
    })
  }
  if (direction !== undefined && direction !== 'up' && direction !== 'down') {
    refuse(shapes, entry, {
      code: 'MODEL_BAD_DECLARATION',
      message: `${entry.id} has the direction ${describeValue(direction)}`,
      hint: "'up' or 'down': which way is better",
    })
  }
  if (fill !== undefined && !Number.isFinite(fill)) {
    refuse(shapes, entry, {
      code: 'MODEL_BAD_DECLARATION',
      message: `${entry.id} has the fill ${describeValue(fill)}`,
      hint: 'a number that stands for an unknown value',
    })
  }
}

interface Defaults {
  readonly owner: string | undefined
  readonly description: string
  readonly unit?: string
}

function base(
  { id, name, place }: MetricEntry,
  options: MetricOptions,
  defaults: Defaults,
): MetricBase {
  const owner = options.owner ?? defaults.owner ?? ''
  const unit = options.unit ?? defaults.unit
  return {
    id,
    name,
    place,
    owner,
    description: options.description ?? defaults.description,
    ...present({ unit, direction: options.direction }),
    synonyms: options.synonyms ?? [],
    ...present({ fill: options.fill, calendar: options.calendar }),
  }
}

function buildAggregate(
  shapes: Shapes,
  entry: MetricEntry,
  data: AggregateData,
): MetricModel | undefined {
  const request = requestOf(shapes, entry)
  const taken = takeAggregate(request, data)
  if (taken === undefined) return undefined
  const { table } = taken
  if (taken.map !== undefined) {
    return refuse(shapes, entry, {
      code: 'MODEL_BAD_DECLARATION',
      message: `${entry.id} is a map, which is for attributes`,
      hint: 'ask for the metric by the column, or count chosen rows: count(first(purchase).per(…))',
    })
  }
  const shared = base(entry, data.options, {
    owner: table.data.owner ?? table.source?.owner,
    ...present({ unit: taken.unit }),
    description: taken.description,
  })
  switch (table.data.kind) {
    case 'activity':
      return {
        ...shared,
        kind: 'aggregate',
        selection: selectionOf(taken),
        ...present({ balance: balanceOf(request, taken, data) }),
      }
    case 'object':
      return buildObjectAggregate(request, { taken, data, shared })
    default:
      return refuse(shapes, entry, {
        code: 'MODEL_LAYER',
        message: `${entry.id} is of ${table.id}, but metrics are of activities and objects`,
        hint:
          table.data.kind === 'attributes'
            ? 'count the objects, with a condition on the attribute'
            : 'declare an activity or an object over it',
      })
  }
}

function balanceOf(
  request: Request,
  { table }: Taken,
  { balance }: AggregateData,
): Balance | undefined {
  if (balance === undefined) return undefined
  const per = balance.per.flatMap((value) => reach(viewOf(request, table), value)?.path ?? [])
  return { kind: balance.kind, per }
}

interface ObjectAggregate {
  readonly taken: Taken
  readonly data: AggregateData
  readonly shared: MetricBase
}

/** Objects have no time, so nothing but a condition narrows them. */
function buildObjectAggregate(
  { shapes, subject }: Request,
  { taken, data, shared }: ObjectAggregate,
): MetricModel | undefined {
  const { table, choice, aggregate, path, percentile } = taken
  const { activity: object, selector: _selector, filter, ...others } = choice
  const [more] = [...Object.keys(others), ...(data.balance === undefined ? [] : ['balance'])]
  const needsOrder = ['first', 'last', 'any', 'collect'].includes(aggregate!)
  if (more === undefined && !needsOrder) {
    const of = { aggregate: aggregate!, ...present({ column: path, percentile, filter }) }
    return { ...shared, kind: 'object_aggregate', object, ...of }
  }
  const message = `${shared.id} has \`${more ?? aggregate}\`, but ${table.id} is an object, which has no time`
  shapes.book.report(subject, {
    code: 'MODEL_BAD_DECLARATION',
    message,
    hint: 'objects are taken as they are now; activities have a time',
  })
  return undefined
}

function buildShaped(
  shapes: Shapes,
  { entry, data, inputs }: Composite<ShapedMetricData>,
): MetricModel | undefined {
  const name = (value: unknown): string | undefined => metricName(shapes, entry, value)
  const built = buildShape(requestOf(shapes, entry), data, name)
  if (built === undefined) return undefined
  const { shape, description, table } = built
  const input = shape.kind === 'cumulative' ? inputs(shape.metric) : undefined
  const owner = input?.owner ?? table?.data.owner
  return {
    ...base(entry, data.options, { owner, description, ...present({ unit: input?.unit }) }),
    ...shape,
  }
}

interface Composite<Data> {
  readonly entry: MetricEntry
  readonly data: Data
  readonly inputs: Inputs
}

function buildRatio(
  shapes: Shapes,
  { entry, data, inputs }: Composite<RatioData>,
): MetricModel | undefined {
  const numerator = metricName(shapes, entry, data.numerator)
  const denominator = metricName(shapes, entry, data.denominator)
  if (numerator === undefined || denominator === undefined) return undefined
  const shared = base(entry, data.options, {
    owner: inputs(numerator)?.owner,
    description: `${numerator} per ${denominator}`,
  })
  return { ...shared, kind: 'ratio', numerator, denominator }
}

function buildFormula(
  shapes: Shapes,
  { entry, data, inputs }: Composite<FormulaData>,
): MetricModel | undefined {
  const holes = data.holes.map((value): Hole | undefined => {
    if (typeof value === 'number' && Number.isFinite(value)) return { kind: 'number', value }
    const given = definitionOf(value)
    if (given?.kind === 'operand') return buildOperand(shapes, entry, given)
    const name = metricName(shapes, entry, value)
    return name === undefined ? undefined : { kind: 'metric', name }
  })
  if (!holes.every((hole) => hole !== undefined)) return undefined
  const parsed = parseFormula(data.texts, holes)
  if ('fault' in parsed) {
    return refuse(shapes, entry, {
      code: 'MODEL_BAD_DECLARATION',
      message: `the formula of ${entry.id} is not arithmetic: ${parsed.fault}`,
      hint: 'use metrics, numbers, + - * / and parentheses',
    })
  }
  const first = holes.find((hole) => hole.kind === 'metric')
  if (first === undefined) {
    return refuse(shapes, entry, {
      code: 'MODEL_BAD_DECLARATION',
      message: `the formula of ${entry.id} has no metric`,
      hint: 'write formula`${sales} - ${cost}`',
    })
  }
  const text = data.texts
    .map((part, index) => part + holeText(holes[index]))
    .join('')
    .replaceAll(/\s+/g, ' ')
    .trim()
  return {
    ...base(entry, data.options, { owner: inputs(first.name)?.owner, description: text }),
    kind: 'formula',
    formula: parsed.formula,
  }
}

function holeText(hole: Hole | undefined): string {
  if (hole === undefined) return ''
  if (hole.kind === 'number') return String(hole.value)
  const { name, offset, total } = hole
  const shifted =
    offset === undefined
      ? name
      : offset.kind === 'back'
        ? `${name} ${offset.count} ${offset.grain} before`
        : `${name} at the start of the ${offset.grain}`
  if (total === undefined) return shifted
  return total.length === 0 ? `total ${shifted}` : `${shifted} by ${total.join(', ')}`
}

function buildOperand(
  shapes: Shapes,
  entry: MetricEntry,
  { metric, offset, total }: OperandData,
): Hole | undefined {
  const name = metricName(shapes, entry, metric)
  const shift = offset === undefined ? undefined : buildOffset(shapes, entry, offset)
  if (name === undefined || (offset !== undefined && shift === undefined)) return undefined
  if (total !== undefined && !(Array.isArray(total) && total.every((text) => isText(text)))) {
    return refuse(shapes, entry, {
      code: 'MODEL_BAD_DECLARATION',
      message: `${entry.id} has a total by ${describeValue(total)}`,
      hint: "name dimensions as a question does: total(sales, ['product.brand'])",
    })
  }
  return { kind: 'metric', name, ...present({ offset: shift, total }) }
}

function buildOffset(
  shapes: Shapes,
  entry: MetricEntry,
  offset: NonNullable<OperandData['offset']>,
): Offset | undefined {
  if (typeof offset === 'string') {
    const back = countedGrain(shapes.book, offset)
    if (back !== undefined) return { kind: 'back', ...back }
  } else if (grainFault(shapes.book, offset.to) === undefined) {
    return { kind: 'to_start', grain: offset.to }
  }
  return refuse(shapes, entry, {
    code: 'MODEL_BAD_DECLARATION',
    message: `${entry.id} has the offset ${describeValue(typeof offset === 'string' ? offset : offset.to)}`,
    hint: "write offset(sales, '1 month') or offset(sales, { to: 'month' })",
  })
}

function metricName(shapes: Shapes, entry: MetricEntry, value: unknown): string | undefined {
  const found = shapes.book.metricOf.get(value)
  if (found !== undefined) return found.name
  const isDeclared = isMetric(definitionOf(value))
  return refuse(shapes, entry, {
    code: isDeclared ? 'MODEL_UNKNOWN_METRIC' : 'MODEL_BAD_DECLARATION',
    message: isDeclared
      ? `${entry.id} uses a metric that no file of metric/ exports`
      : `${entry.id} uses ${describeValue(value)} where a metric is needed`,
    hint: isDeclared
      ? 'give it a name: export const <name> = …'
      : 'write ratio(sales, orders) with exported metrics; two files cannot need each other here',
  })
}

/** Names of metrics that lie on a circle; each circle is reported once. */
function metricCircles(shapes: Shapes): ReadonlySet<string> {
  const { book } = shapes
  const inputs = new Map(
    [...book.metrics.values()].map((entry) => [entry.name, inputNames(shapes, entry)]),
  )
  const onCircle = new Set<string>()
  for (const circle of findCircles(inputs)) {
    const entry = book.metrics.get(circle[0]!)!
    const path = [...circle, circle[0]!].map((name) => `metric.${name}`).join(' → ')
    book.report(entry, {
      code: 'MODEL_CYCLE',
      message: `metrics use each other in a circle: ${path}`,
      hint: 'take one of them out of the circle',
    })
    for (const name of circle) onCircle.add(name)
  }
  // What uses a metric of a circle has no value either.
  for (let size = -1; size !== onCircle.size;) {
    size = onCircle.size
    for (const [name, uses] of inputs) if (uses.some((use) => onCircle.has(use))) onCircle.add(name)
  }
  return onCircle
}

/** Names of the metrics that a metric is made of or compares, however deep. */
function inputNames({ book }: Shapes, { data }: MetricEntry): readonly string[] {
  return [...metricsWithin(data)].flatMap((value) => book.metricOf.get(value)?.name ?? [])
}

/** Every metric definition inside of a metric's own data; not looked into themselves. */
function metricsWithin(data: MetricData): ReadonlySet<unknown> {
  const found = new Set<unknown>()
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    const inner = definitionOf(value)
    if (isMetric(inner)) found.add(value)
    else if (inner !== undefined && !isLeaf(inner)) Object.values(inner).forEach(visit)
    else if (Array.isArray(value)) value.forEach(visit)
    else if (inner === undefined && Object.getPrototypeOf(value) === Object.prototype)
      Object.values(value).forEach(visit)
  }
  Object.values(data).forEach(visit)
  return found
}

/** Tables and columns hold no metrics, and lead everywhere. */
function isLeaf({ kind }: DefinitionData): boolean {
  return !['row', 'selection', 'condition', 'metric_of', 'operand'].includes(kind)
}

function refuse(shapes: Shapes, entry: MetricEntry, fault: Fault): undefined {
  shapes.book.report(entry, fault)
}

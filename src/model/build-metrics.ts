/** Metrics as the Model has them. */
import { selectionOf, takeAggregate, type Taken } from './build-selection.ts'
import { isText, type Shapes } from './column-models.ts'
import {
  definitionOf,
  describeValue,
  present,
  type AggregateData,
  type FormulaData,
  type MetricOptions,
  type RatioData,
} from './definition.ts'
import { parseFormula, type Hole } from './formula.ts'
import type { Fault, MetricEntry } from './identify.ts'
import { findCircles } from './circles.ts'
import type { MetricModel } from './model.ts'

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

function buildMetric(shapes: Shapes, entry: MetricEntry, inputs: Inputs): MetricModel | undefined {
  checkOptions(shapes, entry)
  switch (entry.data.kind) {
    case 'aggregate':
      return buildAggregate(shapes, entry, entry.data)
    case 'ratio':
      return buildRatio(shapes, { entry, data: entry.data, inputs })
    case 'formula':
      return buildFormula(shapes, { entry, data: entry.data, inputs })
  }
}

function checkOptions(shapes: Shapes, entry: MetricEntry): void {
  const { description, owner, direction } = entry.data.options
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
}

interface Defaults {
  readonly owner: string | undefined
  readonly description: string
  readonly unit?: string
}

type Base = Pick<
  MetricModel,
  'id' | 'name' | 'place' | 'owner' | 'description' | 'unit' | 'synonyms' | 'direction'
>

function base({ id, name, place }: MetricEntry, options: MetricOptions, defaults: Defaults): Base {
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
  }
}

function buildAggregate(
  shapes: Shapes,
  entry: MetricEntry,
  data: AggregateData,
): MetricModel | undefined {
  const taken = takeAggregate(
    { shapes, subject: entry, label: entry.id, followsReferences: true },
    data,
  )
  if (taken === undefined) return undefined
  const { table } = taken
  if (taken.within !== undefined) {
    return refuse(shapes, entry, {
      code: 'MODEL_BAD_DECLARATION',
      message: `${entry.id} has \`within\`, which is for attributes`,
      hint: 'ask for the period when you ask for the metric: --from, --to',
    })
  }
  const shared = base(entry, data.options, {
    owner: table.data.owner ?? table.source?.owner,
    ...present({ unit: taken.unit }),
    description: taken.description,
  })
  switch (table.data.kind) {
    case 'activity':
      return { ...shared, kind: 'aggregate', selection: selectionOf(taken) }
    case 'object':
      return { ...shared, kind: 'object_aggregate', object: table.id, ...aggregateOf(taken) }
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

function aggregateOf({
  aggregate,
  column,
  filter,
}: Taken): Pick<
  Extract<MetricModel, { readonly kind: 'object_aggregate' }>,
  'aggregate' | 'column' | 'filter'
> {
  return { aggregate: aggregate!, ...present({ column: column?.name, filter }) } as never
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
  return hole.kind === 'metric' ? hole.name : String(hole.value)
}

function metricName(shapes: Shapes, entry: MetricEntry, value: unknown): string | undefined {
  const found = shapes.book.metricOf.get(value)
  if (found !== undefined) return found.name
  const kind = definitionOf(value)?.kind
  const isMetric = kind === 'aggregate' || kind === 'ratio' || kind === 'formula'
  return refuse(shapes, entry, {
    code: isMetric ? 'MODEL_UNKNOWN_METRIC' : 'MODEL_BAD_DECLARATION',
    message: isMetric
      ? `${entry.id} uses a metric that no file of metric/ exports`
      : `${entry.id} uses ${describeValue(value)} where a metric is needed`,
    hint: isMetric
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

function inputNames({ book }: Shapes, { data }: MetricEntry): readonly string[] {
  const values =
    data.kind === 'ratio'
      ? [data.numerator, data.denominator]
      : data.kind === 'formula'
        ? data.holes
        : []
  return values.flatMap((value) => book.metricOf.get(value)?.name ?? [])
}

function refuse(shapes: Shapes, entry: MetricEntry, fault: Fault): undefined {
  shapes.book.report(entry, fault)
}

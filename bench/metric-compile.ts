/** Compiling a question over a model of a hundred metrics and two thousand dimensions, beside the engine preparing the SQL that comes out. */
import { openDuckdbEngine } from '../src/engine/duckdb/duckdb.ts'
import { compileQuestion, legalDimensions } from '../src/metric/metric.ts'
import type { MetricQuestion } from '../src/metric/metric.ts'
import type { Model } from '../src/model/model.ts'
import { modelOf } from '../test/metric/build-model.ts'
import type { MetricSketch } from '../test/metric/build-model.ts'
import { median } from './figure.ts'
import type { Bench } from './figure.ts'

const attributesEach = 100

export const run: Bench = async ({ short }) => {
  const model = largeModel()
  const started = performance.now()
  compileQuestion(model, { metrics: ['metric_0'], by: ['member.a_3_7'] })
  const cold = performance.now() - started
  const legal = legalDimensions(model, 'metric_0').length
  const questions = Array.from({ length: short ? 2_000 : 10_000 }, (_, at) => questionAt(at))
  for (const question of questions.slice(0, 500)) compileQuestion(model, question)
  const times = questions.map((question) => {
    const begun = performance.now()
    compileQuestion(model, question)
    return performance.now() - begun
  })
  times.sort((left, right) => left - right)
  const prepared = round(await preparing(model, questions.slice(0, 40)))
  const at = (share: number): number => round(times[Math.floor(times.length * share)]!)
  return [
    { what: 'dimensions that go with one metric', value: legal, unit: 'dimensions' },
    {
      what: 'compile, first of a model',
      value: round(cold),
      unit: 'ms',
      beside: { what: 'engine prepares the SQL (p50)', value: prepared },
    },
    {
      what: 'compile, warm (p50)',
      value: at(0.5),
      unit: 'ms',
      beside: { what: 'engine prepares the SQL (p50)', value: prepared },
    },
    { what: 'compile, warm (p99)', value: at(0.99), unit: 'ms', beside: { what: 'aim', value: 5 } },
  ]
}

/** One to three metrics by one to three attributes, most with a condition. */
function questionAt(at: number): MetricQuestion {
  const attribute = (seed: number): string => `a_${(seed * 7) % 10}_${(seed * 13) % attributesEach}`
  const by = [`member.${attribute(at)}`, `product.${attribute(at + 1)}`, 'month'].slice(
    0,
    1 + (at % 3),
  )
  const metrics = [`metric_${at % 50}`, `metric_${50 + (at % 50)}`, 'rate'].slice(0, 1 + (at % 3))
  const where =
    at % 4 === 0
      ? {}
      : {
          where: `member.${attribute(at + 2)} = 'x' and (amount > 10.5 or product.${attribute(at + 3)} is unknown)`,
        }
  return { metrics, by, from: '2011-01-01', to: '2011-07-01', ...where }
}

function largeModel(): Model {
  const names = (group: number): Readonly<Record<string, string>> => {
    return Object.fromEntries(
      Array.from({ length: attributesEach }, (_, at) => [`a_${group}_${at}`, 'text']),
    )
  }
  const groups = (
    object: string,
  ): readonly (readonly [
    string,
    { object: string; history: boolean; columns: Readonly<Record<string, string>> },
  ])[] => {
    return Array.from(
      { length: 10 },
      (_, at) =>
        [
          `obj_attr.${object}.group_${at}`,
          { object: `obj.${object}`, history: true, columns: names(at) },
        ] as const,
    )
  }
  const metric = (at: number): MetricSketch => ({
    kind: 'aggregate',
    selection: {
      kind: 'selection',
      activity: at < 50 ? 'act.purchase' : 'act.visit',
      selector: { kind: 'all' },
      take: { kind: 'aggregate', aggregate: 'sum', column: 'amount' },
      ...(at % 3 === 0
        ? { filter: { kind: 'compare', path: `member.a_1_${at}`, operator: '=', value: 'x' } }
        : {}),
    },
  })
  const columns = { member: 'obj.member', product: 'obj.product', amount: 'decimal(2)' }
  return modelOf({
    objects: {
      'obj.member': { key: 'id', columns: {} },
      'obj.product': { key: 'id', columns: {} },
    },
    attributes: Object.fromEntries([...groups('member'), ...groups('product')]),
    activities: { 'act.purchase': { columns }, 'act.visit': { columns } },
    metrics: {
      ...Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`metric_${at}`, metric(at)])),
      rate: { kind: 'ratio', numerator: 'metric_0', denominator: 'metric_60' },
    },
  })
}

async function preparing(model: Model, questions: readonly MetricQuestion[]): Promise<number> {
  const engine = await openDuckdbEngine()
  try {
    const session = await engine.open({ zone: model.zone })
    for (const table of model.tables) {
      if (table.kind === 'object' || table.kind === 'attributes')
        await session.bindEmpty(table.id, table.columns)
      if (table.kind !== 'merged') continue
      const versions = table.versions.map(({ column }) => ({
        name: column,
        type: { kind: 'integer' } as const,
      }))
      await session.bindEmpty(table.id.replace('merged.', 'stored.'), [
        ...table.columns,
        ...versions,
      ])
    }
    const times: number[] = []
    for (const question of questions) {
      const { sql } = compileQuestion(model, question)
      const started = performance.now()
      await session.run(`explain ${sql}`)
      times.push(performance.now() - started)
    }
    return median(times)
  } finally {
    await engine.close()
  }
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}

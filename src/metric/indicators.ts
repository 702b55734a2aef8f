/** Every pair of a metric and a dimension: its id, what it says, and why another pair does not go together. */
import type { MetricModel, Model } from '../model/model.ts'
import type { LegalDimension } from './illegal.ts'
import { findMetric } from './measure.ts'
import { legalDimensions, refusedPair } from './legal.ts'

export interface Indicator {
  /** `sales/member.country`: stable as long as the names are. `maru metric` answers it. */
  readonly id: string
  readonly metric: string
  readonly dimension: string
  readonly description: string
  readonly unit?: string
  readonly direction?: 'up' | 'down'
  readonly owner: string
}

export interface RefusedIndicator {
  readonly id: string
  readonly reason: string
}

/** How many pairs of one metric, of all dimensions that any metric has. */
export interface IndicatorCount {
  readonly metric: MetricModel
  readonly legal: number
  readonly refused: number
}

/** Which pairs: all when nothing is said. */
export interface IndicatorFilter {
  readonly metrics?: readonly string[]
  /** Part of the dimension's path. */
  readonly dimension?: string
}

const separator = '/'

function indicatorId(metric: string, dimension: string): string {
  return `${metric}${separator}${dimension}`
}

/** undefined: the text is no id of a pair. */
export function readIndicatorId(
  text: string,
): { readonly metric: string; readonly dimension: string } | undefined {
  const at = text.indexOf(separator)
  return at <= 0 || at === text.length - 1
    ? undefined
    : { metric: text.slice(0, at), dimension: text.slice(at + 1) }
}

export function countIndicators(model: Model): readonly IndicatorCount[] {
  const legal = model.metrics.map(({ name }) => pathsOf(model, name))
  const all = new Set(legal.flat())
  return model.metrics.map((metric, at) => ({
    metric,
    legal: legal[at]!.length,
    refused: refusedOf(model, metric.name, { all, legal: legal[at]! }).length,
  }))
}

/** Throws what a question would for a metric that is not there. */
export function listIndicators(model: Model, filter: IndicatorFilter): readonly Indicator[] {
  return metricsOf(model, filter).flatMap((metric) =>
    legalDimensions(model, metric.name)
      .filter(({ path }) => path.includes(filter.dimension ?? ''))
      .map((dimension) => indicatorOf(metric, dimension)),
  )
}

/** Pairs of a metric with what only others have, each with its reason. */
export function listRefused(model: Model, filter: IndicatorFilter): readonly RefusedIndicator[] {
  const legal = new Map(model.metrics.map(({ name }) => [name, pathsOf(model, name)]))
  const paths = [...legal.values()].flat()
  const all = new Set(paths.filter((path) => path.includes(filter.dimension ?? '')))
  return metricsOf(model, filter).flatMap(({ name }) =>
    refusedOf(model, name, { all, legal: legal.get(name)! }),
  )
}

function pathsOf(model: Model, metric: string): readonly string[] {
  return legalDimensions(model, metric).map(({ path }) => path)
}

/** Of the dimensions of other metrics. One that is listed by a longer name is not refused by its shorter one. */
function refusedOf(
  model: Model,
  metric: string,
  { all, legal }: { readonly all: ReadonlySet<string>; readonly legal: readonly string[] },
): readonly RefusedIndicator[] {
  const own = new Set(legal)
  return [...all].flatMap((path) => {
    const refused = own.has(path) ? undefined : refusedPair(model, metric, path)
    return refused === undefined ? [] : [{ id: indicatorId(metric, path), reason: refused.reason }]
  })
}

function metricsOf(model: Model, { metrics }: IndicatorFilter): readonly MetricModel[] {
  if (metrics === undefined) return model.metrics
  return metrics.map((name) => findMetric(model, name))
}

function indicatorOf(metric: MetricModel, dimension: LegalDimension): Indicator {
  const { name, owner, unit, direction } = metric
  return {
    id: indicatorId(name, dimension.path),
    metric: name,
    dimension: dimension.path,
    description: `${metric.description || name}, by ${dimension.description || dimension.path}`,
    ...(unit === undefined ? {} : { unit }),
    ...(direction === undefined ? {} : { direction }),
    owner,
  }
}

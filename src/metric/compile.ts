/** A question becomes one SELECT: its inquiry, and the order and limit of the rows. */
import { MaruError } from '../base/errors.ts'
import { suggest } from '../base/nearest.ts'
import { parseDay } from '../base/time.ts'
import type { Model } from '../model/model.ts'
import { blockOf } from './answer.ts'
import { parseFilter } from './filter-language.ts'
import { rootsOf } from './kinds.ts'
import { askMetric } from './measure.ts'
import type { AskedMetric } from './measure.ts'
import { lastName } from './model-index.ts'
import type { CompiledQuestion, MetricQuestion, StoredFreshness } from './question.ts'

const nothingStored: StoredFreshness = new Map()

/** Throws METRIC_ILLEGAL for a pair that does not go together, METRIC_BAD_QUERY or MODEL_UNKNOWN_METRIC for what cannot be understood. */
export function compileQuestion(
  model: Model,
  question: MetricQuestion,
  freshness: StoredFreshness = nothingStored,
): CompiledQuestion {
  checkShape(question)
  const metrics = question.metrics.map((name) => askMetric(model, name))
  const by = question.by ?? []
  refuseRepeated(by)
  refuseRepeated(metrics.map((metric) => metric.name))
  refuseSharedName(model, by, metrics)
  const { from, to, where } = question
  const block = blockOf(
    { model, freshness },
    {
      values: metrics,
      by,
      where: where === undefined || where.trim() === '' ? undefined : parseFilter(where),
      range: { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) },
      isFilled: question.fill === true,
    },
  )
  const selected = [
    ...by.map((text, at) => aliased(block.slugs[at]!, text)),
    ...block.values.map((value) => aliased(value.sql, value.name)),
  ]
  const lines = [
    'select',
    `  ${selected.join(',\n  ')}`,
    `from ${block.groups}`,
    ...tailLines(question, metrics, block.slugs),
  ]
  return {
    sql: `with ${block.ctes.join(',\n')}\n${lines.join('\n')}`,
    reads: block.reads,
    sources: block.sources,
    columns: [
      ...by.map((name, at) => ({
        name,
        type: block.dimensions[at]!.type,
        kind: 'dimension' as const,
      })),
      ...block.values.map(({ name, type }) => ({ name, type, kind: 'metric' as const })),
    ],
  }
}

const unansweredParts = ['of', 'having', 'compare', 'totals', 'top'] as const

function checkShape(question: MetricQuestion): void {
  const part = unansweredParts.find((name) => question[name] !== undefined)
  if (part !== undefined) {
    throw new MaruError('METRIC_ILLEGAL', `\`${part}\` of a question is not answered yet`, {
      hint: 'leave it out',
    })
  }
  if (question.metrics.length === 0)
    throw badQuestion('the question names no metric', 'name at least one; maru list shows them')
  const { from, to, limit } = question
  for (const day of [from, to]) if (day !== undefined) parseDay(day)
  if (from !== undefined && to !== undefined && from >= to) {
    throw badQuestion(
      `the range from ${from} to ${to} holds no day`,
      '"to" is the day after the last',
    )
  }
  if (limit !== undefined && (!Number.isSafeInteger(limit) || limit < 0)) {
    throw badQuestion(
      `the limit ${String(limit)} is not a count of rows`,
      'a limit is a whole number from 0',
    )
  }
}

function refuseRepeated(names: readonly string[]): void {
  const repeated = names.find((name, at) => names.indexOf(name) !== at)
  if (repeated !== undefined)
    throw badQuestion(`"${repeated}" is asked for twice`, 'name each metric and dimension once')
}

/** Columns of the answer are known by name. The dimension has a longer one, with the activity's name before it. */
function refuseSharedName(
  model: Model,
  by: readonly string[],
  metrics: readonly AskedMetric[],
): void {
  const metric = metrics.find(({ name }) => by.includes(name))
  if (metric === undefined) return
  const [rootId = 'activity'] = rootsOf(model, metric.expression)
  const longer = `${lastName(rootId)}.${metric.name}`
  throw badQuestion(
    `"${metric.name}" names both a metric and a dimension of the question`,
    `write the dimension as ${longer}`,
  )
}

function badQuestion(message: string, hint: string): MaruError {
  return new MaruError('METRIC_BAD_QUERY', message, { hint })
}

function tailLines(
  question: MetricQuestion,
  metrics: readonly AskedMetric[],
  slugs: readonly string[],
): readonly string[] {
  const by = question.by ?? []
  const asked = (question.order ?? []).map((item) => orderItem(item, by, metrics))
  refuseRepeated(asked.map(({ name }) => name))
  // Dimensions last, so that equal values still have one order and a limit one answer.
  const rest = by
    .filter((text) => !asked.some(({ name }) => name === text))
    .map((name) => ({ name, isDescending: false }))
  const order = [...asked, ...rest].map(({ name, isDescending }) => {
    return `${quoted(name)}${isDescending ? ' desc' : ''} nulls last`
  })
  const lines: string[] = []
  if (slugs.length > 0 && order.length > 0) lines.push(`order by ${order.join(', ')}`)
  if (question.limit !== undefined) lines.push(`limit ${question.limit}`)
  return lines
}

function orderItem(
  item: string,
  by: readonly string[],
  metrics: readonly AskedMetric[],
): { readonly name: string; readonly isDescending: boolean } {
  const isDescending = item.startsWith('-')
  const text = isDescending ? item.slice(1) : item
  const names = [...by, ...metrics.map((metric) => metric.name)]
  const name = names.find((candidate) => candidate === text || `metric.${candidate}` === text)
  if (name === undefined)
    throw badQuestion(
      `the order names "${text}", which the question does not ask for`,
      suggest(text, names),
    )
  return { name, isDescending }
}

function aliased(sql: string, name: string): string {
  return sql === name ? sql : `${sql} as ${quoted(name)}`
}

function quoted(name: string): string {
  return /^[a-z][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`
}

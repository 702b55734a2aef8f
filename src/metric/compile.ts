/** A question becomes one SELECT: its inquiries put together, and the order and limit of the rows. */
import { MaruError } from '../base/errors.ts'
import { suggest } from '../base/nearest.ts'
import { parseDay } from '../base/time.ts'
import { sqlType } from '../model/column-type.ts'
import type { Model } from '../model/model.ts'
import { answerOf, blockOf, mergeReads } from './answer.ts'
import type { Asking } from './answer.ts'
import { comparedWith } from './compare.ts'
import { parseFilter } from './filter-language.ts'
import { havingSql } from './having.ts'
import { slugOf } from './inquiry.ts'
import type { Answer, Inquiry } from './inquiry.ts'
import { refusalOf, rootsOf } from './kinds.ts'
import { askMetric } from './measure.ts'
import type { AskedMetric } from './measure.ts'
import { lastName, tableById } from './model-index.ts'
import type { CompiledQuestion, MetricQuestion, StoredFreshness } from './question.ts'
import { topGroups } from './top.ts'

const nothingStored: StoredFreshness = new Map()

/** Throws METRIC_ILLEGAL for a pair that does not go together, METRIC_BAD_QUERY or MODEL_UNKNOWN_METRIC for what cannot be understood. */
export function compileQuestion(
  model: Model,
  question: MetricQuestion,
  freshness: StoredFreshness = nothingStored,
): CompiledQuestion {
  checkShape(question)
  const metrics =
    question.of === undefined
      ? question.metrics.map((name) => askMetric(model, name))
      : [rowsOf(model, question.of)]
  const by = question.by ?? []
  refuseRepeated(by)
  refuseRepeated(metrics.map((metric) => metric.name))
  refuseSharedName(model, by, metrics)
  const { from, to, where } = question
  const range = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
  const inquiry: Inquiry = {
    values:
      question.compare === undefined
        ? metrics
        : metrics.flatMap((metric) => comparedWith(metric, { compare: question.compare!, range })),
    by,
    where: where === undefined || where.trim() === '' ? undefined : parseFilter(where),
    range,
    isFilled: question.fill === true,
  }
  refuseDimensions(model, inquiry)
  const asking = { model, freshness }
  const isPlain = [question.having, question.totals, question.top].every(
    (part) => part === undefined,
  )
  return isPlain ? plain(asking, question, inquiry) : composed(asking, question, inquiry)
}

function refuseDimensions(model: Model, { values, by }: Inquiry): void {
  for (const { name, expression } of values) {
    for (const text of by) {
      const reason = refusalOf(model, expression, text)
      if (reason === undefined) continue
      throw new MaruError('METRIC_ILLEGAL', `"${name}" does not go with "${text}": ${reason}`, {
        hint: 'maru show lists what goes with a metric; the grain of a period (month) goes with every time',
      })
    }
  }
}

/** The groups as they are. */
function plain(asking: Asking, question: MetricQuestion, inquiry: Inquiry): CompiledQuestion {
  const block = blockOf(asking, inquiry)
  const { by } = inquiry
  const values = question.of === undefined ? block.values : []
  const selected = [
    ...by.map((text, at) => aliased(block.slugs[at]!, text)),
    ...values.map((value) => aliased(value.sql, value.name)),
  ]
  const lines = [
    'select',
    `  ${selected.join(',\n  ')}`,
    `from ${block.groups}`,
    ...tailLines(question, inquiry),
  ]
  return {
    sql: `with ${block.ctes.join(',\n')}\n${lines.join('\n')}`,
    reads: block.reads,
    sources: block.sources,
    columns: columnsOf({ dimensions: block.dimensions, values }),
  }
}

function columnsOf({
  dimensions,
  values,
}: Pick<Answer, 'dimensions' | 'values'>): CompiledQuestion['columns'] {
  return [
    ...dimensions.map(({ text, type }) => ({ name: text, type, kind: 'dimension' as const })),
    ...values.map(({ name, type }) => ({ name, type, kind: 'metric' as const })),
  ]
}

/** Counts the rows of an activity or object, whose combinations of dimensions are asked for. The name is one that no metric has. */
function rowsOf(model: Model, id: string): AskedMetric {
  const root = tableById(model, id)
  if (root?.kind === 'activity' || root?.kind === 'object') {
    const measure = { metric: 'rows__of', rootId: root.id, aggregate: 'count' as const }
    return { name: 'rows__of', expression: { kind: 'measure', measure } }
  }
  const ids = model.tables.flatMap((table) =>
    table.kind === 'activity' || table.kind === 'object' ? [table.id] : [],
  )
  throw badQuestion(`"${id}" is no activity and no object`, suggest(id, ids))
}

/** Groups that are left out, and rows that are added. */
function composed(asking: Asking, question: MetricQuestion, inquiry: Inquiry): CompiledQuestion {
  const each = answerOf(asking, inquiry)
  const top = question.top && topGroups(asking, question.top, inquiry)
  const { by } = inquiry
  const names = each.values.map(({ name }) => name)
  const columns = [...by.map(slugOf), ...names]
  const having =
    question.having === undefined ? '' : `\n  where ${havingSql(question.having, each.values)}`
  const limit =
    question.limit === undefined
      ? []
      : tailLines(question, inquiry, (name) => (by.includes(name) ? slugOf(name) : name))
  const totals = (question.totals ?? []).map((kept) => totalRows(asking, { kept, inquiry }, each))
  const ctes = [
    ...(top?.ctes ?? []),
    `each_group as (\n${each.sql}\n)`,
    `shown_group as (
  select ${columns.join(', ')}
  from (
    select ${columns.join(', ')}
    from each_group${top === undefined ? '' : `\n    where ${top.condition}`}${top?.others === undefined ? '' : `\n    union all\n    ${top.others}`}
  ) as some_group${having}${limit.map((line) => `\n  ${line}`).join('')}
)`,
    ...totals.map(({ answer }, at) => `total_${at} as (\n${answer.sql}\n)`),
  ]
  const rows = [
    `select ${[...columns, ...(totals.length === 0 ? [] : [`cast(null as varchar) as ${totalBy}`])].join(', ')} from shown_group`,
    ...totals.map(({ items }, at) => `select ${items.join(', ')} from total_${at}`),
  ]
  const shown = [
    ...by.map((text) => aliased(slugOf(text), text)),
    ...names,
    ...(totals.length === 0 ? [] : [totalBy]),
  ]
  const answers = [each, ...(top?.answers ?? []), ...totals.map(({ answer }) => answer)]
  const { limit: _limit, ...unlimited } = question
  const order = tailLines(unlimited, inquiry)
  return {
    sql: `with ${ctes.join(',\n')}
select ${shown.join(', ')}
from (
  ${rows.join('\n  union all\n  ')}
) as answer${totals.length === 0 ? '' : `\norder by ${totalBy} nulls first`}${order.map((line) => (totals.length === 0 ? `\n${line}` : line.replace('order by', ','))).join('')}`,
    reads: mergeReads(answers.flatMap(({ reads }) => reads)),
    sources: answers.flatMap(({ sources }) => sources),
    columns: [
      ...columnsOf(each),
      ...(totals.length === 0
        ? []
        : [{ name: totalBy, type: { kind: 'text' as const }, kind: 'dimension' as const }]),
    ],
  }
}

/** Says of a row which dimensions it is the total by; unknown for the groups themselves. */
const totalBy = 'total__by'

/** The groups of fewer dimensions; the others are unknown. */
function totalRows(
  asking: Asking,
  { kept, inquiry }: { readonly kept: readonly string[]; readonly inquiry: Inquiry },
  each: Answer,
): { readonly answer: Answer; readonly items: readonly string[] } {
  const { by } = inquiry
  const other = kept.find((text) => !by.includes(text))
  if (other !== undefined)
    throw badQuestion(
      `a total is by "${other}", which the question does not ask for`,
      suggest(other, by),
    )
  refuseRepeated(kept)
  const answer = answerOf(asking, { ...inquiry, by: kept })
  const items = each.dimensions.map(({ text, type }) =>
    kept.includes(text) ? slugOf(text) : `cast(null as ${sqlType(type)}) as ${slugOf(text)}`,
  )
  const names = each.values.map(({ name }) => name)
  return { answer, items: [...items, ...names, `'${kept.join(',')}' as ${totalBy}`] }
}

function checkShape(question: MetricQuestion): void {
  if (question.of !== undefined) checkCombinations(question)
  else if (question.metrics.length === 0)
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

/** Without a metric there is nothing to compare, add up or rank. */
function checkCombinations(question: MetricQuestion): void {
  const part = (['having', 'compare', 'totals', 'top', 'fill'] as const).find(
    (name) => question[name] !== undefined,
  )
  if (part !== undefined)
    throw badQuestion(
      `"of" asks for combinations, and "${part}" is about metrics`,
      `leave ${part} out`,
    )
  if (question.metrics.length > 0)
    throw badQuestion('"of" asks for combinations without metrics', 'leave "of" or the metrics out')
  if ((question.by ?? []).length === 0)
    throw badQuestion('the question names no dimension', 'name at least one')
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

/** `columnOf` gives the column of a name. */
function tailLines(
  question: Pick<MetricQuestion, 'order' | 'limit' | 'of'>,
  { by, values }: Inquiry,
  columnOf: (name: string) => string = quoted,
): readonly string[] {
  const names = [...by, ...(question.of === undefined ? values.map(({ name }) => name) : [])]
  const asked = (question.order ?? []).map((item) => orderItem(item, names))
  refuseRepeated(asked.map(({ name }) => name))
  // Dimensions last, so that equal values still have one order and a limit one answer.
  const rest = by
    .filter((text) => !asked.some(({ name }) => name === text))
    .map((name) => ({ name, isDescending: false }))
  const order = [...asked, ...rest].map(({ name, isDescending }) => {
    return `${columnOf(name)}${isDescending ? ' desc' : ''} nulls last`
  })
  const lines: string[] = []
  if (by.length > 0 && order.length > 0) lines.push(`order by ${order.join(', ')}`)
  if (question.limit !== undefined) lines.push(`limit ${question.limit}`)
  return lines
}

function orderItem(
  item: string,
  names: readonly string[],
): { readonly name: string; readonly isDescending: boolean } {
  const isDescending = item.startsWith('-')
  const text = isDescending ? item.slice(1) : item
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

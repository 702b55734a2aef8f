import type { App, MetricAnswer } from '../app/app.ts'
import type { Comparison, MetricQuestion } from '../metric/metric.ts'
import { MaruError } from '../base/errors.ts'
import type { Command, Words } from './command.ts'
import { formatOption, projectOption } from './command.ts'
import { printRows, write } from './output.ts'
import type { Rows } from './output.ts'
import { readRange } from './run-options.ts'
import { withApp } from './with-app.ts'

export const command: Command = {
  name: 'metric',
  summary: 'Answers a question: metrics, by dimensions, over a time, under a condition.',
  usage:
    'METRIC… [--by DIMENSIONS] [--from D] [--to D] [--where CONDITION] [--compare TIME] [--top TEXT]',
  options: {
    project: projectOption,
    format: formatOption,
    by: {
      type: 'string',
      value: 'LIST',
      describes:
        'dimensions, by commas: a grain (day, week, month …), a column, or a path (member.country); @now after a path: as it is today',
    },
    from: { type: 'string', value: 'DAY', describes: 'the first local day' },
    to: { type: 'string', value: 'DAY', describes: 'the day after the last' },
    where: {
      type: 'string',
      value: 'TEXT',
      describes: "a condition: member.country = 'France' and quantity > 10",
    },
    order: {
      type: 'string',
      value: 'LIST',
      describes: 'metrics or dimensions, by commas; - before one for descending',
    },
    limit: {
      type: 'string',
      value: 'N',
      describes: 'at most so many rows; default 10,000, and then it says so',
    },
    having: {
      type: 'string',
      value: 'TEXT',
      describes: 'a condition on the groups, over metrics asked for: sales > 100',
    },
    compare: {
      type: 'string',
      value: 'TIME',
      describes: 'beside each metric the time before and the change: previous, 1 year, 4 weeks …',
    },
    totals: {
      type: 'string',
      value: 'LISTS',
      describes:
        'further rows, recomputed for the dimensions of each list, lists by semicolons; all: the grand total',
    },
    top: {
      type: 'string',
      value: 'TEXT',
      describes:
        'only the greatest values of a dimension: 10 product.brand by sales; by -sales for the least',
    },
    others: { type: 'boolean', describes: 'with --top: what is left as one more group' },
    of: {
      type: 'string',
      value: 'TABLE',
      describes:
        'without metrics: the different combinations of the dimensions in an activity or object',
    },
    fill: { type: 'boolean', describes: 'also periods without rows: counts and sums are 0 there' },
    sources: {
      type: 'boolean',
      describes: 'print where the numbers come from, of which version and when it was built',
    },
    sql: { type: 'boolean', describes: 'print the SQL instead of running it' },
  },
  details: `
METRIC is a metric's name, or an indicator's id: METRIC/DIMENSION, as maru indicators lists them.
maru show metric.NAME lists the dimensions that a metric goes with. A pair that does not go together is refused with the reason.

Examples:
  maru metric sales buyers --by month
  maru metric sales buyers --by product.brand,month --from 2011-01-01 --to 2011-07-01 --where "member.country = 'France'"
  maru metric sales --by product.brand --order=-sales --limit 10
  maru metric sales buyers --by month --compare "1 year" --totals all --from 2011-01-01 --to 2012-01-01
  maru metric sales --by product.brand,month --top "5 product.brand by sales" --others --having "sales > 0"
  maru metric --of act.purchase --by status`,
  run: async (words) => {
    const format = words.format()
    const asked = await readQuestion(words)
    return await withApp(words, async (app) => {
      const question =
        asked.ofIndicators.length === 0 ? asked.question : await withNeeded(app, asked)
      if (words.flag('sql')) {
        const { compileQuestion } = await import('../metric/metric.ts')
        write(`${compileQuestion(await app.model(), question).sql}\n`)
        return 0
      }
      // A limit is of the groups, after which totals come.
      const rowsMax = question.limit === undefined ? { rowsMax: rowsMaxDefault } : {}
      const { result, compiled, sources } = await app.metric(question, rowsMax)
      const answer = { columns: compiled.columns.map((column) => column.name), rows: result.rows }
      const lines = sourceLines(sources)
      if (words.flag('sources')) printRows(sourceRows(lines), format)
      else printRows(answer, format)
      if (result.truncated)
        process.stderr.write(
          `maru: only the first ${rowsMaxDefault} groups are shown; --limit shows more, --where and --top choose\n`,
        )
      if (format === 'table' && !words.flag('sources')) write(`\n${sourceText(lines)}\n`)
      return 0
    })
  },
}

/** Groups that a person reads; a dimension may have ten million. */
const rowsMaxDefault = 10_000

const sourceWords = {
  indicators: 'stored indicators',
  states: 'stored states',
  activities: 'activities',
} as const

interface SourceLine {
  readonly metric: string
  readonly from: string
  readonly table: string
  /** Of the definition that made the table; absent when State does not know it. */
  readonly version?: string
  readonly at?: string
}

/** A line for each table that each of the metrics computed is from. */
function sourceLines(sources: MetricAnswer['sources']): readonly SourceLine[] {
  return sources.flatMap(({ kind, metrics, tables, built }) =>
    metrics.flatMap((metric) =>
      tables.map((table) => ({
        metric,
        from: sourceWords[kind],
        table,
        ...built.find(({ id }) => id === table),
      })),
    ),
  )
}

function sourceRows(lines: readonly SourceLine[]): Rows {
  return {
    columns: ['metric', 'from', 'table', 'version', 'built_at'],
    rows: lines.map(({ metric, from, table, version, at }) => [metric, from, table, version, at]),
  }
}

/** Each table once. */
function sourceText(lines: readonly SourceLine[]): string {
  const texts = lines.map(({ from, table, version, at }) => {
    const made = at === undefined ? '' : `, built ${at}, version ${version?.slice(0, 8)}`
    return `from ${from} ${table}${made}`
  })
  return [...new Set(texts)].join('\n')
}

interface Asked {
  readonly question: MetricQuestion
  /** Metrics that are asked for by an indicator's id. */
  readonly ofIndicators: readonly string[]
}

/** Of an indicator the dimension without which its metric has no value goes without saying. */
async function withNeeded(app: App, { question, ofIndicators }: Asked): Promise<MetricQuestion> {
  const { neededDimensions } = await import('../metric/metric.ts')
  const model = await app.model()
  const needed = ofIndicators.flatMap((metric) => neededDimensions(model, metric, question.by))
  return { ...question, by: [...new Set([...(question.by ?? []), ...needed])] }
}

async function readQuestion(words: Words): Promise<Asked> {
  const { metrics, dimensions, ofIndicators } = await readMetrics(words)
  const of = words.text('of')
  if (metrics.length === 0 && of === undefined)
    throw new MaruError('USAGE', 'metric takes at least one metric', {
      hint: 'maru list metric shows them; for example: maru metric sales --by month',
    })
  const [by, where, order, limit, having, compare, totals, top] = (
    ['by', 'where', 'order', 'limit', 'having', 'compare', 'totals', 'top'] as const
  ).map((name) => words.text(name))
  const question = {
    metrics,
    ...readRange(words),
    ...(by === undefined && dimensions.length === 0
      ? {}
      : { by: [...dimensions, ...(by === undefined ? [] : names(by))] }),
    ...(where === undefined ? {} : { where }),
    ...(order === undefined ? {} : { order: names(order) }),
    ...(limit === undefined ? {} : { limit: readCount('--limit', limit) }),
    ...(words.flag('fill') ? { fill: true } : {}),
    ...(of === undefined ? {} : { of }),
    ...(having === undefined ? {} : { having }),
    // The question says which texts it understands.
    ...(compare === undefined ? {} : { compare: compare as Comparison }),
    ...(totals === undefined ? {} : { totals: readTotals(totals) }),
    ...readTop(top, words.flag('others')),
  }
  return { question, ofIndicators }
}

/** An indicator's id, `sales/member.country`, is a metric and a dimension. */
async function readMetrics(words: Words): Promise<{
  readonly metrics: readonly string[]
  readonly dimensions: readonly string[]
  readonly ofIndicators: readonly string[]
}> {
  const { readIndicatorId } = await import('../metric/metric.ts')
  const asked = words.positionals
    .flatMap(names)
    .map((text) => readIndicatorId(text) ?? { metric: text })
  const indicators = asked.filter((each) => 'dimension' in each)
  return {
    ofIndicators: indicators.map(({ metric }) => metric),
    metrics: [...new Set(asked.map(({ metric }) => metric))],
    dimensions: [...new Set(indicators.map(({ dimension }) => dimension))],
  }
}

function readTotals(text: string): readonly (readonly string[])[] {
  return text.split(';').map((list) => (list.trim() === 'all' ? [] : names(list)))
}

function readTop(text: string | undefined, others: boolean): Pick<MetricQuestion, 'top'> {
  if (text === undefined) {
    if (!others) return {}
    throw new MaruError('USAGE', '--others is what --top leaves', { hint: 'add --top' })
  }
  const match = /^(\d+) (\S+) by (-?\S+)$/.exec(text.trim())
  if (match === null)
    throw new MaruError('USAGE', `--top takes a count, a dimension and a metric, not "${text}"`, {
      hint: 'for example --top "10 product.brand by sales"',
    })
  const [, count, dimension, metric] = match as unknown as [string, string, string, string]
  return {
    top: { dimension, metric, count: Number(count), ...(others ? { others: true } : {}) },
  }
}

/** Throws USAGE for an empty name: an empty shell variable must not ask for everything. */
function names(list: string): readonly string[] {
  const found = list.split(',').map((name) => name.trim())
  if (found.includes('')) {
    throw new MaruError('USAGE', `"${list}" has an empty name`, {
      hint: 'write names by commas, for example: member.country,month',
    })
  }
  return found
}

export function readCount(option: string, text: string): number {
  const count = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(count))
    throw new MaruError('USAGE', `${option} takes a whole number, not "${text}"`, {
      hint: `for example ${option} 10`,
    })
  return count
}

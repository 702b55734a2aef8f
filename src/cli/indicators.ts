import type { IndicatorCount, IndicatorFilter } from '../metric/metric.ts'
import type { Command, Words } from './command.ts'
import { formatOption, projectOption } from './command.ts'
import { printRows, write } from './output.ts'
import type { Format } from './output.ts'
import { withApp } from './with-app.ts'

export const command: Command = {
  name: 'indicators',
  summary:
    'Counts and lists every pair of a metric and a dimension, and says why another is refused.',
  usage: '[METRIC…] [--dimension TEXT] [--all] [--refused]',
  options: {
    project: projectOption,
    format: formatOption,
    dimension: {
      type: 'string',
      value: 'TEXT',
      describes: 'only dimensions whose path contains it',
    },
    all: { type: 'boolean', describes: 'list the pairs of every metric' },
    refused: { type: 'boolean', describes: 'list pairs that do not go together, with the reason' },
  },
  details: `
Without METRIC, --dimension or --all: how many each metric has. An id is METRIC/DIMENSION, and maru metric answers it.

Examples:
  maru indicators
  maru indicators sales
  maru indicators --dimension country --format csv
  maru indicators products_sold --refused
  maru metric sales/member.country`,
  run: async (words) => {
    const format = words.format()
    const filter = readFilter(words)
    const listsAll =
      words.flag('all') || filter.metrics !== undefined || filter.dimension !== undefined
    return await withApp(words, async (app) => {
      const model = await app.model()
      const { countIndicators, listIndicators, listRefused } = await import('../metric/metric.ts')
      if (words.flag('refused')) {
        const rows = listRefused(model, filter).map(({ id, reason }) => [id, reason])
        printRows({ columns: ['id', 'reason'], rows }, format)
      } else if (listsAll) {
        const rows = listIndicators(model, filter).map((each) => [
          each.id,
          each.unit ?? null,
          each.direction ?? null,
          each.owner,
          each.description,
        ])
        printRows({ columns: ['id', 'unit', 'direction', 'owner', 'description'], rows }, format)
      } else printCounts(countIndicators(model), format)
      return 0
    })
  },
}

function readFilter(words: Words): IndicatorFilter {
  const dimension = words.text('dimension')
  return {
    ...(words.positionals.length === 0 ? {} : { metrics: words.positionals }),
    ...(dimension === undefined ? {} : { dimension }),
  }
}

function printCounts(counts: readonly IndicatorCount[], format: Format): void {
  const rows = counts.map(({ metric, legal, refused }) => [
    metric.name,
    legal,
    refused,
    metric.unit ?? null,
    metric.direction ?? null,
    metric.owner,
    metric.synonyms.join(', '),
  ])
  const columns = ['metric', 'indicators', 'refused', 'unit', 'direction', 'owner', 'synonyms']
  printRows({ columns, rows }, format)
  if (format !== 'table') return
  const sum = (of: (count: IndicatorCount) => number): number =>
    counts.reduce((total, count) => total + of(count), 0)
  write(
    `\n${sum(({ legal }) => legal)} indicators of ${counts.length} metrics; ${sum(({ refused }) => refused)} pairs refused\n`,
  )
}

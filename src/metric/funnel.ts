/** Funnel: how many steps each attempt fulfils, by the dimensions of its first row. */
import type { ColumnType, FunnelMetric, MetricModel } from '../model/model.ts'
import { anchoredPart } from './anchored.ts'
import { attemptsOf } from './funnel-attempts.ts'
import type { Condition } from './filter-language.ts'
import { rangeOfRows } from './inquiry.ts'
import type { Kind } from './inquiry.ts'

const integer: ColumnType = { kind: 'integer' }

type Node = Extract<MetricModel, { readonly kind: 'funnel' }>

export const funnel: Kind<Node> = {
  roots: (_model, { steps }) => [steps[0]!.activity],
  isCount: ({ result }) => result.kind === 'actors',
  dimensions: ({ result }) =>
    result.kind === 'level'
      ? []
      : [{ path: 'step', type: integer, description: 'the step of the funnel, counted from 1' }],
  hasCohorts: true,
  isMovable: true,
  compile: (request) => {
    const { node, name } = request
    const attempts = attemptsOf({ ...request, range: rangeOfRows(request) })
    const hasSteps = node.result.kind !== 'level' && mentionsStep(request)
    const steps = node.steps.map((_, at) => `(${at + 1})`).join(', ')
    const anchor = `${name}__anchor as (
  select level.*${hasSteps ? ', each_step.step' : ''}
  from ${attempts.rows} as level${hasSteps ? `\n  cross join (values ${steps}) as each_step(step)` : ''}
)`
    return anchoredPart(request, {
      rootId: node.steps[0]!.activity,
      ctes: [...attempts.ctes, anchor],
      isEntry: true,
      rows: `${name}__anchor`,
      tables: attempts.tables,
      columns: ['level', 'object_key', ...(hasSteps ? ['step'] : [])],
      dimensions: hasSteps ? { step: { column: 'step', type: integer } } : {},
      ...valueOf(node, hasSteps),
    })
  },
}

function mentionsStep({
  by,
  where,
}: {
  readonly by: readonly string[]
  readonly where: Condition | undefined
}): boolean {
  return by.includes('step') || (where !== undefined && comparesStep(where))
}

function comparesStep(condition: Condition): boolean {
  switch (condition.kind) {
    case 'and':
    case 'or':
      return condition.operands.some(comparesStep)
    case 'not':
      return comparesStep(condition.operand)
    case 'metric':
      return false
    default:
      return condition.path.text === 'step'
  }
}

function valueOf({ result }: FunnelMetric, hasSteps: boolean): { value: string; type: ColumnType } {
  if (result.kind === 'level') return { value: 'max(value__level)', type: integer }
  const reached = (step: number | string): string =>
    `count(distinct case when value__level >= ${step} then value__object_key end)`
  const actors = reached(hasSteps ? 'value__step' : result.step)
  return result.kind === 'actors'
    ? { value: actors, type: integer }
    : {
        value: `cast(${actors} as double) / nullif(${reached(result.from)}, 0)`,
        type: { kind: 'number' },
      }
}

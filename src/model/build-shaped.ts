/** Metrics with a shape of their own as the Model has them: cumulative, conversion, funnel, retention, lifecycle, stickiness. */
import {
  buildDuration,
  buildRows,
  choiceText,
  objectOfChoice,
  refuse,
  whichText,
  type Request,
} from './build-choice.ts'
import {
  definitionOf,
  describeValue,
  present,
  type ConversionData,
  type CumulativeData,
  type FunnelData,
  type RetentionData,
  type ShapedMetricData,
} from './definition.ts'
import { grainFault } from './grains.ts'
import type { TableEntry } from './identify.ts'
import type {
  ConversionMetric,
  CumulativeMetric,
  Duration,
  FunnelMetric,
  LifecycleMetric,
  RetentionMetric,
  RowChoice,
  StickinessMetric,
} from './model.ts'

export type Shape =
  | CumulativeMetric
  | ConversionMetric
  | FunnelMetric
  | RetentionMetric
  | LifecycleMetric
  | StickinessMetric

export interface Shaped {
  readonly shape: Shape
  readonly description: string
  /** Whose rows it is made of, for the owner; a cumulative metric has its input's. */
  readonly table?: TableEntry
}

/** `inputName` gives the name of an input metric, and reports when there is none. */
export function buildShape(
  request: Request,
  data: ShapedMetricData,
  inputName: (value: unknown) => string | undefined,
): Shaped | undefined {
  switch (data.kind) {
    case 'cumulative':
      return buildCumulative(request, data, inputName(data.metric))
    case 'conversion':
      return buildConversion(request, data)
    case 'funnel':
      return buildFunnel(request, data)
    case 'retention':
      return buildRetention(request, data)
    case 'lifecycle': {
      const choice = buildRows(request, data.rows)
      const grain = checkGrain(request, data.grain)
      const states = ['new', 'returning', 'resurrected', 'dormant']
      if (!checkWord(request, { name: 'state', word: data.state, words: states })) return undefined
      if (choice === undefined || grain === undefined) return undefined
      const description = `objects that are ${data.state} in ${rowsText(choice)}, by ${grain}`
      return shaped(
        request,
        choice,
        { kind: 'lifecycle', choice, grain, state: data.state },
        description,
      )
    }
    case 'stickiness': {
      const choice = buildRows(request, data.rows)
      const grain = checkGrain(request, data.grain)
      if (choice === undefined || grain === undefined) return undefined
      const description = `average share of the actives of ${rowsText(choice)} that are active in a ${grain}`
      return shaped(request, choice, { kind: 'stickiness', choice, grain }, description)
    }
  }
}

// The request, the rows, the shape and the words have no one name together.
// oxlint-disable-next-line max-params
function shaped(request: Request, rows: RowChoice, shape: Shape, description: string): Shaped {
  const table = request.shapes.book.tables.get(rows.activity)
  return { shape, description, ...present({ table }) }
}

function buildCumulative(
  request: Request,
  data: CumulativeData,
  metric: string | undefined,
): Shaped | undefined {
  if (data.window !== undefined && data.toDate !== undefined) {
    return refuse(request, {
      code: 'MODEL_BAD_DECLARATION',
      message: `${request.label} has a \`window\` and \`toDate\``,
      hint: 'keep one of them',
    })
  }
  const across = data.across ?? 'last'
  if (!checkWord(request, { name: 'across', word: across, words: ['first', 'last', 'average'] }))
    return undefined
  const over = buildOver(request, data)
  if (metric === undefined || over === undefined) return undefined
  const text =
    over.kind === 'window'
      ? `over ${data.window}`
      : over.kind === 'to_date'
        ? `since the beginning of the ${over.grain}`
        : 'of all time so far'
  return { shape: { kind: 'cumulative', metric, over, across }, description: `${metric} ${text}` }
}

function buildOver(
  request: Request,
  { window, toDate }: CumulativeData,
): CumulativeMetric['over'] | undefined {
  if (window !== undefined) {
    const length = buildDuration(request, window)
    return length === undefined ? undefined : { kind: 'window', length }
  }
  if (toDate === undefined) return { kind: 'all_time' }
  const grain = checkGrain(request, toDate)
  return grain === undefined ? undefined : { kind: 'to_date', grain }
}

function buildConversion(request: Request, data: ConversionData): Shaped | undefined {
  const base = buildRows(request, data.base)
  const later = laterRequest(request, data.base)
  const conversion = buildRows(later, data.conversion)
  const within = optionalDuration(request, data.within)
  const result = data.result ?? 'rate'
  if (!checkWord(request, { name: 'result', word: result, words: ['rate', 'count'] }))
    return undefined
  if (base === undefined || conversion === undefined || within === 'fault') return undefined
  if (!haveOneObject(request, [base, conversion])) return undefined
  const what =
    result === 'rate' ? `share of ${rowsText(base)} that led` : `how often ${rowsText(base)} led`
  const description = `${what} to ${rowsText(conversion)}${data.within === undefined ? '' : ` within ${data.within}`}`
  const shape = { kind: 'conversion', base, conversion, ...present({ within }), result } as const
  return shaped(request, base, shape, description)
}

const orderless: ReadonlySet<string> = new Set(['any_order', 'increasing'])

function buildFunnel(request: Request, data: FunnelData): Shaped | undefined {
  const values: readonly unknown[] = Array.isArray(data.steps) ? data.steps : []
  const later = laterRequest(request, values[0])
  const steps = values.map((value, at) => buildRows(at === 0 ? request : later, value))
  const within = optionalDuration(request, data.within)
  const words = ['once', 'increasing', 'no_repeat', 'no_other', 'reentry', 'any_order']
  const rules = data.rules ?? []
  if (!rules.every((word) => checkWord(request, { name: 'rule', word, words }))) return undefined
  if (rules.includes('any_order') && rules.some((rule) => !orderless.has(rule))) {
    return refuse(request, {
      code: 'MODEL_BAD_DECLARATION',
      message: `${request.label} has the rules ${rules.join(', ')}`,
      hint: 'any_order goes with increasing alone: without an order nothing can end an attempt',
    })
  }
  const result = funnelResult(request, data, values.length)
  if (!steps.every((step) => step !== undefined) || within === 'fault' || result === undefined)
    return undefined
  if (!haveOneObject(request, steps)) return undefined
  const description = `funnel: ${steps.map(rowsText).join(' → ')}${data.within === undefined ? '' : ` within ${data.within}`}`
  const shape = { kind: 'funnel', steps, ...present({ within }), rules, result } as const
  return shaped(request, steps[0]!, shape, description)
}

function funnelResult(
  request: Request,
  { result }: FunnelData,
  count: number,
): FunnelMetric['result'] | undefined {
  if (count === 0) {
    return refuse(request, {
      code: 'MODEL_BAD_DECLARATION',
      message: `${request.label} has no steps`,
      hint: 'write funnel([visit, purchase])',
    })
  }
  if (result === 'level') return { kind: 'level' }
  const { step, from } = result ?? { step: count, from: 1 }
  const isStep = (number: number): boolean =>
    Number.isSafeInteger(number) && number >= 1 && number <= count
  if (isStep(step) && (from === undefined || isStep(from)))
    return from === undefined ? { kind: 'actors', step } : { kind: 'rate', step, from }
  return refuse(request, {
    code: 'MODEL_BAD_DECLARATION',
    message: `${request.label} asks for step ${step}${from === undefined ? '' : ` from ${from}`} of ${count}`,
    hint: 'steps are counted from 1',
  })
}

function buildRetention(request: Request, data: RetentionData): Shaped | undefined {
  const start = buildRows(request, data.start)
  const back = buildRows(laterRequest(request, data.start), data.back)
  const grain = checkGrain(request, data.grain)
  const { counting = 'recurring', result = 'rate', at } = data
  const isKnown =
    checkWord(request, { name: 'counting', word: counting, words: ['recurring', 'rolling'] }) &&
    checkWord(request, { name: 'result', word: result, words: ['actors', 'rate'] })
  if (at !== undefined && !(Number.isSafeInteger(at) && at >= 0)) {
    return refuse(request, {
      code: 'MODEL_BAD_DECLARATION',
      message: `${request.label} is at ${describeValue(at)}`,
      hint: 'ages are counted from 0',
    })
  }
  if (start === undefined || back === undefined || grain === undefined || !isKnown) return undefined
  if (!haveOneObject(request, [start, back])) return undefined
  const shape: RetentionMetric = {
    kind: 'retention',
    start,
    back,
    grain,
    counting,
    result,
    ...present({ at }),
  }
  const description = `${counting} retention of ${rowsText(start)} by ${rowsText(back)}, by ${grain}${at === undefined ? '' : `, at ${at}`}`
  return shaped(request, start, shape, description)
}

/** Rows of later steps are compared with the first's. */
function laterRequest(request: Request, first: unknown): Request {
  const data = definitionOf(first)
  const base = request.shapes.book.tableOf.get(data?.kind === 'row' ? data.activity : first)
  return base === undefined ? request : { ...request, base }
}

function haveOneObject(request: Request, choices: readonly RowChoice[]): boolean {
  const objects = choices.map((choice) => objectOfChoice(request.shapes, choice))
  const at = objects.findIndex((object) => object !== objects[0])
  if (at === -1) return true
  refuse(request, {
    code: 'MODEL_BAD_DECLARATION',
    message: `${request.label} follows ${objects[0]} in ${choices[0]!.activity}, but ${choices[at]!.activity} is of ${objects[at]}`,
    hint: 'all rows are of one object; all(…).of(…) names the reference that holds it',
  })
  return false
}

function optionalDuration(
  request: Request,
  text: string | undefined,
): Duration | undefined | 'fault' {
  return text === undefined ? undefined : (buildDuration(request, text) ?? 'fault')
}

function checkGrain(request: Request, grain: unknown): string | undefined {
  const fault = grainFault(request.shapes.book, grain)
  if (fault === undefined) return grain as string
  return refuse(request, {
    code: 'MODEL_BAD_DECLARATION',
    message: `${request.label} has the grain ${describeValue(grain)}`,
    hint: fault,
  })
}

interface Word {
  readonly name: string
  readonly word: unknown
  readonly words: readonly string[]
}

function checkWord(request: Request, { name, word, words }: Word): boolean {
  if (words.includes(word as string)) return true
  refuse(request, {
    code: 'MODEL_BAD_DECLARATION',
    message: `${request.label} has the ${name} ${describeValue(word)}`,
    hint: `one of ${words.join(', ')}`,
  })
  return false
}

function rowsText(choice: RowChoice): string {
  const name = choice.activity.split('.').at(-1)!
  return `${choice.selector.kind === 'all' ? name : whichText(choice)}${choiceText(choice)}`
}

/**
 * The options that builders take, by name and kind of value: one table for each builder, which the compiler compares with the builder's own type. An author
 * without a type checker must read of `histroy` or `required: 'yes'`, where a builder that only looks for what it knows would build another table in silence.
 */
import type { Problem } from '../base/errors.ts'
import { suggest } from '../base/nearest.ts'
import { describeValue, type OptionFault, type WithFaults } from './definition.ts'

type ValueKind = 'number' | 'text' | 'texts' | 'boolean' | 'list' | 'record' | 'function'

/** `any`: looked at by `buildModel`, which has a better word for it. A list: one of these words. A table: options within. */
type OptionKind = ValueKind | 'any' | readonly string[] | OptionTable

interface OptionTable {
  readonly [name: string]: OptionKind
}

export type Options<T> = { readonly [Name in keyof Required<T>]: OptionKind }

const isOfKind: Readonly<Record<ValueKind, (value: unknown) => boolean>> = {
  number: (value) => typeof value === 'number',
  text: (value) => typeof value === 'string',
  texts: (value) => Array.isArray(value) && value.every((text) => typeof text === 'string'),
  boolean: (value) => typeof value === 'boolean',
  list: (value) => Array.isArray(value),
  record: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  function: (value) => typeof value === 'function',
}

const expected: Readonly<Record<ValueKind, string>> = {
  number: 'write a number',
  text: "write a text, as 'KRW'",
  texts: "write a list of texts, as ['product']",
  boolean: 'write true or false',
  list: 'write a list: […]',
  record: 'write an object: { … }',
  function: 'write a function: (row) => ({ … })',
}

/**
 * What was given, without the options that are unknown or of another kind: these are in `optionFaults`. `of` says whose they would be: `object` in
 * `which no object has`.
 */
export function readOptions<T extends object>(
  of: string,
  given: T,
  options: NoInfer<Options<T>>,
): T & WithFaults {
  if (!isOfKind.record(given)) {
    const fault = {
      name: '',
      fault: `has ${describeValue(given)} for options`,
      hint: expected.record,
    }
    return { optionFaults: [fault] } as unknown as T & WithFaults
  }
  const { kept, faults } = sift(of, given, { names: options, prefix: '' })
  return { ...kept, ...(faults.length === 0 ? {} : { optionFaults: faults }) } as T & WithFaults
}

const conditionHint =
  'conditions follow the aggregate: count(purchase).where(purchase.quantity.above(10))'

/** What `buildModel` reports of them; `label` names what was declared. */
export function optionProblems(
  label: string,
  { optionFaults = [] }: WithFaults,
): readonly Pick<Problem, 'code' | 'message' | 'hint'>[] {
  return optionFaults.map(({ name, fault, hint }) => ({
    code: 'MODEL_BAD_DECLARATION',
    message: `${label} ${fault}`,
    // Who writes `count(purchase, { where: … })` knows what he wants, and no near name helps him.
    hint: name === 'where' || name === 'filter' ? conditionHint : hint,
  }))
}

interface Level {
  readonly names: OptionTable
  readonly prefix: string
}

interface Sifted {
  readonly kept: Readonly<Record<string, unknown>>
  readonly faults: readonly OptionFault[]
}

function sift(of: string, given: object, { names, prefix }: Level): Sifted {
  const kept: Record<string, unknown> = {}
  const faults: OptionFault[] = []
  for (const [name, value] of Object.entries(given)) {
    const kind = Object.hasOwn(names, name) ? names[name] : undefined
    if (kind === undefined) faults.push(unknownOption(of, prefix + name, { names, prefix }))
    else if (value === undefined) continue
    else if (isTable(kind) && isOfKind.record(value)) {
      const inner = sift(of, value as object, { names: kind, prefix: `${prefix}${name}.` })
      kept[name] = inner.kept
      faults.push(...inner.faults)
    } else if (isOfThatKind(kind, value)) kept[name] = value
    else faults.push(wrongKind(prefix + name, value, kind))
  }
  return { kept, faults }
}

function isTable(kind: OptionKind): kind is OptionTable {
  return typeof kind === 'object' && !Array.isArray(kind)
}

function isOfThatKind(kind: OptionKind, value: unknown): boolean {
  if (kind === 'any') return true
  if (typeof kind === 'string') return isOfKind[kind](value)
  return Array.isArray(kind) && kind.includes(value)
}

function unknownOption(of: string, name: string, { names, prefix }: Level): OptionFault {
  const known = Object.keys(names).map((one) => prefix + one)
  return {
    name,
    fault: `has the option "${name}", which no ${of} has`,
    hint: suggest(name, known),
  }
}

function wrongKind(name: string, value: unknown, kind: OptionKind): OptionFault {
  const hint = Array.isArray(kind)
    ? `write ${kind.map((word) => `'${word}'`).join(' or ')}`
    : expected[isTable(kind) ? 'record' : (kind as ValueKind)]
  return { name, fault: `has the option "${name}" with ${describeValue(value)}`, hint }
}

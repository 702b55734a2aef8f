/** Many attributes by one declaration: measures by windows, with names that follow from both. */
import type { ColumnKind } from './conditions.ts'
import { define, definitionOf, type DefinitionData } from './definition.ts'
import type { Derived, DurationText } from './selections.ts'

interface Units {
  second: 's'
  minute: 'min'
  hour: 'h'
  day: 'd'
  week: 'w'
  month: 'm'
  year: 'y'
}

type UnitOf<Text extends string> = Text extends `${infer Unit}s`
  ? Unit extends keyof Units
    ? Units[Unit]
    : never
  : Text extends keyof Units
    ? Units[Text]
    : never

/** `_30d` of `30 days`; nothing of `all_time`. */
type Suffix<Window extends string> = Window extends 'all_time'
  ? ''
  : Window extends `${infer Count} ${infer Unit}`
    ? `_${Count}${UnitOf<Unit>}`
    : never

export type FamilyOf<Measures, Window extends string> = {
  readonly [Name in keyof Measures & string as `${Name}${Suffix<Window>}`]: Measures[Name]
}

const units: Units = {
  second: 's',
  minute: 'min',
  hour: 'h',
  day: 'd',
  week: 'w',
  month: 'm',
  year: 'y',
}

/**
 * Each measure in each window: `family({ purchases: count(purchase) }, ['all_time', '30 days'])` is `purchases` and `purchases_30d`. Spread it into `attributes`;
 * several families of one object lie beside each other. Descriptions follow from measure and window.
 */
export function family<
  const Measures extends Readonly<Record<string, Derived<ColumnKind>>>,
  const Window extends 'all_time' | DurationText,
>(measures: Measures, windows: readonly Window[]): FamilyOf<Measures, Window> {
  const members = Object.entries(measures).flatMap(([name, measure]) =>
    windows.map((window): [string, unknown] => [name + suffix(window), inWindow(measure, window)]),
  )
  return Object.fromEntries(members) as FamilyOf<Measures, Window>
}

function suffix(window: string): string {
  if (window === 'all_time') return ''
  const [count, unit = ''] = window.split(' ')
  return `_${count}${units[unit.replace(/s$/, '') as keyof Units]}`
}

function inWindow(measure: unknown, window: string): unknown {
  const data = definitionOf(measure)
  const narrowed = window === 'all_time' ? data : narrow(data, window)
  return narrowed === undefined ? measure : define({}, narrowed)
}

function narrow(data: DefinitionData | undefined, within: string): DefinitionData | undefined {
  if (data?.kind === 'aggregate') return { ...data, choice: { ...data.choice, within } }
  return data?.kind === 'selection'
    ? { ...data, row: { ...data.row, choice: { ...data.row.choice, within } } }
    : undefined
}

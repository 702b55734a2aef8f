/**
 * A table of states as numbers that add up without loss, and the SQL that makes the states of the sums again. Doubles hold whole numbers to 2^53: a sum that might
 * be larger is kept in several slots of 24 bits each. Least and greatest are those of ranks, so that they are of any type.
 */
import { assert } from '../../base/errors.ts'
import type { Session } from '../../engine/engine.ts'
import { sqlType } from '../../model/column-type.ts'
import type { ColumnType } from '../../model/model.ts'
import type { IndicatorPlan } from '../../plan/plan.ts'
import type { StateRows } from './accumulate.ts'

export type PlannedState = IndicatorPlan['states'][number]

export interface Layout {
  /** SQL of each slot over a row of the table: a double, never null; sums, then least, then greatest. */
  readonly slots: readonly string[]
  readonly leastFrom: number
  readonly greatestFrom: number
  /** What must not be null for the bit to be set. */
  readonly known: readonly string[]
  /** SQL of each state over `groups`: its columns `slot_0` …, `known_0` …. */
  readonly finished: ReadonlyMap<string, string>
  /** Joins that `finished` needs. */
  readonly joins: readonly string[]
  /** The slot of each of `counts`, which other counts may be added to. */
  readonly counted: ReadonlyMap<string, number>
}

const wordBits = 32
const limbBits = 24
const exactMax = 2 ** 52
/** Digits of a decimal that fits 64 bits. */
const shortDigits = 18

/** `table` has a column for each state, and for each of `counts`, which are counts of entities and never null. */
export async function layOut(
  session: Session,
  table: string,
  {
    states,
    counts,
  }: { readonly states: readonly PlannedState[]; readonly counts: readonly string[] },
): Promise<Layout> {
  const sums = states.filter(({ kind }) => kind === 'sum' || kind === 'count')
  const whole = sums.filter(({ type }) => type.kind !== 'number')
  const sizes = await sizesOf(
    session,
    table,
    whole.map(({ name }) => name),
  )
  const slots: string[] = []
  const known: string[] = []
  const finished = new Map<string, string>()
  for (const state of sums) {
    const size = sizes.get(state.name)
    const sum = size === undefined ? doubleSum(state.name, slots) : wholeSum(state, size, slots)
    finished.set(
      state.name,
      state.kind === 'count' ? sum : ifKnown(sum, known.push(state.name) - 1),
    )
  }
  const counted = new Map<string, number>()
  for (const name of counts) {
    counted.set(name, slots.push(`cast(${name} as double)`) - 1)
    finished.set(name, `cast(groups.slot_${counted.get(name)!} as bigint)`)
  }
  const joins: string[] = []
  const leastFrom = slots.length
  const ranked = (kind: 'min' | 'max', none: string): void => {
    for (const state of states.filter((each) => each.kind === kind)) {
      slots.push(`coalesce(cast(${rankOf(state.name)} as double), ${none})`)
      joins.push(
        `left join ${ranksOf(state.name)} on ${ranksOf(state.name)}.place = groups.slot_${slots.length - 1}`,
      )
      finished.set(state.name, `${ranksOf(state.name)}.value`)
    }
  }
  ranked('min', `cast('infinity' as double)`)
  const greatestFrom = slots.length
  ranked('max', `cast('-infinity' as double)`)
  for (const { name } of states.filter(({ kind }) => kind === 'any')) {
    slots.push(`cast(case when ${name} then 1 else 0 end as double)`)
    finished.set(name, `groups.slot_${slots.length - 1} = 1`)
  }
  return { slots, leastFrom, greatestFrom, known, finished, joins, counted }
}

/** Columns that `layOut` reads beside the states: each one's rank. */
export function rankColumns(states: readonly PlannedState[]): readonly string[] {
  return rankedStates(states).map(
    ({ name }) =>
      `case when ${name} is not null then dense_rank() over (order by ${name} nulls last) end as ${rankOf(name)}`,
  )
}

export async function makeRanks(
  session: Session,
  table: string,
  states: readonly PlannedState[],
): Promise<void> {
  for (const { name } of rankedStates(states))
    // oxlint-disable-next-line no-await-in-loop -- a session does one thing at a time
    await session.run(
      `create or replace temp table ${ranksOf(name)} as select distinct cast(${rankOf(name)} as double) as place, ${name} as value from ${table} where ${name} is not null`,
    )
}

/** `table` has a number `place` for each row, from 0 on. */
export async function readStateRows(
  session: Session,
  table: string,
  { layout, rows }: { readonly layout: Layout; readonly rows: number },
): Promise<StateRows> {
  const width = layout.slots.length
  const words = Math.ceil(layout.known.length / wordBits)
  const values = shared(Float64Array, rows * width)
  const known = shared(Uint32Array, rows * words)
  const bits = Array.from({ length: words }, (_, word) => bitsSql(layout.known, word))
  const columns = [...layout.slots, ...bits]
  await session.readNumbers(
    `select cast(place as uinteger)${columns.map((sql) => `,\n  ${sql}`).join('')}\nfrom ${table}`,
    ([places, ...read], count) => {
      for (const [column, numbers] of read.entries()) {
        const isSlot = column < width
        scatter(numbers, {
          places: places!,
          count,
          into: isSlot ? values : known,
          step: isSlot ? width : words,
          first: isSlot ? column : column - width,
        })
      }
    },
  )
  const { leastFrom, greatestFrom } = layout
  return { rows, slots: width, values, leastFrom, greatestFrom, known, words }
}

interface Scattering {
  readonly places: ArrayLike<number>
  readonly count: number
  readonly into: Float64Array | Uint32Array
  readonly step: number
  readonly first: number
}

function scatter(numbers: ArrayLike<number>, to: Scattering): void {
  const { places, count, into, step, first } = to
  for (let row = 0; row < count; row++) into[places[row]! * step + first] = numbers[row]!
}

/** Over memory that threads share. */
export function shared<T>(
  kind: { readonly BYTES_PER_ELEMENT: number; new (buffer: SharedArrayBuffer): T },
  length: number,
): T {
  return new kind(new SharedArrayBuffer(length * kind.BYTES_PER_ELEMENT))
}

interface Size {
  /** Of the values without their signs, about. */
  readonly total: number
  readonly greatest: number
}

async function sizesOf(
  session: Session,
  table: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, Size>> {
  if (names.length === 0) return new Map()
  const sizes = names.flatMap((name) =>
    ['sum', 'max'].map((taken) => `coalesce(${taken}(abs(cast(${name} as double))), 0)`),
  )
  const { rows } = await session.query(`select ${sizes.join(', ')} from ${table}`)
  return new Map(
    names.map((name, at) => [
      name,
      { total: Number(rows[0]![at * 2]), greatest: Number(rows[0]![at * 2 + 1]) },
    ]),
  )
}

function doubleSum(name: string, slots: string[]): string {
  return `groups.slot_${slots.push(`coalesce(cast(${name} as double), 0)`) - 1}`
}

function wholeSum({ name, type }: PlannedState, size: Size, slots: string[]): string {
  const scale = type.kind === 'decimal' ? type.scale : 0
  const isShort = scale <= shortDigits && size.greatest < 10 ** (shortDigits - scale)
  const power = `1${'0'.repeat(scale)}`
  const units =
    scale === 0
      ? `cast(${name} as hugeint)`
      : isShort
        ? `cast(cast(${name} as decimal(${shortDigits}, ${scale})) * ${power} as bigint)`
        : `cast(replace(cast(${name} as varchar), '.', '') as hugeint)`
  const greatest = size.greatest * 10 ** scale
  if (size.total * 10 ** scale < exactMax) {
    const slot = `cast(groups.slot_${slots.push(`coalesce(cast(${units} as double), 0)`) - 1} as bigint)`
    if (scale === 0) return `cast(${slot} as ${sqlType(type)})`
    return scale <= shortDigits
      ? `cast(${slot} * 0.${power.slice(1, -1)}1 as ${sqlType(type)})`
      : decimalOf(slot, { type, scale })
  }
  const limbs = Math.ceil((Math.log2(greatest) + 1) / limbBits)
  const parts = Array.from({ length: limbs }, (_, limb) => {
    const place = `cast('${2n ** BigInt(limbBits * limb)}' as hugeint)`
    const part = `sign(${units}) * ((abs(${units}) // ${place}) % ${2 ** limbBits})`
    const slot = slots.push(`coalesce(cast(${part} as double), 0)`) - 1
    return `cast(groups.slot_${slot} as hugeint) * ${place}`
  })
  return decimalOf(`(${parts.join(' + ')})`, { type, scale })
}

/** A whole number of the smallest units as what it is. Its digits are written out: no product of decimals holds as many. */
function decimalOf(
  units: string,
  { type, scale }: { readonly type: ColumnType; readonly scale: number },
): string {
  if (scale === 0) return `cast(${units} as ${sqlType(type)})`
  const power = `cast('${10n ** BigInt(scale)}' as hugeint)`
  const part = `lpad(cast(abs(${units}) % ${power} as varchar), ${scale}, '0')`
  return `cast(case when ${units} < 0 then '-' else '' end || abs(${units}) // ${power} || '.' || ${part} as ${sqlType(type)})`
}

function ifKnown(sql: string, bit: number): string {
  const word = Math.floor(bit / wordBits)
  return `case when (groups.known_${word} >> ${bit % wordBits}) & 1 = 1 then ${sql} end`
}

function bitsSql(known: readonly string[], word: number): string {
  const names = known.slice(word * wordBits, (word + 1) * wordBits)
  assert(names.length > 0, 'every word has a bit')
  const bits = names.map((name, bit) => `case when ${name} is null then 0 else ${2 ** bit} end`)
  return `cast(${bits.join(' + ')} as uinteger)`
}

function rankedStates(states: readonly PlannedState[]): readonly PlannedState[] {
  return states.filter(({ kind }) => kind === 'min' || kind === 'max')
}

function rankOf(name: string): string {
  return `${name}__rank`
}

function ranksOf(name: string): string {
  return `ranks_of_${name}`
}

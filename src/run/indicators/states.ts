/**
 * A table of states as numbers that add up without loss, and the SQL that makes the states of the sums again. Doubles hold whole numbers to 2^53: a sum that might
 * be larger is kept in several slots of 24 bits each. Least and greatest of what is a whole number of some unit are such numbers, others are those of ranks.
 */
import { assert } from '../../base/errors.ts'
import type { Session } from '../../engine/engine.ts'
import { sqlType } from '../../model/column-type.ts'
import type { ColumnType } from '../../model/model.ts'
import type { IndicatorPlan } from '../../plan/plan.ts'
import type { StateRows } from './accumulate.ts'
import { shared } from './shared-array.ts'

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
  /** Joins to the table that `slots` need. */
  readonly ranks: readonly string[]
  /** The slot of each of `counts`. */
  readonly counted: ReadonlyMap<string, number>
}

const wordBits = 32
const limbBits = 24
const exactMax = 2 ** 52
/** Digits of a decimal that fits 64 bits. */
const shortDigits = 18

/** `table` has a column for each state. `counts` are of entities: their slots are 0 until they are counted. */
export async function layOut(
  session: Session,
  table: string,
  {
    states,
    counts,
  }: { readonly states: readonly PlannedState[]; readonly counts: readonly string[] },
): Promise<Layout> {
  const sums = states.filter(({ kind }) => kind === 'sum' || kind === 'count')
  const extremes = states.filter(({ kind }) => kind === 'min' || kind === 'max')
  const sizes = await sizesOf(session, table, [
    ...sums.flatMap(({ name, type }) => (type.kind === 'number' ? [] : [{ name, sql: name }])),
    ...extremes.flatMap((state) => {
      const units = unitsOf(state)
      return units === undefined ? [] : [{ name: state.name, sql: units.sql }]
    }),
  ])
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
    counted.set(name, slots.push('cast(0 as double)') - 1)
    finished.set(name, `cast(groups.slot_${counted.get(name)!} as bigint)`)
  }
  const made: Extremes = { session, table, sizes, slots, finished, joins: [], ranks: [] }
  const leastFrom = slots.length
  await layOutExtremes(extremes, 'min', made)
  const greatestFrom = slots.length
  await layOutExtremes(extremes, 'max', made)
  for (const { name } of states.filter(({ kind }) => kind === 'any')) {
    slots.push(`cast(case when ${name} then 1 else 0 end as double)`)
    finished.set(name, `groups.slot_${slots.length - 1} = 1`)
  }
  const { joins, ranks } = made
  return { slots, leastFrom, greatestFrom, known, finished, joins, ranks, counted }
}

interface Extremes {
  readonly session: Session
  readonly table: string
  readonly sizes: ReadonlyMap<string, Size>
  readonly slots: string[]
  readonly finished: Map<string, string>
  readonly joins: string[]
  readonly ranks: string[]
}

async function layOutExtremes(
  states: readonly PlannedState[],
  kind: 'min' | 'max',
  made: Extremes,
): Promise<void> {
  const none = `cast('${kind === 'min' ? 'infinity' : '-infinity'}' as double)`
  for (const state of states.filter((each) => each.kind === kind)) {
    const { name } = state
    const slot = `groups.slot_${made.slots.length}`
    const units = unitsOf(state)
    if (units !== undefined && made.sizes.get(name)!.greatest < exactMax) {
      made.slots.push(`coalesce(cast(${units.sql} as double), ${none})`)
      made.finished.set(
        name,
        `case when isfinite(${slot}) then ${units.back(`cast(${slot} as bigint)`)} end`,
      )
      continue
    }
    const ranks = `ranks_of_${name}`
    // oxlint-disable-next-line no-await-in-loop -- a session does one thing at a time
    await made.session.run(
      `create or replace temp table ${ranks} as select value, cast(row_number() over (order by value) as double) as place from (select distinct ${name} as value from ${made.table} where ${name} is not null) as each_value`,
    )
    made.slots.push(`coalesce(${ranks}.place, ${none})`)
    made.ranks.push(`left join ${ranks} on ${ranks}.value = ${made.table}.${name}`)
    made.joins.push(`left join ${ranks} on ${ranks}.place = ${slot}`)
    made.finished.set(name, `${ranks}.value`)
  }
}

interface Units {
  /** How many of the smallest units a value is: a whole number. */
  readonly sql: string
  /** The value again, of a bigint. */
  readonly back: (units: string) => string
}

/** undefined for types that are no whole number of some unit. */
function unitsOf({ name, type }: PlannedState): Units | undefined {
  switch (type.kind) {
    case 'integer':
      return { sql: name, back: (units) => units }
    case 'decimal': {
      const { scale } = type
      return {
        sql:
          scale === 0
            ? `cast(${name} as hugeint)`
            : `cast(replace(cast(${name} as varchar), '.', '') as hugeint)`,
        back: (units) => decimalOf(units, { type, scale }),
      }
    }
    case 'timestamp':
      return { sql: `epoch_us(${name})`, back: (units) => `make_timestamptz(${units})` }
    case 'date':
      return {
        sql: `case when isfinite(${name}) then ${name} - date '1970-01-01' end`,
        back: (units) => `date '1970-01-01' + cast(${units} as integer)`,
      }
    default:
      return undefined
  }
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
    `select cast(${table}.place as uinteger)${columns.map((sql) => `,\n  ${sql}`).join('')}\nfrom ${[table, ...layout.ranks].join('\n')}`,
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

interface Size {
  /** Of the values without their signs, about. */
  readonly total: number
  readonly greatest: number
}

/** One that is known and has no size, as an infinite instant, is beyond all bounds. */
async function sizesOf(
  session: Session,
  table: string,
  sized: readonly { readonly name: string; readonly sql: string }[],
): Promise<ReadonlyMap<string, Size>> {
  if (sized.length === 0) return new Map()
  const sizes = sized.flatMap(({ name, sql }) => {
    const size = `case when ${name} is not null then coalesce(abs(cast(${sql} as double)), 'infinity') end`
    return ['sum', 'max'].map((taken) => `coalesce(${taken}(${size}), 0)`)
  })
  const { rows } = await session.query(`select ${sizes.join(', ')} from ${table}`)
  return new Map(
    sized.map(({ name }, at) => [
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

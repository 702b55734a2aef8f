/**
 * Exact counts of different entities do not add up over rows. An entity whose rows of the period all have one key or version counts once, in whatever group that is
 * in: a number that adds up. Only the rows of the others are kept, to be looked at for each dimension.
 */
import type { Session } from '../../engine/engine.ts'
import type { IndicatorPlan } from '../../plan/plan.ts'
import type { StateRows } from './accumulate.ts'
import type { EntityRows } from './count-entities.ts'
import { shared } from './shared-array.ts'

/** Bits of a row. */
const countsMax = 31

export interface Counted {
  /** What is counted, in the order of the bits. */
  readonly distincts: IndicatorPlan['distincts']
  readonly rows: EntityRows
}

export interface EntitySource {
  readonly entity: string
  /** Rows of the entity by key and versions, with a flag for each filter. */
  readonly table: string
  readonly where: string
  /** The key and the versions from which dimensions follow. */
  readonly columns: readonly string[]
  readonly distincts: IndicatorPlan['distincts']
}

/** The entity's rows with their places in `measured` (the columns, place): of the rows that are alike in the columns, any. */
export async function readEntities(
  session: Session,
  source: EntitySource,
): Promise<readonly Counted[]> {
  const { entity, columns, distincts } = source
  const rows = entityRows(source)
  await session.run(
    `create or replace temp table entities as select ${entity} as entity, cast(row_number() over () as uinteger) as number from (select distinct ${entity} from ${rows}) as each_entity`,
  )
  await session.run(
    `create or replace temp table alike as select ${[...columns, 'min(place) as place'].join(', ')} from measured group by ${columns.join(', ')}`,
  )
  const found = await session.query(
    `select (select count(*) from entities), (select count(*) from ${rows})`,
  )
  const [entityCount, rowCount] = found.rows[0]!.map(Number)
  const parts: IndicatorPlan['distincts'][] = []
  for (let from = 0; from < distincts.length; from += countsMax)
    parts.push(distincts.slice(from, from + countsMax))
  const bits = parts.map((part) => part.map(({ flag }, bit) => bitSql(flag, 2 ** bit)).join(' + '))
  const read = unsorted(rowCount!, parts.length)
  let at = 0
  await session.readNumbers(
    `select cast(alike.place as uinteger), entities.number${bits.map((sql) => `, cast(${sql} as uinteger)`).join('')}
from (select ${[...new Set([entity, ...columns, ...flagsOf(distincts)])].join(', ')} from ${rows}) as each_row
join entities on entities.entity = each_row.${entity}
join alike on ${columns.map((name) => `alike.${name} is not distinct from each_row.${name}`).join(' and ')}`,
    (numbers, count) => {
      for (const [column, into] of read.entries())
        into.set(numbers[column]!.subarray(0, count) as Uint32Array, at)
      at += count
    },
  )
  await session.run('drop table entities; drop table alike')
  const [places, entities, ...counts] = byEntity(read, entityCount!)
  return parts.map((part, number) => ({
    distincts: part,
    rows: {
      rows: rowCount!,
      places: places!,
      entities: entities!,
      counts: counts[number]!,
    },
  }))
}

export function entityRows({ table, where, entity }: EntitySource): string {
  return `${table} where ${where} and ${entity} is not null`
}

function bitSql(flag: string | undefined, bit: number): string {
  return flag === undefined ? `${bit}` : `case when each_row.${flag} then ${bit} else 0 end`
}

function unsorted(rows: number, parts: number): readonly Uint32Array[] {
  return Array.from({ length: parts + 2 }, () => new Uint32Array(rows))
}

/** Sorted by the second: how many there are of each number tells where they go. */
function byEntity(columns: readonly Uint32Array[], entities: number): readonly Uint32Array[] {
  const numbers = columns[1]!
  const next = new Uint32Array(entities + 2)
  for (const number of numbers) next[number + 1]!++
  for (let number = 1; number < next.length; number++) next[number]! += next[number - 1]!
  const to = numbers.map((number) => next[number]!++)
  return columns.map((column) => {
    const sorted = new Uint32Array(column.length)
    for (let row = 0; row < column.length; row++) sorted[to[row]!] = column[row]!
    return sorted
  })
}

/** What the rows come to where their places are these: counts that add up go to the slots of `into`, rows of the other entities come back. */
export function settle(
  counted: Counted,
  places: Uint32Array,
  into: { readonly rows: StateRows; readonly counted: ReadonlyMap<string, number> },
): Counted {
  const { distincts, rows: from } = counted
  const slots = distincts.map(({ name }) => into.counted.get(name)!)
  const { values, slots: width } = into.rows
  const isLoose = new Uint8Array(from.rows)
  let loose = 0
  for (let first = 0, end = 0; first < from.rows; first = end) {
    const entity = from.entities[first]!
    const place = places[from.places[first]!]!
    let bits = 0
    let isSettled = true
    for (end = first; end < from.rows && from.entities[end] === entity; end++) {
      bits |= from.counts[end]!
      if (places[from.places[end]!] !== place) isSettled = false
    }
    if (!isSettled) {
      isLoose.fill(1, first, end)
      loose += end - first
      continue
    }
    for (; bits !== 0; bits &= bits - 1) {
      const at = place * width + slots[31 - Math.clz32(bits & -bits)]!
      values[at] = values[at]! + 1
    }
  }
  return { distincts, rows: looseRows(from, places, { isLoose, count: loose }) }
}

function looseRows(
  from: EntityRows,
  places: Uint32Array,
  { isLoose, count }: { readonly isLoose: Uint8Array; readonly count: number },
): EntityRows {
  const made = {
    rows: count,
    places: shared(Uint32Array, count),
    entities: shared(Uint32Array, count),
    counts: shared(Uint32Array, count),
  }
  let at = 0
  for (let row = 0; row < from.rows; row++) {
    if (isLoose[row] === 0) continue
    made.places[at] = places[from.places[row]!]!
    made.entities[at] = from.entities[row]!
    made.counts[at++] = from.counts[row]!
  }
  return made
}

export function flagsOf(distincts: IndicatorPlan['distincts']): readonly string[] {
  return [...new Set(distincts.flatMap(({ flag }) => flag ?? []))]
}

/**
 * Exact counts of different entities do not add up over rows. An entity whose rows of the period all have one version counts once, in whatever group that version
 * is in: a number that adds up. Only the rows of the others are kept, to be looked at for each dimension.
 */
import type { Session } from '../../engine/engine.ts'
import type { IndicatorPlan } from '../../plan/plan.ts'
import type { EntityRows } from './accumulate.ts'
import { shared } from './states.ts'

/** Bits of a row. */
const countsMax = 31

export interface Splitting {
  readonly entity: string
  /** Rows of the entity by key and version, with a flag for each filter. */
  readonly table: string
  readonly where: string
  /** The key or version. */
  readonly column: string
  readonly distincts: IndicatorPlan['distincts']
}

/** Makes `settled` (the column, and counts that add up) and `loose` (entity, column, flags): see `settledOf`, `looseOf`. */
export async function splitEntities(session: Session, splitting: Splitting): Promise<void> {
  const { entity, column, distincts } = splitting
  const flags = flagsOf(distincts)
  const anyFlag = flags.map((flag) => `, bool_or(${flag}) as ${flag}`).join('')
  const rows = `${splitting.table} where ${splitting.where} and ${entity} is not null`
  await session.run(`create or replace temp table entities as
select ${entity} as entity, min(${column}) as low, max(${column}) as high, count(${column}) as known, count(*) as all_rows${anyFlag}
from ${rows}
group by ${entity}`)
  const isSettled = '(known = 0 or known = all_rows and low = high)'
  const counts = distincts.map(
    ({ name, flag }) => `count(*)${flag === undefined ? '' : ` filter (${flag})`} as ${name}`,
  )
  await session.run(
    `create or replace temp table ${settledOf(entity)} as select low as ${column}, ${counts.join(', ')} from entities where ${isSettled} group by low`,
  )
  await session.run(`create or replace temp table ${looseOf(entity)} as
select ${entity} as entity, ${column}${anyFlag}
from (select ${[...new Set([entity, column, ...flags])].join(', ')} from ${rows}) as each_row
where ${entity} in (select entity from entities where not ${isSettled})
group by ${entity}${entity === column ? '' : `, ${column}`}`)
  await session.run('drop table entities')
}

export interface LooseRows {
  /** What is counted, in the order of the bits. */
  readonly distincts: IndicatorPlan['distincts']
  readonly rows: EntityRows
}

/** The rows of entities with several versions, by the rows of `measured` (column, place). */
export async function readLoose(
  session: Session,
  { entity, column, distincts }: Pick<Splitting, 'entity' | 'column' | 'distincts'>,
): Promise<readonly LooseRows[]> {
  const found = await session.query(`select count(*) from ${looseOf(entity)}`)
  const rows = Number(found.rows[0]![0])
  if (rows === 0) return []
  const loose: LooseRows[] = []
  for (let from = 0; from < distincts.length; from += countsMax) {
    const part = distincts.slice(from, from + countsMax)
    const bits = part.map(({ flag }, bit) =>
      flag === undefined ? `${2 ** bit}` : `case when loose.${flag} then ${2 ** bit} else 0 end`,
    )
    // oxlint-disable-next-line no-await-in-loop -- a session does one thing at a time
    loose.push({ distincts: part, rows: await read(session, { entity, column, rows, bits }) })
  }
  return loose
}

async function read(
  session: Session,
  of: {
    readonly entity: string
    readonly column: string
    readonly rows: number
    readonly bits: readonly string[]
  },
): Promise<EntityRows> {
  const made = {
    rows: of.rows,
    places: shared(Uint32Array, of.rows),
    entities: shared(Uint32Array, of.rows),
    counts: shared(Uint32Array, of.rows),
  }
  let at = 0
  await session.readNumbers(
    `select cast(measured.place as uinteger), cast(dense_rank() over (order by loose.entity) as uinteger) as number, cast(${of.bits.join(' + ')} as uinteger)
from ${looseOf(of.entity)} as loose
join measured on measured.${of.column} is not distinct from loose.${of.column}
order by number`,
    ([places, entities, counts], count) => {
      made.places.set(places!.subarray(0, count), at)
      made.entities.set(entities!.subarray(0, count), at)
      made.counts.set(counts!.subarray(0, count), at)
      at += count
    },
  )
  return made
}

export function flagsOf(distincts: IndicatorPlan['distincts']): readonly string[] {
  return [...new Set(distincts.flatMap(({ flag }) => flag ?? []))]
}

export function looseOf(entity: string): string {
  return `loose_${entity}`
}

export function settledOf(entity: string): string {
  return `settled_${entity}`
}

/**
 * Exact counts of different entities by dimension, for entities with several versions in the period: whether one was seen with a value does not add up over
 * rows. One grouping by entity finds it for many dimensions at once, as a bit for each value and filter; dimensions of many values are grouped one by one.
 */
import type { Session } from '../engine/engine.ts'
import type { IndicatorPlan } from '../plan/plan.ts'
import type { CodedDimension } from './dimension-codes.ts'

export interface EntityRows {
  /** Columns `entity`, the flags, and one code for each dimension. */
  readonly table: string
  /** The table to add to: dimension, code or value, and a column for each of the distinct counts. */
  readonly into: string
  readonly distincts: IndicatorPlan['distincts']
}

const maskBits = 63
/** Masks of one grouping, over all entities: 8 bytes each. */
const masksMax = 40_000_000
const masksEachMax = 64

export async function countEntities(
  session: Session,
  rows: EntityRows,
  dimensions: readonly CodedDimension[],
): Promise<void> {
  const small = dimensions.filter(({ size }) => size !== undefined && size <= maskBits)
  await countByMask(session, rows, small)
  const large = dimensions.filter((dimension) => !small.includes(dimension))
  for (const dimension of large) await countByGroups(session, rows, dimension)
}

interface Mask {
  readonly dimension: CodedDimension
  /** Bits of one row: bit (code × how many counts + which count). */
  readonly sql: string
  readonly distincts: EntityRows['distincts']
}

async function countByMask(
  session: Session,
  rows: EntityRows,
  dimensions: readonly CodedDimension[],
): Promise<void> {
  const masks = dimensions.flatMap((dimension) => masksOf(rows, dimension))
  if (masks.length === 0) return
  const found = await session.query(`select count(distinct entity) from ${rows.table}`)
  const entities = Math.max(1, Number(found.rows[0]![0]))
  const size = Math.min(masksEachMax, Math.max(1, Math.floor(masksMax / entities)))
  for (let at = 0; at < masks.length; at += size)
    await countMasks(session, rows, masks.slice(at, at + size))
}

/** All counts in one mask where they fit, else one mask for each. */
function masksOf({ distincts }: EntityRows, dimension: CodedDimension): readonly Mask[] {
  const codes = dimension.size!
  const fits = codes * distincts.length <= maskBits
  const shared = fits ? [distincts] : distincts.map((distinct) => [distinct])
  return shared.map((counted) => {
    const bits = counted.map(({ flag }, at) => {
      const place = `cast(${dimension.name} as ubigint) * ${counted.length} + ${at}`
      const bit = `(cast(1 as ubigint) << (${place}))`
      return flag === undefined ? bit : `(case when ${flag} then ${bit} else 0 end)`
    })
    return { dimension, sql: bits.join(' | '), distincts: counted }
  })
}

async function countMasks(
  session: Session,
  rows: EntityRows,
  masks: readonly Mask[],
): Promise<void> {
  const made = masks.map(({ sql }, at) => `bit_or(${sql}) as mask_${at}`)
  await session.run(
    `create temp table masks as select ${made.join(', ')} from ${rows.table} group by entity`,
  )
  const places = masks.map(({ dimension, distincts }, at) => {
    const first = rows.distincts.indexOf(distincts[0]!)
    return `(${at}, '${quoted(dimension.dimension)}', ${distincts.length}, ${first})`
  })
  const counts = rows.distincts.map(
    ({ name }, at) => `coalesce(sum(entities) filter (first + bit % step = ${at}), 0) as ${name}`,
  )
  await session.run(`insert into ${rows.into} by name
with each_mask as (
  select unnest(range(${masks.length})) as place, unnest([${masks.map((_, at) => `mask_${at}`).join(', ')}]) as mask
  from masks
),
alike as (
  select place, mask, count(*) as entities
  from each_mask
  group by place, mask
),
seen as (
  select place, bit, sum(entities) as entities
  from alike, range(${maskBits}) as bits(bit)
  where (mask >> bit) & 1 = 1
  group by place, bit
)
select dimension, cast(bit // step as integer) as code, ${counts.join(', ')}
from seen
join (values ${places.join(', ')}) as places(mask_place, dimension, step, first) on places.mask_place = seen.place
group by dimension, bit // step`)
  await session.run('drop table masks')
}

async function countByGroups(
  session: Session,
  rows: EntityRows,
  { dimension, name, size }: CodedDimension,
): Promise<void> {
  const flags = [...new Set(rows.distincts.flatMap(({ flag }) => flag ?? []))]
  const anyFlag = flags.map((flag) => `, bool_or(${flag}) as ${flag}`).join('')
  const counts = rows.distincts.map(
    (distinct) =>
      `count(*)${distinct.flag === undefined ? '' : ` filter (${distinct.flag})`} as ${distinct.name}`,
  )
  await session.run(`insert into ${rows.into} by name
select '${quoted(dimension)}' as dimension, ${keyOf(name, size)}, ${counts.join(', ')}
from (select entity, ${name}${anyFlag} from ${rows.table} group by entity, ${name}) as each_entity
group by ${name}`)
}

/** A coded group by its code, another by its value. */
export function keyOf(name: string, size: number | undefined): string {
  return size === undefined
    ? `cast(${name} as varchar) as value, cast(null as integer) as code`
    : `cast(null as varchar) as value, cast(${name} as integer) as code`
}

export function quoted(text: string): string {
  return text.replaceAll("'", "''")
}

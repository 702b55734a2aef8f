/** Codes a batch of dimensions to small integers, 0 for unknown, so that they group fast and several can share one grouping. */
import type { Session } from '../engine/engine.ts'
import type { IndicatorGroup } from '../plan/plan.ts'

export interface CodedDimension {
  readonly dimension: string
  /** Its column in the batch. */
  readonly name: string
  /** SQL of the code over the rows with the attributes. */
  readonly code: string
  /** SELECT of each code and its value as text, of the codes that are no unknown; undefined when the value itself is kept. */
  readonly dictionary?: string
  /** How many codes there are; undefined when the value itself is kept. */
  readonly size: number | undefined
  /** A type that was made for it in the session. */
  readonly enumType?: string
}

/** Codes are two bytes. */
const codesMax = 65_000

/** `from` is the rows with the attributes joined. */
export async function codeDimensions(
  session: Session,
  dimensions: IndicatorGroup['dimensions'],
  from: string,
): Promise<readonly CodedDimension[]> {
  const facts = dimensions.flatMap(({ sql, type }, at) => {
    if (type.kind === 'integer') return [`min(${sql}) as low_${at}`, `max(${sql}) as high_${at}`]
    return type.kind === 'text'
      ? [`list(distinct ${sql}) filter (${sql} is not null) as values_${at}`]
      : []
  })
  await session.run(
    `create temp table facts as select ${['1 as one', ...facts].join(', ')}\n${from}`,
  )
  const asked = dimensions.flatMap(({ type }, at) => {
    if (type.kind === 'integer') return [`low_${at}`, `high_${at}`]
    return type.kind === 'text' ? [`coalesce(len(values_${at}), 0) as size_${at}`] : []
  })
  const found = await session.query(`select ${['one', ...asked].join(', ')} from facts`)
  const fact = new Map(found.columns.map(({ name }, at) => [name, found.rows[0]![at]]))
  const coded: CodedDimension[] = []
  for (const [at, { dimension, sql, type }] of dimensions.entries()) {
    const base = { dimension, name: `code_${at}` }
    const [low, high, size] = [
      fact.get(`low_${at}`),
      fact.get(`high_${at}`),
      Number(fact.get(`size_${at}`)),
    ]
    if (type.kind === 'boolean')
      coded.push({
        ...base,
        code: `cast(case when ${sql} then 2 when not ${sql} then 1 else 0 end as utinyint)`,
        dictionary: `select 1 as code, 'false' as value union all select 2, 'true'`,
        size: 3,
      })
    else if (isNumber(low) && isNumber(high) && BigInt(high) - BigInt(low) < codesMax)
      coded.push({
        ...base,
        code: `cast(coalesce(${sql} - (${low}) + 1, 0) as usmallint)`,
        dictionary: `select code, cast(code + (${low}) - 1 as varchar) as value from range(1, ${BigInt(high) - BigInt(low) + 2n}) as codes(code)`,
        size: Number(BigInt(high) - BigInt(low)) + 2,
      })
    else if (type.kind === 'text' && size > 0 && size <= codesMax) {
      const enumType = `values_${at}`
      await session.run(`create type ${enumType} as enum (select unnest(values_${at}) from facts)`)
      coded.push({
        ...base,
        code: `cast(coalesce(enum_code(cast(${sql} as ${enumType})) + 1, 0) as usmallint)`,
        dictionary: `select unnest(range(1, ${size + 1})) as code, unnest(enum_range(cast(null as ${enumType}))) as value`,
        size: size + 1,
        enumType,
      })
    } else coded.push({ ...base, code: sql, size: undefined })
  }
  await session.run('drop table facts')
  return coded
}

function isNumber(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint'
}

/**
 * Makes every indicator of one activity, period by period. Rows are first brought to one for each key or version from which dimensions follow; then attributes are
 * coded to small integers, and several dimensions share one grouping as long as their combinations are few, from which each is added up.
 *
 * An exact distinct count does not add up. An entity whose rows of the period all have one version counts once in whatever group that version is in: a number
 * that adds up. Only the others are counted again for each dimension. Memory is bounded: dimensions are taken in batches, and the engine spills.
 */
import { assert } from '../base/errors.ts'
import { sqlType } from '../model/column-type.ts'
import type { Session } from '../engine/engine.ts'
import { made, nextPeriod } from '../plan/plan.ts'
import type {
  IndicatorGroup,
  IndicatorPlan,
  IndicatorReference,
  Period,
  Task,
} from '../plan/plan.ts'
import { codeDimensions } from './dimension-codes.ts'
import type { CodedDimension } from './dimension-codes.ts'
import { packDimensions } from './dimension-packs.ts'
import { countEntities, keyOf, quoted } from './entity-counts.ts'

/** Values of the codes and states of a batch together: about 8 bytes each. */
const batchCellsMax = 200_000_000
const batchDimensionsMax = 100

/** `rows` is the stored merged table as it is bound. */
export async function makeIndicators(session: Session, task: Task, rows: string): Promise<void> {
  const plan = task.rows.indicators
  const period = task.inputs[0]?.period
  assert(plan !== undefined && period !== undefined, `${task.id} has a plan and a period`)
  const columns = task.columns.map(({ name, type }) => `${name} ${sqlType(type)}`)
  await session.run(`create temp table ${made} (${columns.join(', ')})`)
  const found = await session.query(
    `select distinct cast(date_trunc('${period}', day) as date) as day from ${rows} where day is not null order by 1`,
  )
  for (const [day] of found.rows) {
    assert(typeof day === 'string', 'a day is a text')
    await new PeriodMaker(session, { task, plan, period, day }).make()
  }
}

interface Making {
  readonly task: Task
  readonly plan: IndicatorPlan
  readonly period: Period
  readonly day: string
}

class PeriodMaker {
  readonly #session: Session
  readonly #plan: IndicatorPlan
  readonly #day: string
  readonly #where: string
  readonly #states: readonly string[]
  readonly #narrowable: readonly string[]

  constructor(session: Session, { task, plan, period, day }: Making) {
    this.#session = session
    this.#plan = plan
    this.#day = day
    this.#where = `day >= date '${day}' and day < date '${nextPeriod(period, day)}'`
    this.#states = plan.states.map((state) => state.name)
    this.#narrowable = task.columns
      .filter(({ type }) => type.kind === 'decimal' && type.precision > 18)
      .map((column) => column.name)
  }

  async make(): Promise<void> {
    for (const other of this.#plan.others)
      await this.#insert(other.dimension, other.sql.replace('$where', this.#where))
    for (const reference of this.#plan.references) {
      for (const group of reference.groups) await this.#makeGroup(reference, group)
    }
  }

  /** `select` gives `value`, the states and the distinct counts by name. */
  #insert(dimension: string, select: string): Promise<void> {
    const text = dimension.replaceAll("'", "''")
    return this.#session.run(
      `insert into ${made} by name select date '${this.#day}' as day, '${text}' as dimension, * from (${select}) as each_group`,
    )
  }

  async #makeGroup(reference: IndicatorReference, group: IndicatorGroup): Promise<void> {
    const entities = Object.entries(reference.entities)
    for (const [entity, table] of entities) await this.#splitEntities(group, { entity, table })
    const rows = await this.#makeMeasured(reference, group)
    const cells = this.#plan.states.length + this.#plan.distincts.length
    const size = Math.max(
      8,
      Math.min(batchDimensionsMax, Math.floor(batchCellsMax / Math.max(1, rows)) - cells),
    )
    for (let at = 0; at < group.dimensions.length; at += size)
      await this.#makeBatch(
        group,
        group.dimensions.slice(at, at + size),
        Object.keys(reference.entities),
      )
    await this.#drop(
      'measured',
      ...entities.map(([entity]) => looseOf(entity)),
      ...entities.map(([entity]) => settledOf(entity)),
    )
  }

  /** Entities of one version for the whole period become counts by version; the rows of the others are kept. */
  async #splitEntities(
    group: IndicatorGroup,
    { entity, table }: { readonly entity: string; readonly table: string },
  ): Promise<void> {
    const { column } = group
    const flags = this.#flagsOf(entity)
    const anyFlag = flags.map((flag) => `, bool_or(${flag}) as ${flag}`).join('')
    const rows = `${table} where ${this.#where} and ${entity} is not null`
    await this.#session.run(`create temp table entities as
select ${entity} as entity, min(${column}) as low, max(${column}) as high, count(${column}) as known, count(*) as all_rows${anyFlag}
from ${rows}
group by ${entity}`)
    const isSettled = '(known = 0 or known = all_rows and low = high)'
    const counts = this.#plan.distincts
      .filter((distinct) => distinct.entity === entity)
      .map(
        ({ name, flag }) => `count(*)${flag === undefined ? '' : ` filter (${flag})`} as ${name}`,
      )
    await this.#session.run(
      `create temp table ${settledOf(entity)} as select low as ${column}, ${counts.join(', ')} from entities where ${isSettled} group by low`,
    )
    await this.#session.run(`create temp table ${looseOf(entity)} as
select ${entity} as entity, ${column}${anyFlag}
from (select ${[...new Set([entity, column, ...flags])].join(', ')} from ${rows}) as each_row
where ${entity} in (select entity from entities where not ${isSettled})
group by ${entity}${entity === column ? '' : `, ${column}`}`)
    await this.#drop('entities')
  }

  #flagsOf(entity: string): readonly string[] {
    return [
      ...new Set(
        this.#plan.distincts
          .filter((distinct) => distinct.entity === entity)
          .flatMap((distinct) => distinct.flag ?? []),
      ),
    ]
  }

  /** One row for each key or version, with all states. Returns how many. */
  async #makeMeasured(reference: IndicatorReference, group: IndicatorGroup): Promise<number> {
    const { column } = group
    const arms = [
      `select ${[column, ...this.#states].join(', ')} from ${reference.table} where ${this.#where}`,
      ...Object.keys(reference.entities).map((entity) => `select * from ${settledOf(entity)}`),
    ]
    const missing = this.#plan.distincts
      .filter(({ entity }) => reference.entities[entity] === undefined)
      .map(({ name }) => name)
    assert(missing.length === 0, `every entity has states (${missing.join(', ')})`)
    await this.#session.run(`create temp table measured as
select ${[column, ...this.#merged()].join(', ')}
from (${arms.join('\nunion all by name\n')}) as each_row
group by ${column}`)
    const found = await this.#session.query(
      `select count(*)${this.#narrowable.map((name) => `, coalesce(max(abs(${name})) < 100000000000000, true)`).join('')} from measured`,
    )
    const [rows, ...fits] = found.rows[0]!
    // Sums that fit 64 bits are added twice as fast.
    for (const [at, name] of this.#narrowable.entries()) {
      if (fits[at] !== true) continue
      const scale = await this.#scaleOf(name)
      await this.#session.run(`alter table measured alter ${name} type decimal(18, ${scale})`)
    }
    return Number(rows)
  }

  async #scaleOf(name: string): Promise<number> {
    const { columns } = await this.#session.query(`select ${name} from measured limit 0`)
    const type = columns[0]!.type
    return type.kind === 'decimal' ? type.scale : 0
  }

  #merged(): readonly string[] {
    return [
      ...this.#plan.states.map(({ name, merged }) => `${merged} as ${name}`),
      ...this.#plan.distincts.map(
        ({ name }) => `cast(coalesce(sum(${name}), 0) as bigint) as ${name}`,
      ),
    ]
  }

  async #makeBatch(
    group: IndicatorGroup,
    dimensions: IndicatorGroup['dimensions'],
    entities: readonly string[],
  ): Promise<void> {
    const from = `from measured as ${group.alias}\n${group.joins}`
    const coded = await codeDimensions(this.#session, dimensions, from)
    const codes = coded.map(({ code, name }) => `${code} as ${name}`)
    const own = [group.column, ...this.#states, ...this.#plan.distincts.map(({ name }) => name)]
    await this.#session.run(
      `create temp table batch as select ${[...own.map((name) => `${group.alias}.${name}`), ...codes].join(', ')}\n${from}`,
    )
    const types = this.#plan.distincts.map(({ name }) => `, ${name} bigint`)
    await this.#session.run(
      `create temp table counts (dimension varchar, code integer, value varchar${types.join('')})`,
    )
    for (const entity of entities) await this.#countLoose(group, entity, coded)
    await this.#session.run(
      `create temp table groups as select cast(null as integer) as code, ${this.#groupColumns().join(', ')} from ${made} limit 0`,
    )
    const dictionaries = coded.flatMap(({ dimension, dictionary }) =>
      dictionary === undefined
        ? []
        : [
            `select '${quoted(dimension)}' as dimension, code, cast(value as varchar) as value from (${dictionary}) as codes`,
          ],
    )
    await this.#session.run(
      `create temp table dictionary as select * from (${['select null::varchar as dimension, null::integer as code, null::varchar as value limit 0', ...dictionaries].map((select) => `(${select})`).join('\nunion all ')})`,
    )
    for (const pack of packDimensions(coded)) await this.#addPack(pack)
    await this.#insertGroups()
    await this.#drop('batch', 'counts', 'groups', 'dictionary')
    for (const { enumType } of coded)
      if (enumType !== undefined) await this.#session.run(`drop type ${enumType}`)
  }

  async #countLoose(
    group: IndicatorGroup,
    entity: string,
    coded: readonly CodedDimension[],
  ): Promise<void> {
    const columns = [
      ...['entity', ...this.#flagsOf(entity)].map((name) => `loose.${name}`),
      ...coded.map(({ name }) => `batch.${name}`),
    ]
    await this.#session.run(`create temp table loose_batch as select ${columns.join(', ')}
from ${looseOf(entity)} as loose
join batch on batch.${group.column} is not distinct from loose.${group.column}`)
    const distincts = this.#plan.distincts.filter((distinct) => distinct.entity === entity)
    await countEntities(this.#session, { table: 'loose_batch', into: 'counts', distincts }, coded)
    await this.#drop('loose_batch')
  }

  /** Adds up to one row for each group of each dimension of the pack. */
  async #addPack(pack: readonly CodedDimension[]): Promise<void> {
    const names = pack.map(({ name }) => name)
    const isShared = pack.length > 1
    if (isShared) {
      await this.#session.run(
        `create temp table pack as select ${[...names, ...this.#merged()].join(', ')} from batch group by ${names.join(', ')}`,
      )
    }
    const choose = (chosen: (dimension: CodedDimension) => string): string =>
      pack.length === 1
        ? chosen(pack[0]!)
        : `case ${pack.map((dimension) => `when grouping(${dimension.name}) = 0 then ${chosen(dimension)}`).join(' ')} end`
    const columns = [
      `${choose(({ dimension }) => `'${quoted(dimension)}'`)} as dimension`,
      pack.length === 1
        ? keyOf(names[0]!, pack[0]!.size)
        : `cast(null as varchar) as value, ${choose(({ name }) => `cast(${name} as integer)`)} as code`,
      ...this.#merged(),
    ]
    await this.#session.run(`insert into groups by name select ${columns.join(', ')}
from ${isShared ? 'pack' : 'batch'}
group by grouping sets (${names.map((name) => `(${name})`).join(', ')})`)
    if (isShared) await this.#drop('pack')
  }

  #groupColumns(): readonly string[] {
    return ['dimension', 'value', ...this.#states, ...this.#plan.distincts.map(({ name }) => name)]
  }

  /** What adds up, and what was counted again. */
  #insertGroups(): Promise<void> {
    const { distincts } = this.#plan
    const counted = distincts.map(({ name }) => `sum(${name}) as ${name}`)
    const columns = [
      'groups.dimension',
      'coalesce(groups.value, dictionary.value) as value',
      ...this.#states.map((name) => `groups.${name}`),
      ...distincts.map(({ name }) => `groups.${name} + coalesce(counted.${name}, 0) as ${name}`),
    ]
    return this.#session
      .run(`insert into ${made} by name select date '${this.#day}' as day, ${columns.join(', ')}
from groups
left join (select ${['dimension', 'code', 'value', ...counted].join(', ')} from counts group by dimension, code, value) as counted
  on counted.dimension = groups.dimension and counted.code is not distinct from groups.code
    and counted.value is not distinct from groups.value
left join dictionary on dictionary.dimension = groups.dimension and dictionary.code = groups.code`)
  }

  async #drop(...tables: readonly string[]): Promise<void> {
    for (const table of tables) await this.#session.run(`drop table if exists ${table}`)
  }
}

function looseOf(entity: string): string {
  return `loose_${entity}`
}

function settledOf(entity: string): string {
  return `settled_${entity}`
}

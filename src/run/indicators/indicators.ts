/**
 * Makes every indicator of one activity, period by period. The engine brings rows to one for each key or version from which dimensions follow, and codes the
 * attributes to small numbers; what is left is adding up arrays, for many dimensions at once, which is done here (`accumulate.ts`). Memory is bounded: dimensions are
 * taken in batches, and those of too many values are grouped by the engine, which spills.
 */
import { assert } from '../../base/errors.ts'
import type { NumberColumn, Session } from '../../engine/engine.ts'
import { sqlType } from '../../model/column-type.ts'
import { made, nextPeriod } from '../../plan/plan.ts'
import type {
  IndicatorGroup,
  IndicatorPart,
  IndicatorPlan,
  IndicatorReference,
  Period,
  Task,
} from '../../plan/plan.ts'
import { mergeRows } from './accumulate.ts'
import type { StateRows } from './accumulate.ts'
import { openCoder } from './coders.ts'
import type { CodedBatch, CodedDimension } from './codes.ts'
import { entityRows, flagsOf, readEntities, settle } from './entities.ts'
import type { Counted, EntitySource } from './entities.ts'
import type { CodesFolder } from './kept-codes.ts'
import { packDimensions } from './packs.ts'
import { layOut, readStateRows } from './states.ts'
import type { Layout } from './states.ts'
import { Threads } from './threads.ts'

const doubleBytes = 8
const valuesMaxDefault = 1_000_000

export interface IndicatorsWork {
  readonly task: Task
  /** The stored merged table as it is bound. */
  readonly rows: string
  readonly codes: CodesFolder
  /** Dimensions of more values are left to the engine. */
  readonly valuesMax?: number
}

export async function makeIndicators(session: Session, work: IndicatorsWork): Promise<void> {
  const { task, rows, codes, valuesMax = valuesMaxDefault } = work
  const plan = task.rows.indicators
  const period = task.inputs[0]?.period
  assert(plan !== undefined && period !== undefined, `${task.id} has a plan and a period`)
  const columns = task.columns.map(({ name, type }) => `${name} ${sqlType(type)}`)
  await session.run(`create temp table ${made} (${columns.join(', ')})`)
  const found = await session.query(
    `select distinct cast(date_trunc('${period}', day) as date) as day from ${rows} where day is not null order by 1`,
  )
  const threads = new Threads()
  try {
    for (const [day] of found.rows) {
      assert(typeof day === 'string', 'a day is a text')
      // oxlint-disable-next-line no-await-in-loop -- each takes the memory that there is
      await new PeriodMaker(session, { plan, period, day, codes, valuesMax, threads }).make()
    }
  } finally {
    await threads.close()
  }
}

interface Making {
  readonly plan: IndicatorPlan
  readonly period: Period
  readonly day: string
  readonly codes: CodesFolder
  readonly valuesMax: number
  readonly threads: Threads
}

/** The period's rows of a reference, by key and versions. */
interface ReferenceRows {
  readonly reference: IndicatorReference
  readonly layout: Layout
  readonly rows: StateRows
  readonly entities: readonly Counted[]
}

/** What the dimensions of a group are added up from. */
interface Measured {
  readonly reference: IndicatorReference
  readonly layout: Layout
  readonly rows: StateRows
  readonly loose: readonly Counted[]
}

/** Dimensions whose sums are on their way. */
interface AddedBatch {
  readonly dictionary: string
  readonly coded: readonly CodedDimension[]
  readonly others: IndicatorPart['dimensions']
  readonly columns: Promise<readonly (readonly NumberColumn[])[]>
}

class PeriodMaker {
  readonly #session: Session
  readonly #plan: IndicatorPlan
  readonly #day: string
  readonly #codes: CodesFolder
  readonly #valuesMax: number
  readonly #threads: Threads
  readonly #where: string

  constructor(session: Session, { plan, period, day, codes, valuesMax, threads }: Making) {
    this.#session = session
    this.#plan = plan
    this.#day = day
    this.#codes = codes
    this.#valuesMax = valuesMax
    this.#threads = threads
    this.#where = `day >= date '${day}' and day < date '${nextPeriod(period, day)}'`
  }

  async make(): Promise<void> {
    for (const other of this.#plan.others)
      await this.#insert(other.dimension, other.sql.replace('$where', this.#where))
    for (const reference of this.#plan.references) {
      const rows = await this.#readRows(reference)
      for (const group of reference.groups) await this.#makeGroup(rows, group)
      await this.#drop('measured')
    }
  }

  /** `select` gives `value`, the states and the distinct counts by name. */
  #insert(dimension: string, select: string): Promise<void> {
    return this.#session.run(
      `insert into ${made} by name select date '${this.#day}' as day, '${quoted(dimension)}' as dimension, * from (${select}) as each_group`,
    )
  }

  /** Makes `measured`: the rows with a number each. */
  async #readRows(reference: IndicatorReference): Promise<ReferenceRows> {
    const session = this.#session
    const { states, distincts } = this.#plan
    const columns = columnsOf(reference)
    const missing = distincts.filter(({ entity }) => reference.entities[entity] === undefined)
    assert(missing.length === 0, 'every entity has states')
    await session.run(`create or replace temp table measured as
select ${[...columns, ...states.map(({ name }) => name)].join(', ')}, row_number() over () - 1 as place
from ${reference.table} where ${this.#where}`)
    const found = await session.query('select count(*) from measured')
    const rows = Number(found.rows[0]![0])
    const counts = distincts.map(({ name }) => name)
    const layout = await layOut(session, 'measured', { states, counts })
    const entities: Counted[] = []
    for (const source of this.#entitiesOf(reference))
      entities.push(...(await readEntities(session, source)))
    return {
      reference,
      layout,
      rows: await readStateRows(session, 'measured', { layout, rows }),
      entities,
    }
  }

  #entitiesOf(reference: IndicatorReference): readonly EntitySource[] {
    return Object.entries(reference.entities).map(([entity, table]) => ({
      entity,
      table,
      where: this.#where,
      columns: columnsOf(reference),
      distincts: this.#plan.distincts.filter((distinct) => distinct.entity === entity),
    }))
  }

  async #makeGroup(from: ReferenceRows, group: IndicatorGroup): Promise<void> {
    const measured = await this.#mergeRows(from, group)
    for (const part of group.parts) await this.#makePart(measured, group, part)
    await this.#drop('keys')
  }

  async #makePart(measured: Measured, group: IndicatorGroup, part: IndicatorPart): Promise<void> {
    const { rows } = measured.rows
    const [codes, valuesMax] = [this.#codes, this.#valuesMax]
    const coder = await openCoder(this.#session, { group, part, rows, valuesMax, codes })
    // The engine codes a batch while threads add up the one before.
    let before: AddedBatch | undefined
    const insertBefore = async (): Promise<void> => {
      if (before === undefined) return
      await this.#insertBatch(before, measured)
      for (const other of before.others)
        await this.#groupByEngine({ part, other }, group, measured.reference)
    }
    for (let at = 0; at < part.dimensions.length; at += coder.batchMax) {
      const dictionary = `dictionary_${at}`
      const batch = part.dimensions.slice(at, at + coder.batchMax)
      const added = this.#addUp(await coder.code(batch, dictionary), { measured, dictionary })
      await insertBefore()
      before = added
    }
    await insertBefore()
    await coder.close()
  }

  /** Makes `keys`: the different keys or versions with a number each, which is their row. */
  async #mergeRows(
    { reference, layout, rows, entities }: ReferenceRows,
    { column }: IndicatorGroup,
  ): Promise<Measured> {
    const session = this.#session
    await session.run(
      `create or replace temp table keys as select ${column}, row_number() over () - 1 as place from (select distinct ${column} from measured) as each_key`,
    )
    const found = await session.query('select count(*) from keys')
    const places = new Uint32Array(rows.rows)
    await session.readNumbers(
      `select cast(measured.place as uinteger), cast(keys.place as uinteger) from measured join keys on keys.${column} is not distinct from measured.${column}`,
      ([from, to], count) => {
        for (let row = 0; row < count; row++) places[from![row]!] = to![row]!
      },
    )
    const merged = mergeRows(rows, places, Number(found.rows[0]![0]))
    const into = { rows: merged, counted: layout.counted }
    const loose = entities.map((counted) => settle(counted, places, into))
    return { reference, layout, rows: merged, loose: loose.filter((each) => each.rows.rows > 0) }
  }

  /** Begins to add up by what was coded. */
  #addUp(
    { coded, others }: CodedBatch,
    of: { readonly measured: Measured; readonly dictionary: string },
  ): AddedBatch {
    const { rows, loose, layout } = of.measured
    const packs = packDimensions(coded, rows.slots * doubleBytes)
    const columns = this.#threads.addUp({ rows, loose, counted: layout.counted, packs })
    // It is waited for later, and a failure between must not end the process.
    columns.catch(() => undefined)
    return { dictionary: of.dictionary, coded, others, columns }
  }

  async #insertBatch(batch: AddedBatch, { rows, layout }: Measured): Promise<void> {
    await this.#session.run(
      `create or replace temp table groups (${this.#groupColumns(layout, rows.words).join(', ')})`,
    )
    for (const part of await batch.columns) await this.#session.appendNumbers('groups', part)
    await this.#insertGroups(layout, batch)
    await this.#drop('groups', batch.dictionary)
  }

  #groupColumns(layout: Layout, words: number): readonly string[] {
    return [
      'dimension usmallint',
      'code uinteger',
      ...layout.slots.map((_, slot) => `slot_${slot} double`),
      ...Array.from({ length: words }, (_, word) => `known_${word} uinteger`),
    ]
  }

  async #insertGroups(
    layout: Layout,
    { coded, dictionary }: Pick<AddedBatch, 'coded' | 'dictionary'>,
  ): Promise<void> {
    if (coded.length === 0) return
    const names = coded.map(
      ({ number, dimension, low }) =>
        `(${number}, '${quoted(dimension)}', cast(${low ?? 'null'} as bigint))`,
    )
    const value =
      'case when names.low is null then dictionary.value when groups.code > 0 then cast(names.low + groups.code - 1 as varchar) end as value'
    const finished = [...layout.finished].map(([name, sql]) => `${sql} as ${name}`)
    await this.#session.run(`insert into ${made} by name
select ${[`date '${this.#day}' as day`, 'names.dimension', value, ...finished].join(', ')}
from groups
join (values ${names.join(', ')}) as names(number, dimension, low) on names.number = groups.dimension
left join ${dictionary} as dictionary on dictionary.dimension = groups.dimension and dictionary.code = groups.code
${layout.joins.join('\n')}`)
  }

  /** A dimension of too many values for arrays. */
  async #groupByEngine(
    read: { readonly part: IndicatorPart; readonly other: IndicatorPart['dimensions'][number] },
    { alias, column }: IndicatorGroup,
    reference: IndicatorReference,
  ): Promise<void> {
    const { dimension, sql } = read.other
    await this.#session.run(
      `create or replace temp table valued as select ${alias}.${column}, cast(${sql} as varchar) as value\nfrom keys as ${alias}\n${read.part.joins}`,
    )
    const { states, distincts } = this.#plan
    const valuesOf = (rows: string): string =>
      `${rows} join valued on valued.${column} is not distinct from each_row.${column}`
    const merged = states.map((state) => `${state.merged} as ${state.name}`)
    const arms = [
      `select ${['value', ...merged].join(', ')} from ${valuesOf('measured as each_row')} group by value`,
    ]
    for (const source of this.#entitiesOf(reference)) {
      const anyFlag = flagsOf(source.distincts).map((flag) => `, bool_or(${flag}) as ${flag}`)
      const counts = source.distincts.map(
        ({ name, flag }) => `count(*)${flag === undefined ? '' : ` filter (${flag})`} as ${name}`,
      )
      arms.push(`select ${['value', ...counts].join(', ')}
from (
  select each_row.${source.entity} as entity, valued.value${anyFlag.join('')}
  from ${valuesOf(`(select * from ${entityRows(source)}) as each_row`)}
  group by each_row.${source.entity}, valued.value
) as each_entity
group by value`)
    }
    const all = [
      ...merged,
      ...distincts.map(({ name }) => `cast(coalesce(sum(${name}), 0) as bigint) as ${name}`),
    ]
    await this.#insert(
      dimension,
      `select ${['value', ...all].join(', ')} from (${arms.join('\nunion all by name\n')}) as each_arm group by value`,
    )
    await this.#drop('valued')
  }

  async #drop(...tables: readonly string[]): Promise<void> {
    for (const table of tables) await this.#session.run(`drop table if exists ${table}`)
  }
}

/** The key and the versions from which dimensions follow. */
function columnsOf(reference: IndicatorReference): readonly string[] {
  return reference.groups.map(({ column }) => column)
}

function quoted(text: string): string {
  return text.replaceAll("'", "''")
}

/** Activities over collected events as declarations, and a landing that tests drive: its commits are of the form of the real one's. */
import {
  activity,
  attributes,
  count,
  event,
  integer,
  key,
  last,
  people,
  refers,
  sql,
  text,
  timestamp,
} from '../../src/index.ts'
import { collectedTables, eventLogColumns } from '../../src/model/collected.ts'
import { buildModel, type LoadedDeclaration } from '../../src/model/build.ts'
import type { Model } from '../../src/model/model.ts'
import { sqlType } from '../../src/model/column-type.ts'
import { storedName } from '../../src/plan/plan.ts'
import type { PartitionChange } from '../../src/state/state.ts'
import type { Workshop } from './run-harness.ts'

export interface Visit {
  readonly source: string
  readonly id: string
  readonly event: 'viewed' | 'clicked' | 'identify' | 'unknown'
  /** Hours from the evening before the first of March in Seoul, so that UTC days and local days differ. */
  readonly hour: number
  readonly receivedHour: number
  readonly visitor: string
  /** As sent: also what is no number. */
  readonly product: string
  readonly bot: boolean
}

export interface Variant {
  /** The type of a property, which only the view of the event tells. */
  readonly product: 'integer' | 'text'
  readonly withBots: boolean
}

export const plainVariant: Variant = { product: 'text', withBots: false }

export function eventsModel(variant: Variant): Model {
  const properties = {
    product: variant.product === 'integer' ? integer('the product') : text('the product'),
  }
  const example = variant.product === 'integer' ? { product: 1 } : { product: '1' }
  const named = (name: string): ReturnType<typeof event<typeof properties>> =>
    event({ owner: 'test', description: name, name, properties, example: example as never })
  const viewed = named('viewed')
  const clicked = named('clicked')
  const person = people({ owner: 'test', description: 'a visitor', reaches_back: '2 hours' })
  const columns = {
    id: key('event', { type: 'text' }),
    occurred_at: timestamp('when'),
    visitor: refers(person, 'who', { orphans: 'allowed' }),
    product: text('what'),
  }
  const common = {
    says: '{visitor} did',
    owner: 'test',
    description: 'an event',
    columns,
    by: 'visitor',
  } as const
  const bots = variant.withBots ? sql`true` : sql`bot is null`
  const look = activity({
    ...common,
    sql: sql`select source || ':' || id as id, occurred_at, actor as visitor, product from ${viewed} where ${bots}`,
  })
  const touch = activity({
    ...common,
    sql: sql`select source || ':' || id as id, occurred_at, actor as visitor, product from ${viewed}
      union all select source || ':' || id, occurred_at, actor, product || '!' from ${clicked}`,
  })
  const arrival = activity({
    ...common,
    sql: sql`select id || '@' || source as id, received_at as occurred_at, actor as visitor, product from ${clicked} order by 1`,
  })
  const numbered = activity({
    ...common,
    sql: sql`select id, occurred_at, actor as visitor, product from ${clicked}`,
  })
  // Who the visitor was then by an object that changes with events too.
  const known = activity({
    ...common,
    sql: sql`select v.source || ':' || v.id as id, v.occurred_at, v.actor as visitor, p.person as product
      from ${viewed} as v left join ${person} as p on p.actor = v.actor and p.valid_from <= v.occurred_at and v.occurred_at < coalesce(p.valid_to, timestamptz '9999-01-01')`,
  })
  const day_of_looks = activity({
    ...common,
    sql: sql`select actor || cast(cast(occurred_at as date) as varchar) as id, min(occurred_at) as occurred_at, actor as visitor, max(product) as product
      from ${viewed} where actor is not null group by actor, cast(occurred_at as date)`,
  })
  const habit = attributes(
    person,
    { looks: count(look), touched: last(touch).product },
    { owner: 'test', description: 'what a visitor does', orphans: 'allowed' },
  )
  const declarations: readonly LoadedDeclaration[] = Object.entries({
    'raw/event/viewed': viewed,
    'raw/event/clicked': clicked,
    'obj/person': person,
    'act/look': look,
    'act/touch': touch,
    'act/arrival': arrival,
    'act/numbered': numbered,
    'act/known': known,
    'act/day_of_looks': day_of_looks,
    'obj_attr/person/habit': habit,
  }).map(([path, value]) => ({ path: `${path}.ts`, exportName: 'default', value }))
  const { model, problems } = buildModel(declarations, { zone: 'Asia/Seoul' })
  if (problems.length > 0) throw new Error(problems.map((problem) => problem.message).join('\n'))
  return model
}

const views: Readonly<Record<string, string>> = {
  viewed: 'raw.event.viewed',
  clicked: 'raw.event.clicked',
}

export async function landVisits(
  workshop: Workshop,
  landing: number,
  visits: readonly Visit[],
): Promise<void> {
  await land(workshop, visits.map((visit) => rowSql(landing, visit)).join('\nunion all '))
}

/** One commit of the landing: the rows of a SELECT of the table's columns. */
export async function land({ context, tasks, lake }: Workshop, sql: string): Promise<void> {
  const task = tasks.find((each) => each.id === collectedTables.events)!
  const table =
    (await lake.table(task.id)) ??
    (await lake.create({
      id: storedName(task.table),
      columns: eventLogColumns.map(({ name, type, description }) => ({
        name,
        type,
        required: false,
        description,
      })),
      partition: task.partition,
    }))
  const session = await context.engine.open({ zone: context.zone })
  try {
    await session.run(`create temp table landed as ${sql}`)
    const files = await session.stage({
      sql: 'select * from landed',
      schema: table.schema,
      partition: table.partition,
      dataFolder: await lake.dataFolder(table),
    })
    const { rows } = await session.query('select distinct event, day from landed')
    const changes = rows.flatMap(([name, day]): PartitionChange[] => {
      const partition = `day=${String(day)}`
      const tableId = views[String(name)]
      return [{ partition }, ...(tableId === undefined ? [] : [{ tableId, partition }])]
    })
    await lake.commit(table, { kind: 'append', files }, { publication: { changes } })
  } finally {
    await session.close()
  }
}

function rowSql(landing: number, visit: Visit): string {
  const text = (value: string | null): string => (value === null ? 'null' : `'${value}'`)
  const instant = (hour: number): string =>
    `timestamptz '2011-02-28 12:00:00+00' + interval '${hour}' hour`
  const isKnown = visit.event === 'identify'
  const values: Readonly<Record<string, string>> = {
    landing: String(landing),
    source: text(visit.source),
    id: text(visit.id),
    event: text(visit.event),
    kind: text(isKnown ? 'identify' : 'track'),
    occurred_at: instant(visit.hour),
    received_at: instant(visit.receivedHour),
    anonymous_id: text(visit.visitor),
    member_id: text(isKnown ? `m${visit.product.length}` : null),
    actor: text(isKnown ? `member:m${visit.product.length}` : `anonymous:${visit.visitor}`),
    partition: '0',
    bot: text(visit.bot ? 'says so' : null),
    properties: `'{"product": "${visit.product}"}'`,
    context: `'{}'`,
    day: `cast(${instant(visit.hour)} as date)`,
  }
  return `select ${eventColumns(values)}`
}

/** The columns of the table of events with these expressions, null where there is none. */
export function eventColumns(expressions: Readonly<Record<string, string>>): string {
  return eventLogColumns
    .map(({ name, type }) => `cast(${expressions[name] ?? 'null'} as ${sqlType(type)}) as ${name}`)
    .join(', ')
}

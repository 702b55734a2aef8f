/**
 * The builder `people`: who an id of an event is. An object with history, keyed by the actor as events carry it (`member:ID`, `anonymous:ID`), whose
 * transform resolves identify and alias edges. Its meaning is in docs/guide/who.md; the text is for the engine alone and no author's, hence not portable SQL.
 */
import { callPlace } from './call-place.ts'
import { collectedTables } from './collected.ts'
import { boolean, column, key, type Column } from './columns.ts'
import { define, describeValue, type OptionFault } from './definition.ts'
import { touchesOfPeople } from './people-touches.ts'
import { readOptions, type Options } from './options.ts'
import { finishTable, type Table } from './tables.ts'

export interface PeopleSpec {
  readonly owner: string
  readonly description: string
  /** How long before an identification its device's events already count as the member's. `30 days` when absent. */
  readonly reaches_back?: `${number} ${'hour' | 'day' | 'week'}${'' | 's'}`
}

const peopleOptions: Options<PeopleSpec> = {
  owner: 'any',
  description: 'any',
  reaches_back: 'text',
}

export interface PeopleColumns {
  readonly actor: Column<'key'>
  readonly person: Column<'text'>
  readonly person_then: Column<'text'>
  readonly shared: Column<'boolean'>
  readonly [name: string]: Column
}

/** Every id that was identified or merged, with the person that it is, from when to when. */
export function people(spec: PeopleSpec): Table<'object', PeopleColumns> {
  const place = callPlace(people)
  const { reaches_back, ...given } = readOptions('people declaration', spec, peopleOptions)
  const hours = reachHours(reaches_back)
  const sql = define(
    {},
    {
      kind: 'sql',
      parts: [
        { kind: 'text', text: edges.before },
        { kind: 'table', id: collectedTables.events },
        { kind: 'text', text: edges.after + merging + resolution(hours) },
      ],
      chunks: [],
      place,
    },
  )
  const columns = {
    actor: key('the id as events carry it: member:ID, or anonymous:ID', { type: 'text' }),
    person: ownName('who that is, once known; reaches back before an identification'),
    person_then: ownName('who that was, as far as was known at that instant'),
    shared: boolean('a device on which several people were identified by then'),
  }
  return finishTable({
    ...given,
    ...(Number.isNaN(hours)
      ? { optionFaults: [...(given.optionFaults ?? []), reachFault(reaches_back)] }
      : {}),
    kind: 'object',
    history: true,
    columns,
    sql,
    touches: touchesOfPeople,
    place,
  })
}

/** An id that no edge names is a person of its own. */
function ownName(description: string): Column<'text'> {
  return column({ type: { kind: 'text' }, description, absent: 'key' })
}

const hoursOf: Readonly<Record<string, number>> = { hour: 1, day: 24, week: 168 }

/** Elapsed time, not calendar time: the same on every day of the year. NaN for a text that is none. */
function reachHours(reach: string = '30 days'): number {
  const [, count, unit] = /^(\d+) (hour|day|week)s?$/.exec(reach) ?? []
  return Number(count) * (hoursOf[unit ?? ''] ?? Number.NaN)
}

function reachFault(reach: unknown): OptionFault {
  return {
    name: 'reaches_back',
    fault: `has the option "reaches_back" with ${describeValue(reach)}`,
    hint: "write a whole number of hours, days or weeks: '30 days'",
  }
}

const edges = {
  before: `with recursive edge as (
  select source, id, occurred_at, kind, anonymous_id, previous_id, 'member:' || member_id as member
  from `,
  after: `
  where kind in ('identify', 'alias') and member_id is not null
),
`,
}

/** Merged members take the name that the last alias of their group gave: `named` says which, from when on. */
const merging = `merge as (
  select 'member:' || previous_id as previous, member, occurred_at, id, source
  from edge
  where kind = 'alias' and 'member:' || previous_id in (select member from edge) and 'member:' || previous_id <> member
),
identification as (
  select 'anonymous:' || case when kind = 'identify' then anonymous_id else previous_id end as device, member, occurred_at, id, source
  from edge
  where (kind = 'identify' and anonymous_id is not null)
    or (kind = 'alias' and previous_id is not null and 'member:' || previous_id not in (select member from edge))
),
step as (
  select previous as one, member as other, min(occurred_at) as since from merge group by all
  union all
  select member, previous, min(occurred_at) from merge group by all
),
reached as (
  select one, other, since from step
  union
  select reached.one, step.other, greatest(reached.since, step.since)
  from reached join step on step.one = reached.other
  where step.other <> reached.one
),
together as (
  select one, other, min(since) as since from reached group by all
  union all
  select distinct one, one, cast(null as timestamptz) from step
),
naming as (
  select together.one as member, merge.member as name, merge.occurred_at, merge.id, merge.source,
    greatest(merge.occurred_at, together.since) as known_at
  from together join merge on merge.member = together.other
),
named as (
  select distinct member, known_at,
    arg_max(name, row(occurred_at, id, source)) over (partition by member order by known_at range between unbounded preceding and current row) as name
  from naming
),
final_name as (
  select member, arg_max(name, known_at) as name from named group by member
),
`

/** A device is whoever was identified on it last. */
function resolution(hours: number): string {
  const reach = `interval '${hours} hours'`
  return `used as (
  select identification.device, identification.occurred_at,
    arg_max(identification.member, row(identification.id, identification.source)) as member
  from identification group by all
),
first_use as (
  select device, min(occurred_at) as occurred_at, arg_min(member, occurred_at) as member from used group by device
),
user as (
  select identification.device, identification.occurred_at, coalesce(final_name.name, identification.member) as person
  from identification left join final_name on final_name.member = identification.member
),
sharing as (
  select device, min(occurred_at) as occurred_at
  from (
    select device, person, min(occurred_at) as occurred_at,
      row_number() over (partition by device order by min(occurred_at), person) as place
    from user group by device, person
  ) as people_of_device
  where place > 1
  group by device
),
change as (
  select device as actor, occurred_at as at from used
  union
  select device, occurred_at - ${reach} from first_use
  union
  select used.device, unnest([named.known_at, named.known_at - ${reach}]) from used join named on named.member = used.member
  union
  select member, unnest([known_at, known_at - ${reach}]) from named
),
device_member as (
  select change.actor, change.at,
    case when starts_with(change.actor, 'member:') then change.actor else used.member end as member_then,
    case
      when starts_with(change.actor, 'member:') then change.actor
      when used.member is not null then used.member
      when first_use.occurred_at <= change.at + ${reach} then first_use.member
    end as member
  from change
  asof left join used on used.device = change.actor and change.at >= used.occurred_at
  left join first_use on first_use.device = change.actor
)
select device_member.actor, device_member.at as valid_from,
  coalesce(later.name, device_member.member, device_member.actor) as person,
  coalesce(earlier.name, device_member.member_then, device_member.actor) as person_then,
  coalesce(sharing.occurred_at <= device_member.at, false) as shared
from device_member
asof left join named as earlier on earlier.member = device_member.member_then and device_member.at >= earlier.known_at
asof left join named as later on later.member = device_member.member and device_member.at + ${reach} >= later.known_at
left join sharing on sharing.device = device_member.actor`
}

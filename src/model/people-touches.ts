/**
 * What new edges touch of the table that `people` makes: the ids whose versions may come out otherwise, and the edges by which these can be made. A device follows from
 * its own uses and from the names of the members who used it, a name from the aliases of its group; so the way from an edge goes through groups of merged members,
 * and not through devices, which strangers share.
 */
import { collectedTables, newEvents, touchedKeys } from './collected.ts'
import type { TouchesModel } from './model.ts'

const edgeOf = (table: string): string => `
  select kind, anonymous_id, 'anonymous:' || case when kind = 'identify' then anonymous_id else previous_id end as device,
    case when kind = 'alias' then 'member:' || previous_id end as previous, 'member:' || member_id as member
  from ${table}
  where kind in ('identify', 'alias') and member_id is not null`

/** Aliases between members, in both directions. */
const graph = `with recursive edge as (${edgeOf(collectedTables.events)}
),
merge as (
  select previous, member from edge where previous <> member and previous in (select member from edge)
),
step as (
  select previous as one, member as other from merge
  union
  select member, previous from merge
),`

const keys = `${graph}
new_edge as (${edgeOf(newEvents)}
),
touched_edge as (
  select device, previous, member from new_edge
  union
  -- An id that is a member only since now was a device in the aliases before.
  select device, previous, member from edge where previous in (select member from new_edge)
),
touched_member as (
  select unnest([previous, member]) as member from touched_edge where previous in (select member from edge)
  union
  select step.other from touched_member join step on step.one = touched_member.member
)
select member as actor from touched_member
union
select device from touched_edge where device is not null
union
select device from edge where device is not null and member in (select member from touched_member)`

/** Of an alias also what says that its previous id is a member. */
const events = `${graph}
needed_member as (
  select actor as member from ${touchedKeys} where starts_with(actor, 'member:')
  union
  select member from edge where device in (select actor from ${touchedKeys})
  union
  select step.other from needed_member join step on step.one = needed_member.member
),
needed_previous as (
  select previous from edge
  where previous is not null and (device in (select actor from ${touchedKeys}) or member in (select member from needed_member))
)
select *
from ${collectedTables.events}
where kind in ('identify', 'alias') and member_id is not null and (
  'anonymous:' || case when kind = 'identify' then anonymous_id else previous_id end in (select actor from ${touchedKeys})
  or (kind = 'alias' and 'member:' || member_id in (select member from needed_member))
  or 'member:' || member_id in (select previous from needed_previous)
)`

export const touchesOfPeople: TouchesModel = { keys, events }

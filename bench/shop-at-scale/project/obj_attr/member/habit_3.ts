import { attributes, sql } from 'maru'
import { family } from '../../families.ts'
import member from '../../obj/member.ts'
import member_change from '../../raw/member_change.ts'

const habit = family('habit_3', 50, { first: 3_300, of: '(member_id * 3 + step)' })

export default attributes(
  member,
  {
    history: true,
    columns: habit.columns,
    sql: sql`
    select member_id as id, changed_at as valid_from,
      ${sql.raw(habit.select)}
    from ${member_change}
    where group_number = 3`,
  },
  { owner: 'crm', description: 'what the member does, part 3' },
)

import { attributes, sql, text } from 'maru'
import member from '../../obj/member.ts'
import shop from '../../raw/shop.ts'

export default attributes(
  member,
  {
    history: true,
    columns: { grade: text('loyalty grade: welcome, silver or gold') },
    sql: sql`select member_id as id, grade, since as valid_from from ${shop.member_grade}`,
  },
  { owner: 'crm', description: 'loyalty grade' },
)

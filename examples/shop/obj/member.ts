import { integer, key, object, sql, text, timestamp } from 'maru'
import shop from '../raw/shop.ts'

/** The e-mail address stays in the raw table: nobody counts by it. */
export default object({
  owner: 'crm',
  description: 'a person with an account',
  columns: {
    id: key('member number'),
    gender: text('female or male, when the member said so'),
    birth_year: integer('year of birth, when the member said so'),
    generation: text('decade of birth'),
    region: text('province or city of the default address'),
    joined_at: timestamp('when the account was made'),
  },
  sql: sql`
    select id, gender, birth_year, cast(birth_year - birth_year % 10 as varchar) || 's' as generation, region, joined_at
    from ${shop.member}`,
})

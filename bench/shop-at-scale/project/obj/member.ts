import { key, object, sql, text, timestamp } from 'maru'
import { family } from '../families.ts'
import account from '../raw/member.ts'

const trait = family('trait', 600, { first: 0, of: 'id' })

export default object({
  owner: 'crm',
  description: 'a person with an account',
  columns: {
    id: key('member number'),
    joined_at: timestamp('when the account was made'),
    region: text('province or city'),
    ...trait.columns,
  },
  sql: sql`
    select id, joined_at, region,
      ${sql.raw(trait.select)}
    from ${account}`,
})

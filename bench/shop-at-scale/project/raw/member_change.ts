import { files, integer, timestamp } from 'maru'

export default files({
  owner: 'crm',
  description: 'when a group of attributes of a member changed',
  path: 'data/member_change/*.parquet',
  format: 'parquet',
  columns: {
    group_number: integer('which attributes'),
    member_id: integer('whose'),
    step: integer('how often they changed before'),
    changed_at: timestamp('when'),
  },
})

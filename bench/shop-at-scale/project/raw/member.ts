import { files, integer, text, timestamp } from 'maru'

export default files({
  owner: 'crm',
  description: 'accounts',
  path: 'data/member/*.parquet',
  format: 'parquet',
  columns: {
    id: integer('member number'),
    joined_at: timestamp('when the account was made'),
    region: text('province or city'),
  },
})

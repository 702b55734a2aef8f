import { attributes, count, first, last, sum } from 'maru'
import purchase from '../../act/purchase.ts'
import member from '../../obj/member.ts'

export default attributes(
  member,
  {
    first_purchase_at: first(purchase).occurred_at,
    first_channel: first(purchase).channel,
    last_purchase_at: last(purchase).occurred_at,
    purchases_1y: count(purchase).within('1 year'),
    spent_1y: sum(purchase.amount).within('1 year'),
  },
  {
    owner: 'crm',
    description: 'what the member buys',
    describe: {
      purchases_1y: 'order lines in the year before',
      spent_1y: 'spent in the year before',
    },
  },
)

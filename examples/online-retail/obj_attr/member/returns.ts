import { attributes, count, last, sum } from 'maru'
import cancellation from '../../act/cancellation.ts'
import member from '../../obj/member.ts'

export default attributes(
  member,
  {
    cancellations_so_far: count(cancellation),
    last_cancellation_at: last(cancellation).occurred_at,
    paid_back_so_far: sum(cancellation.amount),
  },
  { owner: 'crm', description: 'what the member gave back' },
)

import { people } from 'maru'

export default people({
  owner: 'growth',
  description: 'who the id of an event is',
  reaches_back: '30 days',
})
